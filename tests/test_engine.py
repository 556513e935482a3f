"""The engine: exact for every objective and relation, in tiles, in blocks and whole; linear in memory; finite."""

import inspect
import math
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.comparison import Comparison, SameItem, cosine, dot, euclidean, same_item
from counterpoint.comparison.fused import log_sum_exp
from counterpoint.comparison.loss import loss_of
from counterpoint.errors import InputError
from counterpoint.negatives.beside import beside
from counterpoint.negatives.key_queue import QueueRelation

OBJECTIVES = catalogue.names("objective")
SIMILARITIES = {"cosine": cosine, "dot": dot, "euclidean": euclidean}
TAKEN = {name: catalogue.SHELVES["objective"][name].similarities or tuple(SIMILARITIES) for name in OBJECTIVES}
"""The similarities that each objective can take, the usual first."""
ALLOWED = [(name, each) for name in OBJECTIVES for each in TAKEN[name]]
TEMPERED = {
    name for name in OBJECTIVES if "temperature" in inspect.signature(catalogue.find("objective", name)).parameters
}
PAIRS = torch.arange(6).repeat(2)
RELATIONS = {
    "pairs": lambda z: Comparison(z, z, same_item(PAIRS)),
    "labels": lambda z: Comparison(z, z, same_item(torch.arange(12) % 3)),
    "one label": lambda z: Comparison(z, z, same_item(torch.zeros(12, dtype=torch.int64))),
    "no positives": lambda z: Comparison(z, z, same_item(torch.arange(12))),
    "towers": lambda z: Comparison(z[:6], z[6:], same_item(torch.arange(6), torch.arange(6))),
    "queue beside": lambda z: beside(z[:8], PAIRS[2:10], z[8:], cosine),
    "own key": lambda z: Comparison(z[:4], z[4:], QueueRelation(torch.arange(4), PAIRS[:4], PAIRS[:4], PAIRS[2:6])),
    "one pair": lambda z: Comparison(z[:2], z[:2], same_item(torch.zeros(2, dtype=torch.int64))),
}


def tempered(name, temperature):
    """The objective at this temperature, if it has one."""
    objective = catalogue.find("objective", name)
    return partial(objective, temperature=temperature) if name in TEMPERED else objective


def usual(comparison, name):
    """The comparison with the similarity that is usual for the objective."""
    return replace(comparison, similarity=SIMILARITIES[TAKEN[name][0]])


def vectors(count=12, width=5, seed=0):
    return torch.randn(count, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def among(comparison):
    """The comparison with one tensor on both sides where it compares vectors among themselves."""
    if comparison.candidates.data_ptr() != comparison.anchors.data_ptr():
        return comparison
    return Comparison(comparison.anchors, comparison.anchors, comparison.relation, comparison.similarity)


def dense(comparison, objective):
    """Loss from the whole table at once, by the similarity's definition."""
    return objective(comparison.tile(slice(0, len(comparison.anchors)))).sum()


def outcome(make, name, similarity, compute, temperature=0.3):
    leaf = vectors().requires_grad_()
    learned = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    made = among(make(leaf))
    comparison = Comparison(made.anchors, made.candidates, made.relation, similarity)
    loss = compute(comparison, tempered(name, learned))
    result = torch.autograd.grad(loss, (leaf, learned), allow_unused=True, materialize_grads=True)
    return loss.detach(), *result


@pytest.mark.parametrize(("name", "similarity"), ALLOWED)
@pytest.mark.parametrize("relation", RELATIONS)
def test_tiles_and_blocks_give_the_loss_and_gradients_of_the_whole_table(name, relation, similarity):
    setting = RELATIONS[relation], name, SIMILARITIES[similarity]
    expected = outcome(*setting, dense)
    for compute in (loss_of, *(partial(loss_of, height=height) for height in (1, 7, 12))):
        for result, wanted in zip(outcome(*setting, compute), expected, strict=True):
            torch.testing.assert_close(result, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_parts_of_the_anchors_sum_to_the_whole(name, relation):
    objective = catalogue.find("objective", name)
    comparison = usual(RELATIONS[relation](vectors()), name)
    cut = len(comparison.anchors) // 3
    parts = [comparison.part(slice(0, cut)), comparison.part(slice(cut, len(comparison.anchors)))]
    torch.testing.assert_close(sum(loss_of(part, objective) for part in parts), loss_of(comparison, objective))


@pytest.mark.parametrize("height", [None, 5])
@pytest.mark.parametrize("relation", sorted(RELATIONS.keys() - {"queue beside"}))  # a queue has no gradient
@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_agree_with_finite_differences_through_the_engine(name, relation, height):
    """In one direction drawn at random; all of them are compared with the whole table's above."""

    def loss(leaf, temperature):
        comparison = usual(among(RELATIONS[relation](leaf)), name)
        return loss_of(comparison, tempered(name, temperature), height=height)

    temperature = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (vectors().requires_grad_(), temperature), fast_mode=True)


shapes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 50), st.integers(0, 999))


