r"""Whether the best of many plans is better than the default one, or only selected by chance.

    d = mean_a b_a - mean_c u_c,   se^2 = s^2 (1/A + 1/C) + var_j(mean_a b_aj - mean_c u_cj) / m,   d -+ t_f se

b_a are scores of the best plan with seeds that the search did not use, u_c those of the default plan, s^2 their
variance within each of the two, pooled; b_aj says whether the probe predicts item j correctly.  The score by which the
best was selected is left out, as the selection biases it; that of the default plan was not selected, so it counts.
Two samples with one variance: Student 1908, "The probable error of a mean".  The items' part and the degrees of freedom
f, of A + C - 2 for the seeds and m - 1 for the items, are as in ``evaluation.repeats``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from counterpoint.evaluation.group_variance import GroupIds, Variance, variance_over_groups
from counterpoint.evaluation.intervals import Interval, t_quantile
from counterpoint.evaluation.repeats import total


def difference(
    best: Float64[np.ndarray, " a"],
    usual: Float64[np.ndarray, " c"],
    items: Float64[np.ndarray, " m"] | None,
    groups: GroupIds | None = None,
) -> tuple[float, Interval | None]:
    """The difference of the best to the default plan with its interval, if there are enough repeats for one.

    ``items`` is the difference of the accuracy on each item, where known, and ``groups`` are theirs.

    >>> difference(np.asarray([3.0, 3.2]), np.asarray([2.0, 2.2, 1.8]), None)[0]
    1.1
    """
    value = round(float(best.mean() - usual.mean()), 12)
    freedom = len(best) + len(usual) - 2
    if freedom < 1:
        return value, None
    spread = np.square(best - best.mean()).sum() + np.square(usual - usual.mean()).sum()
    parts = [Variance(float(spread) / freedom * (1 / len(best) + 1 / len(usual)), freedom)]
    if items is not None and groups is not None:
        parts.append(variance_over_groups(items, groups))
        if parts[-1].freedom < 1:
            return value, None
    elif items is not None and len(items) > 1:
        parts.append(Variance(float(items.var(ddof=1)) / len(items), len(items) - 1))
    variance = total(*parts)
    reach = t_quantile(0.95, variance.freedom) * float(np.sqrt(variance.value))
    return value, Interval(value, value - reach, value + reach)


def repeated(
    best: Mapping[str, Any],
    usual: Mapping[str, Any],
    repeats: Sequence[Mapping[str, Any]],
    groups: GroupIds | None = None,
) -> dict[str, Any]:
    """The result of repeating the two plans, as JSON values; empty where not both were repeated.

    Only ``failed``, with the reason, where the best one failed with another seed.

    ``best`` and ``usual`` are their records in the search, ``repeats`` those of all repeats; ``groups``
    are those of the test items.
    """
    of_best, of_usual = ([each for each in repeats if each["choices"] == plan["choices"]] for plan in (best, usual))
    failed = [each["reason"] for each in of_best if each["score"] is None]
    if failed:
        return {"failed": failed[0]}
    of_usual = [each for each in of_usual if each["score"] is not None]
    if not of_best or not of_usual or best["choices"] == usual["choices"]:
        return {}
    scores = [np.asarray([each["score"] for each in some], dtype=np.float64) for some in (of_best, of_usual)]
    items = None
    if of_best[0]["right"] is not None:
        items = np.mean([cells(each) for each in of_best], axis=0) - np.mean([cells(each) for each in of_usual], axis=0)
    value, interval = difference(scores[0], np.append(scores[1], usual["score"]), items, groups)
    return {
        "seeds": sorted({each["seed"] for each in of_best}),
        "best": float(scores[0].mean()),
        "usual": float(scores[1].mean()),
        "difference": {"value": value, "low": None, "high": None} if interval is None else interval._asdict(),
    }


def packed(correct: np.ndarray | None) -> str | None:
    """Booleans per item, packed as a short string."""
    return None if correct is None else f"{len(correct)}:{np.packbits(correct).tobytes().hex()}"


def cells(repeat: Mapping[str, Any]) -> Float64[np.ndarray, " m"]:
    """The inverse of ``packed``, as zeros and ones.

    >>> cells({"right": packed(np.asarray([True, False, True]))}).tolist()
    [1.0, 0.0, 1.0]
    """
    count, _, letters = repeat["right"].partition(":")
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(letters), dtype=np.uint8), count=int(count))
    return bits.astype(np.float64)
