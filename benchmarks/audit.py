"""Whether ``audit`` finds planted issues: copies, foreign items and flipped labels, five of a hundred each.

How they are planted is described in ``planted_issues.py``.  A short model is trained on the collection with its issues;
then copies and foreign items are ranked (average precision), and flipped labels (ROC-AUC, without foreign items, whose
labels are random).  Beside ``audit`` stand the same scores of other representations alone: vectors of the trained and
of the untrained encoder, plain features and content hashes.  Of these, copies are ranked by cosine similarity.

    python -m benchmarks.audit --fashion mnist.npz --clothing clothing_160.tar test_x_00.webp
        --banking banking77.tsv.gz queries.tsv.gz --series PenDigits.npz ItalyPowerDemand.npz
        --table segment.csv.gz waveform5000.csv.gz [--minutes 2] [--seed 0] [--runs FOLDER]
    python -m benchmarks.audit --many 100000

``apart`` is the average precision of copies without pairs of originals whose bags of words differ in at most two words:
texts hold people's own near-duplicates.  Listed are pairs and outliers with a probability of at least one half.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

import counterpoint as cp
from benchmarks.duplicates import World, average_precision, model_in, options, plain
from benchmarks.planted_issues import Planted, banking, clothing, fashion, series, table
from counterpoint.auditing.audit import Collection, run_checks
from counterpoint.auditing.findings import PROBABLE, Audit
from counterpoint.auditing.outliers import outlier_scores
from counterpoint.auditing.suspicious_labels import label_scores
from counterpoint.data.labels import read_some_labels
from counterpoint.data.vectors import Rows
from counterpoint.retrieval.copy_probability import learned
from counterpoint.retrieval.planted_copies import Evidence, evidence


def copies(planted: Planted, pairs: list[tuple[int, int]], score: np.ndarray) -> str:
    texts = planted.source if isinstance(planted.source, list) else None
    names = [str(row) for row in range(len(planted.labels))]
    world = World(planted.name, None, planted.source, planted.copies, texts)
    every, apart = average_precision(pairs, score, world, names)
    return f"{every:.3f} | {apart:.3f}" if texts else f"{every:.3f} |"


def foreign(planted: Planted, score: np.ndarray) -> str:
    return f"{average_precision_score(np.isin(np.arange(len(score)), planted.foreign), score):.3f}"


def flipped(planted: Planted, score: np.ndarray) -> str:
    rows = np.setdiff1d(np.flatnonzero(~np.isnan(score)), planted.foreign)
    return f"{roc_auc_score(np.isin(rows, planted.flipped), score[rows]):.3f}"


def by_row(values: list[tuple[int, float]], count: int) -> np.ndarray:
    result = np.full(count, np.nan)
    for row, value in values:
        result[row] = value
    return result


def of_audit(planted: Planted, vectors: np.ndarray, known: Evidence, result: Audit) -> str:
    """The scores of the audit; pairs are ranked as ``duplicates`` ranks them, beyond those that are listed."""
    distinct = np.flatnonzero(known.first == np.arange(len(vectors)))
    again = np.flatnonzero(known.first != np.arange(len(vectors)))
    measure = learned(vectors[distinct], known.of(distinct))
    i, j = (
        np.concatenate([one, distinct[of]]) for one, of in zip((known.first[again], again), measure.pairs, strict=True)
    )
    close = np.concatenate([np.full(len(again), 1e9), measure.closeness(*measure.pairs)])
    outlier = by_row([(each.index, each.score) for each in result.outliers], len(vectors))
    label = by_row([(each.index, each.score) for each in result.labels], len(vectors))
    of_copies = copies(planted, list(zip(i.tolist(), j.tolist(), strict=True)), close)
    return (
        f"| audit, copies by {measure.name} | {of_copies} | {foreign(planted, outlier)} | {flipped(planted, label)} |"
    )


def alone(planted: Planted, name: str, vectors: np.ndarray, class_ids: np.ndarray) -> str:
    """The scores of one representation by itself."""
    every = np.arange(len(vectors))
    label = label_scores(vectors, class_ids, every, classes=int(class_ids.max()) + 1).score
    outlier = outlier_scores(vectors)
    return f"| {name} | {copies(planted, *plain(vectors))} | {foreign(planted, outlier)} | {flipped(planted, label)} |"


def listed(planted: Planted, result: Audit) -> str:
    made = {tuple(sorted(pair)) for pair in planted.copies.items()}
    right = sum(tuple(sorted(each.index)) in made for each in result.duplicates)
    pairs = f"{len(result.duplicates)} pairs, {right} of {len(made)} copies"
    outliers = [each.index for each in result.outliers if each.probability >= PROBABLE]
    labels = [each.index for each in result.labels if each.probability >= PROBABLE]
    return (
        f"{planted.name}: {result.items:,} items. Listed {pairs}; "
        f"{len(outliers)} outliers, {shared(outliers, planted.foreign)} foreign; "
        f"{len(labels)} labels, {shared(labels, planted.flipped)} flipped. {result.review['sentence']}"
    )


def shared(rows: list[int], planted: np.ndarray) -> str:
    return f"{len(np.intersect1d(rows, planted))} of {len(planted)}"


def measured(planted: Planted, model: cp.Model) -> None:
    items = model.open(planted.source)
    read = read_some_labels(planted.labels.tolist(), planted.source, items)
    vectors, known = model.embed_items(items).vectors, evidence(model, items)
    began = time.perf_counter()
    result = run_checks(Collection.of(items, vectors, items.names, labels=read, evidence=known), {})
    seconds = time.perf_counter() - began
    print(of_audit(planted, vectors, known, result), flush=True)
    others = {"trained vectors": vectors, "untrained vectors": model.untrained().embed_items(items).vectors}
    others |= {"plain features": known.features} | ({} if known.hashes is None else {"content hashes": known.hashes})
    for name, each in others.items():
        print(alone(planted, name, each, read.class_ids), flush=True)
    print(f"\n{listed(planted, result)} Checks took {seconds:.0f} s.\n", flush=True)


def timed(count: int) -> str:
    """Seconds and memory of all checks of so many vectors in 50 classes, of which one in twenty is a noisy copy."""
    random = np.random.default_rng(0)
    classes = random.integers(0, 50, count)
    vectors = (random.normal(size=(50, 32))[classes] + random.normal(size=(count, 32))) @ random.normal(size=(32, 128))
    planted = count // 20
    vectors[-planted:] = vectors[:planted] + random.normal(0, 0.1, (planted, 128))
    classes[-planted:] = classes[:planted]
    names = [str(row) for row in range(count)]
    read = read_some_labels([f"class {each}" for each in classes], None, Rows(names))
    metadata = {"size": random.normal(size=count), "site": random.integers(0, 20, count).astype(str)}
    collection = Collection.of(Rows(names), vectors.astype(np.float32), names, labels=read, metadata=metadata)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    result = run_checks(collection, {})
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    seconds = time.perf_counter() - began
    return f"{count:,} vectors: {seconds:.0f} s, {more:.0f} MB; {len(result.duplicates):,} pairs listed"


WORLDS: dict[str, tuple[Callable[..., Planted], int, str]] = {
    "fashion": (fashion, 1, "image"),
    "clothing": (clothing, 2, "image"),
    "banking": (banking, 2, "text"),
    "series": (series, 2, "series"),
    "table": (table, 2, "table"),
}
"""What plants issues, the number of its files, and the modality."""


def main() -> None:
    parser = options()
    for name, (_, files, _) in WORLDS.items():
        parser.add_argument(f"--{name}", type=Path, nargs=files)
    given = parser.parse_args()
    if given.many:
        print(timed(given.many))
        return
    print(f"CPU capability {torch.backends.cpu.get_cpu_capability()}, seed {given.seed}\n")
    with tempfile.TemporaryDirectory() as folder:
        for name, (plant, _, modality) in WORLDS.items():
            files = getattr(given, name)
            if files is None:
                continue
            planted = plant(*files, given.seed)
            place = (given.runs or Path(folder)) / f"{planted.name}-{given.seed}"
            choices = {"minutes": given.minutes, "seed": given.seed, "modality": modality}
            model = model_in(place, planted.source, **choices)
            print(
                f"| {planted.name} | copies | apart | foreign items | flipped labels |\n| --- | --- | --- | --- | --- |"
            )
            measured(planted, model)


if __name__ == "__main__":
    main()
