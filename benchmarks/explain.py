"""Whether ``explain`` names the part that makes two items alike, and how far its numbers can be trusted.

Short models are trained on the bundled pictures, and on texts, series and tables that are made up here.  Then the same
part is planted into two items of different classes, which have nothing to do with each other, at places of their own:

    image    a patch of the size of a cell, with a random pattern        (--unaligned: anywhere)
    text     a word of the vocabulary that is in neither text
    series   one of the motifs that the series of training hold somewhere
    table    the values of a group of columns that depend on one another

It should be the strongest cell of the table.  Beside that: how much less alike items are while parts are taken away in
the order of the explanation than in random order; the rank correlation of the table with that of a re-initialised
encoder, and with that from other masks; R2; the error of the estimators by the number of masks; seconds per item.

    python benchmarks/explain.py [--pairs 100] [--seed 0] [--epochs 12] [--runs FOLDER] [--banking banking77.tsv.gz]
    python benchmarks/explain.py --estimators | --time
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import spearmanr, t

import counterpoint as cp
from counterpoint.data.samples import read_sample
from counterpoint.evaluation.intervals import score_interval
from counterpoint.explanation import masks
from counterpoint.explanation.explanation import LOW, explained
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.pair import match
from counterpoint.explanation.part_table import part_table, regressed
from counterpoint.model import Model

MASKS = 1024


class World(NamedTuple):
    name: str
    source: Any
    choices: dict[str, Any]
    pair: Callable[[np.random.Generator], tuple[Any, Any, set[int], set[int]]]
    """Two items into which the same is planted, each as a source of one, and the parts of each that it covers."""


def images(unaligned: bool) -> World:
    test, labels = read_sample("sample:fashion-test")
    classes = np.array(labels)

    def pair(random: np.random.Generator) -> tuple[Any, Any, set[int], set[int]]:
        one, other = unrelated(classes, random)
        pattern = 255 * random.integers(0, 2, (4, 4)).astype(np.uint8)
        planted, covered = [], []
        for row in (one, other):
            top, left = random.integers(0, 25, 2) if unaligned else 4 * random.integers(0, 7, 2)
            picture = test[row].copy()
            picture[top : top + 4, left : left + 4] = pattern
            planted.append(picture[None])
            covered.append({7 * (y // 4) + x // 4 for y in (top, top + 3) for x in (left, left + 3)})
        return planted[0], planted[1], covered[0], covered[1]

    return World("image", "sample:fashion", {}, pair)


def unrelated(classes: np.ndarray, random: np.random.Generator) -> tuple[int, int]:
    one = int(random.integers(len(classes)))
    return one, int(random.choice(np.flatnonzero(classes != classes[one])))


def texts(rows: list[str], name: str, choices: dict[str, Any]) -> World:
    """A tenth of the texts is kept from training; two of them are unrelated if they share no word."""
    kept, train = rows[::10], [row for place, row in enumerate(rows) if place % 10]
    words = sorted({word for row in train for word in row.lower().split() if word.isalpha() and len(word) > 3})

    def pair(random: np.random.Generator) -> tuple[Any, Any, set[int], set[int]]:
        while True:
            said = [kept[row].lower().split() for row in random.choice(len(kept), 2, replace=False)]
            if not set(said[0]) & set(said[1]) and all(2 <= len(each) < 40 for each in said):
                break
        word = str(random.choice([each for each in words if each not in {*said[0], *said[1]}]))
        for each in said:
            each.insert(int(random.integers(len(each) + 1)), word)
        return " ".join(said[0]), " ".join(said[1]), {word}, {word}  # type: ignore[return-value]

    return World(name, train, choices, pair)


def made_up_texts(seed: int) -> World:
    random = np.random.default_rng(seed)
    words = ["".join(each) for each in random.choice(list("abdeghiklmnorstu"), (600, 6))]
    topics, anyones = np.array(words[:400]).reshape(20, 20), words[400:]
    rows = [
        " ".join(random.permutation([*random.choice(topics[row % 20], 5, replace=False), *random.choice(anyones, 6)]))
        for row in range(4000)
    ]
    return texts(rows, "text", {"modality": "text", "learning_rate": 1e-2})


def series(seed: int) -> World:
    random = np.random.default_rng(seed)
    motifs = random.normal(0, 2.5, (8, 8))

    def noise(count: int, drawn: np.random.Generator) -> np.ndarray:
        steps = drawn.normal(size=(count, 1, 160)).cumsum(axis=2)
        smooth = steps[..., 32:] - np.stack([steps[..., 32 - k : 160 - k] for k in range(1, 17)]).mean(axis=0)
        return (smooth / smooth.std()).astype(np.float32)

    source = noise(3000, random)
    for row in range(len(source)):
        for place in random.choice(15, 3, replace=False):
            start = 8 * place + int(random.integers(8))
            source[row, 0, start : start + 8] += motifs[row % 8]

    def pair(drawn: np.random.Generator) -> tuple[Any, Any, set[int], set[int]]:
        both, motif, places = noise(2, drawn), drawn.integers(8), drawn.integers(0, 16, 2)
        for row, place in enumerate(places):
            both[row, 0, 8 * place : 8 * place + 8] += motifs[motif]
        return both[:1], both[1:], {int(places[0])}, {int(places[1])}

    return World("series", source, {"modality": "series"}, pair)


def tables(seed: int) -> World:
    random = np.random.default_rng(seed)
    loads = random.choice([-1, 1], (8, 3))

    def rows(count: int, drawn: np.random.Generator) -> np.ndarray:
        factor = drawn.normal(size=(count, 8, 1))
        return (factor * loads + drawn.normal(0, 0.4, (count, 8, 3))).reshape(count, 24).astype(np.float32)

    def pair(drawn: np.random.Generator) -> tuple[Any, Any, set[int], set[int]]:
        both, group = rows(2, drawn), int(drawn.integers(8))
        covered = set(range(3 * group, 3 * group + 3))
        both[:, sorted(covered)] = 3 * loads[group] * drawn.choice([-1, 1])
        return both[:1], both[1:], covered, covered

    return World("table", rows(4000, random), {"modality": "table"}, pair)


def banking(file: Path) -> World:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [row["text"] for row in csv.DictReader(lines, delimiter="\t") if row["split"] == "train"]
    return texts([row for row in rows if row.strip()], "Banking77", {"modality": "text"})


def masked(model: Model, source: Any) -> MaskedItem:
    return MaskedItem.of(model, model.open([source] if isinstance(source, str) else source).take(np.array([0])))


def mean(values: list[float]) -> str:
    """With its 95 % interval, Student's."""
    x = np.asarray(values)
    reach = t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5
    return f"{x.mean():+.3f} ({x.mean() - reach:+.3f} to {x.mean() + reach:+.3f})"


