"""The verb ``anomalies``: which items are unlike normal ones, with p-values that bound the share of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from counterpoint.anomaly_detection.conformal import require_rate
from counterpoint.anomaly_detection.files import NAMES, RECORD, write_files
from counterpoint.anomaly_detection.labelled_anomalies import Truth, truth_of
from counterpoint.anomaly_detection.part_effects import part_effects, require_parts
from counterpoint.anomaly_detection.results import Anomalies
from counterpoint.anomaly_detection.scorer import scorer_of
from counterpoint.anomaly_detection.search import Baseline, Search, Side, require_units
from counterpoint.data.groups import group_ids, shared_groups
from counterpoint.data.labels import Labels, pair, read_class_ids
from counterpoint.data.overlap import equal_items
from counterpoint.data.vectors import Rows
from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError, PlanError, counted, listed, option
from counterpoint.evaluation.scores import raw_features
from counterpoint.interfaces import Items, info_of
from counterpoint.model import Model, load
from counterpoint.plans import AnomalyPlan, choices_in
from counterpoint.runs.locks import holds_out
from counterpoint.setup.progress import announce_labels, embedding
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import open_grouped
from counterpoint.storage.files import expanded
from counterpoint.tuning.output_folder import Folder
from counterpoint.verbs.verb import verb


class Sides(NamedTuple):
    """The tested items, the normal ones if any, and the model that embeds both, None for embeddings."""

    tested: Items
    normal: Items | None
    model: Model | None


@verb(AnomalyPlan)
@holds_out
def anomalies(
    model: Model | Embeddings | str | Path,
    source: object = None,
    *,
    normal: object = None,
    labels: object = None,
    groups: str | Iterable[object] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    scorer: str = "mahalanobis",
    alarm: float | None = None,
    fdr: float | None = None,
    normal_label: str | None = None,
    explain: int = 0,
    seed: int = 0,
    quiet: bool = False,
) -> Anomalies:
    """Find the items that are unlike normal ones, each with a score, a p-value and its nearest normal items.

    One half of the normal items fits the score and the other half calibrates it, so that a normal item has an alarm
    with a probability of at most ``alarm``, whatever the data. Without normal items the source is ranked by how unlike
    the others each item is.

    Args:
        model: A model or a run folder; or embeddings, or the file or folder that they are saved in.
        source: The items to test, as for ``embed``; left out where embeddings are tested.
        normal: Items that are known to be normal, and are not among those tested; embeddings where those are tested.
        labels: As for ``evaluate``, to measure how well anomalies are detected, beside baselines.
        groups: What several items share, such as patient or machine, as for ``evaluate``; or a pair of those for the
            tested and the normal items. Then alarms are false for at most a share ``alarm`` of items of new groups.
        out: A folder for ``anomalies.json``, ``anomalies.csv`` and ``report.html``.
        overwrite: Replace what is in ``out``.
        scorer: How an item is scored: counterpoint list scorers, with options such as knn(k=5, bank=0.1).
        alarm: The highest probability of an alarm for a normal item; 0.01 when left out.
        fdr: Also flag items so that at most this share of those flagged is expected to be normal.
        normal_label: The label of normal items; good, normal, ok, 0, false or no when left out. All others are
            anomalies.
        explain: For so many of the most anomalous items, the parts that make them unlike normal ones.
        seed: Random seed of the halves, the folds, the masks and the draws.
        quiet: Print nothing.

    Returns:
        ``items``, the most anomalous first, ``contamination``, ``suspects`` among the normal items, and ``detection``.

    Raises:
        InputError: The source, the normal items, the labels or the folder cannot be used.
        PlanError: There are too few normal items for the alarm, and the message says how many are needed.
    """
    plan = AnomalyPlan.of(choices_in(locals(), AnomalyPlan))
    _require_choices(plan, normal)
    place = (
        None if out is None else Folder(expanded(out), RECORD, "search for anomalies", resumable=False, others=NAMES)
    )
    if place is not None:
        place.require(resume=False, overwrite=overwrite)
    sides, vectors = _open_sides(model, source, normal, groups)
    if sides.model is not None:
        unseen(labels, sides.model.modality)
    if plan.explain:
        require_parts(sides.model)
    truth = None if labels is None else _truth(labels, source, sides.tested, plan)
    in_both, warnings = _in_both(sides, vectors)
    search = _search(sides, vectors, plan, truth, in_both)
    result = search.run()
    result = replace(result, warnings=[*warnings, *result.warnings])
    if plan.explain:
        result = _explained(result, sides, search)
    if place is not None:
        parts = [] if sides.model is None else [each for each in (sides.tested, sides.normal) if each is not None]
        write_files(place.path, result.record(), None if sides.model is None else sides.model.modality, parts)
    return result


def _require_choices(plan: AnomalyPlan, normal: object) -> None:
    scorer_of(plan.scorer)
    for name in ("alarm", "fdr"):
        rate = getattr(plan, name)
        if rate is not None:
            require_rate(name, rate)
            if normal is None:
                raise PlanError(
                    f"{option(name)} needs normal items to compare with. Give them as --normal, or leave "
                    f"{option(name)} out: then items are ranked."
                )


Vectors = tuple[np.ndarray, np.ndarray | None]
"""Of tested and of normal items, where they are given as embeddings."""


def _open_sides(model: object, source: object, normal: object, groups: object) -> tuple[Sides, Vectors | None]:
    """The items of both sides; for embeddings also their vectors."""
    if isinstance(model, Embeddings) or is_saved(model):
        if source is not None:
            raise InputError("Embeddings are tested by themselves. Leave the data out, or give the model in front.")
        if normal is not None and not (isinstance(normal, Embeddings) or is_saved(normal)):
            raise InputError("Embeddings are compared with embeddings. Embed the normal items with the same model.")
        z, other = _embeddings(model), None if normal is None else _embeddings(normal)
        if other is not None and (z.model, z.vectors.shape[1]) != (other.model, other.vectors.shape[1]):
            raise InputError("The two files are vectors of different models. Embed the normal items with the same one.")
        if groups is not None:
            raise InputError("Embeddings have the groups that they were embedded with. Leave out --groups.")
        sides = Sides(_rows(z), None if other is None else _rows(other), None)
        return sides, (z.vectors, None if other is None else other.vectors)
    if source is None or isinstance(source, Embeddings) or is_saved(source):
        raise InputError("A model is given with the data to test. Embeddings are given alone, without a model.")
    assert isinstance(model, Model | str | Path)
    kept = model if isinstance(model, Model) else load(model)
    of_tested, of_normal = pair(groups, separate=normal is not None, what="group")
    items = open_grouped(kept, source, of_tested)
    return Sides(items, None if normal is None else open_grouped(kept, normal, of_normal), kept), None


def _embeddings(given: object) -> Embeddings:
    return given if isinstance(given, Embeddings) else Embeddings.load(str(given))


def _rows(z: Embeddings) -> Rows:
    return Rows(list(z.names), groups=z.groups)


def _truth(labels: object, source: object, items: Items, plan: AnomalyPlan) -> Truth:
    windows = info_of(items).windows
    every = items if windows is None else Rows([str(row) for row in range(windows.bounds[-1])])  # a label of each step
    read: Labels = read_class_ids(labels, source, every)
    announce_labels(read, left_out=True, held_out=False)
    truth = truth_of(read, plan.normal_label)
    return truth if windows is None else truth.of_windows(windows)


def _in_both(sides: Sides, vectors: Vectors | None) -> tuple[Bool[np.ndarray, " m"] | None, list[str]]:
    """The tested items that are equal to a normal one, and warnings about those, and about groups in both.

    They stay among the normal items: equal items may be a coincidence, as in tables of few categories, and without them
    alarms would be false more often than was chosen.
    """
    if sides.normal is None:
        return None, []
    if vectors is None or vectors[1] is None:
        both = equal_items(sides.tested, sides.normal)
    else:
        there = {row.tobytes() for row in vectors[1]}
        both = np.asarray([row.tobytes() in there for row in vectors[0]], dtype=bool)
    count, tested = int(both.sum()), len(both)
    if count == tested:
        raise InputError(
            f"All {counted(tested, 'tested item')} are among the normal ones. Give other normal items, or leave "
            "--normal out to rank the source by itself."
        )
    warnings = []
    if count:
        warnings.append(
            f"{count:,} of {counted(tested, 'tested item')} {'is' if count == 1 else 'are'} equal to normal ones, "
            "which lowers the score. Give normal items that are not tested."
        )
    shared = shared_groups(sides.tested, sides.normal)
    if shared:
        warnings.append(
            f"{counted(len(shared), 'group')} of tested items {'is' if len(shared) == 1 else 'are'} of normal ones, "
            f"too ({listed(shared, 5)}), which lowers the scores. Give normal items of other groups."
        )
    return both, warnings


def _search(
    sides: Sides,
    vectors: Vectors | None,
    plan: AnomalyPlan,
    truth: Truth | None,
    in_both: Bool[np.ndarray, " m"] | None,
) -> Search:
    """What is searched; whether there are enough normal items is checked before they are embedded."""
    items, normal = sides.tested, sides.normal
    sized = [np.empty((len(each), 0), dtype=np.float32) for each in (items, normal) if each is not None]
    search = _of(sides, (sized[0], sized[1] if normal is not None else None), plan)
    if normal is not None:
        require_units(plan, search.design())
    if sides.model is None:
        assert vectors is not None
        return replace(_of(sides, vectors, plan), truth=truth, in_both=in_both)
    baselines = None if truth is None else _baselines(sides.model, sides, plan)
    return replace(
        _of(sides, _represented(sides.model, sides), plan), truth=truth, in_both=in_both, baselines=baselines
    )


def _of(sides: Sides, vectors: Vectors, plan: AnomalyPlan) -> Search:
    normal = None
    if sides.normal is not None and vectors[1] is not None:
        normal = _side(sides.normal, vectors[1])
    return Search(_side(sides.tested, vectors[0]), normal, plan)


def _side(items: Items, vectors: np.ndarray) -> Side:
    return Side(items.names, vectors, group_ids(items), info_of(items).windows)


def _represented(model: Model, sides: Sides) -> Vectors:
    """The encoder's outputs for tested and normal items; not normalised, as some scorers use their lengths."""
    normal = None if sides.normal is None else model.represent(sides.normal, tell=embedding())
    return model.represent(sides.tested, tell=embedding()), normal


