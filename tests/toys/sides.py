"""Pairs of two kinds, small pictures and short vectors, as a whole kind of data in one file outside of the package.

A source is a dictionary, or an .npz, with ``image`` (n, 1, 6, 6) and ``vector`` (n, 5); to embed, one of them
is enough. The two views of an item are its two sides, slightly disturbed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from counterpoint import catalogue, rng
from counterpoint.batch import Sided
from counterpoint.errors import PlanError, SourceError
from counterpoint.interfaces import Augmentation
from counterpoint.modality import Dataset, Modality
from counterpoint.rng import Keys

SHAPES = {"image": (1, 6, 6), "vector": (5,)}


@dataclass(frozen=True)
class Both:
    """Items with both sides, or with one."""

    sides: dict
    labels: None = None

    @property
    def names(self):
        return [str(number) for number in range(len(self))]

    def __len__(self):
        return len(next(iter(self.sides.values())))

    def take(self, index):
        rows = torch.from_numpy(np.asarray(index))
        parts = tuple(Sided(side, values[rows]) for side, values in self.sides.items())
        return parts if len(parts) > 1 else parts[0]


class OneSide(Augmentation):
    """View 0, 2, ... of an item is its first side and all others its second, with noise; of one side it is that."""

    def __init__(self, *, noise=0.1):
        self.noise = noise

    @property
    def spec(self):
        return catalogue.written("sides", {"noise": self.noise})

    def __call__(self, batch, keys):
        view = keys.view if isinstance(keys, Keys) else 0
        side = batch if isinstance(batch, Sided) else batch[view % 2]
        return disturbed(side, rng.hashed(keys), self.noise)

    def scaled(self, by):
        return OneSide(noise=self.noise * by)


def disturbed(side, key, noise):
    """The values of a side with uniform noise."""
    drawn = rng.uniform(key, side.value[0].numel(), side.side, low=-noise, high=noise)
    return Sided(side.side, side.value + drawn.view_as(side.value))


class Towers(nn.Module):
    """A tower for each side; what both say of an item that has both is their mean."""

    def __init__(self, width):
        super().__init__()
        self.tower = nn.ModuleDict(
            {
                side: nn.Sequential(
                    nn.Flatten(), nn.Linear(int(np.prod(shape)), width), nn.ReLU(), nn.Linear(width, width)
                )
                for side, shape in SHAPES.items()
            }
        )

    def forward(self, batch):
        if isinstance(batch, Sided):
            return self.tower[batch.side](batch.value)
        return torch.stack([self(side) for side in batch]).mean(dim=0)


class Sides(Modality):
    """Pictures and the vectors that belong to them."""

    name = "tests.toys.sides:Sides"
    usual_encoder = "towers"

    def __init__(self, views):
        self.views = views

    @classmethod
    def accepts(cls, source):
        return isinstance(source, Mapping) and set(source) <= set(SHAPES)

    @classmethod
    def fit(cls, source, options):
        sides = cls("sides" if options.views == "auto" else options.views)
        items = sides.open(source)
        if len(items.sides) < 2:
            raise SourceError(f"Both sides are learned from, image and vector. Got only {next(iter(items.sides))}.")
        return Dataset(sides, items)

    def open(self, source):
        held = source if isinstance(source, Mapping) else dict(np.load(Path(source), allow_pickle=False))
        sides = {side: torch.as_tensor(np.float32(held[side])) for side in SHAPES if side in held}
        wrong = [side for side, values in sides.items() if tuple(values.shape[1:]) != SHAPES[side]]
        if wrong or len({len(values) for values in sides.values()}) != 1:
            raise SourceError(
                f"Expected as many image (n, 1, 6, 6) as vector (n, 5), or one of them. Got {list(held)}."
            )
        return Both(sides)

    @property
    def augmentation(self):
        name, options = catalogue.split(self.views)
        if name != "sides":
            raise PlanError(f"Pairs have the views sides(noise=). Got '{self.views}'.")
        return OneSide(**options)

    def near_copies(self, batch, key):
        noise = 0.1 * self.augmentation.noise
        if isinstance(batch, Sided):
            return (disturbed(batch, key, noise),)
        return (tuple(disturbed(side, key, noise) for side in batch),)

    def inputs(self, batch):
        return batch

    def baselines(self):
        return {
            "all numbers": lambda batch: torch.cat([side.value.flatten(1) for side in _sides(batch)], dim=1),
            "means": lambda batch: torch.stack([side.value.flatten(1).mean(dim=1) for side in _sides(batch)], dim=1),
        }

    def build_encoder(self, name, width):
        if name not in ("auto", "towers"):
            raise PlanError(f"Pairs have the encoder towers. Got '{name}'.")
        return Towers(width or 32)

    def settings(self):
        return {"views": self.views}

    @classmethod
    def from_settings(cls, settings):
        return cls(settings["views"])


def _sides(batch):
    return (batch,) if isinstance(batch, Sided) else batch
