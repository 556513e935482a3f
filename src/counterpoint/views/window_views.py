r"""Views of a window of a long series: the same window a few steps earlier or later.

    view(t) = x(t + s),     s uniform in {-shift, ..., shift}

The positives of PaAno, Park & Kang 2026, arXiv:2602.01359, section 3.2, which shift one window of a pair by up to two
steps; here both are shifted.

Use when: windows that are near in time mean the same, and what differs between them is where they begin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.plans import within


@dataclass(frozen=True)
class Near:
    """The window, shifted by at most ``shift`` steps."""

    shift: int = 2
    """The most steps; items have twice as many around each window, so a larger shift has no effect later."""

    def __post_init__(self) -> None:
        within("shift", self.shift, 0)

    def __call__(
        self, around: Float[Tensor, "b c t"], key: Int64[Tensor, " b"], *, window: int
    ) -> Float[Tensor, "b c w"]:
        """One view of every window of ``window`` steps, which is in the middle of ``around``.

        >>> around = torch.arange(7.0).reshape(1, 1, 7)
        >>> view = Near()(around, rng.keys(seed=0, epoch=0, items=torch.tensor([3]), view=0), window=3)
        >>> view.diff().tolist(), view.shape
        ([[[1.0, 1.0]]], torch.Size([1, 1, 3]))
        """
        margin = (around.shape[2] - window) // 2
        shift = min(self.shift, margin)
        drawn = (rng.uniform(key, 1, "near") * (2 * shift + 1)).floor().long() - shift
        step = margin + drawn + torch.arange(window, device=around.device)
        return around.gather(2, step[:, None].expand(-1, around.shape[1], -1))

    def stronger(self, by: float) -> dict[str, float]:
        """Options that shift ``by`` times as far, and at least by one step."""
        return {"shift": max(1, round(by * self.shift))}
