"""The verb ``embed``: unit vectors of all items of a source."""

from __future__ import annotations

from pathlib import Path

from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.model import Model, load
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
    quiet: bool = False,
) -> Embeddings:
    """Unit vectors and names of all items of a source, as ``Model.embed`` gives them.

    Args:
        model: A model or a run folder.
        source: As for ``fit``.
        out: An .npz file that they are written into as well, as arrays ``vectors`` (n, d) and ``names``.
        length: Numbers of every vector that are kept, of a model that was trained with ``matryoshka``; all when left
            out.
        column: The column with the texts, such as answer; the first that the model learned from when left out.
        quiet: Print nothing.

    Raises:
        InputError: The source, the length or the name of the file cannot be used.
    """
    path = None if out is None else expanded(out)
    if path is not None and path.suffix != ".npz":
        raise InputError(f"Vectors are written as .npz, or in shards into a folder. Got --out={path}.")
    kept = model if isinstance(model, Model) else load(model)
    if column is None:
        z = kept.embed(source, tell=embedding())
    else:
        z = kept.embed_items(kept.modality.open_column(source, column), tell=embedding())
    z = z if length is None else z.shortened(length)
    if path is not None:
        z.save(path)
    return z
