"""Windows of long series as items, cut when they are taken, with steps around them that views may shift into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from counterpoint.interfaces import ItemsInfo


class WindowInfo(NamedTuple):
    """Where items that are windows of long series lie."""

    series: Int64[np.ndarray, " n"]
    """The series of each window."""
    start: Int64[np.ndarray, " n"]
    """Its first step, counted within its series; ascending within a series."""
    width: int
    """The steps of a window."""
    bounds: Int64[np.ndarray, " m"]
    """The series i has the steps ``bounds[i]`` to ``bounds[i + 1]``, exclusive, of all steps of the source."""
    rows: Int64[np.ndarray, " s"] | None = None
    """The row of the source of every step, where those are in another order."""

    @property
    def middle(self) -> Int64[np.ndarray, " n"]:
        """The middle step of every window, among all steps of the source."""
        steps: np.ndarray = self.bounds[self.series] + self.start + self.width // 2
        return steps

    @property
    def middle_rows(self) -> Int64[np.ndarray, " n"]:
        """The row of the source of every window's middle step."""
        return self.middle if self.rows is None else self.rows[self.middle]

    @classmethod
    def of(cls, bounds: Int64[np.ndarray, " m"], *, width: int, stride: int) -> WindowInfo:
        """The windows of every series, ``stride`` steps apart; none of series that are shorter than a window.

        >>> WindowInfo.of(np.array([0, 5, 7]), width=3, stride=2).start.tolist()
        [0, 2]
        """
        starts = [np.arange(0, length - width + 1, stride) for length in np.diff(bounds)]
        series = np.repeat(np.arange(len(starts)), [len(each) for each in starts])
        return cls(series, np.concatenate(starts).astype(np.int64), width, bounds)

    def take(self, index: Int64[np.ndarray, " b"]) -> WindowInfo:
        """Some of the windows."""
        return self._replace(series=self.series[index], start=self.start[index])


@dataclass(frozen=True)
class WindowItems:
    """Windows of ``width`` steps of stacked series, and ``context`` steps at either side of each.

    >>> steps = torch.arange(6.0)[:, None]
    >>> items = WindowItems(steps, WindowInfo.of(np.array([0, 6]), width=3, stride=1), ["a"], context=1)
    >>> len(items), items.names[2], items.take(np.array([0, 3])).tolist()
    (4, 'a, steps 2 to 4', [[[0.0, 0.0, 1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0, 5.0, 5.0]]])
    """

    steps: Float32[Tensor, "s c"]
    windows: WindowInfo
    series: Sequence[str]
    context: int
    labels: Sequence[Any] | None = None
    """The label of every window: that of its middle step."""
    groups: Sequence[Any] | None = None
    notes: Sequence[str] = ()

    @cached_property
    def names(self) -> Sequence[str]:
        """The series of every window, and its first and last step."""
        last = self.windows.width - 1
        return [
            f"{self.series[series]}, steps {start} to {start + last}"
            for series, start in zip(self.windows.series.tolist(), self.windows.start.tolist(), strict=True)
        ]

    @property
    def info(self) -> ItemsInfo:
        """The metadata of their source."""
        return ItemsInfo(groups=self.groups, notes=self.notes, windows=self.windows)

    def __len__(self) -> int:
        return len(self.windows.start)

    def take(self, index: Int64[np.ndarray, " b"]) -> Float32[Tensor, "b c t"]:
        """The windows with their context; beyond the ends of a series its first or last step is repeated."""
        first = self.windows.bounds[self.windows.series[index]]
        last = self.windows.bounds[self.windows.series[index] + 1] - 1
        around = np.arange(-self.context, self.windows.width + self.context)
        at = np.clip((first + self.windows.start[index])[:, None] + around, first[:, None], last[:, None])
        return self.steps[torch.from_numpy(at)].transpose(1, 2).contiguous()
