"""Pairs of grouped items: drawn between groups, tested on other groups, with intervals over groups."""

from itertools import pairwise

import numpy as np
import pytest

from counterpoint.data.pairs import Pairs
from counterpoint.pair_verification.pair_groups import FOLDS, bootstrap_weights, parts, renumbered
from counterpoint.pair_verification.sampled_pairs import drawn_pairs
from counterpoint.pair_verification.threshold import accuracy, area, equal_error


def test_pairs_are_drawn_between_groups():
    generator = np.random.default_rng(0)
    class_ids = generator.integers(-1, 4, 300)
    groups = np.where(class_ids >= 0, generator.integers(0, 12, 300), -1)
    pairs = drawn_pairs(class_ids, groups=groups, seed=1)
    assert 2 * int(pairs.same.sum()) == len(pairs.same) > 150
    assert (groups[pairs.first] != groups[pairs.second]).all()
    assert np.array_equal(class_ids[pairs.first] == class_ids[pairs.second], pairs.same)
    for kind in (pairs.same, ~pairs.same):
        used = [*pairs.first[kind].tolist(), *pairs.second[kind].tolist()]
        assert len(used) == len(set(used))


def test_a_threshold_is_tested_on_other_groups_than_it_is_chosen_on():
    generator = np.random.default_rng(2)
    groups = renumbered(generator.integers(0, 20, (200, 2)))
    same = generator.random(200) < 0.5
    times = np.zeros(200, dtype=int)
    for tested, others in parts(same, groups, seed=3):
        assert not set(groups[tested].ravel()) & set(groups[others].ravel())
        assert others.any()
        times += tested
    assert (times == 1).all()
    assert len({tested.tobytes() for tested, _ in parts(same, groups, seed=3)}) <= FOLDS * (FOLDS + 1) // 2


def test_a_pair_counts_as_often_as_both_of_its_groups_were_drawn():
    groups, same = np.asarray([[0, 1], [1, 2], [2, 2], [0, 2]]), np.asarray([True, False, True, False])
    for seed in range(20):
        weights = bootstrap_weights(same, groups, np.random.default_rng(seed))
        times = np.random.default_rng(seed).multinomial(3, np.full(3, 1 / 3))
        assert weights.tolist() == [times[0] * times[1], times[1] * times[2], times[2], times[0] * times[2]]


def test_without_groups_weights_are_those_of_rows_drawn_per_kind():
    same = np.asarray([True] * 5 + [False] * 9)
    weights = bootstrap_weights(same, None, np.random.default_rng(0))
    assert weights[same].sum() == 5
    assert weights[~same].sum() == 9


def world(groups, *, seed, each=12, within=1.0):
    """Distances of pairs between grouped items: a class and a group both shift an item."""
    generator = np.random.default_rng(seed)
    group_ids = np.repeat(np.arange(groups), each)
    class_ids = generator.integers(0, 2, len(group_ids))
    item = (
        1.5 * class_ids + within * generator.normal(size=groups)[group_ids] + generator.normal(0, 0.5, len(group_ids))
    )
    pairs = drawn_pairs(class_ids, groups=group_ids, seed=seed)
    both = renumbered(np.stack([group_ids[pairs.first], group_ids[pairs.second]], axis=1))
    return np.abs(item[pairs.first] - item[pairs.second]), pairs, both


def test_intervals_over_groups_are_wider_where_groups_differ_and_count_them():
    distance, pairs, groups = world(16, seed=4)
    correct = (distance < 1) == pairs.same
    for plain, grouped in (
        (area(distance, pairs.same, draws=60), area(distance, pairs.same, groups=groups, draws=60)),
        (equal_error(distance, pairs.same, draws=60), equal_error(distance, pairs.same, groups=groups, draws=60)),
        (accuracy(correct, pairs.same), accuracy(correct, pairs.same, groups=groups)),
    ):
        assert plain.value == grouped.value
        assert grouped.high - grouped.low > plain.high - plain.low
    perfect = [area(1.0 - pairs.same, pairs.same, groups=groups, draws=5).low for groups in (groups, groups // 2)]
    for fewer, more in pairwise(reversed(perfect)):
        assert fewer < more < 1


@pytest.mark.slow
def test_intervals_over_groups_hold_where_plain_ones_do_not():
    truth = area(*_of(world(4000, seed=0)), draws=1).value
    plain = grouped = 0
    worlds = 200
    for seed in range(1, worlds + 1):
        distance, pairs, groups = world(14, seed=seed)
        low, high = area(distance, pairs.same, draws=100)[1:]
        plain += low <= truth <= high
        low, high = area(distance, pairs.same, groups=groups, draws=100)[1:]
        grouped += low <= truth <= high
    assert plain < 0.9 * worlds
    assert grouped >= 0.92 * worlds  # 95 %, less two standard errors


def _of(made: tuple[np.ndarray, Pairs, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return made[0], made[1].same
