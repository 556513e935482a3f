"""Several random looks at the same items, encoded."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32

from counterpoint import rng
from counterpoint.interfaces import Items
from counterpoint.model import Model

AT_ONCE = 250
"""Items that are looked at together."""


def viewed(model: Model, items: Items, *, count: int, views: int, seed: int) -> Float32[np.ndarray, "n q d"]:
    """The encoder's h of so many views of each of the first ``count`` items, drawn from the seed alone."""
    encoder = model.encoder.eval()
    device = model.device
    encoded: list[torch.Tensor] = []
    with torch.inference_mode():
        for start in range(0, count, AT_ONCE):
            index = np.arange(start, min(start + AT_ONCE, count))
            batch, numbers = items.take(index).to(device), torch.from_numpy(index).to(device)
            looks = (
                model.modality.augmentation(batch, rng.keys(seed=seed, epoch=0, items=numbers, view=view))
                for view in range(views)
            )
            encoded.append(torch.stack([encoder(augmentation).float().cpu() for augmentation in looks], dim=1))
    return torch.cat(encoded).numpy()
