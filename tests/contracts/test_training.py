"""The loop: resuming equals not stopping, stopping saves, a budget plans, and nothing is counted twice."""

import copy
import json
import math
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint.comparison.loss import loss_of
from counterpoint.errors import InputError, Interrupted, RunError
from counterpoint.methods.simclr import SimCLR
from counterpoint.model import load
from counterpoint.objectives.info_nce import info_nce
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.training import checkpoint, loop, optimizers
from counterpoint.training.metrics_log import Records, read
from counterpoint.training.signals import stop_requests
from counterpoint.training.throughput import planned_steps
from tests.worlds import records, stripes

TINY = {"epochs": 3, "batch_size": 64, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}


def weights(folder):
    return {name: tensor.clone() for name, tensor in load(folder).encoder.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class Stopper:
    """Sends this process Ctrl-C, or another signal, when a step is recorded, and cannot be told anything after."""

    def __init__(self, step, number=signal.SIGINT):
        self.step, self.number = step, number

    def __call__(self, record):
        assert record["step"] <= self.step
        if record["step"] == self.step and "loss" in record:
            signal.raise_signal(self.number)


@pytest.mark.parametrize("method", ["simclr", "moco(queue=128)"])
@pytest.mark.parametrize("step", [1, 4, 7])
def test_a_stopped_and_resumed_run_has_the_weights_of_one_that_never_stopped(tmp_path, method, step):
    source = stripes().source
    cp.fit(source, out=tmp_path / "whole", method=method, **TINY)
    with pytest.raises(Interrupted, match="resume=True"):
        cp.fit(source, out=tmp_path / "parts", method=method, listeners=[Stopper(step)], **TINY)
    cp.fit(source, out=tmp_path / "parts", resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    steps = [record["step"] for record in read(tmp_path / "parts" / "metrics.jsonl")]
    assert steps == sorted(set(steps))


def test_a_second_sigterm_does_not_end_a_run_before_it_has_saved(tmp_path):
    def stop_twice(record):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted, match="Stopped after step"):
        cp.fit(stripes().source, out=tmp_path / "run", listeners=[stop_twice], **TINY)
    assert (tmp_path / "run" / "state.pt").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_ended_from_outside_is_saved(number, tmp_path):
    before = signal.signal(number, signal.SIG_DFL)  # the tests may run under nohup, which ignores SIGHUP
    try:
        with pytest.raises(Interrupted, match="resume=True"):
            cp.fit(stripes().source, out=tmp_path, listeners=[Stopper(2, number)], **TINY)
    finally:
        signal.signal(number, before)
    assert (tmp_path / "state.pt").exists()


def test_a_run_under_nohup_goes_on_when_the_terminal_is_closed():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_requests() as stop:
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert not stop.requested


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    source = stripes().source
    first, again, other = (cp.fit(source, seed=seed, **TINY).fingerprint() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_killed_run_resumes_to_the_same_weights(tmp_path):
    source = str(tmp_path / "data.npy")
    np.save(source, stripes().source)
    choices = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()] + ["--save-every=1"]
    command = [sys.executable, "-m", "counterpoint", "fit", source, *choices]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    while not (tmp_path / "killed" / "state.pt").exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    cp.fit(source, out=tmp_path / "whole", save_every=1, **TINY)
    cp.fit(source, out=tmp_path / "killed", resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


@pytest.mark.slow
def test_killed_at_twenty_random_moments_a_run_always_ends_with_the_same_weights(tmp_path):
    np.save(tmp_path / "data.npy", stripes().source)
    long = TINY | {"epochs": 60}
    choices = [f"--{name.replace('_', '-')}={value}" for name, value in long.items()] + ["--save-every=3"]
    command = [sys.executable, "-m", "counterpoint", "fit", str(tmp_path / "data.npy"), *choices]
    subprocess.run([*command, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    random = np.random.default_rng(0)
    out, kills, finished = tmp_path / "killed", 0, 0
    while kills < 20:
        resume = ["--resume"] if (out / "state.pt").exists() else ["--overwrite"]
        process = subprocess.Popen([*command, "--out", str(out), *resume], stderr=subprocess.DEVNULL)
        target = random.integers(3, 180)
        while process.poll() is None and _step(out) < target:
            time.sleep(0.005)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
        if (out / "model.safetensors").exists():
            assert same(weights(tmp_path / "whole"), weights(out))
            finished += 1
            subprocess.run(["rm", "-r", str(out)], check=True)
    if out.exists():
        resume = ["--resume"] if (out / "state.pt").exists() else ["--overwrite"]
        subprocess.run([*command, "--out", str(out), *resume], check=True, capture_output=True)
        assert same(weights(tmp_path / "whole"), weights(out))
        finished += 1
    assert finished >= 1


def _step(out):
    path = out / "metrics.jsonl"
    result = read(path) if path.exists() else []
    return result[-1]["step"] if result else 0


def test_resuming_with_another_choice_is_refused_and_changes_nothing(tmp_path):
    source = stripes().source
    with pytest.raises(Interrupted):
        cp.fit(source, out=tmp_path, listeners=[Stopper(2)], overwrite=True, **TINY)
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(RunError, match=r"temperature=0\.1, and 0\.5 is asked for"):
        cp.fit(source, out=tmp_path, resume=True, temperature=0.5)
    for other in (source[:200], 255 - source):
        with pytest.raises(RunError, match="not the same data"):
            cp.fit(other, out=tmp_path, resume=True)
    with pytest.raises(RunError, match="not seen by the same encoder and views"):
        cp.fit(source, out=tmp_path, resume=True, views=lambda picture: picture)
    assert (tmp_path / "state.pt").read_bytes() == before


def test_overwriting_a_run_leaves_other_files_alone(tmp_path):
    cp.fit(records().source, out=tmp_path, **TINY)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    cp.fit(records().source, out=tmp_path, overwrite=True, **TINY)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_dropout_follows_the_seed_and_not_what_was_drawn_before():
    def encoder():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(20, 16), torch.nn.Dropout(), torch.nn.Linear(16, 8))

    def trained(seed, drawn):
        network = encoder()
        torch.rand(drawn)
        return cp.fit(records().source, encoder=network, seed=seed, **TINY).fingerprint()

    assert trained(0, 1) == trained(0, 50)
    assert trained(0, 1) != trained(1, 1)


def test_an_encoder_of_ones_own_is_not_changed_in_place():
    network = torch.nn.Linear(20, 8)
    before = network.weight.clone()
    cp.fit(records().source, encoder=network, **TINY)
    assert torch.equal(network.weight, before)


def test_a_state_of_another_architecture_is_refused(tmp_path):
    source = records().source
    cp.fit(source, out=tmp_path / "a", **TINY)
    state = checkpoint.read(tmp_path / "a" / "state.pt")
    cp.fit(source, out=tmp_path / "b", **(TINY | {"width": 16}))
    checkpoint.save(state, tmp_path / "b" / "state.pt")
    with pytest.raises(RunError, match="another architecture"):
        cp.fit(source, out=tmp_path / "b", resume=True)


def test_a_state_of_another_optimiser_is_refused_before_any_weight_changes():
    method, other = (SimCLR(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2), info_nce) for _ in range(2))
    sparse = torch.optim.SGD([method.encoder.weight], lr=0.1)
    state = checkpoint.snapshot(method, sparse, step=1, steps=2, seconds=0.0)
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(RunError, match="of another optimiser"):
        checkpoint.restore(state, other, optimizers.sgd(other))
    assert same(before, other.state_dict())


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"not a state"])
def test_a_damaged_state_is_refused(tmp_path, damage):
    cp.fit(records().source, out=tmp_path / "a", **TINY)
    path = tmp_path / "a" / "state.pt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match="damaged"):
        cp.fit(records().source, out=tmp_path / "a", resume=True)


