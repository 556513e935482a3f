r"""A multi-layer perceptron for rows of a table.

    h = relu(BN(W ... relu(BN(W1 x))))          layers of equal width

SCARF, Bahri et al. 2021, arXiv:2106.15147, section 4, takes four layers of 256 units without batch normalisation;
two layers cost less and did no worse on small tables.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class Perceptron(nn.Module):
    """Rows (b, d) to representations (b, outputs)."""

    def __init__(self, columns: int, width: int, layers: int) -> None:
        super().__init__()
        stack: list[nn.Module] = []
        for inputs in [columns] + [width] * (layers - 1):
            stack += [nn.Linear(inputs, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*stack)
        self.outputs = width

    def forward(self, rows: Float[Tensor, "b d"]) -> Float[Tensor, "b h"]:
        encoded: Tensor = self.layers(rows)
        return encoded


def mlp(columns: int, *, width: int = 256, layers: int = 2) -> Perceptron:
    """A perceptron for rows of this many columns; h has width ``width``.

    >>> import torch
    >>> mlp(5, width=16)(torch.randn(3, 5)).shape
    torch.Size([3, 16])
    """
    return Perceptron(columns, width, layers)
