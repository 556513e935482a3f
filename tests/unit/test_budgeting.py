"""Little time: what a plan makes of it, and what it leaves alone."""

import json
import signal

import pytest

import counterpoint as cp
from counterpoint.errors import Interrupted
from counterpoint.setup import experiment
from counterpoint.setup.defaults import FEW, LEAST, SMALLEST, STEPS, affordable_batch
from counterpoint.setup.progress import summary_lines
from counterpoint.training.throughput import Pace
from tests.worlds import stripes

SMALL = {"width": 4, "head_hidden": 16, "head_outputs": 8, "precision": "fp32", "minutes": 3}


def slow(seconds, *, per_step=0.0):
    """Stands in for measuring a machine that needs so many seconds for 256 items, and for a step of any size."""
    return lambda method, items, modality, recipe, **_: Pace(seconds * recipe.batch_size / 256 + per_step, 0, 1)


@pytest.fixture
def machine(monkeypatch):
    """The plan of a machine of a pace."""

    def plan(seconds, *, per_step=0.0, **choices):
        monkeypatch.setattr(experiment, "measure", slow(seconds, per_step=per_step))
        return cp.plan(stripes(640).source, **(SMALL | choices))

    return plan


def test_a_slow_machine_takes_smaller_batches_and_a_longer_rise_and_says_so(machine):
    result = machine(0.8)
    assert (result["plan"]["batch_size"], result["plan"]["warmup"]) == (64, 0.2)
    assert 800 <= result["steps"] <= 180 / 0.2
    line = next(line for line in summary_lines(result) if "instead of" in line)
    assert line.strip().startswith(f"batch 64 instead of 256: {result['steps']:,} steps instead of 2")


def test_a_slow_machine_halves_no_more_than_needed(machine):
    assert machine(0.4)["plan"]["batch_size"] == 128


def test_a_fast_machine_keeps_the_usual_plan(machine):
    result = machine(0.15)
    assert result["steps"] > STEPS
    assert (result["plan"]["batch_size"], result["plan"]["warmup"]) == (256, 0.05)
    assert result["because_of_time"] == ""
    assert not [line for line in summary_lines(result) if "instead of" in line]


def test_where_a_small_step_takes_as_long_as_a_large_one_the_usual_plan_stays(machine):
    result = machine(0.0, per_step=0.5)
    assert (result["plan"]["batch_size"], result["plan"]["warmup"]) == (256, 0.05)
    assert result["because_of_time"] == ""


@pytest.mark.parametrize(
    "given", [{"batch_size": 256}, {"encoder": "conv2d"}, {"epochs": 2, "minutes": None}, {"method": "byol"}]
)
def test_what_the_user_has_chosen_is_never_changed(machine, given):
    result = machine(0.8, **given)
    assert result["plan"]["batch_size"] == (64 if "method" in given else 256)
    assert result["plan"]["warmup"] == 0.05
    assert result["because_of_time"] == ""


def test_a_warmup_that_was_given_is_kept_beside_smaller_batches(machine):
    result = machine(0.8, warmup=0.05)
    assert (result["plan"]["batch_size"], result["plan"]["warmup"]) == (64, 0.05)


def test_a_resumed_run_keeps_what_was_chosen_and_ends_as_one_that_was_told_to(tmp_path, monkeypatch):
    source, short = stripes(640).source, SMALL

    def stop(record):
        if record["step"] == 3 and "loss" in record:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(experiment, "measure", slow(8.0))
    with pytest.raises(Interrupted, match="resume=True"):
        cp.fit(source, out=tmp_path, listeners=[stop], **short)
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert plan["asked"]["batch_size"] is plan["asked"]["warmup"] is None
    assert (plan["settled"]["batch_size"], plan["settled"]["warmup"]) == (64, 0.2)
    resumed = cp.fit(source, out=tmp_path, resume=True)
    told = {"epochs": plan["steps"] // plan["steps_per_epoch"], "batch_size": 64, "warmup": 0.2, "minutes": None}
    assert plan["steps"] % plan["steps_per_epoch"] == 0
    assert resumed.fingerprint() == cp.fit(source, **(short | told)).fingerprint()


def test_no_batch_becomes_too_small_to_tell_items_apart():
    for usual in (8, 64, 100, 256, 1536):
        for steps in (1, 100, STEPS - 1):
            batch = affordable_batch(usual, steps=steps)
            assert batch >= min(usual, LEAST)
            assert batch >= min(usual, SMALLEST) or steps * usual < 2 * FEW * SMALLEST
        assert affordable_batch(usual, steps=STEPS) == usual