def measured(world: World, model: Model, pairs: int, seed: int) -> str:
    """A row of the table for one world."""
    fresh, random = model.untrained(seed=seed + 1), np.random.default_rng(seed)
    hits, r2, deletion, insertion, initialised, again = [], [], [], [], [], []
    for number in range(pairs):
        one, other, covers_one, covers_other = world.pair(random)
        a, b = masked(model, one), masked(model, other)
        result = explained(a, b, ("a", "b"), count=MASKS, seed=seed)
        (row, column), *_ = result.strongest(1)
        called = (
            (row, column) if world.name in ("image", "series", "table") else (a.parts.names[row], b.parts.names[column])
        )
        hits.append(called[0] in covers_one and called[1] in covers_other)
        r2.append(result.match.r2)
        deletion.append(result.areas.deletion.difference)
        insertion.append(result.areas.insertion.difference)
        if number < 30:
            table = result.match.table.ravel()
            untrained = [
                part_table(masked(fresh, each), count=MASKS, seed=seed, stream=k) for k, each in enumerate((one, other))
            ]
            repeated = [part_table(each, count=MASKS, seed=seed + 1, stream=k) for k, each in enumerate((a, b))]
            initialised.append(float(spearmanr(table, match(*untrained).table.ravel())[0]))
            again.append(float(spearmanr(table, match(*repeated).table.ravel())[0]))
    hit, trusted = np.array(hits), np.array(r2) >= LOW
    share = score_interval(hit)
    by_r2 = " ".join(
        f"{low:.1f}:{hit[(np.array(r2) >= low) & (np.array(r2) < low + 0.2)].mean():.2f}"
        for low in (-1.0, 0.0, 0.2, 0.4, 0.6, 0.8)
        if ((np.array(r2) >= low) & (np.array(r2) < low + 0.2)).any()
    )
    return (
        f"| {world.name} | {share.value:.2f} ({share.low:.2f} to {share.high:.2f}) "
        f"| {np.median(r2):.2f}, {trusted.mean():.2f} | "
        f"{mean(deletion)} | {mean(insertion)} | {mean(initialised)} | {mean(again)} | {by_r2} |"
    )


