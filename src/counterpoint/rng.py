r"""Random numbers as a function of keys: the only source of randomness for views and for the order of items.

A key identifies one draw: (seed, epoch, item, view). Its random numbers are a function of the key and of a purpose
("crop", "flip"), computed for a whole batch in tensor arithmetic and equal on every device, whatever the batch, the
number of workers or earlier draws. So a resumed run sees the same views as an uninterrupted one.

The function is SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"):

    mix(x) = (y ^ y>>31),  y = (w ^ w>>27) * 0x94d049bb133111eb,  w = (x ^ x>>30) * 0xbf58476d1ce4e5b9
    number j of key k is  mix(k + (j + 1) * 0x9e3779b97f4a7c15)

>>> k = keys(seed=0, epoch=1, items=torch.tensor([7, 8, 9]), view=0)
>>> uniform(k, 2, "crop").shape
torch.Size([3, 2])
>>> bool((uniform(k[1:], 2, "crop") == uniform(k, 2, "crop")[1:]).all())
True
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def _signed(number: int) -> int:
    """The int64 with the same bits as a 64-bit unsigned number."""
    return number - (1 << 64) if number >= (1 << 63) else number


GOLDEN = _signed(0x9E3779B97F4A7C15)
FIRST = _signed(0xBF58476D1CE4E5B9)
SECOND = _signed(0x94D049BB133111EB)


def _shifted(x: Tensor, bits: int) -> Tensor:
    """Logical shift to the right; torch's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Int64[Tensor, "*shape"]) -> Int64[Tensor, "*shape"]:
    """Scramble 64 bits so that consecutive inputs give unrelated outputs."""
    x = (x ^ _shifted(x, 30)) * FIRST
    x = (x ^ _shifted(x, 27)) * SECOND
    return x ^ _shifted(x, 31)


def keys(*, seed: int, epoch: int, items: Int64[Tensor, " b"], view: int) -> Int64[Tensor, " b"]:
    """One key per item: it determines everything random about the item's view."""
    key = torch.full_like(items, _signed(seed & (2**64 - 1)))
    for part in (epoch, items, view):
        key = mix(key + GOLDEN) + part
    return mix(key + GOLDEN)


class Keys(NamedTuple):
    """Everything that a view may depend on.

    >>> drawn = Keys(seed=0, epoch=1, step=3, view=0, item=torch.tensor([7, 8]))
    >>> uniform(drawn.hashed(), 2, "crop").shape
    torch.Size([2, 2])
    """

    seed: int
    epoch: int
    step: int
    """The step of the run. Views of this package do not depend on it: an epoch is the same for any batch size."""
    view: int
    item: Int64[Tensor, " b"]
    """The index of every item in its dataset."""

    def hashed(self) -> Int64[Tensor, " b"]:
        """One hash per item, of (seed, epoch, item, view), for the functions of this file."""
        return keys(seed=self.seed, epoch=self.epoch, items=self.item, view=self.view)


AnyKeys = Keys | Int64[Tensor, " b"]
"""Keys, or their hashes."""


def hashed(keys: AnyKeys) -> Int64[Tensor, " b"]:
    """Keys as hashes; those that are hashed already stay as they are."""
    return keys.hashed() if isinstance(keys, Keys) else keys


def number(*, seed: int, step: int, process: int, piece: int) -> int:
    """A seed for torch's generator, which dropout draws from: a function of the position in the run."""
    key = keys(seed=seed, epoch=step, items=torch.tensor([process]), view=piece)
    return int(salted(key, "dropout")) & (2**63 - 1)


def _salt(purpose: str) -> int:
    return _signed(int.from_bytes(purpose.encode().ljust(8, b"\0")[:8], "little"))


def salted(key: Int64[Tensor, " b"], purpose: str) -> Int64[Tensor, " b"]:
    """Keys for one purpose, so that adding a transformation does not change the draws of the others."""
    return mix(key ^ _salt(purpose))


def uniform(
    key: Int64[Tensor, " b"], count: int, purpose: str, *, low: float = 0.0, high: float = 1.0
) -> Float[Tensor, "b {count}"]:
    """Values in [low, high), float32 with 24 random bits."""
    steps = torch.arange(1, count + 1, device=key.device) * GOLDEN
    return low + (high - low) * _unit(mix(salted(key, purpose)[:, None] + steps))


def firsts(key: Int64[Tensor, " b"], *purposes: str) -> Float[Tensor, "p b"]:
    """The first value in [0, 1) for each of several purposes at once; a repeated purpose also gives its second value.

    >>> key = keys(seed=0, epoch=1, items=torch.tensor([7, 8]), view=0)
    >>> bool((firsts(key, "area", "place", "place")[1:] == uniform(key, 2, "place").T).all())
    True
    """
    salts = torch.tensor([_salt(purpose) for purpose in purposes], device=key.device)
    steps = [1 + purposes[:place].count(purpose) for place, purpose in enumerate(purposes)]
    first = torch.tensor(steps, device=key.device) * GOLDEN
    return _unit(mix(mix(key ^ salts[:, None]) + first[:, None]))


def _unit(bits: Int64[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The upper 24 bits as an exact value in [0, 1)."""
    return _shifted(bits, 40).to(torch.float32) / (1 << 24)


def normal(key: Int64[Tensor, " b"], count: int, purpose: str) -> Float[Tensor, "b {count}"]:
    """Standard normal values, by Box and Muller (1958)."""
    drawn = uniform(key, 2 * count, purpose)
    radius = torch.sqrt(-2.0 * torch.log1p(-drawn[:, :count]))
    return radius * torch.cos(2.0 * math.pi * drawn[:, count:])


def chance(key: Int64[Tensor, " b"], probability: float, purpose: str) -> Tensor:
    """Booleans (b,), each true with this probability."""
    return uniform(key, 1, purpose)[:, 0] < probability


@lru_cache(maxsize=2)
def permutation(count: int, *, seed: int, epoch: int) -> Int64[Tensor, " {count}"]:
    """The order of the items in an epoch: a function of (seed, epoch) only."""
    drawn = keys(seed=seed, epoch=epoch, items=torch.arange(count), view=-1)
    return torch.argsort(drawn, stable=True)
