"""One batch: its items and their views, as a function of the seed and the step only."""

from __future__ import annotations

from counterpoint import rng
from counterpoint.batch import to
from counterpoint.errors import PlanError
from counterpoint.interfaces import Augmentation, ItemInfo, Items, Keys, Views
from counterpoint.modality import Modality, aligned, augmentation_of
from counterpoint.training.config import TrainConfig, steps_per_epoch


def make_batch(
    items: Items, modality: Modality, config: TrainConfig, *, step: int, count: int, shifts: int = 1
) -> tuple[ItemInfo, Views]:
    """One batch, and this process's views of it: a function of the seed and the step.

    The first ``count / shifts`` views are of unshifted items, the next ones of items with shift 1, and so on.
    """
    sampling, size, device = config.rows(items), config.batch_size, config.device
    epoch, place = divmod(step, steps_per_epoch(len(sampling), size))
    rows = sampling.order(seed=config.seed, epoch=epoch)[place * size : (place + 1) * size]
    shown = sampling.shown(rows, seed=config.seed, epoch=epoch)
    local = config.processes.local(rows)
    first, second = config.processes.local(shown.first), config.processes.local(shown.second)
    batch = to(items.take(first.numpy()), device)
    others = batch if shown.second is shown.first else to(items.take(second.numpy()), device)

    def keys(view: int) -> Keys:
        return Keys(seed=config.seed, epoch=epoch, step=step, view=view, item=local.to(device))

    augmentation = augmentation_of(modality)
    by_shift = [shifted_augmentation(modality, number) for number in range(shifts)]
    views = [by_shift[view * shifts // count](others if view == 1 else batch, keys(view)) for view in range(count)]
    if config.local_views:
        near = local_augmentation(modality)
        views += [near(batch, keys(view)) for view in range(count, count + config.local_views)]
    for view, other in enumerate(shown.others, start=len(views)):
        views.append(augmentation(to(items.take(config.processes.local(other).numpy()), device), keys(view)))
    info = ItemInfo(
        (shown.first if shown.number is None else shown.number).to(device),
        None if shown.labels is None else shown.labels.to(device),
        None if shown.same is None else shown.same.to(device),
        None if shown.scores is None else shown.scores.to(device),
        rng.number(seed=config.seed, step=step, process=0, piece=-1),
    )
    return info, aligned(modality, tuple(views))


def shifted_augmentation(modality: Modality, number: int) -> Augmentation:
    """The augmentation for shift ``number`` of the items; ``PlanError`` where the modality has no shifts."""
    shifted = augmentation_of(modality).shifted(number)
    if shifted is None:
        raise PlanError(
            f"This method compares items with shifted ones, such as turned pictures, and {modality.name} data have "
            "none. Choose another method, such as simclr."
        )
    return shifted


def local_augmentation(modality: Modality) -> Augmentation:
    """The augmentation for local views; ``PlanError`` where the modality, or its augmentation, has none."""
    near = augmentation_of(modality).local()
    if near is None:
        views = modality.settings().get("views", "auto")
        raise PlanError(
            f"The views '{views}' of {modality.name} data have no smaller form to be local views. Leave out "
            "--local-views; images and series have them, with a preset of counterpoint list views."
        )
    return near
