"""The part of the contract of a modality that concerns its views."""

from __future__ import annotations

import random  # noqa: TID251  (views must not depend on it)
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from counterpoint.batch import Batch, digest, length, take
from counterpoint.interfaces import Augmentation
from counterpoint.modality import aligned, augmentation_of, flat, near_copies
from counterpoint.testing.broken import require, running
from counterpoint.testing.open_dataset import CLOSE, OpenDataset, encoded


def check_views(dataset: OpenDataset) -> None:
    """Check that views are functions of (item, keys), and that the augmentation fulfils its contract."""
    augmentation = augmentation_of(dataset.modality)
    require(augmentation.available, "The augmentation of a modality that was just fitted is available.")
    _of_item_and_keys(dataset, augmentation)
    _of_every_key(dataset, augmentation)
    _strength(dataset, augmentation)
    for what, other in {**augmentation.parts(), "local": augmentation.local()}.items():
        if other is not None:
            _encodable(dataset, other, f"The part '{what}' of the augmentation" if what != "local" else "local()")
    _encodable(dataset, augmentation.label_preserving(), "label_preserving()")
    for copy in near_copies(dataset.modality, dataset.batch, dataset.keys()):
        encoded(dataset.encoder, copy)
    _by_spec(dataset, augmentation)


def drawn(
    dataset: OpenDataset,
    augmentation: Augmentation,
    batch: Batch | None = None,
    *,
    index: Tensor | None = None,
    seed: int = 0,
    epoch: int = 0,
    view: int = 0,
) -> Batch:
    """Views of the batch, or of other items with their keys; checks that items are not modified."""
    batch = dataset.batch if batch is None else batch
    before = digest(batch)
    with running("The augmentation"):
        made = augmentation(batch, dataset.keys(index, seed=seed, epoch=epoch, view=view))
        count = length(made)
    require(count == length(batch), f"An augmentation gives one view per item. Got {count} of {length(batch)}.")
    require(digest(batch) == before, "An augmentation leaves the items as they are. This one writes into its batch.")
    return made


def _of_item_and_keys(dataset: OpenDataset, augmentation: Augmentation) -> None:
    with _seeded(1):
        views = drawn(dataset, augmentation)
    with _seeded(2):
        again = drawn(dataset, augmentation)
    promise = "Views are a function of the items and their keys; the generators of torch, NumPy and Python have no say"
    dataset.require_same(views, again, promise)
    some = torch.tensor([dataset.size - 1, 1, 2])
    alone = drawn(dataset, augmentation, take(dataset.batch, some), index=some)
    promise = "Some items of a batch, in another order, have the same views as in the whole batch"
    dataset.require_same(take(views, some), alone, promise, tolerance=CLOSE)
    encoded(dataset.encoder, views)


def _of_every_key(dataset: OpenDataset, augmentation: Augmentation) -> None:
    usual = drawn(dataset, augmentation)
    others = {
        "seed": drawn(dataset, augmentation, seed=1),
        "epoch": drawn(dataset, augmentation, epoch=1),
        "view": drawn(dataset, augmentation, view=2),
    }
    for name, other in others.items():
        require(dataset.apart(usual, other) > 0, f"With another {name} views are others. Here they are the same.")
    twice = torch.zeros(2, dtype=torch.int64)
    pair = drawn(dataset, augmentation, take(dataset.batch, twice), index=torch.tensor([0, 1]))
    same = dataset.apart(take(pair, twice[:1]), take(pair, twice[1:] + 1)) == 0
    require(not same, "Two items of a batch are changed each in its own way. Here equal items have equal views.")


def _strength(dataset: OpenDataset, augmentation: Augmentation) -> None:
    weak, strong = augmentation.scaled(0.1), augmentation.scaled(2.0)
    for other in (weak, strong):
        _encodable(dataset, other, "scaled()")
    if augmentation.spec is None or weak.spec == augmentation.spec:
        return
    moved = [_moved(dataset, each) for each in (weak, augmentation)]
    if moved[0] is not None and moved[1] is not None:
        weaker, usual = f"{moved[0]:.3g}", f"{moved[1]:.3g}"
        require(
            moved[0] < moved[1],
            f"scaled(0.1) changes items less than the augmentation itself. Here it is {weaker} against {usual}.",
        )


def _moved(dataset: OpenDataset, augmentation: Augmentation) -> float | None:
    """The distance of views from their items; None where the two cannot be compared."""
    view = flat(dataset.modality, drawn(dataset, augmentation))
    still = flat(dataset.modality, dataset.modality.inputs(dataset.batch))
    return None if view.shape != still.shape else float((view - still).abs().mean())


def _encodable(dataset: OpenDataset, augmentation: Any, what: str) -> None:
    require(isinstance(augmentation, Augmentation), f"{what} is an Augmentation. Got {type(augmentation).__name__}.")
    usual = encoded(dataset.encoder, drawn(dataset, augmentation_of(dataset.modality)))
    h = encoded(dataset.encoder, drawn(dataset, augmentation))
    require(h.shape == usual.shape, f"{what} is encoded as {tuple(h.shape)}, usual views as {tuple(usual.shape)}.")


def _by_spec(dataset: OpenDataset, augmentation: Augmentation) -> None:
    """Check that the spec identifies the augmentation."""
    if augmentation.spec is None:
        return
    with running(f"with_views('{augmentation.spec}')"):
        again = dataset.modality.with_views(augmentation.spec)
    promise = f"with_views('{augmentation.spec}'), its own spec, gives the same views"
    dataset.require_same(drawn(dataset, augmentation), drawn(dataset, augmentation_of(again)), promise)
    both: tuple[Tensor, ...] = aligned(again, (drawn(dataset, augmentation), drawn(dataset, augmentation, view=1)))
    require(len(both) == 2, f"aligned() returns as many views as it is given. Got {len(both)} of 2.")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generators that views may not depend on, and restore them."""
    numpys, pythons = np.random.get_state(), random.getstate()
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpys)
        random.setstate(pythons)
