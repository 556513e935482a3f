"""Contracts of all negatives in the catalogue, and each against its definition written as slow loops."""

import copy
import inspect
from functools import partial

import numpy as np
import pytest
import torch

from counterpoint import catalogue, rng
from counterpoint.cli import main
from counterpoint.comparison import Comparison, SameItem, cosine, same_item
from counterpoint.comparison.loss import loss_of
from counterpoint.errors import CounterpointError, LabelError
from counterpoint.evaluation.knn import weighted_knn
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.model import Model
from counterpoint.negatives.extra_columns import ExtraColumns
from counterpoint.negatives.key_queue import QueueRelation
from counterpoint.negatives.other_labels import OtherClass
from counterpoint.setup.capabilities import whole
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.training.loop import RunOptions, train
from tests.worlds import CLASSES, records

NAMES = catalogue.names("negatives")
SMALL = {
    "hardest": "hardest(k=3)",
    "ring": "ring(low=0.2, high=0.7)",
    "sampled": "sampled(k=3)",
    "mixed": "mixed(k=4, pairs=3, anchor_pairs=2)",
    "cancelled": "cancelled(share=0.3)",
    "attracted": "attracted(share=0.3, above=0.1)",
    "queue": "queue(length=9)",
    "bank": "bank(momentum=0.25)",
}
"""Options with which a dozen vectors show what a part does."""

ITEMS, WIDTH = 12, 5
CODES = torch.tensor([0, 1, 2, -1, 0, 1, 2, 0, 1, 2, -1, -1])
INFO = ItemInfo(torch.tensor([4, 0, 3, 7, 1, 10]), key=77)
OBJECTIVE = partial(catalogue.find("objective", "info_nce"), temperature=0.3)
SIMCLR, MOCO, SUP_CON = "simclr", "moco", "sup_con"


def vectors(count=12, seed=0):
    return torch.randn(count, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def made(spec):
    """The part of a name, as a method is given it."""
    part = catalogue.find("negatives", spec)
    offered = {"items": ITEMS, "width": WIDTH, "class_ids": CODES}
    known = inspect.signature(part).parameters
    if isinstance(whole(part), type):
        return part(**{name: value for name, value in offered.items() if name in known}).double()
    return partial(part, class_ids=CODES) if "class_ids" in known else part


def small(name, kind=SIMCLR, *, steps=1):
    """A part with few options, and what it remembers of the first steps of two."""
    part = made(SMALL.get(name, name))
    for number in range(steps if hasattr(part, "after_step") else 0):
        index = torch.tensor([1, 5, 2, 4, 11, 9])
        earlier = ItemInfo(index, CODES[index] if kind == SUP_CON else None)
        seen = vectors(6, 10 + number)
        part.after_step(Step(number + 1, 2, (-seen, seen), earlier))
    return part


def compared(kind, leaf=None):
    """What some method compares, and what it knows of the items."""
    z = vectors() if leaf is None else leaf
    index = INFO.index
    if kind == MOCO:
        relation = QueueRelation(torch.arange(6), index, index, torch.tensor([3, 8, -1, 5, 2, 9, 7]))
        return Comparison(z[:6], torch.cat([z[6:], vectors(7, 5)]), relation), INFO
    if kind == SUP_CON:
        info = ItemInfo(index, CODES[index], key=77)
        return Comparison(z, z, same_item(info.classes().repeat(2))), info
    return Comparison(z, z, same_item(index.repeat(2))), INFO


def refused(name, kind):
    return name == "queue" and kind == MOCO


CASES = [(name, kind) for name in NAMES for kind in (SIMCLR, MOCO, SUP_CON) if not refused(name, kind)]


def chosen_by(name, kind, leaf=None):
    comparison, info = compared(kind, leaf)
    return small(name, kind)(comparison, info)


def test_every_part_changes_something_with_every_method():
    for name, kind in CASES:
        plain, _ = compared(kind)
        if (name, kind) == ("other_labels", SUP_CON):  # which leaves nothing to do
            continue
        assert float(loss_of(chosen_by(name, kind), OBJECTIVE)) != pytest.approx(float(loss_of(plain, OBJECTIVE))), name


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_tiles_of_any_height_and_parts_give_the_loss_and_gradient_of_the_whole(name, kind):
    def outcome(compute):
        leaf = vectors().requires_grad_()
        loss = compute(chosen_by(name, kind, leaf))
        return loss.detach(), *torch.autograd.grad(loss, leaf)

    def parts(comparison):
        cut = len(comparison.anchors) // 3
        rows = (slice(0, cut), slice(cut, cut + 1), slice(cut + 1, len(comparison.anchors)))
        return sum(loss_of(comparison.part(each), OBJECTIVE) for each in rows)

    expected = outcome(lambda comparison: OBJECTIVE(comparison.tile(slice(0, 12))).sum())
    ways = [partial(loss_of, objective=OBJECTIVE, height=height) for height in (None, 1, 7, 12)]
    for finetune_settings in (*ways, parts):
        torch.testing.assert_close(outcome(finetune_settings), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "sampled"])  # which draws places
