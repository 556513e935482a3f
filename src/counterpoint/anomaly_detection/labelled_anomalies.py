"""Which labels mean an anomaly: all but that of normal items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from counterpoint.data.labels import Labels
from counterpoint.data.splits import is_labelled
from counterpoint.data.window_items import WindowInfo
from counterpoint.errors import LabelError, closest, listed

USUAL = ("good", "normal", "ok", "inlier", "healthy", "benign", "negative", "false", "no", "0")
"""Labels that mean normal where none is named; any capitals."""


class Truth(NamedTuple):
    """Which items have a label, and which are anomalies by it."""

    labelled: Bool[np.ndarray, " m"]
    anomalous: Bool[np.ndarray, " m"]
    normal: str
    """The label of normal items."""
    events: Bool[np.ndarray, " s"] | None = None
    """Whether every step of series is one of an anomaly, where items are windows."""

    def of_windows(self, windows: WindowInfo) -> Truth:
        """From what is true of every step of the source: a window has the label of its middle step."""
        order = slice(None) if windows.rows is None else windows.rows
        labelled, anomalous = self.labelled[order], self.anomalous[order]
        return Truth(labelled[windows.middle], anomalous[windows.middle], self.normal, anomalous)


def truth_of(labels: Labels, normal: str | None) -> Truth:
    """What labels say.

    >>> labels = Labels(np.asarray([0, 1, -1]), ["crack", "good"])
    >>> truth_of(labels, None).anomalous.tolist()
    [True, False, False]

    Raises:
        LabelError: Items have several labels, or none of them is that of normal items.
    """
    if labels.class_ids.ndim != 1:
        raise LabelError("An item is an anomaly or not, and these labels name several classes. Leave out --labels.")
    chosen = _normal(labels.classes, normal)
    there = is_labelled(labels.class_ids)
    return Truth(there, there & (labels.class_ids != labels.classes.index(chosen)), chosen)


def _normal(classes: list[str], normal: str | None) -> str:
    if normal is not None:
        if normal not in classes:
            raise LabelError(
                f"No item has the label --normal-label={normal!r}.{closest(normal, classes)} Labels: {listed(classes)}."
            )
        return normal
    usual = [name for name in classes if name.strip().lower() in USUAL]
    if len(usual) != 1:
        raise LabelError(f"Which of the labels {listed(classes)} is that of normal items? Say it with --normal-label.")
    return usual[0]
