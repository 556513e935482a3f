"""Images: opened by ``data.pictures``, augmented by ``views.image_views``, encoded by a ConvNet, a ResNet or timm.

Items are pictures (b, c, h, w) of uint8 pixels, or of floats in [0, 1] where the data has more bits; views are
standardised floats (b, c, s, s) in channels-last order, which is faster for convolutions on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64, Shaped, UInt8
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.data.datasets import given, has_key, holds_pictures
from counterpoint.data.frames import is_columns
from counterpoint.data.perceptual_hash import perceptual_hash
from counterpoint.data.picture_settings import PHOTO_VIEW, Sight, brought
from counterpoint.data.pictures import PictureItems, may_be_pictures, open_pictures, survey
from counterpoint.data.schema import NO_COLUMNS, Schema
from counterpoint.data.sheets import Sheet, later_sheet, read_sheet
from counterpoint.data.subset import spread
from counterpoint.data.texts import is_library
from counterpoint.data.value_range import Range, measured, scale, stated
from counterpoint.encoders import hf_images
from counterpoint.encoders.preprocessed import has_learned, preprocessing_of
from counterpoint.encoders.timm_networks import TIMM, timm_encoder, timm_pretrained
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.interfaces import Items, Parts, Views
from counterpoint.modality import GENTLE, Baseline, DataOptions, Dataset, EncoderInput, Modality
from counterpoint.preprocessing import Preprocessing
from counterpoint.storage.files import expanded
from counterpoint.views import callables, image_parts, image_views, near_copies
from counterpoint.views.crop import middle, resize
from counterpoint.views.named import Named

SMALLEST = 8
"""The smallest side of a local view: below it there is too little to see, and some encoders cannot halve it."""

UNSAID = (
    "the preprocessing of the pretrained network is unknown, so pictures are squeezed and standardised by the data; an "
    "attribute 'preprocessing' of a custom network declares it"
)
"""A note on pretrained networks whose preprocessing is unknown."""


class Images(Modality):
    """Photos and pictures with a fixed number of channels, at a fixed size."""

    name: ClassVar[str] = "image"
    usual_encoder: ClassVar[str] = "conv2d"
    only_here: ClassVar[frozenset[str]] = frozenset({"range", "channel_axis"})

    def __init__(self, sight: Sight, augmentation: Callable[..., Tensor] | None = None) -> None:
        self.sight = sight
        self._mean = torch.tensor(sight.mean)[:, None, None]
        self._deviation = torch.tensor(sight.deviation)[:, None, None]
        self._augmentation = augmentation

    @classmethod
    def accepts(cls, source: object) -> bool:
        if isinstance(source, str | Path):
            if str(source).startswith("sample:"):
                return True
            folder = expanded(source)
            if folder.is_dir():
                return not is_library(folder)  # if it has no images, opening it says so
        return may_be_pictures(source)

    @classmethod
    def fit(cls, source: object, options: DataOptions) -> Dataset:
        sheet, axis = _sheet(source, options), options.data.channel_axis
        column = options.data.column if sheet is None else None
        source = source if sheet is None else sheet
        result, like = survey(source, column=column, axis=axis), _preprocessing(options)
        channels, size, stored = brought(result, like, options.view_size)
        like = like and like.at(size)
        wanted = like if like is not None and stored else stored
        items = open_pictures(
            source, size=wanted, channels=channels, column=column, axis=axis, progress=options.progress
        )
        levels = _settled(items, channels, options.data.range)
        mean, deviation = _moments(items) if like is None else (list(like.mean), list(like.std))
        if like is not None:
            items.notes = [*items.notes, like.described()]
        elif options.weights is not None:
            items.notes = [*items.notes, UNSAID]
        views = options.views if isinstance(options.views, str) else "callable"
        if views == "auto":
            views = image_views.auto(channels, size)
        sight = Sight(
            channels=channels,
            size=size,
            stored=stored,
            mean=mean,
            deviation=deviation,
            views=views,
            schema=NO_COLUMNS if sheet is None else sheet.schema,
            options=options.data,
            levels=levels,
            like=like,
            network=hf_images.described(options.encoder, size=size),
        )
        return Dataset(cls(sight, _chosen(options.views, views, size)), items)

    def open(self, source: object) -> Items:
        sight, axis = self.sight, self.sight.options.channel_axis
        if sight.schema.columns and _has_columns(source):
            source = later_sheet(source, sight.schema, self.name, sight.options)
        column = sight.options.column
        if column is not None and (sight.schema.columns or not has_key(source, column)):
            column = None
        size = sight.stored
        if size is None:
            result = survey(source, column=column, axis=axis)
            size = sight.kept if result.photos or result.side > max(PHOTO_VIEW, sight.kept) else None
        wanted = sight.like if sight.like is not None and size else size
        return open_pictures(
            source, size=wanted, channels=sight.channels, column=column, axis=axis, levels=sight.levels
        )

    @property
    def augmentation(self) -> Named:
        views = self.sight.views
        return Named(
            views,
            self._view,
            self.name,
            another=lambda spec: self.with_views(spec).augmentation,
            shift=image_views.turned,
            near=self._local_view,
            lost=self._augmentation is None and views == "callable",
        )

    def _view(self, batch: Shaped[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s s"]:
        if self._augmentation is None:
            self._augmentation = _chosen(self.sight.views, self.sight.views, self.sight.size)
        return self._standard(self._augmentation(batch, key))

    def _local_view(self, batch: Shaped[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b c s s"]:
        views, size = self.sight.views, self.sight.size
        augmentation: image_views.Strengths = catalogue.find("views", views, only=self.name)().local()
        return self._standard(augmentation(batch, key, size=max(min(SMALLEST, size), size // 2)))

    def inputs(self, batch: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b c s s"]:
        return self._standard(self._shown(batch))

    def _shown(self, batch: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b c s s"]:
        """Pictures in [0, 1], of the size and the cut at which they are encoded."""
        if self.sight.like is not None:
            return brightness(middle(batch, self.sight.like))
        return resize(brightness(batch), size=self.sight.size)

    def parts(self, item: Shaped[Tensor, "1 c h w"]) -> Parts:
        return image_parts.patches(*self._shown(item).shape[2:])

    def with_parts(
        self, item: Shaped[Tensor, "1 c h w"], kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]
    ) -> Float[Tensor, "m c s s"]:
        return self._standard(image_parts.with_patches(self._shown(item), kept))

    def baselines(self) -> dict[str, Baseline]:
        return {"raw pixels": lambda batch: resize(brightness(batch), size=min(32, self.sight.size)).flatten(1)}

    def near_copies(self, batch: Shaped[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Views:
        return tuple(self.inputs(each) for each in near_copies.pictures(brightness(batch), key))

    def content_hash(self, view: Float[Tensor, "b c s s"]) -> Float32[np.ndarray, "b d"]:
        return perceptual_hash(self.seen(view))

    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        channels, size = self.sight.channels, self.sight.size
        name = self.usual_encoder if name == "auto" else name
        if name.startswith(hf_images.PREFIX):
            return hf_images.pretrained(self._network(name))
        if name.startswith(TIMM):
            return timm_pretrained(name, size) if has_learned(name) else timm_encoder(name, channels, size)
        part = catalogue.find("encoder", name, only=self.name)
        if width is None:  # then one set in the spec counts
            width = getattr(part, "keywords", {}).get("width")
        network: nn.Module = part(channels, size, width=width)
        return network

    def rebuild_encoder(self, name: str, width: int | None) -> nn.Module:
        if name.startswith(hf_images.PREFIX):
            return hf_images.blank(self._network(name))
        return self.build_encoder(catalogue.split(name)[0] if name.startswith(TIMM) else name, width)

    def recipe(self, encoder: str) -> Mapping[str, Any]:
        return GENTLE if has_learned(encoder) else {}

    def _network(self, name: str) -> Mapping[str, Any]:
        """The settings to build a Hugging Face network; only for the one that pictures are preprocessed for here."""
        settings = self.sight.network
        if settings is None or catalogue.split(name)[0] != f"{hf_images.PREFIX}{settings['name']}":
            raise PlanError(
                f"'{name}' needs its own preprocessing, and here pictures are preprocessed for another network. "
                f"Train with --encoder={name} from the beginning."
            )
        return settings

    def encoder_input(self) -> EncoderInput:
        channels, size, stored = self.sight.channels, self.sight.size, self.sight.stored
        colours = {1: "grey", 3: "red, green, blue"}.get(channels, f"{channels} channels")
        first = f" to {stored} x {stored} and then" if stored not in (None, size) else ""
        levels = self.sight.levels
        depth = "in 8 bits" if levels is None else "in numbers as they are"
        brought = "divided by 255" if levels is None else levels.recipe()
        like = self.sight.like
        squeezed = f"squeezed{first} to {size} x {size} by an antialiased linear filter"
        recipe = (
            f"The whole picture {depth} ({colours}), upright and on white, "
            f"{squeezed if like is None else like.manner()}, {brought}, less 'mean', divided by 'deviation', both per "
            "channel."
        )
        return EncoderInput({"channels": channels, "height": size, "width": size}, recipe)

    def schema(self) -> Schema:
        return self.sight.schema

    def settings(self) -> Mapping[str, Any]:
        return self.sight.record()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Images:
        return cls(Sight.from_settings(settings))

    def picture(self, batch: Shaped[Tensor, "b c h w"]) -> UInt8[Tensor, "b 3 h w"]:
        return image_views.pictured(brightness(batch))

    def seen(self, view: Float[Tensor, "b c s s"]) -> UInt8[Tensor, "b 3 s s"]:
        """A view as a picture, for display."""
        return image_views.pictured(view * self._deviation + self._mean)

    def _standard(self, view: Tensor) -> Tensor:
        mean, deviation = self._mean.to(view.device), self._deviation.to(view.device)
        return view.sub_(mean).div_(deviation).contiguous(memory_format=torch.channels_last)


def _has_columns(source: object) -> bool:
    return is_columns(source) and not holds_pictures(source)


def _sheet(source: object, options: DataOptions) -> Sheet | None:
    """The column of a source, where it has columns; for items that are dictionaries, the key."""
    if _has_columns(source):
        return read_sheet(source, options, Images.name)
    keys = holds_pictures(source) or given(source) is not None
    named = options.data.without or options.data.schema or (None if keys else options.data.column)
    if named:
        raise SourceError(f"There is no column '{named}': only a table of paths has columns. Leave it out.")
    return None


def _preprocessing(options: DataOptions) -> Preprocessing | None:
    """The preprocessing of the requested network, where it is pretrained and that is known."""
    if options.preprocessing is not None:
        return Preprocessing.of(options.preprocessing)
    return preprocessing_of(options.encoder, options.weights)


def _moments(items: Items) -> tuple[list[float], list[float]]:
    """The mean and the standard deviation of every channel, for pictures in [0, 1]."""
    sample = brightness(items.take(spread(len(items), 2000)))
    return sample.mean(dim=(0, 2, 3)).tolist(), sample.std(dim=(0, 2, 3)).clamp(min=1e-3).tolist()


def brightness(batch: Shaped[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pictures as floats in [0, 1]: bytes are divided by 255."""
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch.float()


def _settled(items: PictureItems, channels: int, preprocessing: str | None) -> Range | None:
    """Choose the range of the pixel values of the training data, and note it; None where they are bytes."""
    levels = None if preprocessing is None else stated(preprocessing)
    if levels is not None and len(levels.low) not in (1, channels):
        raise PlanError(f"range has {len(levels.low)} pairs of numbers; the pictures have {channels} channels.")
    if levels is None and items.kind != "uint8":
        levels = measured(items.sample())
    items.scale = scale(items.kind, levels, items.sample)
    if levels is not None:
        items.notes = [*items.notes, levels.described(items.kind)]
    return levels


def _chosen(views: str | Callable[..., Any], name: str, size: int) -> Callable[[Tensor, Tensor], Tensor]:
    """A function from pictures and keys to views in [0, 1]: a preset, or a callable for one picture."""
    if name == "callable":
        if isinstance(views, str):
            raise InputError("This model was trained with views by a callable; give it again as views=... to train on.")
        return partial(callables.each, views)
    part = catalogue.find("views", name, only="image")
    if catalogue.split(name)[0] in catalogue.SHELVES["views"]:
        return partial(part(), size=size)
    return partial(callables.each, part() if isinstance(part, type) else part)
