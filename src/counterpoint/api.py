"""The verbs, as functions. Each does nothing that its parts cannot do; ``cli`` says the same from a shell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from counterpoint.classification.classifier import Classifier
from counterpoint.data.aligned_rows import every_group, every_row, in_memory
from counterpoint.data.groups import with_groups
from counterpoint.data.labels import read_class_ids
from counterpoint.data.vectors import is_vectors
from counterpoint.data.word2vec import SUFFIXES
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError
from counterpoint.exporting import contents
from counterpoint.exporting.onnx_file import require, write_onnx
from counterpoint.exporting.state import write_state
from counterpoint.exporting.words import write_words
from counterpoint.interfaces import Items
from counterpoint.modality import open_column
from counterpoint.model import LOG, Model, load
from counterpoint.output.results import Result
from counterpoint.reports.page import write_report
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.setup.progress import announce_labels, embedding, may_be_quiet, sharding, summary_lines
from counterpoint.sharding.job import ShardOptions, embed_all
from counterpoint.storage.files import expanded
from counterpoint.verbs.compare import compare as compare
from counterpoint.verbs.distill import distill as distill
from counterpoint.verbs.duplicates import duplicates as duplicates
from counterpoint.verbs.evaluate import evaluate as evaluate
from counterpoint.verbs.evaluate_retrieval import match as match
from counterpoint.verbs.evaluate_retrieval import retrieve as retrieve
from counterpoint.verbs.evaluate_similarity import agree as agree
from counterpoint.verbs.evaluate_vectors import report_vectors
from counterpoint.verbs.finetune import finetune as finetune
from counterpoint.verbs.fit import fit as fit
from counterpoint.verbs.keywords import PlanKeywords
from counterpoint.verbs.lab import lab as lab
from counterpoint.verbs.label_efficiency import efficiency_table as efficiency_table
from counterpoint.verbs.label_efficiency import label_efficiency as label_efficiency
from counterpoint.verbs.mine import mine as mine
from counterpoint.verbs.predict import predict as predict
from counterpoint.verbs.predict import write_predictions as write_predictions
from counterpoint.verbs.search import search as search
from counterpoint.verbs.semi import semi as semi
from counterpoint.verbs.tune import tune as tune
from counterpoint.verbs.verify import verification as verification
from counterpoint.verbs.verify import verify as verify
from counterpoint.verbs.words import analogies as analogies
from counterpoint.verbs.words import words as words


@may_be_quiet
def plan(
    source: object,
    *,
    labels: object = None,
    pairs: object = None,
    **choices: Unpack[PlanKeywords],
) -> Result:
    """What ``fit`` would do with this source on this machine, without doing it: sizes, steps, memory and minutes.

    Raises ``InputError`` where ``fit`` would.
    """
    requested, user_parts = chosen(choices, labels=labels, pairs=pairs)
    experiment = prepare(source, requested, user_parts, began=time.monotonic(), measured=True)
    return Result({**experiment.summary(), "plan": experiment.plan.record()}, _planned)


def _planned(result: Mapping[str, Any]) -> str:
    """What ``plan`` says, as plain text for people."""
    settled = (f"{name} = {value}" for name, value in result["plan"].items() if value is not None)
    return "\n".join([*summary_lines(result), "", *settled])


@may_be_quiet
def embed(
    model: Model | str | Path,
    source: object,
    *,
    length: int | None = None,
    column: str | None = None,
    groups: object = None,
    quiet: bool = False,
) -> Embeddings:
    """Unit vectors and names of all items of a source, as ``Model.embed`` gives them.

    Of so many numbers with ``length``, where the model was trained for that. ``column`` names the one with the texts,
    where it is another than the first that the model learned from. ``groups``, as for ``evaluate``, are kept with the
    vectors, so that ``evaluate`` of those parts no group.
    """
    kept = _model(model)
    if groups is not None:
        z = _embedded_with_groups(kept, source, column, groups)
    elif column is None:
        z = kept.embed(source, tell=embedding())
    else:
        z = kept.embed_items(open_column(kept.modality, source, column), tell=embedding())
    return z if length is None else z.shortened(length)


def _embedded_with_groups(kept: Model, source: object, column: str | None, groups: object) -> Embeddings:
    items = kept.open(source) if column is None else open_column(kept.modality, source, column)
    items = with_groups(items, groups, source)
    z = kept.embed_items(items, tell=embedding())
    vectors, names = every_row(z.vectors, items) if in_memory(source) and column is None else (z.vectors, z.names)
    return Embeddings(vectors, list(names), z.model, groups=every_group(items, len(names)))


@may_be_quiet
def embed_shards(
    model: Model | str | Path,
    source: object,
    out: str | Path,
    *,
    workers: int = 1,
    engine: str = "local",
    shard_size: int = 10_000,
    overwrite: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Embed much data into a folder, one .npz per shard; what is there already is kept. See ``docs/embedding.md``."""
    return embed_all(model, source, expanded(out), ShardOptions(workers, engine, shard_size, overwrite), sharding())


@may_be_quiet
@holds_run
def report(
    run: str | Path,
    *,
    source: object = None,
    labels: object = None,
    quiet: bool = False,
) -> Path:
    """Write ``report.html`` into a run folder: one file that opens from disk. Returns its path.

    ``source`` is the data for its gallery and map, by default the data of the run if that was made here; ``labels``
    colour the map. Of an .npz or .npy file of vectors the page lies beside it, has their scores and a map, and
    ``source`` is a baseline.
    """
    path = expanded(run)
    if is_vectors(path):
        return report_vectors(path, labels=labels, source=source)
    model = load(path)
    given = source is not None or labels is not None
    items: Items | None
    try:
        source = run_folder.source_of(path) if source is None else source
        items = model.open(source)
    except InputError as wrong:
        if given:
            raise
        items = None  # the page says so, too
        LOG.warning("%s", wrong)
    named = None
    if items is not None and (labels is not None or items.labels is not None):
        read = read_class_ids(labels, source, items)
        announce_labels(read, left_out=False, held_out=False)
        named = read.names()
    return write_report(path, model, items, labels=named, test=_test_items(path, model, items))


@may_be_quiet
def export(
    model: Model | Classifier | str | Path,
    out: str | Path,
    *,
    quiet: bool = False,
) -> dict[str, Any]:
    """Write a model or a classifier so that it works without this package. See ``docs/export.md``.

    Args:
        model: A model, a classifier, or the folder of either; it is left as it is.
        out: ``.onnx``: the network for any runtime, from views to ``embeddings``, ``representation`` and, of a
            classifier, ``probabilities``; compared with torch before it is left. ``.safetensors``: the encoder's
            weights under the names of torchvision or timm. ``.txt``, ``.vec`` and ``.bin``: the vectors of a model of
            words, as word2vec writes them. A file that is there is replaced.
        quiet: Print nothing.

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
            f"Got --out={path}."
        )
    contents.check(path)
    if path.suffix in SUFFIXES:
        return write_words(contents.load_any(model)[0], path)
    if path.suffix == ".safetensors":
        return write_state(*contents.load_any(model), path)
    require()
    return write_onnx(*contents.load_any(model), path)


def _test_items(folder: Path, model: Model, items: Items | None) -> Items | None:
    """The items that the scores in a run folder are about, where they are still at hand."""
    try:
        test = run_folder.tested_on(folder)
        return items if test is None else model.open(test)
    except InputError:
        return None


def _model(model: Model | str | Path) -> Model:
    return model if isinstance(model, Model) else load(model)
