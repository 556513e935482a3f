"""Run every benchmark, keep the figures in ``results.json``, and write ``docs/benchmarks.md`` from them.

    python benchmarks/run.py [--quick]          # make bench, make bench-quick

The page speaks in ratios of figures from one run: machines differ, and this one varies from hour to hour. A quick run
is smaller, prints its page, and leaves the files as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import decoding, embedding, engine, pieces, training, views  # noqa: E402
from counterpoint.storage.files import write_json, write_text  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "pictures"
PACKAGES = ("torch", "torchvision", "numpy", "lightly", "pytorch-metric-learning", "kornia", "timm")
BENCHMARKS = {each.__name__.rpartition(".")[2]: each for each in (engine, views, training, pieces, decoding, embedding)}

Row = dict[str, Any]


def machine() -> Row:
    """What the figures belong to."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "commit": commit.stdout.strip(),
    }


def run(quick: bool, only: str | None) -> Row:
    """All rows of all benchmarks, or new ones of one of them, and what they were measured with."""
    results: Row = {"machine": machine(), "quick": quick, "seconds": {}, "commands": {}, "rows": []}
    if only is not None:
        results = json.loads(RESULTS.read_text(encoding="utf-8")) | {"machine": machine()}
    for name, module in BENCHMARKS.items():
        if only not in (None, name):
            continue
        print(f"{name} ...", flush=True)
        start = time.perf_counter()
        fresh = module.measure(quick)
        names = {row["name"] for row in fresh}
        results["rows"] = [row for row in results["rows"] if row["name"] not in names] + fresh
        results["seconds"][name] = round(time.perf_counter() - start, 1)
        results["commands"][name] = f"python benchmarks/{name}.py" + (" --quick" if quick else "")
    return results


def rows_of(results: Row, name: str) -> list[Row]:
    """The rows of one benchmark."""
    return [row for row in results["rows"] if row["name"] == name]


