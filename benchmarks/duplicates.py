"""Whether ``duplicates`` finds copies that were made by other means than those it plants to learn from.

One item in twenty gets a copy: pictures are resized by 75 to 125 % and written as JPEG of a quality from 60 to 90;
texts get a greeting, thanks, words written out, or two words in the other order.  A short model is trained on the
originals; then pairs of an item and its copy are to be found among all pairs.  Beside it stand the pairs by plain
cosine of raw pixels or TF-IDF, and by plain cosine of the model's vectors, with chains at 0.95 for groups.

    python benchmarks/duplicates.py [--clothing clothing_160.tar] [--banking banking77.tsv.gz] [--minutes 2] [--seed 0]
        [--runs FOLDER]
    python benchmarks/duplicates.py --many 50000

Average precision is that of all pairs, in the order of their closeness; precision and recall are those at the default
cut.  Texts hold people's own near-copies: ``apart`` leaves pairs of originals out whose bags of words differ in at most
two words.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import re
import resource
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import average_precision_score

import counterpoint as cp
from counterpoint.data.samples import read_sample
from counterpoint.embeddings import Embeddings
from counterpoint.evaluation.scores import raw_features
from counterpoint.retrieval.copy_probability import learned
from counterpoint.retrieval.nearest import neighbours
from counterpoint.retrieval.planted_copies import evidence

SHARE = 0.05
WRITTEN_OUT = {
    "i'm": "i am",
    "can't": "cannot",
    "don't": "do not",
    "isn't": "is not",
    "it's": "it is",
    "i've": "i have",
}


class World(NamedTuple):
    name: str
    original: Any
    source: Any
    copies: dict[str, str] | dict[int, int]
    """From the name or the row of a copy to that of its original."""

    def pairs(self, names: list[str]) -> dict[int, int]:
        """From the row of every copy to that of its original."""
        rows = {name: row for row, name in enumerate(names)} | dict(enumerate(range(len(names))))
        return {rows[copy]: rows[original] for copy, original in self.copies.items()}

    texts: list[str] | None = None


def rewritten(picture: Image.Image, random: np.random.Generator) -> bytes:
    by = random.uniform(0.75, 1.25)
    size = [max(1, round(side * by)) for side in picture.size]
    file = io.BytesIO()
    picture.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=int(random.integers(60, 91)))
    return file.getvalue()


def fashion(seed: int) -> World:
    pictures, random = read_sample("sample:fashion")[0], np.random.default_rng(seed)
    chosen = random.permutation(len(pictures))[: round(SHARE * len(pictures))]
    copies = []
    for row in chosen:
        with Image.open(io.BytesIO(rewritten(Image.fromarray(pictures[row]), random))) as copy:
            copies.append(np.asarray(copy.resize(pictures.shape[:0:-1], Image.Resampling.BICUBIC)))
    rows = {len(pictures) + place: int(row) for place, row in enumerate(chosen)}
    return World("fashion", "sample:fashion", np.concatenate([pictures, copies]), rows)


def clothing(tar: Path, folder: Path, seed: int) -> World:
    random = np.random.default_rng(seed)
    with tarfile.open(tar) as packed:
        packed.extractall(folder, filter="data")
    files = sorted(folder.rglob("*.jpg"))
    names = {}
    for row in random.permutation(len(files))[: round(SHARE * len(files))]:
        copy = files[row].with_name(f"copy-{files[row].name}")
        with Image.open(files[row]) as picture:
            copy.write_bytes(rewritten(picture.convert("RGB"), random))
        names[copy.relative_to(folder).as_posix()] = files[row].relative_to(folder).as_posix()
    return World("clothing", str(tar), str(folder), names)


def reworded(text: str, random: np.random.Generator) -> str:
    kind, words = int(random.integers(4)), text.split()
    out = " ".join(WRITTEN_OUT.get(word.lower(), word) for word in words)
    if kind == 0 or (len(words) < 3 and kind > 1):
        return f"Hi, {text}"
    if kind == 1:
        return f"{text} Thanks"
    if kind == 2 and out != " ".join(words):
        return out
    place = int(random.integers(len(words) - 1))
    words[place : place + 2] = words[place + 1], words[place]
    return " ".join(words)


def banking(file: Path, seed: int) -> World:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [row["text"] for row in csv.DictReader(lines, delimiter="\t") if row["split"] == "train"]
    texts, random = [text for text in rows if text.strip()], np.random.default_rng(seed)
    chosen = random.permutation(len(texts))[: round(SHARE * len(texts))]
    rows = {len(texts) + place: int(row) for place, row in enumerate(chosen)}
    every = texts + [reworded(texts[row], random) for row in chosen]
    return World("banking", texts, every, rows, every)


def average_precision(
    pairs: Iterable[tuple[int, int]], score: np.ndarray, world: World, names: list[str]
) -> list[float]:
    """Of all pairs; and without pairs of originals that say the same but for two words. Missing pairs count as last."""
    made = world.pairs(names)
    wanted = {tuple(sorted(pair)) for pair in made.items()}
    pairs = [tuple(sorted(pair)) for pair in pairs]
    right = np.array([pair in wanted for pair in pairs])
    alike = np.zeros(len(pairs), dtype=bool)
    if world.texts is not None:
        bags = [Counter(re.findall(r"\w+", text.lower())) for text in world.texts]
        alike = np.array(
            [not {i, j} & made.keys() and ((bags[i] - bags[j]) + (bags[j] - bags[i])).total() <= 2 for i, j in pairs]
        )
    result = [(right, score), (right[~alike], score[~alike])]
    return [average_precision_score(each, by) * each.sum() / len(wanted) for each, by in result]


def plain(vectors: np.ndarray) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Pairs of neighbours by plain cosine, each once."""
    rows, similarity = neighbours(vectors, vectors, k=10, skip=range(len(vectors)))
    best = {}
    for i, (others, alike) in enumerate(zip(rows.tolist(), similarity.tolist(), strict=True)):
        best |= {(min(i, j), max(i, j)): cosine for j, cosine in zip(others, alike, strict=True)}
    return list(best), np.array(list(best.values()))


