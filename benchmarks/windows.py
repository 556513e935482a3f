"""How fast windows of a long series are embedded and scored after training.

    python -m benchmarks.windows [--steps 100000] [--window 64] [--seed 0]

A noisy wave; the first 5,000 steps train a model for a few seconds and are the normal ones. Timed are ``embed`` and
``anomalies`` of all steps, without writing.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import counterpoint as cp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"CPU capability {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads")
    random = np.random.default_rng(args.seed)
    series = np.sin(np.arange(args.steps) / 7) + random.normal(0, 0.2, args.steps)
    normal = series[:5000]
    model = cp.fit(normal, window=args.window, epochs=2, seed=args.seed, quiet=True)
    began = time.perf_counter()
    count = len(model.embed(series))
    seconds = time.perf_counter() - began
    print(f"embed: {count:,} windows in {seconds:.1f} s, {count / seconds:,.0f} a second")
    began = time.perf_counter()
    result = cp.anomalies(model, series[5000:], normal=normal, alarm=0.05, quiet=True)
    print(f"anomalies: {len(result.items):,} windows in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
