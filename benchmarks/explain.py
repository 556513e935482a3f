"""Whether ``explain`` identifies the part that two items share, and how reliable its values are.

Short models are trained on the bundled images with patterns in them, and on synthetic texts, series and tables.  Then
the same part is planted into two unrelated items, for images and texts of different classes:

    image    one of the 4 x 4 patterns that the training images contain, at one place  (--apart: at a place in each)
    text     a word of the vocabulary that is in neither text
    series   one of the motifs that the training series contain
    table    extreme values in a group of correlated columns

The planted pair of parts should be the strongest cell of the table.  Also measured: R2 on held-out masks; deletion and
insertion minus random order; the rank correlation of the table with that of a re-initialised encoder, and with that
from other masks; seconds per item.

    python benchmarks/explain.py [--pairs 100] [--seed 0] [--epochs 12] [--runs FOLDER] [--banking banking77.tsv.gz]
    python benchmarks/explain.py --time
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import spearmanr, t

import counterpoint as cp
from counterpoint.data.samples import read_sample
from counterpoint.evaluation.intervals import score_interval
from counterpoint.explanation.explanation import LOW, explained
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.pair import match
from counterpoint.explanation.part_table import part_table
from counterpoint.interfaces import Parts
from counterpoint.model import Model

MASKS, CORRELATED = 1024, 30
"""Masks of each item; pairs whose tables are compared with those of other encoders and masks."""

HEAD = (
    "data | planted pair is strongest | R2, median | share with R2 >= 0.5, hits of those | deletion | insertion | "
    "rank correlation with a re-initialised encoder | with other masks"
)


class Planted(NamedTuple):
    """Two items with the same planted part, each as a source of one, and the parts of each that it covers."""

    a: Any
    b: Any
    covered_a: set[int | str]
    """Places or names of parts."""
    covered_b: set[int | str]


class World(NamedTuple):
    name: str
    source: Any
    choices: dict[str, Any]
    pair: Callable[[np.random.Generator], Planted]


def images(seed: int, apart: bool) -> World:
    random = np.random.default_rng(seed)
    patterns = 255 * random.integers(0, 2, (8, 4, 4)).astype(np.uint8)
    source, (test, labels) = read_sample("sample:fashion")[0].copy(), read_sample("sample:fashion-test")
    classes = np.array(labels)
    for row in range(len(source)):
        for top, left in random.integers(0, 25, (3, 2)):
            source[row, top : top + 4, left : left + 4] = patterns[row % 8]

    def pair(drawn: np.random.Generator) -> Planted:
        first = int(drawn.integers(len(classes)))
        second = int(drawn.choice(np.flatnonzero(classes != classes[first])))
        pattern, both, places = patterns[drawn.integers(8)], test[[first, second]], drawn.integers(0, 7, (2, 2))
        if not apart:
            places[1] = places[0]
        for picture, (row, column) in zip(both, 4 * places, strict=True):
            picture[row : row + 4, column : column + 4] = pattern
        a, b = (int(7 * row + column) for row, column in places)
        return Planted(both[:1], both[1:], {a}, {b})

    return World("image", source, {"modality": "image"}, pair)


def texts(rows: list[tuple[str, Any]], name: str, choices: dict[str, Any]) -> World:
    """From texts with their classes; a tenth is held out.  Pairs are of different classes and share no word."""
    held_out, train = rows[::10], [text for place, (text, _) in enumerate(rows) if place % 10]
    words = sorted({word for row in train for word in row.lower().split() if word.isalpha() and len(word) > 3})

    def pair(random: np.random.Generator) -> Planted:
        while True:
            drawn = [held_out[row] for row in random.choice(len(held_out), 2, replace=False)]
            both = [text.lower().split() for text, _ in drawn]
            short = all(2 <= len(each) < 40 for each in both)
            if short and drawn[0][1] != drawn[1][1] and not set(both[0]) & set(both[1]):
                break
        word = str(random.choice([each for each in words if each not in {*both[0], *both[1]}]))
        for each in both:
            each.insert(int(random.integers(len(each) + 1)), word)
        return Planted(*(" ".join(each) for each in both), {word}, {word})

    return World(name, train, choices, pair)


def synthetic_texts(seed: int) -> World:
    random = np.random.default_rng(seed)
    words = ["".join(each) for each in random.choice(list("abdeghiklmnorstu"), (600, 6))]
    topics, common = np.array(words[:400]).reshape(20, 20), words[400:]
    rows = [
        (
            " ".join(random.permutation([*random.choice(topics[topic], 5, replace=False), *random.choice(common, 6)])),
            topic,
        )
        for topic in random.integers(0, 20, 4000)
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

    def pair(drawn: np.random.Generator) -> Planted:
        both, motif, places = noise(2, drawn), drawn.integers(8), drawn.integers(0, 16, 2)
        for row, place in enumerate(places):
            both[row, 0, 8 * place : 8 * place + 8] += motifs[motif]
        return Planted(both[:1], both[1:], {int(places[0])}, {int(places[1])})

    return World("series", source, {"modality": "series"}, pair)


def tables(seed: int) -> World:
    random = np.random.default_rng(seed)
    loads = random.choice([-1, 1], (8, 3))

    def rows(count: int, drawn: np.random.Generator) -> np.ndarray:
        factor = drawn.normal(size=(count, 8, 1))
        return (factor * loads + drawn.normal(0, 0.4, (count, 8, 3))).reshape(count, 24).astype(np.float32)

    def pair(drawn: np.random.Generator) -> Planted:
        both, group = rows(2, drawn), int(drawn.integers(8))
        covered: set[int | str] = set(range(3 * group, 3 * group + 3))
        both[:, sorted(covered)] = 3 * loads[group] * drawn.choice([-1, 1])
        return Planted(both[:1], both[1:], covered, covered)

    return World("table", rows(4000, random), {"modality": "table"}, pair)


def banking(file: Path) -> World:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["split"] == "train" and row["text"].strip()]
    return texts([(row["text"], row["intent"]) for row in rows], "Banking77", {"modality": "text"})


def masked(model: Model, source: Any) -> MaskedItem:
    return MaskedItem.of(model, model.open([source] if isinstance(source, str) else source).take(np.array([0])))


def mean(values: Sequence[float]) -> str:
    """With Student's 95 % interval."""
    x = np.asarray(values)
    margin = t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5
    return f"{x.mean():+.3f} ({x.mean() - margin:+.3f} to {x.mean() + margin:+.3f})"


