"""Why two items are alike: what ``explain`` gives back, and how it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.orders import Area, Areas, areas
from counterpoint.explanation.pair import Match, match
from counterpoint.explanation.part_table import part_table
from counterpoint.interfaces import Parts
from counterpoint.output.html import html_table
from counterpoint.output.results import excerpt
from counterpoint.output.tables import columns

LOW = 0.5
"""R2 below which parts do not explain a pair."""

SHOWN = 8
"""Cells, and parts, that ``str`` shows."""


class Neighbour(NamedTuple):
    """An item near one of the pair."""

    name: str
    similarity: float


@dataclass(frozen=True)
class Explanation:
    """Which part of one item matches which part of another; ``str`` is a table."""

    a: str
    b: str
    parts_a: Parts
    parts_b: Parts
    match: Match
    areas: Areas
    neighbours_a: Sequence[Neighbour] = ()
    """What else is near the first item, where parts do not explain the pair and there is a source."""
    neighbours_b: Sequence[Neighbour] = ()

    @property
    def explained(self) -> bool:
        """Whether parts explain the pair."""
        return self.match.r2 >= LOW

    def summary(self) -> str:
        """How far to trust the table, in sentences."""
        r2 = f"R2 {self.match.r2:.2f} on masks that the table was not made from"
        head = f"'{self.a}' and '{self.b}' have a similarity of {self.match.similarity:.3f}."
        if self.explained:
            return f"{head} Parts and pairs of parts explain it: {r2}."
        return (
            f"{head} Parts and pairs of parts do not explain it: {r2}, where less than {LOW:g} leaves too much open. "
            "See what parts do by themselves, and what else is near."
        )

    def strongest(self, count: int, *, sign: int = 1) -> Iterator[tuple[int, int]]:
        """The cells that make the items most alike, or with ``sign=-1`` least, the strongest first."""
        order = np.argsort(-sign * self.match.table, axis=None, kind="stable")[:count]
        for place in order.tolist():
            row, column = divmod(place, self.match.table.shape[1])
            if sign * self.match.table[row, column] > 0:
                yield row, column

    def __str__(self) -> str:
        lines = [self.summary(), *(_area(name, getattr(self.areas, name)) for name in ("deletion", "insertion")), ""]
        head = ("", f"part of {self.a}", f"part of {self.b}", "together", "interval")
        lines += columns([head, *self._rows(SHOWN)])
        if not self.match.clear[tuple(zip(*self.strongest(SHOWN), strict=True))].all():
            lines.append("* may be chance: the interval holds zero")
        lines += ["", *columns([("part", "of", "by itself"), *self._singles()])]
        for name, near in ((self.a, self.neighbours_a), (self.b, self.neighbours_b)):
            if near:
                lines += ["", f"Nearest to {name}:", *(f"{each.similarity:6.3f}  {each.name}" for each in near)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_table(self.summary(), self._rows(SHOWN), ("", self.a, self.b, "together", "interval"))

    def _rows(self, count: int) -> Iterator[tuple[str, ...]]:
        for row, column in self.strongest(count):
            value, margin = self.match.table[row, column], self.match.margins[row, column]
            star = "" if self.match.clear[row, column] else "*"
            interval = f"{value - margin:+.4f} to {value + margin:+.4f}" if margin else "exact"
            yield star, part_of(self.parts_a, row), part_of(self.parts_b, column), f"{value:+.4f}", interval

    def _singles(self) -> Iterator[tuple[str, str, str]]:
        """The parts that by themselves make the items most alike."""
        both = [
            (float(value), part_of(parts, place), name)
            for name, parts, values in (
                (self.a, self.parts_a, self.match.singles_a),
                (self.b, self.parts_b, self.match.singles_b),
            )
            for place, value in enumerate(values)
        ]
        for value, part, name in sorted(both, key=lambda each: -each[0])[:SHOWN]:
            yield part, name, f"{value:+.4f}"

    def record(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        found = self.match
        return {
            "a": self.a,
            "b": self.b,
            "similarity": found.similarity,
            "summary": self.summary(),
            "explained": self.explained,
            "r2": found.r2,
            "parts_a": list(self.parts_a.names),
            "parts_b": list(self.parts_b.names),
            "contents_a": list(self.parts_a.contents),
            "contents_b": list(self.parts_b.contents),
            "places_a": [list(each) for each in self.parts_a.places],
            "places_b": [list(each) for each in self.parts_b.places],
            "table": found.table.tolist(),
            "margins": found.margins.tolist(),
            "clear": found.clear.tolist(),
            "strongest": [list(each) for each in self.strongest(SHOWN)],
            "singles_a": found.singles_a.tolist(),
            "singles_b": found.singles_b.tolist(),
            "deletion": self.areas.deletion._asdict(),
            "insertion": self.areas.insertion._asdict(),
            "neighbours_a": [each._asdict() for each in self.neighbours_a],
            "neighbours_b": [each._asdict() for each in self.neighbours_b],
        }


def part_of(parts: Parts, place: int) -> str:
    """A part for people: what it is called, and what stands there."""
    name = parts.names[place]
    return excerpt(f"{name} {parts.contents[place]}" if parts.contents else name)


def explained(a: MaskedItem, b: MaskedItem, names: tuple[str, str], *, count: int, seed: int) -> Explanation:
    """Explain a pair of items from so many masks of each."""
    tables = part_table(a, count=count, seed=seed, stream=0), part_table(b, count=count, seed=seed, stream=1)
    return Explanation(*names, a.parts, b.parts, match(*tables), areas(a, b, tables, seed=seed))


def _area(name: str, area: Area) -> str:
    what, good = ("taken away", area.high < 0) if name == "deletion" else ("put back", area.low > 0)
    return (
        f"The most important parts {what} first: mean similarity {area.value:.3f}, in random order {area.random:.3f}; "
        f"{area.difference:+.3f} ({area.low:+.3f} to {area.high:+.3f}), {'as it should be' if good else 'no better'}."
    )
