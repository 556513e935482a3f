"""Verdicts: each trouble is made on purpose and must be named."""

import math

import pytest
import torch

from counterpoint.comparison import Comparison, cosine, euclidean, same_item
from counterpoint.negatives.paired_rows import Facing
from counterpoint.training import diagnostics

HEALTHY = {
    "step": 100,
    "steps": 100,
    "loss": 2.0,
    "accuracy": 0.6,
    "entropy": 0.5,
    "positive": 0.8,
    "negative": 0.0,
    "sameness": 0.1,
    "effective_rank_z": 40.0,
    "effective_rank_z_limit": 128.0,
    "compared": 511.0,
    "objective": "info_nce",
    "temperature": 0.2,
    "view_difference": 0.5,
}


def test_a_healthy_run_is_called_healthy():
    (verdict,) = diagnostics.judge([HEALTHY])
    assert verdict.level == "good"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("total collapse", {"sameness": 0.999}),
        ("dimensional collapse", {"effective_rank_z": 3.0}),
        ("saturated", {"loss": 0.01}),
        ("short", {"steps": 50, "step": 50}),
        ("not learning", {"accuracy": 0.002}),
        ("identical views", {"view_difference": 0.0}),
        ("temperature too high", {"entropy": 0.99}),
        ("temperature too low", {"entropy": 0.0001, "accuracy": 0.4}),
    ],
)
def test_each_trouble_is_named_with_advice(kind, change):
    verdicts = diagnostics.judge([HEALTHY | change])
    assert [verdict.kind for verdict in verdicts] == [kind]
    assert verdicts[0].level in ("bad", "warning")
    assert len(verdicts[0].sentence) > 60


def test_the_worst_comes_first():
    levels = [each.level for each in diagnostics.judge([HEALTHY | {"effective_rank_z": 3.0, "view_difference": 0.0}])]
    assert levels == ["bad", "warning"]


def test_a_run_without_measurements_has_no_verdict():
    assert diagnostics.judge([{"step": 1, "knn": 0.5}]) == []


def vectors_and_items(vectors):
    return Comparison(vectors, vectors, same_item(torch.arange(len(vectors) // 2).repeat(2)), cosine)


def test_measured_numbers_of_perfect_pairs():
    result = diagnostics.measure(vectors_and_items(torch.eye(8).repeat(2, 1)), 0.1)
    assert result["accuracy"] == 1.0
    assert result["positive"] == pytest.approx(1.0)
    assert result["negative"] == pytest.approx(0.0)
    assert result["compared"] == 15
    assert result["effective_rank_z"] == pytest.approx(8.0, rel=1e-3)


def test_pairs_are_judged_by_how_well_alike_and_unalike_are_told_apart():
    first, second = torch.zeros(4, 2), torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    same = torch.tensor([True, True, False, False])
    table = Comparison(first, second, Facing(same, torch.arange(4)), euclidean)
    result = diagnostics.measure(table, 0.1)
    assert result["accuracy"] == 0.75  # distances 1 and 3 of the same beside 2 and 4 of others
    assert (result["positive"], result["negative"]) == (-5.0, -10.0)
    sentence = diagnostics.judge(
        [HEALTHY | result | {"effective_rank_z": 40.0, "effective_rank_z_limit": 128.0, "sameness": 0.1}]
    )[0].sentence
    assert "in 75% of cases" in sentence
    alike = diagnostics.measure(
        Comparison(first, second, Facing(torch.ones(4).bool(), torch.arange(4)), euclidean), 0.1
    )
    assert "negative" not in alike
    assert all(math.isfinite(value) for value in alike.values())


def test_collapsed_vectors_are_measured_as_collapsed():
    result = diagnostics.measure(vectors_and_items(torch.ones(16, 8) + 1e-3 * torch.randn(16, 8)), 0.1)
    assert result["sameness"] > 0.99
    assert result["entropy"] > 0.99
    assert result["effective_rank_z"] < 2


def test_effective_rank_of_one_direction_is_one():
    assert diagnostics.effective_rank(torch.outer(torch.randn(20), torch.randn(5))) == pytest.approx(1.0, rel=1e-3)


def test_identical_views_do_not_differ_and_strangers_do():
    images = torch.rand(32, 3, 4, 4)
    assert diagnostics.view_difference(images, images) == 0.0
    assert math.isclose(diagnostics.view_difference(images, torch.rand(32, 3, 4, 4)), 1.0, rel_tol=0.5)
