"""The command that finds anomalies."""

from __future__ import annotations

from counterpoint.cli.help import USE
from counterpoint.cli.maker import Given, Shown, command, done


@command(
    "anomalies",
    USE,
    "counterpoint anomalies runs/parts new/ --normal good/ --alarm 0.02 --out runs/checked",
    "counterpoint anomalies runs/parts new/ --normal good/ --labels folder",
    words={
        "run": "The run folder; or vectors that embed wrote, an .npz file or a folder, tested without a model.",
        "source": "The items to test, as for fit; the run's own when left out.",
        "normal": "Items that are known to be normal, and are not among those tested; vectors where those are tested.",
        "groups": "What several items share, such as patient or machine: a column, folder, an .npy or a .csv file.",
    },
)
def _anomalies(values: Given) -> Shown:
    from counterpoint.embeddings import is_saved
    from counterpoint.runs import run_folder

    of_run = values["source"] is None and not is_saved(values["run"])
    source = run_folder.source_of(values["run"]) if of_run else values["source"]
    result, out = done("anomalies", {**values, "source": source}), values["out"]
    if out is None:
        return Shown(result.record(), str(result))
    files = f"The table is {out / 'anomalies.csv'}, the page {out / 'report.html'}"
    return Shown({"out": str(out), **result.record()}, f"{result}\n\n{files}")