def test_order_of_candidates_does_not_matter(name):
    anchors, candidates, item = vectors(6), vectors(9, seed=1), torch.tensor([4, 0, 3, 7, 1, 10, 2, 5, 0])
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    first, second = (
        loss_of(small(name)(Comparison(anchors, candidates[turn], SameItem(INFO.index, item[turn])), INFO), OBJECTIVE)
        for turn in (torch.arange(9), order)
    )
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_comparing_only_reads_and_memory_gets_no_gradient(name):
    part = made(SMALL.get(name, name))
    if hasattr(part, "after_step"):
        learned = vectors(6, 10).requires_grad_()
        part.after_step(Step(1, 2, (learned,), INFO))
        before = copy.deepcopy(part.state_dict())
    leaf = vectors().requires_grad_()
    comparison, info = compared(SIMCLR, leaf)
    loss_of(part(comparison, info), OBJECTIVE).backward()
    assert bool(torch.isfinite(leaf.grad).all())
    if hasattr(part, "after_step"):
        assert not list(part.parameters())
        assert not any(buffer.requires_grad for buffer in part.buffers())
        assert learned.grad is None
        assert all(torch.equal(before[key], value) for key, value in part.state_dict().items())


# Each against its definition


def table(name, kind=SIMCLR):
    """The plain tile and the chosen one, and the numbers of anchors and candidates."""
    comparison, info = compared(kind)
    rows = slice(0, len(comparison.anchors))
    return comparison.tile(rows), small(name, kind)(comparison, info).tile(rows), comparison.relation.items()


def ranked(tile, i):
    """The negatives of an anchor, the most alike first."""
    places = [j for j in range(tile.negative.shape[1]) if tile.negative[i, j]]
    return sorted(places, key=lambda j: -float(tile.similarity[i, j]))


def slow_hardest(tile, i, items):
    return ranked(tile, i)[:3]


def slow_ring(tile, i, items):
    upwards = ranked(tile, i)[::-1]
    return upwards[round(0.2 * len(upwards)) : round(0.7 * len(upwards))]


def slow_other_labels(tile, i, items):
    def named(item):
        return int(CODES[item]) if item >= 0 else -1

    user_parts = named(items[0][i])
    return [j for j in ranked(tile, i) if user_parts < 0 or named(items[1][j]) != user_parts]


def slow_cancelled(tile, i, items):
    order = ranked(tile, i)
    return order[round(0.3 * len(order)) :]


def slow_attracted(tile, i, items):
    order = ranked(tile, i)
    return [j for rank, j in enumerate(order) if rank >= round(0.3 * len(order)) or tile.similarity[i, j] < 0.1]


SLOW = {
    "hardest": slow_hardest,
    "ring": slow_ring,
    "other_labels": slow_other_labels,
    "cancelled": slow_cancelled,
    "attracted": slow_attracted,
}


@pytest.mark.parametrize("kind", [SIMCLR, MOCO])
@pytest.mark.parametrize("name", SLOW)
def test_a_choice_among_negatives_is_that_of_its_definition(name, kind):
    plain, result, items = table(name, kind)
    torch.testing.assert_close(result.similarity, plain.similarity)
    for i in range(len(plain.negative)):
        kept = SLOW[name](plain, i, items)
        assert result.negative[i].nonzero()[:, 0].tolist() == sorted(kept)
        turned = set(ranked(plain, i)) - set(kept) if name == "attracted" else set()
        assert result.positive[i].nonzero()[:, 0].tolist() == sorted(
            {*plain.positive[i].nonzero()[:, 0].tolist(), *turned}
        )


