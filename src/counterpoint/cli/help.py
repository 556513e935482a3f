"""The layout of ``--help``: verbs by purpose, options by topic, and an example of each verb."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cyclopts import Group
from cyclopts.help import DefaultFormatter

from counterpoint.plans.data_options import ReadOptions

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

LEARN, LABELS, USE, JUDGE, CHOOSE, TOOLS = (
    Group(title, sort_key=place)
    for place, title in enumerate(
        (
            "Learn without labels",
            "Learn from few labels",
            "Use a model",
            "Judge a model",
            "Choose a method and its settings",
            "Parts and tools",
        )
    )
)

OTHERS = "Options"
"""The title above options of a single verb."""

TOPICS = {
    "Data": (
        "run",
        "trust",
        "model",
        "source",
        "normal",
        "labels",
        "normal_label",
        "pairs",
        "train",
        "test",
        "queries",
        "documents",
        "relevance",
        "scores",
        "first",
        "second",
        "a",
        "b",
        "modality",
        *(each.name for each in dataclasses.fields(ReadOptions)),
    ),
    OTHERS: (),
    "Method": (
        "recipe",
        "methods",
        "method",
        "objective",
        "negatives",
        "similarity",
        "temperature",
        "frozen",
        "deliver",
    ),
    "Teacher and student": ("match", "neighbours", "teacher_sees", "label_weight", "student", "student_width"),
    "Network": ("encoder", "weights", "start", "width", "head_layers", "head_hidden", "head_outputs", "matryoshka"),
    "Views": ("views", "view_size", "local_views"),
    "Budget": ("minutes", "epochs", "per_class", "fraction", "budget", "draws", "trials", "repeats", "seeds", "items"),
    "Training": (
        "batch_size",
        "micro_batch",
        "optimizer",
        "learning_rate",
        "scaling",
        "schedule",
        "weight_decay",
        "warmup",
    ),
    "Machine": ("seed", "device", "precision", "workers", "engine", "shard_size"),
    "Output": ("out", "html", "apply", "spreadsheet_safe", "resume", "overwrite", "save_every", "track", "json"),
}
"""The topics of options, in the order of the help; options without a topic go to ``OTHERS``."""


def example(*commands: str) -> str:
    """The text below the options of a verb, in Markdown."""
    return "\n".join(["Example:" if len(commands) == 1 else "Examples:", "", *(f"- `{each}`" for each in commands)])


def topic(name: str) -> str:
    """The topic of an option.

    >>> topic("--batch-size"), topic("--threshold")
    ('Training', 'Options')
    """
    bare = name.lstrip("-").replace("-", "_").lower()
    return next((title for title, names in TOPICS.items() if bare in names), OTHERS)


class Layout(DefaultFormatter):
    """The formatter of cyclopts, with the options of a verb in one panel per topic."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        if panel.format == "command":
            super().__call__(console, options, panel)
            return
        for title in TOPICS:
            entries = about(title, panel.entries)
            if entries:
                super().__call__(console, options, panel.copy(title=title, entries=entries))


def about(title: str, entries: Sequence[HelpEntry]) -> list[HelpEntry]:
    """The options of one topic."""
    return [each for each in entries if topic((*each.positive_names, *each.positive_shorts)[0]) == title]
