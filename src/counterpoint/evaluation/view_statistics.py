r"""What an augmentation does to items, measured without training.

    change      sum_i |v_i - x_i| / sum_i |x_j - x_i|,         v_i a view of item x_i, j another item at random
    similarity  mean_i cosine(h_i, h'_i)                       h_i, h'_i of two views of item i
    apart       mean_i cosine(h_i, h'_j)                       the same for different items
    accuracy    mean_i [ cosine(h_i, h'_i) > cosine(h_i, h'_k) for all k != i ],       k in a block of a fixed size
    damage      mean_i ( correct(views of i) - correct(x_i) )      correct: a linear probe predicts the class of i

h is a fixed representation, standardised over the items themselves, so that different items have a cosine of about 0.
Accuracy is the task of InfoNCE (van den Oord et al. 2018, arXiv:1807.03748) before training: near 1 there is nothing to
learn, near chance there may be nothing left to recognise.  Damage measures what Tian et al. 2020, arXiv:2005.10243,
require of views: that they share what the task needs.

Use when: views are chosen before a training. Their effect on the trained model only a training can show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor
from torch.nn import functional

from counterpoint.batch import to
from counterpoint.data.groups import GroupIds, advice
from counterpoint.data.splits import split
from counterpoint.errors import InputError, LabelError
from counterpoint.evaluation.intervals import Interval, paired_interval, score_interval
from counterpoint.evaluation.label_free import recovered
from counterpoint.evaluation.linear import linear_probe
from counterpoint.evaluation.repeated_views import AT_ONCE
from counterpoint.interfaces import Items, Keys
from counterpoint.modality import Modality, augmentation_of, flat
from counterpoint.model import Model

AMONG = 256
"""Items among which one is to be recognised: a usual batch."""

VANISHED = 1e-6
"""Share of the largest deviation below which a dimension of the representation is constant."""


class Effect(NamedTuple):
    """The effect of an augmentation."""

    similarity: float
    apart: float
    raw: tuple[float, float]
    """Similarity and apart of the views themselves, without an encoder."""
    accuracy: Interval
    damage: Interval | None
    change: float | None
    """None where views have another size than items."""


class Pairs(NamedTuple):
    """Two views of every item, encoded, and their differences before encoding."""

    h: Float32[np.ndarray, "n 2 d"]
    change: float | None
    raw: tuple[float, float]


@dataclass(frozen=True)
class Known:
    """The labelled items of a sample, in two halves, each of which is tested with a probe of the other."""

    rows: Int64[np.ndarray, " m"]
    labels: Int64[np.ndarray, " m"]
    half: Bool[np.ndarray, " m"]
    groups: GroupIds | None = None
    """The group of each, which the halves do not separate."""

    @classmethod
    def of(cls, class_ids: Int64[np.ndarray, " n"], *, seed: int, groups: GroupIds | None = None) -> Known:
        """Those of classes with at least two items; -1 is unlabelled. ``groups`` are those of all items."""
        rows = np.flatnonzero(class_ids >= 0)
        rows = rows[np.bincount(class_ids[rows], minlength=1)[class_ids[rows]] >= 2]
        kept_groups = None if groups is None else groups[rows]
        half = (
            split(class_ids[rows], seed=seed, share=0.5, groups=kept_groups)[1]
            if len(rows)
            else np.zeros(0, dtype=bool)
        )
        if kept_groups is not None and not half.any():
            raise LabelError(advice(kept_groups))
        return cls(rows, class_ids[rows], half, kept_groups)

    def right(
        self, learned: Float32[np.ndarray, "n d"], *test: Float32[np.ndarray, "n d"]
    ) -> Float64[np.ndarray, " m"]:
        """The accuracy on each item, averaged over its test vectors, of a probe trained on the other half."""
        correct = np.zeros(len(self.rows))
        for half in (self.half, ~self.half):
            train = learned[self.rows[~half]]
            views = np.concatenate([each[self.rows[half]] for each in test])
            groups = None if self.groups is None else self.groups[~half]
            answers = linear_probe(train, self.labels[~half], views, seed=0, groups=groups).reshape(len(test), -1)
            correct[half] = (answers == self.labels[half]).mean(axis=0)
        return correct

    def guessed(self) -> float:
        """The accuracy of the most frequent class."""
        return float(np.bincount(self.labels).max() / len(self.labels))


class Yardstick:
    """A fixed representation of some items, with which every augmentation is measured.

    With the number of ``comparisons`` the intervals of their damage are simultaneous.
    """

    def __init__(self, model: Model, items: Items, train: Known | None, *, seed: int, comparisons: int = 1) -> None:
        self._model, self._items, self._known, self._seed = model, items, train, seed
        plain = model.represent(items)
        if not np.isfinite(plain).all():
            raise InputError("The model makes NaN or infinity of some items, so nothing can be measured with it.")
        self._mean, deviation = plain.mean(axis=0), plain.std(axis=0)
        live = deviation > VANISHED * deviation.max(initial=1e-30)
        self._scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=live)
        self._level = 1 - 0.05 / comparisons
        self._groups = None if train is None else train.groups
        self._correct = None if train is None else train.right(plain, plain)

    @property
    def among(self) -> int:
        """The number of items among which one is to be recognised."""
        return min(AMONG, len(self._items))

    @property
    def plain(self) -> Interval | None:
        """The accuracy of a probe on the items themselves."""
        return None if self._correct is None else score_interval(self._correct, groups=self._groups)

    @property
    def gain(self) -> float | None:
        """The same minus the accuracy of the most frequent class."""
        if self._correct is None or self._known is None:
            return None
        return float(self._correct.mean()) - self._known.guessed()

    def __call__(self, with_views: Modality) -> Effect:
        """The effect of a modality's augmentation on the items.

        Raises:
            InputError: The views cannot be encoded, or hold NaN.
        """
        h, change, raw = pairs(self._model, with_views, self._items, seed=self._seed)
        if not np.isfinite(h).all():
            views = with_views.settings().get("views", "auto")
            raise InputError(f"The views {views} hold NaN or infinity for some items. Mend them.")
        first, second = (self._standard(h[:, view]) for view in (0, 1))
        damage = None
        if self._known is not None and self._correct is not None:
            correct = self._known.right(h[:, 0], h[:, 0], h[:, 1])
            damage = paired_interval(correct, self._correct, level=self._level, groups=self._groups)
        return Effect(
            similarity=float((first * second).sum(axis=1).mean()),
            apart=float((first * np.roll(second, 1, axis=0)).sum(axis=1).mean()),
            raw=raw,
            accuracy=score_interval(recovered_among(first, second, among=self.among)),
            damage=damage,
            change=change,
        )

    def _standard(self, h: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
        return functional.normalize(torch.from_numpy((h - self._mean) * self._scale), dim=1).numpy()


def recovered_among(
    first: Float32[np.ndarray, "n d"], second: Float32[np.ndarray, "n d"], *, among: int
) -> Bool[np.ndarray, " n"]:
    """The items that are recognised among exactly ``among``: those of their block, the last one filled up."""
    correct = np.zeros(len(first), dtype=bool)
    for start in range(0, len(first), among):
        begin = min(start, len(first) - among)
        block = slice(begin, begin + among)
        correct[start : begin + among] = recovered(first[block], second[block])[start - begin :]
    return correct


def pairs(model: Model, with_views: Modality, items: Items, *, seed: int) -> Pairs:
    """Two views of every item, as a function of the seed alone, encoded and compared with the items."""
    encoder = model.encoder.eval()
    device, augmentation = model.device, augmentation_of(with_views)
    encoded, moved, between, alike = [], [], [], []
    with torch.inference_mode():
        for start in range(0, len(items), AT_ONCE):
            index = np.arange(start, min(start + AT_ONCE, len(items)))
            batch, item = to(items.take(index), device), torch.from_numpy(index).to(device)
            views = [augmentation(batch, Keys(seed=seed, epoch=0, step=0, view=view, item=item)) for view in (0, 1)]
            plain = with_views.inputs(batch)
            encoded.append(torch.stack([encoder(view).float().cpu() for view in views], dim=1))
            first, second, still = (flat(with_views, each) for each in (*views, plain))
            if first.shape == second.shape:
                alike.append(_alike(first, second))
            if first.shape == still.shape:
                moved.append(float((first - still).abs().sum()))
                between.append(float((still.roll(1, dims=0) - still).abs().sum()))
    change = sum(moved) / max(sum(between), 1e-12) if moved else None
    positive, other = torch.cat(alike, dim=1).mean(dim=1).tolist() if alike else (0.0, 0.0)
    return Pairs(torch.cat(encoded).numpy(), change, (positive, other))


def _alike(first: Float32[Tensor, "b d"], second: Float32[Tensor, "b d"]) -> Float32[Tensor, "2 b"]:
    """The cosine of the two views of each item, and of the first with that of another item, after centring."""
    mean = first.mean(dim=0)
    x, y = first - mean, second - mean
    return torch.stack([functional.cosine_similarity(x, each).cpu() for each in (y, y.roll(1, dims=0))])
