"""Trackers draw the numbers of ``metrics.jsonl`` on this machine, and go on with the same run after ``resume``."""

import json
import signal
import socket
import sys

import numpy as np
import pytest

import counterpoint as cp
from counterpoint.errors import InputError, Interrupted, MissingPackage
from tests.worlds import records

TINY = {"epochs": 2, "batch_size": 32, "width": 16, "head_hidden": 16, "head_outputs": 8, "save_every": 1}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Only sockets of this machine can be opened, and nothing in the environment speaks of a server."""
    connect = socket.socket.connect

    def refuse(self, address):
        assert self.family == socket.AF_UNIX, f"connects to {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("WANDB_MODE", "WANDB_PROJECT", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_curves_are_written_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cp.fit(records().source, out=tmp_path / "run", track="tensorboard", **TINY)
    curves = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    np.testing.assert_allclose([event.value for event in curves.Scalars("loss")], losses(tmp_path / "run"), rtol=1e-6)


def test_curves_are_written_for_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    cp.fit(records().source, out=tmp_path / "run", track="mlflow", **TINY)
    client = mlflow.MlflowClient((tmp_path / "run" / "mlflow").as_uri())
    run = client.get_run((tmp_path / "run" / "mlflow" / "run.txt").read_text())
    assert (run.info.status, run.data.params["batch_size"]) == ("FINISHED", "32")
    assert [each.value for each in client.get_metric_history(run.info.run_id, "loss")] == losses(tmp_path / "run")


def test_a_run_that_goes_on_is_the_same_run_for_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow")

    def stop(record):
        if record["step"] == 2:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        cp.fit(records().source, out=tmp_path / "run", track="mlflow", listeners=[stop], **TINY)
    client = mlflow.MlflowClient((tmp_path / "run" / "mlflow").as_uri())
    name = (tmp_path / "run" / "mlflow" / "run.txt").read_text()
    assert client.get_run(name).info.status == "KILLED"
    cp.fit(records().source, out=tmp_path / "run", resume=True, **TINY)
    assert client.get_run(name).info.status == "FINISHED"
    assert [each.value for each in client.get_metric_history(name, "loss")] == losses(tmp_path / "run")


def test_curves_are_written_for_weights_and_biases(tmp_path):
    pytest.importorskip("wandb")
    cp.fit(records().source, out=tmp_path / "run", track="wandb", **TINY)
    name = (tmp_path / "run" / "wandb" / "run.txt").read_text()
    (written,) = (tmp_path / "run" / "wandb").glob(f"offline-run-*-{name}/run-{name}.wandb")
    assert b"loss" in written.read_bytes()


@pytest.mark.parametrize(("track", "module"), [("wandb", "wandb"), ("mlflow", "mlflow")])
def test_a_tracker_that_is_not_installed_says_how_to_install_it(track, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackage, match=rf'pip install "counterpoint\[{track}\]"'):
        cp.fit(records().source, out=tmp_path / "run", track=track, **TINY)
    assert not (tmp_path / "run").exists()


def test_curves_need_a_run_folder():
    with pytest.raises(InputError, match="beside a run"):
        cp.fit(records().source, track="tensorboard", **TINY)
