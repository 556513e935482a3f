"""The contracts of ``counterpoint.testing``: all parts of the catalogue keep them, and what breaks one is told."""

import numpy as np
import pytest
import torch

from counterpoint import catalogue, rng
from counterpoint.batch import take
from counterpoint.encoders.lookup import Lookup
from counterpoint.methods.simclr import SimCLR
from counterpoint.methods.sup_con import SupCon
from counterpoint.objectives.info_nce import info_nce
from counterpoint.objectives.triplet import triplet
from counterpoint.testing import BrokenContract, check_method, check_modality, check_objective, check_processes
from counterpoint.testing.trial import ROWS
from tests.toys.points import DeepSets, Points, Scatter, Sets
from tests.toys.worlds import pairs_of_sides, sets_of_points
from tests.worlds import WORLDS

NEEDS = {
    "sup_con": ("positives",),
    "sup_con_in": ("positives",),
    "spectral": ("positives",),
    "align_uniform": ("positives",),
    "sigmoid": (),
    "margin": (),
}
"""What an anchor must have to have a loss, where it is not both positives and negatives."""

COMPETING = {"sup_con", "triplet_semi_hard"}
"""A positive of ``sup_con`` stands among the rivals of the others; one of ``triplet_semi_hard`` that overtakes a
negative is compared with it from then on."""


def test_every_objective_keeps_its_contract():
    for name in catalogue.names("objective"):
        check_objective(name, needs=NEEDS.get(name, ("positives", "negatives")), monotone=name not in COMPETING)


def test_what_a_contract_leaves_open_is_really_open():
    for name in COMPETING:
        with pytest.raises(BrokenContract, match="more alike raises the loss, from"):
            check_objective(name, monotone=True)
    for name in NEEDS:
        lacking = {"positives", "negatives"} - set(NEEDS[name])
        with pytest.raises(BrokenContract, match="has loss 0 and gradient 0"):
            check_objective(name, needs=lacking, monotone=name not in COMPETING)


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
    "more alike raises the loss": apart,
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


def words(number):
    return torch.randint(1, 20, (ROWS, 9), generator=torch.Generator().manual_seed(0))


OF_WORDS = {"encoder": lambda: Lookup(torch.full((20,), 50.0), pad=0, width=8), "view": words}


def test_every_method_keeps_its_contract():
    for name in catalogue.names("method"):
        check_method(name, **(OF_WORDS if name == "skipgram" else {}))


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
        "goes on otherwise than one that never stopped": Forgets,
    }.items():
        with pytest.raises(BrokenContract) as broken:
            check_method(method)
        assert said in str(broken.value), (said, str(broken.value))


def test_every_modality_keeps_its_contract():
    for name in catalogue.names("modality"):
        check_modality(name, WORLDS[name](count=24).source)
    check_modality("tests.toys.points:Points", sets_of_points(24)[0])
    check_modality("tests.toys.sides:Sides", pairs_of_sides(24)[0])


class Whole(Points):
    """Points under a name of their own, with a place for what is wrong with them."""

    name = "tests.test_contracts:Whole"


class AcceptsNothing(Whole):
    @classmethod
    def accepts(cls, source):
        return False


class AcceptsEverything(Whole):
    @classmethod
    def accepts(cls, source):
        return True


class NoItems(Whole):
    @classmethod
    def fit(cls, source, options):
        return cls(1.0, "scatter")


class Nameless(Sets):
    @property
    def names(self):
        return ["set"] * len(self)


class OneName(Whole):
    def open(self, source):
        return Nameless(super().open(source).packed)


class OpensBackwards(Whole):
    opened = 0

    def open(self, source):
        type(self).opened += 1
        return super().open(source if type(self).opened % 2 else source[::-1])


class InOrder(Sets):
    def take(self, index):
        return super().take(np.sort(index))


class TakesInOrder(Whole):
    def open(self, source):
        return InOrder(super().open(source).packed)


class RandomInputs(Whole):
    def inputs(self, sets):
        return sets._replace(rows=sets.rows + torch.rand_like(sets.rows))


class CentredInputs(Whole):
    def inputs(self, sets):
        return sets._replace(rows=sets.rows - sets.rows.mean(dim=0))


class WritesInputs(Whole):
    def inputs(self, sets):
        sets.rows.mul_(2)
        return sets


class Stacks(DeepSets):
    def forward(self, sets):
        return super().forward(sets)[..., None]


class Centres(DeepSets):
    def forward(self, sets):
        h = super().forward(sets)
        return h - h.mean(dim=0)


class Steep(DeepSets):
    """Finite vectors whose gradient is not."""

    def forward(self, sets):
        return super().forward(sets) + (0 * self.whole.weight.sum()).sqrt()


