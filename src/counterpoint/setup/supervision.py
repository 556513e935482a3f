"""The supervision of a run: the classes of items, or pairs of them; and so what the rows of a batch are.

A run that learns from pairs holds out a tenth of them, or of the labelled items, to choose a threshold later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int64

from counterpoint import catalogue
from counterpoint.data.groups import GroupIds, group_ids, labelled_group_ids
from counterpoint.data.labels import Labels, read_class_ids
from counterpoint.data.pairs import Pairs, read_pairs, read_scores
from counterpoint.data.splits import UNLABELLED, split
from counterpoint.errors import LabelError, PlanError, listed
from counterpoint.interfaces import Items, info_of
from counterpoint.modality import HasColumns, Modality
from counterpoint.pair_verification.sampled_pairs import drawn_pairs
from counterpoint.plans import Plan
from counterpoint.setup.capabilities import learns_from_labels, whole, without_labels
from counterpoint.setup.progress import console
from counterpoint.training.sampling import DrawnPairs, EachItem, GivenPairs, Groups, Partners, Sampling

KEPT = 0.1
"""Share of labelled items, or of pairs, held out for verification."""


@dataclass(frozen=True)
class Supervision:
    """The class of every item, -1 where unlabelled, or None without labels; and what the rows of an epoch are."""

    class_ids: Int64[np.ndarray, " n"] | None
    sampling: Sampling
    read: Labels | None = None
    """The labels as they were read, where any are learned from."""
    kept: Pairs | None = None
    """Held-out pairs, for verification."""
    duplicate_ids: Int64[np.ndarray, "r v"] | None = None
    """Ids of the contents of every row, where some are duplicates."""

    @property
    def answers(self) -> np.ndarray | None:
        """The classes of items or the scores of pairs, whichever is learned from."""
        scores = self.sampling.scores if isinstance(self.sampling, Partners) else None
        return self.class_ids if scores is None else scores.numpy()

    @property
    def rows(self) -> int | None:
        """The number of rows in an epoch, where rows are pairs instead of items."""
        return len(self.sampling) if isinstance(self.sampling, Partners) else None


def supervise(plan: Plan, source: object, items: Items, *, labels: object, pairs: object) -> Supervision:
    """The supervision of a plan.

    Args:
        plan: The plan, of which only method and negatives matter.
        source: The source that ``items`` were opened from.
        items: The items.
        labels: As for ``read_class_ids``.
        pairs: As for ``read_pairs``, or None.

    Raises:
        LabelError: Labels or pairs are needed and not given, or they do not fit the items.
        PlanError: Pairs are given to a method that does not learn from them.
    """
    method = whole(catalogue.find("method", plan.method))
    kind = getattr(method, "sampling", "items")
    info = info_of(items)
    linked, duplicate_ids = info.linked, info.duplicate_ids
    if linked is not None:
        _require_partners(plan, method, others=linked.shape[1] - 2, scored=labels is not None)
        if labels is None:
            return Supervision(None, Partners(torch.from_numpy(linked)), duplicate_ids=duplicate_ids)
        scores = torch.from_numpy(
            read_scores(labels, source if info.columns is None else info.columns, len(linked), info.skipped)
        )
        return Supervision(None, Partners(torch.from_numpy(linked), scores), duplicate_ids=duplicate_ids)
    if getattr(method, "needs_scores", False):
        raise LabelError(_scored(plan))
    if pairs is not None:
        if kind != "pairs":
            fitting = [each for each in catalogue.names("method") if catalogue.find("method", each).sampling == "pairs"]
            raise PlanError(
                f"The method '{plan.method}' does not learn from pairs. Leave out --pairs, or use {listed(fitting)}."
            )
        learned, kept = _parted(read_pairs(pairs, items), seed=plan.seed, groups=group_ids(items))
        first, second, same = (torch.from_numpy(part) for part in learned)
        return Supervision(None, GivenPairs(first, second, same), kept=kept)
    if not learns_from_labels(plan):
        return Supervision(None, EachItem(len(items)), duplicate_ids=duplicate_ids)
    read = _codes(plan, labels, source, items, pairs=kind == "pairs")
    class_ids = read.class_ids
    if kind == "pairs":
        requested = _kept(class_ids, items, seed=plan.seed)
        kept = drawn_pairs(np.where(requested, class_ids, UNLABELLED), seed=plan.seed)
        class_ids = np.where(requested, UNLABELLED, class_ids)
        return Supervision(class_ids, DrawnPairs(torch.from_numpy(class_ids)), read, kept)
    labels_of_items = torch.from_numpy(class_ids)
    return Supervision(
        class_ids, EachItem(len(items), labels_of_items) if kind == "items" else Groups(labels_of_items), read
    )


def _scored(plan: Plan) -> str:
    """The message of a method that needs scores."""
    return (
        f"The method '{plan.method}' learns from pairs of texts and their similarity scores: give --pairs, "
        "two columns, and --labels, a column with a number for every pair."
    )


def _require_partners(plan: Plan, method: Any, *, others: int, scored: bool) -> None:
    """Refuse a method that does not learn from pairs of items that belong together."""
    able = [
        name
        for name in without_labels()
        if catalogue.find("method", name).views > 1 and (others == 0 or catalogue.find("method", name).takes_others)
    ]
    if learns_from_labels(plan):
        who = f"The method '{plan.method}'" if method.needs_labels else f"The choice of negatives '{plan.negatives}'"
        raise PlanError(f"{who} learns from labels, and columns of pairs have none. Use one of {listed(able, 20)}.")
    if getattr(method, "views", 2) < 2:
        raise PlanError(f"The method '{plan.method}' learns from single items, not from pairs. Leave out --pairs.")
    needed = getattr(method, "needs_scores", False)
    if needed and not scored:
        raise LabelError(_scored(plan))
    if scored and not needed:
        fitting = [name for name in catalogue.names("method") if catalogue.find("method", name).needs_scores]
        raise PlanError(
            f"Labels of pairs are similarity scores, which the method '{plan.method}' does not learn from. Leave out "
            f"--labels, or use {listed(fitting)}."
        )
    if others and not method.takes_others:
        raise PlanError(
            f"The method '{plan.method}' has no use for hard negatives, the columns behind the first two of --pairs. "
            f"Leave them out, or use {listed(able, 20)}."
        )


def _kept(class_ids: Int64[np.ndarray, " n"], items: Items, *, seed: int) -> Bool[np.ndarray, " n"]:
    """Which items are held out for verification: a tenth of every class, without splitting groups."""
    groups = labelled_group_ids(items, class_ids)
    if groups is None:
        return split(class_ids, seed=seed, share=KEPT)[1]
    rows = np.flatnonzero(class_ids != UNLABELLED)
    kept = np.zeros(len(class_ids), dtype=bool)
    kept[rows] = split(class_ids[rows], seed=seed, share=KEPT, groups=groups[rows])[1]
    return kept


def _parted(pairs: Pairs, *, seed: int, groups: GroupIds | None) -> tuple[Pairs, Pairs]:
    """The training pairs, and a tenth of the positive and of the negative ones held out for verification.

    Of items with groups a tenth of the groups is held out, and pairs with one held-out item are left out.
    """
    same = pairs.same.astype(np.int64)
    if groups is None:
        _, kept = split(same, seed=seed, share=KEPT)
        learned = ~kept
    else:
        _, held = split(same, seed=seed, share=KEPT, groups=groups[pairs.first])
        first, second = (np.isin(groups[each], groups[pairs.first[held]]) for each in (pairs.first, pairs.second))
        kept, learned = first & second, ~first & ~second
        console().print(
            f"pairs     {int(learned.sum()):,} learned from, {int(kept.sum()):,} of other groups kept to verify with, "
            f"{int((first != second).sum()):,} between them left out",
            markup=False,
        )
    return Pairs(*(part[learned] for part in pairs)), Pairs(*(part[kept] for part in pairs))


def _codes(plan: Plan, labels: object, source: object, items: Items, *, pairs: bool) -> Labels:
    """The class of every item, checked for being enough to learn from."""
    who = f"The method '{plan.method}'" if plan.negatives == "auto" else f"'{plan.method}' with '{plan.negatives}'"
    if labels is None and items.labels is None:
        beside = " or pairs (--pairs=FILE)" if pairs else ""
        raise LabelError(
            f"{who} learns from labels{beside}: give --labels, such as folder, a column, or a .csv or .npy file. "
            f"These methods need none: {listed(without_labels(), 20)}."
        )
    read = read_class_ids(labels, source, items)
    class_ids, classes = read.class_ids, read.classes
    if class_ids.ndim != 1:
        raise LabelError(f"{who} needs one class for each item. These labels name several at once.")
    if len(classes) < 2:
        raise LabelError(f"All labels are '{classes[0]}'. {who} needs two classes.")
    if np.bincount(class_ids[class_ids >= 0]).max() < 2:
        raise LabelError(f"Every class has a single item, so no two belong together. {who} needs two of a class.")
    return read


def unseen(labels: object, modality: Modality) -> None:
    """Refuse labels that are a feature of the model."""
    features = modality.uses() if isinstance(modality, HasColumns) else ()
    if isinstance(labels, str) and labels in features:
        raise LabelError(
            f"The column '{labels}' is a feature of this model, so it sees what it would be asked for. "
            f"Train with --without={labels}, which leaves it out."
        )
