"""The result of ``explain``: which part of one item matches which part of another, and how reliable that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.explanation.orders import Area, Areas, areas
from counterpoint.explanation.pair import Match, match
from counterpoint.explanation.table_cache import tables_of
from counterpoint.interfaces import Parts
from counterpoint.output.html import html_table
from counterpoint.output.results import excerpt
from counterpoint.output.tables import columns

LOW = 0.5
"""R2 below which parts do not explain a pair."""

SHOWN = 8
"""Rows of the tables that are printed."""

HEAD = ("", "part of A", "part of B", "interaction", "interval")


class Neighbour(NamedTuple):
    """An item similar to one of the pair."""

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
    """The items most similar to the first, where parts do not explain the pair and there is a source."""
    neighbours_b: Sequence[Neighbour] = ()

    @property
    def explained(self) -> bool:
        """Whether parts explain the pair."""
        return self.match.r2 >= LOW

    def summary(self) -> str:
        """The similarity, and whether parts explain it, in sentences."""
        a, b = excerpt(self.a), excerpt(self.b)
        head = f"A '{a}' and B '{b}' have a similarity of {self.match.similarity:.3f}."
        r2 = f"R2 {self.match.r2:.2f} on held-out masks"
        if self.explained:
            return f"{head} Pairs of parts explain it: {r2}."
        return (
            f"{head} Pairs of parts do not explain it: {r2}, below {LOW:g}, so the effect of a part depends on which "
            "others are there. Rely on the main effects and on the nearest items rather than on the table."
        )

    def strongest(self, count: int, *, sign: int = 1) -> Iterator[tuple[int, int]]:
        """The cells that add most to the similarity, or with ``sign=-1`` take most from it, strongest first."""
        order = np.argsort(-sign * self.match.table, axis=None, kind="stable")[:count]
        for cell in order.tolist():
            row, column = divmod(cell, self.match.table.shape[1])
            if sign * self.match.table[row, column] > 0:
                yield row, column

    def __str__(self) -> str:
        lines = [self.summary(), *(_area(name, getattr(self.areas, name)) for name in ("deletion", "insertion")), ""]
        rows = list(self._rows(SHOWN))
        lines += columns([HEAD, *rows]) if rows else ["No pair of parts adds to the similarity."]
        if any(star for star, *_ in rows):
            lines.append("* not significant: the interval includes zero")
        lines += ["", *columns([("part", "of", "main effect"), *self._singles()])]
        for side, near in (("A", self.neighbours_a), ("B", self.neighbours_b)):
            if near:
                lines += ["", f"Nearest to {side}:", *(f"{each.similarity:6.3f}  {each.name}" for each in near)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_table(self.summary(), self._rows(SHOWN), HEAD)

    def _rows(self, count: int) -> Iterator[tuple[str, ...]]:
        for row, column in self.strongest(count):
            value, margin = self.match.table[row, column], self.match.margins[row, column]
            star = "" if self.match.clear[row, column] else "*"
            interval = f"{value - margin:+.4f} to {value + margin:+.4f}" if margin else "exact"
            yield star, part_of(self.parts_a, row), part_of(self.parts_b, column), f"{value:+.4f}", interval

    def _singles(self) -> Iterator[tuple[str, str, str]]:
        """The parts with the largest main effects."""
        both = [
            (float(value), part_of(parts, place), side)
            for side, parts, values in (
                ("A", self.parts_a, self.match.singles_a),
                ("B", self.parts_b, self.match.singles_b),
            )
            for place, value in enumerate(values)
        ]
        for value, part, side in sorted(both, key=lambda each: -each[0])[:SHOWN]:
            yield part, side, f"{value:+.4f}"

    def record(self) -> dict[str, Any]:
        """Everything as JSON values."""
        pair = self.match
        return {
            "a": self.a,
            "b": self.b,
            "similarity": pair.similarity,
            "summary": self.summary(),
            "explained": self.explained,
            "r2": pair.r2,
            "parts_a": list(self.parts_a.names),
            "parts_b": list(self.parts_b.names),
            "contents_a": list(self.parts_a.contents),
            "contents_b": list(self.parts_b.contents),
            "places_a": [list(each) for each in self.parts_a.places],
            "places_b": [list(each) for each in self.parts_b.places],
            "table": pair.table.tolist(),
            "margins": pair.margins.tolist(),
            "clear": pair.clear.tolist(),
            "strongest": [list(each) for each in self.strongest(SHOWN)],
            "singles_a": pair.singles_a.tolist(),
            "singles_b": pair.singles_b.tolist(),
            "deletion": self.areas.deletion._asdict(),
            "insertion": self.areas.insertion._asdict(),
            "neighbours_a": [each._asdict() for each in self.neighbours_a],
            "neighbours_b": [each._asdict() for each in self.neighbours_b],
        }


def part_of(parts: Parts, place: int) -> str:
    """A part for people: its name and its content."""
    name = parts.names[place]
    return excerpt(f"{name} {parts.contents[place]}" if parts.contents else name)


def explained(
    a: MaskedItem, b: MaskedItem, names: tuple[str, str], *, count: int, seed: int, cache: Path | None = None
) -> Explanation:
    """Explain a pair of items from ``count`` masks of each; ``cache`` is a folder that keeps their tables."""
    tables = tables_of(a, b, count=count, seed=seed, cache=cache)
    return Explanation(*names, a.parts, b.parts, match(*tables), areas(a, b, tables, seed=seed))


def _area(name: str, area: Area) -> str:
    done, better = ("masked", area.high < 0) if name == "deletion" else ("restored", area.low > 0)
    return (
        f"{name.capitalize()}, the most important parts {done} first: mean similarity {area.value:.3f}, in random "
        f"order {area.random:.3f}; difference {area.difference:+.3f} ({area.low:+.3f} to {area.high:+.3f}), "
        f"{'better' if better else 'not better'} than random."
    )
