"""Views by a callable of the user's: any function of one picture, such as a torchvision or Pillow pipeline.

The callable draws from torch's, NumPy's or Python's own generators, so all three are set from the item's key first:
its views, too, are a function of (seed, epoch, item, view).
"""

from __future__ import annotations

import random  # noqa: TID251  (seeded for the user's callable; nothing of ours draws from it)
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from counterpoint.errors import InputError


def each(call: Callable[[Any], Any], images: UInt8[Tensor, "b c h w"], key: Int64[Tensor, " b"]) -> Tensor:
    """``call`` on every image, given as a Pillow image; its results stacked as (b, c, s, s) in [0, 1]."""
    python, arrays = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            views = [_one(call, image, int(number)) for image, number in zip(images.cpu(), key.cpu(), strict=True)]
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
    shapes = {tuple(view.shape) for view in views}
    if len(shapes) > 1:
        raise InputError(f"The views have different shapes: {sorted(shapes)[:3]}. Let the callable resize to one size.")
    return torch.stack(views).to(images.device)


def _one(call: Callable[[Any], Any], image: Tensor, number: int) -> Tensor:
    from PIL import Image

    random.seed(number)
    np.random.seed(number & 0xFFFFFFFF)
    torch.default_generator.manual_seed(number)
    array = image.permute(1, 2, 0).numpy()
    picture = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    try:
        seen = call(picture)
    except Exception as wrong:
        raise InputError(f"Views by a callable failed on a picture: {type(wrong).__name__}: {wrong}.") from wrong
    if not isinstance(seen, Tensor | np.ndarray | Image.Image):
        raise InputError(f"Views by a callable must be pictures or tensors (c, h, w). Got {type(seen).__name__}.")
    tensor = seen if isinstance(seen, Tensor) else torch.from_numpy(np.array(seen))
    if not isinstance(seen, Tensor):
        tensor = tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
    if tensor.ndim != 3:
        raise InputError(
            f"A view must be a picture or a tensor (c, h, w). The callable returned {tuple(tensor.shape)}."
        )
    return tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor.float()
