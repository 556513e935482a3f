"""Strings and values that are points in time, as seconds.

>>> read = infer(pa.array(["31.01.2020", "01.02.2020", ""]))
>>> read.form, (read.values / 86400).tolist()
('%d.%m.%Y', [18292.0, 18293.0, nan])
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float64
from pyarrow import compute, types

from counterpoint.data.numbers import stripped

ISO = "iso"
"""ISO 8601: 2020-01-31, 2020-01-31 10:00:00.5, 2020-01-31T10:00Z."""

DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
NAMED = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%b %Y")
CLOCK = ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p")
FORMS = (*DAYS, *NAMED, *CLOCK, *(f"{day} {clock}" for day in (*DAYS, *NAMED) for clock in CLOCK))

GLANCE = re.compile(r"\d{1,4}[-/.: ]\s?(\d|[A-Za-z])|[A-Za-z]{3,9} \d")
"""A pattern that every format of times contains."""

EITHER = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y"}
"""Formats with the day first, and the alternative with the month first where no day is above twelve."""


@dataclass(frozen=True)
class Times:
    """A column parsed as times: seconds since 1970, or since midnight."""

    values: Float64[np.ndarray, " n"]
    """NaN where missing."""
    form: str
    doubtful: bool = False
    """Whether day and month may be swapped."""


def infer(cells: Any) -> Times | None:
    """A column of strings as times; None where it is not one."""
    bare = stripped(cells)
    distinct = compute.unique(bare.drop_null())
    if not len(distinct) or not all(GLANCE.search(each) for each in distinct[:20].to_pylist()):
        return None
    for form in (ISO, *FORMS):
        if _reads(distinct[:100], form) and _reads(distinct, form):
            base = form.split(" ")[0]
            other = form.replace(base, EITHER[base]) if base in EITHER else ""
            return Times(parse(bare, form), form, bool(other) and _reads(distinct, other))
    return None


def parse(cells: Any, form: str) -> Float64[np.ndarray, " n"]:
    """Strings as seconds in a format inferred from others; NaN for those that do not match."""
    return _seconds(_moments(stripped(cells), form))


def best(cells: Any) -> Float64[np.ndarray, " n"]:
    """Strings as seconds in the format of most of them, NaN for all others.

    >>> best(pa.array(["1970-01-02", "soon", "1970-01-01"])).tolist()
    [86400.0, nan, 0.0]
    """
    bare = stripped(cells)
    some = compute.unique(bare.drop_null())[:100]
    form = min((ISO, *FORMS), key=lambda each: int(_moments(some, each).null_count))
    return parse(bare, form)


def of_temporal(cells: Any) -> Float64[np.ndarray, " n"]:
    """Arrow dates, times, timestamps and durations as seconds."""
    joined = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    kind = joined.type
    if types.is_date(kind) or types.is_timestamp(kind):
        joined = joined.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False)
    elif types.is_duration(kind):
        joined = joined.cast(pa.duration("us"), safe=False)
    else:
        joined = joined.cast(pa.time64("us"), safe=False)
    return _seconds(joined)


def _seconds(moments: Any) -> Float64[np.ndarray, " n"]:
    """Arrow timestamps in microseconds as seconds, null as NaN."""
    seconds = compute.divide(moments.cast(pa.int64()).cast(pa.float64(), safe=False), 1e6)
    values: np.ndarray = compute.fill_null(seconds, np.nan).to_numpy(zero_copy_only=False)
    return values


def _reads(strings: Any, form: str) -> bool:
    return bool(_moments(strings, form).null_count == 0)


def _moments(cells: Any, form: str) -> Any:
    """Strings as timestamps in microseconds, null where they do not match the format."""
    if form != ISO:
        years = r"\d{4}" if "%Y" in form else r"^(\D*\d{1,3})*\D*$"  # else 1/1/20 would be in the year 20
        fits = compute.fill_null(compute.match_substring_regex(cells, years), False)
        return compute.strptime(compute.if_else(fits, cells, None), format=form, unit="us", error_is_null=True)
    plain = compute.replace_substring_regex(cells, r"(Z|[+-]00:?00| UTC)$", "")
    clock = r"[T ]\d{2}(:\d{2}){0,2}(\.\d{1,9})?"
    cut = compute.replace_substring_regex(plain, r"(\.\d{6})\d+", r"\1")
    here, zoned = (
        compute.if_else(compute.fill_null(compute.match_substring_regex(plain, pattern), False), cut, None)
        for pattern in (
            rf"^\d{{4}}-\d{{2}}-\d{{2}}({clock})?$",
            rf"^\d{{4}}-\d{{2}}-\d{{2}}{clock}[+-]\d{{2}}:?\d{{2}}$",
        )
    )
    return compute.coalesce(_stamps(here, pa.timestamp("us")), _stamps(zoned, pa.timestamp("us", "UTC")))


def _stamps(cells: Any, kind: Any) -> Any:
    """ISO 8601 strings as timestamps without a zone, null for invalid days."""
    try:
        return cells.cast(kind).cast(pa.timestamp("us"))
    except pa.ArrowException:
        return pa.array([_stamp(each, kind) for each in cells.to_pylist()], pa.timestamp("us"))


def _stamp(cell: str | None, kind: Any) -> Any:
    try:
        return pa.scalar(cell).cast(kind).cast(pa.timestamp("us")).as_py()
    except pa.ArrowException:
        return None
