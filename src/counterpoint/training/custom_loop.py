"""The loss for custom training loops."""

from __future__ import annotations

from functools import partial
from inspect import signature

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint import catalogue
from counterpoint.comparison.loss import loss_of
from counterpoint.errors import InputError, LabelError
from counterpoint.negatives.beside import beside
from counterpoint.training.distributed import Processes, here


def contrastive_loss(
    first: Tensor,
    second: Tensor,
    *,
    objective: str = "info_nce",
    temperature: float | Tensor = 0.1,
    labels: Tensor | None = None,
    queue: Tensor | None = None,
    similarity: str = "auto",
) -> Float[Tensor, ""]:
    """The mean contrastive loss of two views of n items, without ever building their 2n x 2n table.

    Every view of every item is an anchor; the other view of its item is its positive, and all views of all other items
    are its negatives (Chen et al. 2020, arXiv:2002.05709, algorithm 1). Half precision is widened to 32 bits.

    Where a default process group exists, the negatives are those of all processes and every process returns the loss
    of the whole batch; average the gradients of your parameters over the processes, as DistributedDataParallel does,
    and they are the gradients of that loss. Every process may have its own number of items, at least one.

    Args:
        first: One view of each item (n, d), differentiable.
        second: Another view (n, d), in the same order, differentiable.
        objective: A name from ``counterpoint list objectives``, options behind it, or ``package.module:name``.
        temperature: What similarities are divided by, above zero; a tensor is learned.
        labels: Whole numbers (n,); items of one label are positives of each other, and never negatives.
        queue: Further candidates (q, d), negatives of every anchor (He et al. 2020, arXiv:1911.05722); no gradient.
        similarity: cosine, dot or euclidean (minus the squared distance); auto for the objective's own.

    Raises:
        InputError: The shapes do not fit, or a name or an option is not known.

    >>> first, second = torch.eye(3), torch.eye(3)
    >>> round(float(contrastive_loss(first, second, temperature=1.0)), 4)  # log(e + 4) - 1
    0.9048
    """
    _fitting(first, second, labels, queue, temperature)
    processes = here()
    counts = processes.counts(len(first))
    items = torch.arange(len(first), device=first.device) if labels is None else labels.to(first.device, torch.int64)
    if labels is None:
        items = items + sum(counts[: processes.rank])
    views = torch.cat([processes.collect(first, counts), processes.collect(second, counts)])
    groups = processes.collect(items, counts).repeat(2)
    comparison = beside(views, groups, queue, catalogue.find("similarity", catalogue.similarity(objective, similarity)))
    part = catalogue.find("objective", objective)
    if "temperature" in signature(part).parameters and "temperature" not in catalogue.split(objective)[1]:
        part = partial(part, temperature=temperature)
    return _of_all(loss_of(processes.share(comparison), part) / len(views), processes)


def _of_all(part: Tensor, processes: Processes) -> Tensor:
    """The loss of the whole batch, whose gradient is this process's part of it times the number of processes."""
    scaled = part * processes.count
    (total,) = processes.sum(float(part.detach())) if processes.count > 1 else (part.detach(),)
    return scaled + (total - scaled.detach())


def _fitting(
    first: Tensor, second: Tensor, labels: Tensor | None, queue: Tensor | None, temperature: float | Tensor
) -> None:
    if first.ndim != 2 or first.shape != second.shape or len(first) == 0:
        raise InputError(
            "Two views of the same items are needed, two tensors (n, d) of one shape with n of at least 1. "
            f"Got {tuple(first.shape)} and {tuple(second.shape)}."
        )
    if not (first.is_floating_point() and second.is_floating_point()):
        raise InputError(f"Vectors are floating-point tensors. Got {first.dtype} and {second.dtype}.")
    if labels is not None and (labels.shape != first.shape[:1] or labels.is_floating_point()):
        raise LabelError(
            f"Give one whole number per item as labels, a tensor ({len(first)},). Got {labels.dtype} "
            f"{tuple(labels.shape)}."
        )
    if queue is not None and (queue.ndim != 2 or queue.shape[1] != first.shape[1]):
        raise InputError(
            f"The queue must be a tensor (q, {first.shape[1]}), as long in d as the views. Got {tuple(queue.shape)}."
        )
    if not float(torch.as_tensor(temperature).detach()) > 0:
        raise InputError(f"The temperature must be above zero. Got {temperature}.")
