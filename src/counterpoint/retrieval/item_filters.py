"""Filters on the columns of items, such as ``price < 20 and kind == 'shoe'``: parsed into a tree, never executed.

A filter compares columns with numbers, strings, True, False or other columns, tests membership with ``in`` a list or
substrings with ``in`` a column of text, and combines these by ``and``, ``or``, ``not`` and parentheses. A comparison
with a missing cell is neither true nor false, as in SQL, and does not select the item.

>>> columns = {"price": pa.chunked_array([[10, 30, None]]), "kind": pa.chunked_array([["shoe", "shoe", "bag"]])}
>>> matching("price < 20 and kind == 'shoe'", columns).tolist()
[True, False, False]
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool
from pyarrow import compute

from counterpoint.errors import InputError, closest, listed

LONGEST = 10_000
"""The most characters of a filter."""

DEEPEST = 100
"""The most nested levels."""

COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: compute.equal,
    ast.NotEq: compute.not_equal,
    ast.Lt: compute.less,
    ast.LtE: compute.less_equal,
    ast.Gt: compute.greater,
    ast.GtE: compute.greater_equal,
}

PREFIX = "columns."
"""The prefix of a source's column whose name a standard column has, too, as in ``columns['name']``."""

Columns = Mapping[str, pa.ChunkedArray]
"""Columns by name."""

ALLOWED = (
    "A filter compares columns with numbers or strings (==, !=, <, <=, >, >=, in, not in), combined by and, or, not "
    "and parentheses"
)


def matching(where: str, columns: Columns) -> Bool[np.ndarray, " n"]:
    """Whether a filter selects each row.

    Raises:
        InputError: The filter cannot be parsed, names an unknown column, or compares values of different types.
    """
    result = _Filter(where, columns).result()
    mask: np.ndarray = compute.fill_null(result, False).to_numpy(zero_copy_only=False)
    return mask.astype(bool)