def test_mixed_points_lie_between_the_hardest():
    plain, result, items = table("mixed")
    z = torch.nn.functional.normalize(vectors(), dim=1)
    luck = rng.uniform(rng.keys(seed=77, epoch=0, items=items[0], view=0), 15, "mixed").double().tolist()
    torch.testing.assert_close(result.similarity[:, :12], plain.similarity)
    assert bool(result.negative[:, 12:].all())
    assert not bool(result.positive[:, 12:].any())
    for i in range(12):
        hard = ranked(plain, i)[:4]
        for s in range(5):
            first = int(luck[i][s] * 4)
            second = (first + 1 + int(luck[i][5 + s] * 3)) % 4
            weight = luck[i][10 + s]
            one, other = z[hard[first]], z[hard[second]]
            point = (1 - weight) * one + weight * other if s < 3 else (1 - weight / 2) * one + weight / 2 * z[i]
            assert float(result.similarity[i, 12 + s]) == pytest.approx(float(z[i] @ point / point.norm()))


def test_mixed_points_are_constants_from_which_only_the_anchor_learns():
    leaf = vectors().requires_grad_()
    comparison, info = compared(SIMCLR, leaf)
    tile = made("mixed(k=4, pairs=3, anchor_pairs=2)")(comparison, info).tile(slice(0, 1))
    (slope,) = torch.autograd.grad(tile.similarity[:, 12:].sum(), leaf)
    assert bool((slope[1:] == 0).all())
    length, z = leaf[0].norm().item(), torch.nn.functional.normalize(leaf.detach(), dim=1)
    hard = ranked(compared(SIMCLR)[0].tile(slice(0, 1)), 0)[:4]
    luck = rng.uniform(rng.keys(seed=77, epoch=0, items=INFO.index[:1], view=0), 15, "mixed").double().view(3, 5)
    first = (luck[0] * 4).long()
    second = (first + 1 + (luck[1] * 3).long()) % 4
    one, weight = z[hard][first], luck[2][:, None] * torch.tensor([1.0] * 3 + [0.5] * 2)[:, None]
    end = torch.cat([z[hard][second[:3]], z[:1].expand(2, -1)])
    total = torch.nn.functional.normalize((1 - weight) * one + weight * end, dim=1).sum(dim=0)
    torch.testing.assert_close(slope[0], (total - (total @ z[0]) * z[0]) / length)


def test_where_negatives_are_few_all_of_them_serve():
    lonely = Comparison(vectors(3), vectors(4, seed=1), SameItem(torch.tensor([1, 1, 2]), torch.tensor([1, 1, 1, 1])))
    info = ItemInfo(torch.tensor([1, 1, 2]))
    for name in NAMES:
        part = small(name, steps=0)
        tile = part(lonely, info).tile(slice(0, 3))
        assert tile.negative[:2].sum() == 0, name
        assert bool(torch.isfinite(tile.similarity).all()), name
    assert made("hardest(k=9)")(lonely, info).tile(slice(0, 3)).negative.sum(dim=1).tolist() == [0, 0, 4]
    assert made("mixed(k=9)")(lonely, info).tile(slice(0, 3)).negative.sum(dim=1).tolist() == [0, 0, 4 + 24]


def test_a_ring_thinner_than_a_negative_holds_one():
    comparison, info = compared(SIMCLR)
    plain = comparison.tile(slice(0, 12))
    for spec, place in (
        ("ring(low=0.5, high=0.51)", 5),
        ("ring(low=0.99, high=1.0)", 9),
        ("ring(high=0.01, low=0)", 0),
    ):
        result = made(spec)(comparison, info).tile(slice(0, 12))
        for i in range(12):
            assert result.negative[i].nonzero()[:, 0].tolist() == [ranked(plain, i)[::-1][place]]


def test_negatives_are_drawn_evenly_and_anew():
    comparison, _ = compared(SIMCLR)
    plain = comparison.tile(slice(0, 12)).negative
    total = torch.zeros(12, 12)
    for key in range(400):
        drawn = made("sampled(k=3)")(comparison, ItemInfo(INFO.index, key=key)).tile(slice(0, 12)).negative
        assert bool((drawn.sum(dim=1) == 3).all())
        assert not bool((drawn & ~plain).any())
        total += drawn
    torch.testing.assert_close(total / 400, 0.3 * plain.float(), rtol=0, atol=0.11)


