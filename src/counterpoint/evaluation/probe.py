"""Score frozen features by kNN and linear probe: with intervals, against baselines.

A number alone says little: 80 % is poor where raw pixels reach 84 %. So every score of the trained encoder is reported
beside that of raw features, of an untrained encoder, and of the most frequent class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.errors import conjunction
from counterpoint.evaluation.collisions import sentences
from counterpoint.evaluation.intervals import Correct, GroupIds, paired_interval, score_interval
from counterpoint.evaluation.knn import check_labelled, weighted_knn
from counterpoint.evaluation.linear import linear_probe
from counterpoint.evaluation.multiple_comparisons import familywise_level

KINDS = {"knn": "kNN", "linear": "Linear probe"}
BASELINES = {"raw": "raw features", "untrained": "the untrained encoder", "chance": "chance"}

FEW_GROUPS = 10
"""Test groups below which a note says that intervals are wide for lack of groups."""

LEARNED = (
    "The run has learned from labels, so these are not the scores of learning without; they are fair only where the "
    "labels of the test items were not among them."
)


@dataclass(frozen=True)
class Probe:
    """The test items (m,) that are predicted correctly from some features, by kNN and by a linear probe."""

    knn: Bool[np.ndarray, " m"]
    linear: Bool[np.ndarray, " m"]


def probe(
    train: Float32[np.ndarray, "n d"],
    train_labels: Int64[np.ndarray, " n"],
    test: Float32[np.ndarray, "m d"],
    test_labels: Int64[np.ndarray, " _"],
    *,
    classes: int,
    seed: int = 0,
    train_groups: Int64[np.ndarray, " n"] | None = None,
) -> Probe:
    """Train on the training items, predict the test items. A class unseen in training is never correct.

    With the groups of training items, the penalty of the linear probe is chosen on held-out groups.
    """
    check_labelled(test, test_labels, role="test")
    voted = weighted_knn(train, train_labels, test, classes=classes)
    separated = linear_probe(train, train_labels, test, seed=seed, groups=train_groups)
    return Probe(voted == test_labels, separated == test_labels)


def compared(
    features: Mapping[str, tuple[Float32[np.ndarray, "n _"], Float32[np.ndarray, "m _"]]],
    train_labels: Int64[np.ndarray, " n"],
    test_labels: Int64[np.ndarray, " m"],
    *,
    seed: int = 0,
    train_groups: Int64[np.ndarray, " n"] | None = None,
    test_groups: Int64[np.ndarray, " m"] | None = None,
) -> dict[str, Any]:
    """The scores of the features ``trained``, of training and test items, beside those of all others, by name."""
    classes = int(max(train_labels.max(), test_labels.max())) + 1
    probes = {
        name: probe(train, train_labels, test, test_labels, classes=classes, seed=seed, train_groups=train_groups)
        for name, (train, test) in features.items()
    }
    trained = probes.pop("trained")
    return compare(trained, probes, train_labels=train_labels, test_labels=test_labels, test_groups=test_groups)


def compare(
    trained: Probe,
    baselines: Mapping[str, Probe],
    *,
    train_labels: Int64[np.ndarray, " n"],
    test_labels: Int64[np.ndarray, " m"],
    test_groups: Int64[np.ndarray, " m"] | None = None,
) -> dict[str, Any]:
    """The scores of both kinds as JSON values: ``{"knn": {...}, "linear": {...}}``.

    Each has ``value``, ``low``, ``high`` of the trained encoder; by name the same of the ``baselines``, and of the
    ``differences``, trained minus baseline; and a verdict, ``level`` and ``sentence``. All differences of both kinds
    have simultaneous intervals; ``comparisons`` is their number. Chance, the accuracy of the most frequent training
    class, is added to the baselines. With groups of test items the intervals account for similar items
    in a group.
    """
    chance = test_labels == np.bincount(train_labels).argmax()
    pairs = {
        "knn": (trained.knn, {name: each.knn for name, each in baselines.items()} | {"chance": chance}),
        "linear": (trained.linear, {name: each.linear for name, each in baselines.items()} | {"chance": chance}),
    }
    differences = [
        trained_scores * 1.0 - other for trained_scores, others in pairs.values() for other in others.values()
    ]
    level = familywise_level(differences, groups=test_groups)
    return {
        kind: _scored(trained_scores, others, level, test_groups) | {"comparisons": len(differences)}
        for kind, (trained_scores, others) in pairs.items()
    }


def _scored(
    trained: Correct, baselines: Mapping[str, Correct], level: float, groups: GroupIds | None
) -> dict[str, Any]:
    differences = {
        name: paired_interval(trained, each, level=level, groups=groups)._asdict() for name, each in baselines.items()
    }
    verdict, sentence = _verdict(differences)
    return {
        **score_interval(trained, groups=groups)._asdict(),
        "baselines": {name: score_interval(each, groups=groups)._asdict() for name, each in baselines.items()},
        "differences": differences,
        "level": verdict,
        "sentence": sentence,
    }


def _verdict(differences: Mapping[str, Mapping[str, float]]) -> tuple[str, str]:
    """A difference counts when its whole interval lies on one side of zero."""
    beaten, ahead, alike = sided(differences)
    parts = (("beats", beaten), ("is worse than", ahead), ("is not significantly different from", alike))
    clauses = [f"{verb} {conjunction([BASELINES.get(name, name) for name in names])}" for verb, names in parts if names]
    level = "bad" if ahead else "warning" if alike else "good"
    return level, f"The trained encoder {'; it '.join(clauses)}."


def sided(differences: Mapping[str, Mapping[str, float]]) -> tuple[list[str], list[str], list[str]]:
    """The names of the differences whose interval is above zero, below it, or contains it.

    >>> sided({"a": {"low": 0.1, "high": 0.2}, "b": {"low": -0.1, "high": 0.2}, "c": {"low": -0.2, "high": -0.1}})
    (['a'], ['c'], ['b'])
    """
    above = [name for name, each in differences.items() if each["low"] > 0]
    below = [name for name, each in differences.items() if each["high"] < 0]
    return above, below, [name for name in differences if name not in (*above, *below)]


def table(scores: Mapping[str, Any]) -> str:
    """The result of ``compare``, with geometry, collisions and notes where there are any, as plain text."""
    blocks = [_block(title, scores[kind]) for kind, title in KINDS.items() if kind in scores]
    if blocks:
        blocks.append(corrected(scores["linear"]["comparisons"]))
    if "classifier" in scores:
        result = scores["classifier"]
        score = "accuracy" if result["kind"] == "one" else "mean F1 per item"
        blocks.insert(
            0,
            f"The classifier: {score} {result['value']:.1%} ({result['low']:.1%} to {result['high']:.1%}) on "
            f"{result['items']:,} test items, chance {result['chance']:.1%}; "
            f"its expected calibration error is {result['calibration']:.1%} "
            f"({result['calibration_expected']:.1%} is expected of a perfectly calibrated classifier of so few items).",
        )
    if "geometry" in scores:
        result = scores["geometry"]
        blocks.append(
            f"Geometry: alignment {_known(result['alignment'])} (0 is perfect), "
            f"uniformity {result['uniformity']:.2f} (0 is collapse), "
            f"effective rank of h {result['effective_rank_h']:.1f}."
        )
    if "headline" in scores:
        blocks.insert(0, scores["headline"]["sentence"])
    learned = bool(scores.get("learned_from_labels"))
    if "collisions" in scores:
        blocks.append(sentences(scores["collisions"], advise=not learned))
    if learned:
        blocks.append(LEARNED)
    if "groups" in scores:
        blocks.append(note_on_groups(scores["groups"]))
    if "note" in scores:
        blocks.append(scores["note"])
    return "\n\n".join(filter(None, blocks))


def note_on_groups(count: int) -> str:
    """A note on intervals over groups, and on few groups.

    >>> note_on_groups(12)
    'The test items are of 12 groups, and intervals are over groups.'
    """
    if count == 1:
        return "All test items are of one group, so nothing is known of others: intervals hold all that is possible."
    warning = "" if count >= FEW_GROUPS else f" Fewer than {FEW_GROUPS} groups say little: add items of others."
    return f"The test items are of {count:,} groups, and intervals are over groups.{warning}"


def corrected(comparisons: int) -> str:
    """The joint coverage of the differences in one table."""
    return f"The intervals of all {comparisons} differences hold together in 95 % of tables."


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _block(title: str, score: Mapping[str, Any]) -> str:
    labels = {name: BASELINES.get(name, name) for name in score["baselines"]}
    width = max(len(label) for label in [title, "  trained encoder", *labels.values()]) + 2
    lines = [f"{title:{width}}  accuracy     95 % interval     trained is better by"]
    lines.append(_line("trained encoder", width, score))
    for name, label in labels.items():
        value, low, high = (100 * score["differences"][name][end] for end in ("value", "low", "high"))
        line = _line(label.removeprefix("the "), width, score["baselines"][name])
        lines.append(f"{line}     {value:+.1f} ({low:+.1f} to {high:+.1f})")
    return "\n".join([*lines, score["sentence"]])


def _line(label: str, width: int, score: Mapping[str, float]) -> str:
    return f"{'  ' + label:{width}}  {score['value']:8.1%}  {score['low']:7.1%} to {score['high']:6.1%}"
