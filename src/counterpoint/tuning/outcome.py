"""The result of a search: the plan to take, its certainty, the importance of choices, the reliability of measures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from counterpoint.evaluation.label_free import MEASURES
from counterpoint.evaluation.probe import note_on_groups
from counterpoint.evaluation.rank_correlation import rank_correlation
from counterpoint.output.tables import columns
from counterpoint.plans import Plan
from counterpoint.plans.data_options import ReadOptions, as_words
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.tuning.repeats import repeated
from counterpoint.tuning.scoring import called, formatted, worth
from counterpoint.tuning.search_space import changed
from counterpoint.tuning.study import RUNGS

UNSAID = ("epochs", "minutes")
"""Choices about the search, not about the plan that it finds."""


def outcome(
    head: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], repeats: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The plan to take, by its choices, with its scores; empty while no trial is complete."""
    complete = [each for each in trials if each["state"] == "complete"]
    if not complete:
        return {}
    usual = next((each for each in complete if not each["choices"]), None)
    best = max(complete, key=lambda each: (each["score"], not each["choices"]))
    groups = None if head.get("test_groups") is None else np.asarray(head["test_groups"], dtype=np.int64)
    again = repeated(best, usual, repeats, groups) if usual else {}
    taken = usual if usual and again and ("failed" in again or again["difference"]["value"] < 0) else best
    plans = [each for each in trials if each["state"] != "failed"]
    result = {
        "choices": taken["choices"],
        "fixed": _fixed(head),
        "command": command(head, taken["choices"]),
        "by": head["by"],
        "classes": head.get("classes", {}),
        "best": {"plan": best["number"], "choices": best["choices"], "score": best["score"]},
        "usual": None if usual is None else {"plan": usual["number"], "score": usual["score"]},
        "plans": len(plans),
        "repeated": again,
    }
    if groups is not None:
        result["groups"] = len(np.unique(groups))
    level, sentence = verdict(result)
    return {**result, "level": level, "sentence": sentence}


def correlations(trials: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rank correlation of each measure with the probe: at the first rung of all plans, at the end of the rest.

    Each is ``value``, ``low``, ``high`` and ``plans``, or None for too few plans.
    """
    first = min(RUNGS)
    early = [rung for each in trials for rung in each["rungs"] if rung["share"] == first]
    late = [rung for each in trials for rung in each["rungs"] if rung["share"] == 1]
    return {name: {"early": _agreed(early, name), "late": _agreed(late, name)} for name in MEASURES}


def command(head: Mapping[str, Any], choices: Mapping[str, Any]) -> str | None:
    """The command line that trains with these choices; None where it cannot be spelled."""
    if not head["sayable"]:
        return None
    made = {**_fixed(head), **choices}
    words = ["counterpoint", "fit", head["source"], "--out", f"{head['out']}/best"]
    if head["labels"] not in (None, "own") and learns_from_labels(Plan.of(made)):
        words += ["--labels", head["labels"]]
    words += as_words(ReadOptions.of(head["data"]))
    for name, value in made.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def verdict(result: Mapping[str, Any]) -> tuple[str, str]:
    """Whether the best plan is better than the default one, in a sentence with its uncertainty."""
    by, best, usual, again = result["by"], result["best"], result["usual"], result["repeated"]
    name = called(by)
    if usual is None:
        return (
            "warning",
            f"The usual plan failed; the best of {result['plans']} has {formatted(by, best['score'])} ({name}).",
        )
    if not best["choices"]:
        best_known = formatted(by, usual["score"])
        text = f"None of {result['plans'] - 1} other plans scored higher than the usual one, {best_known}"
        return "good", f"{text} ({name})."
    text = (
        f"The best of {result['plans']} plans had {formatted(by, best['score'])} ({name}), the usual one "
        f"{formatted(by, usual['score'])}."
    )
    if not again:
        return "warning", f"{text} The best of many is lucky too; it was not repeated, so how lucky is not known."
    if "failed" in again:
        return "warning", f"{text} With another seed it failed, so the usual plan is the one to take: {again['failed']}"
    seeds = "another seed" if len(again["seeds"]) == 1 else f"{len(again['seeds'])} other seeds"
    text += f" With {seeds} they had {formatted(by, again['best'])} and {formatted(by, again['usual'])}"
    value, low, high = (again["difference"][end] for end in ("value", "low", "high"))
    if low is None:
        return "warning", f"{text}; so few repeats do not show how much of that is chance."
    by_how_much = [formatted(by, each, signed=True) for each in (value, low, high)]
    text += f": in all {by_how_much[0]} ({by_how_much[1]} to {by_how_much[2]})"
    if value < 0:
        return "warning", f"{text}. Repeated it scores lower, so the usual plan is the one to take."
    if low <= 0:
        return "warning", f"{text}. Chance alone could do that."
    return "good", f"{text}. It is better."


def described(choices: Mapping[str, Any]) -> str:
    """Choices in words.

    >>> described({"temperature": 0.2, "head_layers": 3}), described({})
    ('temperature 0.2, head_layers 3', 'as usual')
    """
    return ", ".join(f"{name} {value}" for name, value in choices.items()) or "as usual"


def tuning_table(result: Mapping[str, Any]) -> str:
    """The result of ``tune`` as plain text."""
    by = result["by"]
    lines = [("plan", *(f"at {share:g}" for share in RUNGS), called(by), "", "choices")]
    for each in sorted(result["trials"], key=lambda each: (each["state"] != "complete", -(each["score"] or 0))):
        at = {rung["share"]: formatted(by, rung["score"]) for rung in each["rungs"]}
        state = "" if each["state"] == "complete" else each["state"]
        reason = f" ({each['reason']})" if each["reason"] else ""
        lines.append(
            (
                str(each["number"]),
                *(at.get(share, "") for share in (*RUNGS, 1)),
                state,
                described(each["choices"]) + reason,
            )
        )
    text = columns(lines)
    if by == "linear":
        text += ["", *columns([("agreement with the probe", "early", "at the end"), *_agreements(result)])]
    if result["importances"]:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in result["importances"].items())
        text += ["", f"Of the differences after a quarter of the time: {shares}."]
    text += ["", result["sentence"]]
    if "groups" in result:
        text.append(note_on_groups(result["groups"]))
    return "\n".join([*text, *(["", result["command"]] if result["command"] else [])])


def agreement(result: Mapping[str, Any] | None) -> str:
    """A correlation with its interval, as text."""
    if result is None:
        return "not known"
    return f"{result['value']:+.2f} ({result['low']:+.2f} to {result['high']:+.2f})"


def _agreements(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (MEASURES[name].called, agreement(each["early"]), agreement(each["late"]))
        for name, each in result["correlations"].items()
    ]


def _agreed(rungs: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    values = np.asarray([worth(name, rung["measures"][name]) for rung in rungs], dtype=np.float64)
    result = rank_correlation(values, np.asarray([rung["score"] for rung in rungs], dtype=np.float64))
    return None if result is None else {**result._asdict(), "plans": len(rungs)}


def _fixed(head: Mapping[str, Any]) -> dict[str, Any]:
    made = changed(Plan.of(head["asked"]))
    return {name: value for name, value in made.items() if name not in UNSAID}
