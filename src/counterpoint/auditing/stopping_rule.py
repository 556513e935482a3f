r"""When to stop a review: the number of items to review to find 95 % of the issues with a confidence of 90 %.

If the probabilities P_i of a queue are calibrated, the number of issues and their places follow by simulation, in a
thousand draws:

    B_i ~ Bernoulli(P_i),    k = least k with  sum_{i <= k} B_i >= R sum_i B_i,    stop = the 90 % quantile of k

Reviewed items are fixed at 0 or 1.  They shift the log-odds of the others by the d at which the expected number of
issues among the reviewed equals the observed one, with a standard normal prior on d.

A bound that does not depend on the P_i comes from reviewing a random sample of the rest, with x issues in m items:

    recall >= r / (r + U),     U = the largest number of issues in the rest that leaves P(X <= x) > 1 - 0.9

X is hypergeometric: the stopping criterion of Callaghan & Muller-Hansen 2020, "Statistical stopping criteria for
automated screening in systematic reviews", Systematic Reviews 9:273, as a bound.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

RECALL, SURE = 0.95, 0.9
"""The recall at which to stop, and its confidence."""

DRAWS, PIECE = 1000, 2**22
"""Draws of the issues, and random numbers that are drawn at a time."""


def reviews_needed(
    probability: Float[np.ndarray, " q"], *, recall: float = RECALL, sure: float = SURE, seed: int = 0
) -> int:
    """The number of entries to review, from the top, for this recall with this confidence.

    >>> reviews_needed(np.array([1.0, 1.0, 1.0, 0.0, 0.0]))
    3
    """
    if not len(probability):
        return 0
    random, places = np.random.default_rng(seed), np.zeros(DRAWS, dtype=np.int64)
    height = max(1, PIECE // len(probability))
    for start in range(0, DRAWS, height):
        drawn = random.random((min(height, DRAWS - start), len(probability)), dtype=np.float32) < probability
        counts = drawn.cumsum(axis=1, dtype=np.int32)
        needed = np.ceil(recall * counts[:, -1:] - 1e-9)
        places[start : start + len(drawn)] = np.where(needed[:, 0] > 0, (counts >= needed).argmax(axis=1) + 1, 0)
    return int(np.quantile(places, sure, method="higher"))


def updated(probability: Float[np.ndarray, " q"], reviewed: Float[np.ndarray, " q"]) -> Float[np.ndarray, " q"]:
    """The probabilities after a part of the review; ``reviewed`` is 1 for an issue, 0 for none, NaN for unreviewed.

    >>> updated(np.array([0.9, 0.5]), np.array([1.0, np.nan])).round(2).tolist()
    [1.0, 0.52]
    """
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    done = ~np.isnan(reviewed)
    if not done.any():
        return probability
    odds = logit(np.clip(probability, 1e-6, 1 - 1e-6))
    shift = brentq(lambda d: (expit(odds[done] + d) - reviewed[done]).sum() + d, -len(odds) - 1, len(odds) + 1)
    return np.where(done, reviewed, expit(odds + shift))


def certified_recall(issues: int, rest: int, sample: int, hits: int, *, sure: float = SURE) -> float:
    """A lower bound on the recall with this confidence, for any ranking.

    Args:
        issues: The number found from the top of the queue.
        rest: The number of other items, including the sample.
        sample: The number of items of the rest that were drawn at random and reviewed.
        hits: The number of issues in the sample.
        sure: The confidence.

    >>> certified_recall(100, rest=1000, sample=1000, hits=0), certified_recall(100, rest=1000, sample=0, hits=0)
    (1.0, 0.09090909090909091)
    """
    from scipy.stats import hypergeom

    possible = np.arange(hits, rest - (sample - hits) + 1)
    tail = hypergeom.cdf(hits, rest, possible, sample) if sample else np.ones(len(possible))
    most = int(possible[tail > 1 - sure].max(initial=hits))
    return (issues + hits) / max(issues + most, 1) if issues + most else 1.0
