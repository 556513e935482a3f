r"""Shortcuts: metadata that predicts the label, so that a classifier need not look at the item.

    answer of a bin  =  argmax_k n_bk,       n_bk the items of class k whose metadata lies in bin b, without the fold

Numbers are cut into twenty bins of equally many items, and of other columns every value is a bin.  The accuracy of
those answers, cross-validated with groups, stands beside that of always answering the largest class; intervals of all
columns hold together (``evaluation.multiple_comparisons``).  Geirhos et al. 2020, arXiv:2004.07780, name the trouble; that a
detector of a disease reads the hospital off the picture is of Zech et al. 2018, "Variable generalization performance".

The other way about, whether the vectors tell the metadata: a vote of neighbours for its bin, of five.
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
"""Bins of numbers that predict, of those that are predicted, and different values that a column has at most."""

FOLDS, SAMPLE, FEWEST = 5, 4000, 20
"""Of cross-validation, items that neighbours are sought among, and items that anything is said of."""

Column = Sequence[Any] | np.ndarray


@dataclass(frozen=True)
class Shortcut:
    """A column of metadata, how well it predicts the label alone, and how well vectors predict it."""

    column: str
    accuracy: Interval | None
    """Of the label, from this column alone; None without labels."""
    majority: float | None
    """The accuracy of always answering the largest class."""
    gain: Interval | None
    """How much better than that; all columns together hold at 95 %."""
    embedding: Interval | None
    """How much better neighbours predict the column than its largest bin does."""

    @property
    def predicts(self) -> bool:
        """Whether the whole interval of the gain lies above zero."""
        return self.gain is not None and self.gain.low > 0


def shortcuts(
    metadata: Mapping[str, Column],
    vectors: Float32[np.ndarray, "n d"],
    class_ids: Int64[np.ndarray, " n"] | None,
    groups: Int64[np.ndarray, " n"],
    *,
    seed: int = 0,
) -> list[Shortcut]:
    """Every column that varies, those first that predict the label best; groups are never parted."""
    binned = {name: bins_of(cells, BINS) for name, cells in metadata.items()}
    names = [name for name, bins in binned.items() if bins is not None]
    labelled = np.zeros(0, dtype=np.int64) if class_ids is None else np.flatnonzero(class_ids >= 0)
    right: dict[str, np.ndarray] = {}
    majority = np.zeros(0, dtype=bool)
    if class_ids is not None and len(labelled) >= FEWEST:
        of, label = groups[labelled], class_ids[labelled]
        majority = _answered(np.zeros(len(label), dtype=np.int64), label, of, seed)
        right = {name: _answered(binned[name][labelled], label, of, seed) for name in names}
    level = familywise_level([each * 1.0 - majority for each in right.values()], groups=groups[labelled])
    result = []
    for name in names:
        accuracy = gain = None
        if name in right:
            accuracy = score_interval(right[name], groups=groups[labelled])
            gain = paired_interval(right[name], majority, level=level, groups=groups[labelled])
        known = _by_neighbours(vectors, metadata[name], seed)
        result.append(Shortcut(name, accuracy, float(majority.mean()) if right else None, gain, known))
    return sorted(result, key=lambda each: -each.gain.value if each.gain else 0.0)


def bins_of(cells: Column, count: int) -> Int64[np.ndarray, " n"] | None:
    """The bin of every item, 0 where there is no value; None where the column says the same, or nothing twice.

    >>> bins_of([3.0, 1.0, None, 2.0, 1.5], 2).tolist(), bins_of(["a", "a"], 2)
    ([2, 1, 0, 2, 1], None)
    """
    missing = np.asarray([each is None or each != each or each == "" for each in cells], dtype=bool)
    known = [each for each, lacks in zip(cells, missing, strict=True) if not lacks]
    if not known:
        return None
    if all(isinstance(each, int | float | np.number) and not isinstance(each, bool) for each in known):
        values = np.asarray(known, dtype=np.float64)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
        codes = np.searchsorted(edges, values, side="right") if len(np.unique(values)) > count else values
    else:
        codes = np.asarray([str(each) for each in known])
    different, place = np.unique(codes, return_inverse=True)
    if len(different) < 2 - bool(missing.any()) or len(different) > min(VALUES, len(cells) / 2):
        return None
    bins = np.zeros(len(cells), dtype=np.int64)
    bins[~missing] = place.reshape(-1) + 1
    return bins


def _answered(
    bins: Int64[np.ndarray, " m"], label: Int64[np.ndarray, " m"], groups: Int64[np.ndarray, " m"], seed: int
) -> Bool[np.ndarray, " m"]:
    """Whether each label is the most frequent of its bin in the other folds, or of all where the bin is new."""
    _, place = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(int(place.max()) + 1)[place.reshape(-1)] % FOLDS
    right = np.zeros(len(label), dtype=bool)
    for number in range(FOLDS):
        held, kept = fold == number, fold != number
        counts = np.zeros((bins.max() + 1, label.max() + 1))
        np.add.at(counts, (bins[kept], label[kept]), 1)
        counts += 1e-6 * counts.sum(axis=0)
        right[held] = counts.argmax(axis=1)[bins[held]] == label[held]
    return right


def _by_neighbours(vectors: Float32[np.ndarray, "n d"], cells: Column, seed: int) -> Interval | None:
    """How much better neighbours of one half tell the bins of the other than the largest bin does."""
    bins = bins_of(cells, COARSE)
    if bins is None or len(bins) < 2 * FEWEST:
        return None
    some = np.random.default_rng(seed).permutation(len(bins))[:SAMPLE]
    one, other = some[::2], some[1::2]
    voted = weighted_knn(vectors[one], bins[one], vectors[other], classes=int(bins.max()) + 1)
    largest = np.bincount(bins[one]).argmax()
    return paired_interval(voted == bins[other], bins[other] == largest)
