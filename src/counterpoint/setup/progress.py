"""Output during a run: the plan before it, a progress bar, the verdict after it. All on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from counterpoint.data.labels import Labels
from counterpoint.data.schema import schema_lines
from counterpoint.errors import counted, listed
from counterpoint.evaluation.verdict import duration
from counterpoint.interfaces import Listener
from counterpoint.training.diagnostics import Verdict, judge

MARKS = {"good": "[green]good[/]", "warning": "[yellow]warning[/]", "bad": "[red]bad[/]"}

_silent: ContextVar[bool] = ContextVar("silent", default=False)


def console() -> Any:
    """The console on stderr, with control characters escaped, and the package's logger; results go to stdout."""
    from counterpoint.output.console import logged_console

    return logged_console(quiet=_silent.get())


@contextmanager
def silence(wanted: bool = True) -> Iterator[None]:
    """Suppress the output within the block, if wanted."""
    before = _silent.set(wanted or _silent.get())
    try:
        yield
    finally:
        _silent.reset(before)


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """The plan of a run in a few lines.

    >>> summary_lines({"items": 4, "skipped": 0, "modality": "table", "notes": [], "schema": [], "item_shape": [3],
    ...                "view_shape": [3], "views": "auto", "encoder": "mlp", "encoder_parameters": 1000, "steps": 2,
    ...                "steps_per_epoch": 1, "epochs": 2.0, "precision": "fp32", "device": "cpu", "processes": 1,
    ...                "minutes": None, "views_per_second": None, "memory": 0})[0]
    'data      4 items of 3, recognised as table'
    """
    skipped = f", {summary['skipped']} skipped" if summary["skipped"] else ""
    items = f"{counted(summary['items'], 'item')}{_shape(' of ', summary['item_shape'])}"
    steps = f"{counted(summary['epochs'], 'epoch')}, {counted(summary['steps'], 'step')}"
    company = f", {summary['processes']} processes" if summary["processes"] > 1 else ""
    lines = [
        f"data      {items}, recognised as {summary['modality']}{skipped}",
        *(f"          {note}" for note in summary["notes"]),
        *(f"{'' if row else 'schema':8}  {line}" for row, line in enumerate(schema_lines(summary["schema"]))),
        *_recipe_lines(summary.get("recipe"), summary.get("departures") or {}),
        f"views     {summary['views']}{_shape(', ', summary['view_shape'])}",
        f"encoder   {summary['encoder']}, {summary['encoder_parameters']:,} parameters",
        f"training  {steps}, {summary['precision']} on {summary['device']}{company}",
        *([f"          {summary['because_of_time']}"] if summary.get("because_of_time") else []),
    ]
    if summary["minutes"] is not None:
        threads = f", {counted(summary['threads'], 'thread')}" if summary.get("threads") else ""
        lines.append(
            f"time      about {summary['minutes']:g} minutes at {summary['views_per_second']:,.0f} views per second, "
            f"{summary['memory'] / 2**20:,.0f} MiB{threads}"
        )
    return lines


def _recipe_lines(recipe: str | None, departures: Mapping[str, Sequence[Any]]) -> list[str]:
    """The recipe of a run, and which of its choices differ from the published ones.

    >>> _recipe_lines("simclr-cifar10-resnet18", {"batch_size": [512, 64]})
    ['recipe    simclr-cifar10-resnet18', '          batch_size 64 instead of 512']
    """
    if recipe is None:
        return []
    changes = (f"          {name} {now} instead of {published}" for name, (published, now) in departures.items())
    return [f"recipe    {recipe}", *changes]


def announce(summary: Mapping[str, Any], folder: Path | None) -> None:
    """Print the plan before training."""
    out = console()
    for line in summary_lines(summary):
        out.print(line, markup=False)
    out.print(f"run       {folder}" if folder else "run       kept in memory only", markup=False)


SHOWN = 12
"""Classes that a line names."""


def label_lines(labels: Labels, *, what: str = "labels", left_out: bool = True, held_out: bool = True) -> list[str]:
    """The classes of some items with their counts, how many items are unlabelled, and how labels were read.

    ``left_out``: the verb ignores unlabelled items; ``held_out``: it holds some labelled items out for testing.

    >>> import numpy as np
    >>> for line in label_lines(Labels(np.asarray([0, 1, 0, -1]), ["cat", "dog"])):
    ...     print(line)
    labels    2 classes, 3 of 4 items: cat (2), dog (1)
              1 of 4 items has no label and is left out
              the class 'dog' has one labelled item: it is learned from and never tested
    """
    counts, items, labelled = labels.counts(), len(labels.class_ids), labels.labelled
    some = [f"{name} ({count:,})" for name, count in counts.items()]
    more = [f"and {len(some) - SHOWN} more"] if len(some) > SHOWN else []
    of = counted(items, "item") if labelled == items else f"{labelled:,} of {items:,} items"
    classes = counted(len(some), "class", "classes")
    lines = [f"{what:<10}{classes}, {of}: {', '.join([*some[:SHOWN], *more])}"]
    if labelled < items:
        one = items - labelled == 1
        then = (" and is left out" if one else " and are left out") if left_out else ""
        lines.append(f"          {items - labelled:,} of {items:,} items {'has' if one else 'have'} no label{then}")
    lines += [f"          {note}" for note in labels.notes]
    if held_out and (single := labels.single()):
        lines.append(f"          {_never_tested(single)}")
    return lines


def _never_tested(classes: Sequence[str]) -> str:
    if len(classes) == 1:
        return f"the class '{classes[0]}' has one labelled item: it is learned from and never tested"
    return f"the classes {listed(classes, SHOWN)} have one labelled item each: they are learned from and never tested"