def estimators(model: Model, seed: int) -> None:
    """The error of the worst cell, of the largest, against a table from 32,768 masks."""
    pictures, random = read_sample("sample:fashion-test")[0], np.random.default_rng(seed)
    print("| masks | least squares | difference of means |\n|---|---|---|")
    pairs = [
        [masked(model, pictures[row : row + 1]) for row in random.choice(1000, 2, replace=False)] for _ in range(5)
    ]
    truths = [np.stack([values(each, 32768, 7 + k, regressed_alone) for k, each in enumerate(pair)]) for pair in pairs]
    for count in (256, 512, 1024, 2048):
        cells = []
        for how in (regressed_alone, difference):
            errors = []
            for pair, truth in zip(pairs, truths, strict=True):
                table = truth[0] @ truth[1].T
                tried = values(pair[0], count, seed, how) @ values(pair[1], count, seed + 1, how).T
                errors.append(float(np.abs(tried - table).max() / np.abs(table).max()))
            cells.append(f"{np.mean(errors):.3f}")
        print(f"| {count} | {cells[0]} | {cells[1]} |", flush=True)


def values(item: MaskedItem, count: int, stream: int, how: Callable[..., np.ndarray]) -> np.ndarray:
    kept = masks.antithetic(len(item.parts.names), count, seed=1, stream=stream)
    return how(kept, item.vectors(kept, masks.keys(count, seed=1, stream=stream)))


def regressed_alone(kept: torch.Tensor, vectors: np.ndarray) -> np.ndarray:
    return regressed(kept, vectors)[0]


def difference(kept: torch.Tensor, vectors: np.ndarray) -> np.ndarray:
    """E[f | i in] - E[f | i out], each as the mean over the masks that are so."""
    return (2.0 * kept.numpy() - 1).T @ vectors * 2 / len(kept)


def timed() -> None:
    """Seconds and processor time for one item of 32 x 32 with the default encoder, of 49 parts."""
    pictures = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
    model = cp.fit(pictures, epochs=1, quiet=True)
    for count in (512, 1024):
        for _ in range(3):
            item, began, used = masked(model, pictures[:1]), time.perf_counter(), time.process_time()
            part_table(item, count=count, seed=0, stream=0)
            wall, cpu = time.perf_counter() - began, time.process_time() - used
        print(f"{count} masks: {wall:.2f} s, {cpu:.2f} s of processor time, {torch.get_num_threads()} threads")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--runs", type=Path, help="where models are kept, and taken from if they are there")
    parser.add_argument("--banking", type=Path)
    parser.add_argument("--only", help="a world, such as series")
    parser.add_argument("--unaligned", action="store_true", help="patches lie across the cells")
    parser.add_argument("--estimators", action="store_true")
    parser.add_argument("--time", action="store_true")
    given = parser.parse_args()
    if given.time:
        timed()
        return
    worlds = [images(given.unaligned), made_up_texts(given.seed), series(given.seed), tables(given.seed)]
    if given.banking:
        worlds.append(banking(given.banking))
    worlds = [each for each in worlds if given.only in (None, each.name)]
    head = [
        "data",
        "planted part is strongest",
        "R2 median, trusted",
        "deletion",
        "insertion",
        "re-initialised",
        "other masks",
        "hits by R2",
    ]
    print(f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        for number, world in enumerate(worlds):
            place = (given.runs or Path(folder)) / world.name
            there = (place / "config.json").exists()
            choices = {"epochs": given.epochs, "seed": given.seed, "quiet": True, **world.choices}
            model = cp.load(place) if there else cp.fit(world.source, out=place, **choices)
            if there:
                model.open(world.source)
            if given.estimators:
                estimators(model, given.seed)
                return
            if number == 0:
                print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
            print(measured(world, model, given.pairs, given.seed), flush=True)


if __name__ == "__main__":
    main()
