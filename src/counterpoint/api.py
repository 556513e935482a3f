"""The verbs, as functions. Each does nothing that its parts cannot do; ``cli`` says the same from a shell."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint import runs
from counterpoint.choosing.bakeoff import compare as compare
from counterpoint.choosing.laboratory import lab as lab
from counterpoint.choosing.outcome import tuning_table as tuning_table
from counterpoint.choosing.remarks import lab_table as lab_table
from counterpoint.choosing.standings import contest_table as contest_table
from counterpoint.choosing.tuning import tune as tune
from counterpoint.classifiers.classifier import Classifier
from counterpoint.data.labels import read_codes
from counterpoint.data.vectors import is_vectors
from counterpoint.data.word2vec import SUFFIXES
from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError
from counterpoint.exporting import contents
from counterpoint.exporting.onnx_file import require, write_onnx
from counterpoint.exporting.state import write_state
from counterpoint.exporting.words import write_words
from counterpoint.files import expanded, is_file
from counterpoint.fitting import fit as fit
from counterpoint.interfaces import Items
from counterpoint.labelling.efficiency import efficiency_table as efficiency_table
from counterpoint.labelling.efficiency import label_efficiency as label_efficiency
from counterpoint.labelling.evaluating import evaluate as evaluate
from counterpoint.labelling.finetuning import finetune as finetune
from counterpoint.labelling.lifecycle import semi as semi
from counterpoint.labelling.predicting import predict as predict
from counterpoint.labelling.predicting import write_predictions as write_predictions
from counterpoint.labelling.teaching import distill as distill
from counterpoint.labelling.vectors import report_vectors
from counterpoint.likeness import agree as agree
from counterpoint.locks import holds_run
from counterpoint.matching import match as match
from counterpoint.matching import retrieve as retrieve
from counterpoint.mining import mine as mine
from counterpoint.model import LOG, Model, load
from counterpoint.near_duplicates import duplicates as duplicates
from counterpoint.progress import announce_labels, embedding, sharding
from counterpoint.reports.page import write_report
from counterpoint.retrieval.nearest import Hit
from counterpoint.retrieval.nearest import search as find_alike
from counterpoint.settle import chosen, prepare
from counterpoint.sharding.job import Way, embed_all
from counterpoint.verifying import verification as verification
from counterpoint.verifying import verify as verify
from counterpoint.wording import analogies as analogies
from counterpoint.wording import words as words


def plan(source: object, *, labels: object = None, pairs: object = None, **choices: Any) -> dict[str, Any]:
    """What ``fit`` would do with this source on this machine, without doing it: sizes, steps, memory and minutes.

    Raises ``InputError`` where ``fit`` would.
    """
    asked, own = chosen(choices, labels=labels, pairs=pairs)
    prepared = prepare(source, asked, own, began=time.monotonic(), measured=True)
    return {**prepared.summary(), "plan": prepared.plan.record()}


def embed(
    model: Model | str | Path, source: object, *, length: int | None = None, column: str | None = None
) -> Embeddings:
    """Unit vectors and names of all items of a source, as ``Model.embed`` gives them.

    Of so many numbers with ``length``, where the model was trained for that. ``column`` names the one with the texts,
    where it is another than the first that the model learned from.
    """
    kept = _model(model)
    if column is None:
        z = kept.embed(source, tell=embedding())
    else:
        z = kept.embed_items(kept.modality.open_column(source, column), tell=embedding())
    return z if length is None else z.shortened(length)


def embed_shards(
    model: Model | str | Path,
    source: object,
    out: str | Path,
    *,
    workers: int = 1,
    engine: str = "local",
    shard_size: int = 10_000,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Embed much data into a folder, one .npz per shard; what is there already is kept. See ``docs/embedding.md``."""
    return embed_all(model, source, expanded(out), Way(workers, engine, shard_size, overwrite), sharding())


def search(
    z: Embeddings | Model | str | Path,
    source: object = None,
    *,
    like: str | int | np.ndarray,
    k: int = 10,
    column: str | None = None,
) -> list[Hit]:
    """The k items most alike to an item (by name or row) or to a vector; with a model also to a file or a text.

    Embeddings are searched by themselves, ``search(z, like=...)``. A model, or its folder, searches a source or vectors
    that it made of one, ``search(model, source, like="a text")``, as ``search_source`` does.
    """
    if isinstance(z, Embeddings):
        if source is not None or column is not None:
            raise InputError("Embeddings are searched by themselves. Give the model first: search(model, z, like=...).")
        return find_alike(z, like=like, k=k)
    if source is None:
        raise InputError(f"Search looks through embeddings: embed the data first. Got {type(z).__name__}.")
    return search_source(z, source, like=like, k=k, column=column)


def search_source(
    model: Model | str | Path,
    source: object,
    *,
    like: str | int | np.ndarray,
    k: int = 10,
    column: str | None = None,
) -> list[Hit]:
    """The k items of a source most alike to one of them (name or row number), to the item in a file, or to a text.

    Args:
        model: A model or a run folder.
        source: Data as for ``embed``, or an index of vectors: embeddings, or the .npz file or the folder that they are
            saved in. Of an index nothing is embedded but what ``like`` means.
        like: The name or the row of an item, a vector (d,), a file with one item, or, among texts, a text.
        k: How many to find.
        column: Of a model of text, the column to search in, such as ``answer``.

    Raises:
        InputError: The index is of another model; the column is not there, or items have none.
    """
    kept = _model(model)
    z, texts = _searched(kept, source, column)
    hits = find_alike(z, like=_sought(kept, z, source, like), k=k)
    return hits if texts is None else [replace(hit, text=texts[hit.index]) for hit in hits]


