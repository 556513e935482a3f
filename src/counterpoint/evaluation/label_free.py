r"""Label-free measures of an encoder, from its vectors: criteria for a search without labels.

    RankMe         exp( -sum_k p_k log p_k ),     p_k = sigma_k / sum_j sigma_j,  sigma the singular values of H
    LiDAR          the same of the eigenvalues of  W^{-1/2} B W^{-1/2},
                   B = cov_i( mean_a h_ia ),      W = mean_ia (h_ia - mean_a h_ia)(h_ia - mean_a h_ia)^T + delta I
    alpha-ReQ      alpha in lambda_k ~ k^{-alpha},  lambda the eigenvalues of cov(H), the largest first
    accuracy       how often the nearest of all second views of m items is that of the item itself

h_ia is the representation of view a of item i, H holds those of the items themselves.  RankMe: Garrido et al. 2022,
arXiv:2210.02885, eq. 1.  LiDAR: Thilak et al. 2023, arXiv:2312.04000, section 3.  alpha-ReQ: Agrawal et al. 2022,
arXiv:2202.05808; the fit over the ranks 4 to 100, weighted by 1 / rank, is that of its published code.  Accuracy is the
contrastive task itself (van den Oord et al. 2018, arXiv:1807.03748) without a temperature, on h instead of z.

All use h, which is kept, and not z, whose length and temperature are searched.  RankMe is
``geometry.effective_rank``; alignment and uniformity are there too.
Use when: there are no labels. None of them knows the downstream task; docs/tuning.md reports how far each agreed with a
linear probe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64
from torch.nn import functional

from counterpoint.errors import InputError
from counterpoint.evaluation.geometry import ROWS, alignment, effective_rank, uniformity

DELTA = 1e-4
"""Share of the mean within-item variance that is added to every direction before LiDAR divides by it."""

RANKS = (4, 100)
"""The range of eigenvalues that alpha-ReQ fits, the largest being number 1."""

VANISHED = 1e-9
"""Share of the largest eigenvalue below which others are rounding."""

STEEPEST = 20.0
"""The alpha of vectors whose variance ends before the fitted ranks: of collapse."""


def lidar(views: Float32[np.ndarray, "n q d"]) -> float:
    """The number of directions that separate items in spite of views, from 1 (also for collapse) to min(n - 1, d).

    delta is a share of the mean within-item variance, where the paper has a fixed number: h has no fixed length.

    >>> items = np.random.default_rng(0).normal(size=(500, 1, 4)) * [1, 1, 0, 0]
    >>> views = items + 0.1 * np.random.default_rng(1).normal(size=(500, 5, 4))
    >>> round(lidar(views.astype(np.float32)), 1)
    2.0
    """
    from scipy.linalg import eigh

    n, q, d = views.shape
    _check(views, least=2 if q > 1 else n + 1)
    h = views.astype(np.float64)
    centres = h.mean(axis=1)
    apart = (h - centres[:, None]).reshape(n * q, d)
    within, between = apart.T @ apart / (n * q), np.cov(centres.T, bias=True).reshape(d, d)
    total = np.trace(between)
    if total <= VANISHED**2 * np.square(h).mean() * d:  # all items have the same mean
        return 1.0
    least = max(DELTA * np.trace(within) / d, VANISHED * total / d)
    strengths = eigh(between, within + least * np.eye(d), eigvals_only=True).clip(min=0)
    p = strengths / strengths.sum() + 1e-7
    return float(np.exp(-np.sum(p * np.log(p))))


def alpha_req(h: Float32[np.ndarray, "n d"]) -> float:
    """The decay exponent of the eigenvalues: 0 for equal ones, 1 for good encoders in the paper.

    >>> h = np.random.default_rng(0).normal(size=(20_000, 64)) * np.arange(1, 65) ** -0.5
    >>> round(alpha_req(h.astype(np.float32)), 1)
    1.0
    """
    _check(h, least=2)
    strengths: Float64[np.ndarray, " d"] = np.linalg.eigvalsh(np.cov(h.T.astype(np.float64)).reshape(h.shape[1], -1))
    strengths = strengths[::-1][: min(RANKS[1], len(h) - 1)]
    first = RANKS[0] if len(strengths) >= 3 * RANKS[0] else 1  # short vectors have too few ranks to skip some
    if len(strengths) < 2 or strengths[0] <= VANISHED**2 * np.square(h).mean():
        return STEEPEST
    if strengths[first] <= VANISHED * strengths[0]:
        return STEEPEST
    rank = np.arange(first, len(strengths) + 1)
    heights = np.log(strengths[first - 1 :].clip(min=VANISHED * strengths[0]))
    slope, _ = np.polyfit(np.log(rank), heights, 1, w=np.sqrt(1 / rank))
    return min(STEEPEST, float(-slope))


def view_accuracy(x: Float32[np.ndarray, "m d"], y: Float32[np.ndarray, "m d"]) -> float:
    """How often the first view of an item is nearer to its own second view than to that of any other; 0 is collapse.

    >>> x = np.eye(3, dtype=np.float32)
    >>> view_accuracy(x, x), view_accuracy(x, x[[0, 2, 1]]), view_accuracy(np.ones_like(x), np.ones_like(x))
    (1.0, 0.3333333333333333, 0.0)
    """
    return float(recovered(x, y).mean())


def recovered(x: Float32[np.ndarray, "m d"], y: Float32[np.ndarray, "m d"]) -> Bool[np.ndarray, " m"]:
    """Whether the first view of each item is nearer to its own second view than to that of any other.

    >>> x = np.eye(3, dtype=np.float32)
    >>> recovered(x, x[[0, 2, 1]]).tolist()
    [True, False, False]
    """
    _check(x, least=2)
    first, second = (functional.normalize(torch.from_numpy(np.require(each, np.float32)), dim=1) for each in (x, y))
    correct = []
    for start in range(0, len(first), ROWS):
        alike = first[start : start + ROWS] @ second.T
        positive = alike.diagonal(start).clone()
        alike.diagonal(start).fill_(-torch.inf)
        correct.append(positive > alike.max(dim=1).values + 1e-6)
    return torch.cat(correct).numpy()


class Measure(NamedTuple):
    """The name of a measure for display, and a function of it that grows with quality."""

    called: str
    worth: Callable[[float], float]


MEASURES: Mapping[str, Measure] = {
    "view_accuracy": Measure("views found among items", lambda value: value),
    "lidar": Measure("LiDAR", lambda value: value),
    "rank_me": Measure("RankMe", lambda value: value),
    "alpha_req": Measure("alpha-ReQ, nearness to 1", lambda value: -abs(value - 1)),
    "alignment": Measure("alignment, less is better", lambda value: -value),
    "uniformity": Measure("uniformity, less is better", lambda value: -value),
}
"""By their names in records."""


def measured(h: Float32[np.ndarray, "n d"], views: Float32[np.ndarray, "m q d"]) -> dict[str, float]:
    """Every measure of some items: ``h`` of the items themselves, ``views`` of several views of some of them."""
    first, second = np.ascontiguousarray(views[:, 0]), np.ascontiguousarray(views[:, 1])
    return {
        "view_accuracy": view_accuracy(first, second),
        "lidar": lidar(views),
        "rank_me": effective_rank(h),
        "alpha_req": alpha_req(h),
        "alignment": alignment(first, second),
        "uniformity": uniformity(h),
    }


def _check(vectors: Float32[np.ndarray, "n ..."], *, least: int) -> None:
    if len(vectors) < least:
        raise InputError(f"Measures need at least two items and two views of each. Got vectors {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise InputError("Some vectors hold NaN or infinity; the training of the encoder that made them diverged.")
