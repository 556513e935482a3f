"""The records of a run as curves for MLflow, beside ``metrics.jsonl``; needs the extra ``mlflow``.

They stay in the run folder unless the environment names a server or a database with ``MLFLOW_TRACKING_URI``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoint.errors import MissingPackage
from counterpoint.interfaces import Listener, Tracker
from counterpoint.training.metrics_log import curves, kept_name

EXPERIMENT = "counterpoint"
"""The default of ``MLFLOW_EXPERIMENT_NAME``."""


def mlflow() -> Tracker:
    """Writes every value of a record, and the choices of the run, to ``folder/mlflow``."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
    except ImportError:
        raise MissingPackage("mlflow-skinny", "mlflow") from None

    @contextmanager
    def track(folder: Path, choices: Mapping[str, Any]) -> Iterator[Listener]:
        home = folder / "mlflow"
        home.mkdir(exist_ok=True)
        client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or home.absolute().as_uri())

        def begin() -> str:
            run = client.create_run(_experiment(client), run_name=folder.name).info.run_id
            client.log_batch(run, params=[Param(name, str(value)) for name, value in choices.items()])
            return str(run)

        def listen(record: Mapping[str, Any]) -> None:
            now = int(1000 * time.time())
            client.log_batch(run, [Metric(name, value, now, record["step"]) for name, value in curves(record).items()])

        run = kept_name(home / "run.txt", begin)
        client.update_run(run, status="RUNNING")
        try:
            yield listen
        except BaseException:
            client.set_terminated(run, "KILLED")
            raise
        client.set_terminated(run)

    return track


def _experiment(client: Any) -> str:
    """The experiment of the runs, created where there is none."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    there = client.get_experiment_by_name(name)
    return str(there.experiment_id if there is not None else client.create_experiment(name))