def _searched(model: Model, source: object, column: str | None) -> tuple[Embeddings, Sequence[str] | None]:
    """The vectors to search in, as they are saved or made of a source, and the texts that they are of, if of any."""
    if not (isinstance(source, Embeddings) or is_saved(source)):
        items = _opened(model, source, column)
        return model.embed_items(items, tell=embedding()), getattr(items, "texts", None)
    if column is not None:
        raise InputError(f"Vectors have no columns. Name '{column}' when they are made: embed ... --column {column}")
    z = source if isinstance(source, Embeddings) else Embeddings.load(str(source))
    if z.model != (own := model.fingerprint()):
        raise InputError(
            f"The vectors were made by another model: theirs is '{z.model[:12]}', and this is '{own[:12]}'. "
            "Embed the data with this one, or give the run that made them."
        )
    return z, None


def _opened(model: Model, source: object, column: str | None) -> Items:
    return model.open(source) if column is None else model.modality.open_column(source, column)


def _sought(model: Model, z: Embeddings, source: object, like: str | int | np.ndarray) -> str | int | np.ndarray:
    """What ``like`` means: the name or the row of an item, or the vector of one that is not among them."""
    if not isinstance(like, str):
        return like
    for name in (like, _inside(like, source)):
        if name in z.names:
            return name
    if like.isdecimal():
        return int(like)
    asked = like if is_file(like) else model.modality.quoted(like)
    if asked is None:
        return like
    others = model.embed(asked)
    if len(others) != 1:
        raise InputError(f"'{like}' holds {len(others)} items; give a file with the one to look for.")
    vector: np.ndarray = others.shortened(z.vectors.shape[1]).vectors[0]
    return vector


@holds_run
def report(folder: str | Path, *, source: object = None, labels: object = None) -> Path:
    """Write ``report.html`` into a run folder: one file that opens from disk. Returns its path.

    ``source`` is the data for its gallery and map, by default the data of the run if that was made here; ``labels``
    colour the map. Of an .npz or .npy file of vectors the page lies beside it, has their scores and a map, and
    ``source`` is a baseline.
    """
    path = expanded(folder)
    if is_vectors(path):
        return report_vectors(path, labels=labels, source=source)
    model = load(path)
    given = source is not None or labels is not None
    items: Items | None
    try:
        source = runs.source_of(path) if source is None else source
        items = model.open(source)
    except InputError as wrong:
        if given:
            raise
        items = None  # the page says so, too
        LOG.warning("%s", wrong)
    named = None
    if items is not None and (labels is not None or items.labels is not None):
        read = read_codes(labels, source, items)
        announce_labels(read, left_out=False, held_out=False)
        named = read.names()
    return write_report(path, model, items, labels=named, asked=_asked(path, model, items))


def export(model: Model | Classifier | str | Path, out: str | Path) -> dict[str, Any]:
    """Write a model or a classifier so that it works without this package. See ``docs/export.md``.

    Args:
        model: A model, a classifier, or the folder of either; it is left as it is.
        out: ``.onnx``: the network for any runtime, from views to ``embeddings``, ``representation`` and, of a
            classifier, ``probabilities``; compared with torch before it is left. ``.safetensors``: the encoder's
            weights under the names of torchvision or timm. ``.txt``, ``.vec`` and ``.bin``: the vectors of a model of
            words, as word2vec writes them. A file that is there is replaced.

    Returns:
        What was written, with ``out``, ``format``, ``bytes`` and ``model``, the fingerprint; of ONNX ``inputs`` and
        ``outputs`` with their shapes and the largest ``deviation`` from torch; of weights the ``architecture``, the
        number of ``tensors``, and the name of the ``classifier`` among them or None; of words their number ``words``
        and the ``length`` of their vectors.

    Raises:
        InputError: The name of the file, the folder, or the encoder cannot be used; the message says what to do.
        CounterpointError: The ONNX file does not compute what torch does; none is left.
    """
    path = expanded(out)
    if path.suffix not in (".onnx", ".safetensors", *SUFFIXES):
        raise InputError(
            "Models are exported as .onnx, their weights as .safetensors, and vectors of words as .txt, .vec or .bin. "
            f"Got --out {path}."
        )
    contents.check(path)
    if path.suffix in SUFFIXES:
        return write_words(contents.opened(model)[0], path)
    if path.suffix == ".safetensors":
        return write_state(*contents.opened(model), path)
    require()
    return write_onnx(*contents.opened(model), path)


def _asked(folder: Path, model: Model, items: Items | None) -> Items | None:
    """The items that the scores in a run folder are about, where they are still at hand."""
    try:
        test = runs.tested_on(folder)
        return items if test is None else model.open(test)
    except InputError:
        return None


def _model(model: Model | str | Path) -> Model:
    return model if isinstance(model, Model) else load(model)


def _inside(like: str, source: object) -> str:
    """The name of a file in a folder, when it is given with the folder in front."""
    folder = expanded(source) if isinstance(source, str | Path) else None
    if folder is None or not folder.is_dir():
        return like
    path = (expanded(like) if is_file(like) else Path(like)).absolute()
    return path.relative_to(folder.absolute()).as_posix() if path.is_relative_to(folder.absolute()) else like
