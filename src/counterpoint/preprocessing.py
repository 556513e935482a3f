r"""The preprocessing a pretrained network expects of pictures, so that it sees them as in its training.

    view = ( middle( scale(picture) ) / 255 - mean ) / std

The shorter side is scaled to ``shorter`` pixels and the central (size, size) is cropped, as torchvision's Resize and
CenterCrop do; or the picture is squeezed to (size, size).  Another filter or another mean would change the vectors
without any other sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import floor
from typing import Any, NamedTuple

from counterpoint.errors import PlanError, listed

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

FILTERS = ("bilinear", "bicubic")
"""Resampling filters, antialiased as in Pillow."""


class Box(NamedTuple):
    """The size (tall, wide) that a picture is scaled to, and the top left corner of the square that is cropped."""

    tall: int
    wide: int
    top: int
    left: int


@dataclass(frozen=True)
class Preprocessing:
    """How a picture is preprocessed for a network, at (size, size) pixels.

    >>> Preprocessing(224, shorter=256).at(112)
    Preprocessing(size=112, shorter=128, resample='bilinear', mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    """

    size: int
    shorter: int | None = None
    """The shorter side of the scaled picture, whose centre is cropped; None where the picture is squeezed."""
    resample: str = "bilinear"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self) -> None:
        sides = (self.size, self.size if self.shorter is None else self.shorter)
        if not all(isinstance(side, int) for side in sides) or not 1 <= sides[0] <= sides[1]:
            raise PlanError(
                f"A preprocessing sees size pixels of shorter, whole numbers. Got {self.size} of {sides[1]}."
            )
        if self.resample not in FILTERS:
            raise PlanError(f"A preprocessing resizes by one of {listed(FILTERS)}. Got '{self.resample}'.")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise PlanError("A preprocessing has a mean and a std above 0 for each of red, green and blue, in 0 to 1.")

    @property
    def kept(self) -> int:
        """The side of the square of a picture that is stored, and that views are cropped from."""
        return self.size if self.shorter is None else self.shorter

    def at(self, size: int) -> Preprocessing:
        """The same for another size: the same part of the picture is visible."""
        shorter = None if self.shorter is None else floor(self.shorter * size / self.size)
        return Preprocessing(size, shorter, self.resample, self.mean, self.std)

    def box(self, height: int, width: int) -> Box:
        """How a picture becomes the stored square, which has the same centre as the network's crop.

        >>> Preprocessing(224, shorter=256).box(300, 400)
        Box(tall=256, wide=341, top=0, left=42)
        """
        if self.shorter is None:
            return Box(self.size, self.size, 0, 0)
        short = min(height, width)
        tall, wide = (self.shorter if side == short else int(self.shorter * side / short) for side in (height, width))
        inside = self.margin(self.shorter)
        return Box(tall, wide, self.margin(tall) - inside, self.margin(wide) - inside)

    def margin(self, side: int) -> int:
        """The offset of the network's central crop within this many pixels."""
        return round((side - self.size) / 2)

    def manner(self) -> str:
        """How a picture is resized, in words."""
        filtered = f"by an antialiased {self.resample} filter"
        if self.shorter is None:
            return f"squeezed to {self.size} x {self.size} {filtered}"
        return f"its shorter side scaled to {self.shorter} {filtered}, of that the middle {self.size} x {self.size}"

    def described(self) -> str:
        """All of it, as a note for the user."""
        mean, std = (", ".join(f"{each:g}" for each in values) for values in (self.mean, self.std))
        return f"pictures as the network knows them: {self.manner()}; mean {mean}; deviation {std}"

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Preprocessing:
        """From a record, or from what a custom network declares.

        Raises:
            PlanError: The record is malformed.
        """
        names = list(cls.__dataclass_fields__)
        try:
            if not isinstance(record, Mapping) or set(record) - set(names) or "size" not in record:
                raise ValueError(record)
            statistics = {name: tuple(map(float, record[name])) for name in ("mean", "std") if name in record}
        except (TypeError, ValueError) as wrong:
            raise PlanError(
                f"A preprocessing is a dictionary with a size and perhaps {listed(names[1:])}; mean and std are three "
                f"numbers each. Got {record!r}."
            ) from wrong
        return cls(**{**record, **statistics})
