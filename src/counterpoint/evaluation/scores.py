"""All scores of a model on labelled items: kNN, a linear probe, geometry, and their baselines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch.nn import functional

from counterpoint.data.subset import Subset
from counterpoint.errors import InputError
from counterpoint.evaluation.collisions import MOST, Estimate, collision_rate, estimated_collisions
from counterpoint.evaluation.geometry import alignment, effective_rank, uniformity
from counterpoint.evaluation.labelled import Labelled
from counterpoint.evaluation.probe import compared
from counterpoint.evaluation.repeated_views import viewed
from counterpoint.interfaces import Items
from counterpoint.modality import Baseline, Modality, augmentation_of
from counterpoint.model import Model

PIECE = 1000
"""The batch size for features."""

PAIRS = 2000
"""The number of items whose two views measure alignment."""


def score(model: Model, train: Labelled, test: Labelled, *, seed: int = 0) -> dict[str, Any]:
    """``{"knn": ..., "linear": ..., "geometry": ...}``; the first two with intervals and baselines."""
    untrained = model.untrained()
    features = {
        "trained": (model.represent(train.items), model.represent(test.items)),
        "untrained": (untrained.represent(train.items), untrained.represent(test.items)),
    }
    features |= {name: (of(train.items), of(test.items)) for name, of in classical_features(model.modality).items()}
    scores = compared(
        features, train.labels, test.labels, seed=seed, train_groups=train.groups, test_groups=test.groups
    )
    return scores | {"geometry": geometry(model, test.items, features["trained"][1], seed=seed)}


def geometry(model: Model, items: Items, h: Float32[np.ndarray, "n d"], *, seed: int) -> dict[str, float | None]:
    """Alignment of two views (None where none can be drawn), uniformity and effective rank of h, the representation."""
    aligned = None
    if augmentation_of(model.modality).available:
        pairs = viewed(model, items, count=min(PAIRS, len(items)), views=2, seed=seed)
        aligned = alignment(*np.ascontiguousarray(pairs.swapaxes(0, 1)))
    return {"alignment": aligned, **dispersion(h)}


def dispersion(h: Float32[np.ndarray, "n d"]) -> dict[str, float | None]:
    """Uniformity and effective rank of representations."""
    unit = functional.normalize(torch.from_numpy(h), dim=1).numpy()
    return {"uniformity": uniformity(unit), "effective_rank_h": effective_rank(h)}


def collisions(model: Model, train: Items, labels: Int64[np.ndarray, " m"], *, seed: int = 0) -> dict[str, Any]:
    """The share of false negatives: ``true`` from labels, ``estimated`` from two views of some training items.

    Both are ``value``, ``low`` and ``high``, or None where they cannot be computed; the estimate has its number of
    ``clusters`` and the ``gap`` of their silhouette.
    """
    true = collision_rate(labels, seed=seed) if (labels >= 0).sum() > 1 else None
    result = _estimate(model, train, seed=seed)
    return {
        "true": None if true is None else true._asdict(),
        "estimated": None if result is None else result.share._asdict(),
        "clusters": None if result is None else result.clusters,
        "gap": None if result is None else result.gap,
    }


def _estimate(model: Model, items: Items, *, seed: int) -> Estimate | None:
    """None where no views can be drawn, where items are too few and where all have the same vector."""
    if not augmentation_of(model.modality).available:
        return None
    drawn = np.sort(np.random.default_rng(seed).permutation(len(items))[:MOST])  # items may be sorted by class
    pairs = viewed(model, Subset(items, drawn), count=len(drawn), views=2, seed=seed)
    try:
        return estimated_collisions(pairs[:, 0], pairs[:, 1], seed=seed)
    except InputError:
        return None


def classical_features(modality: Modality) -> dict[str, Callable[[Items], Float32[np.ndarray, "n d"]]]:
    """The baselines of a modality by name, each a function of items; the first is called ``raw``."""
    names = modality.baselines()
    return {"raw" if place == 0 else name: partial(_features, of=names[name]) for place, name in enumerate(names)}


def raw_features(modality: Modality, items: Items) -> Float32[np.ndarray, "n d"]:
    """The plainest features of some items, without an encoder."""
    return _features(items, of=next(iter(modality.baselines().values())))


def _features(items: Items, *, of: Baseline) -> Float32[np.ndarray, "n d"]:
    starts = range(0, len(items), PIECE)
    parts = [of(items.take(np.arange(start, min(start + PIECE, len(items))))) for start in starts]
    return torch.cat(parts).numpy()
