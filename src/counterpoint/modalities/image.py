"""Images: opened by ``data.pictures``, looked at by ``views.pixels``, encoded by a conv net, a ResNet or one of timm.

Items are pictures (b, c, h, w) of uint8 pixels, or of floats in [0, 1] where the data is deeper; views are standardised
floats (b, c, s, s) in channels-last order, which the convolutions of a processor want.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.data.datasets import given, has_key, holds_pictures
from counterpoint.data.frames import is_columns
from counterpoint.data.levels import Range, measured, scale, stated
from counterpoint.data.pictures import PictureItems, looks_like_pictures, open_pictures, survey
from counterpoint.data.schema import NO_COLUMNS, Column, Schema
from counterpoint.data.sheets import Sheet, later_sheet, read_sheet
from counterpoint.data.subset import spread
from counterpoint.data.texts import is_library
from counterpoint.encoders.borrowed import timm_encoder
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.files import expanded
from counterpoint.interfaces import Items
from counterpoint.kinds import EncoderInput, Modality, Wishes
from counterpoint.options import AS_IT_IS, DataOptions
from counterpoint.typed_json import Between, Misfit, Pixels, made
from counterpoint.views import pixels, two
from counterpoint.views.crop import resize
from counterpoint.views.strength import strengthened

PHOTO_VIEW = 64
"""Side of a view of photos, in pixels, unless the user asks for another."""

SMALLEST = 8
"""Side below which a local view shows nothing, and encoders that halve three times have nothing left to halve."""


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
    options: DataOptions = AS_IT_IS
    levels: Range | None = None
    """Which numbers are black and full brightness; None where the training data was bytes, from 0 to 255."""


class Images(Modality):
    """Photos and pictures of one number of channels, seen at one size."""

    name: ClassVar[str] = "image"
    usual_encoder: ClassVar[str] = "conv2d"
    only_here: ClassVar[frozenset[str]] = frozenset({"range", "channel_axis"})

    def __init__(self, sight: Sight, look: Callable[..., Tensor] | None = None) -> None:
        self.sight = sight
        self._mean = torch.tensor(sight.mean)[:, None, None]
        self._deviation = torch.tensor(sight.deviation)[:, None, None]
        self._look = look

    @classmethod
    def claims(cls, source: object) -> bool:
        if isinstance(source, str | Path):
            if str(source).startswith("sample:"):
                return True
            folder = expanded(source)
            if folder.is_dir():
                return not is_library(folder)  # if no image is there, opening says so
        return looks_like_pictures(source)

    @classmethod
    def learn(cls, source: object, wishes: Wishes) -> tuple[Images, Items]:
        sheet, axis = _sheet(source, wishes), wishes.data.channel_axis
        column = wishes.data.column if sheet is None else None
        source = source if sheet is None else sheet
        found = survey(source, column=column, axis=axis)
        large = found.side > PHOTO_VIEW
        size = wishes.view_size or (PHOTO_VIEW if large else max(8, found.side))
        stored = max(size, min(found.side, round(size * 1.25))) if found.photos or large else None
        items = open_pictures(
            source, size=stored, channels=found.channels, column=column, axis=axis, progress=wishes.progress
        )
        levels = _settled(items, found.channels, wishes.data.range)
        sample = brightness(items.take(spread(len(items), 2000)))
        mean = sample.mean(dim=(0, 2, 3))
        deviation = sample.std(dim=(0, 2, 3)).clamp(min=1e-3)
        views = wishes.views if isinstance(wishes.views, str) else "callable"
        if views == "auto":
            views = pixels.auto(found.channels, size)
        schema = NO_COLUMNS if sheet is None else sheet.schema
        sight = Sight(
            found.channels, size, stored, mean.tolist(), deviation.tolist(), views, schema, wishes.data, levels
        )
        return cls(sight, _chosen(wishes.views, views, size)), items

    def open(self, source: object) -> Items:
        sight, axis = self.sight, self.sight.options.channel_axis
        if sight.schema.columns and _has_columns(source):
            source = later_sheet(source, sight.schema, self.name, sight.options)
        column = sight.options.column
        if column is not None and (sight.schema.columns or not has_key(source, column)):
            column = None
        size = sight.stored
        if size is None:
            found = survey(source, column=column, axis=axis)
            size = sight.size if found.photos or found.side > max(PHOTO_VIEW, sight.size) else None
        return open_pictures(source, size=size, channels=sight.channels, column=column, axis=axis, levels=sight.levels)

    def look(self, batch: Shaped[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s s"]:
        if self._look is None:
            self._look = _chosen(self.sight.views, self.sight.views, self.sight.size)
        return self._standard(self._look(batch, key))

    def strength(self, by: float) -> str:
        return strengthened(self.sight.views, by, only=self.name)

    def local(self, batch: Shaped[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s s"] | None:
        views, size = self.sight.views, self.sight.size
        if catalogue.split(views)[0] not in catalogue.SHELVES["views"]:
            return None  # nobody but its owner can make a callable look closer
        look: pixels.Look = catalogue.find("views", views, only=self.name)().local()
        return self._standard(look(batch, key, size=max(min(SMALLEST, size), size // 2)))

    def can_look(self) -> bool:
        return self._look is not None or self.sight.views != "callable"

    def plain(self, batch: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b c s s"]:
        return self._standard(resize(brightness(batch), size=self.sight.size))

    def raw(self, batch: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return resize(brightness(batch), size=min(32, self.sight.size)).flatten(1)

    def encoder(self, name: str, width: int | None) -> nn.Module:
        channels, size = self.sight.channels, self.sight.size
        name = self.usual_encoder if name == "auto" else name
        if name.startswith("timm:"):
            return timm_encoder(name.removeprefix("timm:"), channels, size)
        part = catalogue.find("encoder", name, only=self.name)
        if width is None:  # then one written behind the name counts
            width = getattr(part, "keywords", {}).get("width")
        network: nn.Module = part(channels, size, width=width)
        return network

    def encoder_input(self) -> EncoderInput:
        channels, size, stored = self.sight.channels, self.sight.size, self.sight.stored
        colours = {1: "grey", 3: "red, green, blue"}.get(channels, f"{channels} channels")
        first = f" to {stored} x {stored} and then" if stored not in (None, size) else ""
        levels = self.sight.levels
        numbers = "in 8 bits" if levels is None else "in numbers as they are"
        brought = "divided by 255" if levels is None else levels.recipe()
        recipe = (
            f"The whole picture {numbers} ({colours}), upright and on white, squeezed{first} to {size} x {size} by an "
            f"antialiased linear filter, {brought}, less 'mean', divided by 'deviation', both per channel."
        )
        return EncoderInput({"channels": channels, "height": size, "width": size}, recipe)

    def schema(self) -> Schema:
        return self.sight.schema

    def settings(self) -> Mapping[str, Any]:
        sight = self.sight
        settings = {**asdict(sight), "schema": sight.schema.settings(), "options": sight.options.record()}
        if sight.levels is None:  # as models said it before they had any
            del settings["levels"]
        return settings

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Images:
        known = {name: value for name, value in settings.items() if name != "column"}
        column, options = settings.get("column"), settings.get("options", {})
        before = [] if column is None else [asdict(Column(column, "path", "string"))]
        sight = made(Sight, known | {"schema": Schema.restore(settings.get("schema", before)), "options": options})
        levels = () if sight.levels is None else (sight.levels.low, sight.levels.high)
        if {len(sight.mean), len(sight.deviation)} != {sight.channels} or {*map(len, levels)} - {1, sight.channels}:
            raise Misfit(f"it has {sight.channels} channels, and means, deviations or levels of another number")
        return cls(sight)

    def picture(self, batch: Shaped[Tensor, "b c h w"]) -> UInt8[Tensor, "b 3 h w"]:
        return pixels.pictured(brightness(batch))

    def seen(self, view: Float[Tensor, "b c s s"]) -> UInt8[Tensor, "b 3 s s"]:
        """A view as a picture, for people."""
        return pixels.pictured(view * self._deviation + self._mean)

    def _standard(self, view: Tensor) -> Tensor:
        mean, deviation = self._mean.to(view.device), self._deviation.to(view.device)
        return view.sub_(mean).div_(deviation).contiguous(memory_format=torch.channels_last)


def _has_columns(source: object) -> bool:
    return is_columns(source) and not holds_pictures(source)


def _sheet(source: object, wishes: Wishes) -> Sheet | None:
    """The columns of a source, where it has any; the key in items that are dictionaries is named like one."""
    if _has_columns(source):
        return read_sheet(source, wishes, Images.name)
    keys = holds_pictures(source) or given(source) is not None
    named = wishes.data.without or wishes.data.schema or (None if keys else wishes.data.column)
    if named:
        raise SourceError(f"There is no column '{named}': only a table of paths has columns. Leave it out.")
    return None


def brightness(batch: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pictures as floats in [0, 1]: bytes count as 255ths."""
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch.float()


def _settled(items: PictureItems, channels: int, said: str | None) -> Range | None:
    """Settle by which range the levels of the training data are read, and note it; None where they are bytes."""
    levels = None if said is None else stated(said)
    if levels is not None and len(levels.low) not in (1, channels):
        raise PlanError(f"range has {len(levels.low)} pairs of numbers; the pictures have {channels} channels.")
    if levels is None and items.kind != "uint8":
        levels = measured(items.sample())
    items.scale = scale(items.kind, levels, items.sample)
    if levels is not None:
        items.notes = [*items.notes, levels.said(items.kind)]
    return levels


def _chosen(views: str | Callable[..., Any], name: str, size: int) -> Callable[[Tensor, Tensor], Tensor]:
    """A function from pictures and keys to views in [0, 1]: a preset, or a callable for one picture."""
    if name == "callable":
        if isinstance(views, str):
            raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
        return partial(two.each, views)
    part = catalogue.find("views", name, only="image")
    if catalogue.split(name)[0] in catalogue.SHELVES["views"]:
        return partial(part(), size=size)
    return partial(two.each, part() if isinstance(part, type) else part)