def _baselines(model: Model, sides: Sides, plan: AnomalyPlan) -> Mapping[str, Baseline]:
    """The same scorer on the untrained encoder, and the classical ones on plain features."""
    untrained = _represented(model.untrained(), sides)
    normal = None if sides.normal is None else raw_features(model.modality, sides.normal)
    plain = raw_features(model.modality, sides.tested), normal
    others = {"raw_knn": "knn(metric='euclidean')", "pca_residual": "pca_residual"}
    others |= {"isolation_forest": "isolation_forest", "three_sigma": "three_sigma"}
    return {
        "untrained": Baseline(scorer_of(plan.scorer), *untrained),
        **{name: Baseline(scorer_of(spec), *plain) for name, spec in others.items()},
    }


def _explained(result: Anomalies, sides: Sides, search: Search) -> Anomalies:
    """The result, with the parts of the most anomalous items."""
    assert sides.model is not None
    around = search.tested if search.normal is None else search.normal
    items = list(result.items)
    for place, each in enumerate(items[: search.plan.explain]):
        near = around.vectors[each.nearest[0].index]
        item = sides.tested.take(np.asarray([each.index]))
        items[place] = replace(each, parts=part_effects(sides.model, item, near, seed=search.plan.seed))
    return replace(result, items=items)
