"""Build time, recall, search time and memory of an index, with exact search in the same process beside it.

Vectors are drawn from random clusters: normal centres, a hundred vectors for each, with normal noise of ``--noise``
times the centre's norm, scaled to length 1. Queries are further vectors of the same clusters, which were not used to
choose the settings of the index. Recall@10 is the share of the ten most similar vectors, by exact search, that are
found.

    OMP_NUM_THREADS=2 python benchmarks/index.py                                   # 1,000,000 x 128, every backend
    OMP_NUM_THREADS=2 python benchmarks/index.py --count 10000000 --backends scan  # for its memory
    OMP_NUM_THREADS=2 python benchmarks/index.py --vectors z.npz                   # your own vectors

A time is the shortest of several repetitions: of single queries, one after another, and per query of a batch of a
hundred. ``exact`` is the exact search of this package in the process that also times the backend, on the same queries
with the same threads; ``faiss flat`` is ``IndexFlatIP`` of faiss. In parentheses is the time of the processor, over all
threads, which does not change with the load of the machine as the other does. Memory is the peak resident memory of a
process that only builds, or only searches, mapped files included.
"""

from __future__ import annotations

import argparse
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
from typing import Any

import numpy as np

import counterpoint as cp
from counterpoint.embeddings import Embeddings
from counterpoint.retrieval.exact_scan import exact_nearest
from counterpoint.storage.mapped_arrays import write_rows

BLOCK, PER_CENTRE, QUERIES, BATCH, GIB = 2**18, 100, 1000, 100, 2**30
SINGLES = 10

Result = dict[str, Any]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def drawn(random: np.random.Generator, centres: np.ndarray, count: int, noise: float) -> np.ndarray:
    chosen = centres[random.integers(len(centres), size=count)]
    return unit(chosen + noise * random.standard_normal(chosen.shape, dtype=np.float32))


def write_clusters(folder: Path, options: argparse.Namespace) -> None:
    """Write ``vectors.npy`` and ``queries.npy``, block by block."""
    random = np.random.default_rng(options.seed)
    centres = random.standard_normal((max(1, options.count // PER_CENTRE), options.dimension), dtype=np.float32)
    sizes = [min(BLOCK, options.count - start) for start in range(0, options.count, BLOCK)]
    blocks = (drawn(random, centres, size, options.noise) for size in sizes)
    write_rows(folder / "vectors.npy", np.dtype("<f4"), (options.dimension,), blocks)
    np.save(folder / "queries.npy", drawn(random, centres, QUERIES, options.noise))


def write_own(folder: Path, options: argparse.Namespace) -> None:
    """The same from a file of vectors, some of which are held out as queries."""
    vectors = unit(Embeddings.load(options.vectors).vectors)
    order = np.random.default_rng(options.seed).permutation(len(vectors))
    np.save(folder / "vectors.npy", vectors[order[QUERIES:]])
    np.save(folder / "queries.npy", vectors[order[:QUERIES]])


def shortest(work: Callable[[], object], seconds: float = 3.0) -> np.ndarray:
    """The shortest time in milliseconds, on the clock and of the processor, of at least three repetitions."""
    times: list[tuple[float, float]] = []
    while len(times) < 3 or sum(each for each, _ in times) < seconds:
        start, processor = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - start, time.process_time() - processor))
    return np.min(times, axis=0) * 1e3


def times_of(search: Callable[[np.ndarray], object], queries: np.ndarray) -> dict[str, list[float]]:
    """Milliseconds per query: of single queries in turn, and of a batch."""
    one = shortest(lambda: [search(queries[row : row + 1]) for row in range(SINGLES)]) / SINGLES
    return {"one": one.tolist(), "batch": (shortest(lambda: search(queries[:BATCH])) / BATCH).tolist()}


def built(folder: Path, backend: str) -> Result:
    start, processor = time.perf_counter(), time.process_time()
    index = cp.index(folder / "vectors.npy", out=folder / backend, backend=backend)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    size = sum(file.stat().st_size for file in (folder / backend).rglob("*") if file.is_file())
    settings = index.segments[0].backend.settings()
    return {"seconds": seconds, "processor": processor, "recall": index.recall, "bytes": size, **settings}


def searched(folder: Path, backend: str) -> Result:
    """A process that only searches, for its memory."""
    index, queries = cp.Index.open(folder / backend), np.load(folder / "queries.npy")
    for _ in range(10):
        index.nearest(queries, 10)
    return {}


def compared(folder: Path, backend: str) -> Result:
    """The recall of a backend, and its times between those of exact search, all in one process."""
    index, queries = cp.Index.open(folder / backend), np.load(folder / "queries.npy")
    vectors = index.segments[0].vectors
    expected = exact_nearest(vectors, queries, 10).rows
    rows = index.nearest(queries, 10).rows
    return {
        "recall": float((rows[:, :, None] == expected[:, None, :]).any(axis=1).mean()),
        **times_of(lambda batch: index.nearest(batch, 10), queries),
        "exact": times_of(lambda batch: exact_nearest(vectors, batch, 10), queries),
    }


def flat(folder: Path, backend: str) -> Result:
    """Exact search of faiss."""
    import faiss

    faiss.omp_set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return dict(times_of(lambda batch: index.search(batch, 10), queries))


def in_process(step: str, folder: Path, backend: str) -> Result:
    """The result of a step in its own process, and the peak of its memory."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--backends", backend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def run_step(options: argparse.Namespace) -> None:
    steps = {"build": built, "search": searched, "compare": compared, "flat": flat}
    result = steps[options.step](options.folder, options.backends)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**result, "peak": peak}))


def pair(times: list[float]) -> str:
    return f"{times[0]:.3f} ({times[1]:.3f})"


def ratio(exact: list[float], times: list[float]) -> str:
    return f"{pair(exact)}: {exact[0] / times[0]:.0f} x ({exact[1] / times[1]:.0f} x)"


def report(folder: Path, options: argparse.Namespace) -> None:
    print(f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}, load average {os.getloadavg()}")
    print("| backend | build, s | memory | recall@10 | one query, ms | exact | of 100, ms | exact | memory |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for backend in options.backends.split(","):
        if backend == "flat":
            times = in_process("flat", folder, backend)
            print(f"| faiss flat | | | 1 | {pair(times['one'])} | | {pair(times['batch'])} | | |")
            continue
        shutil.rmtree(folder / backend, ignore_errors=True)
        build, search = in_process("build", folder, backend), in_process("search", folder, backend)
        print(f"<!-- {backend}: {build}, {search} -->", flush=True)
        times = in_process("compare", folder, backend)
        exact = times["exact"]
        print(
            f"| {backend} | {build['seconds']:.1f} ({build['processor']:.1f}) | {build['peak'] / GIB:.2f} GiB | "
            f"{times['recall']:.3f} | {pair(times['one'])} | {ratio(exact['one'], times['one'])} | "
            f"{pair(times['batch'])} | {ratio(exact['batch'], times['batch'])} | {search['peak'] / GIB:.2f} GiB |",
            flush=True,
        )
    print(f"load average {os.getloadavg()}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--noise", type=float, default=0.7, help="relative to the norm of a centre")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vectors", type=Path, help="an .npz of your own vectors")
    parser.add_argument("--backends", default="scan,faiss,flat")
    parser.add_argument("--folder", type=Path, help="where the files are kept; a temporary folder when left out")
    parser.add_argument("--step", choices=("build", "search", "compare", "flat"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "vectors.npy").exists():
            write_own(folder, options) if options.vectors else write_clusters(folder, options)
        report(folder, options)


if __name__ == "__main__":
    main()
