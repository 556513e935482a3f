"""One batch: who stands in it, and how each is seen. A function of the seed and the step, and of nothing else."""

from __future__ import annotations

from jaxtyping import Int64
from torch import Tensor

from counterpoint import rng
from counterpoint.errors import PlanError
from counterpoint.interfaces import Batch, ItemInfo, Items, Views
from counterpoint.modality import Modality
from counterpoint.training.config import Recipe, steps_per_epoch


def look(items: Items, modality: Modality, recipe: Recipe, *, step: int, count: int) -> tuple[ItemInfo, Views]:
    """One batch, and this process's views of it: a function of the seed and the step."""
    sampling, size, device = recipe.rows(items), recipe.batch_size, recipe.device
    epoch, place = divmod(step, steps_per_epoch(len(sampling), size))
    rows = sampling.order(seed=recipe.seed, epoch=epoch)[place * size : (place + 1) * size]
    shown = sampling.shown(rows, seed=recipe.seed, epoch=epoch)
    own = recipe.processes.own(rows)
    first, second = recipe.processes.own(shown.first), recipe.processes.own(shown.second)
    batch: Batch = items.take(first.numpy()).to(device)
    others = batch if shown.second is shown.first else items.take(second.numpy()).to(device)
    views = [
        modality.look(others if view == 1 else batch, _keys(recipe, own, epoch, view).to(device))
        for view in range(count)
    ]
    for view in range(count, count + recipe.local_views):
        views.append(look_closely(modality, batch, _keys(recipe, own, epoch, view).to(device)))
    for view, other in enumerate(shown.others, start=len(views)):
        apart: Batch = items.take(recipe.processes.own(other).numpy()).to(device)
        views.append(modality.look(apart, _keys(recipe, own, epoch, view).to(device)))
    info = ItemInfo(
        (shown.first if shown.number is None else shown.number).to(device),
        None if shown.labels is None else shown.labels.to(device),
        None if shown.same is None else shown.same.to(device),
        None if shown.scores is None else shown.scores.to(device),
        rng.number(seed=recipe.seed, step=step, process=0, piece=-1),
    )
    return info, modality.aligned(tuple(views))


def look_closely(modality: Modality, batch: Batch, key: Int64[Tensor, " b"]) -> Tensor:
    """A local view of every item; ``PlanError`` where the kind of data, or the way it is seen, knows none."""
    near = modality.local(batch, key)
    if near is None:
        seen = modality.settings().get("views", "auto")
        raise PlanError(
            f"The views '{seen}' of {modality.name} data have no smaller form to be local views. Leave out "
            "--local-views; images and series have them, with a preset of counterpoint list views."
        )
    return near


def _keys(recipe: Recipe, rows: Int64[Tensor, " b"], epoch: int, view: int) -> Int64[Tensor, " b"]:
    return rng.keys(seed=recipe.seed, epoch=epoch, items=rows, view=view)
