"""Contracts of every objective in the catalogue, against the papers' formulas written as slow loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint import catalogue
from counterpoint.comparison import Tile

TEMPERATURE = 0.3


def slow_info_nce(s, positive, negative):
    losses = []
    for i in range(len(s)):
        mine = [p for p in range(len(s[i])) if positive[i][p]]
        others = [math.exp(s[i][k] / TEMPERATURE) for k in range(len(s[i])) if negative[i][k]]
        each = []
        for p in mine:
            up = math.exp(s[i][p] / TEMPERATURE)
            each.append(-math.log(up / (up + sum(others))))
        losses.append(sum(each) / len(each) if each else 0.0)
    return losses


def slow_sup_con(s, positive, negative):
    losses = []
    for i in range(len(s)):
        mine = [p for p in range(len(s[i])) if positive[i][p]]
        everyone = sum(math.exp(s[i][a] / TEMPERATURE) for a in range(len(s[i])) if positive[i][a] or negative[i][a])
        each = [-math.log(math.exp(s[i][p] / TEMPERATURE) / everyone) for p in mine]
        losses.append(sum(each) / len(each) if each else 0.0)
    return losses


SLOW = {"info_nce": slow_info_nce, "sup_con": slow_sup_con}


def tiles():
    shape = st.tuples(st.integers(1, 5), st.integers(2, 6), st.integers(0, 10_000))
    return shape.map(lambda drawn: random_tile(*drawn))


def random_tile(b, m, seed):
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(0, 3, (b, m), generator=generator)
    s = torch.rand(b, m, generator=generator, dtype=torch.float64) * 2 - 1
    return Tile(s, kind == 1, kind == 2)


def test_every_objective_has_a_slow_reference():
    assert set(SLOW) == set(catalogue.names("objective"))


@pytest.mark.parametrize("name", catalogue.names("objective"))
@settings(max_examples=50, deadline=None)
@given(tile=tiles())
def test_agrees_with_the_formula_as_loops(name, tile):
    objective = catalogue.find("objective", name)
    slow = SLOW[name](tile.similarity.tolist(), tile.positive.tolist(), tile.negative.tolist())
    fast = objective(tile, temperature=TEMPERATURE)
    torch.testing.assert_close(fast, torch.tensor(slow, dtype=torch.float64), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", catalogue.names("objective"))
@settings(max_examples=25, deadline=None)
@given(tile=tiles(), seed=st.integers(0, 99))
def test_order_of_candidates_does_not_matter(name, tile, seed):
    objective = catalogue.find("objective", name)
    order = torch.randperm(tile.similarity.shape[1], generator=torch.Generator().manual_seed(seed))
    turned = Tile(*(part[:, order] for part in tile))
    torch.testing.assert_close(objective(tile, temperature=TEMPERATURE), objective(turned, temperature=TEMPERATURE))


@pytest.mark.parametrize("name", catalogue.names("objective"))
@settings(max_examples=25, deadline=None)
@given(tile=tiles())
def test_uncompared_entries_get_exactly_no_gradient(name, tile):
    s = tile.similarity.clone().requires_grad_()
    catalogue.find("objective", name)(Tile(s, tile.positive, tile.negative), temperature=TEMPERATURE).sum().backward()
    uncompared = ~(tile.positive | tile.negative)
    assert bool((s.grad[uncompared] == 0).all())
    assert bool(torch.isfinite(s.grad).all())


@pytest.mark.parametrize("name", catalogue.names("objective"))
def test_gradients_agree_with_finite_differences(name):
    tile = random_tile(3, 5, seed=4)
    s = tile.similarity.clone().requires_grad_()
    objective = catalogue.find("objective", name)
    assert torch.autograd.gradcheck(
        lambda x: objective(Tile(x, tile.positive, tile.negative), temperature=TEMPERATURE), (s,)
    )


def test_without_positives_the_loss_is_zero_and_without_negatives_too():
    s = torch.tensor([[0.2, 0.4], [0.1, 0.3]])
    tile = Tile(s, torch.tensor([[False, False], [True, True]]), torch.tensor([[True, True], [False, False]]))
    assert catalogue.find("objective", "info_nce")(tile, temperature=0.1).tolist() == [0.0, 0.0]
