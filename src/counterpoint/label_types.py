r"""Types of labels: one class per item (single-label), or any number of classes (multi-label).

    one    p = softmax(s)       loss = -log p_y
    any    p_c = sigmoid(s_c)   loss = -mean_c [ y_c log p_c + (1 - y_c) log(1 - p_c) ]

Training, calibration, distillation and evaluation are the same for both; what differs is in this file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor
from torch.nn import functional

Scores = Float[Tensor, "b k"]
ClassIds = Int64[Tensor, "b ..."]
Likely = Float32[np.ndarray, "n k"]

RARE = 10.0
"""The largest weight of a positive in a rare class, relative to a negative, in multi-label losses."""


class LabelType(ABC):
    """How scores (b, k) relate to class ids: classes (b,), or zeros and ones (b, k)."""

    @abstractmethod
    def weights(self, class_ids: ClassIds) -> Tensor:
        """Weights that make every class count the same, however many items it has."""

    @abstractmethod
    def loss(self, scores: Scores, class_ids: ClassIds, weights: Tensor | None, *, smoothed: float = 0.0) -> Tensor:
        """One loss (b,) per item; ``smoothed`` is the label smoothing: the share spread over all classes."""

    @abstractmethod
    def distillation_loss(self, scores: Scores, teacher: Scores) -> Tensor:
        """One loss (b,) per item against a teacher's scores instead of class ids."""

    @abstractmethod
    def probabilities(self, scores: Scores) -> Tensor:
        """The probability of each class for each item (b, k)."""

    @abstractmethod
    def scores(self, likely: Tensor) -> Scores:
        """Scores that give these probabilities."""

    @abstractmethod
    def decided(self, likely: Likely) -> Int64[np.ndarray, "n ..."]:
        """The predicted class ids."""

    @abstractmethod
    def right(self, decided: Int64[np.ndarray, "n ..."], class_ids: Int64[np.ndarray, "n ..."]) -> np.ndarray:
        """How correct the predictions are (n,), from 0 to 1."""

    @abstractmethod
    def sure(self, likely: Likely) -> Float32[np.ndarray, " n"]:
        """The probability that the prediction is entirely correct (n,)."""

    @abstractmethod
    def usual(self, class_ids: Int64[np.ndarray, "n ..."]) -> Int64[np.ndarray, "n ..."]:
        """The constant prediction of a majority baseline, for all items."""

    @abstractmethod
    def second(self, likely: Float32[np.ndarray, " k"]) -> int:
        """The runner-up class: what an item may be instead, or as well."""

    @abstractmethod
    def name_of(self, code: np.ndarray | np.integer[Any], classes: Sequence[str]) -> str:
        """The name of the predicted class or classes."""


