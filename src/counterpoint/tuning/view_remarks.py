"""Remarks on the figures of an augmentation where one crosses a threshold, and advice on all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from counterpoint.errors import conjunction
from counterpoint.output.tables import columns, percent

Row = Mapping[str, Any]
"""One augmentation in the result of ``lab``."""

NOTHING = 0.005
"""Change below which views equal the items: 8-bit rounding and interpolation stay below half a percent."""

SAME = 0.9999
"""Similarity above which both views of an item are equal: an encoder's float32 noise stays above it."""

TIMID = 0.95
"""Share of recognised items from which on less than one in twenty is left to learn from."""

STRONG = 0.02
"""Share of recognised items beyond chance up to which all but one in fifty are lost: then chance, and not what the
views have in common, decides most comparisons."""


MOST = 0.5
"""Share of a probe's accuracy beyond chance from which on an augmentation removes more than it leaves."""


WHAT = "what tells classes apart"
"""Without training it is hidden rather than removed: an encoder may become invariant to changes of brightness, say. On
grey clothing the change of light cost an untrained encoder 10 points, and one trained for a minute 2."""


class Measure(NamedTuple):
    """The reference of the figures of an augmentation."""

    chance: float
    """Share of items recognised by chance."""
    learned: bool
    """Whether the measuring encoder is trained."""
    gain: float | None
    """The accuracy of a probe on the items themselves minus chance, where there are labels."""


def remarks(row: Row, by: Measure) -> list[str]:
    """The remarks on an augmentation.

    >>> same = {"change": 0.0, "similarity": 1.0, "accuracy": {"value": 1.0}, "damage": None}
    >>> remarks(same, Measure(0.1, False, None))
    ['changes nothing here']
    """
    if unchanged(row):
        return ["changes nothing here"]
    label = []
    if always(row):
        label.append("changes every item, but both of its views in the same way")
    elif timid(row):
        label.append(f"so timid that items are found again {'by the model' if by.learned else 'without learning'}")
    if strong(row, by.chance):
        label.append("so strong that hardly any item can be found again")
    damage = row["damage"]
    if damage is None:
        return label
    taken = f"({points(damage['value'])} points)"
    if costly(row):
        label.append(
            f"{'takes away' if by.learned else 'hides'} {'most of ' if ruinous(row, by) else ''}{WHAT} {taken}"
        )
    elif damage["low"] > 0:
        label.append(f"makes classes easier to tell apart {taken}")
    else:
        label.append("damage cannot be told from none")
    return label


def unchanged(row: Row) -> bool:
    """Whether views equal the items."""
    return row["change"] is not None and row["change"] < NOTHING


def always(row: Row) -> bool:
    """Whether the two views of an item are equal, but not to the item."""
    return not unchanged(row) and row["similarity"] > SAME


def timid(row: Row) -> bool:
    """Whether there is little to learn from."""
    return bool(row["accuracy"]["value"] >= TIMID)


def strong(row: Row, chance: float) -> bool:
    """Whether hardly any item is recognised beyond chance."""
    return bool((row["accuracy"]["value"] - chance) / (1 - chance) <= STRONG)


def costly(row: Row) -> bool:
    """Whether an augmentation certainly removes class information."""
    return row["damage"] is not None and row["damage"]["high"] < 0


def ruinous(row: Row, by: Measure) -> bool:
    """Whether it certainly removes more class information than it leaves."""
    return costly(row) and -row["damage"]["high"] > MOST * (by.gain or 0.0)


def points(value: float) -> str:
    """A difference of shares in points.

    >>> points(-0.0312)
    '-3.1'
    """
    return f"{round(100 * value, 1) + 0.0:+.1f}"


def advice(augmentations: Sequence[Row], by: Measure) -> tuple[str, str]:
    """The advice on every full augmentation: good or warning, and some sentences."""
    result = [_advised(row, augmentations, by) for row in augmentations if row["kind"] == "whole"]
    return max(level for level, _ in result), " ".join(sentence for _, sentence in result)