def table(head: list[str], lines: list[list[str]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def times(figure: float) -> str:
    """A ratio for people."""
    return f"{figure:.1f}x" if figure < 10 else f"{figure:,.0f}x"


def loss_table(results: Row) -> str:
    """Time and memory of the loss, as multiples of ours."""
    result = {(row["system"], row["pairs"]): row for row in rows_of(results, "loss")}
    lines = []
    for pairs in sorted({pairs for _, pairs in result}):
        own = result["counterpoint", pairs]
        line = [f"{pairs:,}", f"{1000 * own['seconds']:,.1f} ms", f"{own['mebibytes']:,.0f} MiB"]
        for system in ("lightly", "plain PyTorch", "pytorch-metric-learning", "products"):
            other = result.get((system, pairs))
            if other is None:
                line.append("not run")
            elif system == "products":
                line.append(f"{other['seconds'] / own['seconds']:.0%}")
            else:
                memory = other["mebibytes"] / max(1.0, own["mebibytes"])
                line.append(f"{times(other['seconds'] / own['seconds'])}, {times(memory)}")
        lines.append(line)
    head = ["pairs", "time", "memory", "lightly", "plain PyTorch", "pytorch-metric-learning", "products alone take"]
    return table(head, lines)


def ratio_table(rows: list[Row], keys: list[str], figure: str, unit: str) -> str:
    """Our figure and the multiple of each other system that it is; more is better."""
    systems = list(dict.fromkeys(row["system"] for row in rows))
    others = [system for system in systems if system != "counterpoint"]
    lines = []
    for place in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        here = {row["system"]: row[figure] for row in rows if tuple(row[key] for key in keys) == place}
        own = here["counterpoint"]
        lines.append([*map(str, place), f"{own:,.0f}", *(times(own / here[other]) for other in others)])
    return table([*keys, unit, *(f"over {other}" for other in others)], lines)


def training_text(results: Row) -> str:
    """Speed and accuracy of training, in sentences."""
    rows = {row["system"]: row for row in rows_of(results, "training")}
    own, other, alone = rows["counterpoint"], rows["lightly"], rows["encoder alone"]
    gap = rows["counterpoint minus lightly"]["accuracy"]
    reach = {row["system"]: (row["seconds"][-1], row["accuracy"][-1]) for row in rows_of(results, "course")}
    (needed, reached), (peer_needed, peer_reached) = reach["counterpoint, defaults"], reach["lightly"]
    (long,) = (row["accuracy"] for row in rows_of(results, "after the courses"))
    speed = own["views_per_second"]
    slow, quality = rows["with torchvision's views"], rows["our views minus torchvision's"]["accuracy"]
    return (
        f"- {speed:,.0f} views per second, {times(speed / other['views_per_second'])} those of lightly's example, "
        f"{speed / alone['views_per_second']:.0%} of the encoder's own speed on prepared tensors.\n"
        f"- A linear probe on our encoder has an accuracy of {own['accuracy']['value']:.1%} "
        f"({own['accuracy']['low']:.1%} to {own['accuracy']['high']:.1%}), "
        f"on that of lightly {other['accuracy']['value']:.1%}; the difference is "
        f"{100 * gap['value']:+.1f} points ({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f}).\n"
        f"- With torchvision's views in place of ours it gets {slow['accuracy']['value']:.1%}; ours minus that is "
        f"{100 * quality['value']:+.1f} points ({100 * quality['low']:+.1f} to {100 * quality['high']:+.1f}).\n"
        f"- For longer: our defaults get {reached:.1%} in {needed:.0f} s, lightly's example {peer_reached:.1%} in "
        f"{peer_needed:.0f} s, {times(peer_needed / needed)} as long; the difference is "
        f"{100 * long['value']:+.1f} points ({100 * long['low']:+.1f} to {100 * long['high']:+.1f}). Untrained it is "
        f"{rows['untrained']['accuracy']['value']:.1%}.\n"
    )


def page(results: Row) -> str:
    """The page of documentation."""
    about = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    steps = {row["system"]: row for row in rows_of(results, "step in pieces")}
    pieces, undivided = steps["in pieces"], steps["undivided"]
    small = steps["small batch"]
    photos = [[row["system"], f"{row['photos_per_second']:,.0f}"] for row in rows_of(results, "decode")]
    return f"""# Benchmarks

Speed and memory beside other libraries. Written by `make bench`; do not edit. Figures of one run on
{about["cores"]} cores ({about["processor"]}), fp32 unless said, Python {about["python"]}, {versions},
commit {about["commit"]}. `benchmarks/results.json` has the raw figures, with the command of each. Absolute figures
depend on the machine and its load: compare ratios.

## The loss, forward and backward

NT-Xent on pairs of vectors of dimension 128. Time, and memory in addition to the vectors. The other columns are the
multiples of our time and our memory that each system takes; the last one is the share of our time that the
unavoidable matrix products take. Not run: pytorch-metric-learning needs gigabytes for hundreds of pairs, and the
largest row only shows that it runs.

{loss_table(results)}
![Time and memory of the loss against the number of pairs](pictures/bench-loss.svg)

## Views

Two SimCLR views of every image in memory; views per second and ratios. lightly: its transform in a DataLoader with
two workers; kornia: batched, in process; torchvision v2: per image, in process.

{ratio_table(rows_of(results, "views"), ["size"], "views_per_second", "views per second")}
![Views per second](pictures/bench-views.svg)

## Training

The same encoder, batch, epochs and optimiser; lightly with its transform in a DataLoader with two workers.

{training_text(results)}
![Accuracy against seconds](pictures/bench-training.svg)

## Batches beyond memory

One step of {pieces["items"]:,} items encoded {pieces["micro_batch"]} at a time takes
{pieces["seconds"] / undivided["seconds"]:.2f} times as long as undivided. The process grows by
{pieces["mebibytes"]:,.0f} MiB, undivided by {undivided["mebibytes"]:,.0f} MiB; a step of only
{pieces["micro_batch"]} items by {small["mebibytes"]:,.0f} MiB.

## Decoding

{table(["", "photos per second"], photos)}
## Embedding

{ratio_table(rows_of(results, "embed"), ["encoder"], "images_per_second", "images per second")}"""


def draw(results: Row) -> None:
    """The pictures of the page."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "counterpoint", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    from matplotlib import pyplot as plt

    PICTURES.mkdir(parents=True, exist_ok=True)
    rows = rows_of(results, "loss")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axis, key, label, scale in zip(axes, ("seconds", "mebibytes"), ("ms", "MiB"), (1000, 1), strict=True):
        for system in dict.fromkeys(row["system"] for row in rows):
            mine = sorted((row["pairs"], max(1e-3, scale * row[key])) for row in rows if row["system"] == system)
            if system != "products" or key == "seconds":
                axis.plot(*zip(*mine, strict=True), marker="o", markersize=3, label=system)
        axis.set(xscale="log", yscale="log", xlabel="pairs", ylabel=label)
    axes[0].legend(fontsize=8)
    figure.savefig(PICTURES / "bench-loss.svg", metadata={"Date": None})
    rows = rows_of(results, "views")
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    sizes, systems = (list(dict.fromkeys(row[key] for row in rows)) for key in ("size", "system"))
    for number, system in enumerate(systems):
        heights = [row["views_per_second"] for row in rows if row["system"] == system]
        axis.bar([place + 0.2 * number for place in range(len(sizes))], heights, 0.18, label=system)
    axis.set(yscale="log", ylabel="views per second", xticks=[place + 0.3 for place in range(len(sizes))])
    axis.set_xticklabels([f"{size} px" for size in sizes])
    axis.legend(fontsize=8)
    figure.savefig(PICTURES / "bench-views.svg", metadata={"Date": None})
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    for row in rows_of(results, "course"):
        axis.plot(
            row["seconds"], [100 * value for value in row["accuracy"]], marker="o", markersize=3, label=row["system"]
        )
    axis.set(xlabel="seconds of training", ylabel="linear probe, %", xscale="log")
    axis.legend(fontsize=8)
    figure.savefig(PICTURES / "bench-training.svg", metadata={"Date": None})


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller, under two minutes, writes nothing")
    parser.add_argument(
        "--only", choices=sorted(BENCHMARKS), help="measure this one anew, keep the figures of the others"
    )
    parser.add_argument("--page-only", action="store_true", help="write the page from the figures that are there")
    asked = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if asked.page_only else run(asked.quick, asked.only)
    text = page(results)
    if asked.quick:
        print(text)
        return
    write_json(RESULTS, results)
    draw(results)
    write_text(PAGE, text)
    print(f"{RESULTS} and {PAGE} are written; {sum(results['seconds'].values()) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
