r"""Filters on what is known of items, such as ``price < 20 and kind == 'shoe'``: read as a tree, never executed.

A filter is comparisons of columns with numbers, strings, True, False or other columns, ``in`` a list of them, ``in`` a
column of text, ``and``, ``or``, ``not`` and parentheses. Where a cell is missing, a comparison is neither true nor
false, as in SQL, and the item is left out.

>>> columns = {"price": pa.chunked_array([[10, 30, None]]), "kind": pa.chunked_array([["shoe", "shoe", "bag"]])}
>>> matching("price < 20 and kind == 'shoe'", columns).tolist()
[True, False, False]
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool
from pyarrow import compute

from counterpoint.errors import InputError, closest, listed

LONGEST = 10_000
"""Letters of a filter."""

DEEPEST = 100
"""Levels of parentheses and of not."""

COMPARES: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: compute.equal,
    ast.NotEq: compute.not_equal,
    ast.Lt: compute.less,
    ast.LtE: compute.less_equal,
    ast.Gt: compute.greater,
    ast.GtE: compute.greater_equal,
}

PREFIX = "columns."
"""Stands before a column of the source where its name alone would mean another, as in ``columns['name']``."""

Columns = Mapping[str, pa.ChunkedArray]
"""Columns by their names."""

ALLOWED = (
    "A filter compares columns with numbers or strings (==, !=, <, <=, >, >=, in, not in) and joins that with and, or, "
    "not and parentheses"
)


def matching(where: str, columns: Columns) -> Bool[np.ndarray, " n"]:
    """Which rows a filter leaves.

    Raises:
        InputError: It is no such filter, names a column that is not there, or compares a number with a text.
    """
    result = _Filter(where, columns).result()
    mask: np.ndarray = compute.fill_null(result, False).to_numpy(zero_copy_only=False)
    return mask.astype(bool)


class _Filter:
    """A filter over some columns."""

    def __init__(self, where: str, columns: Columns) -> None:
        self.where, self.columns = where, columns

    def result(self) -> Any:
        if not self.where.strip() or len(self.where) > LONGEST:
            raise InputError(f'A filter has 1 to {LONGEST:,} letters, such as "price < 20". Got {len(self.where):,}.')
        try:
            tree = ast.parse(self.where.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
            raise self._refusal(
                f"it cannot be read, {getattr(wrong, 'msg', None) or 'it is nested too deeply'}"
            ) from wrong
        return self._truth(tree, 0)

    def _truth(self, node: ast.expr, depth: int) -> Any:
        """A column of truth values."""
        if depth > DEEPEST:
            raise self._refusal("it is nested too deeply")
        if isinstance(node, ast.BoolOp):
            joined = compute.and_kleene if isinstance(node.op, ast.And) else compute.or_kleene
            truths = [self._truth(each, depth + 1) for each in node.values]
            result = truths[0]
            for each in truths[1:]:
                result = joined(result, each)
            return result
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return compute.invert(self._truth(node.operand, depth + 1))
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            result = None
            for left, how, right in zip(sides, node.ops, sides[1:], strict=False):
                each = self._compared(left, how, right)
                result = each if result is None else compute.and_kleene(result, each)
            return result
        if isinstance(node, ast.Name | ast.Subscript):
            column = self._column(node)
            if pa.types.is_boolean(column.type):
                return column
        raise self._refusal(f"'{_written(node)}' is neither true nor false" if _is_plain(node) else _foreign(node))

    def _compared(self, left: ast.expr, how: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(how, ast.In | ast.NotIn):
            result = self._within(left, right)
            return compute.invert(result) if isinstance(how, ast.NotIn) else result
        if type(how) not in COMPARES:
            raise self._refusal(f"'{_written(ast.Compare(left, [how], [right]))}' is no such comparison")
        one, other = self._side(left), self._side(right)
        if not any(isinstance(each, pa.ChunkedArray) for each in (one, other)):
            raise self._refusal(f"'{_written(left)}' is compared with no column")
        one, other = self._alike(one, other, right), self._alike(other, one, left)
        try:
            return COMPARES[type(how)](one, other)
        except pa.ArrowException as wrong:
            raise self._refusal(f"'{_written(left)}' and '{_written(right)}' hold different types") from wrong

    def _within(self, left: ast.expr, right: ast.expr) -> Any:
        if isinstance(right, ast.List | ast.Tuple | ast.Set):
            column, result = self._side(left), None
            if not isinstance(column, pa.ChunkedArray):
                raise self._refusal(f"'{_written(left)}' is no column")
            for each in right.elts:
                equal = compute.equal(column, self._alike(self._side(each), column, left))
                result = equal if result is None else compute.or_kleene(result, equal)
            return compute.not_equal(column, column) if result is None else result  # of nothing
        text, column = self._side(left), self._side(right)
        if not (isinstance(text, str) and isinstance(column, pa.ChunkedArray) and pa.types.is_string(column.type)):
            raise self._refusal("'in' takes a column and a list such as ('a', 'b'), or a string and a column of text")
        return compute.match_substring(column, text)

    def _side(self, node: ast.expr) -> Any:
        """A column, or a constant."""
        if isinstance(node, ast.Name | ast.Subscript):
            return self._column(node)
        sign = -1 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1
        held = node.operand if sign < 0 and isinstance(node, ast.UnaryOp) else node
        if not (isinstance(held, ast.Constant) and isinstance(held.value, str | bool | int | float)):
            raise self._refusal(_foreign(held))
        if sign > 0:
            return held.value
        if isinstance(held.value, str | bool):
            raise self._refusal(f"'{_written(node)}' is no number")
        return -held.value

    def _column(self, node: ast.Name | ast.Subscript) -> pa.ChunkedArray:
        """A column by its name, or by ``columns['a name with blanks']``."""
        name = node.id if isinstance(node, ast.Name) else _subscript(node)
        if name is None:
            raise self._refusal(_foreign(node))
        called = name if isinstance(node, ast.Name) or f"{PREFIX}{name}" not in self.columns else f"{PREFIX}{name}"
        if called not in self.columns:
            hint = closest(name, self._names())
            raise InputError(
                f"The filter names the column '{name}', which is not there.{hint} Columns: {listed(self._names(), 40)}."
            )
        return self.columns[called]

    def _names(self) -> list[str]:
        return [name for name in self.columns if not name.startswith(PREFIX)]

    def _alike(self, value: Any, column: Any, node: ast.expr) -> Any:
        """A constant as what a column holds, so that the two can be compared; a column as it is."""
        if isinstance(value, pa.ChunkedArray):
            return value
        kind, wants = column.type, "numbers"
        if pa.types.is_string(kind):
            wants, fits = "text", isinstance(value, str)
        elif pa.types.is_boolean(kind):
            wants, fits = "True and False", isinstance(value, bool)
        elif pa.types.is_temporal(kind):
            wants, fits = "times, such as '2024-12-31'", isinstance(value, str)
        else:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            if not fits:
                raise pa.ArrowInvalid("another type")
            return pa.scalar(float(value)) if wants == "numbers" else pa.scalar(value).cast(kind)
        except (pa.ArrowException, OverflowError) as wrong:
            raise InputError(
                f"In the filter '{_written(node)}' holds {wants}, and is compared with {value!r:.60}."
            ) from wrong

    def _refusal(self, why: str) -> InputError:
        names = listed(self._names(), 40)
        return InputError(f'The filter "{self.where:.100}" is not read: {why}. {ALLOWED}. Columns: {names}.')


def _subscript(node: ast.Subscript) -> str | None:
    plain = isinstance(node.value, ast.Name) and node.value.id == "columns" and isinstance(node.slice, ast.Constant)
    return str(node.slice.value) if plain and isinstance(node.slice, ast.Constant) else None


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Constant) or (
        isinstance(node, ast.Subscript) and _subscript(node) is not None
    )


def _foreign(node: ast.expr) -> str:
    """What is wrong with something that is no part of a filter."""
    called = {ast.Call: "calls a function", ast.Attribute: "looks inside of something", ast.Lambda: "is a function"}
    return f"'{_written(node)}' {called.get(type(node), 'is none of what a filter has')}"


def _written(node: ast.expr) -> str:
    return f"{ast.unparse(node):.60}"
