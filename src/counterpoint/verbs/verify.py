"""The verb ``verify``: whether two items are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from counterpoint.data.subset import Subset
from counterpoint.errors import InputError, RunError, closest
from counterpoint.interfaces import Items
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.pair_verification.scoring import answer, sentence
from counterpoint.runs import run_folder
from counterpoint.storage.files import expanded, is_file
from counterpoint.storage.schemas import Verification
from counterpoint.storage.typed_json import read_json
from counterpoint.verbs.verb import verb


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
        run: A run trained by ``siamese``, or with a threshold from ``verification``.
        first: An item: a file that holds one, or the name or row number of one in ``source``.
        second: The other item.
        source: Where names are looked up; the run's own data when left out.
        quiet: Print nothing.

    Returns:
        ``same``, ``distance``, ``threshold``, and ``probability`` that they are the same, with a prior of one half.
    """
    folder = expanded(run)
    model = load(folder)
    record = _record(folder, model)
    return Result(
        answer(model, record, *(_one(model, folder, str(each), source) for each in (first, second))), sentence
    )


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
    """The item that the user named."""
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
