"""Sets of points of unequal size, as a whole kind of data in one file outside of the package.

A source is a list of arrays (n_i, 2), or an .npz with the ``rows`` (N, 2) of all sets, one set after the other, their
``counts`` (n,), and perhaps ``groups`` (n,): what sets must not be parted.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from counterpoint import batch, catalogue, rng
from counterpoint.batch import Packed, pack
from counterpoint.errors import PlanError, SourceError
from counterpoint.interfaces import Augmentation, ItemsInfo
from counterpoint.modality import Dataset, Modality


@dataclass(frozen=True)
class Sets:
    """Sets that lie in memory, one below the other."""

    packed: Packed
    groups: list | None = None
    labels: None = None

    @property
    def names(self):
        return [f"set {number}" for number in range(len(self))]

    @property
    def info(self):
        return ItemsInfo(groups=self.groups)

    def __len__(self):
        return self.packed.items

    def take(self, index):
        return batch.take(self.packed, torch.from_numpy(np.asarray(index)))


class Scatter(Augmentation):
    """Points are left out, moved a little, and turned about the origin together; a local view keeps fewer of them."""

    def __init__(self, *, drop=0.3, jitter=0.1, turn=1.0):
        self.drop, self.jitter, self.turn = drop, jitter, turn

    @property
    def spec(self):
        return catalogue.written("scatter", {"drop": self.drop, "jitter": self.jitter, "turn": self.turn})

    def __call__(self, sets, keys):
        key = rng.hashed(keys)
        counts = torch.bincount(sets.item, minlength=sets.items)
        place = torch.arange(len(sets.item), device=key.device) - (counts.cumsum(0) - counts)[sets.item]
        of_row = rng.mix(key[sets.item] + place)  # of the item and the place in it, whatever stands beside
        moved = sets.rows + self.jitter * rng.uniform(of_row, 2, "jitter", low=-1.0)
        angle = self.turn * rng.uniform(key, 1, "turn", low=-1.0)[sets.item]
        x, y = moved[:, :1], moved[:, 1:]
        turned = torch.cat([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], dim=1)
        kept = rng.uniform(of_row, 1, "drop")[:, 0] >= self.drop
        return sets._replace(rows=turned[kept], item=sets.item[kept])

    def scaled(self, by):
        return Scatter(drop=min(0.9, self.drop * by), jitter=self.jitter * by, turn=self.turn * by)

    def parts(self):
        alone = {"drop": 0.0, "jitter": 0.0, "turn": 0.0}
        return {name: Scatter(**{**alone, name: getattr(self, name)}) for name in alone}

    def local(self):
        return Scatter(drop=0.7, jitter=self.jitter, turn=self.turn)


class DeepSets(nn.Module):
    """The mean of what every point says, then a layer (Zaheer et al. 2017, arXiv:1703.06114)."""

    def __init__(self, width):
        super().__init__()
        self.point = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.whole = nn.Linear(width, width)

    def forward(self, sets):
        said = self.point(sets.rows)
        sums = said.new_zeros(sets.items, said.shape[1]).index_add_(0, sets.item, said)
        counts = torch.bincount(sets.item, minlength=sets.items).clamp(min=1)
        return self.whole(sums / counts[:, None])


class Points(Modality):
    """Sets of points in the plane, scaled by how far those of the training data lie from the origin."""

    name = "tests.toys.points:Points"
    usual_encoder = "deepsets"
    ragged = True

    def __init__(self, scale, views):
        self.scale, self.views = scale, views

    @classmethod
    def accepts(cls, source):
        return isinstance(source, list) or str(source).endswith(".npz")

    @classmethod
    def fit(cls, source, options):
        rows = _read(source)[0].rows
        points = cls(float(rows.square().mean().sqrt()), "scatter" if options.views == "auto" else options.views)
        return Dataset(points, points.open(source))

    def open(self, source):
        packed, groups = _read(source)
        return Sets(packed._replace(rows=packed.rows / self.scale), groups)

    @property
    def augmentation(self):
        name, options = catalogue.split(self.views)
        if name != "scatter":
            raise PlanError(f"Points have the views scatter(drop=, jitter=, turn=). Got '{self.views}'.")
        return Scatter(**options)

    def inputs(self, sets):
        return sets

    def baselines(self):
        return {"mean and number": batch.flat, "spread": _spread}

    def build_encoder(self, name, width):
        if name not in ("auto", "deepsets"):
            raise PlanError(f"Points have the encoder deepsets. Got '{name}'.")
        return DeepSets(width or 32)

    def settings(self):
        return {"scale": self.scale, "views": self.views}

    @classmethod
    def from_settings(cls, settings):
        return cls(settings["scale"], settings["views"])


def _read(source):
    """The sets of a source and their groups."""
    if isinstance(source, list):
        return pack([torch.as_tensor(np.asarray(each, dtype=np.float32)) for each in source]), None
    try:
        with np.load(Path(source), allow_pickle=False) as held:
            sets = np.split(held["rows"], np.cumsum(held["counts"])[:-1])
            return _read(sets)[0], held["groups"].tolist() if "groups" in held else None
    except (OSError, KeyError, ValueError) as wrong:
        raise SourceError(f"'{source}' is no .npz with rows and counts: {wrong}.") from wrong


def _spread(sets):
    """The mean square of every coordinate."""
    squares = sets.rows.new_zeros(sets.items, 2).index_add_(0, sets.item, sets.rows.square())
    return squares / torch.bincount(sets.item, minlength=sets.items).clamp(min=1)[:, None]
