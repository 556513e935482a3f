"""The verbs from a shell. Results for people go to stdout, progress and errors to stderr; ``--json`` for programs.

Exit status: 0 done, 2 the input can be mended, 130 stopped on request, 1 our fault.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from counterpoint import __version__
from counterpoint.errors import InputError, Interrupted
from counterpoint.plans import Plan

app = App(
    name="counterpoint",
    help="Learn without labels what makes things alike, see whether it worked, and put it to use.",
    version=__version__,
    result_action="return_value",
)

Choices = Annotated[Plan, Parameter(name="*")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object and nothing else.")]
Flag = Parameter(negative="")
USUAL = Plan()


@app.command
def fit(
    source: str,
    *,
    out: Path,
    labels: str | None = None,
    column: str | None = None,
    resume: Annotated[bool, Flag] = False,
    overwrite: Annotated[bool, Flag] = False,
    choices: Choices = USUAL,
    as_json: AsJson = False,
) -> None:
    """Train an encoder on SOURCE, without labels.

    Args:
        source: A folder, an archive, a file (.csv .parquet .npy .npz, IDX), or sample:fashion.
        out: The run folder.
        labels: Follow the accuracy of neighbours with these labels: folder, a column, an .npy file.
        column: The column with paths of images, or the one that a table must not learn from.
        resume: Go on with the interrupted run in --out.
        overwrite: Replace the run in --out.
        choices: Every choice of a run.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api, runs
    from counterpoint.training.processes import launched

    api.fit(source, out=out, labels=labels, column=column, resume=resume, overwrite=overwrite, **choices.record())
    if not launched().first:
        return
    verdicts = json.loads((out / runs.VERDICT).read_text(encoding="utf-8"))
    _say({"out": str(out), **verdicts}, f"The model is in {out}", as_json=as_json)


@app.command
def plan(source: str, *, column: str | None = None, choices: Choices = USUAL, as_json: AsJson = False) -> None:
    """Show what fit would do with SOURCE on this machine, and do nothing.

    Args:
        source: As for fit.
        column: As for fit.
        choices: Every choice of a run.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api
    from counterpoint.progress import summary_lines

    found = api.plan(source, column=column, **choices.record())
    settled = (f"{name} = {value}" for name, value in found["plan"].items() if value is not None)
    _say(found, "\n".join([*summary_lines(found), "", *settled]), as_json=as_json)


@app.command
def evaluate(
    run: Path,
    *,
    train: str | None = None,
    test: str | None = None,
    labels: str | None = None,
    seed: int = 0,
    as_json: AsJson = False,
) -> None:
    """Score the model in RUN on labelled items, beside raw features, an untrained encoder and chance.

    Args:
        run: The run folder.
        train: Labelled items to learn from; the run's own source when left out.
        test: Labelled items to ask about; a fifth of --train when left out.
        labels: folder, a column, or an .npy file (two, comma-separated, for train and test).
        seed: Names the held-out items and the bootstrap draws.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api, runs
    from counterpoint.evaluation.probe import table

    source = train if train is not None else runs.source_of(run)
    scores = api.evaluate(run, source, test, labels=labels, seed=seed)
    _say(scores, table(scores), as_json=as_json)


@app.command
def embed(
    run: Path,
    source: str,
    *,
    out: Path,
    workers: int = 1,
    engine: str = "local",
    shard_size: int = 10_000,
    overwrite: Annotated[bool, Flag] = False,
    as_json: AsJson = False,
) -> None:
    """Write the unit vectors and names of all items of SOURCE, into one file or, shard by shard, into a folder.

    Args:
        run: The run folder.
        source: As for fit; for shards a folder or a pattern such as 'data/*.tar'.
        out: An .npz file with the arrays vectors (n, d) and names, or a folder that gets one for each shard.
        workers: Shards are embedded by this many processes.
        engine: local, or ray for Ray Data.
        shard_size: Loose photos are cut into shards of this many.
        overwrite: Replace vectors of another model in the folder.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    if out.suffix and out.suffix != ".npz" and not out.is_dir():
        raise InputError(f"Vectors are written as .npz, or in shards into a folder. Got --out {out}.")
    if out.suffix != ".npz" or out.is_dir():
        ways: dict[str, Any] = {"workers": workers, "engine": engine, "shard_size": shard_size, "overwrite": overwrite}
        _say_shards({"out": str(out), **api.embed_shards(run, source, out, **ways)}, as_json=as_json)
        return
    if (workers, engine) != (1, "local"):
        raise InputError(f"Workers and engines write shards. Give a folder instead of --out {out}.")
    began = time.perf_counter()
    z = api.embed(run, source)
    z.save(out)
    speed = round(len(z) / (time.perf_counter() - began), 1)
    length = int(z.vectors.shape[1])
    found = {"out": str(out), "items": len(z), "items_per_second": speed, "length": length, "model": z.model}
    _say(found, f"{len(z):,} vectors of length {length} are in {out}, {speed:,.0f} items per second", as_json=as_json)


def _say_shards(done: dict[str, Any], *, as_json: bool) -> None:
    """Say what was embedded and what was not; where something failed, the exit status says so too."""
    failed = done["failed"]
    counts = f"{done['written']} of {done['shards']} shards are written, {done['skipped']} were there already"
    lines = [f"failed  {each['shard']}: {each['reason']}" for each in failed]
    if done["unreadable"]:
        lines.append(f"{done['unreadable']:,} items could not be read and are left out")
    speed = f"{done['items']:,} vectors, {done['items_per_second']:,.0f} items per second"
    _say(done, "\n".join([*lines, f"{counts}; {speed}. They are in {done['out']}"]), as_json=as_json)
    if failed:
        raise InputError(
            f"{len(failed)} of {done['shards']} shards could not be embedded; '{failed[0]['shard']}', for one: "
            f"{failed[0]['reason'].rstrip('.')}. The same command tries those again."
        )


@app.command
def search(
    run: Path,
    source: str,
    *,
    like: str,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 10,
    as_json: AsJson = False,
) -> None:
    """Find the items of SOURCE most alike to one item.

    Args:
        run: The run folder.
        source: As for fit.
        like: The name of an item, its row number, a file with one item, or an .npy file with one item.
        k: How many to find.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    hits = api.search_source(run, source, like=like, k=k)
    lines = "\n".join(f"{hit.similarity:6.3f}  {hit.name}" for hit in hits)
    _say({"like": like, "hits": [asdict(hit) for hit in hits]}, lines, as_json=as_json)


