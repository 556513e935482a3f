r"""Shortcuts: metadata that predicts the label, so that a classifier can ignore the item itself.

    prediction in bin b  =  argmax_k n_bk,       n_bk the number of training items of class k in bin b

Numbers are cut into twenty bins of equally many items; other columns have a bin for every value.  The accuracy of the
prediction, cross-validated by groups, is compared with the share of the largest class; the intervals of all columns
hold simultaneously (``evaluation.multiple_comparisons``).  Geirhos et al. 2020, arXiv:2004.07780, "Shortcut learning in
deep neural networks"; Zech et al. 2018, "Variable generalization performance", is the case of a hospital in X-rays.

Conversely, a kNN classifier of the vectors predicts the bin of the metadata, of five.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from counterpoint.evaluation.intervals import Interval, paired_interval, score_interval
from counterpoint.evaluation.knn import weighted_knn
from counterpoint.evaluation.multiple_comparisons import familywise_level

BINS, COARSE, VALUES = 20, 5, 200
"""Bins of numbers that predict, bins that are predicted, and the most values of a column."""

FOLDS, SAMPLE, FEWEST = 5, 4000, 20
"""Folds of the cross-validation, items of the kNN classifier, and the fewest items that are evaluated."""

Column = Sequence[Any] | np.ndarray


@dataclass(frozen=True)
class Shortcut:
    """A column of metadata, how well it predicts the label, and how well the vectors predict it."""

    column: str
    accuracy: Interval | None
    """Of predicting the label from this column alone; None without labels."""
    majority: float | None
    """The share of the largest class."""
    gain: Interval | None
    """The difference of the two; the intervals of all columns hold simultaneously at 95 %."""
    embedding: Interval | None
    """The accuracy of a kNN classifier of the vectors for this column, less the share of its largest bin; likewise."""

    @property
    def predicts(self) -> bool:
        """Whether the interval of the gain is above zero."""
        return self.gain is not None and self.gain.low > 0


def shortcuts(
    metadata: Mapping[str, Column],
    vectors: Float32[np.ndarray, "n d"],
    class_ids: Int64[np.ndarray, " n"] | None,
    groups: Int64[np.ndarray, " n"],
    *,
    seed: int = 0,
) -> list[Shortcut]:
    """Every column that varies, the best predictor of the label first.

    Args:
        metadata: A value for every item, by column.
        vectors: One for every item.
        class_ids: The class of every item, -1 where unlabelled; None without labels.
        groups: Items that are in the same fold.
        seed: Names the folds.
    """
    binned = {name: bins for name, cells in metadata.items() if (bins := bins_of(cells, BINS)) is not None}
    embedding = _predicted_by_vectors({name: metadata[name] for name in binned}, vectors, seed)
    labelled = np.zeros(0, dtype=np.int64) if class_ids is None else np.flatnonzero(class_ids >= 0)
    if class_ids is None or len(labelled) < FEWEST:
        return [Shortcut(name, None, None, None, embedding.get(name)) for name in binned]
    label, of_label = class_ids[labelled], groups[labelled]
    majority = label == np.bincount(label).argmax()
    correct = {name: _correct(bins[labelled], label, of_label, seed) for name, bins in binned.items()}
    gain = _gains({name: (each, majority) for name, each in correct.items()}, groups=of_label)
    result = [
        Shortcut(name, score_interval(each, groups=of_label), float(majority.mean()), gain[name], embedding.get(name))
        for name, each in correct.items()
    ]
    return sorted(result, key=lambda each: -each.gain.value if each.gain else 0.0)


def bins_of(cells: Column, count: int) -> Int64[np.ndarray, " n"] | None:
    """The bin of every item, 0 for a missing value; None for a column that is constant or has too many values.

    >>> bins_of([3.0, 1.0, None, 2.0, 1.5], 2).tolist(), bins_of(["a", "a"], 2)
    ([2, 1, 0, 2, 1], None)
    """
    missing = np.asarray([each is None or each != each or each == "" for each in cells], dtype=bool)
    present = [each for each, lacks in zip(cells, missing, strict=True) if not lacks]
    if not present:
        return None
    if all(isinstance(each, int | float | np.number) and not isinstance(each, bool) for each in present):
        values = np.asarray(present, dtype=np.float64)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
        codes = np.searchsorted(edges, values, side="right") if len(np.unique(values)) > count else values
    else:
        codes = np.asarray([str(each) for each in present])
    different, place = np.unique(codes, return_inverse=True)
    if len(different) < 2 - bool(missing.any()) or len(different) > min(VALUES, len(cells) / 2):
        return None
    bins = np.zeros(len(cells), dtype=np.int64)
    bins[~missing] = place.reshape(-1) + 1
    return bins


def _correct(
    bins: Int64[np.ndarray, " m"], label: Int64[np.ndarray, " m"], groups: Int64[np.ndarray, " m"], seed: int
) -> Bool[np.ndarray, " m"]:
    """Whether each label is the most frequent of its bin in the other folds, or of all where the bin is empty."""
    _, place = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(int(place.max()) + 1)[place.reshape(-1)] % FOLDS
    correct = np.zeros(len(label), dtype=bool)
    for number in range(FOLDS):
        held, kept = fold == number, fold != number
        counts = np.zeros((bins.max() + 1, label.max() + 1))
        np.add.at(counts, (bins[kept], label[kept]), 1)
        counts += 1e-6 * counts.sum(axis=0)
        correct[held] = counts.argmax(axis=1)[bins[held]] == label[held]
    return correct


def _predicted_by_vectors(
    metadata: Mapping[str, Column], vectors: Float32[np.ndarray, "n d"], seed: int
) -> dict[str, Interval]:
    """By column the accuracy of a kNN classifier of the vectors, fitted to half of the items, less the largest bin."""
    sample = np.random.default_rng(seed).permutation(len(vectors))[:SAMPLE]
    train, test = sample[::2], sample[1::2]
    correct = {}
    for name, cells in metadata.items():
        bins = bins_of(cells, COARSE)
        if bins is not None and len(bins) >= 2 * FEWEST:
            predicted = weighted_knn(vectors[train], bins[train], vectors[test], classes=int(bins.max()) + 1)
            correct[name] = (predicted == bins[test], bins[test] == np.bincount(bins[train]).argmax())
    return _gains(correct)


def _gains(
    correct: Mapping[str, tuple[Bool[np.ndarray, " m"], Bool[np.ndarray, " m"]]],
    *,
    groups: Int64[np.ndarray, " m"] | None = None,
) -> dict[str, Interval]:
    """The difference in accuracy of each pair of predictions, with intervals that hold simultaneously."""
    level = familywise_level([one * 1.0 - other for one, other in correct.values()], groups=groups)
    return {name: paired_interval(one, other, level=level, groups=groups) for name, (one, other) in correct.items()}
