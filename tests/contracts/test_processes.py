"""Several processes: the gradient of one, whatever is configured; stopping, dying and resuming together."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.cli import main
from counterpoint.errors import Interrupted
from counterpoint.plans import Plan
from counterpoint.training.distributed import Processes, joined_by_file, leave
from counterpoint.training.metrics_log import read
from counterpoint.verbs.check_processes import check_processes
from tests.worlds import records, stripes

SMALL = {"width": 8, "head_hidden": 16, "head_outputs": 8}
SHORT = {**SMALL, "epochs": 3, "batch_size": 64, "precision": "fp32"}
FORMS = {"moco": "moco(queue=64)", "nnclr": "nnclr(queue=64)"}
"""A queue that is overwritten within two steps."""

ANYWHERE = [method for method, row in catalogue.SHELVES["method"].items() if not row.only]
"""Methods for any kind of data."""


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def everything():
    """Plans of every method, objective and choice of negatives; batches of an odd size; distances."""
    return [
        *(Plan(method=FORMS.get(method, method), **SMALL) for method in ANYWHERE),
        *(Plan(objective=objective, **SMALL) for objective in catalogue.names("objective")),
        *(Plan(negatives=name, **SMALL) for name in catalogue.names("negatives")),
        *(Plan(method=FORMS["moco"], negatives=name, **SMALL) for name in ("mixed", "other_labels", "bank(k=20)")),
        Plan(batch_size=62, similarity="euclidean", temperature=1.0, **SMALL),
    ]


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_every_method_objective_and_choice_of_negatives_has_the_loss_and_gradient_of_one_process(count):
    plans = everything()
    for plan, deviations in zip(plans, check_processes(plans, counts=(1, count)), strict=True):
        assert [each.processes for each in deviations] == [count]
        assert all(each.agrees for each in deviations), (plan.method, plan.objective, plan.negatives, deviations)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "series"])
def test_convolutions_with_batch_normalisation_agree_too(kind):
    from tests.worlds import WORLDS

    world = WORLDS[kind](count=160)
    methods = [method for method, row in catalogue.SHELVES["method"].items() if row.only in ("", kind)]
    plans = [Plan(method=FORMS.get(method, method), **world.choices, **SMALL) for method in methods]
    for deviations in check_processes(plans, world.source, labels=world.labels):
        assert all(each.agrees for each in deviations), deviations


def test_a_wrong_factor_is_noticed(monkeypatch):
    monkeypatch.setattr("counterpoint.verbs.check_processes.STEPS", 1)
    from counterpoint.verbs.check_processes import _deviation

    one = {"loss 0": torch.ones(1), "gradient 0 w": torch.tensor([1.0, 2.0])}
    halved = {"loss 0": torch.ones(1), "gradient 0 w": torch.tensor([0.5, 1.0])}
    assert not _deviation(2, one, halved).agrees
    assert not _deviation(2, one, one | {"gradient 0 w": torch.tensor([torch.nan, 2.0])}).agrees
    assert _deviation(2, one, one).agrees


def test_shared_batch_normalisation_is_given_back_as_it_was():
    from counterpoint.training.batch_norm import share_statistics, unshare_statistics

    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    norm = network[1]
    share_statistics(network, Processes(0, 2))
    assert network[1] is not norm
    assert network[1].weight is norm.weight
    assert set(network.state_dict()) == {"0.weight", "0.bias", *(f"1.{name}" for name in norm.state_dict())}
    unshare_statistics(network)
    assert network[1] is norm


def _own_loop(rank, count, folder):
    torch.set_num_threads(1)
    with joined_by_file(f"{folder}/meet-{count}", rank, count) as processes:
        _save_losses(rank, count, folder)
        torch.save(_agreed(processes), f"{folder}/{count}-{rank}-agreed")
        leave(processes)


def _save_losses(rank, count, folder):
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(2, 7, 5, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 3])
    cuts = [0, 4, 7] if count == 2 else [0, 7]
    mine = whole[:, cuts[rank] : cuts[rank + 1]].clone().requires_grad_()
    for number, chosen in enumerate((None, labels[cuts[rank] : cuts[rank + 1]])):
        loss = cp.contrastive_loss(mine[0], mine[1], labels=chosen)
        (slope,) = torch.autograd.grad(loss, mine)
        torch.save([loss.detach(), slope / count], f"{folder}/{count}-{rank}-{number}")


def _agreed(processes):
    """What processes that differ in everything make of it together."""
    network = torch.nn.BatchNorm1d(2)
    for number, tensor in enumerate(network.state_dict().values()):
        tensor.fill_(10 * processes.rank + number)
    processes.synchronise(network)
    kinds = torch.float32, torch.float64, torch.float32
    weights = [torch.nn.Parameter(torch.zeros(size, dtype=kind)) for size, kind in enumerate(kinds, start=1)]
    for weight in weights:
        weight.grad = torch.full_like(weight, processes.rank + len(weight))
    processes.sum_gradients([*weights, torch.nn.Parameter(torch.zeros(1))])
    rows = processes.collect(torch.full((3 - processes.rank,), processes.rank), processes.counts(3 - processes.rank))
    return {
        "weights": [float(each.flatten()[0]) for each in network.state_dict().values()],
        "gradients": [weight.grad.tolist() for weight in weights],
        "sums": processes.sum(processes.rank + 1, 0.5),
        "first": processes.from_first(processes.rank + 7),
        "rows": rows.tolist(),
    }


@pytest.fixture(scope="module")
def own_loops(tmp_path_factory):
    """What one process and two have saved."""
    folder = tmp_path_factory.mktemp("own")
    for count in (1, 2):
        torch.multiprocessing.spawn(_own_loop, (count, str(folder)), nprocs=count)
    return folder


def test_processes_that_differ_agree_on_weights_gradients_and_numbers(own_loops):
    for count in (1, 2):
        for rank in range(count):
            result = torch.load(own_loops / f"{count}-{rank}-agreed", weights_only=True)
            assert result == {
                "weights": [0, 1, 2, 3, 4],
                "gradients": [[count * size + count - 1] * size for size in (1, 2, 3)],
                "sums": [1 + 2 * (count - 1), 0.5 * count],
                "first": 7,
                "rows": [0, 0, 0, 1, 1][: 3 if count == 1 else 5],
            }


def test_the_loss_of_ones_own_loop_is_global_and_its_mean_gradient_exact(own_loops):
    for number in (0, 1):
        loss, slope = torch.load(own_loops / f"1-0-{number}", weights_only=True)
        parts = [torch.load(own_loops / f"2-{rank}-{number}", weights_only=True) for rank in (0, 1)]
        for part in parts:
            torch.testing.assert_close(part[0], loss)
        torch.testing.assert_close(torch.cat([part[1] for part in parts], dim=1), slope)


def torchrun(source, out, **changed):
    """The command that trains in two processes, with the choices ``SHORT`` but for what is changed."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    choices = [f"--{name.replace('_', '-')}={value}" for name, value in (SHORT | changed).items()]
    return [*launcher, "-m", "counterpoint", "fit", str(source), "--out", str(out), *choices]


