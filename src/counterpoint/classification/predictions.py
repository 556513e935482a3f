"""Predictions of a classifier: arrays with a row for every item, and the items one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from jaxtyping import Float32

from counterpoint.errors import counted
from counterpoint.output.html import html_table
from counterpoint.output.results import frame_of

SHOWN = 20
"""Items that ``str`` shows."""


@dataclass(frozen=True)
class Prediction:
    """The prediction for one item."""

    name: str
    label: str
    probability: float


@dataclass(frozen=True, repr=False, eq=False)
class Predictions(Sequence[Prediction]):
    """Predictions for items, in order; ``str`` is a table.

    >>> likely = np.asarray([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    >>> some = Predictions(["a", "b"], np.asarray(["cat", "dog"]), likely, ["cat", "dog"], likely.max(axis=1))
    >>> print(some)
    name  label  probability
    a     cat          0.900
    b     dog          0.800
    >>> [each.label for each in some]
    ['cat', 'dog']
    """

    names: Sequence[str]
    labels: np.ndarray
    """The most probable class of each (n,); multi-label ones separated by ``|``."""
    probabilities: Float32[np.ndarray, "n k"]
    """The probability of each class for each item, in the order of ``classes``."""
    classes: Sequence[str]
    confidence: Float32[np.ndarray, " n"]
    """The probability that each label is correct."""

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, row: int) -> Prediction: ...
    @overload
    def __getitem__(self, row: slice) -> list[Prediction]: ...
    def __getitem__(self, row: int | slice) -> Prediction | list[Prediction]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        return Prediction(self.names[row], str(self.labels[row]), float(self.confidence[row]))

    def __repr__(self) -> str:
        return f"Predictions({counted(len(self), 'item')}, {counted(len(self.classes), 'class', 'classes')})"

    def _repr_html_(self) -> str:
        rows = ((each.name, each.label, f"{each.probability:.3f}") for each in self)
        return html_table(repr(self), rows, ("name", "label", "probability"))

    def __str__(self) -> str:
        shown = self[:SHOWN]
        wide = max(4, *(len(each.name) for each in shown), 0), max(5, *(len(each.label) for each in shown), 0)
        text = [f"{'name':{wide[0]}}  {'label':{wide[1]}}  probability"]
        text += [f"{each.name:{wide[0]}}  {each.label:{wide[1]}}  {each.probability:11.3f}" for each in shown]
        more = len(self) - len(shown)
        return "\n".join([*text, *([f"... and {counted(more, 'item')} more"] if more else [])])

    def to_frame(self) -> Any:
        """A data frame of pandas, or else of polars: ``label`` and ``probability``, with the names as its index."""
        return frame_of({"label": self.labels.tolist(), "probability": self.confidence}, self.names)
