"""What depends on what among some items: the group of each, and for windows of long series where they lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from counterpoint.anomaly_detection.overlapping_windows import apart, averaged, blocks, segments
from counterpoint.data.window_items import WindowInfo

FOLDS = 5
"""Parts in which items are scored out of fold."""

Rows = Int64[np.ndarray, " _"]


class Units(NamedTuple):
    """The items that are split: items of one group are never in two parts, windows in two parts share no step."""

    groups: Int64[np.ndarray, " n"]
    """The group of every item; a number of its own for each without groups."""
    windows: WindowInfo | None = None
    in_time: bool = False
    """Whether parts are stretches of time, as there are windows, and no groups were given."""

    @classmethod
    def of(cls, count: int, groups: Int64[np.ndarray, " n"] | None, windows: WindowInfo | None) -> Units:
        """Of so many items; windows without groups are grouped by stretches of one window length.

        >>> Units.of(3, None, None).groups.tolist()
        [0, 1, 2]
        """
        if groups is not None:
            return cls(groups, windows)
        return cls(np.arange(count)) if windows is None else cls(blocks(windows), windows, in_time=True)

    @property
    def grouped(self) -> bool:
        """Whether several items share a group."""
        return len(np.unique(self.groups)) < len(self.groups)

    def halves(self, *, seed: int) -> tuple[Rows, Rows]:
        """The rows to fit a score to, and those to calibrate it with: half of the groups each, drawn at random.

        The draw does not depend on the sizes of groups: if larger ones were fitted to, those left would not be
        exchangeable with new ones.  In time, the later half of every series calibrates.

        >>> [sorted(set(part.tolist())) for part in Units(np.asarray([7, 7, 8, 8])).halves(seed=0)]
        [[0, 1], [2, 3]]
        """
        if self.in_time and self.windows is not None:
            fitting = segments(self.windows, 2) == 0
        else:
            units, place = np.unique(self.groups, return_inverse=True)
            fitting = (np.random.default_rng(seed).permutation(len(units)) < len(units) // 2)[place]
        calibrating = np.flatnonzero(~fitting)
        return self.apart(np.flatnonzero(fitting), calibrating), calibrating

    def folds(self, *, seed: int) -> Int64[np.ndarray, " n"]:
        """The fold of every item."""
        if self.in_time and self.windows is not None:
            return segments(self.windows, FOLDS)
        units, place = np.unique(self.groups, return_inverse=True)
        folds: np.ndarray = np.random.default_rng(seed).permutation(len(units))[place] % min(FOLDS, max(1, len(units)))
        return folds

    def apart(self, rows: Rows, others: Rows) -> Rows:
        """Those of ``rows`` that share no step with one of ``others``."""
        return rows if self.windows is None else apart(self.windows, rows, others)

    def averaged(self, scores: Float64[np.ndarray, " k"], rows: Rows | None = None) -> Float64[np.ndarray, " k"]:
        """The scores of all items, or of those in ``rows``; of windows averaged over those that overlap."""
        if self.windows is None:
            return scores
        return averaged(scores, self.windows if rows is None else self.windows.take(rows))
