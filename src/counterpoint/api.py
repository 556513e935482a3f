"""The verbs, as functions. Each does nothing that its parts cannot do; ``cli`` says the same from a shell."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from counterpoint import catalogue, runs
from counterpoint.assemble import compared_by
from counterpoint.data.labels import encode, read_labels
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError, Interrupted, LabelError
from counterpoint.evaluation.labelled import held_out, numbered_alike
from counterpoint.evaluation.online import online_knn
from counterpoint.evaluation.scores import score
from counterpoint.files import write_json
from counterpoint.interfaces import Items, Listener, Modality
from counterpoint.model import Model, load
from counterpoint.plans import Plan
from counterpoint.progress import announce, conclude, progress, sharding
from counterpoint.reports.page import write_report
from counterpoint.reports.views import draw_views
from counterpoint.retrieval.nearest import Hit
from counterpoint.retrieval.nearest import search as find_alike
from counterpoint.settle import Prepared, chosen, prepare
from counterpoint.sharding.job import Way, embed_all
from counterpoint.training.loop import Course, Keeping, train
from counterpoint.training.processes import joined
from counterpoint.training.stopping import stop_requests
from counterpoint.training.watch import judge


def plan(source: object, *, column: str | None = None, **choices: Any) -> dict[str, Any]:
    """What ``fit`` would do with this source on this machine, without doing it: sizes, steps, memory and minutes.

    Raises ``InputError`` where ``fit`` would.
    """
    asked, own = chosen(choices, column=column)
    prepared = prepare(source, asked, own, began=time.monotonic(), measured=True)
    return {**prepared.summary(), "plan": prepared.plan.record()}


def fit(
    source: object,
    *,
    out: str | Path | None = None,
    labels: object = None,
    column: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **choices: Any,
) -> Model:
    """Train an encoder on a source, without labels, and return the model.

    Args:
        source: A folder, a file, an array, a data frame or a dataset; see ``docs/sources.md``.
        out: The run folder. Without it nothing is written and nothing can be resumed.
        labels: Only to follow the accuracy of neighbours while the run goes; never learned from.
        column: The column that holds paths of images, or the one that a table must not learn from.
        resume: Go on with the interrupted run in ``out``; the result is that of a run that never stopped.
        overwrite: Replace the run in ``out``.
        choices: Any field of ``Plan``; ``encoder`` may be an ``nn.Module``, ``views`` a callable for one picture,
            ``listeners`` functions that are told every record of ``metrics.jsonl``.

    Raises:
        InputError: The source, a choice or the folder cannot be used; the message says what to do.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    began = time.monotonic()
    listeners: Sequence[Listener] = choices.pop("listeners", ())
    asked, own = chosen(choices, column=column)
    folder = None if out is None else Path(out)
    before = None
    if folder is None and (resume or overwrite):
        raise InputError("resume and overwrite are about a run folder: give out=...")
    with joined() as processes:
        if folder is not None and processes.first:
            runs.check(folder, resume=resume, overwrite=overwrite)
        if folder is not None and resume:
            before = runs.read_plan(folder)
            asked = Plan.of(runs.merged(asked.record(), before["asked"], Plan().record()))
        track = None if asked.track is None or folder is None else catalogue.find("tracker", asked.track)()
        prepared = prepare(source, asked, own, began=began, before=before, processes=processes)
        follow = _follower(labels, source, prepared)
        if before is not None:
            runs.same_data(before, prepared.identity())
        elif folder is not None and processes.first:
            runs.start(folder, _record(source, asked, prepared), prepared.items)
            draw_views(prepared.modality, prepared.items, folder / runs.VIEWS, seed=asked.seed)
        if processes.first:
            announce(prepared.summary(), folder)
        with stop_requests() as stop, progress(speaks=processes.first) as bar:
            keeping = Keeping(
                folder=folder,
                resume=resume,
                save_every=asked.save_every,
                listeners=(bar, *([track(folder)] if track and processes.first else []), *listeners),
                each_epoch=follow,
                stop=stop,
                deadline=None if asked.minutes is None or resume else began + 60 * asked.minutes,
                notes=compared_by(asked),
            )
            course = _trained(prepared, keeping)
    return _kept(prepared, course, folder)


def _kept(prepared: Prepared, course: Course, folder: Path | None) -> Model:
    """The model of a finished run, written and judged by the first process."""
    model = Model(prepared.method.encoder.cpu().eval(), prepared.modality, prepared.built)
    if not prepared.recipe.processes.first:
        return model
    verdicts = judge(course.records.all)
    if folder is not None:
        model.save(folder)
        said = [verdict.record() for verdict in verdicts]
        runs.finish(folder, said, steps=course.step, seconds=course.seconds)
    conclude(verdicts)
    return model


def embed(model: Model | str | Path, source: object) -> Embeddings:
    """Unit vectors and names of all items of a source."""
    return _model(model).embed(source)


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
    return embed_all(model, source, Path(out), Way(workers, engine, shard_size, overwrite), sharding())


