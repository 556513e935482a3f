"""What a time budget buys: threads, steps that are never too few, and plans that say why they change."""

from __future__ import annotations

import torch

import counterpoint as cp
from counterpoint.training.threads import EVERY, TRIED, Threads, computing_with
from tests.worlds import stripes


def course(threads, seconds, steps):
    """With how many threads each step was computed, where a step of so many takes ``seconds[count]``."""
    used = []
    for _ in range(steps):
        used.append(threads.next_step())
        threads.took(seconds(used[-1], len(used)))
    return used


def test_the_other_number_of_threads_is_tried_for_a_few_steps_every_half_minute():
    used = course(Threads(2, 2), lambda count, _: {2: 1.0, 1: 2.0}[count], 100)
    assert used.count(1) == 100 // (int(EVERY) + TRIED) * TRIED
    assert used[-1] == 2


def test_threads_that_a_busy_neighbour_slows_down_are_left_and_taken_up_again():
    def seconds(count, step):
        busy = step <= 200
        return {2: 4.0 if busy else 1.0, 1: 2.0}[count]

    used = course(Threads(2, 2), seconds, 400)
    assert used[150:200].count(1) >= 40
    assert used[350:].count(2) >= 40


def test_what_is_hardly_faster_is_not_taken():
    assert course(Threads(2, 2), lambda count, _: {2: 1.0, 1: 0.95}[count], 200)[-1] == 2


def test_as_many_threads_as_before_are_left():
    before = torch.get_num_threads()
    with computing_with(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_run_has_ten_steps_however_short_its_time_and_says_that_it_takes_longer(capsys):
    records = []
    cp.fit(stripes(64).source, minutes=0.1, width=8, batch_size=16, listeners=[records.append])
    assert records[-1]["step"] >= 10
    assert "time " in capsys.readouterr().err


def test_a_plan_that_shrinks_says_why(capsys):
    from counterpoint.setup.progress import progress

    with progress() as listen:
        listen({"step": 5, "steps": 40, "planned_anew": 40, "planned": 90, "seconds_per_step": 0.25})
    said = " ".join(capsys.readouterr().err.split())
    assert "40 steps instead of 90: a step takes 0.25 s, so the time is enough for less than was measured" in said
