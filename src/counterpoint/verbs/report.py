"""The verb ``report``: all results of a run, or of vectors, as one page that opens from disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from counterpoint.batch import Batch
from counterpoint.data.labels import read_class_ids
from counterpoint.data.vectors import is_vectors
from counterpoint.errors import InputError
from counterpoint.explanation.explanation import explained
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.interfaces import Items
from counterpoint.modality import HasParts
from counterpoint.model import LOG, Model, load
from counterpoint.reports.explanation import Explain
from counterpoint.reports.page import write_report
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.setup.progress import announce_labels
from counterpoint.storage.files import expanded
from counterpoint.verbs.evaluate_vectors import report_vectors
from counterpoint.verbs.verb import verb

MASKS, LARGE = 512, 4_000_000
"""Masks of each explained item, and the weights of an encoder, embeddings aside, above which none are explained."""

EMBEDDINGS = nn.Embedding, nn.EmbeddingBag


@verb()
@holds_run
def report(
    run: str | Path,
    *,
    source: object = None,
    labels: object = None,
    quiet: bool = False,
) -> Path:
    """Write ``report.html`` into a run folder: one file that opens from disk.

    For an .npz or .npy file of vectors the page is written beside it, with their scores and a map.

    Args:
        run: The run folder, or a file of vectors.
        source: The data for the gallery and the map; the run's own when left out, if it was made here. For vectors,
            the data they were made from, for raw features as a baseline.
        labels: Colour the map with these: folder, a column, an .npy file.
        quiet: Print nothing.

    Returns:
        The path of the page.

    Raises:
        InputError: The run, the source or the labels cannot be read.
    """
    path = expanded(run)
    if is_vectors(path):
        return report_vectors(path, labels=labels, source=source)
    model = load(path)
    needs_data = source is not None or labels is not None
    items: Items | None
    try:
        source = run_folder.source_of(path) if source is None else source
        items = model.open(source)
    except InputError as wrong:
        if needs_data:
            raise
        items = None  # the page mentions it
        LOG.warning("%s", wrong)
    named = None
    if items is not None and (labels is not None or items.labels is not None):
        read = read_class_ids(labels, source, items)
        announce_labels(read, left_out=False, held_out=False)
        named = read.names()
    test = _test_items(path, model, items)
    return write_report(path, model, items, labels=named, test=test, explain=_explain(model))


def _test_items(folder: Path, model: Model, items: Items | None) -> Items | None:
    """The items that the scores in a run folder are for, where they can still be opened."""
    try:
        test = run_folder.tested_on(folder)
        return items if test is None else model.open(test)
    except InputError:
        return None


def _explain(model: Model) -> Explain | None:
    """Explains pairs of items; None where they have no parts, or where that would take minutes."""
    weights = sum(
        each.numel()
        for part in model.encoder.modules()
        if not isinstance(part, EMBEDDINGS)
        for each in part.parameters(recurse=False)
    )
    if not isinstance(model.modality, HasParts) or weights > LARGE:
        return None

    def explain(items: tuple[Batch, Batch], names: tuple[str, str]) -> Mapping[str, Any]:
        a, b = (MaskedItem.of(model, item) for item in items)
        return explained(a, b, names, count=MASKS, seed=0).record()

    return explain
