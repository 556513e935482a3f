"""Every objective in the catalogue against the formula of its paper, written as slow loops."""

import inspect
import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint import catalogue
from counterpoint.comparison import Tile
from counterpoint.errors import PlanError
from counterpoint.testing import check_objective

TEMPERATURE = 0.3
NAMES = catalogue.names("objective")


def mean(numbers):
    return sum(numbers) / len(numbers) if numbers else 0.0


def slow_info_nce(user_parts, others, t=TEMPERATURE):
    rest = sum(math.exp(n / t) for n in others)
    return mean([-math.log(math.exp(p / t) / (math.exp(p / t) + rest)) for p in user_parts])


def slow_sup_con(user_parts, others, t=TEMPERATURE):
    everyone = sum(math.exp(a / t) for a in user_parts + others)
    return mean([-math.log(math.exp(p / t) / everyone) for p in user_parts])


def slow_sup_con_in(user_parts, others, t=TEMPERATURE):
    everyone = sum(math.exp(a / t) for a in user_parts + others)
    return -math.log(mean([math.exp(p / t) / everyone for p in user_parts])) if user_parts else 0.0


def slow_decoupled(user_parts, others, t=TEMPERATURE):
    if not others:
        return 0.0
    return mean([-p / t + math.log(sum(math.exp(n / t) for n in others)) for p in user_parts])


def slow_debiased(user_parts, others, t=TEMPERATURE, prior=0.1):
    positive, negative = mean([math.exp(p / t) for p in user_parts]), mean([math.exp(n / t) for n in others])
    rest = len(others) * max((negative - prior * positive) / (1 - prior), math.exp(-1 / t))
    return mean([-math.log(math.exp(p / t) / (math.exp(p / t) + rest)) for p in user_parts])


def slow_hard(user_parts, others, t=TEMPERATURE, prior=0.1, beta=1.0):
    def expected(values):
        weights = [math.exp(beta * s / t) for s in values]
        return mean([w / mean(weights) * math.exp(s / t) for w, s in zip(weights, values, strict=True)])

    rest = len(others) * max((expected(others) - prior * expected(user_parts)) / (1 - prior), math.exp(-1 / t))
    return mean([-math.log(math.exp(p / t) / (math.exp(p / t) + rest)) for p in user_parts])


def slow_n_pair(user_parts, others):
    return mean([math.log(1 + sum(math.exp(n - p) for n in others)) for p in user_parts])


def slow_sigmoid(user_parts, others, t=TEMPERATURE, bias=-10.0):
    pairs = [(1, p) for p in user_parts] + [(-1, n) for n in others]
    return sum(math.log(1 + math.exp(-y * (s / t + bias))) for y, s in pairs)


def slow_margin(user_parts, others, margin=1.0):
    near = [max(margin - math.sqrt(-n), 0) ** 2 for n in others]
    return mean([math.sqrt(-p) ** 2 for p in user_parts] + near)


def slow_triplet(user_parts, others, margin=0.2):
    return mean([max(0.0, n - p + margin) for p in user_parts for n in others])


def slow_triplet_hard(user_parts, others, margin=0.2):
    return max(0.0, max(others) - min(user_parts) + margin) if user_parts and others else 0.0


def slow_triplet_semi_hard(user_parts, others, margin=0.2):
    def chosen(p):
        beyond = [n for n in others if n < p]
        return max(beyond) if beyond else min(others)

    return mean([max(0.0, chosen(p) - p + margin) for p in user_parts]) if others else 0.0


def slow_spectral(user_parts, others):
    return -2 * mean(user_parts) + mean([n * n for n in others]) if user_parts else 0.0


def slow_align_uniform(user_parts, others, alpha=2.0, sharpness=2.0, weight=1.0):
    alignment = mean([(2 - 2 * p) ** (alpha / 2) for p in user_parts])
    if not (user_parts and others):
        return alignment
    return alignment + weight * math.log(mean([math.exp(-sharpness * (2 - 2 * n)) for n in others]))


SLOW = {
    "info_nce": slow_info_nce,
    "sup_con": slow_sup_con,
    "sup_con_in": slow_sup_con_in,
    "decoupled": slow_decoupled,
    "debiased": slow_debiased,
    "hard": slow_hard,
    "n_pair": slow_n_pair,
    "sigmoid": slow_sigmoid,
    "margin": slow_margin,
    "triplet": slow_triplet,
    "triplet_hard": slow_triplet_hard,
    "triplet_semi_hard": slow_triplet_semi_hard,
    "spectral": slow_spectral,
    "align_uniform": slow_align_uniform,
}
"""For each objective its loss of one anchor, from how alike it is to its positives and to its negatives."""