def test_a_loss_that_is_not_finite_is_said_with_its_cause(tmp_path):
    with pytest.raises(InputError, match="learning rate"):
        cp.fit(stripes().source, optimizer="sgd", learning_rate=1e18, **TINY)


def test_records_after_the_saved_step_are_dropped_and_a_torn_line_too(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"step": step, "steps": 9, "seconds": 0.5}) for step in (1, 2, 3)]
    path.write_text("\n".join([*lines, '{"st']), encoding="utf-8")
    kept = Records(path, until=2)
    kept.add({"step": 3, "steps": 9, "seconds": 0.5, "loss": 1.0})
    assert [json.loads(line)["step"] for line in path.read_text(encoding="utf-8").splitlines()] == [1, 2, 3]


def test_a_time_budget_plans_whole_epochs_or_a_part_of_one():
    assert planned_steps(seconds=10, per_step=0.1, per_epoch=30) == 90
    assert planned_steps(seconds=1, per_step=0.1, per_epoch=30) == 10


def test_a_time_budget_is_planned_and_recorded(tmp_path):
    cp.fit(records().source, out=tmp_path / "run", minutes=0.03, **(TINY | {"epochs": None}))
    plan = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert plan["asked"]["minutes"] == 0.03
    assert plan["settled"]["minutes"] is None
    assert plan["settled"]["epochs"] == math.ceil(plan["steps"] / plan["steps_per_epoch"])


