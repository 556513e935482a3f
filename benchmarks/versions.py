"""Whether the package became slower: the loss, views and training of two checkouts, measured in turns.

    python benchmarks/versions.py OTHER [--python OTHER/.venv/bin/python] [--rounds 3] [--only views loss training]

Every turn is a process of its own, which runs the quick benchmark of its checkout with its package; the order of the
two changes from round to round.  Printed are the medians of both and the ratio, this over other, with the least and
the largest ratio of a round: above 1 this checkout is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
MODULES = {"loss": "engine", "views": "views", "training": "training"}
MEASURE = "import json, sys; from benchmarks import {module}; print('\\n' + json.dumps({module}.measure(True)))"


def measured(checkout: Path, python: Path, name: str) -> dict[str, float]:
    """The speeds of our rows of one benchmark, per second."""
    environment = os.environ | {"PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'src'}"}
    command = [str(python), "-c", MEASURE.format(module=MODULES[name])]
    done = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    rows = [row for row in json.loads(done.stdout.splitlines()[-1]) if row.get("system") == "counterpoint"]
    return {
        " ".join([name, *(str(row[key]) for key in ("size", "pairs") if key in row)]): speed_of(row)
        for row in rows
        if {"seconds", "views_per_second"} & row.keys() and row["name"] == name
    }


def speed_of(row: dict[str, float]) -> float:
    return row["views_per_second"] if "views_per_second" in row else 1 / row["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=lambda path: Path(path).resolve(), help="another checkout")
    parser.add_argument("--python", type=Path, help="the interpreter of the other checkout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=MODULES, default=list(MODULES))
    given = parser.parse_args()
    sides = [(HERE, Path(sys.executable)), (given.other, given.python or given.other / ".venv" / "bin" / "python")]
    rounds: list[list[dict[str, float]]] = []
    for turn in range(given.rounds):
        speeds: list[dict[str, float]] = [{}, {}]
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            for name in given.only:
                speeds[side] |= measured(*sides[side], name)
        rounds.append(speeds)
        print(f"round {turn + 1} of {given.rounds} done", file=sys.stderr, flush=True)
    print("| benchmark | this, per second | other | ratio |\n| --- | --- | --- | --- |")
    for name in rounds[0][0]:
        this, other = ([speeds[side][name] for speeds in rounds] for side in (0, 1))
        ratios = sorted(one / two for one, two in zip(this, other, strict=True))
        medians = f"{statistics.median(this):,.1f} | {statistics.median(other):,.1f}"
        print(f"| {name} | {medians} | {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


if __name__ == "__main__":
    main()
