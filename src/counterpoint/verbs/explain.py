"""The verb ``explain``: from a model and two items to which part of the one matches which part of the other."""

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
from counterpoint.reports.explanation import write_explanation
from counterpoint.retrieval.nearest import nearest
from counterpoint.runs import run_folder
from counterpoint.setup.progress import embedding
from counterpoint.setup.queries import Outside, meaning
from counterpoint.storage.files import expanded, is_file
from counterpoint.verbs.verb import verb


class One(NamedTuple):
    """One item, by itself in a batch; of a source the row."""

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
    """Say which part of one item matches which part of another: cells of images, words, columns, pieces of series.

    The items are encoded many times with half of their parts masked as the views mask them; what each part does to the
    vector follows by least squares. It says how far to trust that.

    Args:
        model: A model or a run folder.
        a: An item: the name or the row of one of ``source``, a file that holds one, among texts a text; in Python also
            any other source of one item.
        b: Another.
        source: Where names and rows are looked up, and what masked columns are drawn from; of a run folder its own data
            when left out.
        masks: How many masks of each item are encoded, half of them the opposites of the others; all there are of items
            with few parts.
        seed: Names the masks.
        html: An .html file that shows the items side by side with the parts that match.
        quiet: Print nothing.

    Raises:
        InputError: Items of this kind have no parts; there is no such item, or a file holds several; too few masks.
    """
    path = None if html is None else expanded(html)
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"The page is written as .html. Got {path}.")
    kept = model if isinstance(model, Model) else load(model)
    if source is None and not (isinstance(model, Model) or all(_outside(kept, each) for each in (a, b))):
        source = run_folder.source_of(expanded(model))
    items = None if source is None else kept.open(source)
    pair = [_one(kept, items, source, each) for each in (a, b)]
    first, second = (MaskedItem.of(kept, each.batch) for each in pair)
    result = explained(first, second, (pair[0].name, pair[1].name), count=masks, seed=seed)
    if not result.explained and items is not None:
        near_a, near_b = _neighbours(kept, items, pair, np.stack([first.whole, second.whole]))
        result = replace(result, neighbours_a=near_a, neighbours_b=near_b)
    if path is not None:
        write_explanation(path, result.record(), kept.modality, (pair[0].batch, pair[1].batch))
    return result


def _outside(model: Model, like: object) -> bool:
    """Whether an item is opened without a source: it is in a file, is typed, or is itself a source."""
    if not isinstance(like, str):
        return not isinstance(like, int | np.integer)
    return is_file(like) or (parse_query(model.modality, like) is not None and not like.isdecimal())


def _one(model: Model, items: Items | None, source: object, like: object) -> One:
    """The item that a person means."""
    names = () if items is None else items.names
    meant = meaning(like, names, source, model.modality) if isinstance(like, str) else like
    if not isinstance(meant, str | int | np.integer):
        return _alone(model, meant.source if isinstance(meant, Outside) else meant, like)
    if items is None:
        raise InputError(f"'{like}' is no file. Give the source in which it is the name or the row of an item.")
    if isinstance(meant, str) and meant not in names:
        raise InputError(
            f"There is no item '{like}': neither a file nor one of {len(names)} names.{closest(meant, names)}"
        )
    row = list(names).index(meant) if isinstance(meant, str) else int(meant)
    if not 0 <= row < len(names):
        raise InputError(f"Rows are numbered from 0 to {len(names) - 1}. Got {row}.")
    return One(names[row], items.take(np.asarray([row])), row)


def _alone(model: Model, source: object, like: object) -> One:
    """The one item of a source."""
    items = model.open(source)
    if len(items) != 1:
        raise InputError(
            f"{_called(like, items)} holds {len(items)} items; give a file with one, or source and a name."
        )
    return One(like if isinstance(like, str) else items.names[0], items.take(np.asarray([0])), None)


def _called(like: object, items: Items) -> str:
    return f"'{like}'" if isinstance(like, str | Path) else f"What begins with '{items.names[0]}'"


def _neighbours(model: Model, items: Items, pair: Sequence[One], vectors: np.ndarray) -> list[list[Neighbour]]:
    """The items of a source nearest to each of two."""
    z = model.embed_items(items, tell=embedding())
    rows, similarity = nearest(z, vectors.astype(np.float32), k=SHOWN, skip=[each.row for each in pair])
    return [
        [Neighbour(z.names[row], float(cosine)) for row, cosine in zip(near, alike, strict=True)]
        for near, alike in zip(rows.tolist(), similarity.tolist(), strict=True)
    ]
