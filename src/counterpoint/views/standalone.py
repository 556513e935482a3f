"""Views of pictures for a custom training loop: independent of plans, runs and datasets.

    first, second = image_views(32)(images, seed=step)

Row i of both is a function of its picture and of (seed, i) alone, as drawn by ``rng.py``: the same in a batch of 4 and
of 400, on every device, whatever was drawn before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from counterpoint import catalogue, rng
from counterpoint.errors import PlanError, SourceError, UnknownName, listed
from counterpoint.plans import check


@dataclass(frozen=True)
class TwoViews:
    """Makes two views of every picture of a batch; returned by ``image_views``."""

    augmentation: Callable[..., Tensor]
    size: int

    def __call__(self, images: Tensor, *, seed: int) -> tuple[Float[Tensor, "n c s s"], Float[Tensor, "n c s s"]]:
        """Two views of every picture.

        Args:
            images: Pixels, uint8 (n, c, h, w), on any device.
            seed: Seed of the draws. Pass another one in every step, such as the number of the step.

        Returns:
            Two float32 tensors (n, c, size, size) in [0, 1] on the device of the pictures.

        Raises:
            SourceError: These are not pictures, or their channels come last.
            PlanError: The seed is not an integer.
        """
        check_pictures(images)
        check("seed", seed, int, {"low": None, "high": None})
        items = torch.arange(len(images), device=images.device)
        first, second = (
            self.augmentation(images, rng.keys(seed=seed, epoch=0, items=items, view=view), size=self.size)
            for view in (0, 1)
        )
        return first, second


def image_views(size: int, *, preset: str = "simclr") -> TwoViews:
    """Two random views of every picture of a batch, for a custom training loop.

    Args:
        size: Height and width of a view in pixels, at least 4.
        preset: ``simclr``, ``small``, ``photo``, ``grey``, ``upright`` or ``heavy``, with options in brackets, such as
            ``"simclr(blur=0.5)"``. ``counterpoint list views`` describes them.

    Returns:
        A function from uint8 pictures (n, c, h, w) and a seed to two float32 tensors (n, c, size, size) in [0, 1].
        It has no state.

    Raises:
        UnknownName: There is no such preset or option.
        PlanError: The size or an option is out of range, or the preset is for another kind of data.

    >>> images = torch.randint(0, 256, (8, 3, 40, 32), dtype=torch.uint8)
    >>> augmentation = image_views(32, preset="simclr(blur=0.5)")
    >>> first, second = augmentation(images, seed=1)
    >>> first.shape, second.dtype
    (torch.Size([8, 3, 32, 32]), torch.float32)
    >>> torch.allclose(augmentation(images[:4], seed=1)[0], first[:4], atol=1e-5)
    True
    """
    check("size", size, int, {"low": 4, "high": None})
    name = catalogue.split(preset)[0]
    if ":" in name:
        fitting = [each for each, row in catalogue.SHELVES["views"].items() if row.only == "image"]
        raise UnknownName(f"image_views takes a preset, not '{name}'. Choose one of {listed(fitting)}.")
    part = catalogue.find("views", preset, only="image")
    try:
        augmentation = part()
    except TypeError as wrong:
        raise PlanError(f"The views '{preset}' cannot be made: {wrong}.") from wrong
    # The C library keeps freed memory up to twice the size of the largest block freed so far. This one is never written
    # to, costs nothing, and saves every batch from requesting the same memory again.
    torch.empty(30 << 20, dtype=torch.uint8)
    return TwoViews(augmentation, size)


def check_pictures(images: object) -> None:
    """Raise ``SourceError`` unless these are pictures that can be augmented."""
    expected = "Pictures must be a uint8 tensor (n, c, h, w)."
    if not isinstance(images, Tensor):
        raise SourceError(f"{expected} Got {type(images).__name__}; make a tensor of it with torch.as_tensor.")
    if images.dtype != torch.uint8:
        kind = str(images.dtype).removeprefix("torch.")
        raise SourceError(f"{expected} Got {kind}; bring it to 0..255 and call .to(torch.uint8).")
    shape = tuple(images.shape)
    if len(shape) != 4 or 0 in shape[1:]:
        raise SourceError(f"{expected} Got the shape {shape}; give one picture as picture[None].")
    if shape[3] in (1, 3) and shape[1] > 3:
        raise SourceError(f"{expected} Got {shape}, channels last; turn them with images.permute(0, 3, 1, 2).")
