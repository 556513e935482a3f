"""SwAV and DINO: the formulas as slow loops, what balances them, and what remembers."""

import math

import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.methods.swav import balanced
from tests.worlds import records

BATCH, WIDTH, K, LOCAL = 6, 5, 4, 2
INFO = ItemInfo(torch.arange(BATCH))


def build(name, **options):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
    make = catalogue.find("method", name)
    return make(encoder, nn.Sequential(nn.Linear(8, WIDTH)), prototypes=K, **options).double().train()


def some(count, seed=1):
    drawn = torch.randn(count, BATCH, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return tuple(each.requires_grad_() for each in drawn)


def cosines(z, directions):
    def cos(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)

    return [[cos(row, direction) for direction in directions.tolist()] for row in z.tolist()]


def softmax(row, t):
    weights = [math.exp(x / t) for x in row]
    return [weight / sum(weights) for weight in weights]


def sinkhorn(scores, epsilon, rounds=3):
    """Algorithm of the paper's appendix: columns, then rows, of a table of exponentials."""
    table = [[math.exp(x / epsilon) for x in row] for row in scores]
    for _ in range(rounds):
        columns = [sum(row[k] for row in table) for k in range(K)]
        table = [[x / columns[k] / K for k, x in enumerate(row)] for row in table]
        table = [[x / sum(row) / BATCH for x in row] for row in table]
    return [[x * BATCH for x in row] for row in table]


def crossed(targets, guesses):
    """The mean cross-entropy of every guess with every target but its own."""
    losses = [
        -sum(q * math.log(p) for q, p in zip(targets[usual][i], guesses[other][i], strict=True))
        for usual in range(2)
        for other in range(len(guesses))
        if other != usual
        for i in range(BATCH)
    ]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("local", [0, LOCAL])
def test_the_loss_of_swav_is_the_formula_of_the_paper(local):
    method = build("swav", temperature=0.3, epsilon=0.2)
    vectors = some(2 + local)
    scores = [cosines(z, method.prototypes.directions) for z in vectors]
    expected = crossed(
        [sinkhorn(each, 0.2) for each in scores[:2]], [[softmax(row, 0.3) for row in each] for each in scores]
    )
    assert float(method.compare(vectors, INFO).mean().detach()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("local", [0, LOCAL])
def test_the_loss_of_dino_is_the_formula_of_the_paper(local):
    method = build("dino", temperature=0.3, sharper=0.2)
    method.centre.copy_(torch.tensor([0.1, -0.2, 0.3, 0.0]))
    with torch.no_grad():
        method.slow[2].directions.add_(0.1)
    vectors = some(4 + local)
    student = [[softmax(row, 0.3) for row in cosines(z, method.prototypes.directions)] for z in vectors[:-2]]
    centre = method.centre.tolist()
    teacher = [
        [
            softmax([x - c for x, c in zip(row, centre, strict=True)], 0.2)
            for row in cosines(z, method.slow[2].directions)
        ]
        for z in vectors[-2:]
    ]
    assert float(method.compare(vectors, INFO).mean().detach()) == pytest.approx(crossed(teacher, student), rel=1e-9)


def test_balanced_codes_give_every_item_one_share_and_every_prototype_as_much():
    scores = torch.randn(64, 8, generator=torch.Generator().manual_seed(0)) + torch.tensor([3.0] + 7 * [0.0])
    class_ids = balanced(scores, epsilon=0.5, rounds=100)
    torch.testing.assert_close(class_ids.sum(dim=1), torch.ones(64))
    torch.testing.assert_close(class_ids.sum(dim=0), torch.full((8,), 8.0), rtol=1e-3, atol=1e-3)
    tiny = balanced(scores, epsilon=0.001)
    assert bool(tiny.isfinite().all())


@pytest.mark.parametrize("name", ["swav", "dino"])
def test_prototypes_learn_and_local_views_only_follow(name):
    method = build(name)
    local = tuple(torch.randn(LOCAL, BATCH, 6, dtype=torch.float64))
    vectors = method.project((*torch.randn(2, BATCH, 6, dtype=torch.float64), *local))
    assert len(vectors) == 2 + LOCAL + (2 if name == "dino" else 0)
    method.compare(vectors, INFO).mean().backward()
    for place, weight in method.named_parameters():
        assert (weight.grad is None) == place.startswith("slow."), place


def test_codes_and_what_the_teacher_says_have_no_gradient():
    method = build("dino")
    z1, z2, k1, k2 = some(4)
    method.compare((z1, z2, k1, k2), INFO).mean().backward()
    assert k1.grad is None
    assert k2.grad is None
    swav = build("swav", temperature=1.0)
    z1, z2 = some(2)
    with torch.no_grad():
        q1, q2 = (balanced(swav.prototypes(z), epsilon=swav.epsilon) for z in (z1, z2))
    p1, p2 = (torch.log_softmax(swav.prototypes(z), dim=1) for z in (z1, z2))
    by_hand = torch.autograd.grad(-(q1 * p2 + q2 * p1).sum() / 2 / BATCH, (z1, z2))
    torch.testing.assert_close(torch.autograd.grad(swav.compare((z1, z2), INFO).mean(), (z1, z2)), by_hand)


def test_the_centre_and_the_slow_copies_follow():
    method = build("dino", momentum=0.5, centring=0.75)
    vectors = some(4)
    said = torch.cat([method.slow[2](z) for z in vectors[2:]]).detach()
    before = method.slow[2].directions.clone()
    with torch.no_grad():
        method.prototypes.directions.add_(1.0)
    method.after_step(Step(0, 10, tuple(each.detach() for each in vectors), INFO))
    torch.testing.assert_close(method.centre, 0.25 * said.mean(dim=0))
    torch.testing.assert_close(method.slow[2].directions, before + 0.5)


def test_the_teacher_follows_ever_less():
    method = build("dino", momentum=0.5)
    vectors = tuple(each.detach() for each in some(4))
    for number, left in ((0, 0.5), (5, 0.75), (10, 1.0)):
        before = method.slow[2].directions.clone()
        with torch.no_grad():
            method.prototypes.directions.add_(1.0)
        method.after_step(Step(number, 10, vectors, INFO))
        torch.testing.assert_close(
            method.slow[2].directions, left * before + (1 - left) * method.prototypes.directions.detach()
        )


def test_a_run_is_judged_by_its_usual_views():
    z1, z2, near, k1, k2 = some(5)
    for name, vectors, judged in (("swav", (z1, z2, near), (z1, z2)), ("dino", (z1, z2, near, k1, k2), (k1, k2))):
        table = build(name).watched(vectors, INFO)
        assert torch.equal(table.anchors, torch.cat(judged))
        assert torch.equal(table.relation.items()[0], INFO.index.repeat(2))


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("swav(prototypes=1)", "Got 1"),
        ("swav(epsilon=0)", "epsilon must be at least"),
        ("dino(sharper=0)", "sharper must be at least"),
        ("dino(momentum=2)", "momentum must be at most 1"),
    ],
)
def test_impossible_options_are_refused(method, said):
    with pytest.raises(PlanError, match=said):
        cp.fit(records().source, method=method, epochs=1, batch_size=64, width=8)


@pytest.mark.parametrize("method", ["swav", "dino"])
def test_a_temperature_that_changes_needs_an_objective(method):
    with pytest.raises(PlanError, match="cannot use the temperature 'learned'"):
        cp.fit(records().source, method=method, temperature="learned", epochs=1, batch_size=64, width=8)