def test_lars_takes_the_step_of_its_formula():
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    bias = torch.nn.Parameter(torch.tensor([1.0]))
    layer = torch.nn.Module()
    layer.weight, layer.bias = weight, bias
    optimizer = optimizers.lars(layer, learning_rate=2.0, weight_decay=0.5)
    weight.grad, bias.grad = torch.tensor([[1.0, 0.0]]), torch.tensor([0.25])
    gradient = torch.tensor([[1.0 + 1.5, 2.0]])
    expected = torch.tensor([[3.0, 4.0]]) - 2.0 * (1e-3 * 5.0 / gradient.norm()) * gradient
    optimizer.step()
    torch.testing.assert_close(weight.data, expected)
    torch.testing.assert_close(bias.data, torch.tensor([0.5]))


def test_lars_keeps_the_share_of_its_velocity_that_its_momentum_says():
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    optimizer = optimizers.LARS(
        [{"params": [weight], "weight_decay": 0.0, "adapt": False}], learning_rate=2.0, momentum=0.75
    )
    gradients = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.5]]), torch.tensor([[0.25, 0.25]])
    expected, velocity = weight.detach().clone(), torch.zeros(1, 2)
    for gradient in gradients:
        weight.grad = gradient
        optimizer.step()
        velocity = 0.75 * velocity + 2.0 * gradient
        expected = expected - velocity
        torch.testing.assert_close(weight.data, expected)


def test_the_rate_rises_falls_and_never_leaves_its_range():
    course = [optimizers.rate(step, total=100, warmup=0.1, peak=2.0) for step in range(100)]
    assert course[9] == max(course) == 2.0
    assert course[:10] == sorted(course[:10])
    assert course[10:] == sorted(course[10:], reverse=True)
    assert 0 <= course[-1] < 0.01


def test_bf16_vectors_are_compared_and_summed_in_fp32():
    from counterpoint.comparison import Comparison, cosine, same_item

    exact = torch.randn(32, 8)
    rough = exact.to(torch.bfloat16).requires_grad_()
    again = rough.detach().float().requires_grad_()
    relation = same_item(torch.arange(16).repeat(2))
    low = loss_of(Comparison(rough, rough, relation, cosine), info_nce)
    high = loss_of(Comparison(again, again, relation, cosine), info_nce)
    low.backward()
    high.backward()
    torch.testing.assert_close(low, high)
    torch.testing.assert_close(rough.grad, again.grad.to(torch.bfloat16))


# The loop itself, on eight steps of two epochs


def small_run(network=None, **choices):
    """Everything that ``train`` needs: 256 rows in batches of 64, twice."""
    wanted, user_parts = chosen({**TINY, "epochs": 2, "encoder": network or "auto", **choices})
    return prepare(records(count=256).source, wanted, user_parts, began=0.0)


def trained(parts, **keeping):
    return loop.train(parts.method, parts.items, parts.modality, parts.recipe, loop.RunOptions(**keeping))


def test_after_what_follows_an_epoch_the_networks_are_training_again():
    network = torch.nn.Sequential(torch.nn.Linear(20, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5))
    modes, epochs = [], []

    def look_at_it(method, epoch):
        epochs.append(len(modes))
        method.eval()
        return {}

    parts = small_run(network)
    parts.method.encoder.register_forward_hook(
        lambda module, given, out: modes.append((module[1].training, module[2].training))
    )
    trained(parts, each_epoch=look_at_it)
    assert len(epochs) == 2
    assert len(modes) > epochs[0] > 0
    assert set(modes) == {(True, True)}
    assert parts.method.training


def test_the_rate_of_every_step_warms_up_to_a_peak_that_follows_the_batch():
    parts, told = small_run(learning_rate=0.032, scaling="linear", schedule="linear", warmup=0.5), []
    trained(parts, listeners=[told.append])
    peak = 0.032 * 64 / 256
    expected = [peak * share for share in (0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25)]
    assert [record["learning_rate"] for record in told if "loss" in record] == pytest.approx(expected)


def test_memory_is_told_how_many_steps_have_been_taken_and_of_how_many():
    parts, told = small_run(), []
    parts.method.after_step = lambda step: told.append((step.number, step.total))
    trained(parts)
    assert told == [(number, 8) for number in range(1, 9)]


def test_a_state_is_saved_about_once_a_minute_and_at_the_end(tmp_path, monkeypatch):
    now, saved, save = [0.0], [], checkpoint.save

    def saving(state, path):
        saved.append(state["step"])
        save(state, path)

    def half_a_minute(record):
        now[0] += 25.0 * ("loss" in record)

    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(checkpoint, "save", saving)
    trained(small_run(), folder=tmp_path, listeners=[half_a_minute])
    assert saved == [3, 6, 8]  # after 75 seconds, after 75 more, and finished
    assert checkpoint.read(tmp_path / "state.pt")["step"] == 8