OPTIONS = [
    ("debiased", {"prior": 0.4}),
    ("debiased", {"prior": 0.0}),
    ("hard", {"prior": 0.0, "beta": 0.0}),
    ("hard", {"prior": 0.3, "beta": 0.5}),
    ("sigmoid", {"bias": 1.0}),
    ("margin", {"margin": 2.0}),
    ("margin", {"margin": 0.0}),
    ("triplet", {"margin": 1.0}),
    ("triplet", {"margin": 0.0}),
    ("triplet_hard", {"margin": 1.0}),
    ("triplet_semi_hard", {"margin": 1.0}),
    ("align_uniform", {"alpha": 1.0, "sharpness": 0.5, "weight": 0.3}),
    ("align_uniform", {"alpha": 3.0, "weight": 0.0}),
]


def made(name, **options):
    """The objective at the tests' temperature, if it has one."""
    part = catalogue.find("objective", name)
    if "temperature" in inspect.signature(part).parameters:
        options = {"temperature": TEMPERATURE} | options
    return partial(part, **options)


shapes = st.tuples(st.integers(1, 5), st.integers(2, 6), st.integers(0, 10_000))


def random_tile(name, b, m, seed):
    """A tile of similarities in [-1, 1], or of minus squared distances where only these make sense."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(0, 3, (b, m), generator=generator)
    s = torch.rand(b, m, generator=generator, dtype=torch.float64) * 2 - 1
    if catalogue.SHELVES["objective"][name].similarities == ("euclidean",):
        s = -((2 * s) ** 2)
    return Tile(s, kind == 1, kind == 2)


def test_every_objective_has_a_slow_reference():
    assert set(SLOW) == set(NAMES)


def agree(name, options, tile):
    slow = [
        SLOW[name](s[user_parts].tolist(), s[others].tolist(), **options)
        for s, user_parts, others in zip(*tile, strict=True)
    ]
    fast = made(name, **options)(tile)
    torch.testing.assert_close(fast, torch.tensor(slow, dtype=torch.float64), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None)
@given(shape=shapes)
def test_agrees_with_the_formula_as_loops(name, shape):
    agree(name, {}, random_tile(name, *shape))


@pytest.mark.parametrize(("name", "options"), OPTIONS)
@settings(max_examples=25, deadline=None)
@given(shape=shapes)
def test_agrees_with_the_formula_at_other_options(name, options, shape):
    agree(name, options, random_tile(name, *shape))


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_the_formula_where_similarities_are_equal(name):
    tile = random_tile(name, 20, 9, seed=1)
    agree(name, {}, tile._replace(similarity=(tile.similarity * 2).round() / 2))


def test_the_contract_holds_at_other_options():
    for name, options in OPTIONS:
        objective, similarity = partial(catalogue.find("objective", name), **options), catalogue.similarity(name)
        check_objective(objective, similarity=similarity, needs=(), monotone=name != "triplet_semi_hard")


@pytest.mark.parametrize("name", NAMES)
def test_without_positives_there_is_neither_loss_nor_gradient(name):
    """Except where every pair stands for itself."""
    s = torch.tensor([[-0.2, -0.4]], requires_grad=True)
    lost = made(name)(Tile(s, torch.tensor([[False, False]]), torch.tensor([[True, True]])))
    lost.sum().backward()
    if name == "margin":
        assert lost.item() == pytest.approx(((1 - 0.2**0.5) ** 2 + (1 - 0.4**0.5) ** 2) / 2)
    elif name == "sigmoid":
        lone = (math.log1p(math.exp(-s / TEMPERATURE - 10)) for s in (0.2, 0.4))
        assert lost.item() == pytest.approx(sum(lone), rel=1e-4)
    else:
        assert lost.item() == 0
        assert s.grad.tolist() == [[0, 0]]


WITHOUT_NEGATIVES = {
    "sup_con": math.log(2),
    "sup_con_in": math.log(2),
    "sigmoid": 2 * math.log(1 + math.exp(10 + 0.25 / TEMPERATURE)),
    "margin": 0.25,
    "spectral": 0.5,
    "align_uniform": 2.5,
}
"""The loss of two positives at similarity -1/4 and nothing else, where it is not 0."""


@pytest.mark.parametrize("name", NAMES)
def test_without_negatives_what_is_said_of_positives_remains(name):
    s = torch.full((1, 2), -0.25, requires_grad=True)
    lost = made(name)(Tile(s, torch.tensor([[True, True]]), torch.tensor([[False, False]])))
    lost.sum().backward()
    assert lost.item() == pytest.approx(WITHOUT_NEGATIVES.get(name, 0.0), rel=1e-6)
    assert bool(torch.isfinite(s.grad).all())


@settings(max_examples=25, deadline=None)
@given(shape=shapes)
def test_relations_that_the_objectives_tell_of(shape):
    tile = random_tile("info_nce", *shape)
    user_parts, others = tile.positive.any(dim=1), tile.negative.any(dim=1)
    one = tile._replace(positive=tile.positive & (tile.positive.cumsum(dim=1) == 1))
    sharpness = 1 / (2 * TEMPERATURE)
    spread = made("align_uniform", sharpness=sharpness, weight=1 / sharpness)(tile)
    constant = torch.log(tile.negative.sum(dim=1).double()) / sharpness
    for left, right in (
        (made("debiased", prior=0.0)(tile), made("info_nce")(tile)),
        (made("hard", beta=0.0)(tile), made("debiased")(tile)),
        (made("n_pair")(tile), made("info_nce", temperature=1.0)(tile)),
        (made("sup_con")(one), made("info_nce")(one)),
        (made("sup_con_in")(one), made("info_nce")(one)),
        (made("triplet_hard")(tile).where(others, 0.0) >= made("triplet")(tile) - 1e-12, torch.ones_like(user_parts)),
        (made("sup_con_in")(tile) <= made("sup_con")(tile) + 1e-12, torch.ones_like(user_parts)),
        ((spread + constant)[user_parts & others], (made("decoupled")(tile) / sharpness)[user_parts & others]),
    ):
        torch.testing.assert_close(left, right)


def test_a_pair_has_the_loss_of_its_paper():
    for distance in (0.0, 0.3, 0.9, 2.0):
        for unlike in (False, True):
            pair = Tile(torch.tensor([[-(distance**2)]]), torch.tensor([[not unlike]]), torch.tensor([[unlike]]))
            paper = max(1 - distance, 0) ** 2 if unlike else distance**2
            assert made("margin")(pair).item() == pytest.approx(paper, rel=1e-6)


def test_equal_vectors_get_no_gradient_from_a_root():
    yes, no = torch.tensor([[True, False]]), torch.tensor([[False, True]])
    for name, options, value in (("margin", {}, 0.0), ("align_uniform", {"alpha": 0.5}, 1.0)):
        s = torch.tensor([[value, value - 0.5]], requires_grad=True)
        for tile in (Tile(s, yes, no), Tile(s, no, yes)):
            (slope,) = torch.autograd.grad(made(name, **options)(tile).sum(), s)
            assert bool(torch.isfinite(slope).all())
        s = torch.full((1, 2), value, requires_grad=True)
        (slope,) = torch.autograd.grad(made(name, **options)(Tile(s, yes, ~yes & ~no)).sum(), s)
        assert slope.tolist() == [[0, 0]]


def test_what_a_sigmoid_learns_gets_its_gradient():
    tile = random_tile("sigmoid", 4, 5, seed=2)
    learned = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.4, -1.0)]
    assert torch.autograd.gradcheck(lambda t, b: made("sigmoid", temperature=t, bias=b)(tile), learned)


@pytest.mark.parametrize(
    ("name", "options", "advice"),
    [
        ("margin", {"margin": -1}, "margin must be at least 0. Got -1."),
        ("triplet", {"margin": -0.1}, "margin must be at least 0. Got -0.1."),
        ("triplet_hard", {"margin": -0.1}, "margin must be at least 0. Got -0.1."),
        ("triplet_semi_hard", {"margin": math.nan}, "margin must be at least 0. Got nan."),
        ("debiased", {"prior": 1}, "prior must be at most 0.999. Got 1."),
        ("debiased", {"prior": -0.1}, "prior must be at least 0. Got -0.1."),
        ("hard", {"prior": 1.5}, "prior must be at most 0.999. Got 1.5."),
        ("hard", {"beta": -1}, "beta must be at least 0. Got -1."),
        ("align_uniform", {"alpha": 0}, "alpha must be at least 0.001. Got 0."),
        ("align_uniform", {"sharpness": -2}, "sharpness must be at least 0.001. Got -2."),
        ("align_uniform", {"weight": -1}, "weight must be at least 0. Got -1."),
    ],
)
def test_impossible_options_are_refused(name, options, advice):
    with pytest.raises(PlanError) as refused:
        made(name, **options)(random_tile(name, 2, 3, seed=0))
    assert str(refused.value) == advice
