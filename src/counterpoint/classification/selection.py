"""The choice among several classifiers, by held-out labels, and their scores.

All candidates predict held-out labels of the same folds. The most accurate one is chosen, unless it predicts the same
for every item; among several that differ by no more than chance, the one with the least loss after temperature scaling.
Its accuracy is compared with the baselines of the same folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, Shaped

from counterpoint.classification.calibration import fitting_temperature, loss_at
from counterpoint.classification.classifier import Classifier
from counterpoint.classification.cross_validation import Answered, Fold, answered_in, places
from counterpoint.data.splits import ClassIds
from counterpoint.data.subset import Subset, spread
from counterpoint.errors import PlanError, closest, listed
from counterpoint.evaluation.group_variance import GroupIds, variance_over_groups
from counterpoint.evaluation.intervals import paired_interval, score_interval
from counterpoint.evaluation.labelled import Labelled
from counterpoint.evaluation.linear import linear_probes
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.evaluation.scores import raw_features
from counterpoint.interfaces import Items
from counterpoint.label_types import LABEL_TYPES, named
from counterpoint.modality import Modality
from counterpoint.training.diagnostics import Level

PROBE, FINETUNED, STUDENT = "probe", "finetuned", "student"

CALLED = {PROBE: "linear probe", FINETUNED: "fine-tuned classifier", STUDENT: "student"}

BASELINES = {"raw": "a linear probe of raw features", "chance": "the most frequent class"}

CONSTANT, GLANCED = 0.99, 2000
"""Share of this many items, evenly spread, from which on a prediction counts as the only one."""


def require_deliverable(wanted: str, names: Sequence[str]) -> None:
    """Refuse a name that is not a candidate's."""
    if wanted not in ("best", *names):
        raise PlanError(f"--deliver is best, or one of {listed(names)}.{closest(wanted, names)} Got '{wanted}'.")


@dataclass(frozen=True)
class Candidate:
    """A classifier trained on all labels, and predictions of others like it for held-out ones."""

    name: str
    classifier: Classifier
    answered: Answered | None
    """None where no label could be held out, or there was no time."""


def candidate(
    name: str, make: Callable[[Int64[np.ndarray, " n"]], Classifier], labelled: Labelled, parts: Sequence[Fold]
) -> Candidate:
    """A candidate trained by ``make``, with the temperature that fits its predictions for held-out labels."""
    answered = answered_in(parts, labelled, lambda number: make(parts[number].kept))
    temperature = 1.0 if answered is None else _scaled(answered.scores, labelled.labels[answered.rows])[0]
    return Candidate(name, replace(make(np.arange(len(labelled.items))), temperature=temperature), answered)


class Baseline(NamedTuple):
    """The held-out labels that a baseline without an encoder predicts correctly."""

    rows: Int64[np.ndarray, " m"]
    correct: Shaped[np.ndarray, " m"]

    def at(self, rows: Int64[np.ndarray, " a"]) -> Shaped[np.ndarray, " a"]:
        """The same of some of them, in this order."""
        result: np.ndarray = self.correct[places(rows, self.rows)]
        return result


def choose(
    candidates: Sequence[Candidate], class_ids: ClassIds, items: Items, *, groups: GroupIds | None = None
) -> Candidate:
    """The most accurate candidate on labels that all of them predicted; among those within a standard error of the
    difference to it, the one with the least loss.

    One with constant predictions is only taken if all are; without scores, the first is taken.
    ``groups`` are those of the labelled items.
    """
    fit = [each for each in candidates if not is_constant(each.classifier, items)] or list(candidates)
    answers = {each.name: each.answered for each in fit if each.answered is not None}
    if not answers:
        return fit[0]
    common = reduce(np.intersect1d, (each.rows for each in answers.values()))
    scores = {name: each.of(common) for name, each in answers.items()}
    correct = {name: _correct(each, class_ids[common]).astype(np.float64) for name, each in scores.items()}
    most = correct[max(correct, key=lambda name: correct[name].mean())]
    of_common = None if groups is None else groups[common]
    near = [name for name, each in correct.items() if (most - each).mean() <= _error(most - each, of_common)]
    least = min(near, key=lambda name: _scaled(scores[name], class_ids[common])[1])
    return next(each for each in fit if each.name == least)


def _error(differences: Float64[np.ndarray, " m"], groups: GroupIds | None) -> float:
    """The standard error of a mean of differences."""
    if groups is None:
        return float(differences.std() / len(differences) ** 0.5)
    return float(np.sqrt(variance_over_groups(differences, groups).value))


def is_constant(classifier: Classifier, items: Items) -> bool:
    """Whether a classifier predicts the same for all items, or nearly all."""
    some = Subset(items, spread(len(items), GLANCED))
    answers = classifier.label_type.decided(classifier.probabilities(some))
    _, counts = np.unique(answers, axis=0, return_counts=True)
    return bool(counts.max() >= CONSTANT * len(some)) and len(some) > 1


