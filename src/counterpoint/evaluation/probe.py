"""Score frozen features in two ways and say what the scores are worth: with intervals, against baselines.

A number alone says nothing: 80 % is poor where raw pixels reach 84 %. So every score of the trained encoder
stands beside that of raw features, of an encoder that was never trained, and of always answering the most
frequent class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.evaluation.collisions import sentences
from counterpoint.evaluation.intervals import Correct, bootstrap, paired
from counterpoint.evaluation.knn import check_labelled, weighted_knn
from counterpoint.evaluation.linear import linear_probe

KINDS = {"knn": "Nearest neighbours", "linear": "Linear probe"}
BASELINES = {"raw": "raw features", "untrained": "the untrained encoder", "chance": "chance"}

LEARNED = (
    "The run has learned from labels, so these are not the scores of learning without; they are fair only where the "
    "labels of the test items were not among them."
)


@dataclass(frozen=True)
class Probe:
    """Which test items (m,) one set of features gets right, by nearest neighbours and by a linear probe."""

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
) -> Probe:
    """Learn from the training items, answer for the test items. A class unseen in training is never right."""
    check_labelled(test, test_labels, role="test")
    voted = weighted_knn(train, train_labels, test, classes=classes)
    separated = linear_probe(train, train_labels, test, seed=seed)
    return Probe(voted == test_labels, separated == test_labels)


def compare(
    trained: Probe,
    baselines: Mapping[str, Probe],
    *,
    train_labels: Int64[np.ndarray, " n"],
    test_labels: Int64[np.ndarray, " m"],
    seed: int = 0,
) -> dict[str, Any]:
    """The scores of both kinds as JSON can hold them: ``{"knn": {...}, "linear": {...}}``.

    Each has ``value``, ``low``, ``high`` of the trained encoder, ``baselines`` (name to value), ``intervals``
    (name to [low, high]) and ``differences`` (name to [value, low, high] of trained minus baseline).
    Chance, the accuracy of always answering the most frequent training class, is added to the baselines.
    """
    chance = test_labels == np.bincount(train_labels).argmax()
    knn = {name: each.knn for name, each in baselines.items()} | {"chance": chance}
    linear = {name: each.linear for name, each in baselines.items()} | {"chance": chance}
    return {"knn": _scored(trained.knn, knn, seed), "linear": _scored(trained.linear, linear, seed)}


def _scored(trained: Correct, baselines: Mapping[str, Correct], seed: int) -> dict[str, Any]:
    intervals = {name: bootstrap(each, seed=seed) for name, each in baselines.items()}
    return {
        **bootstrap(trained, seed=seed)._asdict(),
        "baselines": {name: each.value for name, each in intervals.items()},
        "intervals": {name: [each.low, each.high] for name, each in intervals.items()},
        "differences": {name: list(paired(trained, each, seed=seed)) for name, each in baselines.items()},
    }


def table(scores: Mapping[str, Any]) -> str:
    """What ``compare`` found, with geometry, collisions and notes where there are any, as plain text for people."""
    blocks = [_block(title, scores[kind]) for kind, title in KINDS.items() if kind in scores]
    if "classifier" in scores:
        found = scores["classifier"]
        right = "is right for" if found["kind"] == "one" else "has a mean F1 of classes per item of"
        blocks.insert(
            0,
            f"The classifier {right} {found['value']:.1%} ({found['low']:.1%} to {found['high']:.1%}) of "
            f"{found['items']:,} items, chance {found['chance']:.1%}; "
            f"its probabilities are off by {found['calibration']:.1%} on average.",
        )
    if "geometry" in scores:
        found = scores["geometry"]
        blocks.append(
            f"Geometry: alignment {_known(found['alignment'])} (0 is perfect), "
            f"uniformity {found['uniformity']:.2f} (0 is collapse), "
            f"effective rank {found['effective_rank']:.1f}."
        )
    learned = bool(scores.get("learned_from_labels"))
    if "collisions" in scores:
        blocks.append(sentences(scores["collisions"], advise=not learned))
    if learned:
        blocks.append(LEARNED)
    if "note" in scores:
        blocks.append(scores["note"])
    return "\n\n".join(filter(None, blocks))


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _block(title: str, score: Mapping[str, Any]) -> str:
    labels = {name: BASELINES.get(name, name) for name in score["baselines"]}
    width = max(len(label) for label in [title, "  trained encoder", *labels.values()]) + 2
    lines = [f"{title:{width}}     right     95 % interval     trained is better by"]
    lines.append(_line("trained encoder", width, score["value"], score["low"], score["high"]))
    for name, label in labels.items():
        value, low, high = (100 * each for each in score["differences"][name])
        line = _line(label.removeprefix("the "), width, score["baselines"][name], *score["intervals"][name])
        lines.append(f"{line}     {value:+.1f} ({low:+.1f} to {high:+.1f})")
    return "\n".join([*lines, _verdict(labels, score["differences"])])


def _line(label: str, width: int, value: float, low: float, high: float) -> str:
    return f"{'  ' + label:{width}}  {value:8.1%}  {low:7.1%} to {high:6.1%}"


def _verdict(labels: Mapping[str, str], differences: Mapping[str, Sequence[float]]) -> str:
    """One sentence: a difference counts when its whole interval lies on one side of zero."""
    beaten = [labels[name] for name, (_, low, _) in differences.items() if low > 0]
    ahead = [labels[name] for name, (_, _, high) in differences.items() if high < 0]
    alike = [labels[name] for name, (_, low, high) in differences.items() if low <= 0 <= high]
    parts = (("beats", beaten), ("is worse than", ahead), ("cannot be told apart from", alike))
    said = [f"{verb} {_and(found)}" for verb, found in parts if found]
    return f"The trained encoder {'; it '.join(said)}."


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
