"""How well a model separates same from different: on held-out pairs, beside its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from counterpoint.data.pairs import Pairs
from counterpoint.data.subset import Subset
from counterpoint.errors import LabelError
from counterpoint.evaluation.intervals import score_interval
from counterpoint.evaluation.scores import raw_features
from counterpoint.interfaces import Items
from counterpoint.model import Model
from counterpoint.pair_verification.threshold import Threshold, area, best_threshold, equal_error

FEWEST = 10
"""The fewest pairs of either kind for a threshold."""

ALL = "all pairs"


def spaces(model: Model, items: Items) -> dict[str, Float32[np.ndarray, "n _"]]:
    """The spaces in which items can be compared: the encoder's normalised outputs, and the head's outputs."""
    h = torch.from_numpy(model.represent(items))
    result = {"h": torch.nn.functional.normalize(h, dim=1)}
    if model.head is not None:
        with torch.inference_mode():
            result["z"] = model.head.eval()(h)
        result["direction of z"] = torch.nn.functional.normalize(result["z"], dim=1)
    return {name: vectors.numpy() for name, vectors in result.items()}


def verified(model: Model, items: Items, groups: Mapping[str, Pairs], *, seed: int = 0) -> dict[str, Any]:
    """The threshold, and its accuracy for every group of pairs, as in ``verification.json``.

    Vectors are compared in the space that separates the pairs best. The stored threshold is chosen on all pairs; its
    accuracy is measured on each half of the pairs with the threshold of the other half.
    """
    pairs = Pairs(*(np.concatenate(part) for part in zip(*groups.values(), strict=True)))
    if not enough(pairs):
        raise LabelError(
            f"There are {int(pairs.same.sum())} pairs that are the same and {int((~pairs.same).sum())} that are not. "
            f"A threshold needs {FEWEST} of each: give more labelled items that were not learned from."
        )
    rows, place = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
    some, first, second = Subset(items, rows), place[: len(pairs.first)], place[len(pairs.first) :]
    result = {name: _apart(z, first, second) for name, z in spaces(model, some).items()}
    space = max(result, key=lambda name: area(result[name], pairs.same, draws=1).value)
    distance, kept = result[space], best_threshold(result[space], pairs.same)
    baselines = {
        "raw": _apart(raw_features(model.modality, some), first, second),
        "untrained": _apart(spaces(model.untrained(), some)["h"], first, second),
    }
    correct = _crossed(distance, pairs.same, seed=seed)
    ends = np.cumsum([0, *(len(each.same) for each in groups.values())])
    parts = {name: slice(ends[turn], ends[turn + 1]) for turn, name in enumerate(groups)}
    scores = {
        name: _scored(distance[part], pairs.same[part], correct[part], {k: d[part] for k, d in baselines.items()}, seed)
        for name, part in ({ALL: slice(None)} | (parts if len(parts) > 1 else {})).items()
        if _both(pairs.same[part])
    }
    return {
        "space": space,
        "threshold": kept.distance,
        "steepness": kept.steepness,
        "model": model.fingerprint(),
        "seed": seed,
        "scores": scores,
    }


def answer(model: Model, record: Mapping[str, Any], first: Items, second: Items) -> dict[str, Any]:
    """Whether two items are the same: ``same``, ``distance``, ``threshold`` and ``probability``."""
    vectors = [spaces(model, each)[record["space"]] for each in (first, second)]
    distance = np.linalg.norm(vectors[0] - vectors[1], axis=1)
    threshold = Threshold(record["threshold"], record["steepness"])
    return {
        "same": bool(threshold.same(distance)[0]),
        "distance": float(distance[0]),
        "threshold": threshold.distance,
        "probability": float(threshold.probability(distance)[0]),
    }


def sentence(result: Mapping[str, Any]) -> str:
    """The result of ``answer``, as text."""
    word = "the same" if result["same"] else "different"
    distances = f"distance {result['distance']:.3f}, threshold {result['threshold']:.3f}"
    return f"{word}: {distances}, probability of the same {result['probability']:.1%}"


def enough(pairs: Pairs) -> bool:
    """Whether there are enough pairs of either kind to choose a threshold on."""
    return _both(pairs.same)


def _both(same: np.ndarray) -> bool:
    return min(int(same.sum()), int((~same).sum())) >= FEWEST


def _apart(vectors: np.ndarray, first: np.ndarray, second: np.ndarray) -> Float32[np.ndarray, " p"]:
    apart: np.ndarray = np.linalg.norm(vectors[first] - vectors[second], axis=1)
    return apart


def _crossed(distance: np.ndarray, same: np.ndarray, *, seed: int) -> np.ndarray:
    """Whether the prediction for each pair is correct, with the threshold of those in the other half."""
    correct = np.zeros(len(same), dtype=bool)
    half = np.zeros(len(same), dtype=bool)
    generator = np.random.default_rng(seed)
    for kind in (np.flatnonzero(same), np.flatnonzero(~same)):
        half[generator.permutation(kind)[: len(kind) // 2]] = True
    for tested in (half, ~half):
        correct[tested] = best_threshold(distance[~tested], same[~tested]).same(distance[tested]) == same[tested]
    return correct


def _scored(
    distance: np.ndarray, same: np.ndarray, correct: np.ndarray, baselines: Mapping[str, np.ndarray], seed: int
) -> dict[str, Any]:
    return {
        "pairs": len(same),
        "accuracy": score_interval(correct)._asdict(),
        "roc_auc": area(distance, same, seed=seed)._asdict(),
        "equal_error_rate": equal_error(distance, same, seed=seed)._asdict(),
        "baselines": {name: {"roc_auc": area(each, same, seed=seed)._asdict()} for name, each in baselines.items()},
    }


def table(record: Mapping[str, Any]) -> str:
    """The result as plain text."""
    lines = [f"Same if the distance in {record['space']} is at most {record['threshold']:.3f}"]
    for name, result in record["scores"].items():
        lines += ["", f"{name}: {result['pairs']:,}, half of them the same"]
        for key, called in (("accuracy", "right"), ("roc_auc", "ROC-AUC"), ("equal_error_rate", "equal error rate")):
            lines.append(f"  {called:28} {_with(result[key])}")
        for key, called in (("raw", "of raw features"), ("untrained", "of the untrained encoder")):
            lines.append(f"    {called:26} {_with(result['baselines'][key]['roc_auc'])}")
    return "\n".join(lines)


def _with(interval: Mapping[str, float]) -> str:
    return f"{interval['value']:.3f}  ({interval['low']:.3f} to {interval['high']:.3f})"
