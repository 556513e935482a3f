"""The verb ``explain``: which part of one item matches which part of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from counterpoint.batch import Batch
from counterpoint.errors import InputError, closest
from counterpoint.explanation.explanation import SHOWN, Explanation, Neighbour, explained
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.interfaces import Items
from counterpoint.modality import parse_query
from counterpoint.model import Model, load
from counterpoint.output.results import excerpt
from counterpoint.reports.explanation import write_explanation
from counterpoint.retrieval.nearest import nearest
from counterpoint.runs import run_folder
from counterpoint.setup.progress import embedding
from counterpoint.setup.queries import Outside, meaning
from counterpoint.storage.files import expanded, is_file
from counterpoint.verbs.verb import verb


class OneItem(NamedTuple):
    """An item in a batch of its own; ``row`` is None where it is not one of the source."""

    name: str
    batch: Batch
    row: int | None


@verb()
def explain(
    model: Model | str | Path,
    a: Any,
    b: Any,
    *,
    source: object = None,
    masks: int = 1024,
    seed: int = 0,
    html: str | Path | None = None,
    quiet: bool = False,
) -> Explanation:
    """Explain which part of one item matches which part of another: patches, words, columns, segments of series.

    Both items are encoded many times with random parts masked, and the effect of each part on the vector is estimated
    by least squares. The result includes how well that predicts the similarity on held-out masks.

    Args:
        model: A model or a run folder.
        a: The first item: the name or the row of one of ``source``, a file with one item, or, for texts, a text; in
            Python also any other source of one item.
        b: The second item.
        source: Where names and rows are looked up, and what masked columns are filled from; for a run folder its own
            data when left out.
        masks: The number of masks of each item, half of them complements of the others; items with few parts are
            encoded with all masks there are.
        seed: Determines the masks.
        html: An .html file that shows both items with the parts that match.
        quiet: Print nothing.

    Raises:
        InputError: The modality has no parts, an item is missing or empty, a file holds several, or masks are too few.
    """
    page = None if html is None else expanded(html)
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"The page is written as .html. Got {page}.")
    loaded = model if isinstance(model, Model) else load(model)
    if source is None and not (isinstance(model, Model) or all(_outside(loaded, each) for each in (a, b))):
        source = run_folder.source_of(expanded(model))
    items = None if source is None else loaded.open(source)
    pair = [_one_item(loaded, items, source, each) for each in (a, b)]
    first, second = (MaskedItem.of(loaded, each.batch) for each in pair)
    result = explained(first, second, (pair[0].name, pair[1].name), count=masks, seed=seed)
    if not result.explained and items is not None:
        near_a, near_b = _neighbours(loaded, items, pair, np.stack([first.unmasked, second.unmasked]))
        result = replace(result, neighbours_a=near_a, neighbours_b=near_b)
    if page is not None:
        write_explanation(page, result.record(), loaded.modality, (pair[0].batch, pair[1].batch))
    return result


def _outside(model: Model, like: object) -> bool:
    """Whether an item can be opened without a source: it is a file, a typed text, or a source itself."""
    if not isinstance(like, str):
        return not isinstance(like, int | np.integer)
    return is_file(like) or (parse_query(model.modality, like) is not None and not like.isdecimal())


def _one_item(model: Model, items: Items | None, source: object, like: object) -> OneItem:
    """The item that a name, a row, a file, a text or a source stands for."""
    names = () if items is None else items.names
    meant = meaning(like, names, source, model.modality) if isinstance(like, str) else like
    if not isinstance(meant, str | int | np.integer):
        return _only_item(model, meant.source if isinstance(meant, Outside) else meant, like)
    if items is None:
        raise InputError(f"'{like}' is no file. Give the source in which it is the name or the row of an item.")
    if isinstance(meant, str) and meant not in names:
        raise InputError(
            f"There is no item '{like}': neither a file nor one of {len(names)} names.{closest(meant, names)}"
        )
    row = list(names).index(meant) if isinstance(meant, str) else int(meant)
    if not 0 <= row < len(names):
        raise InputError(f"Rows are numbered from 0 to {len(names) - 1}. Got {row}.")
    return OneItem(names[row], items.take(np.asarray([row])), row)


def _only_item(model: Model, source: object, like: object) -> OneItem:
    """The single item of a source."""
    items = model.open(source)
    if len(items) != 1:
        called = f"'{like}'" if isinstance(like, str | Path) else f"A source whose first item is '{items.names[0]}'"
        raise InputError(f"{called} holds {len(items)} items; give a file with one, or source and a name.")
    return OneItem(like if isinstance(like, str) else items.names[0], items.take(np.asarray([0])), None)


def _neighbours(model: Model, items: Items, pair: Sequence[OneItem], vectors: np.ndarray) -> list[list[Neighbour]]:
    """The items of a source that are most similar to each of two."""
    z = model.embed_items(items, tell=embedding())
    rows, similarities = nearest(z, vectors.astype(np.float32), k=SHOWN, skip=[each.row for each in pair])
    return [
        [Neighbour(excerpt(z.names[row]), float(similarity)) for row, similarity in zip(near, cosines, strict=True)]
        for near, cosines in zip(rows.tolist(), similarities.tolist(), strict=True)
    ]
