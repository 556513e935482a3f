r"""A perceptual hash: 63 signs that an image keeps when it is re-encoded, resized or made a little brighter.

    c = DCT-II of the grey image, 32 x 32;    bit_uv = c_uv > median,    0 <= u, v < 8,  (u, v) != (0, 0)

pHash by the discrete cosine transform: Zauner 2010, "Implementation and benchmarking of perceptual image hash
functions", section 3.2.1.  Two images share (1 + cosine) / 2 of their signs, unrelated ones about a half.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional

SIDE, LOW = 32, 8
"""The side of the grey image, and of the square of low frequencies."""


def perceptual_hash(pictures: UInt8[Tensor, "b 3 h w"]) -> Float32[np.ndarray, "b 63"]:
    """The signs of images, +1 and -1.

    >>> import torch
    >>> plain = torch.arange(32 * 32).reshape(1, 1, 32, 32).expand(1, 3, 32, 32) % 251
    >>> darker = (plain * 0.9).to(torch.uint8)
    >>> one, other = perceptual_hash(plain.to(torch.uint8)), perceptual_hash(darker)
    >>> one.shape, bool((one == other).mean() > 0.9)
    ((1, 63), True)
    """
    from scipy.fft import dctn

    grey = functional.interpolate(
        pictures.float().mean(dim=1, keepdim=True), (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
    )
    low = dctn(grey[:, 0].cpu().numpy(), axes=(1, 2))[:, :LOW, :LOW].reshape(len(pictures), LOW * LOW)[:, 1:]
    signs: np.ndarray = np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)
    return signs
