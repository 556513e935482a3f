"""Views by a custom callable: any function of one picture, such as a torchvision pipeline, or of one text.

The callable draws from torch's, NumPy's or Python's generators, so all three are seeded from the item's key first: its
views, too, are a function of (seed, epoch, item, view).
"""

from __future__ import annotations

import random  # noqa: TID251  (seeded for the custom callable; nothing else draws from it)
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from counterpoint.errors import InputError


def each(call: Callable[[Any], Any], images: Shaped[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Tensor:
    """``call`` on every image; its results stacked as (b, c, s, s) in [0, 1].

    Bytes of one or three channels are passed as a Pillow image, all others as a float tensor (c, h, w) in [0, 1].
    """
    views = _seeded(lambda image: _pixels(_called(call, _picture(image), "a picture")), images.cpu(), key)
    shapes = {tuple(view.shape) for view in views}
    if len(shapes) > 1:
        raise InputError(f"The views have different shapes: {sorted(shapes)[:3]}. Let the callable resize to one size.")
    return torch.stack(views).to(images.device)


def each_text(call: Callable[[str], str], texts: Sequence[str], key: Int64[Tensor, " b"]) -> list[str]:
    """``call`` on every text except empty ones."""
    views = _seeded(lambda text: _called(call, text, "a text") if text else text, texts, key)
    for view in views:
        if not isinstance(view, str):
            raise InputError(f"Views by a callable must be texts. Got {type(view).__name__}.")
    return views


def _seeded(see: Callable[[Any], Any], values: Iterable[Any], key: Int64[Tensor, " b"]) -> list[Any]:
    """``see`` on every value, with all generators seeded from its key; they are restored afterwards."""
    python, arrays, views = random.getstate(), np.random.get_state(), []
    try:
        with torch.random.fork_rng(devices=[]):
            for value, number in zip(values, key.tolist(), strict=True):
                random.seed(number)
                np.random.seed(number & 0xFFFFFFFF)
                torch.default_generator.manual_seed(number)
                views.append(see(value))
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
    return views


def _called(call: Callable[[Any], Any], value: Any, called: str) -> Any:
    try:
        return call(value)
    except Exception as wrong:
        raise InputError(f"Views by a callable failed on {called}: {type(wrong).__name__}: {wrong}.") from wrong


def _picture(image: Shaped[Tensor, "c h w"]) -> Any:
    """An image as a Pillow image, or as a tensor where Pillow does not support its depth or number of bands."""
    from PIL import Image

    if image.dtype != torch.uint8:
        return image.clone()
    if len(image) not in (1, 3):
        return image.float() / 255

    array = image.permute(1, 2, 0).numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def _pixels(seen: Any) -> Float[Tensor, "c s t"]:
    """A view of a picture in [0, 1]."""
    from PIL import Image

    if not isinstance(seen, Tensor | np.ndarray | Image.Image):
        raise InputError(f"Views by a callable must be pictures or tensors (c, h, w). Got {type(seen).__name__}.")
    tensor = seen if isinstance(seen, Tensor) else torch.from_numpy(np.array(seen))
    if not isinstance(seen, Tensor):
        tensor = tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
    if tensor.ndim != 3:
        raise InputError(
            f"A view must be a picture or a tensor (c, h, w). The callable returned {tuple(tensor.shape)}."
        )
    return tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor.to(torch.float32, copy=True)
