"""One batch: who stands in it, and how each is seen. A function of the seed and the step, and of nothing else."""

from __future__ import annotations

from jaxtyping import Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.errors import PlanError
from counterpoint.interfaces import Batch, ItemInfo, Items, Views
from counterpoint.modality import Modality
from counterpoint.training.config import TrainConfig, steps_per_epoch


def make_batch(
    items: Items, modality: Modality, config: TrainConfig, *, step: int, count: int
) -> tuple[ItemInfo, Views]:
    """One batch, and this process's views of it: a function of the seed and the step."""
    sampling, size, device = config.rows(items), config.batch_size, config.device
    epoch, place = divmod(step, steps_per_epoch(len(sampling), size))
    rows = sampling.order(seed=config.seed, epoch=epoch)[place * size : (place + 1) * size]
    shown = sampling.shown(rows, seed=config.seed, epoch=epoch)
    local = config.processes.local(rows)
    first, second = config.processes.local(shown.first), config.processes.local(shown.second)
    batch: Batch = items.take(first.numpy()).to(device)
    others = batch if shown.second is shown.first else items.take(second.numpy()).to(device)
    views = [
        modality.augmentation(others if view == 1 else batch, _keys(config, local, epoch, view).to(device))
        for view in range(count)
    ]
    for view in range(count, count + config.local_views):
        views.append(local_views_of(modality, batch, _keys(config, local, epoch, view).to(device)))
    for view, other in enumerate(shown.others, start=len(views)):
        apart: Batch = items.take(config.processes.local(other).numpy()).to(device)
        views.append(modality.augmentation(apart, _keys(config, local, epoch, view).to(device)))
    info = ItemInfo(
        (shown.first if shown.number is None else shown.number).to(device),
        None if shown.labels is None else shown.labels.to(device),
        None if shown.same is None else shown.same.to(device),
        None if shown.scores is None else shown.scores.to(device),
        rng.number(seed=config.seed, step=step, process=0, piece=-1),
    )
    return info, modality.aligned(tuple(views))


def local_views_of(modality: Modality, batch: Batch, key: Int64[Tensor, " b"]) -> Tensor:
    """A local view of every item; ``PlanError`` where the kind of data, or the way it is seen, knows none."""
    near = modality.local(batch, key)
    if near is None:
        seen = modality.settings().get("views", "auto")
        raise PlanError(
            f"The views '{seen}' of {modality.name} data have no smaller form to be local views. Leave out "
            "--local-views; images and series have them, with a preset of counterpoint list views."
        )
    return near


def _keys(config: TrainConfig, rows: Int64[Tensor, " b"], epoch: int, view: int) -> Int64[Tensor, " b"]:
    return rng.keys(seed=config.seed, epoch=epoch, items=rows, view=view)
