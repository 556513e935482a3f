"""The records of a run as curves for TensorBoard, beside ``metrics.jsonl``; needs the extra ``tensorboard``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from counterpoint.errors import MissingPackage
from counterpoint.interfaces import Listener


def tensorboard() -> Callable[[Path], Listener]:
    """From a run folder to a listener that writes every number of a record to ``folder/tensorboard``."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingPackage("tensorboard", "tensorboard") from None

    def start(folder: Path) -> Listener:
        writer = SummaryWriter(str(folder / "tensorboard"))

        def listen(record: Mapping[str, Any]) -> None:
            for name, value in record.items():
                if isinstance(value, int | float) and name not in ("step", "steps"):
                    writer.add_scalar(name, value, record["step"])
            writer.flush()

        return listen

    return start