def announce_labels(labels: Labels, *, what: str = "labels", left_out: bool = True, held_out: bool = True) -> None:
    """Print the classes that a verb uses; see ``label_lines``."""
    out = console()
    for line in label_lines(labels, what=what, left_out=left_out, held_out=held_out):
        out.print(line, markup=False)


def conclude(headline: Mapping[str, str], verdicts: Sequence[Verdict]) -> None:
    """Print after training whether the model is useful, and below it how healthy the training was."""
    from rich.markup import escape

    out = console()
    out.print(f"{MARKS[headline['level']]}  {escape(headline['sentence'])}")
    for verdict in verdicts:
        out.print(f"{MARKS[verdict.level]}  {verdict.sentence}")


WHILE = 5.0
"""Seconds that embedding may take without a progress line."""

MANY = 1000
"""Photos from which on decoding them shows progress."""


def decoding() -> Callable[[int, int], None]:
    """Progress of decoding many photos, one line per tenth; it is done once, for the cache."""
    return _tenths("decoding  {:,} of {:,} photos", lambda total: total >= MANY)


def sharding() -> Callable[[int, int, int], None]:
    """Progress of embedding shards, one line per tenth."""
    return _tenths("embedding  {:,} of {:,} shards, {:,} items")


def embedding(what: str = "embedding") -> Callable[[int, int], None]:
    """Progress of embedding, about one line per tenth, once it has taken a while."""
    began = time.monotonic()
    return _tenths(what + "  {:,} of {:,} items", lambda total: time.monotonic() - began > WHILE)


def _tenths(line: str, worth: Callable[[int], bool] = lambda total: True) -> Callable[..., None]:
    """Print a line with the counts so far for each tenth that is done, where ``worth(total)``."""
    reported = 0

    def tell(done: int, total: int, *more: int) -> None:
        nonlocal reported
        if 10 * done // total > reported and worth(total):
            reported = 10 * done // total
            console().print(line.format(done, total, *more), markup=False)

    return tell


@contextmanager
def progress(*, speaks: bool = True) -> Iterator[Listener]:
    """A progress bar with time left, views per second, loss, contrastive accuracy and effective rank of z.

    Where stderr is neither a terminal nor a notebook with ipywidgets, a line for about every tenth of the run. Problems
    are printed as they appear. A process that does not speak prints nothing.
    """
    if not speaks:
        yield lambda record: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from counterpoint.output.console import draws_bars

    out = console()
    warn = _warnings(out)
    if not draws_bars(out):
        yield _lines(out, warn)
        return
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=out) as bar:
        task = bar.add_task("training", total=None, text="")

        def listen(record: Mapping[str, Any]) -> None:
            if "planned_anew" in record:
                bar.print(_anew(record))
            elif "loss" in record:
                bar.update(task, total=record["steps"], completed=record["step"], text=_text(record))
                warn(record)
            elif "knn" in record:
                bar.print(f"epoch {record['epoch'] + 1}: kNN accuracy {record['knn']:.1%}")

        yield listen


def _warnings(out: Any) -> Listener:
    """Prints each kind of problem once, as soon as the records show it."""
    first: list[Mapping[str, Any]] = []
    warned = {"short"}

    def listen(record: Mapping[str, Any]) -> None:
        if "effective_rank_z" not in record:
            return
        if not first:
            first.append(record)
        for verdict in judge([first[0], record]):
            if verdict.level != "good" and verdict.kind not in warned:
                warned.add(verdict.kind)
                out.print(f"{MARKS[verdict.level]}  {verdict.sentence}")

    return listen


def _lines(out: Any, warn: Listener) -> Listener:
    reported = -1

    def listen(record: Mapping[str, Any]) -> None:
        nonlocal reported
        warn(record)
        tenth = 10 * record["step"] // max(1, record["steps"])
        if "loss" in record and tenth > reported:
            reported = tenth
            out.print(f"step {record['step']}/{record['steps']}  {_text(record)}{_left(record)}", markup=False)
        elif "planned_anew" in record:
            out.print(_anew(record), markup=False)
        elif "knn" in record:
            out.print(f"epoch {record['epoch'] + 1}: kNN accuracy {record['knn']:.1%}", markup=False)

    return listen


def _left(record: Mapping[str, Any]) -> str:
    """The time left, where it is long enough to mention and can be estimated from more than the first step."""
    seconds = record.get("seconds", 0.0) / record["step"] * (record["steps"] - record["step"])
    return f"  {duration(seconds)} to go" if record["step"] > 1 and seconds >= WHILE else ""


def _anew(record: Mapping[str, Any]) -> str:
    """The new length of a run with a time budget, and the reason."""
    much = "less" if record["planned_anew"] < record["planned"] else "more"
    return (
        f"plan      {counted(record['planned_anew'], 'step')} instead of {record['planned']:,}: a step takes "
        f"{record['seconds_per_step']:.2g} s, so the time is enough for {much} than was measured before"
    )


def _text(record: Mapping[str, Any]) -> str:
    rank = ""
    if "effective_rank_z" in record:
        rank = f"  rank of z {record['effective_rank_z']:.0f}/{record['effective_rank_z_limit']:.0f}"
    accuracy = f"  accuracy {record['accuracy']:.0%}" if "accuracy" in record else ""
    return f"{record['views_per_second']:,.0f} views/s  loss {record['loss']:.3f}{accuracy}{rank}"


def _shape(before: str, shape: Sequence[int]) -> str:
    """A shape with a prefix, or nothing where there is no shape."""
    return before + " x ".join(str(side) for side in shape) if shape else ""