def encoded_by(network):
    class Encoded(Whole):
        def build_encoder(self, name, width):
            return network(width or 8)

    return Encoded


class NoBaselines(Whole):
    def baselines(self):
        return {}


class LostBaseline(Whole):
    def baselines(self):
        return {"nothing": lambda sets: torch.full((sets.items, 2), torch.nan)}


def moved(sets, by):
    return sets._replace(rows=sets.rows + by)


class ByChance(Scatter):
    def __call__(self, sets, keys):
        return moved(sets, torch.rand(1))


class ByPlace(Scatter):
    def __call__(self, sets, keys):
        key = rng.hashed(keys)
        return moved(sets, rng.uniform(key.roll(1), 1, "roll")[sets.item])


class SameEveryEpoch(Scatter):
    def __call__(self, sets, keys):
        return super().__call__(sets, keys._replace(epoch=0))


class SameForAll(Scatter):
    def __call__(self, sets, keys):
        return super().__call__(sets, keys._replace(item=torch.zeros_like(keys.item)))


class Overwrites(Scatter):
    def __call__(self, sets, keys):
        sets.rows.mul_(2)
        return sets


class HalfTheItems(Scatter):
    def __call__(self, sets, keys):
        half = rng.Keys(keys.seed, keys.epoch, keys.step, keys.view, keys.item[::2])
        return super().__call__(take(sets, torch.arange(0, sets.items, 2)), half)


class StrongerWhenWeaker(Scatter):
    def scaled(self, by):
        return Scatter(jitter=self.jitter / by)


class LocalByName(Scatter):
    def local(self):
        return "scatter(drop=0.7)"


def augmented_by(augmentation):
    class Augmented(Whole):
        @property
        def augmentation(self):
            return augmentation()

    return Augmented


class OtherSpec(Whole):
    def with_views(self, spec):
        return Whole(self.scale, "scatter(jitter=0.9)")


class ArraySettings(Whole):
    def settings(self):
        return {"scale": np.float32(self.scale), "views": self.views}


class LosesItsViews(Whole):
    def with_views(self, spec):
        return self

    @classmethod
    def from_settings(cls, settings):
        return cls(settings["scale"], "scatter(jitter=0.9)")


class Misnamed(Whole):
    pass


def test_a_modality_that_breaks_a_point_is_told_which():
    sets = sets_of_points(24)[0]
    check_modality(Whole, sets)
    for said, kind in {
        "It refused the one that was given": AcceptsNothing,
        "It took that for its kind": AcceptsEverything,
        "fit gives a Dataset, the modality and its items. Got NoItems": NoItems,
        "Got 1 different names of 24 items": OneName,
        "open of the same source gives equal items. Here the two differ by": OpensBackwards,
        "take gives the items at these positions, in this order": TakesInOrder,
        "inputs gives the same each time": RandomInputs,
        "inputs of an item do not depend on what stands beside it": CentredInputs,
        "inputs leaves the items as they are": WritesInputs,
        "a tensor (12, d). Got (12, 8, 1)": encoded_by(Stacks),
        "An encoder in use gives an item the same vector whatever stands beside it": encoded_by(Centres),
        "at least one baseline": NoBaselines,
        "The baseline 'nothing' gives finite numbers": LostBaseline,
        "generators of torch, NumPy and Python have no say": augmented_by(ByChance),
        "in another order, have the same views": augmented_by(ByPlace),
        "With another epoch views are others": augmented_by(SameEveryEpoch),
        "Here equal items have equal views": augmented_by(SameForAll),
        "This one writes into its batch": augmented_by(Overwrites),
        "gives one view per item. Got 6 of 12": augmented_by(HalfTheItems),
        "scaled(0.1) changes items less than the augmentation itself": augmented_by(StrongerWhenWeaker),
        "local() is an Augmentation. Got str": augmented_by(LocalByName),
        "its own spec, gives the same views": OtherSpec,
        "settings as JSON raises TypeError": ArraySettings,
        "A modality from its settings gives the same views": LosesItsViews,
        "Training with SimCLR raises InputError": encoded_by(Steep),
        "'tests.test_contracts:Whole' is tests.test_contracts:Whole": Misnamed,
    }.items():
        with pytest.raises(BrokenContract) as broken:
            check_modality(kind, sets)
        assert said in str(broken.value), (said, str(broken.value))


def test_what_differs_on_several_processes_is_told(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    said = r"On 2 processes the loss of two steps is that of one process. It differs by 0\.\d+ of the largest value"
    with pytest.raises(BrokenContract, match=said):
        check_processes({"method": "tests.test_contracts:KnowsItsBatch"})
