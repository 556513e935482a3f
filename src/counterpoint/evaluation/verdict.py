"""Whether a representation is useful, in one sentence; and, where that is not shown, the one thing to do next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from counterpoint.errors import conjunction
from counterpoint.evaluation.probe import BASELINES, sided

SIMPLER = ("raw", "untrained")
"""Baselines that a useful representation has to beat."""

SMALLEST = 0.01
"""Difference below which it is not worth labelling more items just to be certain."""

MOST = 10
"""Factor of the number of test items beyond which nobody will label them."""

FALLING = 0.01
"""Relative fall of the loss from the second last to the last fifth of a run, from which on longer training is
promising."""

EASY, HARD = 0.98, 0.3
"""Contrastive accuracies at which views are so weak, or so strong, that little is learned from them."""


def headline(
    scores: Mapping[str, Any], records: Sequence[Mapping[str, Any]] = (), verdicts: Sequence[Mapping[str, str]] = ()
) -> dict[str, str]:
    """``level`` and ``sentence``, from the result of ``compare`` and from the metrics and verdicts of the run.

    The linear probe decides, as classifiers build on it; claims are made from simultaneous intervals.
    """
    if "linear" not in scores:
        return _of_classifier(scores["classifier"])
    score = scores["linear"]
    held_against = [name for name in SIMPLER if name in score["differences"]] or ["chance"]
    differences = {name: score["differences"][name] for name in held_against}
    better, worse, unsure = sided(differences)
    corrected = f"(linear probe, corrected for {score['comparisons']} comparisons)"
    if worse:
        level, claim = "bad", f"Worse than {_by(worse, differences, -1)} {corrected}"
    elif better and unsure:
        level, claim = (
            "warning",
            f"Better than {_by(better, differences)} {corrected}, but not yet than {_names(unsure)}",
        )
    elif unsure:
        level, claim = "warning", f"Not yet better than {_names(unsure)} {corrected}"
    else:
        return {"level": "good", "sentence": f"Better than {_by(better, differences)} {corrected}."}
    failed = [differences[name] for name in (*worse, *unsure)]
    grouped = "groups" in scores  # then those are the units of the interval
    count = int(scores["groups"] if grouped else scores.get("sizes", {}).get("test", 0))
    advice = next_step(failed, count, records, verdicts, what="groups" if grouped else "items")
    return {"level": level, "sentence": f"{claim}: {advice}." if advice else f"{claim}."}


def _of_classifier(answers: Mapping[str, Any]) -> dict[str, str]:
    """A multi-label classifier has no probe as a baseline, only the most frequent class."""
    reach = f"{answers['value']:.1%} ({100 * answers['low']:.1f} to {100 * answers['high']:.1f})"
    if answers["low"] > answers["chance"]:
        return {
            "level": "good",
            "sentence": f"Better than chance, {answers['chance']:.1%}: the classifier has {reach}.",
        }
    return {
        "level": "warning",
        "sentence": f"Not yet better than chance, {answers['chance']:.1%}: learn from more labels.",
    }


def next_step(
    differences: Sequence[Mapping[str, float]],
    items: int,
    records: Sequence[Mapping[str, Any]],
    verdicts: Sequence[Mapping[str, str]],
    *,
    what: str = "items",
) -> str:
    """The one thing to do where some of the ``differences`` to baselines are not shown to be gains; empty where too
    little is known about the vectors.

    ``items`` is the number of test items, or of ``what`` else is counted, ``records`` are the metrics of the run and
    ``verdicts`` the findings of its diagnostics.
    """
    ill = [each["kind"] for each in verdicts if each["level"] == "bad" and "kind" in each]
    steps = [record for record in records if "loss" in record]
    if ill:
        return f"mend the training first, whose verdict is {ill[0]}"
    if steps and (
        any(each.get("kind") == "short" for each in verdicts) or still_falling([each["loss"] for each in steps])
    ):
        return f"train longer, twice as long takes {duration(2 * steps[-1]['seconds'])} here"
    least = min(differences, key=lambda each: each["value"])
    if items and least["value"] >= SMALLEST:
        enough = items * ((least["high"] - least["low"]) / 2 / least["value"]) ** 2
        if enough <= MOST * items:
            return f"test it on more {what}, about {_rounded(enough)} show a gain of {100 * least['value']:.1f} points"
    if not steps:
        return ""
    accuracy = next((each["accuracy"] for each in reversed(steps) if "accuracy" in each), None)
    if accuracy is not None and not HARD <= accuracy <= EASY:
        return f"choose {'weaker' if accuracy < HARD else 'stronger'} views, the positive is found for {accuracy:.0%}"
    return "try other views or another method, see counterpoint lab and counterpoint compare"


def still_falling(losses: Sequence[float]) -> bool:
    """Whether the mean loss of the last fifth of a run is well below that of the fifth before.

    >>> still_falling([5, 4, 3, 2, 1]), still_falling([5, 3, 2, 2, 2])
    (True, False)
    """
    fifth = len(losses) // 5
    if fifth == 0:
        return True
    last, before = (sum(part) / fifth for part in (losses[-fifth:], losses[-2 * fifth : -fifth]))
    return before - last > FALLING * abs(before)


def duration(seconds: float) -> str:
    """An approximate duration in words.

    >>> duration(40), duration(1300), duration(20000)
    ('about 40 seconds', 'about 22 minutes', 'about 5.6 hours')
    """
    if seconds < 100:
        return f"about {max(1, round(seconds))} seconds"
    return f"about {seconds / 60:.0f} minutes" if seconds < 6000 else f"about {seconds / 3600:.1f} hours"


def _by(names: Sequence[str], differences: Mapping[str, Mapping[str, float]], sign: int = 1) -> str:
    parts = []
    for name in names:
        value, *ends = (100 * sign * differences[name][end] for end in ("value", "low", "high"))
        parts.append(f"{BASELINES.get(name, name)} by {value:.1f} points ({min(ends):.1f} to {max(ends):.1f})")
    return conjunction(parts)


def _names(names: Sequence[str]) -> str:
    return conjunction([BASELINES.get(name, name) for name in names])


def _rounded(items: float) -> str:
    """Rounded up to two digits."""
    unit = 10 ** max(0, math.floor(math.log10(items)) - 1)
    return f"{math.ceil(items / unit) * unit:,}"
