"""How long columns take to be read and understood: `python benchmarks/reading.py [rows] [columns]`.

Writes a table of numbers, categories and dates as .csv, .jsonl and .parquet, and reads each as ``fit`` does, beside
pandas where it is installed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from pyarrow import csv, parquet

from counterpoint.modalities.table import Table
from counterpoint.modality import DataOptions

REPEATS = 3


def table(rows: int, columns: int) -> pa.Table:
    random = np.random.default_rng(0)
    kinds: list[Callable[[int], pa.Array]] = [
        lambda number: pa.array(random.normal(size=rows).round(4)),
        lambda number: pa.array(random.integers(0, 1000, rows)),
        lambda number: pa.array(random.choice(["red", "green", "blue", "None of these"], rows)),
        lambda number: pa.array(np.datetime_as_string(np.datetime64("2020-01-01") + random.integers(0, 999, rows))),
    ]
    return pa.table({f"c{number}": kinds[number % len(kinds)](number) for number in range(columns)})


def shortest(read: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        read()
        times.append(time.perf_counter() - began)
    return min(times)


def main(rows: int = 100_000, columns: int = 20) -> None:
    held = table(rows, columns)
    print(f"{rows:,} rows of {columns} columns, {torch.backends.cpu.get_cpu_capability()}")
    with tempfile.TemporaryDirectory() as folder:
        files = {suffix: Path(folder) / f"a.{suffix}" for suffix in ("csv", "jsonl", "parquet")}
        csv.write_csv(held, files["csv"])
        files["jsonl"].write_text("\n".join(map(json.dumps, held.to_pylist())))
        parquet.write_table(held, files["parquet"])
        for suffix, file in files.items():
            print(f"{suffix:8} {shortest(lambda file=file: Table.fit(file, DataOptions())):.2f} s")
        try:
            import pandas as pd
        except ImportError:
            return
        print(f"pandas.read_csv {shortest(lambda: pd.read_csv(files['csv'])):.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
