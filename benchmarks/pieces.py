"""A step whose items are encoded in pieces, against the undivided one and against a small one: ``measure``.

SimCLR on random pictures, batch 2048 in pieces of 256, each form in a process of its own.

    python -m benchmarks.pieces [--quick]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import torch

from benchmarks.engine import peak, resident
from counterpoint.encoders.conv2d import conv2d
from counterpoint.heads import mlp_head
from counterpoint.methods.simclr import SimCLR
from counterpoint.modalities.image import Images
from counterpoint.modality import DataOptions
from counterpoint.objectives.info_nce import info_nce
from counterpoint.training.batches import make_batch
from counterpoint.training.config import TrainConfig
from counterpoint.training.devices import keep_freed_memory
from counterpoint.training.loop import train_step
from counterpoint.training.optimizers import adamw

AT_ONCE = 256


def one(batch: int, micro_batch: int | None, turns: int) -> dict[str, float]:
    """Median seconds of a step, and the growth of the process."""
    keep_freed_memory()
    random = np.random.default_rng(0)
    images, items = Images.fit(random.integers(0, 256, (batch, 32, 32, 3), dtype=np.uint8), DataOptions(views="simclr"))
    torch.manual_seed(0)
    method = SimCLR(conv2d(3, 32).to(memory_format=torch.channels_last), mlp_head(512), info_nce).train()
    optimizer = adamw(method)
    recipe = TrainConfig(steps=turns, batch_size=batch, micro_batch=micro_batch)
    before, taken = resident(), []
    for epoch in range(turns):
        start = time.perf_counter()
        info, views = make_batch(items, images, recipe, step=epoch, count=2)
        train_step(method, optimizer, views, info, recipe, step=epoch)
        taken.append(time.perf_counter() - start)
    return {"seconds": float(np.median(taken)), "mebibytes": peak() - before}


def measure(quick: bool) -> list[dict[str, object]]:
    """Rows for the three forms."""
    batch, turns = (1024, 3) if quick else (2048, 7)
    rows = []
    for system, items, micro_batch in (
        ("in pieces", batch, AT_ONCE),
        ("undivided", batch, 0),
        ("small batch", AT_ONCE, 0),
    ):
        asked = [sys.executable, "-m", "benchmarks.pieces", "--one", str(items), str(micro_batch), str(turns)]
        done = subprocess.run(asked, check=True, capture_output=True, text=True)
        rows.append(
            {
                "name": "step in pieces",
                "system": system,
                "items": items,
                "micro_batch": AT_ONCE,
                **json.loads(done.stdout),
            }
        )
    return rows


if __name__ == "__main__":
    if "--one" in sys.argv:
        count, pieces, repeats = map(int, sys.argv[-3:])
        print(json.dumps(one(count, pieces or None, repeats)))
    else:
        for each in measure("--quick" in sys.argv):
            print(each)
