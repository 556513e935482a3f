"""Embedding large data, shard by shard: finished shards are kept, missing ones written, failures reported.

        OUT/<shard>.npz     vectors, names, fingerprints of the model and of the shard: written atomically

So an interrupted job continues with the same command.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.data.shards import Shard, apart, shards_of
from counterpoint.embeddings import origin, parts_in
from counterpoint.errors import InputError, Interrupted, RunError, SourceError, UnknownName, closest, listed
from counterpoint.model import Model, load
from counterpoint.runs.locks import locked
from counterpoint.sharding.cluster import on_ray
from counterpoint.sharding.parts import Embedder, Order, Outcome, Tell, sweep, target
from counterpoint.sharding.processes import in_processes
from counterpoint.storage.files import expanded

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class ShardOptions:
    """The settings of a job: the number of processes, the engine, and whether it may replace other vectors."""

    workers: int = 1
    engine: str = "local"
    shard_size: int = 10_000
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"There is at least 1 worker. Got {self.workers}.")
        if self.engine not in ENGINES:
            raise UnknownName(
                f"There is no engine called '{self.engine}'.{closest(self.engine, ENGINES)} "
                f"Choose one of {listed(ENGINES)}."
            )


Progress = Callable[[int, int, int], None]
"""Progress: called with the numbers of finished shards, of all shards, and of embedded items."""


def embed_all(
    model: Model | str | Path, source: object, out: Path, options: ShardOptions, progress: Progress
) -> dict[str, Any]:
    """Write one file of vectors for each shard of a source that has none yet, and return a summary.

    Raises:
        InputError: There are no shards, or ``out`` holds something else or vectors of another model.
        Interrupted: Ctrl-C; the files written so far are kept.
    """
    kept = model if isinstance(model, Model) else load(model)
    shards = shards_of(source, size=options.shard_size)
    with locked(out):
        apart(out, source, shards)
        fingerprint = kept.fingerprint()
        waiting = _waiting(shards, out, fingerprint, overwrite=options.overwrite)
        began = time.perf_counter()
        outcomes: list[Outcome] = []
        tell = _telling(outcomes, len(waiting), progress)
        sweep(out, waiting)
        try:
            if waiting and (options.workers, options.engine) == (1, "local"):
                embedder = Embedder(kept, fingerprint, out)
                for shard in waiting:
                    tell(embedder(shard))
            elif waiting:
                _elsewhere(kept, None if model is kept else expanded(str(model)), waiting, out, options, tell)
        except KeyboardInterrupt:
            raise Interrupted("Stopped. Finished shards are kept; the same command embeds the others.") from None
        finally:
            sweep(out, waiting)
        seconds = time.perf_counter() - began
        return {
            **_summary(outcomes, seconds),
            "shards": len(shards),
            "skipped": len(shards) - len(waiting),
            "model": fingerprint,
        }


def _telling(outcomes: list[Outcome], total: int, progress: Progress) -> Tell:
    """Keeps every outcome, and reports progress."""
    items = 0

    def tell(outcome: Outcome) -> None:
        nonlocal items
        outcomes.append(outcome)
        items += outcome.items
        progress(len(outcomes), total, items)

    return tell


def _summary(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    items = sum(outcome.items for outcome in outcomes)
    failed = sorted((outcome.shard, outcome.reason) for outcome in outcomes if outcome.reason is not None)
    return {
        "items": items,
        "unreadable": sum(outcome.unreadable for outcome in outcomes),
        "written": len(outcomes) - len(failed),
        "failed": [{"shard": shard, "reason": reason} for shard, reason in failed],
        "seconds": round(seconds, 3),
        "items_per_second": round(items / seconds, 1) if items else 0.0,
    }


def _elsewhere(
    model: Model, run: Path | None, shards: Sequence[Shard], out: Path, options: ShardOptions, tell: Tell
) -> None:
    """Embed the shards in other processes, which load the model from its run folder, or from one made for them."""
    if run is None and not model.built.get("encoder"):
        raise InputError(
            "Other processes cannot load an encoder of your own. Embed with one worker and engine='local'."
        )
    with tempfile.TemporaryDirectory(prefix="counterpoint-") as temporary:
        folder = model.save(temporary) if run is None else run
        order = Order(str(folder.absolute()), model.fingerprint(), str(out.absolute()))
        engine = in_processes if options.engine == "local" else on_ray
        engine(shards, order, workers=options.workers, tell=tell)


def _waiting(shards: Sequence[Shard], out: Path, fingerprint: str, *, overwrite: bool) -> list[Shard]:
    """The shards without a file by this model, or with one from before they changed."""
    targets = {target(out, shard): shard for shard in shards}
    there = parts_in(out) if out.is_dir() else []
    waiting = dict(targets)
    for path in there:
        shard = targets.get(path)
        model, state = _origin(path, replaced=overwrite and shard is not None)
        if model == fingerprint:
            if shard is not None and state == shard.state():
                del waiting[path]
        elif shard is None:
            raise RunError(
                f"'{path}' holds vectors of another model, and of no shard of the source. Remove it, or choose another "
                "--out."
            )
        elif not overwrite:
            raise RunError(
                f"'{path}' holds vectors of another model. Choose another --out, or replace with --overwrite."
            )
    return list(waiting.values())


def _origin(path: Path, *, replaced: bool) -> tuple[str, str]:
    """The model and the state of the shard that a file was made from; unknown is accepted if it is to be replaced."""
    try:
        return origin(path)
    except SourceError as wrong:
        if replaced:
            return "", ""
        raise RunError(
            f"{str(wrong).split('. Make it')[0]}. Choose another --out, or replace with --overwrite."
        ) from wrong
