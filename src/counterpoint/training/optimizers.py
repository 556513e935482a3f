"""Optimisers, and the learning rate of every step.

Biases and the weights of normalisations are not decayed, and LARS does not adapt them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from counterpoint.plans import within
from counterpoint.training.schedules import Schedule, cosine

Groups = list[dict[str, Any]]
MakeOptimizer = Callable[..., Optimizer]

BELOW_ONE = 0.999999
"""A moving average with some decay."""


def groups(method: nn.Module, weight_decay: float) -> Groups:
    """The trainable parameters, split into those with and without weight decay."""
    learning = [parameter for parameter in method.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay, "adapt": True},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0, "adapt": False},
    ]


def adamw(
    method: nn.Module,
    *,
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-2,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Optimizer:
    """AdamW, Loshchilov & Hutter 2019, arXiv:1711.05101."""
    for beta in betas:
        within("a beta", beta, 0, BELOW_ONE)
    return torch.optim.AdamW(groups(method, weight_decay), lr=learning_rate, betas=betas, fused=True)


def sgd(
    method: nn.Module,
    *,
    learning_rate: float = 0.1,
    weight_decay: float = 5e-4,
    momentum: float = 0.9,
    nesterov: bool = True,
) -> Optimizer:
    """Stochastic gradient descent with momentum, usually Nesterov's."""
    within("momentum", momentum, 0, BELOW_ONE)
    lookahead = nesterov and momentum > 0
    return torch.optim.SGD(groups(method, weight_decay), lr=learning_rate, momentum=momentum, nesterov=lookahead)


def lars(
    method: nn.Module,
    *,
    learning_rate: float = 1.2,
    weight_decay: float = 1e-6,
    momentum: float = 0.9,
    trust: float = 1e-3,
    biases: float = 1.0,
) -> Optimizer:
    """LARS; the default rate is SimCLR's 0.075 * sqrt(256).

    ``trust`` is the coefficient eta; ``biases`` is the share of the rate for biases and normalisations.
    """
    within("momentum", momentum, 0, BELOW_ONE)
    within("trust", trust, 0)
    within("biases", biases, 0)
    decayed, others = groups(method, weight_decay)
    return LARS([decayed, {**others, "share": biases}], learning_rate=learning_rate, momentum=momentum, eta=trust)


class LARS(Optimizer):
    r"""Layer-wise adaptive rate scaling.

        v <- m v + rate * trust * (g + decay w),   w <- w - v,
        trust = eta |w| / |g + decay w|  for weights, 1 for biases and norms

    You, Gitman & Ginsburg 2017, arXiv:1708.03888, in the form used by SimCLR.
    """

    def __init__(self, params: Groups, *, learning_rate: float, momentum: float = 0.9, eta: float = 1e-3) -> None:
        super().__init__(params, {"lr": learning_rate, "momentum": momentum, "eta": eta})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every weight once."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)

    def _move(self, weight: Tensor, group: dict[str, Any]) -> None:
        gradient = weight.grad + group["weight_decay"] * weight
        if group["adapt"]:
            size, slope = weight.norm(), gradient.norm()
            trust = torch.where((size > 0) & (slope > 0), group["eta"] * size / slope, torch.ones_like(size))
            gradient = gradient * trust
        state = self.state[weight]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(weight)
        state["velocity"].mul_(group["momentum"]).add_(gradient, alpha=group["lr"])
        weight.sub_(state["velocity"])


def rate(step: int, *, total: int, warmup: float, peak: float, schedule: Schedule = cosine) -> float:
    """The learning rate of a step: a linear warm-up, then the schedule.

    >>> [round(rate(step, total=4, warmup=0.25, peak=1.0), 3) for step in range(4)]
    [1.0, 1.0, 0.75, 0.25]
    """
    rising = max(1, round(total * warmup))
    if step < rising:
        return peak * (step + 1) / rising
    progress = (step - rising) / max(1, total - rising)
    return peak * schedule(progress)


def set_rate(optimizer: Optimizer, value: float) -> None:
    """Set the learning rate of all groups, times the share that a group may have."""
    for group in optimizer.param_groups:
        group["lr"] = value * group.get("share", 1.0)


def default_rates(make: MakeOptimizer) -> tuple[float, float]:
    """An optimiser's own learning rate and weight decay, read from its signature."""
    import inspect

    parameters: Iterable[inspect.Parameter] = inspect.signature(make).parameters.values()
    result = {each.name: each.default for each in parameters}
    return result["learning_rate"], result["weight_decay"]
