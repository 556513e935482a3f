"""Strings that are numbers: decimal commas, thousands separators, currencies, units, and missing values.

>>> read = infer(pa.array(["1.234,50 €", "99 €", "n/a"]))
>>> read.form, read.values.tolist(), read.missing
(',.|€', [1234.5, 99.0, nan], 1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float64
from pyarrow import compute

from counterpoint.data.subset import spread

MISSING = (
    "",
    "?",
    "-",
    "--",
    "\u2013",
    ".",
    "..",
    "n/a",
    "n.a.",
    "na",
    "nan",
    "none",
    "null",
    "<na>",
    "#n/a",
    "nil",
    "nat",
    "n.d.",
)
"""Strings for a missing number, in lower case."""

CURRENCIES = ("$", "€", "£", "¥", "₹", "US$", "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR")
UNITS = (
    *("%", "‰", "°", "°C", "°F", "K", "kg", "g", "mg", "µg", "t", "lb", "lbs", "oz", "km", "m", "cm", "mm", "µm", "nm"),
    *("mi", "ft", "in", "yd", "km²", "m²", "cm²", "ha", "l", "L", "ml", "mL", "m³", "s", "sec", "ms", "µs", "min", "h"),
    *("hrs", "d", "Hz", "kHz", "MHz", "GHz", "V", "mV", "kV", "A", "mA", "W", "kW", "MW", "Wh", "kWh", "MWh", "Pa"),
    *(
        "hPa",
        "kPa",
        "MPa",
        "bar",
        "mbar",
        "psi",
        "N",
        "kN",
        "Nm",
        "J",
        "kJ",
        "cal",
        "kcal",
        "km/h",
        "m/s",
        "mph",
        "rpm",
    ),
    *("dB", "ppm", "ppb", "px", "B", "kB", "KB", "MB", "GB", "TB", "mol", "mmol", "mg/dl", "mmol/l", "bpm", "mmHg"),
    *("year", "years", "yrs", "days"),
)

LONGEST_FIRST = sorted((*CURRENCIES, *UNITS), key=len, reverse=True)
"""Currencies and units in the order of matching: mg ends in g."""

SAMPLED = 500
"""Cells of a column, evenly spread, that decide its unit and its format."""

FORMS = {
    ".": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:inf(inity)?)",
    ".,": r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?|[+-]?\d+(\.\d+)?",
    ",": r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?",
    ",.": r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?|[+-]?\d+(,\d+)?",
    ". ": r"[+-]?\d{1,3}( \d{3})+(\.\d+)?|[+-]?\d+(\.\d+)?",
    ", ": r"[+-]?\d{1,3}( \d{3})+(,\d+)?|[+-]?\d+(,\d+)?",
    ".'": r"[+-]?\d{1,3}('\d{3})+(\.\d+)?|[+-]?\d+(\.\d+)?",
}
"""Formats of numbers, by the decimal mark and, after it, the thousands separator."""

PLAIN = ".|"
"""The format of numbers with a decimal point and nothing else."""

NUMBER = re.compile(FORMS["."])

CODES = r"^[+-]?0\d+$"
"""Digits with a leading zero are a name, not a number."""

LONG = r"^\d{17,}$"
"""More digits than float64 can represent."""

TYPOGRAPHY = "[\u00a0\u202f\u2009\u2019\u2212]"
"""Typographic spaces, apostrophes and minus signs."""

STRAY = 0.05
"""Share of non-numeric cells allowed in a column of numbers; they count as missing, with a note."""


@dataclass(frozen=True)
class Numbers:
    """A column of strings, parsed as numbers."""

    values: Float64[np.ndarray, " n"]
    """NaN where one is missing."""
    form: str
    """The decimal mark and the thousands separator, a bar, and the currency or unit: ``parse`` takes it."""
    stray: tuple[str, ...] = ()
    """Some of the non-numeric cells that count as missing."""

    @property
    def missing(self) -> int:
        return int(np.isnan(self.values).sum())


def infer(cells: Any, *, comma_first: bool = False, codes: bool = False) -> Numbers | None:
    """A column of strings as numbers; None where it contains words, codes or nothing.

    Args:
        cells: Arrow strings (n,).
        comma_first: Whether a comma is more likely a decimal mark than a separator: semicolons separate the cells.
        codes: Whether digits that look like codes, such as 01234, are numbers all the same.
    """
    bare = _bare(cells)
    present = bare.drop_null()
    if not len(present) or (not codes and _are_codes(present)):
        return None
    if NUMBER.fullmatch(present[0].as_py()):
        values, stray = _parsed(bare, PLAIN)
        if not stray:
            return Numbers(values, PLAIN)
    some = present.take(pa.array(spread(len(present), SAMPLED))).to_pylist()
    unit = _unit(some)
    order = sorted(FORMS, key=lambda marks: comma_first and marks[0] == "." and len(marks) > 1)
    parts = [_without_unit(each, unit) for each in some]
    fitting = {marks: sum(bool(re.fullmatch(FORMS[marks], part)) for part in parts) for marks in order}
    for marks in sorted(order, key=lambda marks: -fitting[marks]):  # among equals the first
        read = _read(bare, f"{marks}|{unit}") if fitting[marks] >= (1 - STRAY) * len(parts) - 1 else None
        if read is not None:
            return read
    return None


def with_dots_between_thousands(cells: Any) -> Numbers | None:
    """Strings that all look like 1.234 or 567: where other columns have decimal commas, this means 1234.

    >>> with_dots_between_thousands(pa.array(["1.234", "", "567"])).values.tolist()
    [1234.0, nan, 567.0]
    """
    bare = _bare(cells)
    present = bare.drop_null()
    fits = compute.match_substring_regex(present, r"^[+-]?\d{1,3}(\.\d{3})*$")
    dotted = compute.any(compute.match_substring(present, ".")).as_py()
    return _read(bare, ",.|") if dotted and compute.all(fits).as_py() else None


def parse(cells: Any, form: str) -> tuple[Float64[np.ndarray, " n"], list[str]]:
    """Strings as numbers in a format inferred from others, NaN for non-numeric ones, and some of these.

    >>> parse(pa.array(["2,5", "?", "x"]), ",|")
    (array([2.5, nan, nan]), ['x'])
    """
    return _parsed(_bare(cells), form)


def _parsed(bare: Any, form: str) -> tuple[Float64[np.ndarray, " n"], list[str]]:
    if form == PLAIN:
        try:
            return _cast(bare, "."), []
        except pa.ArrowInvalid:  # some are not numbers
            pass
    marks, _, unit = form.partition("|")
    shorn = _shorn(bare, unit)
    plain = compute.fill_null(compute.match_substring_regex(shorn, f"^({FORMS[marks]})$"), False)
    if unit and marks != ".":  # a later file may omit the unit and the separators
        plain = compute.or_(plain, compute.fill_null(compute.match_substring_regex(shorn, f"^({FORMS['.']})$"), False))
    wrong = compute.and_(compute.invert(plain), compute.is_valid(bare))
    values = _cast(compute.if_else(plain, shorn, None), marks)
    return values, compute.unique(bare.filter(wrong)).to_pylist()[:5]


def stripped(cells: Any) -> Any:
    """The cells without surrounding spaces, null for missing values."""
    joined = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    plain = compute.utf8_trim_whitespace(joined.cast(pa.string()))
    return compute.if_else(compute.is_in(compute.utf8_lower(plain), value_set=pa.array(MISSING)), None, plain)


def _bare(cells: Any) -> Any:
    """The cells with typographic characters replaced, without spaces, null for missing values."""
    plain = stripped(cells)
    if compute.any(compute.match_substring_regex(plain, TYPOGRAPHY)).as_py():
        for printed, typed in (("\u00a0", " "), ("\u202f", " "), ("\u2009", " "), ("\u2019", "'"), ("\u2212", "-")):
            plain = compute.replace_substring(plain, printed, typed)
        plain = stripped(plain)
    return plain


def _are_codes(present: Any) -> bool:
    if compute.any(compute.match_substring_regex(present, CODES)).as_py():
        return True
    long = compute.sum(compute.match_substring_regex(present, LONG)).as_py()
    return bool(long > len(present) / 2)


def _unit(cells: list[str]) -> str:
    """The currency or unit that every cell has, "" where they have none or different ones."""
    result = {_unit_of(each) for each in cells}
    return result.pop() or "" if len(result) == 1 else ""


def _unit_of(cell: str) -> str | None:
    if cell[-1:].isdigit() and (cell[0].isdigit() or cell[0] in "+-.,"):
        return None
    for unit in LONGEST_FIRST:
        before = cell.startswith(unit) and unit in CURRENCIES
        if (before or cell.endswith(unit)) and _without_unit(cell, unit)[-1:].isdigit():
            return unit
    return None


def _without_unit(cell: str, unit: str) -> str:
    return cell.removeprefix(unit).removesuffix(unit).strip() if unit else cell


def _shorn(bare: Any, unit: str) -> Any:
    if not unit:
        return bare
    pattern = re.escape(unit).replace("/", "\\/")
    return compute.utf8_trim_whitespace(compute.replace_substring_regex(bare, f"^{pattern}|{pattern}$", ""))


def _read(bare: Any, form: str) -> Numbers | None:
    """The numbers of a column, if nearly all cells are numbers of a format."""
    values, stray = _parsed(bare, form)
    present = len(bare) - bare.null_count
    count = int(np.isfinite(values).sum() + np.isinf(values).sum())
    if count < present and (len(stray) >= 5 or count < 9 or present - count > max(1, STRAY * present)):
        return None
    return Numbers(values, form, tuple(stray))


def _cast(cells: Any, marks: str) -> Float64[np.ndarray, " n"]:
    """Strings of a format as numbers, null as NaN."""
    if len(marks) > 1:
        cells = compute.replace_substring(cells, marks[1], "")
    if marks[0] == ",":
        cells = compute.replace_substring(cells, ",", ".")
    column = compute.replace_substring_regex(cells, r"^\+", "").cast(pa.float64())
    values: np.ndarray = compute.fill_null(column, np.nan).to_numpy(zero_copy_only=False)
    return values
