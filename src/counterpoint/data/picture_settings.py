"""What is known of the pictures that a model learned from, and so of how further ones are brought to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from counterpoint.data.pictures import Survey
from counterpoint.data.schema import NO_COLUMNS, Column, Schema
from counterpoint.data.value_range import Range
from counterpoint.errors import PlanError
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.typed_json import Between, Misfit, Pixels, made

PHOTO_VIEW = 64
"""Side of a view of photos, in pixels, unless the user asks for another."""


@dataclass(frozen=True)
class Sight:
    """What the modality learned from its training data."""

    channels: Annotated[int, Between(1, 2**10)]
    size: Pixels
    stored: Pixels | None
    mean: list[float]
    deviation: list[float]
    views: str
    schema: Schema = NO_COLUMNS
    options: ReadOptions = AS_IT_IS
    levels: Range | None = None
    """Which numbers are black and full brightness; None where the training data was bytes, from 0 to 255."""
    like: Preprocessing | None = None
    """How pictures are brought to a network that has learned before; None where they are squeezed."""
    network: Mapping[str, Any] | None = None
    """What it takes to build that again, where it is one of Hugging Face."""

    @property
    def kept(self) -> int:
        """The side at which large pictures are kept, where the training data was small."""
        return self.size if self.like is None else self.like.kept

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        record = {**asdict(self), "schema": self.schema.settings(), "options": self.options.record()}
        for name in ("levels", "like", "network"):  # as models said it before they had any
            if getattr(self, name) is None:
                del record[name]
        return record if self.like is None else {**record, "like": self.like.record()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Sight:
        """From a record, those of older versions too."""
        fields = {name: value for name, value in settings.items() if name != "column"}
        column = settings.get("column")
        before = [] if column is None else [asdict(Column(column, "path", "string"))]
        fields |= {
            "schema": Schema.from_settings(settings.get("schema", before)),
            "options": settings.get("options", {}),
        }
        sight = made(cls, fields)
        levels = () if sight.levels is None else (sight.levels.low, sight.levels.high)
        if {len(sight.mean), len(sight.deviation)} != {sight.channels} or {*map(len, levels)} - {1, sight.channels}:
            raise Misfit(f"it has {sight.channels} channels, and means, deviations or levels of another number")
        return sight


def brought(result: Survey, like: Preprocessing | None, view_size: int | None) -> tuple[int, int, int | None]:
    """The channels and the side of views, and the side at which pictures are kept; None where as they are.

    Raises:
        PlanError: The network sees colours, and the pictures have other bands.
    """
    if like is not None and result.channels not in (1, 3):
        raise PlanError(
            f"A network that has learned before sees red, green and blue, and these pictures have {result.channels} "
            "bands. Choose an encoder that has not."
        )
    if like is not None:
        size = view_size or like.size
        kept = like.at(size).kept
        return 3, size, kept if result.photos or result.side > kept else None
    large = result.side > PHOTO_VIEW
    size = view_size or (PHOTO_VIEW if large else max(8, result.side))
    return result.channels, size, max(size, min(result.side, round(size * 1.25))) if result.photos or large else None
