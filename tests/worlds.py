"""Tiny worlds, one for every kind of data, whose nuisance is exactly what its views change.

On plain clusters an untrained encoder is nearly as good as a trained one; here it is not, so a canary can sing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions

CLASSES = 4


@dataclass
class World:
    source: Any
    labels: np.ndarray
    choices: dict[str, Any]

    @property
    def reading(self):
        """The choices that say how the source is read."""
        return {name: value for name, value in self.choices.items() if name in ("window", "stride")}

    def options(self, **choices):
        return DataOptions(kind=self.choices["modality"], data=ReadOptions(**self.reading), **choices)


class Named:
    """Items that have names and nothing else."""

    def __init__(self, *names):
        self.names, self.labels = list(names), None

    def __len__(self):
        return len(self.names)

    def take(self, index):
        raise AssertionError("labels are read without looking at items")


def stripes(count=256, seed=0):
    """Pictures of stripes: direction and width are the class; place, colour and light are an accident."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    place = np.arange(16)
    pictures = np.empty((count, 16, 16, 3), dtype=np.uint8)
    for row, label in enumerate(labels):
        wave = np.sin(2 * np.pi * (place * (1 + 2 * (label // 2)) / 8 + random.uniform()))
        plane = np.tile(wave, (16, 1)) if label % 2 else np.tile(wave[:, None], (1, 16))
        colour, back = random.uniform(0, 1, (2, 3))
        picture = back + (colour - back) * (plane[..., None] * 0.5 + 0.5) + random.normal(0, 0.03, (16, 16, 3))
        pictures[row] = np.clip(picture * 255, 0, 255)
    return World(pictures, labels, {"modality": "image", "views": "simclr(scale=0.5)"})


def pulses(count=256, seed=0):
    """Series with two channels: how fast they swing is the class; phase, size and offset are an accident."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    time = np.linspace(0, 1, 64)
    swings = 2.0 * (labels + 1)
    phase = random.uniform(0, 2 * np.pi, (count, 2, 1))
    size = random.uniform(0.3, 2.0, (count, 2, 1))
    wave = np.sin(2 * np.pi * swings[:, None, None] * time + phase) * size
    return World((wave + random.normal(0, 0.1, wave.shape)).astype(np.float32), labels, {"modality": "series"})


def records(count=512, seed=0):
    """Rows of which ten columns say the class together, each weakly, beside ten columns of noise twice as loud."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    centres = np.random.default_rng(99).normal(0, 1.2, (CLASSES, 10))
    useful = centres[labels] + random.normal(0, 0.6, (count, 10))
    noise = random.uniform(-3, 3, (count, 10))
    return World(np.concatenate([useful, noise], axis=1).astype(np.float32), labels, {"modality": "table"})


def remarks(count=512, seed=0):
    """Sentences of ten words: four of the thirty of a topic, which is the class, amid words that anyone uses."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    words = np.array(["".join(word) for word in np.random.default_rng(99).choice(list("abdeghiklmnorstu"), (200, 5))])
    topics, anyones = words[:120].reshape(CLASSES, 30), words[120:]
    said = [[*random.choice(topics[label], 4, replace=False), *random.choice(anyones, 6)] for label in labels]
    return World(
        [" ".join(random.permutation(each)) for each in said], labels, {"modality": "text", "learning_rate": 1e-2}
    )


def drifts(count=256, seed=0):
    """One long series in regimes of four windows: a fast, small wave is the class, a slow drift is an accident."""
    random = np.random.default_rng(seed)
    steps, regimes = 64 * count, np.arange(-(-count // 4)) % CLASSES
    phase = np.cumsum(2 * np.pi / np.array([4, 6, 9, 13])[np.repeat(regimes, 4 * 64)[:steps]])
    slow = np.convolve(random.normal(size=steps), np.hanning(25), "same")
    series = 0.25 * np.sin(phase) + slow / slow.std() + random.normal(0, 0.05, steps)
    choices = {"modality": "windows", "window": 64, "stride": 64, "views": "near(shift=24)"}
    return World(series.astype(np.float32), np.repeat(regimes, 4)[:count], choices)


def scored(seed=0):
    """Pairs of remarks, as alike as their topics are the same; items in the order in which they are read."""
    world = remarks(seed=seed)
    source, other = np.array(world.source, dtype=object), np.random.default_rng(1).permutation(len(world.labels))
    pairs = np.stack([np.arange(len(other)), other], axis=1)
    score = (world.labels == world.labels[other]).astype(float)
    _, first = np.unique(pairs, return_index=True)
    order = pairs.reshape(-1)[np.sort(first)]
    columns = {"one": source, "other": source[other], "score": score}
    return World(columns, world.labels[order], world.choices)


WORLDS = {"text": remarks, "image": stripes, "series": pulses, "windows": drifts, "table": records}
