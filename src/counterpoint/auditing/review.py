"""What is to be reviewed yet, and what is known of the issues that nobody has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from counterpoint.auditing.decisions import Decisions
from counterpoint.auditing.review_queue import Entry, probabilities
from counterpoint.auditing.stopping_rule import RECALL, SURE, certified_recall, reviews_needed, updated
from counterpoint.errors import counted

CONTROL = 50
"""Items of the rest that are drawn to be reviewed as a control."""


def review(queue: Sequence[Entry], decisions: Decisions, names: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """How many to review, from the beginning of the queue, as JSON.

    ``expected`` issues by the probabilities, ``stop`` the place in the queue where reviewing may stop, ``more`` of
    those before it that nobody has reviewed, ``control`` the rows of items that were drawn from all behind the place
    where it might have stopped at first, ``certain_recall`` what follows from those, whatever the probabilities are
    worth, once all are reviewed, and a ``sentence``.
    """
    reviewed = np.asarray([float(decisions[each.item]) if each.item in decisions else np.nan for each in queue])
    probability = updated(probabilities(queue), reviewed)
    stop, at_first = reviews_needed(probability, seed=seed), reviews_needed(probabilities(queue), seed=seed)
    rest = np.setdiff1d(np.arange(len(names)), [each.index for each in queue[:at_first]])
    control = np.sort(np.random.default_rng(seed).permutation(rest)[:CONTROL])
    drawn = [decisions[names[row]] for row in control if names[row] in decisions]
    certain = None
    if len(drawn) == len(control) > 0 and not np.isnan(reviewed[:at_first]).any():
        certain = certified_recall(int(reviewed[:at_first].sum()), len(rest), len(drawn), sum(drawn))
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
    """What a person does next."""
    certain = record["certain_recall"]
    known = "" if certain is None else f" By the random control at least {certain:.0%} are found, {SURE:.0%} sure."
    if not record["more"]:
        if not record["reviewed"]:
            return f"There is nothing to review.{known}"
        return f"{RECALL:.0%} of the issues are found, {SURE:.0%} sure if the probabilities hold.{known}"
    more = f"{record['more']:,} more" if record["reviewed"] else counted(record["more"], "item")
    return (
        f"Review {more} from the top of the queue to find {RECALL:.0%} of about {record['expected']:,.0f} issues, "
        f"{SURE:.0%} sure.{known}"
    )
