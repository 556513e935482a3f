r"""When to stop reviewing: how many more to look at to find 95 % of the issues, with a certainty of 90 %.

Before anything is reviewed the queue is all there is, with P_i for each item.  If these hold, the number of issues and
the places where they stand are known but for luck, which is drawn a thousand times:

    B_i ~ Bernoulli(P_i),    k = least k with  sum_{i <= k} B_i >= R sum_i B_i,    stop = the 90 % quantile of k

What was reviewed is known and drawn no more, and shifts the log-odds of the rest by the d that makes as many expected
issues among what was reviewed as there were (with a normal prior on d).

That rests on the P_i.  What does not is a sample of the rest, drawn at random and reviewed with x issues found in m:

    recall >= r / (r + U),     U = the largest number of issues in the rest that leaves P(X <= x) > 1 - 0.9

X is hypergeometric: the stopping criterion of Callaghan & Muller-Hansen 2020, "Statistical stopping criteria for
automated screening in systematic reviews", Systematic Reviews 9:273, turned into a bound; so a poor ranking costs
reviews and never the promise.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

RECALL, SURE = 0.95, 0.9
"""Share of the issues that is to be found, and how sure that is to be."""

DRAWS, PIECE = 1000, 2**22
"""Of the issues, and numbers that are drawn at once."""


def reviews_needed(
    probability: Float[np.ndarray, " q"], *, recall: float = RECALL, sure: float = SURE, seed: int = 0
) -> int:
    """How many of a queue to review, from its beginning, to find this share of its issues with this certainty.

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
        wanted = np.ceil(recall * counts[:, -1:] - 1e-9)
        places[start : start + len(drawn)] = np.where(wanted[:, 0] > 0, (counts >= wanted).argmax(axis=1) + 1, 0)
    return int(np.quantile(places, sure, method="higher"))


def updated(probability: Float[np.ndarray, " q"], reviewed: Float[np.ndarray, " q"]) -> Float[np.ndarray, " q"]:
    """The probabilities after some items were reviewed: 1 an issue, 0 none, NaN not yet.

    >>> updated(np.array([0.9, 0.5]), np.array([1.0, np.nan])).round(2).tolist()
    [1.0, 0.52]
    """
    from scipy.optimize import brentq

    known = ~np.isnan(reviewed)
    if not known.any():
        return probability
    odds = _logit(probability)
    shift = brentq(lambda d: (_expit(odds[known] + d) - reviewed[known]).sum() + d, -len(odds) - 1, len(odds) + 1)
    return np.where(known, reviewed, _expit(odds + shift))


def certified_recall(issues: int, rest: int, sample: int, hits: int, *, sure: float = SURE) -> float:
    """The least share of the issues that has been found, with this certainty, whatever the ranking is worth.

    Args:
        issues: Found in what was reviewed from the beginning of the queue.
        rest: Items that were not, the sample among them.
        sample: Items of the rest that were drawn at random and reviewed.
        hits: Issues among those.
        sure: The certainty.

    >>> certified_recall(100, rest=1000, sample=1000, hits=0), certified_recall(100, rest=1000, sample=0, hits=0)
    (1.0, 0.09090909090909091)
    """
    from scipy.stats import hypergeom

    possible = np.arange(hits, rest - (sample - hits) + 1)
    tail = hypergeom.cdf(hits, rest, possible, sample) if sample else np.ones(len(possible))
    most = int(possible[tail > 1 - sure].max(initial=hits))
    return (issues + hits) / max(issues + most, 1) if issues + most else 1.0


def _logit(probability: Float[np.ndarray, " q"]) -> Float[np.ndarray, " q"]:
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    odds: np.ndarray = np.log(inside / (1 - inside))
    return odds


def _expit(odds: Float[np.ndarray, " q"]) -> Float[np.ndarray, " q"]:
    probability: np.ndarray = 1 / (1 + np.exp(-odds))
    return probability
