"""The report of a run: one HTML file that needs no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from counterpoint import __version__
from counterpoint.errors import InputError, LabelError, counted
from counterpoint.interfaces import Items
from counterpoint.model import Model
from counterpoint.plans import DistillPlan, FinetunePlan, Plan, SemiPlan
from counterpoint.reports import charts
from counterpoint.reports import efficiency as plot
from counterpoint.reports.classification import answers
from counterpoint.reports.efficiency import efficiency
from counterpoint.reports.explanation import Explain, explained_neighbours
from counterpoint.reports.gallery import gallery
from counterpoint.reports.map import draw_map
from counterpoint.reports.reproduce import again
from counterpoint.reports.run_contents import Missing, Run, read_run, report
from counterpoint.reports.sample import take_sample
from counterpoint.reports.scores import scores
from counterpoint.reports.template import template
from counterpoint.reports.thumbnails import inlined
from counterpoint.reports.views import draw_views
from counterpoint.storage.files import write_text

KINDS = (Plan, FinetunePlan, DistillPlan, SemiPlan)
"""The records whose choices a run may have."""

SKIPPED = 40
"""Skipped files that are listed; the others are in their own file."""


def write_report(
    folder: Path,
    model: Model,
    items: Items | None,
    *,
    labels: Sequence[str] | None = None,
    test: Items | None = None,
    explain: Explain | None = None,
) -> Path:
    """Write ``report.html`` into the run folder, atomically, and return its path.

    For whatever the folder lacks, the page names the command that makes it. Without ``items`` there is no gallery and
    no map; ``labels``, one per item, colour the map and are not used otherwise. ``test`` are the items that the
    scores are for. With ``explain`` the gallery shows why some neighbours are similar.
    """
    if labels is not None and items is not None and len(labels) != len(items):
        raise LabelError(f"Got {counted(len(labels), 'label')} but {counted(len(items), 'item')}; give one for each.")
    run = _with_views(read_run(folder), model, items)
    page = _render(run, model, items, labels, test, explain)
    target = folder / "report.html"
    # File names may contain undecodable bytes; they are escaped.
    write_text(target, page.encode("utf-8", "backslashreplace").decode("utf-8"))
    return target


def _with_views(run: Run, model: Model, items: Items | None) -> Run:
    """The run with its sheet of views, drawn now where the folder lacks it and the data can be opened."""
    if run.views or run.worded or items is None or len(items) == 0:
        return run
    seed = run.contrast.get("settled", {}).get("seed", 0)
    try:
        drawn = draw_views(model.modality, items, run.folder / "views.png", seed=seed)
    except InputError as wrong:  # the views were a callable, which is not saved
        return dataclasses.replace(run, missing={**run.missing, "views": Missing(str(wrong))})
    if drawn is None:
        none = Missing(f"Data of the kind '{model.modality.name}' has no pictures.")
        return dataclasses.replace(run, missing={**run.missing, "views": none})
    return read_run(run.folder)


def _render(
    run: Run,
    model: Model,
    items: Items | None,
    labels: Sequence[str] | None,
    test: Items | None,
    explain: Explain | None,
) -> str:
    sample = None if items is None or len(items) == 0 else take_sample(model, items, labels)
    shelves = [] if sample is None else gallery(model.modality, sample)
    views, views_size = inlined(run.views) if run.views else ("", (0, 0))
    return template("report").render(
        run=run,
        again=again(run.plan, next((record["step"] for record in reversed(run.records) if "loss" in record), 0)),
        missing=_missing(run, items),
        facts=_facts(run),
        scores=scores(run.evaluation),
        efficiency=efficiency(run.budget),
        plot=plot,
        answers=answers(run, model.modality, test, items),
        charts=charts.curves(run.records, int(run.contrast.get("steps_per_epoch") or 0)),
        box=charts,
        views=views,
        views_size=views_size,
        sought=0 if sample is None else len(sample.names),
        total=0 if items is None else len(items),
        gallery=shelves,
        explained=explained_neighbours(model.modality, sample, explain) if sample and shelves and explain else None,
        map=None if sample is None else draw_map(model.modality, sample),
        listed=run.skipped[:SKIPPED],
        choices=_choices(run.plan),
        machine={"counterpoint": __version__, **run.plan.get("machine", {}), "weights": model.fingerprint()},
    )


def _missing(run: Run, items: Items | None) -> Mapping[str, Missing]:
    """The reason why sections are empty."""
    if items is None:
        sentence = "The data was not at hand when this report was written."
    elif len(items) == 0:
        sentence = "There are no items to show."
    else:
        return run.missing
    return {**run.missing, "items": Missing(sentence, report(run.folder))}


def _facts(run: Run) -> list[str]:
    """The run in a few words, for the header."""
    settled: Mapping[str, Any] = run.contrast.get("settled", {})
    facts = [_day(run.contrast["started"])] if "started" in run.contrast else []
    facts += [counted(run.contrast["items"], "item")] if "items" in run.contrast else []
    facts += [str(settled[name]) for name in ("modality", "method", "encoder") if settled.get(name)]
    last = next((record for record in reversed(run.records) if "loss" in record), None)
    if last is not None:
        facts.append(f"{last['step']:,} of {last['steps']:,} steps")
        facts.append(_time(last["seconds"]))
    return facts


def _day(started: str) -> str:
    """The day of an ISO 8601 time, for display; other strings are shown as they are.

    >>> _day("2026-11-03T15:26:01+00:00"), _day("in autumn")
    ('3 November 2026', 'in autumn')
    """
    try:
        day = datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{day.day} {day:%B %Y}"


def _time(seconds: float) -> str:
    """A duration for display.

    >>> _time(42), _time(200), _time(9000)
    ('42 seconds', '3.3 minutes', '2.5 hours')
    """
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.1f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"


def _choices(plan: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Every resolved choice: its name, its value, the requested value where it differs, its help."""
    test, settled = plan.get("asked", {}), plan.get("settled", {})
    helps = [{each.name: each.metadata["help"] for each in dataclasses.fields(kind)} for kind in KINDS]
    help = min(helps, key=lambda texts: len(texts.keys() ^ settled.keys()))
    return [
        (name, _formatted(value), "" if test.get(name) == value else _formatted(test.get(name)), help.get(name, ""))
        for name, value in settled.items()
    ]


def _formatted(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
