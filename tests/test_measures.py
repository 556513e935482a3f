"""Measures without labels: each by its formula in slow loops, what leaves it as it is, and what collapse does to it."""

import numpy as np
import pytest

from counterpoint.errors import InputError
from counterpoint.evaluation.geometry import effective_rank
from counterpoint.evaluation.label_free import DELTA, MEASURES, alpha_req, lidar, measured, view_accuracy
from counterpoint.evaluation.rank_correlation import rank_correlation

RANDOM = np.random.default_rng(0)
ITEMS = RANDOM.normal(size=(60, 6)) * np.arange(1, 7) ** -0.7
VIEWS = (ITEMS[:, None] + 0.3 * RANDOM.normal(size=(60, 4, 6))).astype(np.float32)
H = (RANDOM.normal(size=(400, 30)) * np.arange(1, 31) ** -0.6).astype(np.float32)
TURN = np.linalg.qr(RANDOM.normal(size=(6, 6)))[0].astype(np.float32)
WIDE = np.linalg.qr(RANDOM.normal(size=(30, 30)))[0].astype(np.float32)


def entropy_rank(strengths):
    share = np.asarray(strengths) / sum(strengths) + 1e-7
    return np.exp(-sum(p * np.log(p) for p in share))


def test_lidar_is_the_rank_of_what_is_between_items_seen_through_what_is_within():
    n, q, d = VIEWS.shape
    centres = [np.mean(views.astype(np.float64), axis=0) for views in VIEWS]
    middle = np.mean(centres, axis=0)
    between = sum(np.outer(c - middle, c - middle) for c in centres) / n
    within = sum(np.outer(v - c, v - c) for views, c in zip(VIEWS, centres, strict=True) for v in views) / (n * q)
    values, vectors = np.linalg.eigh(within + DELTA * np.trace(within) / d * np.eye(d))
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    assert lidar(VIEWS) == pytest.approx(entropy_rank(np.linalg.eigvalsh(root @ between @ root)), rel=1e-5)


def test_alpha_is_the_weighted_slope_from_the_fourth_variance_on():
    variances = np.sort(np.linalg.eigvalsh(np.cov(H.T.astype(np.float64))))[::-1]
    ranks = range(4, 31)
    weights = np.asarray([1 / rank for rank in ranks])
    x, y = np.log(list(ranks)), np.log([variances[rank - 1] for rank in ranks])
    x_mean, y_mean = np.average(x, weights=weights), np.average(y, weights=weights)
    slope = np.sum(weights * (x - x_mean) * (y - y_mean)) / np.sum(weights * (x - x_mean) ** 2)
    assert alpha_req(H) == pytest.approx(-slope, rel=1e-5)


def test_view_accuracy_counts_items_whose_own_view_is_the_nearest():
    x, y = VIEWS[:, 0], VIEWS[:, 1]
    cosine = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in y] for a in x]
    right = [all(user_parts[i] > user_parts[j] for j in range(len(y)) if j != i) for i, user_parts in enumerate(cosine)]
    assert view_accuracy(x, y) == pytest.approx(np.mean(right))
    assert 0.1 < view_accuracy(x, y) < 0.9


@pytest.mark.parametrize("change", [lambda v: 7 * v, lambda v: v @ TURN], ids=["length", "turn"])
def test_what_tells_items_apart_does_not_depend_on_length_or_turn(change):
    changed = change(VIEWS).astype(np.float32)
    assert lidar(changed) == pytest.approx(lidar(VIEWS), rel=1e-3)
    assert view_accuracy(changed[:, 0], changed[:, 1]) == view_accuracy(VIEWS[:, 0], VIEWS[:, 1])


@pytest.mark.parametrize("change", [lambda h: 7 * h, lambda h: h @ WIDE], ids=["length", "turn"])
def test_how_variance_is_spread_does_not_depend_on_length_or_turn(change):
    changed = change(H).astype(np.float32)
    assert alpha_req(changed) == pytest.approx(alpha_req(H), rel=1e-3)
    assert effective_rank(changed) == pytest.approx(effective_rank(H), rel=1e-3)


