"""Collections with planted issues, for ``audit.py``: five copies, five foreign items, five labels of a hundred items.

Copies are made by other means than those that ``duplicates`` plants to learn from.  Pictures are resized by 75 to 125 %
and written as JPEG of quality 60 to 90; texts get a greeting, thanks, words written out or two words in the other
order; series are resampled to 80 to 120 % of their steps and back and rounded to 256 levels; numbers of tables are
rounded to three digits, and one cell in ten gets noise of a hundredth of its deviation.  Foreign items are of another
data set, whose series and rows have the range of every channel and column.  Labels are flipped to another class;
foreign items get one at random, copies that of their original.  Items equal to an earlier one are left out first.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks.duplicates import reworded, rewritten
from benchmarks.unpack_mosaics import tiles
from counterpoint.data.samples import read_sample

SHARE = 0.05


class Planted(NamedTuple):
    name: str
    source: Any
    labels: np.ndarray
    copies: dict[int, int]
    """From the row of a copy to that of its original."""
    foreign: np.ndarray
    flipped: np.ndarray


def planted(name: str, items: list[Any], labels: np.ndarray, foreign: list[Any], copy: Any, seed: int) -> Planted:
    """A copy of one item in twenty, as many foreign items, and as many labels flipped, in a random order."""
    seen: dict[str | bytes, int] = {}
    for row, each in enumerate(items):
        seen.setdefault(each if isinstance(each, str) else each.tobytes(), row)
    distinct = list(seen.values())
    items, labels = [items[row] for row in distinct], labels[distinct]
    random, count = np.random.default_rng(seed), round(SHARE * len(items))
    chosen = random.permutation(len(items))[:count]
    strangers = [foreign[row] for row in random.permutation(len(foreign))[:count]]
    every = [*items, *(copy(items[row], random) for row in chosen), *strangers]
    classes = np.unique(labels)
    said = np.concatenate([labels, labels[chosen], random.choice(classes, len(strangers))])
    flipped = random.permutation(len(items))[:count]
    for row in flipped:
        said[row] = random.choice(classes[classes != said[row]])
    order = random.permutation(len(every))
    place = np.empty(len(every), dtype=int)
    place[order] = np.arange(len(every))
    copies = {int(place[len(items) + i]): int(place[row]) for i, row in enumerate(chosen)}
    source: Any = [every[row] for row in order]
    if not isinstance(source[0], str):
        source = np.stack(source)
    return Planted(name, source, said[order], copies, place[len(items) + count :], place[flipped])


def again(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    with Image.open(io.BytesIO(rewritten(Image.fromarray(picture), random))) as copy:
        return np.asarray(copy.resize(picture.shape[1::-1], Image.Resampling.BICUBIC))


def fashion(digits: Path, seed: int) -> Planted:
    pictures, labels = read_sample("sample:fashion")[:2]
    with np.load(digits) as held:
        others = next(held[name] for name in held.files if held[name].ndim >= 3)[:3000].reshape(-1, 28, 28)
    return planted("fashion", list(pictures), np.asarray(labels), list(others), again, seed)


def clothing(tar: Path, mosaic: Path, seed: int, side: int = 64) -> Planted:
    import tarfile

    pictures, labels = [], []
    with tarfile.open(tar) as packed:
        for member in packed:
            if member.name.endswith(".jpg"):
                with Image.open(packed.extractfile(member)) as picture:
                    pictures.append(np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)))
                labels.append(Path(member.name).parent.name)
    others = [np.asarray(Image.fromarray(each).resize((side, side))) for each in tiles(mosaic, 32)[:1000]]
    return planted("clothing", pictures, np.asarray(labels), others, again, seed)


def rows_of(file: Path) -> list[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def banking(file: Path, claims: Path, seed: int) -> Planted:
    rows = [row for row in rows_of(file) if row["split"] == "train" and row["text"].strip()]
    labels = np.asarray([row["intent"] for row in rows])
    return planted(
        "banking", [row["text"] for row in rows], labels, [row["text"] for row in rows_of(claims)], reworded, seed
    )


def resampled(series: np.ndarray, random: np.random.Generator) -> np.ndarray:
    steps = series.shape[1]
    there, less = np.arange(steps), np.linspace(0, steps - 1, max(2, round(steps * random.uniform(0.8, 1.2))))
    copy = np.stack([np.interp(there, less, np.interp(less, there, channel)) for channel in series])
    low, high = copy.min(), copy.max()
    return np.round((copy - low) / (high - low) * 255) / 255 * (high - low) + low


def like(foreign: np.ndarray, items: np.ndarray) -> np.ndarray:
    """With the mean and the deviation that every channel or column has."""
    over = tuple(axis for axis in range(items.ndim) if axis != 1)
    mean, deviation = foreign.mean(over, keepdims=True), foreign.std(over, keepdims=True) + 1e-9
    return (foreign - mean) / deviation * items.std(over, keepdims=True) + items.mean(over, keepdims=True)


def series_in(file: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(file) as held:
        if "x_train" not in held:
            return held["x"].astype(np.float64), held["record"]
        both = [np.concatenate([held[f"{name}_train"], held[f"{name}_test"]]) for name in "xy"]
        return both[0].astype(np.float64), both[1]


def series(file: Path, other: Path, seed: int) -> Planted:
    (items, labels), (foreign, _) = series_in(file), series_in(other)
    channels, steps = items.shape[1:]
    foreign = foreign.reshape(-1, 1, foreign.shape[2])
    foreign = foreign[: len(foreign) // channels * channels].reshape(-1, channels, foreign.shape[2])
    there = np.linspace(0, foreign.shape[2] - 1, steps)
    foreign = np.stack([[np.interp(there, np.arange(foreign.shape[2]), each) for each in one] for one in foreign])
    found = planted(file.stem, list(items), labels, list(like(foreign, items)), resampled, seed)
    return found._replace(source=found.source.astype(np.float32))


def table_in(file: Path) -> tuple[np.ndarray, np.ndarray]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    return np.asarray([[float(cell) for cell in row[:-1]] for row in rows]), np.asarray([row[-1] for row in rows])


def table(file: Path, other: Path, seed: int) -> Planted:
    (items, labels), (foreign, _) = table_in(file), table_in(other)
    deviation = items.std(axis=0)

    def rounded(row: np.ndarray, random: np.random.Generator) -> np.ndarray:
        size = 10.0 ** (np.floor(np.log10(np.abs(row) + 1e-12)) - 2)
        noise = 0.01 * deviation * random.normal(size=len(row)) * (random.uniform(size=len(row)) < 0.1)
        return np.round(row / size) * size + noise

    strangers = like(foreign[:, : items.shape[1]], items)
    found = planted(file.name.split(".")[0], list(items), labels, list(strangers), rounded, seed)
    return found._replace(source=found.source.astype(np.float32))
