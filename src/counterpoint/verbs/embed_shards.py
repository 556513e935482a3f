"""The verb ``embed_shards``: embed large data into a folder, one file of vectors for each shard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoint.errors import counted
from counterpoint.model import Model
from counterpoint.output.results import Result
from counterpoint.setup.progress import sharding
from counterpoint.sharding.job import ShardOptions, embed_all
from counterpoint.storage.files import expanded
from counterpoint.verbs.verb import verb


@verb()
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
) -> Result:
    """Embed large data into a folder, one .npz per shard; existing ones are kept. See ``docs/embedding.md``.

    Args:
        model: A model or a run folder.
        source: A folder, or a pattern such as 'data/*.tar'.
        out: The folder; one file is written for each shard.
        workers: The number of processes.
        engine: local, or ray for Ray Data.
        shard_size: Loose photos are cut into shards of this many.
        overwrite: Replace vectors of another model in the folder.
        quiet: Print nothing.

    Returns:
        ``out``; the numbers of ``shards``, of those ``written`` and ``skipped``, and which ``failed`` and why; the
        number of ``items`` and of ``unreadable`` ones, and ``items_per_second``.

    Raises:
        InputError: The source, the folder or the engine cannot be used.
    """
    folder = expanded(out)
    done = embed_all(model, source, folder, ShardOptions(workers, engine, shard_size, overwrite), sharding())
    return Result({"out": str(folder), **done}, _reported)


def _reported(done: Mapping[str, Any]) -> str:
    """What was embedded and what was not, as plain text."""
    counts = f"{done['written']} of {done['shards']} shards are written, {done['skipped']} were there already"
    lines = [f"failed  {each['shard']}: {each['reason']}" for each in done["failed"]]
    if done["unreadable"]:
        left_out = counted(done["unreadable"], "item that cannot be read is", "items that cannot be read are")
        lines.append(f"{left_out} left out")
    speed = f"{counted(done['items'], 'vector')}, {done['items_per_second']:,.0f} items per second"
    return "\n".join([*lines, f"{counts}; {speed}. They are in {done['out']}"])
