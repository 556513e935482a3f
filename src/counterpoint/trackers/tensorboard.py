"""The records of a run as curves for TensorBoard, beside ``metrics.jsonl``; needs the extra ``tensorboard``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoint.errors import MissingPackage
from counterpoint.interfaces import Listener, Tracker
from counterpoint.training.metrics_log import curves


def tensorboard() -> Tracker:
    """Writes every value of a record to ``folder/tensorboard``."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingPackage("tensorboard", "tensorboard") from None

    @contextmanager
    def track(folder: Path, choices: Mapping[str, Any]) -> Iterator[Listener]:
        with SummaryWriter(str(folder / "tensorboard")) as writer:

            def listen(record: Mapping[str, Any]) -> None:
                for name, value in curves(record).items():
                    writer.add_scalar(name, value, record["step"])
                writer.flush()

            yield listen

    return track
