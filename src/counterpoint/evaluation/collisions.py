r"""The share of false negatives: the chance that two different items have the same class.

    from labels     tau = sum_c n_c (n_c - 1) / (n (n - 1))
    from vectors    tau ~ sum_k (m_k / n)^2,     m_k items in cluster k of K,     K = argmax_K  S(K) - S_0(K)

Chuang et al. 2020, arXiv:2007.00224, call it tau^+ and take it as known; it is a parameter of ``debiased`` objectives,
and of ``cancelled`` negatives.  The estimate without labels is ours: the vectors of two views of an item are averaged,
k-means divides them into K clusters, and K is the number whose silhouette S (Rousseeuw 1987) exceeds most that of
Gaussian points with the same mean and covariance, as in the gap statistic (Tibshirani, Walther & Hastie 2001).  The
interval spans every K whose gap is at least 70 % of the largest, and no other uncertainty.

Its accuracy: on 11 choices of 2 to 10 classes, 1,200 items each, encoded by a finished run on all ten classes, the
estimate over the truth was 0.70 on Fashion-MNIST (geometric mean; 0.088 for 0.101 with all classes, 0.27 for 0.50 at
the worst) and 0.74 on CIFAR-10, there within a factor of 1.5.  The interval, give or take 5 %, contained the truth in
10 and in 9 of 11; it spanned a factor of 3.6 and of 6.  The rule was chosen on these cases: expect worse on others.
Where it fails: an undertrained encoder may show fewer clusters, just as clearly (on all of Fashion-MNIST 46 steps of
SimCLR gave 0.18, 0.07 to 0.34, and six seconds of SupCon 0.33, 0.26 to 0.33, for 0.10).  Classes with several clusters
are counted as several, so after a finished run it is more often too low; nothing below about 0.04 can be estimated, as
no more than 25 clusters are tried.  Where ``gap`` is below 0.05, as always on CIFAR-10 (0.12 to 0.23 on Fashion-MNIST),
the vectors show no classes and the estimate is little more than a guess.
Fifty labels say more than any number of vectors.
Not used: the similarity of items relative to that of two views (almost no two items are as similar as two views), and
the silhouette alone, which on CIFAR-10 finds two clusters everywhere, as it does in points without any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from counterpoint.errors import InputError
from counterpoint.evaluation.intervals import Interval

SIZES = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 25)
"""Numbers of clusters that are tried."""

LEAST = 20
"""The fewest items per cluster, on average, with which more clusters are tried."""

MOST = 1200
"""The number of items that are clustered; of more, a random sample."""

CLEAR = 0.05
"""The gap below which the estimate is little more than a guess."""

MANY = 0.15
"""The rate from which on false negatives matter."""

NEAR = 0.7
"""Share of the largest gap from which on a number of clusters is as good as the best."""


class Estimate(NamedTuple):
    """The estimate of collisions from vectors, and its reliability."""

    share: Interval
    clusters: int
    gap: float
    """How far the silhouette of that many clusters exceeds that of points without clusters."""


def collision_rate(
    labels: Int64[np.ndarray, " n"], *, seed: int = 0, draws: int = 2000, level: float = 0.95
) -> Interval:
    """The chance that two different items have the same class, from labelled items (class ids from 0).

    The interval is the bootstrap's, about the population where only some items are labelled.

    >>> round(collision_rate(np.arange(1000) % 10).value, 4)
    0.0991
    """
    counts = np.bincount(labels[labels >= 0])
    n = int(counts.sum())
    if n < 2:
        raise InputError(f"Two labelled items make the first pair. Got {n}.")
    value = float(_rate(counts[None])[0])
    # A bootstrap sample contains items twice, and so pairs of an item with itself: compare with the mean of samples.
    resampled = _rate(np.random.default_rng(seed).multinomial(n, counts / n, size=draws))
    expected = float(((counts / n) ** 2).sum())
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2]) - expected + value
    return Interval(value, max(0.0, float(low)), min(1.0, float(high)))


def estimated_collisions(
    first: Shaped[np.ndarray, "_ _"], second: Shaped[np.ndarray, "_ _"], *, most: int = MOST, seed: int = 0
) -> Estimate:
    """The same from two views of every item (n, d), without labels; of more than ``most`` items, a sample is drawn.

    Pass representations h: in the projections z, contrast has pushed items of a class apart.
    """
    x = _means(first, second, most=most, seed=seed)
    if len(x) < 2 * LEAST:
        raise InputError(f"Clusters show from {2 * LEAST} items on. Got {len(x)}.")
    distinct = len(np.unique(x.round(6), axis=0))
    if distinct < 2:
        raise InputError("All items have the same vector, so no clusters show. Did the training collapse?")
    plain = _without_clusters(x, seed=seed)
    shares, gaps = [], []
    sizes = [size for size in SIZES if size <= min(distinct, len(x) // LEAST)]
    for size in sizes:
        result, chance = (_clusters(points, size, seed=seed) for points in (x, plain))
        shares.append(float(((np.bincount(result) / len(x)) ** 2).sum()))
        gaps.append(_silhouette(x, result) - _silhouette(plain, chance))
    best = int(np.argmax(gaps))
    # For points that cluster less than by chance all gaps are negative.
    least = gaps[best] - (1 - NEAR) * abs(gaps[best])
    near = [share for share, gap in zip(shares, gaps, strict=True) if gap >= least]
    return Estimate(Interval(shares[best], min(near), max(near)), sizes[best], gaps[best])


def sentences(result: Mapping[str, Any], *, advise: bool = True) -> str:
    """The result of ``scores.collisions`` on a line, and on another what to do where it matters.

    >>> sparse = {"true": {"value": 0.1, "low": 0.09, "high": 0.11}, "estimated": None, "clusters": None, "gap": None}
    >>> sentences(sparse)
    'Collisions: 10.0% (9.0% to 11.0%) of pairs of different items are of one class, as so many negatives are false.'
    """
    true, parts = result["true"], []
    if true is not None:
        parts.append(f"{_percent(true)} of pairs of different items are of one class, as so many negatives are false")
    if result["estimated"] is not None:
        guess = "" if result["gap"] >= CLEAR else ", little more than a guess, for clusters hardly show"
        parts.append(f"without labels, {result['clusters']} clusters say {_percent(result['estimated'])}{guess}")
    lines = [f"Collisions: {'; '.join(parts)}."] if parts else []
    if advise and true is not None and true["value"] >= MANY:
        share = "Most negatives are" if true["value"] > 0.6 else f"About one negative in {1 / true['value']:.0f} is"
        lines.append(
            f"{share} false: compare with --negatives cancelled, with other_labels where some labels are known, or "
            f'with --objective "debiased(prior={min(true["value"], 0.99):.2f})"; see docs/which-method.md.'
        )
    return "\n".join(lines)


def _percent(interval: Mapping[str, float]) -> str:
    return f"{interval['value']:.1%} ({interval['low']:.1%} to {interval['high']:.1%})"


def _rate(counts: Int64[np.ndarray, "k c"]) -> Float64[np.ndarray, " k"]:
    """The share of pairs of one class, from the number of items of each class."""
    n = counts.sum(axis=1)
    rate: Float64[np.ndarray, " k"] = (counts * (counts - 1)).sum(axis=1) / (n * (n - 1))
    return rate


def _means(
    first: Shaped[np.ndarray, "_ _"], second: Shaped[np.ndarray, "_ _"], *, most: int, seed: int
) -> Float64[np.ndarray, "m d"]:
    """The normalised mean of both views of some items."""
    if first.shape != second.shape or not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError(
            f"Give two views of the same items, arrays (n, d) of finite numbers. Got {first.shape} and {second.shape}."
        )
    drawn = np.sort(np.random.default_rng(seed).permutation(len(first))[:most])
    return _unit(_unit(first[drawn].astype(np.float64)) + _unit(second[drawn].astype(np.float64)))


def _without_clusters(x: Float64[np.ndarray, "n d"], *, seed: int) -> Float64[np.ndarray, "n d"]:
    """As many points on the sphere with the same mean and covariance, up to the projection to the sphere."""
    variance, axes = np.linalg.eigh(np.cov(x.T).reshape(x.shape[1], -1))
    drawn = np.random.default_rng(seed).standard_normal(x.shape) * np.sqrt(variance.clip(min=0))
    return _unit(x.mean(axis=0) + drawn @ axes.T)


def _clusters(x: Float64[np.ndarray, "n d"], size: int, *, seed: int) -> Shaped[np.ndarray, " n"]:
    from sklearn.cluster import KMeans

    return KMeans(size, n_init=2, random_state=seed).fit(x).labels_  # type: ignore[no-any-return]


def _silhouette(x: Float64[np.ndarray, "n d"], clusters: Shaped[np.ndarray, " n"]) -> float:
    """The silhouette, from -1 to 1; 0 where there is only one cluster."""
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(x, clusters, metric="cosine")) if len(np.unique(clusters)) > 1 else 0.0


def _unit(x: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d"]:
    directions: Float64[np.ndarray, "n d"] = x / np.linalg.norm(x, axis=1, keepdims=True).clip(min=1e-12)
    return directions
