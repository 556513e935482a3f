"""Augmentations of images: which transformations, how strong, in which order; presets by size and channels.

Every preset is a ``Strengths``. The order is crop (with mirror), rotation, colour, blur, solarize, erase, that of
SimCLR (Chen et al. 2020, arXiv:2002.05709, appendix A) with the additions of BYOL (arXiv:2006.07733, appendix B).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from counterpoint.plans import within
from counterpoint.views.blur import blurring, widths
from counterpoint.views.colour import jittering, solarize
from counterpoint.views.crop import cropping
from counterpoint.views.erase import erase
from counterpoint.views.resampling import Change, Some, room
from counterpoint.views.rotate import rotate

PIECE = 1 << 21
"""Values that are processed together: few enough to stay in the caches of two cores."""

LEAST = 1e-6
"""An invisible strength of colour: 0 would disable grey, too, which is applied in the same pass."""


@dataclass(frozen=True)
class Strengths:
    """The strength of each transformation; zero disables it."""

    scale: float = 0.2
    """Smallest share of the image's area that a crop keeps."""
    largest: float = 1.0
    """Largest share of it."""
    ratio: float = 3 / 4
    """Narrowest crop, as width over height; the widest is its inverse."""
    mirror: float = 0.5
    """Share of views that are mirrored left to right."""
    degrees: float = 0.0
    """Largest rotation."""
    colour: float = 0.5
    """Strength of brightness, contrast, saturation and hue."""
    grey: float = 0.2
    """Share of colour views that lose their colour."""
    blur: float = 0.0
    """Share of views that are blurred."""
    solarize: float = 0.0
    """Share of views whose bright pixels are inverted."""
    erase: float = 0.0
    """Share of views in which a box is blanked."""

    def __post_init__(self) -> None:
        for name in ("scale", "ratio"):
            within(name, getattr(self, name), 0.001, 1)
        within("largest", self.largest, self.scale, 1)
        for name in ("mirror", "grey", "blur", "solarize", "erase"):
            within(name, getattr(self, name), 0, 1)
        for name in ("degrees", "colour"):
            within(name, getattr(self, name), 0)

    def __call__(self, images: Shaped[Tensor, "b c h w"], key: Int64[Tensor, " b"], *, size: int) -> Tensor:
        """One view (b, c, size, size) of every image, floats in [0, 1] or bytes; values in [0, 1]."""
        b, c, h, w = images.shape
        width = widths(key, probability=self.blur, sigma=(0.1, max(0.2, 2.0 * size / 224)))
        changes = list(self._changes(key, width, images.shape, size))
        views = room((b, c, size, size), images.device)
        for some in self._pieces(width, many=max(1, PIECE // (c * max(h * w, size * size)))):
            view = images[some] if isinstance(some, slice) else images.index_select(0, some)
            for change in changes:
                view = change(view, some)
            if isinstance(some, slice):
                torch.clamp(view, 0, 1, out=views[some])
            else:
                views.index_copy_(0, some, view.clamp_(0, 1))
        return views

    def stronger(self, by: float) -> dict[str, float]:
        """Options that are ``by`` times as strong: smaller crops, more colour, grey, blur and erased boxes."""
        shares = {name: min(1.0, by * getattr(self, name)) for name in ("grey", "blur", "erase")}
        changed = {"scale": max(0.001, self.scale**by), "colour": by * self.colour, **shares}
        return {name: value for name, value in changed.items() if value != getattr(self, name)}

    def alone(self) -> dict[str, dict[str, float]]:
        """Options that apply one transformation only, by its name."""
        still = dict.fromkeys(("mirror", "degrees", "colour", "grey", "blur", "solarize", "erase"), 0.0)
        still |= {"scale": 1.0, "largest": 1.0, "ratio": 1.0}
        made = {"crop": ("scale", "largest", "ratio"), "mirror": ("mirror",), "rotation": ("degrees",)}
        made |= {name: (name,) for name in ("colour", "grey", "blur", "solarize", "erase")}
        changes = {
            change: {**still, **{name: getattr(self, name) for name in names}}
            for change, names in made.items()
            if any(getattr(self, name) != still[name] for name in names)
        }
        if self.colour == 0:
            changes.pop("grey", None)
        if "grey" in changes:
            changes["grey"]["colour"] = LEAST
        return changes

    def local(self) -> Strengths:
        """The same for views of half the side: a quarter of the area, so that objects keep their size in pixels.

        Multi-crop, Caron et al. 2020, arXiv:2006.09882, section 3.3.

        >>> Strengths(scale=0.2).local().scale, Strengths().local().largest
        (0.05, 0.25)
        """
        return replace(self, scale=max(0.001, self.scale / 4), largest=max(0.001, self.largest / 4))

    def _pieces(self, width: Tensor, many: int) -> Iterator[Some]:
        """The items in pieces of similar blur, since the widest blur of a piece determines its cost."""
        if self.blur > 0 and len(width) > many:
            order = torch.argsort(width)
            sharp = int((width == 0).sum())
            for each in (order[:sharp], order[sharp:]):
                yield from (each[start : start + many] for start in range(0, len(each), many))
        else:
            yield from (slice(start, start + many) for start in range(0, len(width), many))

    def _changes(self, key: Tensor, width: Tensor, shape: torch.Size, size: int) -> Iterator[Change]:
        scale, ratio = (self.scale, self.largest), (self.ratio, 1 / self.ratio)
        yield cropping(key, shape, size=size, scale=scale, ratio=ratio, mirror=self.mirror)
        if self.degrees > 0:
            yield lambda view, some: rotate(view, key[some], degrees=self.degrees)
        if self.colour > 0:
            yield jittering(key, strength=self.colour, grey=self.grey)
        if self.blur > 0:
            yield blurring(width, size=size)
        if self.solarize > 0:
            yield lambda view, some: solarize(view, key[some], probability=self.solarize)
        if self.erase > 0:
            yield lambda view, some: erase(view, key[some], probability=self.erase)


simclr = partial(Strengths)
"""SimCLR's views of CIFAR-10: crop, mirror, colour, grey; no blur."""

small = partial(Strengths, erase=0.5)
"""Small colour images: the same with random erasing."""

photo = partial(Strengths, blur=0.5, erase=0.5)
"""Photos: SimCLR's full recipe with blur, and random erasing."""

grey = partial(Strengths, scale=0.4, colour=1.0, erase=0.5)
"""Grey images and those with other bands: as there is no colour to change, brightness is changed more and random
erasing is added; larger crops, because small ones remove the outline, which is most of the information."""

upright = partial(Strengths, scale=0.5, mirror=0.0, degrees=15.0)
"""Where left and right differ, such as letters and digits: no mirror, large crops, a small rotation."""

heavy = partial(Strengths, scale=0.08, colour=1.0, blur=0.5, solarize=0.2)
"""For long runs on large sets: small crops, stronger colour, blur and solarize."""


def turned(view: Float[Tensor, "b c s t"], quarters: int) -> Tensor:
    """Views turned against the clock by so many quarters: Gidaris et al. 2018, arXiv:1803.07728.

    The finished view is turned, so that mirrored views of one turn are not views of another.

    >>> turned(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 1)[0, 0].tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """
    return torch.rot90(view, quarters, dims=(2, 3)).contiguous(memory_format=torch.channels_last)


def auto(channels: int, size: int) -> str:
    """The preset for images of this kind; only three channels are treated as colours.

    >>> auto(1, 28), auto(3, 32), auto(3, 96), auto(5, 96)
    ('grey', 'small', 'photo', 'grey')
    """
    if channels != 3:
        return "grey"
    return "photo" if size > 64 else "small"


def pictured(view: Float[Tensor, "b c h w"]) -> Tensor:
    """Views as uint8 pictures with three channels, for display: the first three bands, or the first alone."""
    shown = view[:, :3] if view.shape[1] >= 3 else view[:, :1].expand(-1, 3, -1, -1)
    return (shown.clamp(0, 1) * 255).round().to(torch.uint8)