def baselines(parts: Sequence[Fold], labelled: Labelled, modality: Modality) -> dict[str, Baseline]:
    """Correct predictions of a linear probe of raw features, and of the most frequent class, in the same folds."""
    if not parts:
        return {}
    class_ids, label_type, raw = (
        labelled.labels,
        LABEL_TYPES[named(labelled.labels)],
        raw_features(modality, labelled.items),
    )
    rows = np.concatenate([part.held for part in parts])
    probed = [
        linear_probes(raw[part.kept], class_ids[part.kept], raw[part.held], groups=labelled.groups_of(part.kept))
        for part in parts
    ]
    usual = [label_type.usual(class_ids[part.kept])[:1].repeat(len(part.held), axis=0) for part in parts]
    return {
        name: Baseline(rows, label_type.right(np.concatenate(answers), class_ids[rows]))
        for name, answers in (("raw", probed), ("chance", usual))
    }


def judgement(
    chosen: Candidate, candidates: Sequence[Candidate], labelled: Labelled, against: Mapping[str, Baseline]
) -> dict[str, Any]:
    """The scores of the candidates as JSON values: accuracy with intervals, loss, and the chosen one's gain over the
    baselines, with simultaneous intervals.
    """
    record: dict[str, Any] = {
        "delivered": chosen.name,
        "candidates": {each.name: _score(each, labelled) for each in candidates},
        "baselines": {},
        "differences": {},
    }
    if labelled.group_count is not None:
        record["groups"] = labelled.group_count
    if chosen.answered is not None:
        rows = chosen.answered.rows
        correct = _correct(chosen.answered.scores, labelled.labels[rows])
        others = {name: each.at(rows) for name, each in against.items()}
        groups = labelled.groups_of(rows)
        level = familywise_level([correct * 1.0 - each for each in others.values()], groups=groups)
        for name, each in others.items():
            record["baselines"][name] = score_interval(each, groups=groups)._asdict()
            record["differences"][name] = paired_interval(correct, each, level=level, groups=groups)._asdict()
    return record


def conclusion(record: Mapping[str, Any], role: str = "is handed over") -> tuple[Level, str]:
    """Whether the chosen classifier is useful: good or warning, and a sentence; ``role`` is what happens to it."""
    name = record["delivered"]
    score, called = record["candidates"][name], CALLED[name]
    grouped = record.get("groups")
    if score is None:
        one_more = "One more label of every class" if grouped is None else "Labels of every class in a second group"
        return "warning", (
            f"The {called} {role}, and nothing is known of how well it does: no label could be held out. {one_more} "
            "would say."
        )
    text = (
        f"The {called} {role}: accuracy {score['value']:.0%} ({score['low']:.0%} to {score['high']:.0%}) on "
        f"{score['items']:,} held-out labels"
    )
    text += "" if score.get("groups") is None else f", of {score['groups']:,} groups"
    for baseline in BASELINES:
        value, low, high = (100 * record["differences"][baseline][key] for key in ("value", "low", "high"))
        if low <= 0:
            beside = "is less than" if high < 0 else "is not significantly more than"
            return "warning", (
                f"{text}. That {beside} {BASELINES[baseline]}, {value:+.0f} points ({low:+.0f} to {high:+.0f}). Label "
                f"{'more items' if grouped is None else 'items of more groups'}, or train for longer."
            )
    value, low, high = (100 * record["differences"]["raw"][key] for key in ("value", "low", "high"))
    return "good", f"{text}, {value:.0f} points ({low:.0f} to {high:.0f}) more than {BASELINES['raw']}."


def _scaled(scores: Float32[np.ndarray, "m k"], class_ids: ClassIds) -> tuple[float, float]:
    """The temperature that fits these scores best, and the loss at it."""
    temperature = fitting_temperature(scores, class_ids)
    return temperature, loss_at(scores, class_ids, temperature)


def _correct(scores: Float32[np.ndarray, "m k"], class_ids: ClassIds) -> Shaped[np.ndarray, " m"]:
    label_type = LABEL_TYPES[named(class_ids)]
    return label_type.right(label_type.decided(label_type.probabilities(torch.from_numpy(scores)).numpy()), class_ids)


def _score(candidate: Candidate, labelled: Labelled) -> dict[str, Any] | None:
    if candidate.answered is None:
        return None
    rows, scores = candidate.answered.rows, candidate.answered.scores
    there, groups = labelled.labels[rows], labelled.groups_of(rows)
    correct, (_, loss) = _correct(scores, there), _scaled(scores, there)
    counts = {"items": len(correct)} | ({} if groups is None else {"groups": len(np.unique(groups))})
    return {**score_interval(correct, groups=groups)._asdict(), "loss": loss, **counts}
