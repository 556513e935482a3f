"""Images: opened by ``data.pictures``, looked at by ``views.pixels``, encoded by a conv net, a ResNet or one of timm.

Items are uint8 pixels (b, c, h, w); views are standardised floats (b, c, s, s) in channels-last order, which the
convolutions of a processor want.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.data.paths import expanded
from counterpoint.data.pictures import looks_like_pictures, open_pictures, survey
from counterpoint.data.subset import spread
from counterpoint.data.texts import is_library
from counterpoint.encoders.borrowed import timm_encoder
from counterpoint.errors import InputError
from counterpoint.interfaces import Items
from counterpoint.kinds import EncoderInput, Modality, Wishes
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

    channels: int
    size: int
    stored: int | None
    mean: list[float]
    deviation: list[float]
    views: str
    column: str | None


class Images(Modality):
    """Photos and pictures of one number of channels, seen at one size."""

    name: ClassVar[str] = "image"
    usual_encoder: ClassVar[str] = "conv2d"

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
            if (folder := expanded(source)).is_dir():
                return not is_library(folder)  # if no image is there, opening says so
        return looks_like_pictures(source)

    @classmethod
    def learn(cls, source: object, wishes: Wishes) -> tuple[Images, Items]:
        found = survey(source, column=wishes.data.column)
        size = wishes.view_size or (PHOTO_VIEW if found.photos and found.side > PHOTO_VIEW else max(8, found.side))
        stored = max(size, min(found.side, round(size * 1.25))) if found.photos else None
        items = open_pictures(
            source, size=stored, channels=found.channels, column=wishes.data.column, progress=wishes.progress
        )
        sample = items.take(spread(len(items), 2000)).float() / 255
        mean = sample.mean(dim=(0, 2, 3))
        deviation = sample.std(dim=(0, 2, 3)).clamp(min=1e-3)
        views = wishes.views if isinstance(wishes.views, str) else "callable"
        if views == "auto":
            views = pixels.auto(found.channels, size)
        sight = Sight(found.channels, size, stored, mean.tolist(), deviation.tolist(), views, wishes.data.column)
        return cls(sight, _chosen(wishes.views, views, size)), items

    def open(self, source: object) -> Items:
        column = self.sight.column
        size = self.sight.stored
        if size is None and survey(source, column=column).photos:
            size = self.sight.size
        return open_pictures(source, size=size, channels=self.sight.channels, column=column)

    def look(self, batch: UInt8[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s s"]:
        if self._look is None:
            self._look = _chosen(self.sight.views, self.sight.views, self.sight.size)
        return self._standard(self._look(batch, key))

    def strength(self, by: float) -> str:
        return strengthened(self.sight.views, by, only=self.name)

    def local(self, batch: UInt8[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s s"] | None:
        views, size = self.sight.views, self.sight.size
        if catalogue.split(views)[0] not in catalogue.SHELVES["views"]:
            return None  # nobody but its owner can make a callable look closer
        look: pixels.Look = catalogue.find("views", views, only=self.name)().local()
        return self._standard(look(batch, key, size=max(min(SMALLEST, size), size // 2)))

    def can_look(self) -> bool:
        return self._look is not None or self.sight.views != "callable"

    def plain(self, batch: UInt8[Tensor, "b c h w"]) -> Float[Tensor, "b c s s"]:
        return self._standard(resize(batch.float().div_(255), size=self.sight.size))

    def raw(self, batch: UInt8[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        return resize(batch.float().div_(255), size=min(32, self.sight.size)).flatten(1)

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
        recipe = (
            f"The whole picture in 8 bits ({colours}), upright and on white, squeezed{first} to {size} x {size} by an "
            "antialiased linear filter, divided by 255, less 'mean', divided by 'deviation', both per channel."
        )
        return EncoderInput({"channels": channels, "height": size, "width": size}, recipe)

    def settings(self) -> Mapping[str, Any]:
        return asdict(self.sight)

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Images:
        return cls(Sight(**settings))

    def picture(self, batch: UInt8[Tensor, "b c h w"]) -> UInt8[Tensor, "b 3 h w"]:
        return pixels.pictured(batch.float() / 255)

    def seen(self, view: Float[Tensor, "b c s s"]) -> UInt8[Tensor, "b 3 s s"]:
        """A view as a picture, for people."""
        return pixels.pictured(view * self._deviation + self._mean)

    def _standard(self, view: Tensor) -> Tensor:
        mean, deviation = self._mean.to(view.device), self._deviation.to(view.device)
        return view.sub_(mean).div_(deviation).contiguous(memory_format=torch.channels_last)


def _chosen(views: str | Callable[..., Any], name: str, size: int) -> Callable[[Tensor, Tensor], Tensor]:
    """A function from uint8 pixels and keys to views in [0, 1]: a preset, or a callable for one picture."""
    if name == "callable":
        if isinstance(views, str):
            raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
        return lambda batch, key: two.each(views, batch, key)
    part = catalogue.find("views", name, only="image")
    if catalogue.split(name)[0] in catalogue.SHELVES["views"]:
        look = part()
        return lambda batch, key: look(batch, key, size=size)
    call = part() if isinstance(part, type) else part
    return lambda batch, key: two.each(call, batch, key)
