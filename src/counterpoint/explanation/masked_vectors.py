"""The vector of an item of which some parts are masked, for many masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor
from torch.nn import functional

from counterpoint.batch import Batch, digest, to
from counterpoint.errors import InputError
from counterpoint.interfaces import Parts
from counterpoint.modality import HasParts
from counterpoint.model import Model
from counterpoint.model.model import BATCH


@dataclass(frozen=True)
class MaskedItem:
    """An item as a function of the parts that are kept: f(S) = h(x(S)) / |h(x(S))|, averaged over random fills."""

    model: Model
    item: Batch
    parts: Parts
    unmasked: Float64[np.ndarray, " d"]
    """f of all parts: the embedding of the item."""

    @classmethod
    def of(cls, model: Model, item: Batch) -> MaskedItem:
        """The single item of a batch.

        Raises:
            InputError: The modality cannot cut its items into parts, or this item has none.
        """
        if not isinstance(model.modality, HasParts):
            raise InputError(
                f"Items of the modality '{model.modality.name}' cannot be explained: it does not cut them into parts. "
                "Add 'parts' and 'with_parts' to the modality, see counterpoint.modality.HasParts."
            )
        parts = model.modality.parts(item)
        if not parts.names:
            raise InputError("The item has no parts, so nothing in it can be explained. Give another item.")
        moved = to(item, model.device)
        (unmasked,) = _unit_vectors(model, model.modality.inputs(moved)).numpy()
        return cls(model, moved, parts, unmasked)

    @property
    def content(self) -> bytes:
        """A hash of the item, the same in every process."""
        return digest(self.item)[0]

    def vectors(self, kept: Bool[Tensor, "m n"], keys: Int64[Tensor, " m"]) -> Float64[np.ndarray, "m d"]:
        """f(S) for each mask; ``keys`` determine the random fills. Where nothing is left to encode f(S) = 0."""
        assert isinstance(self.model.modality, HasParts)
        draws, device = self.parts.draws, self.model.device
        masks = kept.repeat_interleave(draws, dim=0)
        key = (keys[:, None] + torch.arange(draws)).flatten()
        result = torch.zeros(len(masks), len(self.unmasked), dtype=torch.float64)
        encodable = (masks.any(dim=1) if self.parts.empty else torch.ones(len(masks), dtype=torch.bool)).nonzero()[:, 0]
        for first in range(0, len(encodable), BATCH):
            rows = encodable[first : first + BATCH]
            view = self.model.modality.with_parts(self.item, masks[rows].to(device), key[rows].to(device))
            result[rows] = _unit_vectors(self.model, view)
        mean: np.ndarray = result.reshape(len(kept), draws, -1).mean(dim=1).numpy()
        return mean


def _unit_vectors(model: Model, view: Batch) -> Float64[Tensor, "b d"]:
    """The representations of encoder inputs, scaled to length 1."""
    with torch.inference_mode():
        h = model.encoder.eval()(view).double().cpu()
    if not bool(h.isfinite().all()):
        raise InputError(
            "The encoder gives NaN or infinite values for this item, or for it with parts masked. Train the model "
            "again with a lower learning rate."
        )
    return functional.normalize(h, dim=1)
