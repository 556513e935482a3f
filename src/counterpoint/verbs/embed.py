"""The verb ``embed``: unit vectors of all items of a source."""

from __future__ import annotations

from pathlib import Path

from counterpoint.data.aligned_rows import every_group, every_row, in_memory
from counterpoint.data.groups import with_groups
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.modality import open_column
from counterpoint.model import Model, model_of
from counterpoint.setup.progress import embedding
from counterpoint.storage.files import expanded
from counterpoint.verbs.verb import verb


@verb()
def embed(
    model: Model | str | Path,
    source: object,
    *,
    out: str | Path | None = None,
    length: int | None = None,
    column: str | None = None,
    groups: object = None,
    modality: str = "auto",
    quiet: bool = False,
) -> Embeddings:
    """Unit vectors and names of all items of a source, as ``Model.embed`` gives them.

    Args:
        model: A model or a run folder.
        source: As for ``fit``.
        out: An .npz file to write as well, with arrays ``vectors`` (n, d) and ``names``.
        length: Length to which vectors are cut, for a model that was trained with ``matryoshka``; the full one when
            left out.
        column: The column with the texts, such as answer; the first that the model learned from when left out.
        groups: As for ``evaluate``; saved with the vectors, so that ``evaluate`` of those does not split groups.
        modality: Modality of the run, as for ``evaluate``.
        quiet: Print nothing.

    Raises:
        InputError: The source, the length or the name of the file cannot be used.
    """
    path = None if out is None else expanded(out)
    if path is not None and path.suffix != ".npz":
        raise InputError(f"Vectors are written as .npz, or in shards into a folder. Got --out={path}.")
    kept = model_of(model, modality)
    if groups is not None:
        z = _with_groups(kept, source, column, groups)
    elif column is None:
        z = kept.embed(source, tell=embedding())
    else:
        z = kept.embed_items(open_column(kept.modality, source, column), tell=embedding())
    z = z if length is None else z.shortened(length)
    if path is not None:
        z.save(path)
    return z


def _with_groups(kept: Model, source: object, column: str | None, groups: object) -> Embeddings:
    items = kept.open(source) if column is None else open_column(kept.modality, source, column)
    items = with_groups(items, groups, source)
    z = kept.embed_items(items, tell=embedding())
    vectors, names = every_row(z.vectors, items) if in_memory(source) and column is None else (z.vectors, z.names)
    return Embeddings(vectors, list(names), z.model, groups=every_group(items, len(names)))
