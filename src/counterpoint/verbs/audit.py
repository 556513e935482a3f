"""The verb ``audit``: near-duplicates, leakage, outliers, label errors and shortcuts, ranked in one review queue."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.auditing.audit import Collection, run_checks
from counterpoint.auditing.decisions import QUEUE, read_decisions, write_cleaned, write_queue
from counterpoint.auditing.findings import Audit
from counterpoint.auditing.metadata import metadata_of
from counterpoint.data.datasets import holds_pictures
from counterpoint.data.frames import is_columns, read_frame
from counterpoint.data.groups import shared_groups, with_groups
from counterpoint.data.labels import Labels, read_some_labels
from counterpoint.data.vectors import Rows
from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError, LabelError
from counterpoint.interfaces import Items
from counterpoint.modality import DataOptions
from counterpoint.model import Model, load
from counterpoint.plans import AuditPlan, choices_in
from counterpoint.reports.audit import write_audit
from counterpoint.retrieval.planted_copies import evidence
from counterpoint.runs.locks import holds_out
from counterpoint.setup.dataset import open_source
from counterpoint.setup.progress import announce_labels, embedding
from counterpoint.setup.supervision import unseen
from counterpoint.setup.train_test import open_grouped
from counterpoint.storage.files import expanded, write_json
from counterpoint.tuning.output_folder import Folder
from counterpoint.verbs.fit import fit
from counterpoint.verbs.verb import verb

RECORD, RUN, PAGE = "audit.json", "run", "report.html"


@verb(AuditPlan)
@holds_out
def audit(
    source: object,
    *,
    run: Model | str | Path | None = None,
    labels: object = None,
    test: object = None,
    groups: str | Iterable[object] | None = None,
    out: str | Path,
    apply: str | Path | None = None,
    overwrite: bool = False,
    minutes: float = 5.0,
    seed: int = 0,
    quiet: bool = False,
) -> Audit:
    """Find near-duplicates, leakage, outliers, label errors and shortcuts, ranked in one queue to review.

    The data is not changed. Decisions, yes or no, in the column ``issue`` of ``queue.csv`` in ``out`` are kept by the
    next audit into ``out``, and update its probabilities and when to stop.

    Args:
        source: As for ``fit``; or embeddings, which are audited without a model.
        run: A model or a run folder. Without one a model is trained on the source, in ``run`` inside ``out``.
        labels: As for ``evaluate``; without them label errors and shortcuts are not searched.
        test: A test set, to find copies of its items in ``source``.
        groups: What several items share, such as patient or speaker: a column; folder, for the folder below that of
            the class; an .npy file with one entry per item; or a .csv file of name and group.
        out: A folder for ``audit.json``, ``queue.csv`` and ``report.html``.
        apply: A .csv file of the names, and labels, of the items without probable or confirmed issues.
        overwrite: Replace the audit in ``out``; decisions are kept.
        minutes: Training time, without a run.
        seed: Random seed of the training, the folds and the draws.
        quiet: Print nothing.

    Returns:
        ``duplicates``, ``outliers``, ``labels``, ``leakage``, ``shortcuts`` and the ``queue``, each ranked.

    Raises:
        InputError: The source, the labels, the run or a folder cannot be used.
    """
    plan, folder = AuditPlan.of(choices_in(locals(), AuditPlan)), expanded(out)
    place = Folder(folder, RECORD, "review queue", resumable=False, others=(RUN, QUEUE, PAGE))
    place.require(resume=False, overwrite=overwrite)
    cleaned = None if apply is None else expanded(apply)
    if cleaned is not None and cleaned.suffix.lower() != ".csv":
        raise InputError(f"The cleaned list is written as .csv. Got --apply={cleaned}.")
    decisions = read_decisions(folder / QUEUE)
    if isinstance(source, Embeddings) or is_saved(source):
        if run is not None or test is not None:
            raise InputError("Embeddings are audited alone. Leave out --run and --test, or give the data instead.")
        modality, (collection, parts) = None, _of_vectors(source, labels)
    else:
        model = _model(source, run, labels, groups, folder, plan)
        modality = model.modality
        collection, parts = _of_data(model, source, labels, test, groups)
    result = run_checks(collection, decisions, seed=plan.seed)
    write_json(folder / RECORD, result.record())
    write_queue(folder / QUEUE, result, decisions, collection.names)
    write_audit(folder / PAGE, result.record(), modality, parts)
    if cleaned is not None:
        classes = None if collection.labels is None else collection.labels.names()
        write_cleaned(cleaned, result, decisions, collection.names, classes)
    return result


def _model(
    source: object, run: Model | str | Path | None, labels: object, groups: Any, folder: Path, plan: AuditPlan
) -> Model:
    """The given model, or one trained on the source, without the column of the labels."""
    if run is not None:
        return run if isinstance(run, Model) else load(run)
    if labels is not None:  # training takes minutes, so that labels are read before
        items = with_groups(open_source(source, DataOptions()).items, groups, source)
        _read(source, items, labels)
    columns = read_frame(source).columns if is_columns(source) and not holds_pictures(source) else {}
    without = labels if isinstance(labels, str) and labels in columns else None
    return fit(
        source,
        out=folder / RUN,
        overwrite=True,
        minutes=plan.minutes,
        seed=plan.seed,
        without=without,
        groups=groups,
    )


def _of_data(
    model: Model, source: object, labels: object, test: object, groups: object
) -> tuple[Collection, list[Items]]:
    """The collection, and its items and those of the test set."""
    unseen(labels, model.modality)
    items = open_grouped(model, source, groups)
    others = [] if test is None else [open_grouped(model, test, groups if isinstance(groups, str) else None)]
    parts = [items, *others]
    classes = None if labels is None else _read(source, items, labels)
    if classes is not None:
        announce_labels(classes, left_out=False, held_out=False)
    vectors = [model.embed_items(part, tell=embedding()) for part in parts]
    collection = Collection.of(
        items,
        np.concatenate([each.vectors for each in vectors]),
        [name for part in parts for name in part.names],
        labels=classes,
        evidence=evidence(model, *parts),
        metadata=metadata_of(model.modality, items, source, label=labels if isinstance(labels, str) else None),
        shared_groups=shared_groups(others[0], items) if others else (),
    )
    return collection, parts


def _of_vectors(source: object, labels: object) -> tuple[Collection, list[Items]]:
    z = source if isinstance(source, Embeddings) else Embeddings.load(str(source))
    items = Rows(list(z.names), groups=z.groups)
    classes = None if labels is None else _read(None, items, labels)
    return Collection.of(items, z.vectors, list(z.names), labels=classes), []


def _read(source: object, items: Items, labels: object) -> Labels:
    read = read_some_labels(labels, source, items)
    if read.class_ids.ndim != 1:
        raise LabelError("An audit needs one class for every item, and these labels name several. Leave out --labels.")
    return read
