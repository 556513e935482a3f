r"""Batch normalisation over the items of all processes, and recomputed statistics when training is over.

    mean = sum_r n_r m_r / n,      M = sum_r M_r + n_r (m_r - mean)^2,      y = w (x - mean) / sqrt(M / n + eps) + b
n_r, m_r, M_r: count, mean and sum of squared deviations on process r (Chan, Golub & LeVeque 1983). One gather of 2c + 1
values per layer, on every kind of device; batches of unequal size are weighted by their size.
2c + 1 numbers per layer, on every kind of device; batches of unequal size count by their size.

During training, the running statistics are a moving average over views. After few steps it still contains part of its
initial zeros and ones, and views are not what is embedded: ``settle_statistics`` recomputes them from the items
themselves, with the final weights. Wu & Johnson 2021, arXiv:2105.07576, section 3.1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoint.batch import to
from counterpoint.data.subset import spread
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.training.distributed import Processes

SETTLED_BY = 2048
"""Items that the final statistics are computed from, evenly spread."""

AT_ONCE = 256
"""Their batch size, at most."""


class SharedBatchNorm(_BatchNorm):
    """Replaces the batch normalisation that it was made from, with the same weights, buffers and names."""

    def __init__(self, local: _BatchNorm, processes: Processes) -> None:
        super().__init__(local.num_features, local.eps, local.momentum, local.affine, local.track_running_stats)
        self.processes = processes
        self.instead_of = (local,)  # in a tuple, so that it is not registered as a submodule
        self._parameters, self._buffers = local._parameters, local._buffers
        self.train(local.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept any input with a channel dimension."""

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
    """Let every batch normalisation inside a module use the items of all processes."""
    if processes.count == 1:
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm) and not isinstance(child, SharedBatchNorm):
                setattr(parent, name, SharedBatchNorm(child, processes))


def unshare_statistics(module: nn.Module) -> None:
    """Undo ``share_statistics``: restore every batch normalisation, with its current statistics."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SharedBatchNorm):
                (local,) = child.instead_of
                setattr(parent, name, local.train(child.training))


def settle_statistics(network: nn.Module, items: Items, modality: Modality) -> None:
    """Recompute the running mean and variance of every batch normalisation from the items; weights stay.

    Items are shuffled, as folders come sorted by class, and a batch of one class would have other statistics.
    """
    layers = [each for each in network.modules() if isinstance(each, _BatchNorm) and each.track_running_stats]
    if not layers or len(items) < 2:
        return
    rows = np.random.default_rng(0).permutation(spread(len(items), SETTLED_BY))
    paces = [layer.momentum for layer in layers]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
        layer.train()
    device = next(network.parameters()).device
    with torch.no_grad():
        for some in np.array_split(rows, -(-len(rows) // AT_ONCE)):
            network(to(modality.inputs(items.take(np.sort(some))), device))
    for layer, pace in zip(layers, paces, strict=True):
        layer.momentum = pace
        layer.eval()
