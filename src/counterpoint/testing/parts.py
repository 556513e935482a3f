"""The part of the contract of a modality that is about the parts of its items, where they have any."""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoint.batch import Batch, digest, length, take, tensors
from counterpoint.interfaces import Parts
from counterpoint.modality import HasParts
from counterpoint.testing.broken import require, running
from counterpoint.testing.open_dataset import CLOSE, OpenDataset, encoded

SEED = 5


def check_parts(dataset: OpenDataset) -> None:
    """Parts have names and places; of an item with all of them nothing is changed, and else only what is masked."""
    if not isinstance(dataset.modality, HasParts):
        return
    item = take(dataset.batch, torch.tensor([0]))
    before = digest(item)
    with running("parts of an item"):
        parts = dataset.modality.parts(item)
    require(isinstance(parts, Parts), f"parts gives a counterpoint.interfaces.Parts. Got {type(parts).__name__}.")
    count = len(parts.names)
    same = count == len(parts.places) and len(parts.contents) in (0, count)
    require(count > 0 and same, f"Every part has a name and a place. Got {count} and {len(parts.places)}.")
    kept = _masks(count)
    whole = _masked(dataset, item, kept[:1])
    shown = dataset.modality.inputs(item)
    dataset.require_same(shown, whole, "An item of which all parts are kept is the item itself", tolerance=CLOSE)
    some = _masked(dataset, item, kept[:3])
    dataset.require_same(some, _masked(dataset, item, kept[:3]), "Masks with equal keys give the same each time")
    dataset.require_same(
        take(some, torch.tensor([0])), whole, "A mask does not depend on those beside it", tolerance=CLOSE
    )
    require(digest(item) == before, "with_parts leaves the item as it is. It writes into it.")
    encoded(dataset.encoder, some)
    _only_what_is_masked(dataset, item, kept)


def _masks(count: int) -> Tensor:
    """All parts; all but the first; all but the last; all but those two."""
    kept = torch.ones(4, count, dtype=torch.bool)
    kept[1, 0] = kept[2, -1] = kept[3, 0] = kept[3, -1] = False
    return kept if count > 2 else kept[:1].repeat(4, 1)  # of two parts without both nothing may be left to encode


def _masked(dataset: OpenDataset, item: Batch, kept: Tensor) -> Batch:
    """The item with these parts; the random numbers of all masks are the same."""
    assert isinstance(dataset.modality, HasParts)
    with running("with_parts of an item"):
        made = dataset.modality.with_parts(item, kept, torch.full((len(kept),), SEED))
        made_of = length(made)
    require(made_of == len(kept), f"with_parts gives the item once for each mask. Got {made_of} for {len(kept)}.")
    return made


def _only_what_is_masked(dataset: OpenDataset, item: Batch, kept: Tensor) -> None:
    """Two parts change what each changes, where every number has its place; of a text all others move up."""
    whole, first, last, both = (tensors(_masked(dataset, item, mask[None])) for mask in kept)
    for a, b, c, d in zip(whole, first, last, both, strict=True):
        if a.shape == b.shape == c.shape == d.shape and a.is_floating_point():
            one, other = a != b, a != c
            require(not bool((one & other).any()), "Two parts have no number in common. The first and the last have.")
            joined = torch.where(one, b, torch.where(other, c, a))
            require(
                bool(torch.isclose(joined, d, rtol=CLOSE, atol=CLOSE).all()),
                "Parts that are masked together are filled as each is alone. Here masking two changes something else.",
            )