def _advised(full: Row, augmentations: Sequence[Row], by: Measure) -> tuple[str, str]:
    parts = [row for row in augmentations if row["kind"] == "part" and row["of"] == full["of"]]
    name = f"These views ({full['views']})" if full["views"] else "These views"
    level, first = "warning", ""
    if unchanged(full):
        return level, f"{name} change nothing here, so there is nothing to learn from them. Choose others."
    if always(full):
        first = f"{name} change every item in one way only. Let chance decide what they change."
    elif timid(full):
        first = f"{name} are timid: contrast would have little to learn. {_instead(augmentations, by, 'stronger')}"
    elif strong(full, by.chance):
        first = f"{name} are so strong that hardly any item is found again. {_instead(augmentations, by, 'weaker')}"
    elif ruinous(full, by):
        taken = "take away" if by.learned else "hide"
        first = f"{name} {taken} more of {WHAT} than they leave. {_instead(augmentations, by, 'milder')}"
    else:
        level = "good"
        first = (
            f"{name} leave something to learn and something to find: {full['accuracy']['value']:.1%} of the items are "
            f"found again{'' if by.learned else ' before learning'}, {by.chance:.1%} by guessing."
        )
    idle = [row["name"].rpartition(": ")[2].removesuffix(" alone") for row in parts if unchanged(row)]
    left_out = []
    if idle:
        left_out = [
            f"{conjunction(idle).capitalize()} change{'s' if len(idle) == 1 else ''} nothing here and can be left out."
        ]
    return level, " ".join([first, *_of_classes(full, parts, by), *left_out])


def _instead(augmentations: Sequence[Row], by: Measure, wanted: str) -> str:
    """The augmentation of suitable strength that costs the classes least, or is recognised least."""
    fitting = [
        row
        for row in augmentations
        if row["kind"] != "part"
        and row["views"]
        and not (unchanged(row) or always(row) or timid(row) or strong(row, by.chance) or ruinous(row, by))
    ]
    if not fitting:
        return f"No {wanted} look was found among the others here."
    best = max(fitting, key=lambda row: row["damage"]["value"] if row["damage"] else -row["accuracy"]["value"])
    return f"Of the others, '{best['views']}' is {wanted}."


def _of_classes(full: Row, parts: Sequence[Row], by: Measure) -> list[str]:
    """Remarks from labels on the full augmentation and on its most costly part."""
    damage = full["damage"]
    if damage is None:
        return []
    if damage["low"] > 0:
        return [f"Through them classes are easier to tell apart, by {points(damage['value'])} points."]
    if not costly(full):
        return [f"What they take away of {WHAT} cannot be told from nothing ({_points(damage)})."]
    taken = f"{_taken(damage)} points ({-100 * damage['high']:.1f} to {-100 * damage['low']:.1f}) of {WHAT}"
    worst = min(parts, key=lambda row: float(row["damage"]["value"]), default=None)
    most = ""
    if worst is not None and costly(worst):
        name = worst["name"].rpartition(": ")[2].removesuffix(" alone")
        most = f", of single changes most through {name} ({_taken(worst['damage'])})"
    who = "The model" if by.learned else "An encoder that has not learned"
    beyond = "" if by.learned else "; --model says what a run cannot see through"
    return [f"{who} loses {taken} through them{most}{beyond}."]


def _taken(damage: Mapping[str, float]) -> str:
    return f"{-100 * damage['value']:.1f}"


def lab_table(result: Mapping[str, Any]) -> str:
    """The result of ``lab`` as plain text."""
    damaged = result["labels"] is not None
    lines = [("look", "same item", "others", "found again", *(["damage"] if damaged else []), "change", "remarks")]
    for row in result["looks"]:
        damage = [_points(row["damage"])] if damaged else []
        change = "" if row["change"] is None else f"{row['change']:.2f}"
        alike = (f"{row['similarity']:.2f}", f"{row['apart']:.2f}")
        lines.append((row["name"], *alike, percent(row["accuracy"]), *damage, change, "; ".join(row["remarks"])))
    return "\n".join([*columns(lines), result["note"], result["advice"]])


def note(result: Mapping[str, Any]) -> str:
    """How the figures were measured, in words."""
    by = f"the model in {result['model']}" if result["model"] else "an untrained encoder"
    label = (
        f"{result['items']:,} items seen by {by}: how alike two views of the same item and of others are, how often an "
        f"item is found again among {result['among']} (guessing {result['chance']:.1%}), and how much views change "
        "beside the difference to another item; 95 % intervals."
    )
    labels = result["labels"]
    if labels is None:
        return label
    plain = labels["plain"]
    return (
        f"{label} Damage is in points of a linear probe on {labels['items']:,} items of {labels['classes']} classes, "
        f"whose accuracy without views is {plain['value']:.1%} (guessing {labels['guessed']:.1%})."
    )


def _points(score: Mapping[str, float]) -> str:
    return f"{points(score['value'])} ({points(score['low'])} to {points(score['high'])})"
