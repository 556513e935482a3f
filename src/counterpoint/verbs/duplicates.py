"""The verb ``duplicates``: pairs and groups of near-duplicates, from a model and its data, or from vectors alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError
from counterpoint.interfaces import Items, info_of
from counterpoint.model import Model, load
from counterpoint.reports.duplicates import write_duplicates
from counterpoint.retrieval.duplicate_results import Duplicates
from counterpoint.retrieval.duplicates import duplicates as among_vectors
from counterpoint.retrieval.planted_copies import evidence
from counterpoint.setup.progress import embedding
from counterpoint.storage.files import expanded
from counterpoint.verbs.verb import verb

CELL = 40
"""Letters of a table cell that are shown."""


@verb()
def duplicates(
    model: Model | Embeddings | str | Path,
    source: object = None,
    *,
    threshold: float | None = None,
    precision: float = 0.9,
    html: str | Path | None = None,
    quiet: bool = False,
) -> Duplicates:
    """Find all pairs and groups of near-duplicates, the closest first, each pair with its probability.

    The similarity of copies to their originals is estimated from copies that are planted among the items.

    Args:
        model: A model or a run folder; or embeddings, or the file or folder that they are saved in, which are compared
            without a model: then no copies can be planted.
        source: Data as for ``embed``, where there is a model.
        threshold: List all pairs whose centred vectors have at least this cosine similarity, in (-1, 1], and no others.
        precision: Expected share of copies among the pairs that are listed, in (0, 1].
        html: An .html file that shows the pairs side by side.
        quiet: Print nothing.

    Raises:
        InputError: An option is out of range; data is missing, or given beside embeddings; or they hold NaN.
    """
    path = None if html is None else expanded(html)
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"The page is written as .html. Got {path}.")
    if isinstance(model, Embeddings) or is_saved(model):
        if source is not None:
            raise InputError("Embeddings are compared by themselves. Leave the data out, or give the model in front.")
        z = model if isinstance(model, Embeddings) else Embeddings.load(str(model))
        result = among_vectors(z, threshold=threshold, precision=precision)
        if path is not None:
            write_duplicates(path, result.record(), None)
        return result
    if source is None or isinstance(source, Embeddings) or is_saved(source):
        raise InputError("A model is given with the data that it embeds. Embeddings are given alone, without a model.")
    kept = model if isinstance(model, Model) else load(model)
    items = kept.open(source)
    vectors = kept.embed_items(items, tell=embedding())
    result = _described(
        among_vectors(vectors, threshold=threshold, precision=precision, evidence=evidence(kept, items)), items
    )
    if path is not None:
        write_duplicates(path, result.record(), (kept.modality, items))
    return result


def _described(result: Duplicates, items: Items) -> Duplicates:
    """The same with the text of items, or of the cells of their rows, where they have any."""
    return replace(
        result,
        pairs=[replace(pair, contents=_contents(items, pair.index)) for pair in result.pairs],
        groups=[replace(group, contents=_contents(items, group.index)) for group in result.groups],
    )


def _contents(items: Items, rows: Sequence[int]) -> list[str] | None:
    """Texts of some items, or of the cells of their rows; None where there are none, or rows are time steps."""
    texts, frame = info_of(items).texts, info_of(items).columns
    if texts is not None:
        return [texts[row] for row in rows]
    if frame is None or len(frame) != len(items):
        return None
    return [", ".join(f"{name} {str(cells[row])[:CELL]}" for name, cells in frame.columns.items()) for row in rows]