class OneClass(LabelType):
    """Every item has one class."""

    def weights(self, class_ids: ClassIds) -> Tensor:
        counts = torch.bincount(class_ids)
        return len(class_ids) / (len(counts) * counts.clamp(min=1))

    def loss(self, scores: Scores, class_ids: ClassIds, weights: Tensor | None, *, smoothed: float = 0.0) -> Tensor:
        return functional.cross_entropy(
            scores, class_ids, weight=weights, reduction="none", label_smoothing=smoothed, ignore_index=-1
        )

    def distillation_loss(self, scores: Scores, teacher: Scores) -> Tensor:
        return functional.cross_entropy(scores, teacher.softmax(dim=1), reduction="none")

    def probabilities(self, scores: Scores) -> Tensor:
        return scores.softmax(dim=1)

    def scores(self, likely: Tensor) -> Scores:
        return likely.clamp(min=1e-6).log()

    def decided(self, likely: Likely) -> Int64[np.ndarray, " n"]:
        decided: np.ndarray = likely.argmax(axis=1)
        return decided

    def right(self, decided: Int64[np.ndarray, " n"], class_ids: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        same: np.ndarray = decided == class_ids
        return same

    def sure(self, likely: Likely) -> Float32[np.ndarray, " n"]:
        return likely.max(axis=1)  # type: ignore[no-any-return]

    def usual(self, class_ids: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        return np.full_like(class_ids, np.bincount(class_ids).argmax())

    def second(self, likely: Float32[np.ndarray, " k"]) -> int:
        return int(np.argsort(-likely, kind="stable")[1])

    def name_of(self, code: np.ndarray | np.integer[Any], classes: Sequence[str]) -> str:
        return classes[int(code)]


class AnyClasses(LabelType):
    """An item may have several classes, or none."""

    def weights(self, class_ids: ClassIds) -> Tensor:
        positive = class_ids.sum(dim=0).clamp(min=1)
        return ((len(class_ids) - positive) / positive).clamp(1 / RARE, RARE)

    def loss(self, scores: Scores, class_ids: ClassIds, weights: Tensor | None, *, smoothed: float = 0.0) -> Tensor:
        target = class_ids.clamp(min=0).to(scores.dtype) * (1 - smoothed) + smoothed / 2
        each = functional.binary_cross_entropy_with_logits(scores, target, pos_weight=weights, reduction="none")
        return each.mean(dim=1) * (class_ids[:, 0] >= 0)

    def distillation_loss(self, scores: Scores, teacher: Scores) -> Tensor:
        return functional.binary_cross_entropy_with_logits(scores, teacher.sigmoid(), reduction="none").mean(dim=1)

    def probabilities(self, scores: Scores) -> Tensor:
        return scores.sigmoid()

    def scores(self, likely: Tensor) -> Scores:
        return likely.logit(eps=1e-6)

    def decided(self, likely: Likely) -> Int64[np.ndarray, "n k"]:
        return (likely >= 0.5).astype(np.int64)

    def right(
        self, decided: Int64[np.ndarray, "n k"], class_ids: Int64[np.ndarray, "n k"]
    ) -> Float32[np.ndarray, " n"]:
        """F1 over the classes of each item; 1 where it has none and none is predicted."""
        both, either = (decided * class_ids).sum(axis=1), decided.sum(axis=1) + class_ids.sum(axis=1)
        return np.where(either == 0, 1.0, 2 * both / np.maximum(either, 1)).astype(np.float32)

    def sure(self, likely: Likely) -> Float32[np.ndarray, " n"]:
        """Under the assumption that classes are independent."""
        return np.maximum(likely, 1 - likely).prod(axis=1)  # type: ignore[no-any-return]

    def usual(self, class_ids: Int64[np.ndarray, "n k"]) -> Int64[np.ndarray, "n k"]:
        """Every class that most items have; where there is none, the most frequent."""
        share = class_ids.mean(axis=0)
        often = (share >= 0.5) if (share >= 0.5).any() else (share == share.max())
        return np.broadcast_to(often.astype(np.int64), class_ids.shape)

    def second(self, likely: Float32[np.ndarray, " k"]) -> int:
        """The class closest to its decision threshold."""
        return int(np.abs(likely - 0.5).argmin())

    def name_of(self, code: np.ndarray | np.integer[Any], classes: Sequence[str]) -> str:
        return BETWEEN.join(name for name, there in zip(classes, np.asarray(code), strict=True) if there) or BETWEEN


BETWEEN = "|"
"""Separates the classes of an item with several; alone, it stands for an item with none."""

LABEL_TYPES: dict[str, LabelType] = {"one": OneClass(), "any": AnyClasses()}
"""By the names used in saved classifiers."""


def named(class_ids: np.ndarray) -> str:
    """The type of some class ids: classes (n,) or zeros and ones (n, k).

    >>> named(np.asarray([0, 2, 1])), named(np.asarray([[0, 1], [1, 1]]))
    ('one', 'any')
    """
    return "one" if class_ids.ndim == 1 else "any"


def renumbered(
    class_ids: Int64[np.ndarray, "n ..."], named: Sequence[str], classes: Sequence[str]
) -> Int64[np.ndarray, "n ..."]:
    """The same classes with their indices in another list, which contains all that occur.

    >>> renumbered(np.asarray([0, 1, -1]), ["x", "y"], ["a", "y", "x"]).tolist()
    [2, 1, -1]
    >>> renumbered(np.asarray([[1, 0], [-1, -1]]), ["x", "y"], ["a", "y", "x"]).tolist()
    [[0, 0, 1], [-1, -1, -1]]
    """
    place = [classes.index(name) if name in classes else -1 for name in named]
    if class_ids.ndim == 1:
        result: np.ndarray = np.asarray([*place, -1])[class_ids]
        return result
    wider = np.where(class_ids[:, :1] == -1, -1, np.zeros((1, len(classes)), dtype=np.int64))
    for column, code in enumerate(place):
        if code >= 0:
            wider[:, code] = class_ids[:, column]
    return wider