def test_the_queue_begins_empty_and_shows_other_items_only():
    part = made("queue(length=9)")
    comparison, info = compared(SIMCLR)
    assert part(comparison, info) is comparison
    keys = vectors(6, 10)
    part.after_step(Step(1, 9, (-keys, keys), INFO))
    tile = part(comparison, info).tile(slice(0, 12))
    torch.testing.assert_close(tile.similarity[:, 12:], cosine(vectors(), keys))
    assert torch.equal(tile.negative[:, 12:], INFO.index.repeat(2)[:, None] != INFO.index[None, :])
    part.after_step(Step(2, 9, (-keys, 2 * keys), INFO))
    held, items = part.queue.held()
    assert held.shape == (9, WIDTH)
    torch.testing.assert_close(held, torch.cat([2 * keys[3:], keys[3:], 2 * keys[:3]]))
    assert torch.equal(items, INFO.index[torch.tensor([3, 4, 5, 3, 4, 5, 0, 1, 2])])


def test_the_bank_moves_slowly_and_shows_other_items_only():
    part = small("bank", steps=2)
    comparison, info = compared(SIMCLR)
    seen = torch.tensor([1, 2, 4, 5, 9, 11])
    row = torch.tensor([0, 2, 3, 1, 5, 4])
    moved = 0.25 * vectors(6, 10)[row] + 0.75 * vectors(6, 11)[row]
    tile = part(comparison, info).tile(slice(0, 12))
    torch.testing.assert_close(tile.similarity[:, 12:], cosine(vectors(), moved))
    assert torch.equal(tile.negative[:, 12:], INFO.index.repeat(2)[:, None] != seen[None, :])
    drawing = made("bank(k=2)")
    drawing.load_state_dict(part.state_dict())
    drawn = {
        tuple(drawing(comparison, ItemInfo(INFO.index, key=key)).relation.items()[1][12:].tolist()) for key in range(99)
    }
    assert len(drawn) == 15  # every two of six


def test_with_classes_for_items_memory_is_no_negative_of_its_own_class():
    for name in ("queue", "bank"):
        comparison, info = compared(SUP_CON)
        relation = small(name, SUP_CON)(comparison, info).relation
        user_parts, shown = relation.items()
        negative = relation.masks(slice(0, 12))[1]
        assert torch.equal(negative, user_parts[:, None] != shown[None, :])
        assert set(shown[12:].tolist()) == {0, 1, 2, -12}  # an item without a class has a number of its own


def test_suspicion_waits_until_the_run_has_come_far_enough():
    for name in ("cancelled", "attracted"):
        part = made(f"{name}(share=0.3, above=None, after=0.5)")
        comparison, info = compared(SIMCLR)
        part.after_step(Step(4, 10, (), info))
        assert part(comparison, info) is comparison
        part.after_step(Step(5, 10, (), info))
        assert part(comparison, info) is not comparison


def test_a_comparison_that_is_sifted_already_is_sifted_again():
    comparison, info = compared(SIMCLR)
    twice = made("hardest(k=1)")(made("cancelled(share=0.3, after=0.0)")(comparison, info), info)
    plain, result = (each.tile(slice(0, 12)) for each in (comparison, twice))
    for i in range(12):
        assert result.negative[i].nonzero()[:, 0].tolist() == [ranked(plain, i)[3]]