@settings(max_examples=60, deadline=None)
@given(shape=shapes, mirrored=st.booleans(), large=st.booleans())
def test_log_sum_exp_of_any_shape_and_mask(shape, mirrored, large):
    n, m, side, blanks, seed = shape
    generator = torch.Generator().manual_seed(seed)
    m = n if mirrored else m
    a = torch.randn(n, 3, dtype=torch.float64, generator=generator) * (30 if large else 1)
    c = a if mirrored else torch.randn(m, 3, dtype=torch.float64, generator=generator)
    pair = torch.randint(0, n, (blanks,), generator=generator), torch.randint(0, m, (blanks,), generator=generator)
    if mirrored:
        pair = torch.cat(pair), torch.cat(pair[::-1])
    mask = torch.zeros(n, m, dtype=torch.bool)
    mask[pair] = True

    def both(whole):
        first = a.clone().requires_grad_()
        second = first if mirrored else c.clone().requires_grad_()
        sums = whole(first, second)
        weight = torch.arange(1, n + 1, dtype=torch.float64)
        (torch.where(sums.isneginf(), 0.0, sums) * weight).sum().backward()
        return sums.detach(), first.grad, second.grad

    expected = both(lambda first, second: (first @ second.T).masked_fill(mask, -torch.inf).logsumexp(dim=1))
    result = both(lambda first, second: log_sum_exp(first, second, pair, side=side))
    torch.testing.assert_close(result[0], expected[0], rtol=1e-9, atol=1e-9)
    assert all(bool(torch.isfinite(gradient).all()) for gradient in result[1:])
    if not bool(mask.all(dim=1).any()):  # in a row without candidates the reference's gradient is NaN, ours is zero
        torch.testing.assert_close(result[1:], expected[1:], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", ["random", "identical", "opposite"])
@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(
    ("name", "similarity", "temperature"),
    [(*each, temperature) for each in ALLOWED for temperature in ((0.001, 100.0) if each[0] in TEMPERED else (None,))],
)
def test_extremes_stay_finite(name, similarity, temperature, relation, kind):
    z = {"random": vectors(), "identical": torch.ones(12, 5), "opposite": vectors()[:1] * vectors()[:, :1].sign()}[kind]
    leaf = z.float().requires_grad_()
    comparison = replace(among(RELATIONS[relation](leaf)), similarity=SIMILARITIES[similarity])
    loss = loss_of(comparison, tempered(name, temperature))
    loss.backward()
    assert math.isfinite(loss.detach())
    assert bool(torch.isfinite(leaf.grad).all())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_32_bits(dtype):
    rough = vectors(400, 16).to(dtype)
    loss = cp.contrastive_loss(rough[:200], rough[200:])
    torch.testing.assert_close(loss, cp.contrastive_loss(rough[:200].float(), rough[200:].float()))
    assert loss.dtype == torch.float32


class Largest(TorchDispatchMode):
    """Remembers the most numbers that any tensor had."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for each in tree_leaves(out):
            if isinstance(each, torch.Tensor):
                self.numbers = max(self.numbers, each.untyped_storage().nbytes() // each.element_size())
        return out


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_table_is_ever_allocated(name, labelled, monkeypatch):
    """With tiles and tables small enough to be quick, and blocks that are made again as those of large tables are."""
    monkeypatch.setattr("counterpoint.comparison.loss.MOST", {"cpu": 1 << 18})
    monkeypatch.setattr("counterpoint.comparison.fused.KEPT", 0)
    first, second = torch.randn(1024, 16, requires_grad=True), torch.randn(1024, 16)
    labels = torch.arange(1024) % 5 if labelled else None
    with Largest() as seen:
        cp.contrastive_loss(first, second, objective=name, labels=labels, similarity=TAKEN[name][0]).backward()
    assert seen.numbers <= 2048 * 2048 // 16


def test_peak_memory_is_linear_in_the_items():
    script = (
        "import resource, torch, counterpoint as cp\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "torch.set_num_threads(1)\n"
        "def run(n):\n"
        "    z = torch.randn(2, n, 32).requires_grad_()\n"
        "    cp.contrastive_loss(z[0], z[1]).backward()\n"
        "run(64)\n"
        "before = peak()\n"
        "run(8192)\n"
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    table = 16384 * 16384 * 4 / 2**20
    assert float(done.stdout) < table / 15


def test_the_loss_of_ones_own_loop_is_nt_xent():
    first, second = vectors(6), vectors(6, seed=1)
    z = torch.nn.functional.normalize(torch.cat([first, second]), dim=1)
    s = z @ z.T / 0.2
    losses = [-s[i, (i + 6) % 12] + torch.logsumexp(torch.cat([s[i, :i], s[i, i + 1 :]]), 0) for i in range(12)]
    torch.testing.assert_close(cp.contrastive_loss(first, second, temperature=0.2), torch.stack(losses).mean())


def test_a_queue_adds_negatives_and_gets_no_gradient():
    first, second = vectors(6).requires_grad_(), vectors(6, seed=1).requires_grad_()
    queue = vectors(9, seed=2).requires_grad_()
    loss = cp.contrastive_loss(first, second, queue=queue)
    z, more = (torch.nn.functional.normalize(each, dim=1) for each in (torch.cat([first, second]), queue))
    s = torch.cat([z @ z.T, z @ more.T], dim=1) / 0.1
    s = s.masked_fill(torch.eye(12, 21, dtype=torch.bool), -torch.inf)
    user_parts = s[torch.arange(12), torch.arange(12).roll(6)]
    torch.testing.assert_close(loss, (s.logsumexp(dim=1) - user_parts).mean())
    loss.backward()
    assert queue.grad is None
    assert bool(first.grad.any())
    assert bool(second.grad.any())


def test_labels_make_items_positives_and_a_learned_temperature_gets_its_gradient():
    first, second, labels = vectors(6), vectors(6, seed=1), torch.tensor([5, 5, -2, -2, 9, 9])
    temperature = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    loss = cp.contrastive_loss(first, second, labels=labels, temperature=temperature)
    z = torch.cat([first, second])
    comparison = Comparison(z, z, same_item(labels.repeat(2)), cosine)
    expected = dense(comparison, partial(catalogue.find("objective", "info_nce"), temperature=temperature)) / 12
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, temperature), torch.autograd.grad(expected, temperature))


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"second": torch.ones(3, 4)}, "of one shape"),
        ({"first": torch.ones(2, 4, dtype=torch.int64)}, "floating-point"),
        ({"labels": torch.ones(3, dtype=torch.int64)}, "one whole number per item"),
        ({"queue": torch.ones(3, 5)}, "as long in d"),
        ({"temperature": 0.0}, "above zero"),
        ({"objective": "info_ncee"}, "Did you mean 'info_nce'"),
        ({"similarity": "cosin"}, "Did you mean 'cosine'"),
    ],
)
def test_wrong_input_is_met_with_advice(change, advice):
    asked = {"first": torch.ones(2, 4), "second": torch.ones(2, 4)} | change
    with pytest.raises(InputError, match=advice):
        cp.contrastive_loss(asked.pop("first"), asked.pop("second"), **asked)


def test_relations_list_the_few_that_their_masks_show():
    for relation in (
        same_item(torch.tensor([3, 1, 3, 2, 1])),
        SameItem(torch.tensor([1, 2]), torch.tensor([2, 2, 7]), None),
        same_item(torch.tensor([4, 5, 4, 6])).part(slice(1, 3)),
        QueueRelation(torch.tensor([1, 0]), torch.tensor([8, 9]), torch.tensor([9, 8]), torch.tensor([9, 3, 8])),
    ):
        positive, negative = relation.masks(slice(0, 9))
        sparse = relation.sparse()
        told = torch.zeros_like(positive)
        told[sparse.positive] = True
        assert torch.equal(told, positive)
        rest = torch.zeros_like(negative)
        rest[:, sparse.negatives] = True
        rest[sparse.positive] = False
        rest[sparse.left_out] = False
        assert torch.equal(rest, negative)


def test_one_tensor_on_both_sides_of_a_relation_that_is_no_mirror():
    anchor, candidate = torch.arange(12), torch.tensor([1, 2, 0, 4, 5, 3, 7, 8, 6, 10, 11, 9])
    objective = partial(catalogue.find("objective", "info_nce"), temperature=0.3)

    def both(compute):
        leaf = vectors().requires_grad_()
        loss = compute(Comparison(leaf, leaf, same_item(anchor, candidate)), objective)
        return loss.detach(), *torch.autograd.grad(loss, leaf)

    torch.testing.assert_close(both(loss_of), both(dense))


def test_threads_with_blocks_of_their_own_give_the_same_sums(monkeypatch):
    z = vectors(300).requires_grad_()
    diagonal = torch.arange(300), torch.arange(300)
    expected = log_sum_exp(z, z, diagonal)
    (slope,) = torch.autograd.grad(expected.sum(), z)
    monkeypatch.setattr("counterpoint.comparison.fused.ENOUGH", 1)
    torch.set_num_threads(2)
    try:
        for second in (z, vectors(300)):
            result = log_sum_exp(z, second, diagonal, side=64)
            torch.testing.assert_close(result, expected.detach(), check_dtype=False)
            (again,) = torch.autograd.grad(result.sum(), z)
            if second is z:
                torch.testing.assert_close(again, slope)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def through_the_table(anchors, candidates, blank):
    """The log-sum-exp of every row of the plain table, and the gradients of its weighted sum."""
    mask = torch.zeros(len(anchors), len(candidates), dtype=torch.bool)
    mask[blank] = True
    return slopes(lambda a, c: (a @ c.T).masked_fill(mask, -torch.inf).logsumexp(dim=1), anchors, candidates)


def slopes(sums, anchors, candidates):
    """What ``sums`` says of two sets of vectors, or of one with itself, and the gradients of its weighted sum."""
    first = anchors.clone().requires_grad_()
    second = first if candidates is anchors else candidates.clone().requires_grad_()
    result = sums(first, second)
    leaves = (first,) if second is first else (first, second)
    weight = torch.linspace(1, 2, len(result), dtype=result.dtype)
    return result.detach(), *torch.autograd.grad((result * weight).sum(), leaves)


def test_blocks_that_are_made_again_leave_out_what_was_left_out(monkeypatch):
    monkeypatch.setattr("counterpoint.comparison.fused.KEPT", 0)
    z, row = vectors(), torch.arange(12)
    blank = torch.cat([row, row]), torch.cat([row, row.roll(6)])  # with each pair its mirror image
    for candidates in (z, vectors(seed=1)):
        for side in (4, 12):
            result = slopes(partial(log_sum_exp, blank=blank, side=side), z, candidates)
            torch.testing.assert_close(result, through_the_table(z, candidates, blank), rtol=1e-9, atol=1e-11)


def test_exponents_beyond_32_bits_stay_exact():
    """e^88 is no number of 32 bits, nor is a sum of a dozen e^86; one vector alone may be the long one."""
    row = torch.arange(12)
    for largest in (41.0, 60.0, 86.0, 87.0, 100.0, 399.0):
        near = torch.nn.functional.normalize(1 + 0.02 * vectors(), dim=1) * largest**0.5
        for z in (near, torch.cat([near[:2], 0.1 * near[2:]])):
            one = z.float()
            exact = one.double()
            result = slopes(partial(log_sum_exp, blank=(row, row)), one, one)
            expected = through_the_table(exact, exact, (row, row))
            assert all(bool(each.isfinite().all()) for each in result)
            torch.testing.assert_close(result[0], expected[0].float(), rtol=1e-5, atol=1e-4)
            torch.testing.assert_close(result[1], expected[1].float(), rtol=1e-3, atol=1e-3)


def test_anchors_of_items_that_no_candidate_shows_have_no_positives():
    anchor, candidate = torch.tensor([1, 5, 2, 9, 0, 1]), torch.tensor([1, 1, 4, 2, 2, 7])
    for name in OBJECTIVES:

        def both(compute, name=name):
            leaf = vectors().requires_grad_()
            table = usual(Comparison(leaf[:6], leaf[6:], same_item(anchor, candidate)), name)
            loss = compute(table, tempered(name, 0.3))
            return loss.detach(), *torch.autograd.grad(loss, leaf)

        torch.testing.assert_close(both(loss_of), both(dense), rtol=1e-9, atol=1e-11, msg=name)


def test_threads_with_blocks_of_their_own_give_the_same_gradients(monkeypatch):
    z, blank = vectors(60), (torch.arange(60), torch.arange(60))
    monkeypatch.setattr("counterpoint.comparison.fused.ENOUGH", 1)
    for candidates in (z, vectors(60, seed=1)):
        expected = slopes(partial(log_sum_exp, blank=blank), z, candidates)
        torch.set_num_threads(2)
        try:
            result = slopes(partial(log_sum_exp, blank=blank, side=16), z, candidates)
        finally:
            torch.set_num_threads(1)
        torch.testing.assert_close(result, expected)


def test_losses_and_tiles_are_exact_inside_autocast_too():
    z = vectors(20).float()
    for name in OBJECTIVES:
        comparison = usual(Comparison(z, z, same_item(torch.arange(20) // 2)), name)
        objective, rows = tempered(name, 0.3), slice(0, 20)
        loss, alike = loss_of(comparison, objective), comparison.tile(rows).similarity
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(loss_of(comparison, objective), loss), name
            assert torch.equal(comparison.tile(rows).similarity, alike), name


def test_a_queue_keeps_its_precision_beside_half_precision_views():
    first, second = (vectors(6, seed=seed).half() for seed in (0, 1))
    queue = vectors(9, seed=2).float() * 1e5
    exact = cp.contrastive_loss(first.float(), second.float(), queue=queue)
    torch.testing.assert_close(cp.contrastive_loss(first, second, queue=queue), exact)


def test_an_objective_may_be_any_callable():
    class Plain:
        __hash__ = None

        def __call__(self, tile):
            return tile.similarity.sum(dim=1)

    z = vectors()
    torch.testing.assert_close(loss_of(Comparison(z, z, same_item(PAIRS), dot), Plain()), (z @ z.T).sum())


def test_tiles_are_smaller_where_memory_is_short(monkeypatch):
    import os

    from counterpoint.comparison import loss

    assert loss.entries_for(torch.device("cpu")) <= loss.MOST["cpu"]
    real = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: 10 if name == "SC_AVPHYS_PAGES" else real(name))
    assert loss.entries_for(torch.device("cpu")) == 10 * real("SC_PAGE_SIZE") // loss.BYTES
