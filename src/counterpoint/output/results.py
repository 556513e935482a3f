"""The results of verbs: dictionaries of JSON values, which print as the tables of the shell; and data frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from textwrap import shorten
from typing import Any

from counterpoint.errors import InputError
from counterpoint.output.html import html_record

EXCERPT = 100
"""Letters of a text in a line."""


class Result(dict[str, Any]):
    """The result of a verb, by name; ``str`` is the table that the shell prints.

    >>> result = Result({"right": 0.5, "items": 2}, lambda held: f"{held['right']:.0%} of {held['items']} are right")
    >>> print(result)
    50% of 2 are right
    >>> result
    Result with right, items; print it to read it
    >>> result["right"]
    0.5
    """

    def __init__(self, result: Mapping[str, Any], table: Callable[[Mapping[str, Any]], str]) -> None:
        super().__init__(result)
        self._table = table

    def __str__(self) -> str:
        return self._table(self)

    def _repr_html_(self) -> str:
        headline = self.get("headline", self)
        return html_record(str(headline.get("sentence", "Result")), self)

    def __repr__(self) -> str:
        return f"Result with {', '.join(self)}; print it to read it"


def filled(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that have a value."""
    return {name: value for name, value in record.items() if value is not None}


def excerpt(text: str) -> str:
    """The beginning of a text, as much as fits into a line.

    >>> excerpt("one two")
    'one two'
    """
    return shorten(text, EXCERPT, placeholder=" ...")


def frame_of(columns: Mapping[str, Any], names: Sequence[str]) -> Any:
    """A pandas data frame, with the names as its index, or else one of polars, with a column of names.

    Raises:
        InputError: Neither is installed.
    """
    if find_spec("pandas") is not None:
        import pandas as pd

        return pd.DataFrame(dict(columns), index=pd.Index(names, name="name"))
    if find_spec("polars") is not None:
        import polars as pl

        return pl.DataFrame({"name": list(names), **columns})
    raise InputError("A data frame is made with pandas or polars. Install one of them: pip install pandas")
