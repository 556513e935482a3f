"""The score of every plan of a search: the same items, the same views, the same measures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool
from torch import nn

from counterpoint import rng
from counterpoint.data.subset import Subset
from counterpoint.evaluation.label_free import MEASURES, measured
from counterpoint.evaluation.labelled import Labelled
from counterpoint.evaluation.repeated_views import viewed
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.model import Model
from counterpoint.tuning.labelled_items import ProbeItems

GUIDE = "view_accuracy"
"""The measure that guides a search without labels.

Of those that were tried it agreed best with a linear probe on pictures and on a table after a short time, and was the
only one that agreed on both: docs/tuning.md has the figures, which are few. Among good plans alone it is no guide. It
depends neither on the length of vectors nor on a temperature, and is low for collapse.
"""

KNOWN, ASKED = 4000, 4000
"""The most training and test items of the probe: enough to distinguish plans in a second or two."""

ITEMS, VIEWS = 1000, 4
"""Items for the measures, and views of each."""


class Judged(NamedTuple):
    """The scores of one encoder; higher ``score`` is better."""

    score: float
    measures: dict[str, float]
    correct: Bool[np.ndarray, " m"] | None
    """The test items that the probe predicts correctly, where there are labels."""


@dataclass(frozen=True)
class Judge:
    """The items and measures by which every plan is scored."""

    modality: Modality
    """With the default views, so that a plan with weak views does not get an easier task."""
    items: Items
    """The items for the measures."""
    test: ProbeItems | None
    seed: int

    @property
    def by(self) -> str:
        """The name of the score."""
        return GUIDE if self.test is None else "linear"

    def __call__(self, encoder: nn.Module) -> Judged:
        """The scores of an encoder's representations; it is left in evaluation mode."""
        model = Model(encoder, self.modality)
        views = viewed(model, self.items, count=len(self.items), views=VIEWS, seed=self.seed)
        result = measured(model.represent(self.items), views)
        if self.test is None:
            return Judged(worth(GUIDE, result[GUIDE]), result, None)
        correct = self.test.right(model).linear
        return Judged(float(correct.mean()), result, correct)


def judge(modality: Modality, items: Items, test: ProbeItems | None, *, seed: int) -> Judge:
    """The judge of a search."""
    rows = np.sort(rng.permutation(len(items), seed=seed, epoch=-2).numpy()[:ITEMS])
    if test is not None:
        test = dataclasses.replace(test, train=_some(test.train, KNOWN, seed), test=_some(test.test, ASKED, seed))
    return Judge(modality, Subset(items, rows), test, seed)


def worth(name: str, value: float) -> float:
    """A measure, or the accuracy, as a score of which more is better."""
    return MEASURES[name].worth(value) if name in MEASURES else value


def called(name: str) -> str:
    """The name of a score for display."""
    return MEASURES[name].called if name in MEASURES else "linear probe"


def formatted(name: str, score: float, *, signed: bool = False) -> str:
    """A score for display: shares in percent, all else with three digits.

    >>> formatted("linear", 0.6123), formatted("lidar", 31.27), formatted("linear", -0.004, signed=True)
    ('61.2%', '31.3', '-0.4')
    """
    if name in ("linear", "view_accuracy"):
        return f"{100 * score:+.1f}" if signed else f"{score:.1%}"
    return f"{score:+.3g}" if signed else f"{score:.3g}"


def _some(labelled: Labelled, most: int, seed: int) -> Labelled:
    if len(labelled.labels) <= most:
        return labelled
    rows: Any = np.sort(np.random.default_rng(seed).permutation(len(labelled.labels))[:most])
    return labelled.of(rows)
