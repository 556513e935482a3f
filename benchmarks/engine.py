"""Time and memory of the contrastive loss, forwards and backwards, against other libraries: ``measure``.

Every figure comes from a process of its own (fp32, d = 128, NT-Xent at temperature 0.1): the best of some turns, and
by how much the process grew beyond the vectors. ``products`` are the four halves of matrix products that a symmetric
table costs at least, in one call each.

    python benchmarks/engine.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

WIDTH, TEMPERATURE = 128, 0.1
LIMITS = {"pytorch-metric-learning": 128}
"""Pairs beyond which a system needs more than the memory or the patience of this benchmark."""


def ours() -> Callable[[Tensor, Tensor], Tensor]:
    """The loss as anyone calls it."""
    import counterpoint as cp

    return lambda first, second: cp.contrastive_loss(first, second, temperature=TEMPERATURE)


def lightly() -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of lightly."""
    from lightly.loss import NTXentLoss

    return NTXentLoss(temperature=TEMPERATURE)


def metric_learning() -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of pytorch-metric-learning."""
    from pytorch_metric_learning.losses import NTXentLoss, SelfSupervisedLoss

    return SelfSupervisedLoss(NTXentLoss(temperature=TEMPERATURE))


def plain() -> Callable[[Tensor, Tensor], Tensor]:
    """The loss as a page of PyTorch."""

    def loss(first: Tensor, second: Tensor) -> Tensor:
        z = functional.normalize(torch.cat([first, second]), dim=1)
        s = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
        partner = torch.arange(len(z), device=z.device).roll(len(first))
        return functional.cross_entropy(s, partner)

    return loss


SYSTEMS = {"counterpoint": ours, "lightly": lightly, "plain PyTorch": plain, "pytorch-metric-learning": metric_learning}


def products(pairs: int) -> None:
    """The products alone: one table, and one table times vectors."""
    z = torch.randn(2 * pairs, WIDTH)
    side = min(2 * pairs, 2048)
    table = torch.empty(side, side)
    out = torch.zeros(side, WIDTH)
    for row in range(0, 2 * pairs, side):
        for column in range(0, 2 * pairs, side):
            torch.mm(z[row : row + side], z[column : column + side].T, out=table)
            torch.mm(table, z[column : column + side], out=out)


def peak() -> float:
    """Most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident() -> float:
    """Memory that this process has now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def one(system: str, pairs: int, turns: int) -> dict[str, float]:
    """The best time of some turns, and the growth of the process."""
    torch.manual_seed(0)
    first, second = torch.randn(2, pairs, WIDTH)
    if system == "products":
        call: Callable[[int], None] = products
    else:
        loss = SYSTEMS[system]()

        def call(count: int) -> None:
            a, b = first[:count].clone().requires_grad_(), second[:count].clone().requires_grad_()
            loss(a, b).backward()

    call(min(pairs, 64))
    before = resident()
    taken = []
    for _ in range(turns):
        start = time.perf_counter()
        call(pairs)
        taken.append(time.perf_counter() - start)
    return {"seconds": min(taken), "mebibytes": peak() - before}


def measure(quick: bool) -> list[dict[str, object]]:
    """A row for every system and number of pairs; the best of two processes each, of one where it shall be quick."""
    sizes = [256, 512, 2048] if quick else [128, 256, 512, 1024, 2048, 4096, 8192]
    plans = [
        (system, pairs) for pairs in sizes for system in [*SYSTEMS, "products"] if pairs <= LIMITS.get(system, pairs)
    ]
    if not quick:
        plans.append(("counterpoint", 65536))
    best: dict[tuple[str, int], dict[str, float]] = {}
    for turn in range(1 if quick else 2):
        for system, pairs in plans:
            if turn and pairs > 8192:
                continue
            turns = 20 if pairs <= 512 else 5 if pairs <= 2048 else 2 if pairs <= 8192 else 1
            asked = [sys.executable, __file__, "--one", system, str(pairs), str(turns)]
            done = subprocess.run(asked, check=True, capture_output=True, text=True)
            result = json.loads(done.stdout)
            before = best.get((system, pairs), result)
            best[system, pairs] = {name: min(result[name], before[name]) for name in result}
    return [{"name": "loss", "system": system, "pairs": pairs, **figures} for (system, pairs), figures in best.items()]


def main() -> None:
    """Print the rows with ratios, or one figure for ``measure``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", nargs=3)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], int(asked.one[1]), int(asked.one[2]))))
        return
    rows = measure(asked.quick)
    own = {row["pairs"]: row["seconds"] for row in rows if row["system"] == "counterpoint"}
    for row in sorted(rows, key=lambda row: (row["pairs"], row["system"])):
        figures = f"{1000 * row['seconds']:9.1f} ms {row['mebibytes']:7.0f} MiB"
        print(f"{row['pairs']:6} {row['system']:24} {figures} {row['seconds'] / own[row['pairs']]:6.2f}x")


if __name__ == "__main__":
    main()
