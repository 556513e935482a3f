"""An objective and views from outside, by name: nothing of the package is changed.

Run it with ``python examples/own_objective.py``, or use its parts from a shell:

    PYTHONPATH=examples counterpoint fit sample:fashion --out runs/own --objective own_objective:logistic
"""

import numpy as np
import torch
from torch.nn import functional

import counterpoint as cp
from counterpoint.comparison import Tile


def logistic(tile: Tile, *, temperature: float = 0.1) -> torch.Tensor:
    """One loss per anchor: every pair is a question of its own, alike or not.

    loss_i = mean_p log(1 + e^{(1/2 - s_ip)/t}) + mean_k log(1 + e^{(s_ik - 1/2)/t})
    """
    excess = (tile.similarity - 0.5) / temperature
    pull = _mean(functional.softplus(-excess), tile.positive)
    push = _mean(functional.softplus(excess), tile.negative)
    return pull + push


def _mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    return values.masked_fill(~chosen, 0.0).sum(dim=1) / chosen.sum(dim=1).clamp(min=1)


def wiped(picture):
    """A view of one Pillow image: half of it is black, and the rest may be mirrored."""
    pixels = np.array(picture)
    half = pixels.shape[1] // 2
    if torch.rand(()) < 0.5:
        pixels = pixels[:, ::-1].copy()
    start = int(torch.randint(pixels.shape[1] - half, ()))
    pixels[:, start : start + half] = 0
    return torch.from_numpy(pixels)[None] if pixels.ndim == 2 else torch.from_numpy(pixels).permute(2, 0, 1)


def main() -> None:
    """Train on some pictures and find what is like the first."""
    random = np.random.default_rng(0)
    place = np.arange(16)
    slope = np.arange(96) % 4
    waves = np.sin(slope[:, None, None] * place[:, None] / 2 + place / 2 + random.uniform(0, 6, (96, 1, 1)))
    pictures = (127.5 + 127.5 * waves).astype(np.uint8)

    model = cp.fit(
        pictures, objective="own_objective:logistic", views="own_objective:wiped", epochs=10, batch_size=48, width=8
    )
    for hit in cp.search(model.embed(pictures), like=0, k=5):
        print(f"{hit.similarity:.3f}  picture {hit.name}, slope {slope[hit.index]} (wanted {slope[0]})")


if __name__ == "__main__":
    main()
