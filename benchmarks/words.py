"""Vectors of words beside gensim's, in turn in one process: words per second, and how alike they find pairs of words.

    python benchmarks/words.py corpus.txt pairs.tsv [--seeds 3] [--epochs 5] [--threads 2]        # needs gensim

The corpus has a sentence in each line, its words in lower case between spaces. The pairs have the columns set, w1, w2
and score. Both learn 100 numbers for every word that occurs five times: window 5, 5 negatives, 1e-3 for frequent words.
Speed is that of training; of all from the file to the vectors behind it. Quality is Spearman's rank correlation.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

import counterpoint as cp
from counterpoint.data.word2vec import read_word2vec

Trained = tuple[dict[str, np.ndarray], float, float]
"""Vectors by their words, and the seconds of training and of all."""


def ours(corpus: Path, epochs: int, seed: int, threads: int, folder: Path) -> Trained:
    torch.set_num_threads(threads)
    began = time.perf_counter()
    cp.fit(corpus, method="skipgram", epochs=epochs, seed=seed, out=folder, overwrite=True)
    whole = time.perf_counter() - began
    cp.export(folder, folder / "vectors.bin")
    words, vectors = read_word2vec(folder / "vectors.bin")
    last = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return dict(zip(words, vectors, strict=True)), json.loads(last)["seconds"], whole


def theirs(corpus: Path, epochs: int, seed: int, threads: int) -> Trained:
    from gensim.models import Word2Vec

    began = time.perf_counter()
    sentences = [line.split() for line in corpus.read_text(encoding="utf-8").splitlines()]
    model = Word2Vec(vector_size=100, window=5, min_count=5, sg=1, negative=5, sample=1e-3, workers=threads, seed=seed)
    model.build_vocab(sentences)
    started = time.perf_counter()
    model.train(sentences, total_examples=len(sentences), epochs=epochs)
    ended = time.perf_counter()
    return {word: model.wv[word] for word in model.wv.index_to_key}, ended - started, ended - began


def correlation(vectors: dict[str, np.ndarray], pairs: list[dict[str, str]]) -> tuple[float, int]:
    """The rank correlation of cosines with scores, and of how many pairs whose words are both known."""
    known = [each for each in pairs if each["w1"].lower() in vectors and each["w2"].lower() in vectors]
    one, other = (np.stack([vectors[each[name].lower()] for each in known]) for name in ("w1", "w2"))
    cosines = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return float(spearmanr(cosines, [float(each["score"]) for each in known]).statistic), len(known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--sets", nargs="+", default=["WS-353-ALL", "SIMLEX-999", "MTR-3k"])
    for name, default in (("--seeds", 3), ("--epochs", 5), ("--threads", 2)):
        parser.add_argument(name, type=int, default=default)
    asked = parser.parse_args()
    with asked.pairs.open(encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    count = asked.epochs * sum(len(line.split()) for line in asked.corpus.read_text(encoding="utf-8").splitlines())
    for seed in range(1, asked.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            result = {
                "gensim": theirs(asked.corpus, asked.epochs, seed, asked.threads),
                "counterpoint": ours(asked.corpus, asked.epochs, seed, asked.threads, Path(folder) / "run"),
            }
        for name, (vectors, training, whole) in result.items():
            scores = {each: correlation(vectors, [row for row in pairs if row["set"] == each]) for each in asked.sets}
            said = ", ".join(f"{each} {score:.3f} of {number}" for each, (score, number) in scores.items())
            print(
                f"seed {seed}  {name:12}  {count / training:9,.0f} ({count / whole:9,.0f}) words/s  {said}", flush=True
            )


if __name__ == "__main__":
    main()
