"""The predictions of a classifier: which classes it confuses, and its most wrong and least certain items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.reports.columns import Columns, columns
from counterpoint.reports.run_contents import Run
from counterpoint.reports.sample import called
from counterpoint.reports.thumbnails import Thumbnail, shown

SIDE = 224
"""Side of a picture in pixels: twice that on the page, for high-resolution screens."""

CLASSES = 20
"""Classes for which every pair is shown; for more, only the most confused pairs."""

PAIRS = 15

CALLED = {
    "probe": "linear probe",
    "finetuned": "fine-tuned encoder",
    "student": "student",
    "raw": "linear probe of raw features",
    "chance": "most frequent class",
}


@dataclass(frozen=True)
class Answer:
    """An item and its prediction; ``label`` is empty where unknown."""

    name: str
    picture: Thumbnail
    answer: str
    probability: str
    second: str
    label: str


@dataclass(frozen=True)
class Cell:
    """The number of items of one class predicted as another, and their share of the class, from 0 to 1."""

    count: int
    share: float


@dataclass(frozen=True)
class Pair:
    """Items of a class that were predicted as another."""

    label: str
    answer: str
    count: int
    share: str


@dataclass(frozen=True)
class Tried:
    """A candidate classifier, or a baseline, in cross-validation."""

    name: str
    delivered: bool
    right: str
    interval: str
    loss: str


class Examples(NamedTuple):
    """Some items with their predictions, and the contents of their columns where they have any."""

    cards: Sequence[Answer]
    columns: Columns


@dataclass(frozen=True)
class Answers:
    """The section of a classifier."""

    sentence: str
    tried: Sequence[Tried]
    classes: Sequence[str]
    confusion: Sequence[Sequence[Cell]]
    pairs: Sequence[Pair]
    most_wrong: Examples
    least_certain: Examples


def answers(run: Run, modality: Modality, test: Items | None, items: Items | None) -> Answers:
    """From the records of ``evaluate`` and ``semi``, with pictures where the items can be opened."""
    result: Mapping[str, Any] = run.evaluation.get("classifier", {})
    classes = result.get("classes", [])
    counts = np.asarray(result.get("confusion", np.zeros((0, 0))), dtype=np.int64).reshape(len(classes), len(classes))
    return Answers(
        sentence=_sentence(result, rehearsal=bool(run.evaluation.get("rehearsal"))) if result else "",
        tried=_tried(run.judgement),
        classes=classes,
        confusion=_cells(counts) if len(classes) <= CLASSES else [],
        pairs=_pairs(counts, classes),
        most_wrong=_examples(result.get("most_wrong", []), modality, test),
        least_certain=_examples(run.least_certain, modality, items),
    )


def _sentence(result: Mapping[str, Any], *, rehearsal: bool) -> str:
    who = "In cross-validation the classifier" if rehearsal else "The classifier"
    score = "accuracy" if result.get("kind", "one") == "one" else "mean F1 per item"
    whom = "held-out labels" if rehearsal else "test items"
    return (
        f"{who}: {score} {result['value']:.1%} ({100 * result['low']:.1f} to {100 * result['high']:.1f}) on "
        f"{result['items']:,} {whom}; the most frequent class alone gives {result['chance']:.1%}. "
        f"Its expected calibration error is {100 * result['calibration']:.1f} points; "
        f"{100 * result['calibration_expected']:.1f} are expected of a perfectly calibrated classifier of so few items."
    )


def _tried(judgement: Mapping[str, Any]) -> list[Tried]:
    """The candidate classifiers, then their baselines; those that were scored."""
    rows = []
    for name, score in [*judgement.get("candidates", {}).items(), *judgement.get("baselines", {}).items()]:
        if score is not None:
            interval = f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"
            loss = f"{score['loss']:.2f}" if "loss" in score else ""
            called = CALLED.get(name, name)
            rows.append(Tried(called, name == judgement["delivered"], f"{score['value']:.1%}", interval, loss))
    return rows


def _cells(counts: np.ndarray) -> list[list[Cell]]:
    totals = np.maximum(counts.sum(axis=1), 1)
    return [[Cell(int(n), float(n / total)) for n in row] for row, total in zip(counts, totals, strict=True)]


def _pairs(counts: np.ndarray, classes: Sequence[str]) -> list[Pair]:
    """The most confused pairs of classes."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    result = []
    for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if wrong[i, j] > 0:
            result.append(Pair(classes[i], classes[j], int(wrong[i, j]), f"{wrong[i, j] / counts[i].sum():.0%}"))
    return result


def _examples(records: Sequence[Mapping[str, Any]], modality: Modality, items: Items | None) -> Examples:
    """The items of these records, with pictures and names, where all of them can be opened."""
    place = {} if items is None else {name: row for row, name in enumerate(items.names)}
    if items is None or any(each["name"] not in place for each in records):
        rows, names, items = np.zeros(0, dtype=np.int64), [each["name"] for each in records], None
    else:
        rows = np.array([place[each["name"]] for each in records], dtype=np.int64)
        names = called(items, rows.tolist())
    pictures = shown(modality, items, rows, side=SIDE) or [Thumbnail()] * len(records)
    cards = [
        Answer(
            name=name,
            picture=picture,
            answer=each["answer"],
            probability=f"{each['probability']:.0%}",
            second=each["second"],
            label=each.get("label", ""),
        )
        for each, name, picture in zip(records, names, pictures, strict=True)
    ]
    return Examples(cards, columns(modality, items, rows))
