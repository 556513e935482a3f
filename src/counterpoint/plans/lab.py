"""The choices of the verb ``lab``."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.plans.choices import LARGEST_SEED, Choices, choice


@dataclass(frozen=True, kw_only=True)
class LabPlan(Choices):
    """Every choice of measuring what views do.

    >>> LabPlan(items=500).seed
    0
    """

    modality: str = choice("auto", "Kind of data, or auto to recognise it: counterpoint list modalities.")
    encoder: str = choice("auto", "Untrained network that views are measured with: counterpoint list encoders.")
    width: int | None = choice(None, "Width of its first stage; None for the encoder's own.", low=1)
    view_size: int | None = choice(None, "Height and width of an image's view in pixels; None to fit the data.", low=4)
    items: int = choice(1024, "Items to measure on, drawn at random; those with labels first.", low=20)
    seed: int = choice(0, "Random seed.", low=0, high=LARGEST_SEED)
