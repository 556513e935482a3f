"""What an encoder makes of an item of which some parts are masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor
from torch.nn import functional

from counterpoint.batch import Batch, to
from counterpoint.errors import InputError
from counterpoint.interfaces import Parts
from counterpoint.modality import HasParts
from counterpoint.model import Model
from counterpoint.model.model import BATCH


@dataclass(frozen=True)
class MaskedItem:
    """An item as a function of the parts of it that are kept: f(S) = h(x(S)) / |h(x(S))|, the mean over draws."""

    model: Model
    item: Batch
    parts: Parts
    whole: Float64[np.ndarray, " d"]
    """f of all parts: what the item is embedded as."""

    @classmethod
    def of(cls, model: Model, item: Batch) -> MaskedItem:
        """The one item of a batch.

        Raises:
            InputError: Items of this modality have no parts, or this one has none.
        """
        if not isinstance(model.modality, HasParts):
            raise InputError(
                f"Items of the modality '{model.modality.name}' have no parts, so there is no saying which of them "
                "match. It would need 'parts' and 'with_parts', see counterpoint.modality.HasParts."
            )
        parts = model.modality.parts(item)
        if not parts.names:
            raise InputError("The item has no parts, so there is no saying which of them match. Give another item.")
        there = to(item, model.device)
        (whole,) = _units(model, model.modality.inputs(there)).numpy()
        return cls(model, there, parts, whole)

    def vectors(self, kept: Bool[Tensor, "m n"], keys: Int64[Tensor, " m"]) -> Float64[np.ndarray, "m d"]:
        """The vector f(S) of each mask; ``keys`` decide what random fills are."""
        assert isinstance(self.model.modality, HasParts)
        draws, device = self.parts.draws, self.model.device
        masks = kept.repeat_interleave(draws, dim=0)
        key = (keys[:, None] + torch.arange(draws)).flatten()
        result = torch.zeros(len(masks), len(self.whole), dtype=torch.float64)
        left = masks.any(dim=1) if self.parts.empty else torch.ones(len(masks), dtype=torch.bool)
        for rows in left.nonzero()[:, 0].split(BATCH):
            view = self.model.modality.with_parts(self.item, masks[rows].to(device), key[rows].to(device))
            result[rows] = _units(self.model, view)
        mean: np.ndarray = result.reshape(len(kept), draws, -1).mean(dim=1).numpy()
        return mean


def _units(model: Model, view: Batch) -> Float64[Tensor, "b d"]:
    """The representations of some inputs, scaled to length 1."""
    with torch.inference_mode():
        h = model.encoder.eval()(view).double().cpu()
    if not bool(h.isfinite().all()):
        raise InputError(
            "The encoder gives NaN or infinite numbers for this item, or for it without some of its parts. Train the "
            "model anew with a lower learning rate."
        )
    return functional.normalize(h, dim=1)
