"""The records of a run as curves for Weights & Biases, beside ``metrics.jsonl``; needs the extra ``wandb``.

Nothing leaves this machine unless the environment says so with ``WANDB_MODE=online``; ``wandb sync`` sends a run later.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoint.errors import MissingPackage
from counterpoint.interfaces import Listener, Tracker
from counterpoint.training.metrics_log import curves, kept_name

PROJECT = "counterpoint"
"""The default of ``WANDB_PROJECT``."""


def wandb() -> Tracker:
    """Writes every value of a record, and the choices of the run, to ``folder/wandb``."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else it contacts its server even offline
    try:
        import wandb as library
    except ImportError:
        raise MissingPackage("wandb", "wandb") from None

    @contextmanager
    def track(folder: Path, choices: Mapping[str, Any]) -> Iterator[Listener]:
        home = folder / "wandb"
        home.mkdir(exist_ok=True)
        with library.init(
            dir=str(folder),
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=folder.name,
            id=kept_name(home / "run.txt", lambda: uuid.uuid4().hex),
            config=dict(choices),
            resume="allow",
            mode=os.environ.get("WANDB_MODE", "offline"),
            reinit="create_new",
            settings=library.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        ) as run:
            yield lambda record: run.log(curves(record), step=record["step"])

    return track
