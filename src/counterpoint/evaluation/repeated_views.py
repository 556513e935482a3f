"""Several random views of the same items, encoded."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32

from counterpoint.batch import to
from counterpoint.interfaces import Items, Keys
from counterpoint.modality import augmentation_of
from counterpoint.model import Model

AT_ONCE = 250
"""Batch size."""


def viewed(model: Model, items: Items, *, count: int, views: int, seed: int) -> Float32[np.ndarray, "n q d"]:
    """The encoder's h for several views of each of the first ``count`` items, as a function of the seed alone."""
    encoder = model.encoder.eval()
    device, augmentation = model.device, augmentation_of(model.modality)
    encoded: list[torch.Tensor] = []
    with torch.inference_mode():
        for start in range(0, count, AT_ONCE):
            index = np.arange(start, min(start + AT_ONCE, count))
            batch, item = to(items.take(index), device), torch.from_numpy(index).to(device)
            drawn = (
                augmentation(batch, Keys(seed=seed, epoch=0, step=0, view=view, item=item)) for view in range(views)
            )
            encoded.append(torch.stack([encoder(each).float().cpu() for each in drawn], dim=1))
    return torch.cat(encoded).numpy()
