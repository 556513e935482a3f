"""Where other libraries define the same loss, ours has its value and gradient. They are in the group ``bench``."""

from functools import partial

import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.assemble import asks_for
from counterpoint.comparison import Comparison, cosine, same_item
from counterpoint.interfaces import ItemInfo
from counterpoint.objectives.info_nce import info_nce
from counterpoint.training.contrast import loss_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # other libraries warn of their own futures
]


def both(ours, theirs, count=40, width=16):
    """Loss and gradient of two functions of two views."""
    found = []
    for loss in (ours, theirs):
        generator = torch.Generator().manual_seed(0)
        views = torch.randn(2, count, width, generator=generator).requires_grad_()
        value = loss(views[0], views[1])
        value.backward()
        found.append((value.detach(), views.grad))
    return found


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_lightly(temperature):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    ours = partial(cp.contrastive_loss, temperature=temperature)
    torch.testing.assert_close(*both(ours, losses.NTXentLoss(temperature=temperature)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_lightly_with_a_memory_bank(temperature):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    from counterpoint.negatives.queue import OwnKey

    theirs = losses.NTXentLoss(temperature=temperature, memory_bank_size=(64, 16))
    bank = torch.nn.functional.normalize(torch.randn(64, 16), dim=1)

    def with_bank(first, second):
        theirs.memory_bank.bank = bank.clone()
        return theirs(first, second)

    def ours(first, second):
        relation = OwnKey(torch.arange(40), torch.arange(40), torch.arange(40), torch.full((64,), -1))
        comparison = Comparison(first, torch.cat([second, bank]), relation, cosine)
        return loss_of(comparison, partial(info_nce, temperature=temperature)) / 40

    torch.testing.assert_close(*both(ours, with_bank), rtol=1e-4, atol=1e-6)


def of(name, place=lambda first, second: (first, second)):
    """The loss of a method as a function of two sets of vectors, which ``place`` puts where the method expects them."""
    make = catalogue.find("method", name)
    given = {"objective": partial(info_nce, temperature=0.2)} if asks_for(make, "objective") else {}
    method = make(nn.Identity(), nn.Linear(16, 16), **given)

    def loss(first, second):
        parts = method.outcomes(place(first, second), ItemInfo(torch.arange(40)))
        return sum(
            each.mean() if isinstance(each, torch.Tensor) else loss_of(each, method.objective) / 40 for each in parts
        )

    return loss


@pytest.mark.parametrize(("name", "theirs"), [("barlow_twins", "BarlowTwinsLoss"), ("vicreg", "VICRegLoss")])
def test_the_batch_losses_of_lightly(name, theirs):
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    torch.testing.assert_close(*both(of(name), getattr(losses, theirs)()), rtol=1e-5, atol=1e-5)


def test_the_negative_cosine_of_lightly():
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    theirs = losses.NegativeCosineSimilarity()
    targets = torch.randn(2, 40, 16, generator=torch.Generator().manual_seed(1))

    def crossed(first, second):
        return (theirs(first, targets[1]) + theirs(second, targets[0])) / 2

    def placed(first, second):
        return first, second, *targets

    torch.testing.assert_close(*both(of("simsiam", placed), crossed), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*both(of("byol", placed), lambda *views: 4 + 4 * crossed(*views)), rtol=1e-5, atol=1e-5)


def test_lightly_with_the_other_keys_of_the_batch_as_memory_bank():
    losses = pytest.importorskip("lightly.loss", reason="lightly is in the group bench")
    theirs = losses.NTXentLoss(temperature=0.2, memory_bank_size=(39, 16))
    still = torch.randn(2, 40, 16, generator=torch.Generator().manual_seed(1))

    def one_way(anchors, candidates):
        loss = 0.0
        for row in range(40):
            others = torch.cat([candidates[:row], candidates[row + 1 :]])
            theirs.memory_bank.bank = torch.nn.functional.normalize(others, dim=1)
            loss = loss + theirs(anchors[row : row + 1], candidates[row : row + 1]) / 40
        return loss

    queries = both(
        of("moco_v3", lambda first, second: (first, second, *still)),
        lambda first, second: one_way(first, still[1]) + one_way(second, still[0]),
    )
    torch.testing.assert_close(*queries, rtol=1e-5, atol=1e-5)
    neighbours = both(
        of("nnclr", lambda first, second: (*still, first, second)),
        lambda first, second: one_way(still[0], second) + one_way(still[1], first),
    )
    torch.testing.assert_close(*(value for value, _ in neighbours), rtol=1e-5, atol=1e-5)  # a bank has no gradient


@pytest.mark.parametrize("classes", [None, 5])
def test_pytorch_metric_learning(classes):
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="pytorch-metric-learning is in group bench")
    labels = torch.arange(40) if classes is None else torch.arange(40) % classes
    theirs = losses.NTXentLoss(temperature=0.2)

    def loss(first, second):
        return theirs(torch.cat([first, second]), labels.repeat(2))

    ours = partial(cp.contrastive_loss, temperature=0.2, labels=None if classes is None else labels)
    torch.testing.assert_close(*both(ours, loss), rtol=1e-4, atol=1e-6)


def test_supervised_contrast_of_pytorch_metric_learning():
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="pytorch-metric-learning is in group bench")
    labels = torch.arange(40) % 5
    theirs = losses.SupConLoss(temperature=0.2)

    def loss(first, second):
        return theirs(torch.cat([first, second]), labels.repeat(2))

    ours = partial(cp.contrastive_loss, temperature=0.2, labels=labels, objective="sup_con")
    torch.testing.assert_close(*both(ours, loss), rtol=1e-4, atol=1e-6)


def test_the_ranking_loss_of_sentence_transformers():
    """Its in-batch loss: cross entropy of 20 times the cosines of anchors and all positives; written out here."""

    def theirs(first, second):
        unit = torch.nn.functional.normalize
        return torch.nn.functional.cross_entropy(20 * unit(first, dim=1) @ unit(second, dim=1).T, torch.arange(40))

    def ours(first, second):
        comparison = Comparison(first, second, same_item(torch.arange(40), torch.arange(40)), cosine)
        return loss_of(comparison, partial(info_nce, temperature=1 / 20)) / 40

    torch.testing.assert_close(*both(ours, theirs), rtol=1e-4, atol=1e-6)