@app.command
def report(run: Path, *, source: str | None = None, labels: str | None = None, as_json: AsJson = False) -> None:
    """Write report.html into RUN: one file that opens from disk.

    Args:
        run: The run folder.
        source: The data for the gallery and the map; the run's own when left out.
        labels: Colour the map with these: folder, a column, an .npy file.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    path = api.report(run, source=source, labels=labels)
    _say({"report": str(path)}, f"The report is {path}", as_json=as_json)


checks = App(name="check", help="Prove that a promise holds on this machine, for your configuration.")
app.command(checks)


@checks.command
def processes(source: str | None = None, *, choices: Choices = USUAL, as_json: AsJson = False) -> None:
    """Prove on 1, 2 and 4 processes that loss and gradient are those of one process with the whole batch.

    Args:
        source: Your data, as for fit; rows of random numbers when left out.
        choices: Every choice of a run; batches are cut to 64 items.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint.agreement import check_processes

    (found,) = check_processes([choices], source)
    lines = [
        f"{each.processes} processes: loss differs by {each.loss:.1e}, gradients by {each.gradient:.1e}, memory by "
        f"{each.memory:.1e} of its largest value: {'the same' if each.agrees else 'NOT the same'} as one process"
        for each in found
    ]
    record = {
        "method": choices.method,
        "objective": choices.objective,
        "agrees": all(each.agrees for each in found),
        "deviations": [each._asdict() for each in found],
        "largest": max(max(each[1:]) for each in found),
    }
    _say(record, "\n".join(lines), as_json=as_json)
    if not record["agrees"]:
        sys.exit(1)


@app.command(name="list")
def list_parts(kind: str | None = None, *, as_json: AsJson = False) -> None:
    """List the parts of one KIND, or the kinds there are.

    Args:
        kind: methods, objectives, similarities, encoders, views, modalities, trackers or optimizers.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import catalogue

    if kind is None:
        _say(list(catalogue.plurals()), "\n".join(catalogue.plurals()), as_json=as_json)
        return
    shelf = catalogue.shelf(kind)
    lines = "\n".join(f"{name:12} {row.summary}" for name, row in shelf.items())
    _say({name: row.summary for name, row in shelf.items()}, lines, as_json=as_json)


def _say(record: Any, text: str, *, as_json: bool) -> None:
    print(json.dumps(record) if as_json else text)


def main(tokens: Sequence[str] | None = None) -> None:
    """The console command; turns what went wrong into one sentence and an exit status."""
    try:
        app(list(sys.argv[1:]) if tokens is None else tokens, exit_on_error=False, print_error=False)
    except (InputError, CycloptsError) as wrong:
        print(f"counterpoint: {_sentence(wrong)}", file=sys.stderr)
        sys.exit(2)
    except OSError as wrong:
        where = f": '{wrong.filename}'" if wrong.filename else ""
        print(f"counterpoint: {wrong.strerror or wrong}{where}.", file=sys.stderr)
        sys.exit(2)
    except (Interrupted, KeyboardInterrupt) as stopped:
        print(f"counterpoint: {stopped or 'Stopped.'}", file=sys.stderr)
        sys.exit(130)


def _sentence(wrong: Exception) -> str:
    return " ".join(str(wrong).split())
