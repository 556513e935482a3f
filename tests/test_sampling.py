"""What stands in the rows of an epoch: each item once, groups, pairs; functions of the seed and the epoch."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint import rng
from counterpoint.modalities.table import Table
from counterpoint.modality import DataOptions
from counterpoint.training.batches import make_batch
from counterpoint.training.config import TrainConfig
from counterpoint.training.sampling import DrawnPairs, EachItem, GivenPairs, Groups
from tests.worlds import records

class_ids = st.lists(st.integers(-1, 4), min_size=4, max_size=60).filter(
    lambda drawn: len({each for each in drawn if each >= 0}) >= 2
)


@settings(max_examples=60, deadline=None)
@given(drawn=class_ids, epoch=st.integers(0, 5))
def test_pairs_are_half_of_one_class_and_never_an_item_with_itself(drawn, epoch):
    labels = torch.tensor(drawn)
    pairs = DrawnPairs(labels)
    shown = pairs.shown(pairs.order(seed=3, epoch=epoch), seed=3, epoch=epoch)
    assert sorted(shown.first.tolist()) == (labels >= 0).nonzero()[:, 0].tolist()
    assert bool((shown.first != shown.second).all())
    assert bool((labels[shown.second] >= 0).all())
    assert torch.equal(shown.same, labels[shown.first] == labels[shown.second])
    counts = torch.bincount(labels[labels >= 0])
    if not bool((counts == 1).any()):
        assert abs(2 * int(shown.same.sum()) - len(shown.same)) <= 1


def test_every_partner_is_as_likely_as_any_other():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    pairs = DrawnPairs(labels)
    alike, others = [], []
    for epoch in range(600):
        shown = pairs.shown(torch.arange(6), seed=0, epoch=epoch)
        row = int((shown.first == 0).nonzero())
        (alike if bool(shown.same[row]) else others).append(int(shown.second[row]))
    assert np.bincount(alike, minlength=6)[1:3].tolist() == pytest.approx([150, 150], abs=40)
    assert np.bincount(others, minlength=6)[3:].tolist() == pytest.approx([100, 100, 100], abs=40)


@settings(max_examples=60, deadline=None)
@given(drawn=class_ids, epoch=st.integers(0, 5))
def test_groups_hold_every_item_once_and_items_of_a_class_together(drawn, epoch):
    labels = torch.tensor(drawn)
    order = Groups(labels, together=3).order(seed=1, epoch=epoch)
    assert sorted(order.tolist()) == list(range(len(drawn)))
    named = labels[order].tolist()
    runs = 1 + sum(a != b for a, b in pairwise(named))
    counts = np.bincount([each for each in drawn if each >= 0])
    assert runs <= sum(-(-int(count) // 3) for count in counts) + drawn.count(-1)


def test_groups_are_shuffled_anew_in_every_epoch_and_differ_by_seed():
    labels = torch.arange(300) % 50
    first, again, later, other = (
        Groups(labels).order(seed=seed, epoch=epoch).tolist() for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert first == again
    assert first != later
    assert first != other


def test_in_every_epoch_other_items_of_a_class_stand_together_in_another_order_of_groups():
    one_class = [Groups(torch.zeros(40, dtype=torch.int64)).order(seed=0, epoch=epoch) for epoch in (0, 1)]
    first, later = ({frozenset(group) for group in order.view(10, 4).tolist()} for order in one_class)
    assert first != later
    whole = torch.arange(120) // 4
    first, later = (whole[Groups(whole, together=4).order(seed=0, epoch=epoch)][::4].tolist() for epoch in (0, 1))
    assert sorted(first) == sorted(later) == list(range(30))
    assert first != later


def test_a_batch_of_a_later_epoch_has_the_rows_of_that_epoch():
    source, labels = records(count=48).source, torch.arange(48) % 12
    modality, items = Table.fit(source, DataOptions())
    for sampling in (Groups(labels), DrawnPairs(labels), EachItem(48, labels)):
        recipe = TrainConfig(steps=12, batch_size=12, seed=5, sampling=sampling)
        for step in (1, 4, 9):  # four in every epoch
            epoch, place = divmod(step, 4)
            rows = sampling.order(seed=5, epoch=epoch)[12 * place : 12 * (place + 1)]
            shown = sampling.shown(rows, seed=5, epoch=epoch)
            info, views = make_batch(items, modality, recipe, step=step, count=2)
            assert torch.equal(info.index, shown.first)
            assert torch.equal(info.labels, labels[shown.first]) if info.labels is not None else shown.labels is None
            key = rng.keys(seed=5, epoch=epoch, items=rows, view=1)
            torch.testing.assert_close(views[1], modality.augmentation(items.take(shown.second.numpy()), key))


def test_rows_of_items_and_of_given_pairs():
    labels = torch.tensor([1, -1, 0])
    shown = EachItem(3, labels).shown(torch.tensor([2, 1]), seed=0, epoch=0)
    assert shown.first is shown.second
    assert shown.labels.tolist() == [0, -1]
    given = GivenPairs(torch.tensor([4, 5]), torch.tensor([6, 7]), torch.tensor([True, False]))
    assert sorted(given.order(seed=0, epoch=0).tolist()) == [0, 1]
    shown = given.shown(torch.tensor([1]), seed=0, epoch=0)
    assert (shown.first.tolist(), shown.second.tolist(), shown.same.tolist()) == ([5], [7], [False])
