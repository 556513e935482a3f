"""The contract of ``HasParts``: the parts of an item, and the item with some of them masked.

Masked parts are filled as the views fill what they erase; random fills are a function of the key.  The fill of a part
does not depend on which others are masked.  With all parts kept the result equals ``inputs``.
"""

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
    """Parts have names and places; with all parts kept an item is unchanged, else only the masked parts change."""
    if not isinstance(dataset.modality, HasParts):
        return
    item = take(dataset.batch, torch.tensor([0]))
    before = digest(item)
    with running("parts of an item"):
        parts = dataset.modality.parts(item)
    require(isinstance(parts, Parts), f"parts gives a counterpoint.interfaces.Parts. Got {type(parts).__name__}.")
    count = len(parts.names)
    same = count == len(parts.places) and len(parts.contents) in (0, count)
    require(count > 0 and same, f"Every part has a name and a place. Got {count} names, {len(parts.places)} places.")
    kept = _masks(count)
    whole = _masked(dataset, item, kept[:1])
    shown = dataset.modality.inputs(item)
    dataset.require_same(shown, whole, "With all parts kept, with_parts equals inputs", tolerance=CLOSE)
    some = _masked(dataset, item, kept[:3])
    dataset.require_same(some, _masked(dataset, item, kept[:3]), "with_parts gives the same for equal masks and keys")
    dataset.require_same(
        take(some, torch.tensor([0])), whole, "with_parts of a mask does not depend on the other masks", tolerance=CLOSE
    )
    require(digest(item) == before, "with_parts leaves the item as it is. It modified it.")
    encoded(dataset.encoder, some)
    _only_what_is_masked(dataset, item, kept)


def _masks(count: int) -> Tensor:
    """All parts kept; the first masked; the last masked; both masked."""
    kept = torch.ones(4, count, dtype=torch.bool)
    kept[1, 0] = kept[2, -1] = kept[3, 0] = kept[3, -1] = False
    return kept if count > 2 else kept[:1].repeat(4, 1)  # an item of two parts may be empty without both


def _masked(dataset: OpenDataset, item: Batch, kept: Tensor) -> Batch:
    """The item with each of these masks; all masks have the same key."""
    assert isinstance(dataset.modality, HasParts)
    with running("with_parts of an item"):
        masked = dataset.modality.with_parts(item, kept, torch.full((len(kept),), SEED))
        count = length(masked)
    require(count == len(kept), f"with_parts gives the item once for each mask. Got {count} for {len(kept)} masks.")
    return masked


def _only_what_is_masked(dataset: OpenDataset, item: Batch, kept: Tensor) -> None:
    """Masking two parts changes exactly what masking each changes; not checked for texts, where other words move."""
    whole, first, last, both = (tensors(_masked(dataset, item, mask[None])) for mask in kept)
    for a, b, c, d in zip(whole, first, last, both, strict=True):
        if a.shape == b.shape == c.shape == d.shape and a.is_floating_point():
            one, other = a != b, a != c
            require(not bool((one & other).any()), "Parts do not overlap. The first and the last part share values.")
            joined = torch.where(one, b, torch.where(other, c, a))
            require(
                bool(torch.isclose(joined, d, rtol=CLOSE, atol=CLOSE).all()),
                "The fill of a part does not depend on which others are masked. Here masking two parts changes more.",
            )