def evaluate(
    model: Model | str | Path,
    train: object,
    test: object = None,
    *,
    labels: object = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Score a model on labelled items: weighted kNN, linear probe, geometry, each beside its baselines.

    Args:
        model: A model or a run folder; into the folder the scores are also written, as ``evaluation.json``.
        train: The source whose labelled items are learned from.
        test: The source whose items are asked about. Without it a fifth of ``train`` is held out.
        labels: ``"folder"``, a column, an ``.npy`` file, an array, or a pair of those for train and test; None
            for the labels that the sources carry themselves.
        seed: Names the held-out items and the bootstrap draws.
    """
    kept = _model(model)
    first, second = _pair(labels, separate=test is not None)
    _unseen(labels, kept.modality)
    items = kept.modality.open(train)
    answers = read_labels(first, train, items)
    if test is None:
        known, asked = held_out(items, answers, seed=seed)
    else:
        others = kept.modality.open(test)
        known, asked = numbered_alike(items, answers, others, read_labels(second, test, others))
    scores = score(kept, known, asked, seed=seed)
    classes = len({*known.labels.tolist(), *asked.labels.tolist()})
    scores["sizes"] = {"train": len(known.items), "test": len(asked.items), "classes": classes}
    if train is test or (isinstance(train, str | Path) and train == test):
        scores["note"] = "The test items are the training items, so these scores say nothing about new ones."
    if not isinstance(model, Model):
        said = {"train": _said(train), "test": _said(test), "labels": _said(labels), "seed": seed}
        write_json(Path(model) / runs.EVALUATION, {**scores, **said})
    return scores


def search(z: Embeddings, *, like: str | int | np.ndarray, k: int = 10) -> list[Hit]:
    """The k items most alike to an item (by name or row) or to a vector."""
    if not isinstance(z, Embeddings):
        raise InputError(f"Search looks through embeddings: embed the data first. Got {type(z).__name__}.")
    return find_alike(z, like=like, k=k)


def search_source(model: Model | str | Path, source: object, *, like: str, k: int = 10) -> list[Hit]:
    """The k items of a source most alike to one of them (name or row number), or to an item in a file."""
    kept = _model(model)
    z = kept.embed(source)
    for name in (like, _inside(like, source)):
        if name in z.names:
            return find_alike(z, like=name, k=k)
    if like.isdecimal():
        return find_alike(z, like=int(like), k=k)
    if Path(like).is_file():
        others = kept.embed(like)
        if len(others) != 1:
            raise InputError(f"'{like}' holds {len(others)} items; give a file with the one to look for.")
        return find_alike(z, like=others.vectors[0], k=k)
    return find_alike(z, like=like, k=k)


def report(folder: str | Path, *, source: object = None, labels: object = None) -> Path:
    """Write ``report.html`` into a run folder: one file that opens from disk. Returns its path.

    ``source`` is the data for its gallery and map, by default the data of the run; ``labels`` colour the map.
    """
    path = Path(folder)
    model = load(path)
    given = source is not None or labels is not None
    source = runs.read_plan(path)["source"] if source is None else source
    items: Items | None
    try:
        items = model.modality.open(source)
    except InputError:
        if given:
            raise
        items = None  # the page says that the data is no longer where it was
    named = None
    if items is not None and (labels is not None or items.labels is not None):
        named = [str(label) for label in read_labels(labels, source, items)]
    return write_report(path, model, items, labels=named)


def _trained(prepared: Prepared, keeping: Keeping) -> Course:
    try:
        with torch.random.fork_rng():
            return train(prepared.method, prepared.items, prepared.modality, prepared.recipe, keeping)
    except Interrupted as stopped:
        if keeping.folder is None:
            raise Interrupted(f"{stopped} Nothing was saved, because the run had no --out folder.") from None
        raise Interrupted(f"{stopped} Go on with the same command and --resume.") from None


def _follower(labels: object, source: object, prepared: Prepared) -> Any:
    if labels is None:
        return None
    _unseen(labels, prepared.modality)
    codes, _ = encode(read_labels(labels, source, prepared.items))
    return online_knn(prepared.modality, prepared.items, codes, epochs=prepared.plan.epochs or 1)


def _record(source: object, asked: Plan, prepared: Prepared) -> dict[str, Any]:
    return {
        "source": _said(source),
        "command": _command(),
        "asked": asked.record(),
        "settled": prepared.plan.record(),
        "items": len(prepared.items),
        "steps": prepared.recipe.steps,
        "steps_per_epoch": prepared.per_epoch,
        "identity": prepared.identity(),
        "summary": prepared.summary(),
    }


def _command() -> str | None:
    """The command line, where there is one."""
    name = Path(sys.argv[0]).name
    return shlex.join(["counterpoint", *sys.argv[1:]]) if name in ("counterpoint", "__main__.py") else None


def _unseen(labels: object, modality: Modality) -> None:
    """Refuse labels that the model has learned from."""
    if isinstance(labels, str) and labels in modality.uses():
        raise LabelError(
            f"The column '{labels}' is a feature of this model, so it sees what it would be asked for. "
            f"Train with --column {labels}, which leaves it out."
        )


def _model(model: Model | str | Path) -> Model:
    return model if isinstance(model, Model) else load(model)


def _pair(labels: object, *, separate: bool) -> tuple[object, object]:
    """Labels of train and test: two where two are given, else the same specification for both."""
    if isinstance(labels, str) and separate and labels.count(",") == 1 and ".npy" in labels:
        first, second = labels.split(",")
        return first.strip(), second.strip()
    if isinstance(labels, tuple) and len(labels) == 2 and separate:
        return labels
    if separate and labels is not None and not isinstance(labels, str):
        raise InputError("Give labels for train and test, as a pair (train_labels, test_labels).")
    return labels, labels


def _inside(like: str, source: object) -> str:
    """The name of a file in a folder, when it is given with the folder in front."""
    folder = Path(source) if isinstance(source, str | Path) else None
    if folder is None or not folder.is_dir():
        return like
    path = Path(like).absolute()
    return path.relative_to(folder.absolute()).as_posix() if path.is_relative_to(folder.absolute()) else like


def _said(source: object) -> str | None:
    if source is None or isinstance(source, str | Path):
        return None if source is None else str(source)
    return f"{type(source).__module__}.{type(source).__qualname__}"
