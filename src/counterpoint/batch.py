"""What batches are made of: tensors, items of unequal size, one side of a pair of kinds, and tuples of those.

The only file that looks inside a batch. Modalities make batches and encoders take them; everything in between
concatenates, takes, splits, moves and hashes them with the functions of this file.

>>> sets = pack([torch.ones(2, 3), torch.zeros(1, 3)])
>>> length(sets), sets.item.tolist(), take(sets, torch.tensor([1])).rows.shape
(2, [0, 0, 1], torch.Size([1, 3]))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int64
from torch import Tensor


class Packed(NamedTuple):
    """Items of unequal size as stacked rows: graphs, molecules, sets, objects of a picture."""

    rows: Tensor
    """Features (N, f) of the rows of all items."""
    links: Int64[Tensor, "2 E"]
    """Sources and targets (2, E): indices into ``rows``, both of one item; (2, 0) where rows are not linked."""
    link_rows: Tensor | None
    """Features (E, g) of the links, or None."""
    item: Int64[Tensor, " N"]
    """The item of every row, from 0 to ``items`` - 1, ascending."""
    items: int
    """The number of items; some may have no rows."""


class Sided(NamedTuple):
    """One side of a pair of kinds, such as the images of image and text."""

    side: str
    value: Batch


if TYPE_CHECKING:
    Batch: TypeAlias = Any  # each modality and its encoders know which of these they speak
else:
    Batch = Tensor | tuple  # Packed and Sided are tuples
"""Some items as their modality stores them, or views of them: a tensor, Packed, Sided, or a tuple of batches."""


def pack(items: Sequence[Tensor], links: Sequence[Tensor] | None = None) -> Packed:
    """Pack items into one batch: the rows (n_i, f) of each, and its links (2, e_i), indices from 0 to n_i - 1."""
    counts = torch.tensor([len(each) for each in items])
    first = counts.cumsum(0) - counts
    if links is None:
        joined = torch.empty(2, 0, dtype=torch.int64)
    else:
        joined = torch.cat([each + start for each, start in zip(links, first.tolist(), strict=True)], dim=1)
    return Packed(torch.cat(list(items)), joined, None, torch.repeat_interleave(counts), len(items))


@singledispatch
def length(batch: Batch) -> int:
    """How many items a batch has."""
    raise TypeError(f"A batch is a tensor, Packed, Sided or a tuple of those. Got {type(batch).__name__}.")


@length.register(Tensor)
def _(batch: Tensor) -> int:
    return len(batch)


@length.register(Packed)
def _(batch: Packed) -> int:
    return batch.items


@length.register(Sided)
def _(batch: Sided) -> int:
    return length(batch.value)


@length.register(tuple)
def _(batch: tuple[Batch, ...]) -> int:
    return length(batch[0])


@singledispatch
def take(batch: Batch, index: Int64[Tensor, " b"]) -> Batch:
    """The items at these indices, in this order; an index may occur more than once."""
    raise TypeError(f"A batch is a tensor, Packed, Sided or a tuple of those. Got {type(batch).__name__}.")


@take.register(Tensor)
def _(batch: Tensor, index: Int64[Tensor, " b"]) -> Tensor:
    return batch[index]


@take.register(Packed)
def _(batch: Packed, index: Int64[Tensor, " b"]) -> Packed:
    counts = torch.bincount(batch.item, minlength=batch.items)
    rows, item = _places(counts, index)
    owner = batch.item[batch.links[0]]
    order = owner.argsort(stable=True)
    links, of_item = _places(torch.bincount(owner, minlength=batch.items), index)
    links = order[links]
    begin, begins_now = counts.cumsum(0) - counts, counts[index].cumsum(0) - counts[index]
    moved = batch.links[:, links] + (begins_now - begin[index])[of_item]
    link_rows = None if batch.link_rows is None else batch.link_rows[links]
    return Packed(batch.rows[rows], moved, link_rows, item, len(index))


@take.register(Sided)
def _(batch: Sided, index: Int64[Tensor, " b"]) -> Sided:
    return Sided(batch.side, take(batch.value, index))


@take.register(tuple)
def _(batch: tuple[Batch, ...], index: Int64[Tensor, " b"]) -> tuple[Batch, ...]:
    return tuple(take(part, index) for part in batch)


def _places(counts: Int64[Tensor, " n"], index: Int64[Tensor, " b"]) -> tuple[Tensor, Tensor]:
    """For items with ``counts`` consecutive entries each: the entries of the chosen items, and the item of each."""
    wanted = counts[index]
    owner = torch.repeat_interleave(wanted)
    within = torch.arange(len(owner), device=owner.device) - (wanted.cumsum(0) - wanted)[owner]
    return (counts.cumsum(0) - counts)[index][owner] + within, owner


def concat(batches: Sequence[Batch]) -> Batch:
    """The items of several batches of one type, in order."""
    return _concat(batches[0], batches)


@singledispatch
def _concat(first: Batch, batches: Sequence[Batch]) -> Batch:
    raise TypeError(f"A batch is a tensor, Packed, Sided or a tuple of those. Got {type(first).__name__}.")


@_concat.register(Tensor)
def _(first: Tensor, batches: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(batches))


@_concat.register(Packed)
def _(first: Packed, batches: Sequence[Packed]) -> Packed:
    links, item, rows, items = [], [], 0, 0
    for batch in batches:
        links.append(batch.links + rows)
        item.append(batch.item + items)
        rows, items = rows + len(batch.rows), items + batch.items
    described = [batch.link_rows for batch in batches if batch.link_rows is not None]
    link_rows = torch.cat(described) if len(described) == len(batches) else None
    return Packed(
        torch.cat([batch.rows for batch in batches]), torch.cat(links, dim=1), link_rows, torch.cat(item), items
    )


@_concat.register(Sided)
def _(first: Sided, batches: Sequence[Sided]) -> Sided:
    return Sided(first.side, concat([batch.value for batch in batches]))


@_concat.register(tuple)
def _(first: tuple[Batch, ...], batches: Sequence[tuple[Batch, ...]]) -> tuple[Batch, ...]:
    return tuple(concat(parts) for parts in zip(*batches, strict=True))


def split(batch: Batch, count: int) -> list[Batch]:
    """A batch in ``count`` pieces of nearly equal numbers of items, in order."""
    if isinstance(batch, Tensor):
        return list(batch.tensor_split(count))
    return [take(batch, rows) for rows in torch.arange(length(batch), device=device_of(batch)).tensor_split(count)]


def to(batch: Batch, device: torch.device | str) -> Batch:
    """The same batch on a device."""
    return _changed(batch, lambda part: part.to(device))


def double(batch: Batch) -> Batch:
    """The same batch with its floating-point numbers in 64 bits."""
    return _changed(batch, lambda part: part.double() if part.is_floating_point() else part)


def _changed(batch: Any, change: Callable[[Tensor], Tensor]) -> Batch:
    """The same batch with ``change`` applied to each tensor."""
    if isinstance(batch, Tensor):
        return change(batch)
    if not isinstance(batch, tuple):
        raise TypeError(f"A batch is a tensor, Packed, Sided or a tuple of those. Got {type(batch).__name__}.")
    parts = [_changed(part, change) if isinstance(part, Tensor | tuple) else part for part in batch]
    return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)


def tensors(batch: Batch) -> list[Tensor]:
    """All tensors in a batch."""
    if isinstance(batch, Tensor):
        return [batch]
    return [each for part in batch if isinstance(part, Tensor | tuple) for each in tensors(part)]


def measured(batch: Batch) -> bool:
    """Whether items are floating-point data, which have distances; token ids have none."""
    if isinstance(batch, Tensor):
        return batch.is_floating_point()
    parts = (batch.rows,) if isinstance(batch, Packed) else (batch.value,) if isinstance(batch, Sided) else batch
    return all(map(measured, parts))


def device_of(batch: Batch) -> torch.device:
    """The device of a batch."""
    return tensors(batch)[0].device


def as_bytes(batch: Batch) -> bytes:
    """The contents of a batch as bytes, to hash it as a whole."""
    return b"".join(part.contiguous().cpu().numpy().tobytes() for part in tensors(batch))


@singledispatch
def shape(batch: Batch) -> tuple[object, ...]:
    """What two batches must have in common to be concatenated: the shape of an item, where there is one."""
    raise TypeError(f"A batch is a tensor, Packed, Sided or a tuple of those. Got {type(batch).__name__}.")


def item_shape(batch: Batch) -> tuple[int, ...]:
    """The common shape of all items; empty where items are of unequal size, or have several parts."""
    return tuple(batch.shape[1:]) if isinstance(batch, Tensor) else ()


@shape.register(Tensor)
def _(batch: Tensor) -> tuple[object, ...]:
    return tuple(batch.shape[1:])


@shape.register(Packed)
def _(batch: Packed) -> tuple[object, ...]:
    return tuple(batch.rows.shape[1:])


@shape.register(Sided)
def _(batch: Sided) -> tuple[object, ...]:
    return batch.side, shape(batch.value)


@shape.register(tuple)
def _(batch: tuple[Batch, ...]) -> tuple[object, ...]:
    return tuple(shape(part) for part in batch)


def described(batch: Batch) -> str:
    """A batch in words, for messages.

    >>> described(Sided("image", torch.zeros(2, 3, 8, 8))), described(pack([torch.ones(2, 3)]))
    ("views of shape (2, 3, 8, 8) of the side 'image'", '1 views of 2 rows (3,) in all')
    """
    if isinstance(batch, Tensor):
        return f"views of shape {tuple(batch.shape)}"
    if isinstance(batch, Packed):
        return f"{batch.items} views of {len(batch.rows)} rows {tuple(batch.rows.shape[1:])} in all"
    if isinstance(batch, Sided):
        return f"{described(batch.value)} of the side '{batch.side}'"
    return " with ".join(described(part) for part in batch)


def digest(batch: Batch) -> list[bytes]:
    """A hash of the contents of each item: equal for equal items, whatever else is in the batch."""
    return [hashlib.blake2b(b"".join(parts), digest_size=16).digest() for parts in _contents(batch)]


def _contents(batch: Batch) -> list[list[bytes]]:
    """The bytes of every item, part by part."""
    if isinstance(batch, Tensor):
        return [[row.tobytes()] for row in batch.contiguous().cpu().numpy()]
    if isinstance(batch, Packed):
        alone = [take(batch, torch.tensor([place], device=batch.item.device)) for place in range(batch.items)]
        return [[part.cpu().contiguous().numpy().tobytes() for part in tensors(each)] for each in alone]
    if isinstance(batch, Sided):
        return [[batch.side.encode(), *parts] for parts in _contents(batch.value)]
    return [[each for parts in item for each in parts] for item in zip(*map(_contents, batch), strict=True)]


def flat(batch: Batch) -> Float[Tensor, "b d"]:
    """Every item as a vector whose differences are meaningful: its values, or the mean and number of its rows."""
    if isinstance(batch, Tensor):
        return batch.flatten(1).float()
    if isinstance(batch, Packed):
        rows = batch.rows.flatten(1).float()
        count = torch.bincount(batch.item, minlength=batch.items).to(rows.dtype)[:, None]
        sums = rows.new_zeros(batch.items, rows.shape[1]).index_add(0, batch.item, rows)
        return torch.cat([sums / count.clamp(min=1), count], dim=1)
    if isinstance(batch, Sided):
        return flat(batch.value)
    return torch.cat([flat(part) for part in batch], dim=1)
