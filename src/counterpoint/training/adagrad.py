r"""Adagrad with one learning rate per row of a table, for tables of which a step uses few rows.

    s_r <- s_r + mean_j g_rj^2
    w_r <- w_r - rate g_r / (sqrt(s_r) + eps)

Duchi, Hazan & Singer 2011, JMLR 12, section 1.1, per row instead of per entry, as is usual for large tables (Mudigere
et al. 2022, arXiv:2104.05158).  Rows that were updated often take small steps; those of rare words take large ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from counterpoint.training.optimizers import Groups, groups

LITTLE = 1e-10
"""The eps of the formula."""


def adagrad(method: nn.Module, *, learning_rate: float = 0.16, weight_decay: float = 0.0) -> Optimizer:
    """Row-wise Adagrad; a parameter that is not a matrix has one rate per entry."""
    return Adagrad(groups(method, weight_decay), learning_rate=learning_rate)


class Adagrad(Optimizer):
    """The formula above; a sparse gradient updates only the rows it contains."""

    def __init__(self, params: Groups, *, learning_rate: float) -> None:
        super().__init__(params, {"lr": learning_rate})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every weight once."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, rate=group["lr"], decay=group["weight_decay"])

    def _move(self, weight: Tensor, slope: Tensor, *, rate: float, decay: float) -> None:
        if "seen" not in self.state[weight]:
            self.state[weight]["seen"] = weight.new_zeros(len(weight) if weight.ndim else 1)
        seen: Tensor = self.state[weight]["seen"]
        if slope.is_sparse:
            gradient = slope.coalesce()
            rows, slope = gradient.indices()[0], gradient.values()
            if decay:
                slope = slope + decay * weight[rows]
            total = seen[rows] + slope.square().flatten(1).mean(dim=1)
            seen[rows] = total
            weight.index_add_(0, rows, slope * (-rate / (total.sqrt() + LITTLE))[:, None])
            return
        slope = slope + decay * weight
        seen += slope.square().reshape(len(seen), -1).mean(dim=1)
        weight -= rate * slope / (seen.sqrt() + LITTLE).view(-1, *[1] * (weight.ndim - 1))
