r"""Label-free geometry of the vectors on the sphere.

    alignment      = E |x - y|^2                     x, y two views of one item;  0 is perfect
    uniformity     = log E e^{-2 |x - x'|^2}         x, x' two items;  0 is collapse, lower is more even
    effective rank = exp( -sum_k p_k log p_k ),      p_k = sigma_k / sum_j sigma_j + 1e-7

Wang & Isola 2020, arXiv:2005.10242, section 4.1, with their alpha = t = 2, both on unit vectors.  RankMe,
Garrido et al. 2022, arXiv:2210.02885, eq. 1: sigma are the singular values of the vectors, neither centred nor scaled,
so a common mean of all items counts as one direction.
Use when: there are no labels, or to explain a low score: collapse shows as a rank near 1 and a uniformity
near 0.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32
from torch.nn import functional

from counterpoint.errors import InputError

ROWS = 1024
"""Rows of a block."""


def alignment(x: Float32[np.ndarray, "n d"], y: Float32[np.ndarray, "n d"]) -> float:
    """Mean squared distance between two views of each item, after scaling to unit length; 0 to 4.

    >>> alignment(np.eye(2, dtype=np.float32), 3 * np.eye(2, dtype=np.float32))
    0.0
    """
    _check(x, least=1)
    return float((_unit(x) - _unit(y)).square().sum(dim=1).mean(dtype=torch.float64))


def uniformity(x: Float32[np.ndarray, "n d"], *, most: int = 5000) -> float:
    """Logarithm of the mean Gaussian potential between different items, scaled to unit length; -8 to 0.

    Of more than ``most`` items, that many evenly spaced ones are used.

    >>> round(uniformity(np.eye(3, dtype=np.float32)), 4)
    -4.0
    """
    _check(x, least=2)
    unit = _unit(x[np.linspace(0, len(x) - 1, min(most, len(x))).astype(np.int64)])
    total = 0.0
    for start in range(0, len(unit), ROWS):
        # Of unit vectors, -2 |x - x'|^2 = 4 x.x' - 4.
        potential = torch.exp(4 * (unit[start : start + ROWS] @ unit.T) - 4)
        potential.diagonal(start).zero_()
        total += float(potential.sum(dtype=torch.float64))
    return float(np.log(total / (len(unit) * (len(unit) - 1))))


def effective_rank(x: Float32[np.ndarray, "n d"]) -> float:
    """The effective number of directions of the vectors, from 1 to min(n, d).

    >>> round(effective_rank(np.eye(5, dtype=np.float32)), 3)
    5.0
    """
    _check(x, least=1)
    gram = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), ROWS):
        block = x[start : start + ROWS].astype(np.float64)
        gram += block.T @ block
    # The squares are exact enough in float64: the loss is below the 1e-7 of the formula.
    sigma = np.sqrt(np.linalg.eigvalsh(gram).clip(min=0))[-min(x.shape) :]
    if sigma.sum() == 0:
        raise InputError("All vectors are zero, so they have no rank. Embed the items again, or train a new model.")
    p = sigma / sigma.sum() + 1e-7
    return float(np.exp(-np.sum(p * np.log(p))))


def _unit(x: Float32[np.ndarray, "n d"]) -> torch.Tensor:
    return functional.normalize(torch.from_numpy(np.require(x, np.float32, ["C", "W"])), dim=1)


def _check(x: Float32[np.ndarray, "n d"], *, least: int) -> None:
    if len(x) < least:
        raise InputError(f"The geometry of vectors shows from {least} of them on. Got {len(x)}.")
    if not np.isfinite(x).all():
        raise InputError("Some vectors hold NaN or infinity; the training of the encoder that made them diverged.")