def hit(place: int, parts: Parts, covered: set[int | str]) -> bool:
    return place in covered or parts.names[place] in covered


def rank_correlation(table: np.ndarray, items: list[MaskedItem], seed: int) -> float:
    """Spearman's, of a table with one that is computed anew."""
    tables = [part_table(each, count=MASKS, seed=seed, stream=stream) for stream, each in enumerate(items)]
    return float(spearmanr(table.ravel(), match(*tables).table.ravel())[0])


def measured(world: World, model: Model, pairs: int, seed: int) -> str:
    """The row of one world."""
    untrained, random = model.untrained(seed=seed + 1), np.random.default_rng(seed)
    hits, r2, deletion, insertion, initialised, repeated = ([] for _ in range(6))
    for number in range(pairs):
        planted = world.pair(random)
        a, b = masked(model, planted.a), masked(model, planted.b)
        result = explained(a, b, ("a", "b"), count=MASKS, seed=seed)
        (row, column), *_ = result.strongest(1)
        hits.append(hit(row, a.parts, planted.covered_a) and hit(column, b.parts, planted.covered_b))
        r2.append(result.match.r2)
        deletion.append(result.areas.deletion.difference)
        insertion.append(result.areas.insertion.difference)
        if number < CORRELATED:
            others = [masked(untrained, each) for each in (planted.a, planted.b)]
            initialised.append(rank_correlation(result.match.table, others, seed))
            repeated.append(rank_correlation(result.match.table, [a, b], seed + 1))
    share, trusted = score_interval(np.array(hits)), np.array(r2) >= LOW
    of_trusted = f"{np.array(hits)[trusted].mean():.2f}" if trusted.any() else "-"
    return (
        f"| {world.name} | {share.value:.2f} ({share.low:.2f} to {share.high:.2f}) | {np.median(r2):.2f} "
        f"| {trusted.mean():.2f}, {of_trusted} | "
        f"{mean(deletion)} | {mean(insertion)} | {mean(initialised)} | {mean(repeated)} |"
    )


def timed() -> None:
    """Seconds and processor time for one item of 32 x 32, of 49 parts, with the default encoder."""
    pictures = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3)).astype(np.uint8)
    model = cp.fit(pictures, epochs=1, quiet=True)
    for count in (512, 1024):
        for _ in range(3):
            item, wall, processor = masked(model, pictures[:1]), time.perf_counter(), time.process_time()
            part_table(item, count=count, seed=0, stream=0)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            print(f"{count} masks: {wall:.2f} s, {processor:.2f} s of processor time")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--runs", type=Path, help="a folder that keeps the trained models")
    parser.add_argument("--banking", type=Path)
    parser.add_argument("--only", help="one of the worlds, such as series")
    parser.add_argument("--apart", action="store_true", help="patches are planted at two different places")
    parser.add_argument("--time", action="store_true")
    options = parser.parse_args()
    print(f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads")
    if options.time:
        timed()
        return
    worlds = [
        images(options.seed, options.apart),
        synthetic_texts(options.seed),
        series(options.seed),
        tables(options.seed),
    ]
    if options.banking:
        worlds.append(banking(options.banking))
    with tempfile.TemporaryDirectory() as folder:
        print(f"| {HEAD} |\n|{'---|' * (HEAD.count('|') + 1)}")
        for world in worlds:
            if options.only in (None, world.name):
                print(measured(world, trained(world, options, Path(folder)), options.pairs, options.seed), flush=True)


def trained(world: World, options: argparse.Namespace, folder: Path) -> Model:
    """The model of a world, loaded where an earlier run left it."""
    out = (options.runs or folder) / world.name
    if (out / "config.json").exists():
        model = cp.load(out)
        model.open(world.source)  # whose rows fill the masked columns of tables
        return model
    return cp.fit(world.source, out=out, epochs=options.epochs, seed=options.seed, quiet=True, **world.choices)


if __name__ == "__main__":
    main()
