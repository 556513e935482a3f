"""How fast an index is built and searched, how much it meets, and how much memory it takes; faiss beside it.

Vectors are of random clusters: centres are normal, a hundred vectors to each, with normal noise of ``--noise`` times
the length of a centre, all scaled to length 1; queries are further such vectors. Recall@10 is the share of the ten most
alike by exact search that are met, on queries that were not seen when the index was built.

    OMP_NUM_THREADS=2 python benchmarks/index.py                                  # 1,000,000 x 128, every backend
    OMP_NUM_THREADS=2 python benchmarks/index.py --count 10000000 --backends scan  # memory: a process for each step
    OMP_NUM_THREADS=2 python benchmarks/index.py --vectors z.npz                   # vectors of your own

Times are the best of several, of one query and of a hundred at once, by the same threads. ``exact`` is our own exact
search, ``faiss flat`` that of faiss. Memory is the peak of a process that does nothing else, files that are mapped
included.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import counterpoint as cp
from counterpoint.embeddings import Embeddings
from counterpoint.retrieval.exact_scan import exact_nearest
from counterpoint.storage.mapped_arrays import write_rows

BLOCK, PER_CENTRE, HELD = 2**18, 100, 1000


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def drawn(random: np.random.Generator, centres: np.ndarray, count: int, noise: float) -> np.ndarray:
    own = centres[random.integers(len(centres), size=count)]
    return unit(own + noise * random.standard_normal(own.shape, dtype=np.float32))


def write_clusters(folder: Path, given: argparse.Namespace) -> None:
    """Write ``vectors.npy`` and ``queries.npy``, block by block."""
    random = np.random.default_rng(given.seed)
    centres = random.standard_normal((max(1, given.count // PER_CENTRE), given.length), dtype=np.float32)
    sizes = [min(BLOCK, given.count - start) for start in range(0, given.count, BLOCK)]
    blocks = (drawn(random, centres, size, given.noise) for size in sizes)
    write_rows(folder / "vectors.npy", np.dtype("<f4"), (given.length,), blocks)
    np.save(folder / "queries.npy", drawn(random, centres, HELD, given.noise))


def write_given(folder: Path, given: argparse.Namespace) -> None:
    """The same from a file of vectors, of which some are kept back as queries."""
    vectors = unit(Embeddings.load(given.vectors).vectors)
    order = np.random.default_rng(given.seed).permutation(len(vectors))
    np.save(folder / "vectors.npy", vectors[order[HELD:]])
    np.save(folder / "queries.npy", vectors[order[:HELD]])


def quickest(work: Callable[[], object], seconds: float = 3.0) -> float:
    """Milliseconds of the quickest of as many tries as a few seconds allow, three at least."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times) * 1e3


def met(rows: np.ndarray, truth: np.ndarray) -> float:
    return float((rows[:, :, None] == truth[:, None, :]).any(axis=1).mean())


def built(folder: Path, backend: str) -> dict[str, float]:
    began = time.perf_counter()
    index = cp.index(folder / "vectors.npy", out=folder / backend, backend=backend)
    seconds = time.perf_counter() - began
    size = sum(file.stat().st_size for file in (folder / backend).rglob("*") if file.is_file())
    return {"seconds": seconds, "recall": index.recall, "bytes": size, **index.segments[0].backend.settings()}


def searched(folder: Path, backend: str) -> dict[str, float]:
    index, queries = cp.Index.open(folder / backend), np.load(folder / "queries.npy")
    several = queries[: min(200, len(queries))]
    truth = exact_nearest(index.segments[0].vectors, several, 10).rows
    one = itertools.cycle(queries)
    return {
        "recall": met(index.nearest(several, 10).rows, truth),
        "one": quickest(lambda: index.nearest(next(one), 10)),
        "hundred": quickest(lambda: index.nearest(queries[:100], 10)) / 100,
    }


def flat(folder: Path) -> dict[str, float]:
    """Exact search of faiss."""
    import faiss

    faiss.omp_set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    one = quickest(lambda: index.search(queries[:1], 10))
    return {"one": one, "hundred": quickest(lambda: index.search(queries[:100], 10)) / 100}


def apart(step: str, folder: Path, backend: str) -> dict[str, float]:
    """The result of a step in a process of its own, and the peak of its memory."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--backends", backend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def in_step(given: argparse.Namespace) -> None:
    """What a process of its own does."""
    steps = {"build": built, "search": searched, "flat": lambda folder, _: flat(folder)}
    result = steps[given.step](given.folder, given.backends)
    print(json.dumps({**result, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def compared(folder: Path, given: argparse.Namespace) -> None:
    gib = 2**30
    exact = None
    print("| backend | built, s | its memory, GiB | recall@10 | one query, ms | of a hundred, ms | memory, GiB |")
    print("|---|---|---|---|---|---|---|")
    for backend in given.backends.split(","):
        if backend == "flat":
            result = apart("flat", folder, backend)
            print(f"| faiss flat | | | 1.000 | {result['one']:.2f} | {result['hundred']:.3f} | |", flush=True)
            continue
        shutil.rmtree(folder / backend, ignore_errors=True)
        build, search = apart("build", folder, backend), apart("search", folder, backend)
        exact = search if backend == "exact" else exact
        times = [f"{search[each]:.3f}" for each in ("one", "hundred")]
        if exact is not None and backend != "exact":
            times = [f"{search[each]:.3f} ({exact[each] / search[each]:.0f} x)" for each in ("one", "hundred")]
        print(
            f"| {backend} | {build['seconds']:.1f} | {build['peak'] / gib:.2f} | {search['recall']:.3f} | {times[0]} | "
            f"{times[1]} | {search['peak'] / gib:.2f} |"
        )
        settings = {name: value for name, value in build.items() if name not in ("seconds", "peak", "bytes")}
        print(f"<!-- {backend}: {build['bytes'] / gib:.2f} GiB on the disk, {settings} -->", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--noise", type=float, default=0.7, help="of a number, where that of a centre is 1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vectors", type=Path, help="an .npz of vectors in their place")
    parser.add_argument("--backends", default="exact,scan,faiss,flat")
    parser.add_argument("--folder", type=Path, help="where all is kept; some temporary one when left out")
    parser.add_argument("--step", choices=("build", "search", "flat"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        in_step(given)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "vectors.npy").exists():
            write_given(folder, given) if given.vectors else write_clusters(folder, given)
        compared(folder, given)


if __name__ == "__main__":
    main()
