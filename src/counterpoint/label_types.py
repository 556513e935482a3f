r"""How items are named: each with one class of several, or with any number of them.

    one    p = softmax(s)       loss = -log p_y
    any    p_c = sigmoid(s_c)   loss = -mean_c [ y_c log p_c + (1 - y_c) log(1 - p_c) ]

What learns, calibrates, distils and asks is the same for both; what differs stands here.
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
"""What an item of a rare class counts at most, where items may be of several, against one that is not of it."""


class LabelType(ABC):
    """What scores (b, k) mean, and how far they are from codes: classes (b,), or zeros and ones (b, k)."""

    @abstractmethod
    def weights(self, class_ids: ClassIds) -> Tensor:
        """What makes every class count the same, however many items it has."""

    @abstractmethod
    def loss(self, scores: Scores, class_ids: ClassIds, weights: Tensor | None, *, smoothed: float = 0.0) -> Tensor:
        """One loss (b,) for each item; ``smoothed`` is the share of certainty that is spread over all classes."""

    @abstractmethod
    def distillation_loss(self, scores: Scores, teacher: Scores) -> Tensor:
        """One loss (b,) for each item against a teacher's scores instead of codes."""

    @abstractmethod
    def probabilities(self, scores: Scores) -> Tensor:
        """How likely each item is of each class (b, k)."""

    @abstractmethod
    def scores(self, likely: Tensor) -> Scores:
        """Scores that mean these probabilities."""

    @abstractmethod
    def decided(self, likely: Likely) -> Int64[np.ndarray, "n ..."]:
        """What items are taken for, as codes."""

    @abstractmethod
    def right(self, decided: Int64[np.ndarray, "n ..."], class_ids: Int64[np.ndarray, "n ..."]) -> np.ndarray:
        """How right that is (n,), from 0 to 1."""

    @abstractmethod
    def sure(self, likely: Likely) -> Float32[np.ndarray, " n"]:
        """How likely it is that all of it is right (n,)."""

    @abstractmethod
    def usual(self, class_ids: Int64[np.ndarray, "n ..."]) -> Int64[np.ndarray, "n ..."]:
        """What an answer that looks at no item would be: the same for all."""

    @abstractmethod
    def second(self, likely: Float32[np.ndarray, " k"]) -> int:
        """The class that an item may be of instead, or as well."""

    @abstractmethod
    def name_of(self, code: np.ndarray | np.integer[Any], classes: Sequence[str]) -> str:
        """The name of what an item is taken for."""


class OneClass(LabelType):
    """Every item is of one class."""

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
    """An item may be of several classes, or of none."""

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
        """F1 of the classes of each item; 1 where it is of none and taken for none."""
        both, either = (decided * class_ids).sum(axis=1), decided.sum(axis=1) + class_ids.sum(axis=1)
        return np.where(either == 0, 1.0, 2 * both / np.maximum(either, 1)).astype(np.float32)

    def sure(self, likely: Likely) -> Float32[np.ndarray, " n"]:
        """As if one class said nothing of another."""
        return np.maximum(likely, 1 - likely).prod(axis=1)  # type: ignore[no-any-return]

    def usual(self, class_ids: Int64[np.ndarray, "n k"]) -> Int64[np.ndarray, "n k"]:
        """Every class that most items are of; where there is none, the most frequent."""
        share = class_ids.mean(axis=0)
        often = (share >= 0.5) if (share >= 0.5).any() else (share == share.max())
        return np.broadcast_to(often.astype(np.int64), class_ids.shape)

    def second(self, likely: Float32[np.ndarray, " k"]) -> int:
        """The class that is nearest to being decided otherwise."""
        return int(np.abs(likely - 0.5).argmin())

    def name_of(self, code: np.ndarray | np.integer[Any], classes: Sequence[str]) -> str:
        return BETWEEN.join(name for name, there in zip(classes, np.asarray(code), strict=True) if there) or BETWEEN


BETWEEN = "|"
"""Stands between the classes of an item that is of several, and alone for an item of none."""

LABEL_TYPES: dict[str, LabelType] = {"one": OneClass(), "any": AnyClasses()}
"""By the names that a saved classifier gives them."""


def named(class_ids: np.ndarray) -> str:
    """Which of the two the codes are: classes (n,) or zeros and ones (n, k).

    >>> named(np.asarray([0, 2, 1])), named(np.asarray([[0, 1], [1, 1]]))
    ('one', 'any')
    """
    return "one" if class_ids.ndim == 1 else "any"


def renumbered(
    class_ids: Int64[np.ndarray, "n ..."], named: Sequence[str], classes: Sequence[str]
) -> Int64[np.ndarray, "n ..."]:
    """The same names with the numbers that the classes have in another list, which holds all that occur.

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
