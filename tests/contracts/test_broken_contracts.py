"""Objectives and methods that break a point of their contract are told which."""

import pytest
import torch

from counterpoint.methods.simclr import SimCLR
from counterpoint.methods.sup_con import SupCon
from counterpoint.objectives.info_nce import info_nce
from counterpoint.objectives.triplet import triplet
from counterpoint.testing import BrokenContract, check_method, check_objective, check_processes


def scaled_by_the_batch(tile):
    return info_nce(tile) * len(tile.similarity)


def first_candidates_count_more(tile):
    weight = torch.linspace(1, 2, tile.similarity.shape[1], dtype=tile.similarity.dtype)
    return info_nce(tile._replace(similarity=tile.similarity * weight))


def sees_who_is_not_compared(tile):
    return info_nce(tile) + (tile.similarity * ~(tile.positive | tile.negative)).sum(dim=1)


def glances_at_who_is_not_compared(tile):
    return info_nce(tile) + (tile.similarity.detach() * ~(tile.positive | tile.negative)).sum(dim=1)


def always_something(tile):
    return info_nce(tile) + 1


def overflows(tile, *, temperature=0.1):
    s = torch.exp(tile.similarity / temperature)
    positive, negative = (s * tile.positive).sum(dim=1), (s * tile.negative).sum(dim=1)
    compared = tile.positive.any(dim=1)
    return torch.where(compared, -torch.log((positive + 1e-300) / (positive + negative + 1e-300)), 0.0)


def no_gradient_into_negatives(tile):
    held = torch.where(tile.negative, tile.similarity.detach(), tile.similarity)
    return info_nce(tile._replace(similarity=held))


def writes(tile):
    losses = info_nce(tile)
    tile.similarity.data.masked_fill_(tile.positive, 0.0)
    return losses


def fears_tensors(tile, *, temperature=0.1):
    return info_nce(tile, temperature=temperature if isinstance(temperature, float) else 2 * temperature)


def apart(tile):
    """Positives are pushed away."""
    return triplet(tile._replace(positive=tile.negative, negative=tile.positive))


BREAKS = {
    "one loss per anchor, a tensor (12,). Got (12, 9)": lambda tile: tile.similarity,
    "one loss per anchor, a tensor (12,). Got float": lambda tile: 1.0,
    "one loss per anchor, a tensor (12,). Got ()": lambda tile: info_nce(tile).sum(),
    "raises ZeroDivisionError": lambda tile: 1 / 0,
    "losses of an objective are finite": lambda tile: info_nce(tile) * torch.inf,
    "three anchors have other losses without the rest": scaled_by_the_batch,
    "order of candidates matters": first_candidates_count_more,
    "gets a gradient of 1, not 0": sees_who_is_not_compared,
    "neither positive nor negative change the losses": glances_at_who_is_not_compared,
    "nothing to be compared with has loss 0 and gradient 0. Got loss 1": always_something,
    "the loss of the objective is not finite": overflows,
    "finite differences say": no_gradient_into_negatives,
    "does not change its tile. This one writes to 'similarity'": writes,
    "temperature that is a tensor gives other losses": fears_tensors,
    "more similar raises the loss": apart,
}


def test_an_objective_that_breaks_a_point_is_told_which():
    for said, objective in BREAKS.items():
        with pytest.raises(BrokenContract) as broken:
            check_objective(objective)
        assert said in str(broken.value), (said, str(broken.value))


def test_a_shortcut_that_is_not_the_table_is_noticed():
    from counterpoint.comparison.row_sums import _shortcuts, has_shortcut

    def wrong(tile, *, temperature=0.1):
        return info_nce(tile, temperature=temperature)

    has_shortcut(lambda whole, *, temperature=0.1: 2 * _shortcuts[info_nce](whole, temperature=temperature))(wrong)
    with pytest.raises(BrokenContract, match="shortcut has other losses than the table: they differ by"):
        check_objective(wrong)


class Memory(SimCLR):
    """A method that remembers the mean of its vectors, and has a place for what is wrong with it."""

    def __init__(self, encoder, head, objective):
        super().__init__(encoder, head, objective)
        self.register_buffer("mean", torch.zeros(8))

    def after_step(self, step):
        self.mean.lerp_(step.vectors[0].mean(dim=0), 0.5)


class FewRows(Memory):
    def project(self, views):
        return tuple(vector[1:] for vector in super().project(views))


