"""The result of ``duplicates``: pairs, groups, and their reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from counterpoint.errors import counted
from counterpoint.output.html import html_table
from counterpoint.output.results import excerpt, filled

SHOWN = 50
"""Pairs that ``str`` shows."""

LARGE = 0.05
"""Share of the items above which a group causes a warning."""


@dataclass(frozen=True)
class Pair:
    """Two near-duplicate items, with their names, rows, cosine similarity and probability.

    The similarity is that of centred vectors; equal items have a similarity and a probability of 1.
    """

    a: str
    b: str
    index: Sequence[int]
    similarity: float
    probability: float | None
    """None where a threshold was given and there are too few items to estimate it."""
    equal: bool = False
    """Whether their contents are equal."""
    contents: Sequence[str] | None = None
    """Their texts, where items are texts or rows of a table."""


@dataclass(frozen=True)
class Group:
    """Items of which every two are near-duplicates: names, rows, and the smallest probability of any pair."""

    names: Sequence[str]
    index: Sequence[int]
    probability: float | None
    contents: Sequence[str] | None = None


@dataclass(frozen=True)
class Duplicates:
    """Pairs, the closest first, and groups, the largest first; ``str`` is a table."""

    pairs: Sequence[Pair]
    groups: Sequence[Group]
    items: int
    precision: float | None
    """The expected share of copies among the pairs: the mean of their probabilities."""
    threshold: float | None = None
    """The requested similarity, where pairs were cut there."""
    measured: str = ""
    """The space of the closeness: centred or whitened vectors, or plain features."""
    recall: float | None = None
    """Share of planted copies above the cut; None where none could be planted, or with a threshold."""
    warnings: Sequence[str] = ()

    def __str__(self) -> str:
        lines = [*self.warnings, self.summary()]
        if self.pairs:
            lines += ["", "probability  similarity"]
        lines += [
            f"{_number(pair.probability):>11}  {pair.similarity:10.3f}  {_members(pair)}" for pair in self.pairs[:SHOWN]
        ]
        if len(self.pairs) > SHOWN:
            lines.append(f"... and {len(self.pairs) - SHOWN:,} pairs more")
        for group in self.groups:
            if len(group.names) > 2:
                lines += [
                    "",
                    f"{len(group.names)} items, any two with a probability of {_number(group.probability)} or more",
                ]
                lines += [f"  {line}" for line in _listed(group)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = ((_number(pair.probability), f"{pair.similarity:.3f}", pair.a, pair.b) for pair in self.pairs)
        return html_table(self.summary(), rows, ("probability", "similarity", "item", "its copy"))

    def record(self) -> dict[str, Any]:
        """As JSON values; fields without a value are left out."""
        record = {
            name: [filled(asdict(each)) for each in value] if name in ("pairs", "groups") else value
            for name, value in filled(dict(vars(self))).items()
        }
        return {"summary": self.summary(), **record}

    def summary(self) -> str:
        """A summary in a sentence or two."""
        if not self.pairs:
            return f"No near-duplicates among {counted(self.items, 'item')}.{self._recall()}"
        among = sum(len(group.names) for group in self.groups)
        pairs = counted(len(self.pairs), "pair")
        return f"{pairs} of near-duplicates, {among:,} of {self.items:,} items.{self._cut()}{self._recall()}"

    def _cut(self) -> str:
        if self.threshold is not None:
            return f" All are at least {self.threshold:g} alike."
        if self.precision is None:
            return ""
        return f" Expected share of copies among them: {self.precision:.0%}."

    def _recall(self) -> str:
        return (
            ""
            if self.recall is None
            else f" Of copies planted as a test {self.recall:.0%} are found, by {self.measured}."
        )


def _number(probability: float | None) -> str:
    return "?" if probability is None else f"{probability:.3f}"


def _members(pair: Pair) -> str:
    if pair.contents is None:
        return f"{pair.a}  {pair.b}"
    return "  |  ".join(f"{name}: {excerpt(text)}" for name, text in zip((pair.a, pair.b), pair.contents, strict=True))


def _listed(group: Group) -> list[str]:
    if group.contents is None:
        return list(group.names)
    return [f"{name}: {excerpt(text)}" for name, text in zip(group.names, group.contents, strict=True)]
