"""Whether recipes learn at all in a minute, far from the length, the batch and the network that they are made for.

    python benchmarks/recipes.py RECIPE... [--minutes 1] [--batch-size 64] [--width 8]

Every recipe trains a narrow ``conv2d`` on the bundled pictures with small batches; views, head, temperature, optimiser,
schedule and the scaling of the rate are the paper's. A linear probe and neighbours are asked about 1,000 others, beside
the untrained encoder. The figures say that a recipe works, not how good it is.
"""

from __future__ import annotations

import argparse

import counterpoint as cp


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--width", type=int, default=8)
    asked = parser.parse_args()
    for name in asked.recipes:
        small = {"encoder": "conv2d", "width": asked.width, "batch_size": asked.batch_size, "minutes": asked.minutes}
        model = cp.fit("sample:fashion", recipe=name, precision="fp32", **small)
        result = cp.evaluate(model, "sample:fashion", test="sample:fashion-test")
        for kind in ("linear", "knn"):
            print(
                name, kind, {part: value for part, value in result[kind].items() if part != "differences"}, flush=True
            )


if __name__ == "__main__":
    main()
