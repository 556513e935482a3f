"""The state of the review: how many items of the queue to review, and a bound on the issues that are missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from counterpoint.auditing.decisions import Decisions
from counterpoint.auditing.review_queue import Entry, probabilities
from counterpoint.auditing.stopping_rule import RECALL, SURE, certified_recall, reviews_needed, updated
from counterpoint.errors import counted

CONTROL = 50
"""Items behind the first stop that are drawn at random as a control."""


def review(queue: Sequence[Entry], decisions: Decisions, names: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """The state of the review, as JSON values.

    ``expected`` is the number of issues by the probabilities, ``reviewed`` and ``issues`` the numbers of decisions and
    of issues among them. ``stop`` is the place in the queue at which ``recall`` of the issues are found with
    confidence ``sure``, and ``more`` the number of unreviewed items before it. ``control`` are rows drawn at random
    from all items behind the stop of the unreviewed queue; once they and everything before are reviewed,
    ``certain_recall`` is a lower bound on the recall that holds for any ranking.
    """
    reviewed = np.asarray([float(decisions[each.item]) if each.item in decisions else np.nan for each in queue])
    probability = updated(probabilities(queue), reviewed)
    stop, first_stop = reviews_needed(probability, seed=seed), reviews_needed(probabilities(queue), seed=seed)
    rest = np.setdiff1d(np.arange(len(names)), [each.index for each in queue[:first_stop]])
    control = np.sort(np.random.default_rng(seed).permutation(rest)[:CONTROL])
    drawn = [decisions[names[row]] for row in control if names[row] in decisions]
    certain = None
    if len(drawn) == len(control) > 0 and not np.isnan(reviewed[:first_stop]).any():
        certain = certified_recall(int(reviewed[:first_stop].sum()), len(rest), len(drawn), sum(drawn))
    record: dict[str, Any] = {
        "expected": round(float(probability.sum()), 1),
        "reviewed": int((~np.isnan(reviewed)).sum()),
        "issues": int(np.nansum(reviewed)),
        "stop": stop,
        "more": int(np.isnan(reviewed[:stop]).sum()),
        "recall": RECALL,
        "sure": SURE,
        "certain_recall": None if certain is None else round(certain, 4),
        "control": control.tolist(),
    }
    return {**record, "sentence": _sentence(record)}


def _sentence(record: Mapping[str, Any]) -> str:
    """What to do next."""
    certain = record["certain_recall"]
    bound = "" if certain is None else f" By the random control the recall is at least {certain:.0%} ({SURE:.0%} sure)."
    if not record["more"]:
        if not record["reviewed"]:
            return f"There is nothing to review.{bound}"
        return f"{RECALL:.0%} of the issues are found ({SURE:.0%} sure if the probabilities are calibrated).{bound}"
    more = f"{record['more']:,} more" if record["reviewed"] else counted(record["more"], "item")
    expected = counted(round(record["expected"]), "issue")
    return f"Review {more} from the top of the queue to find {RECALL:.0%} of about {expected} ({SURE:.0%} sure).{bound}"