def test_relations_list_the_few_that_their_masks_show():
    item, classes = torch.tensor([3, 1, 3, 2, 1]), torch.tensor([0, -1, 0, 0, -1])
    key = QueueRelation(torch.tensor([1, 0]), torch.tensor([8, 9]), torch.tensor([9, 8]), torch.tensor([9, 3, 8]))
    user_parts, shown = key.items()
    for relation in (
        OtherClass(same_item(item), classes, classes),
        OtherClass(same_item(item), classes, classes).part(slice(1, 4)),
        OtherClass(key, torch.tensor([0, 1]), torch.tensor([1, 0, 1, 0, -1])),
        ExtraColumns(same_item(item), item, item, torch.tensor([1, 1, 9])),
        ExtraColumns(same_item(item), item, item, torch.tensor([1, 1, 9])).part(slice(1, 4)),
        ExtraColumns(key, user_parts, shown, torch.tensor([8, 7])),
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
        listed = [
            tuple(pair) for pairs in (sparse.positive, sparse.left_out) for pair in torch.stack(pairs, dim=1).tolist()
        ]
        assert len(listed) == len(set(listed))


# In a run


def experiment(spec, *, method="simclr", labels=None, **choices):
    world = records()
    asked, user_parts = chosen(
        {
            **world.choices,
            "method": method,
            "negatives": spec,
            "batch_size": 128,
            "precision": "fp32",
            "width": 8,
            "head_hidden": 64,
            "head_outputs": 32,
            **choices,
        },
        labels=world.labels if labels is None else labels,
    )
    return world, prepare(world.source, asked, user_parts, began=0.0)


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ("hardest(k=0)", "k of hardest must be at least 1. Got 0."),
        ("hardest(count=3)", "has no option 'count'"),
        ("ring(low=0.9, high=0.2)", "low must be below"),
        ("ring(high=2)", "high of ring must be at most 1"),
        ("sampled(k=0)", "k of sampled must be at least 1"),
        ("mixed(pairs=-1)", "pairs of mixed must be at least 0"),
        ("mixed(pairs=0, anchor_pairs=0)", "mixes nothing"),
        ("cancelled(share=None)", "Set what is suspected"),
        ("cancelled(share=2)", "share must be at most 0.9"),
        ("attracted(after=-1)", "after must be at least 0"),
        ("queue(length=0)", "length of queue must be at least 1"),
        ("bank(k=0)", "k of bank must be at least 1"),
        ("bank(momentum=1.5)", "momentum of bank must be at most 1"),
        ("hardst", "Did you mean 'hardest'"),
    ],
)
def test_impossible_options_are_refused_before_training(spec, advice):
    with pytest.raises(CounterpointError, match=advice):
        experiment(spec)


def test_what_does_not_fit_the_method_or_the_similarity_is_refused():
    with pytest.raises(CounterpointError, match="needs similarity='cosine'"):
        experiment("mixed", similarity="dot")
    with pytest.raises(CounterpointError, match="queue of its own"):
        experiment("queue", method="moco(queue=256)")
    world = records()
    with pytest.raises(LabelError, match="'simclr' with 'other_labels' learns from labels"):
        prepare(world.source, *chosen({"modality": "table", "negatives": "other_labels"}), began=0.0)


def test_what_is_refused_leaves_no_run_behind(tmp_path, capsys):
    np.save(tmp_path / "rows.npy", records(count=64).source)
    with pytest.raises(SystemExit) as stopped:
        main(["fit", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "run"), "--negatives", "sampled(k=0)"])
    assert stopped.value.code == 2
    assert "k of sampled must be at least 1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_trying_negatives_leaves_the_method_as_it_was():
    _, parts = experiment("bank(k=32)", epochs=1)
    memory = parts.method.negatives
    assert not bool(memory.seen.any())
    assert parts.method.training
    assert {"negatives.vectors", "negatives.seen"} < set(parts.method.state_dict())


def test_unlabelled_items_are_told_apart_from_everyone():
    labels = records().labels.copy()
    labels[::2] = -1
    _, parts = experiment("other_labels", labels=labels)
    index = torch.tensor([0, 1, 5, 4, 3])  # classes unknown, 1, 1, unknown, 3
    z = torch.randn(10, 32)
    (comparison,) = parts.method.outcomes((z[:5], z[5:]), ItemInfo(index, torch.from_numpy(labels)[index]))
    negative = comparison.tile(slice(0, 5)).negative[:, :5]
    assert (~negative).nonzero().tolist() == [[0, 0], [1, 1], [1, 2], [2, 1], [2, 2], [3, 3], [4, 4]]


CANARY = {"hardest": "hardest(k=64)", "attracted": "attracted(above=0.9)", "queue": "queue(length=128)"}
"""Of four classes a quarter of the hardest, and of what is kept, is of the anchor's own."""


@pytest.mark.parametrize("name", NAMES)
def test_training_beats_not_training(name):
    world, parts = experiment(CANARY.get(name, name), epochs=12, learning_rate=4e-3)
    model = Model(parts.method.encoder, parts.modality, parts.built)
    known = np.random.default_rng(0).random(len(world.labels)) < 0.5

    def accuracy(model):
        h = model.represent(parts.items)
        guessed = weighted_knn(h[known], world.labels[known], h[~known], classes=CLASSES, k=5)
        return float((guessed == world.labels[~known]).mean())

    before = accuracy(model.untrained())
    train(parts.method, parts.items, parts.modality, parts.recipe, RunOptions())
    after = accuracy(model)
    assert after > before + 0.05, (before, after)
