r"""Where an anomaly is: the parts that make it unlike its nearest normal item.

    effect_i = a_i . u,     a_i the effect of part i on the vector of the item (``explanation.part_table``)

u is the unit vector of the nearest normal item, so the effect is how much the cosine similarity to it changes when part
i is kept, with every other part kept with probability 1/2.  The most negative ones are what is anomalous.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from counterpoint.anomaly_detection.results import PartEffect
from counterpoint.batch import Batch
from counterpoint.embeddings import unit
from counterpoint.errors import InputError
from counterpoint.explanation.explanation import part_of
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.part_table import part_table
from counterpoint.modality import HasParts
from counterpoint.model import Model

MASKS = 256
"""The fewest masks of an item; four for each part where it has more."""

SHOWN = 5
"""Parts of an item."""

REACH = 1.96
"""Half the width of an interval, in standard errors."""


def require_parts(model: Model | None) -> None:
    """Refuse to explain embeddings, or items that cannot be cut into parts.

    Raises:
        InputError: There are no parts.
    """
    if model is None:
        raise InputError("Embeddings have no parts to explain. Give the model and the data instead.")
    if not isinstance(model.modality, HasParts):
        raise InputError(f"Items of the modality '{model.modality.name}' have no parts. Leave out --explain.")


def part_effects(model: Model, item: Batch, near: Float32[np.ndarray, " d"], *, seed: int) -> list[PartEffect]:
    """The parts of a single item that lower its similarity to a normal one, the strongest first.

    Raises:
        InputError: Items of this modality have no parts.
    """
    masked = MaskedItem.of(model, item)
    table = part_table(masked, count=max(MASKS, 4 * len(masked.parts.names)), seed=seed, stream=0)
    (direction,) = unit(near[None]).astype(np.float64)
    effects = table.values @ direction
    margins = REACH * np.sqrt(np.square(table.weights) @ np.square(table.residuals @ direction))
    return [
        PartEffect(part_of(masked.parts, place), float(effects[place]), bool(abs(effects[place]) > margins[place]))
        for place in np.argsort(effects, kind="stable")[:SHOWN].tolist()
        if effects[place] < 0
    ]
