"""Shards on Ray: the embedder in actors of Ray Data, on this machine or on a cluster.

Ray restarts actors that die, here or on another machine, and repeats their tasks. The run folder, the source and the
output folder must be reachable under the same paths from everywhere.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from typing import Any

import numpy as np

from counterpoint.data.shards import Shard
from counterpoint.errors import InputError, MissingPackage
from counterpoint.sharding.parts import Order, Outcome, Tell

GIVEN_UP = "Ray gave up on it: its process was ended again and again, perhaps for want of memory"


class Actor:
    """An embedder for Ray Data: from a batch with one shard to a batch with its outcome, both as JSON."""

    def __init__(self, order: Order) -> None:
        self._embedder = order.embedder()

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
        """Embed the shards of a batch."""
        shards = [_shard(text) for text in batch["shard"].tolist()]
        return {"outcome": [json.dumps(asdict(self._embedder(shard))) for shard in shards]}


def on_ray(shards: Sequence[Shard], order: Order, *, workers: int, tell: Tell) -> None:
    """Embed shards with this many actors, each with one CPU. What Ray prints goes to stderr.

    Raises:
        MissingPackage: Ray Data is not installed.
    """
    ray = _ray()
    lost = {shard.name for shard in shards}
    with redirect_stdout(sys.stderr), _started(ray, workers), _quiet(ray.data.DataContext.get_current()):
        rows = [{"shard": json.dumps(asdict(shard))} for shard in shards]
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Actor,
            batch_size=1,
            fn_constructor_args=(order,),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(workers, len(rows))),
            num_cpus=1,
        )
        for row in done.iter_rows():
            outcome = Outcome(**json.loads(row["outcome"]))
            lost.discard(outcome.shard)
            tell(outcome)
    for name in sorted(lost):
        tell(Outcome(name, reason=GIVEN_UP))


def _shard(text: str) -> Shard:
    name, source, root = json.loads(text).values()
    return Shard(name, source if isinstance(source, str) else tuple(source), root)


def _ray() -> Any:
    """The module ray, configured before import for this machine only, unless there is a cluster to connect to.

    On Linux it would listen on the whole network, whatever address it is given, as other machines might join.
    """
    if not os.environ.get("RAY_ADDRESS"):
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingPackage("ray", "ray") from None
    return ray


@contextmanager
def _started(ray: Any, workers: int) -> Iterator[None]:
    """Ray as it runs already or at ``RAY_ADDRESS``; else one for this job, reachable from this machine only."""
    if ray.is_initialized():
        yield
        return
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False)
    elif ray.util.get_node_ip_address() not in ("127.0.0.1", "::1"):
        raise InputError(
            "Ray was imported before and would be open to the network. Start it yourself with ray.init(...), or set "
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 before it is imported."
        )
    else:
        cores = max(workers, os.cpu_count() or 1)
        ray.init("local", num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="warning")
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _quiet(context: Any) -> Iterator[None]:
    """For the length of a job: no progress bars, and failing shards do not end the job."""
    wanted = {"enable_progress_bars": False, "print_on_execution_start": False, "max_errored_blocks": -1}
    before = {name: getattr(context, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(context, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