def test_torchrun_trains_as_one_process_does_and_only_one_writes(tmp_path):
    np.save(tmp_path / "rows.npy", records().source)
    done = subprocess.run(torchrun(tmp_path / "rows.npy", tmp_path / "two"), capture_output=True, text=True, check=True)
    assert done.stdout.count("The model is in") == 1
    assert "2 processes" in done.stderr
    cp.fit(str(tmp_path / "rows.npy"), out=tmp_path / "one", **SHORT)
    first, second = (
        [each["loss"] for each in read(tmp_path / run / "metrics.jsonl") if "loss" in each] for run in ("one", "two")
    )
    assert len(first) == len(second)
    np.testing.assert_allclose(first, second, rtol=1e-3)


@pytest.mark.slow
def test_a_process_that_dies_stops_all_and_another_number_of_processes_goes_on(tmp_path):
    np.save(tmp_path / "pictures.npy", stripes().source)
    out = tmp_path / "run"
    long = torchrun(tmp_path / "pictures.npy", out, save_every=1, epochs=200)
    with subprocess.Popen(long, stderr=subprocess.PIPE, text=True) as running:
        while not (out / "state.pt").exists() and running.poll() is None:
            time.sleep(0.05)
        victim = _last_child(running.pid)
        os.kill(victim, signal.SIGKILL)
        said = running.communicate(timeout=120)[1]
    assert running.returncode != 0
    assert "Another process of this run has ended" in said or "Stopped after step" in said
    before = torch.load(out / "state.pt", weights_only=True)["step"]

    def enough(record):
        if record["step"] >= before + 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        cp.fit(str(tmp_path / "pictures.npy"), out=out, resume=True, listeners=[enough])
    assert _step(out) >= before + 3


def _step(out):
    result = [each["step"] for each in read(out / "metrics.jsonl") if "loss" in each]
    return result[-1] if result else 0


def _last_child(parent):
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=True)
    return int(children.stdout.split()[-1])


@pytest.mark.slow
def test_check_processes_from_the_shell(monkeypatch, capsys):
    """With four processes; with two, all plans are tried above."""
    monkeypatch.setattr("counterpoint.verbs.check_processes.check_processes", partial(check_processes, counts=(1, 4)))
    main(["check", "processes", "--width", "8", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["agrees"]
    assert 0 < result["largest"] < 1e-8
    assert [each["processes"] for each in result["deviations"]] == [4]


def test_wrong_choices_are_met_with_advice_before_any_process_starts():
    with pytest.raises(cp.InputError, match="Did you mean 'simclr'"):
        check_processes([Plan(method="simclrr")])
    with pytest.raises(cp.InputError, match="larger than the data"):
        check_processes([Plan(**SMALL)], np.zeros((20, 3), dtype=np.float32) + np.arange(20)[:, None])


def test_a_batch_too_small_for_the_processes_is_refused():
    from counterpoint.setup.experiment import _enough_for_all

    with pytest.raises(cp.InputError, match="fewer processes"):
        _enough_for_all(Plan(batch_size=6), Processes(0, 4))
