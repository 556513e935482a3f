"""How every plan of a search is judged: on the same items, through the same views, by the same questions."""

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
has no use for the length of vectors or for a temperature, and collapse scores nothing.
"""

KNOWN, ASKED = 4000, 4000
"""Labelled items that a probe learns from and is asked about at most: enough to tell plans apart in a second or two."""

ITEMS, VIEWS = 1000, 4
"""Items that the measures look at, and views of each."""


class Judged(NamedTuple):
    """What was found of one encoder: the more of ``score`` the better."""

    score: float
    measures: dict[str, float]
    correct: Bool[np.ndarray, " m"] | None
    """Which of the items asked about the probe gets right, where there are labels."""


@dataclass(frozen=True)
class Judge:
    """Whom and what every plan is asked."""

    modality: Modality
    """Its views are the usual ones: a plan with weak views is judged by no easier task."""
    items: Items
    """Those that the measures look at."""
    test: ProbeItems | None
    seed: int

    @property
    def by(self) -> str:
        """What the score is."""
        return GUIDE if self.test is None else "linear"

    def __call__(self, encoder: nn.Module) -> Judged:
        """What an encoder's representations are worth; it is left in the mode for use."""
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
    """A measure, or the share of right answers, turned so that more is better."""
    return MEASURES[name].worth(value) if name in MEASURES else value


def called(name: str) -> str:
    """What a score is called for people."""
    return MEASURES[name].called if name in MEASURES else "linear probe"


def formatted(name: str, score: float, *, signed: bool = False) -> str:
    """A score for people: shares in percent, all else in three digits.

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
