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
from counterpoint.evaluation.scores import raw_features
from counterpoint.interfaces import Items
from counterpoint.model import Model
from counterpoint.pair_verification.pair_groups import PairGroups, pair_groups, parts, renumbered
from counterpoint.pair_verification.threshold import Threshold, accuracy, area, best_threshold, equal_error

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


def verified(model: Model, items: Items, named: Mapping[str, Pairs], *, seed: int = 0) -> dict[str, Any]:
    """The threshold, and its accuracy on all pairs and on those of every name, as in ``verification.json``.

    Vectors are compared in the space that separates the pairs best. The stored threshold is chosen on all pairs; its
    accuracy is measured with thresholds that were chosen on other pairs, and of other groups where items have groups.
    """
    pairs = Pairs(*(np.concatenate(part) for part in zip(*named.values(), strict=True)))
    if not _both(pairs.same):
        raise LabelError(
            f"There are {int(pairs.same.sum())} pairs that are the same and {int((~pairs.same).sum())} that are not. "
            f"A threshold needs {FEWEST} of each: give more labelled items that were not learned from."
        )
    rows, place = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
    some, count = Subset(items, rows), len(pairs.same)
    pairs = Pairs(place[:count], place[count:], pairs.same)
    groups = pair_groups(some, pairs)
    if not _separable(pairs.same, groups, seed=seed):
        raise LabelError("These pairs are of too few groups to choose a threshold on some and test it on others.")
    result = {name: _apart(z, pairs) for name, z in spaces(model, some).items()}
    space = max(result, key=lambda name: area(result[name], pairs.same, draws=1).value)
    distance, kept = result[space], best_threshold(result[space], pairs.same)
    baselines = {
        "raw": _apart(raw_features(model.modality, some), pairs),
        "untrained": _apart(spaces(model.untrained(), some)["h"], pairs),
    }
    correct = _crossed(distance, pairs.same, groups, seed=seed)
    ends = np.cumsum([0, *(len(each.same) for each in named.values())])
    slices = {name: slice(ends[turn], ends[turn + 1]) for turn, name in enumerate(named)}
    scores = {}
    for name, part in ({ALL: slice(None)} | (slices if len(slices) > 1 else {})).items():
        if _both(pairs.same[part]):
            of_part = {called: each[part] for called, each in baselines.items()}
            in_part = None if groups is None else renumbered(groups[part])
            scores[name] = _scored(distance[part], pairs.same[part], correct[part], of_part, in_part, seed)
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


def enough(items: Items, pairs: Pairs, *, seed: int) -> bool:
    """Whether there are enough pairs of either kind, and of enough groups, to choose a threshold on and to test it."""
    return _both(pairs.same) and _separable(pairs.same, pair_groups(items, pairs), seed=seed)


def _separable(same: np.ndarray, groups: PairGroups | None, *, seed: int) -> bool:
    """Whether there are other pairs of both kinds to choose the threshold on, whichever are tested."""
    return all(0 < int(same[others].sum()) < int(others.sum()) for _, others in parts(same, groups, seed=seed))


def _both(same: np.ndarray) -> bool:
    return min(int(same.sum()), int((~same).sum())) >= FEWEST


def _apart(vectors: np.ndarray, pairs: Pairs) -> Float32[np.ndarray, " p"]:
    apart: np.ndarray = np.linalg.norm(vectors[pairs.first] - vectors[pairs.second], axis=1)
    return apart


def _crossed(distance: np.ndarray, same: np.ndarray, groups: PairGroups | None, *, seed: int) -> np.ndarray:
    """Whether the prediction for each pair is correct, with the threshold of other pairs."""
    correct = np.zeros(len(same), dtype=bool)
    for tested, others in parts(same, groups, seed=seed):
        correct[tested] = best_threshold(distance[others], same[others]).same(distance[tested]) == same[tested]
    return correct


def _scored(
    distance: np.ndarray,
    same: np.ndarray,
    correct: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    groups: PairGroups | None,
    seed: int,
) -> dict[str, Any]:
    def ranking(each: np.ndarray) -> dict[str, float]:
        return area(each, same, groups=groups, seed=seed)._asdict()

    return {
        "pairs": len(same),
        **({} if groups is None else {"groups": int(groups.max()) + 1}),
        "accuracy": accuracy(correct, same, groups=groups, seed=seed)._asdict(),
        "roc_auc": ranking(distance),
        "equal_error_rate": equal_error(distance, same, groups=groups, seed=seed)._asdict(),
        "baselines": {name: {"roc_auc": ranking(each)} for name, each in baselines.items()},
    }


def table(record: Mapping[str, Any]) -> str:
    """The result as plain text."""
    lines = [f"Same if the distance in {record['space']} is at most {record['threshold']:.3f}"]
    for name, result in record["scores"].items():
        of_groups = f", of {result['groups']:,} groups" if "groups" in result else ""
        lines += ["", f"{name}: {result['pairs']:,}{of_groups}, half of them the same"]
        for key, called in (("accuracy", "accuracy"), ("roc_auc", "ROC-AUC"), ("equal_error_rate", "equal error rate")):
            lines.append(f"  {called:28} {_with(result[key])}")
        for key, called in (("raw", "of raw features"), ("untrained", "of the untrained encoder")):
            lines.append(f"    {called:26} {_with(result['baselines'][key]['roc_auc'])}")
    return "\n".join(lines)


def _with(interval: Mapping[str, float]) -> str:
    return f"{interval['value']:.3f}  ({interval['low']:.3f} to {interval['high']:.3f})"