def largest_chain(vectors: np.ndarray) -> int:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    linked = [
        np.argwhere(unit[start : start + 500] @ unit.T >= 0.95) + np.array([start, 0])
        for start in range(0, len(unit), 500)
    ]
    i, j = np.concatenate(linked).T
    _, number = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(len(unit),) * 2), directed=False)
    return int(np.bincount(number).max())


def measured(world: World, model: cp.Model) -> list[str]:
    """The rows of the table for one world."""
    items = model.open(world.source)
    names, z, known = list(items.names), model.embed_items(items), evidence(model, items)
    distinct = np.flatnonzero(known.first == np.arange(len(items)))
    measure = learned(z.vectors[distinct], known.of(distinct))
    i, j = (distinct[each] for each in measure.pairs)
    again = np.flatnonzero(known.first != np.arange(len(items)))
    close = np.concatenate([np.full(len(again), np.inf), measure.closeness(*measure.pairs)])
    ours = [*zip(known.first[again].tolist(), again.tolist(), strict=True), *zip(i.tolist(), j.tolist(), strict=True)]
    result = cp.duplicates(model, world.source)
    wanted = {tuple(sorted(pair)) for pair in world.pairs(names).items()}
    right = sum(tuple(sorted(pair.index)) in wanted for pair in result.pairs)
    raw = raw_features(model.modality, items)
    scores = {
        f"duplicates, by {measure.name}": (ours, np.nan_to_num(close, posinf=1e9)),
        "vectors, cosine": plain(z.vectors),
        "raw features, cosine": plain(raw),
    }
    rows = []
    for name, (pairs, score) in scores.items():
        every, apart = average_precision(pairs, score, world, names)
        rows.append(f"| {world.name} | {name} | {every:.3f} | {apart:.3f} |")
    largest = max((len(group.index) for group in result.groups), default=0)
    rows.append(
        f"{world.name}: {len(items):,} items, {len(wanted)} copies; {len(result.pairs)} pairs listed, precision "
        f"{right / max(1, len(result.pairs)):.3f} (expected {result.precision:.3f}), recall {right / len(wanted):.3f} "
        f"(of planted copies {result.recall:.3f}), largest group {largest}; chains at 0.95: {largest_chain(z.vectors)}"
    )
    return rows


def timed(count: int) -> str:
    """Seconds and memory for so many vectors of 128 numbers, of which one in twenty has a noisy copy."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(count, 32)) @ random.normal(size=(32, 128))
    copies = count // 20
    vectors[-copies:] = vectors[:copies] + random.normal(0, 0.1, (copies, 128))
    z = Embeddings(vectors.astype(np.float32), [str(row) for row in range(count)])
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    result = cp.duplicates(z)
    seconds = time.perf_counter() - began
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    right = sum(pair.index[1] - pair.index[0] == count - copies for pair in result.pairs)
    return (
        f"{count:,} vectors: {seconds:.1f} s, {more:.0f} MB more than the vectors; {len(result.pairs):,} pairs listed, "
        f"{right:,} of {copies:,} copies among them"
    )


def options() -> argparse.ArgumentParser:
    """The options of a benchmark that trains a model for each of several worlds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, help="where models are kept, and taken from if they are there")
    parser.add_argument("--many", type=int, help="time so many vectors, and nothing else")
    return parser


def model_in(place: Path, source: object, **choices: Any) -> cp.Model:
    """The model in a folder, or one that is trained into it."""
    if (place / "config.json").exists():
        return cp.load(place)
    return cp.fit(source, out=place, quiet=True, overwrite=True, **choices)


def main() -> None:
    parser = options()
    parser.add_argument("--clothing", type=Path)
    parser.add_argument("--banking", type=Path)
    given = parser.parse_args()
    if given.many:
        print(timed(given.many))
        return
    with tempfile.TemporaryDirectory() as folder:
        worlds = [fashion(given.seed)]
        if given.clothing:
            worlds.append(clothing(given.clothing, Path(folder, "clothing"), given.seed))
        if given.banking:
            worlds.append(banking(given.banking, given.seed))
        print("| data | pairs by | average precision | apart |\n| --- | --- | --- | --- |")
        for world in worlds:
            place = (given.runs or Path(folder)) / world.name
            model = model_in(place, world.original, minutes=given.minutes, seed=given.seed)
            print("\n".join(measured(world, model)), flush=True)


if __name__ == "__main__":
    main()