def test_lidar_is_also_left_by_any_linear_map_but_ranks_are_not():
    stretched = VIEWS * np.asarray([9, 1, 4, 0.5, 2, 1], dtype=np.float32)
    assert lidar(stretched) == pytest.approx(lidar(VIEWS), rel=0.02)
    assert abs(effective_rank(stretched[:, 0]) / effective_rank(VIEWS[:, 0]) - 1) > 0.1


def test_views_that_are_further_from_each_other_make_items_harder_to_tell_apart():
    noisy = [ITEMS[:, None] + noise * RANDOM.normal(size=(60, 4, 6)) for noise in (0.1, 0.5, 2.0)]
    result = [view_accuracy(v[:, 0].astype(np.float32), v[:, 1].astype(np.float32)) for v in noisy]
    assert result == sorted(result, reverse=True)


@pytest.mark.parametrize("place", [0.0, 3.0])
def test_collapse_is_the_worst_that_can_be(place):
    point = np.full((50, 8), place, dtype=np.float32)
    point[:, 0] += 1
    collapsed = measured(point, np.repeat(point[:, None], 3, axis=1))
    good = measured(H[:, :6], VIEWS)
    for name, measure in MEASURES.items():
        if name != "alignment":  # of which collapse is the best: it says nothing alone
            assert measure.worth(collapsed[name]) < measure.worth(good[name]), name
    assert (collapsed["view_accuracy"], collapsed["lidar"]) == (0, 1)
    assert collapsed["rank_me"] == pytest.approx(1, abs=1e-3)


def test_vectors_on_a_line_are_nearly_collapsed():
    line = (np.arange(50)[:, None] * np.ones((1, 8)) + 1).astype(np.float32)
    assert alpha_req(line) == 20
    assert lidar(np.repeat(line[:, None], 2, axis=1)) == pytest.approx(1, abs=1e-3)


def test_vectors_that_say_nothing_are_refused():
    broken = VIEWS.copy()
    broken[3, 1, 2] = np.nan
    with pytest.raises(InputError, match="diverged"):
        lidar(broken)
    with pytest.raises(InputError, match="two views of each"):
        lidar(VIEWS[:, :1])
    with pytest.raises(InputError, match="two items"):
        alpha_req(H[:1])


def test_rank_correlation_is_that_of_scipy_and_knows_how_little_few_plans_say():
    from scipy.stats import spearmanr

    x = np.round(RANDOM.normal(size=25), 1)
    y = x + RANDOM.normal(size=25)
    result = rank_correlation(x, y)
    assert result.value == pytest.approx(spearmanr(x, y).statistic)
    assert result.low < result.value < result.high
    sparse = rank_correlation(x[:8], y[:8])
    assert sparse.high - sparse.low > result.high - result.low


def test_the_interval_of_a_rank_correlation_is_the_middle_95_percent_of_what_is_drawn():
    from scipy.stats import rankdata

    random = np.random.default_rng(3)
    x = random.normal(size=15)
    y = x + random.normal(size=15)
    _, low, high = rank_correlation(x, y, draws=5000)
    rows = random.integers(0, 15, (5000, 15))
    a, b = (rankdata(each[rows], axis=1) - 8 for each in (x, y))
    drawn = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    assert [np.mean(drawn < low), np.mean(drawn > high)] == pytest.approx([0.025, 0.025], abs=0.01)


def test_four_things_have_a_rank_correlation_though_draws_of_them_may_be_all_alike():
    assert rank_correlation(np.arange(4.0), np.arange(4.0)) == (1.0, 1.0, 1.0)
    result = rank_correlation(np.asarray([0.0, 0.0, 0.0, 1.0]), np.asarray([1.0, 2.0, 4.0, 3.0]))
    assert -1 <= result.low < result.value < result.high <= 1
