"""Intervals of scores: known values, and simulations of how often they hold and how often a claim is made by luck."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import intervals as worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.errors import InputError
from counterpoint.evaluation.collisions import collision_rate
from counterpoint.evaluation.intervals import difference_interval, paired_interval, score_interval, wilson
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.evaluation.rank_correlation import rank_correlation
from counterpoint.evaluation.repeats import (
    difference_over_draws,
    mean_variance,
    pooled,
    pooled_difference,
    score_over_draws,
)
from counterpoint.pair_verification.threshold import area, equal_error
from counterpoint.tuning.standings import standings

LUCK = 3 * np.sqrt(0.05 * 0.95 / 400)
"""Three standard errors of a rate of 5 % in 400 simulations."""


# --- one measurement


@pytest.mark.parametrize(
    ("right", "items", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, table I
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_shares_have_the_published_intervals(right, items, low, high):
    result = score_interval(np.arange(items) < right)
    assert (result.low, result.high) == pytest.approx((low, high), abs=5e-5)


def test_differences_have_the_interval_of_two_more_items():
    first, second = np.asarray([1] * 9 + [0] * 3 + [1] * 8), np.asarray([0] * 9 + [1] * 3 + [1] * 8)
    p, q, n = 10 / 22, 4 / 22, 22
    reach = 1.959964 * np.sqrt((p + q - (p - q) ** 2) / n)
    assert paired_interval(first, second) == pytest.approx((0.3, p - q - reach, p - q + reach))


def test_shares_of_items_have_the_interval_of_as_many_items_as_would_be_as_sure():
    scores = np.asarray([0.5, 1.0] * 50)  # their mean varies as that of 3 (1 - 1/100) times as many items would
    result = score_interval(scores)
    assert result == pytest.approx(wilson(0.75, 100 * 0.75 * 0.25 / scores.var(ddof=1), 1.984217), abs=1e-6)
    assert result.high - result.low < score_interval(np.arange(100) < 75).high - score_interval(np.arange(100) < 75).low


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 1, width=16), min_size=1, max_size=40), st.floats(0.5, 0.99))
def test_intervals_hold_their_value_and_stay_within_what_is_possible(scores, level):
    value, low, high = score_interval(np.asarray(scores), level=level)
    assert 0 <= low <= value <= high <= 1
    assert low < high
    value, low, high = difference_interval(np.asarray(scores) * 2 - 1, level=level)
    assert -1 <= low < high <= 1


def test_a_higher_level_is_wider():
    narrow, wide = (score_interval(np.arange(100) < 60, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < 0.6 < narrow.high < wide.high


def test_pairing_is_sharper_than_two_intervals():
    correct = np.random.default_rng(0).random(400) < 0.5
    better = correct | (np.arange(400) % 20 == 0)
    difference = paired_interval(better, correct)
    assert difference.low > 0
    assert score_interval(better).low < score_interval(correct).high
    turned = paired_interval(correct, better)
    assert turned == pytest.approx((-difference.value, -difference.high, -difference.low))


def test_intervals_refuse_what_has_no_score():
    with pytest.raises(InputError, match="There are no test items, so there is no score"):
        score_interval(np.zeros(0))
    with pytest.raises(InputError, match="Got 3 of the first and 4 of the second"):
        paired_interval(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match=r"level must be between 0 and 1. Got level=1"):
        score_interval(np.zeros(3), level=1.0)
    with pytest.raises(InputError, match=r"Scores of items lie between 0 and 1. Got 0 to 2"):
        score_interval(np.asarray([0, 2]))
    with pytest.raises(InputError, match=r"Scores of items lie between -1 and 1. Got nan to nan"):
        difference_interval(np.asarray([0, np.nan]))


# --- several draws


def test_the_variance_over_draws_is_the_formula():
    cells = np.random.default_rng(0).integers(0, 2, (3, 40)).astype(float)
    of_draws, of_items = cells.mean(axis=1).var(ddof=1) / 3, cells.mean(axis=0).var(ddof=1) / 40
    variance, freedom = mean_variance(cells)
    assert variance == pytest.approx(of_draws + of_items)
    assert freedom == pytest.approx(variance**2 / (of_draws**2 / 2 + of_items**2 / 39))


def test_what_draws_do_to_all_models_alike_is_no_luck_of_their_difference():
    cells = [np.random.default_rng(model).random((3, 50)) for model in range(4)]
    moved = [each + np.asarray([[0.1], [-0.2], [0.3]]) for each in cells]
    assert pooled_difference(moved) == pytest.approx(pooled_difference(cells))
    assert pooled(moved).value > 2 * pooled(cells).value
    first, second = cells[:2]
    user_parts = (first - second).mean(axis=1).var(ddof=1) / 3
    assert pooled_difference([first, second]) == pytest.approx((user_parts, 2))
    assert pooled([first[:1]]) is pooled_difference([first[:1], second[:1]]) is None


def test_one_draw_has_the_interval_of_one_measurement():
    right = np.asarray([[1, 0, 1, 1]])
    assert score_over_draws(right) == score_interval(right[0])
    assert difference_over_draws(right - 1) == difference_interval(right[0] - 1)


def test_draws_that_are_all_right_are_no_proof():
    value, low, high = score_over_draws(np.ones((3, 20)))
    assert (value, high) == (1, 1)
    assert 0.7 < low < 0.9


# --- several comparisons


def test_comparisons_that_go_together_cost_less_and_never_more_than_their_number():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 500))
    levels = [familywise_level([first, first + share * second, second]) for share in (0.01, 0.5, 100)]
    assert 0.95 < levels[0] < levels[1] <= 1 - 0.05 / 3
    assert familywise_level([first, -first, 2 * first]) == pytest.approx(0.95, abs=0.002)
    assert familywise_level([first, 0 * first, 0 * first]) == pytest.approx(0.95 ** (1 / 3), abs=0.001)


def test_a_best_method_is_named_only_where_it_is_shown():
    place = np.arange(200)
    right, poor, unlearned = (
        np.broadcast_to(each, (3, 2, 200)) for each in (place < 200, place % 2 == 0, place % 4 == 0)
    )
    beside = dict.fromkeys(("untrained", "raw", "chance"), unlearned[:1])
    result = standings({"poor": poor, "good": right}, beside)
    assert (result["level"], result["comparisons"]) == ("good", 7)
    assert result["sentence"].startswith("good is the best: 100.0% by a linear probe, +50.0 (")
    assert result["sentence"].endswith("Better than raw features and the untrained encoder: good, poor.")
    assert result["methods"][1]["best_minus"]["linear"]["value"] == 0.5
    alike = standings({"one": right[:1], "other": right[:1]}, beside)
    assert alike["sentence"].startswith("No method is shown to be the best: one, 100.0% by a linear probe, is not")
    assert alike["sentence"].endswith("of the test items only, not that of training.")


# --- simulations


@pytest.mark.slow
@pytest.mark.parametrize("items", [10, 20, 50, 200])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
def test_intervals_hold_for_few_items_and_close_to_one(items, share):
    assert min(worlds.coverage(items, share, runs=400)) > 0.95 - LUCK


@pytest.mark.slow
@pytest.mark.parametrize("items", [20, 200])
def test_intervals_of_reciprocal_ranks_hold(items):
    assert worlds.coverage_of_ranks(items, runs=400) > 0.95 - LUCK


@pytest.mark.slow
@pytest.mark.parametrize("luck", [0.0, 0.1])
def test_more_draws_see_more_and_their_intervals_hold(luck):
    result = [worlds.power(draws, luck, runs=400) for draws in (2, 3, 5, 10)]
    seen, false = zip(*result, strict=True)
    assert list(seen) == sorted(seen)
    assert seen[1] > 0.5
    assert max(false) < 0.05 + LUCK


@pytest.mark.slow
@pytest.mark.parametrize("items", [20, 100, 1000])
def test_tables_without_a_difference_seldom_claim_one(items):
    assert worlds.false_tables(items, runs=400) < 0.05 + LUCK


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "luck"), [(1, 0.0), (2, 0.2), (3, 0.0), (3, 0.2)])
@pytest.mark.parametrize("methods", [2, 4])
def test_comparisons_of_methods_without_a_difference_seldom_name_a_better_one(methods, seeds, luck):
    assert worlds.false_standings(methods, seeds, luck, runs=200) < 0.05 + LUCK * np.sqrt(2)


@pytest.mark.slow
@pytest.mark.parametrize(("draws", "luck"), [(1, 0.0), (3, 0.0), (3, 0.2)])
def test_budgets_without_a_difference_seldom_claim_one(draws, luck):
    assert worlds.false_budgets(draws, luck, runs=400) < 0.05 + LUCK


# --- resampling


def test_resampling_follows_its_seed():
    """Wherever an interval is that of a bootstrap."""
    random = np.random.default_rng(0)
    labels, x = random.integers(0, 4, 60), random.normal(size=15)
    y, distance, same = x + random.normal(size=15), random.random(40), np.arange(40) % 2 == 0
    for measured in (
        lambda seed: collision_rate(labels, seed=seed, draws=100),
        lambda seed: rank_correlation(x, y, seed=seed, draws=100),
        lambda seed: area(distance, same, seed=seed, draws=20),
        lambda seed: equal_error(distance, same, seed=seed, draws=20),
    ):
        first, again, other = (measured(seed) for seed in (0, 0, 1))
        assert first == again
        assert first.value == other.value
        assert (first.low, first.high) != (other.low, other.high)
