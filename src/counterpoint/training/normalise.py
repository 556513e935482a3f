r"""Batch normalisation over the items of all processes, as if one process had them all.

    mean = sum_r n_r m_r / n,      M = sum_r M_r + n_r (m_r - mean)^2,      y = w (x - mean) / sqrt(M / n + eps) + b

n_r, m_r, M_r: count, mean and sum of squared deviations on process r (Chan, Golub & LeVeque 1983). One gathering of
2c + 1 numbers per layer, on every kind of device; batches of unequal size count by their size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoint.training.processes import Processes


class SharedBatchNorm(_BatchNorm):
    """Stands in for the batch normalisation that it was made from, with the same weights, buffers and names."""

    def __init__(self, own: _BatchNorm, processes: Processes) -> None:
        super().__init__(own.num_features, own.eps, own.momentum, own.affine, own.track_running_stats)
        self.processes = processes
        self.instead_of = (own,)  # in a tuple, so that it is no module inside this one
        self._parameters, self._buffers = own._parameters, own._buffers
        self.train(own.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any input with a dimension of channels."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            out: Tensor = super().forward(input)
            return out
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        mean, variance, count = self._statistics(x)
        if self.track_running_stats:
            self._remember(mean.detach(), variance.detach() * (count / (count - 1)))
        shape = [1, -1] + [1] * (x.ndim - 2)
        y = (x - mean.view(shape)) * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            y = y * self.weight.view(shape) + self.bias.view(shape)
        return y.to(input.dtype)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor, float]:
        others = [axis for axis in range(x.ndim) if axis != 1]
        local = x.mean(dim=others)
        deviation = x.var(dim=others, unbiased=False)
        size = x.new_full((1,), x.numel() / x.shape[1])
        every = self.processes.stack(torch.cat([local, deviation, size]))
        sizes = every[:, -1:]
        means, deviations = torch.where(sizes > 0, every[:, :-1], 0.0).chunk(2, dim=1)
        share = sizes / sizes.sum()
        mean = (share * means).sum(dim=0)
        variance = (share * (deviations + (means - mean).square())).sum(dim=0)
        return mean, variance, float(sizes.detach().sum())

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        pace = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), pace)
        self.running_var.lerp_(variance.to(self.running_var.dtype), pace)


def share_statistics(module: nn.Module, processes: Processes) -> None:
    """Let every batch normalisation inside a module see the items of all processes."""
    if processes.count == 1:
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm) and not isinstance(child, SharedBatchNorm):
                setattr(parent, name, SharedBatchNorm(child, processes))


def own_statistics(module: nn.Module) -> None:
    """Undo ``share_statistics``: every batch normalisation is what it was, with what it has learned."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SharedBatchNorm):
                (own,) = child.instead_of
                setattr(parent, name, own.train(child.training))
