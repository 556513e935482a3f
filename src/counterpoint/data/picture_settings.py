"""The settings of pictures that a model was trained on, by which further ones are converted."""

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
"""Default side of a view of photos, in pixels."""


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
    """The range of pixel values from black to full brightness; None where the training data was bytes."""
    like: Preprocessing | None = None
    """The preprocessing of a pretrained network; None where pictures are squeezed."""
    network: Mapping[str, Any] | None = None
    """The settings to build that network again, if it is one of Hugging Face."""

    @property
    def kept(self) -> int:
        """The side at which large pictures are stored, where the training data was small."""
        return self.size if self.like is None else self.like.kept

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        record = {**asdict(self), "schema": self.schema.settings(), "options": self.options.record()}
        for name in ("levels", "like", "network"):  # absent where unused, as in older models
            if getattr(self, name) is None:
                del record[name]
        return record if self.like is None else {**record, "like": self.like.record()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Sight:
        """From a record, also of older versions."""
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
    """The channels and the side of views, and the side at which pictures are stored; None where unchanged.

    Raises:
        PlanError: The network expects colours, and the pictures have other bands.
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
