"""Modalities that break a point of their contract are told which."""

import numpy as np
import pytest
import torch

from counterpoint import rng
from counterpoint.batch import take
from counterpoint.testing import BrokenContract, check_modality
from tests.toys.points import DeepSets, Points, Scatter, Sets
from tests.toys.worlds import sets_of_points


class Whole(Points):
    """Points under a name of their own, with a place for what is wrong with them."""

    name = "tests.contracts.test_broken_modalities:Whole"


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


class Idle(DeepSets):
    def __init__(self, width):
        super().__init__(width)
        self.unused = torch.nn.Linear(1, 1)


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
        "inputs of an item do not depend on the rest of the batch": CentredInputs,
        "inputs leaves the items as they are": WritesInputs,
        "a tensor (12, d). Got (12, 8, 1)": encoded_by(Stacks),
        "An encoder in evaluation mode gives an item the same vector whatever else is in the batch": encoded_by(
            Centres
        ),
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
        "None has ['unused.weight', 'unused.bias']": encoded_by(Idle),
        "'tests.contracts.test_broken_modalities:Whole' is tests.contracts.test_broken_modalities:Whole": Misnamed,
    }.items():
        with pytest.raises(BrokenContract) as broken:
            check_modality(kind, sets)
        assert said in str(broken.value), (said, str(broken.value))