class _Filter:
    """A filter over some columns."""

    def __init__(self, where: str, columns: Columns) -> None:
        self.where, self.columns = where, columns

    def result(self) -> Any:
        if not isinstance(self.where, str):
            raise InputError(f'A filter is a string, such as "price < 20". Got {type(self.where).__name__}.')
        if not self.where.strip() or len(self.where) > LONGEST:
            raise InputError(
                f'A filter has 1 to {LONGEST:,} characters, such as "price < 20". Got {len(self.where):,}.'
            )
        try:
            tree = ast.parse(self.where.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
            raise self._refusal(
                f"it cannot be parsed ({getattr(wrong, 'msg', None) or 'it is nested too deeply'})"
            ) from wrong
        return self._truth(tree, 0)

    def _truth(self, node: ast.expr, depth: int) -> Any:
        """A condition: true, false or missing for every row."""
        if depth > DEEPEST:
            raise self._refusal("it is nested too deeply")
        if isinstance(node, ast.BoolOp):
            combine = compute.and_kleene if isinstance(node.op, ast.And) else compute.or_kleene
            return reduce(combine, [self._truth(each, depth + 1) for each in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return compute.invert(self._truth(node.operand, depth + 1))
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pairs = zip(sides, node.ops, sides[1:], strict=False)
            return reduce(compute.and_kleene, [self._compared(left, op, right) for left, op, right in pairs])
        if isinstance(node, ast.Name | ast.Subscript):
            column = self._column(node)
            if pa.types.is_boolean(column.type):
                return column
        raise self._refusal(f"'{_code(node)}' is not a condition" if _is_plain(node) else _unsupported(node))

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            result = self._within(left, right)
            return compute.invert(result) if isinstance(op, ast.NotIn) else result
        if type(op) not in COMPARISONS:
            raise self._refusal(f"'{_code(ast.Compare(left, [op], [right]))}' uses an unsupported operator")
        one, other = self._operand(left), self._operand(right)
        if not any(isinstance(each, pa.ChunkedArray) for each in (one, other)):
            raise self._refusal(f"neither '{_code(left)}' nor '{_code(right)}' is a column")
        one, other = self._cast(one, other, right), self._cast(other, one, left)
        try:
            return COMPARISONS[type(op)](one, other)
        except pa.ArrowException as wrong:
            raise self._refusal(f"'{_code(left)}' and '{_code(right)}' hold different types") from wrong

    def _within(self, left: ast.expr, right: ast.expr) -> Any:
        if isinstance(right, ast.List | ast.Tuple | ast.Set):
            column = self._operand(left)
            if not isinstance(column, pa.ChunkedArray):
                raise self._refusal(f"'{_code(left)}' is not a column")
            none = compute.not_equal(column, column)  # the empty list has no members
            values = [self._cast(self._operand(each), column, left) for each in right.elts]
            return reduce(compute.or_kleene, [compute.equal(column, each) for each in values], none)
        text, column = self._operand(left), self._operand(right)
        if not (isinstance(text, str) and isinstance(column, pa.ChunkedArray) and pa.types.is_string(column.type)):
            raise self._refusal("'in' takes a column and a list such as ('a', 'b'), or a string and a column of text")
        return compute.match_substring(column, text)

    def _operand(self, node: ast.expr) -> Any:
        """A column or a constant."""
        if isinstance(node, ast.Name | ast.Subscript):
            return self._column(node)
        sign = -1 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1
        constant = node.operand if sign < 0 and isinstance(node, ast.UnaryOp) else node
        if not (isinstance(constant, ast.Constant) and isinstance(constant.value, str | bool | int | float)):
            raise self._refusal(_unsupported(constant))
        if sign > 0:
            return constant.value
        if isinstance(constant.value, str | bool):
            raise self._refusal(f"'{_code(node)}' is not a number")
        return -constant.value

    def _column(self, node: ast.Name | ast.Subscript) -> pa.ChunkedArray:
        """A column by its name, or by ``columns['a name with blanks']``."""
        name = node.id if isinstance(node, ast.Name) else _subscript(node)
        if name is None:
            raise self._refusal(_unsupported(node))
        full = name if isinstance(node, ast.Name) or f"{PREFIX}{name}" not in self.columns else f"{PREFIX}{name}"
        if full not in self.columns:
            hint = closest(name, self._names())
            raise InputError(
                f"The filter names the column '{name}', which does not exist.{hint} Columns: "
                f"{listed(self._names(), 40)}."
            )
        return self.columns[full]

    def _names(self) -> list[str]:
        return [name for name in self.columns if not name.startswith(PREFIX)]

    def _cast(self, value: Any, column: Any, node: ast.expr) -> Any:
        """A constant in the type of the column that it is compared with; columns are not changed."""
        if isinstance(value, pa.ChunkedArray):
            return value
        dtype, holds = column.type, "numbers"
        if pa.types.is_string(dtype):
            holds, fits = "text", isinstance(value, str)
        elif pa.types.is_boolean(dtype):
            holds, fits = "True and False", isinstance(value, bool)
        elif pa.types.is_temporal(dtype):
            holds, fits = "times, such as '2024-12-31'", isinstance(value, str)
        else:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            if not fits:
                raise pa.ArrowInvalid("another type")
            return pa.scalar(float(value)) if holds == "numbers" else pa.scalar(value).cast(dtype)
        except (pa.ArrowException, OverflowError) as wrong:
            raise InputError(
                f"In the filter, '{_code(node)}' holds {holds} and is compared with {value!r:.60}."
            ) from wrong

    def _refusal(self, why: str) -> InputError:
        names = listed(self._names(), 40)
        return InputError(f'The filter "{self.where:.100}" is not valid: {why}. {ALLOWED}. Columns: {names}.')


def _subscript(node: ast.Subscript) -> str | None:
    plain = isinstance(node.value, ast.Name) and node.value.id == "columns" and isinstance(node.slice, ast.Constant)
    return str(node.slice.value) if plain and isinstance(node.slice, ast.Constant) else None


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Constant) or (
        isinstance(node, ast.Subscript) and _subscript(node) is not None
    )


def _unsupported(node: ast.expr) -> str:
    """Why an expression is not supported."""
    reasons = {ast.Call: "calls a function", ast.Attribute: "reads an attribute", ast.Lambda: "is a function"}
    return f"'{_code(node)}' {reasons.get(type(node), 'is not supported')}"


def _code(node: ast.expr) -> str:
    return f"{ast.unparse(node):.60}"
