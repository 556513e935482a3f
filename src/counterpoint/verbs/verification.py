"""The verb ``verification``: choose a threshold between same and different, and measure its accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from counterpoint.data.labels import read_class_ids
from counterpoint.data.pairs import Pairs, read_pairs
from counterpoint.data.splits import UNLABELLED, is_labelled
from counterpoint.errors import LabelError
from counterpoint.model import load
from counterpoint.output.results import Result
from counterpoint.pair_verification.sampled_pairs import drawn_pairs
from counterpoint.pair_verification.scoring import table, verified
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.setup.progress import announce_labels
from counterpoint.storage.files import expanded, write_json
from counterpoint.verbs.verb import verb

SEEN, NEW = "classes learned from", "classes never seen"


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
    """Choose a model's threshold between same and different, and measure its accuracy; see ``docs/verify.md``.

    Args:
        run: The run folder of any model; ``verification.json`` is written into it.
        source: Items that the model has not learned from.
        labels: Their classes, from which pairs are drawn, half of them positive; as for ``evaluate``.
        pairs: Alternatively, labelled pairs, as for ``fit``.
        seed: Seed of the drawn pairs and of the intervals.
        quiet: Print nothing.

    Returns:
        ``space``, ``threshold``, ``steepness``, and ``scores``: for all pairs, and for those of classes seen in
        training and of others, ``accuracy``, ``roc_auc`` and ``equal_error_rate`` with intervals, beside raw features
        and the untrained encoder.
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
    """Pairs of classes that were seen in training, and pairs of others."""
    learned = set(run_folder.read_plan(folder).get("classes") or ())
    seen = np.asarray([name in learned for name in classes], dtype=bool)[class_ids] & is_labelled(class_ids)
    return {
        name: drawn_pairs(np.where(part & is_labelled(class_ids), class_ids, UNLABELLED), seed=seed)
        for name, part in ((SEEN, seen), (NEW, ~seen))
        if (part & is_labelled(class_ids)).any()
    }
