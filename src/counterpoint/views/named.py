"""Views by their spec in a plan, as an augmentation that can be scaled, divided into parts, and made local."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jaxtyping import Int64
from torch import Tensor

from counterpoint import catalogue
from counterpoint.interfaces import AnyKeys, Augmentation, Batch
from counterpoint.rng import hashed
from counterpoint.views.single_changes import alone
from counterpoint.views.strength import strengthened

Draw = Callable[[Batch, Int64[Tensor, " b"]], Batch]
"""Views of a batch, one key for each item."""


@dataclass(frozen=True)
class Drawn(Augmentation):
    """Views by a function that has no name in a plan."""

    draw: Draw

    def __call__(self, batch: Batch, keys: AnyKeys) -> Batch:
        return self.draw(batch, hashed(keys))


@dataclass(frozen=True)
class Named(Augmentation):
    """Views of a modality by a spec, or by a custom callable, whose spec is ``callable``."""

    views: str
    draw: Draw
    only: str
    """The modality."""
    another: Callable[[str], Augmentation]
    """Makes the augmentation of another spec for the same data."""
    shift: Callable[[Batch, int], Batch] | None = None
    """Shifts views, by the number of the shift."""
    near: Draw | None = None
    """Draws local views."""
    gentle: str | None = None
    """The spec that keeps an item's class, where this one does not."""
    lost: bool = False
    """Whether the views were a callable that was not saved with the model."""

    @property
    def spec(self) -> str | None:
        return None if self.views == "callable" else self.views

    @property
    def available(self) -> bool:
        return not self.lost

    def __call__(self, batch: Batch, keys: AnyKeys) -> Batch:
        return self.draw(batch, hashed(keys))

    def scaled(self, by: float) -> Augmentation:
        stronger = strengthened(self.views, by, only=self.only)
        return self if stronger == self.views else self.another(stronger)

    def parts(self) -> Mapping[str, Augmentation]:
        return {name: self.another(spec) for name, spec in alone(self.views, only=self.only).items()}

    def local(self) -> Augmentation | None:
        if self.near is None or catalogue.split(self.views)[0] not in catalogue.SHELVES["views"]:
            return None  # a callable has no local form
        return Drawn(self.near)

    def shifted(self, number: int) -> Augmentation | None:
        shift = self.shift
        if number == 0 or shift is None:
            return self if number == 0 else None
        return Drawn(lambda batch, key: shift(self.draw(batch, key), number))

    def label_preserving(self) -> Augmentation:
        return self if self.gentle is None else self.another(self.gentle)