class Stacked(Memory):
    def project(self, views):
        return super().project(views)[0][None], torch.zeros(1)


class EncodesLate(Memory):
    def project(self, views):
        return tuple(view.flatten(1) for view in views)

    def compare(self, vectors, items):
        z = [self.head(self.encoder(vector.unflatten(1, (-1, 6)))) for vector in vectors]
        return super().compare(tuple(z), items)


class RemembersWhileComparing(Memory):
    def compare(self, vectors, items):
        self.mean += 1
        return super().compare(vectors, items)


class RemembersWhileEncoding(Memory):
    def project(self, views):
        self.mean += 1
        return super().project(views)


class ScalesInPlace(Memory):
    def compare(self, vectors, items):
        vectors[0].data.mul_(2)
        return super().compare(vectors, items)


class ComparesByChance(Memory):
    def compare(self, vectors, items):
        return super().compare(tuple(vector + torch.randn_like(vector) for vector in vectors), items)


class CutOff(Memory):
    def project(self, views):
        return tuple(self.head(self.encoder(view).detach()) for view in views)


class Idle(Memory):
    def __init__(self, encoder, head, objective):
        super().__init__(encoder, head, objective)
        self.unused = torch.nn.Linear(2, 2)


class KnowsItsBatch(Memory):
    def project(self, views):
        return tuple(vector - vector.mean(dim=0) for vector in super().project(views))


class FirstRowsCountMore(Memory):
    def compare(self, vectors, items):
        distance = (vectors[0] - vectors[1]).square().sum(dim=1)
        return distance * torch.linspace(0, 1, len(distance))


class Forgets(Memory):
    """Its memory is no buffer, so it is not saved."""

    def __init__(self, encoder, head, objective):
        super().__init__(encoder, head, objective)
        self.past = 0.0

    def after_step(self, step):
        self.past = self.past + step.vectors[0].mean(dim=0)

    def compare(self, vectors, items):
        return (vectors[0] - vectors[1] - self.past).square().sum(dim=1)


class SecretlySupervised(Memory):
    def compare(self, vectors, items):
        losses = (vectors[0] - vectors[1]).square().sum(dim=1)
        return losses if items.labels is None else losses * (items.labels == 1)


class IgnoresLabels(SupCon):
    def compare(self, vectors, items):
        return SimCLR.compare(self, vectors, items)


class Infinite(Memory):
    def compare(self, vectors, items):
        return (vectors[0] - vectors[1]).square().sum(dim=1) * torch.inf


def test_a_method_that_breaks_a_point_is_told_which():
    check_method(Memory)
    for said, method in {
        "is a counterpoint.interfaces.Method. Got Sequential": lambda encoder, head: torch.nn.Sequential(encoder, head),
        "A method made of an encoder, a head and nothing else raises TypeError": lambda encoder, head, wish: None,
        "Number 0 is (31, 8)": FewRows,
        "Number 0 is (1, 32, 8)": Stacked,
        "compare runs no network; it runs MeanOfRows": EncodesLate,
        "compare changes nothing of a method. Here mean differs by 2": RemembersWhileComparing,
        "Memory changes in after_step only. Here mean differs by 1": RemembersWhileEncoding,
        "compare changes the vectors": ScalesInPlace,
        "compare says something else the second time: they differ by": ComparesByChance,
        "The loss of a method is finite. Got inf": Infinite,
        "reaches the encoder, which is self.encoder. It has none": CutOff,
        "No gradient reaches unused.weight, unused.bias": Idle,
        "Encoded in pieces, a batch has another gradient of encoder.rows.weight": KnowsItsBatch,
        "The order of the items of a batch changes the mean loss": FirstRowsCountMore,
        "and the method does not say needs_labels": SecretlySupervised,
        "says needs_labels has the same loss": IgnoresLabels,
        "continues differently from an uninterrupted one": Forgets,
    }.items():
        with pytest.raises(BrokenContract) as broken:
            check_method(method)
        assert said in str(broken.value), (said, str(broken.value))


@pytest.mark.slow
def test_what_differs_on_several_processes_is_told(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    said = r"On 2 processes the loss of two steps is that of one process. It differs by 0\.\d+ of the largest value"
    with pytest.raises(BrokenContract, match=said):
        check_processes({"method": "tests.contracts.test_broken_contracts:KnowsItsBatch"})
