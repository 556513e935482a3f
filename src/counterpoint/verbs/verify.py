"""The verb ``verify``: whether two items are the same, and how often that answer is right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from counterpoint.data.labels import read_class_ids
from counterpoint.data.pairs import Pairs, read_pairs
from counterpoint.data.splits import UNLABELLED, is_labelled
from counterpoint.data.subset import Subset
from counterpoint.errors import InputError, LabelError, RunError, closest
from counterpoint.interfaces import Items
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.pair_verification.sampled_pairs import drawn_pairs
from counterpoint.pair_verification.scoring import answer, sentence, table, verified
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.setup.progress import announce_labels
from counterpoint.storage.files import expanded, is_file, write_json
from counterpoint.storage.schemas import Verification
from counterpoint.storage.typed_json import read_json
from counterpoint.verbs.verb import verb

SEEN, NEW = "classes learned from", "classes never seen"


@verb()
def verify(
    run: str | Path,
    first: str,
    second: str,
    *,
    source: object = None,
    quiet: bool = False,
) -> Result:
    """Whether two items are the same, by the threshold in a run folder.

    Args:
        run: A run that was trained by ``siamese``, or to which ``verification`` has given a threshold.
        first: An item: a file that holds one, or the name or row number of one in ``source``.
        second: Another.
        source: Where names are looked up; the run's own data when left out.
        quiet: Print nothing.

    Returns:
        ``same``, ``distance``, ``threshold``, and ``probability`` that they are the same if half of all pairs are.
    """
    folder = expanded(run)
    model = load(folder)
    record = _record(folder, model)
    return Result(
        answer(model, record, *(_one(model, folder, str(each), source) for each in (first, second))), sentence
    )


@verb()
@holds_run
def verification(
    run: str | Path,
    source: object,
    *,
    labels: object = None,
    pairs: object = None,
    seed: int = 0,
    quiet: bool = False,
) -> Result:
    """Choose the threshold of a model between same and different, and say how right it is; see ``docs/verify.md``.

    Args:
        run: The run folder of any model; ``verification.json`` is written into it.
        source: Items that the model has not learned from.
        labels: Their classes, from which pairs are drawn, half of them of one class; as for ``evaluate``.
        pairs: Or the pairs themselves, as for ``fit``.
        seed: Names the pairs that are drawn and those of their intervals.
        quiet: Print nothing.

    Returns:
        ``space``, ``threshold``, ``steepness``, and ``scores``: for all pairs, and for those of classes that the model
        has learned from and of others, ``accuracy``, ``roc_auc`` and ``equal_error_rate`` with intervals, beside raw
        features and the untrained encoder.
    """
    folder = expanded(run)
    model = load(folder)
    items = model.open(source)
    if pairs is not None:
        groups: Mapping[str, Pairs] = {"given pairs": read_pairs(pairs, items)}
    else:
        read = read_class_ids(labels, source, items)
        if read.class_ids.ndim != 1:
            raise LabelError("Same or different is asked of items with one class each. These labels name several.")
        groups = _groups(folder, read.class_ids, read.classes, seed=seed)
        announce_labels(read, held_out=False)
    result = verified(model, items, groups, seed=seed)
    if pairs is None:
        result["classes"] = read.counts()
    write_json(folder / run_folder.VERIFICATION, result)
    return Result(result, table)


def _groups(folder: Path, class_ids: np.ndarray, classes: list[str], *, seed: int) -> dict[str, Pairs]:
    """Pairs of classes that the run has learned from, and pairs of others."""
    learned = set(run_folder.read_plan(folder).get("classes") or ())
    seen = np.asarray([name in learned for name in classes], dtype=bool)[class_ids] & is_labelled(class_ids)
    return {
        name: drawn_pairs(np.where(part & is_labelled(class_ids), class_ids, UNLABELLED), seed=seed)
        for name, part in ((SEEN, seen), (NEW, ~seen))
        if (part & is_labelled(class_ids)).any()
    }


def _record(folder: Path, model: Model) -> Verification:
    try:
        record = read_json(folder / run_folder.VERIFICATION, Verification, "Choose the threshold anew.")
    except FileNotFoundError:
        raise RunError(
            f"The model in '{folder}' has no threshold yet. Choose one on items that it has not learned from: "
            f"counterpoint verify {folder} --source SOURCE --labels LABELS"
        ) from None
    if record["model"] != model.fingerprint():
        raise RunError(f"The threshold in '{folder}' was chosen for another model. Choose it anew with --source.")
    return record


def _one(model: Model, folder: Path, like: str, source: object) -> Items:
    """The item that a person means."""
    if is_file(like):
        items = model.open(like)
        if len(items) != 1:
            raise InputError(f"'{like}' holds {len(items)} items; give a file with one, or --source and its name.")
        return items
    held = model.open(run_folder.source_of(folder) if source is None else source)
    names = list(held.names)
    if like in names:
        return Subset(held, np.asarray([names.index(like)]))
    if like.isdecimal() and int(like) < len(names):
        return Subset(held, np.asarray([int(like)]))
    raise InputError(f"There is no item '{like}': neither a file nor one of {len(names)} names.{closest(like, names)}")
