"""Filters: the rows that they select, missing cells, and invalid filters."""

import contextlib
import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.errors import InputError
from counterpoint.retrieval.item_filters import matching

ROWS = [
    {"price": 10, "cost": 12.5, "kind": "shoe", "new": True, "name": "a1", "day": dt.date(2024, 1, 1)},
    {"price": 30, "cost": 12.5, "kind": "bag", "new": False, "name": "a2", "day": dt.date(2024, 6, 1)},
    {"price": None, "cost": 1.0, "kind": "shoe", "new": None, "name": "b1", "day": None},
    {"price": -5, "cost": None, "kind": None, "new": True, "name": "b2", "day": dt.date(2025, 1, 1)},
]
TABLE = pa.Table.from_pylist(ROWS)
COLUMNS = {name: TABLE.column(name) for name in TABLE.column_names} | {"columns.unit price": TABLE.column("cost")}


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("price < 20", [0, 3]),
        ("price < 20 and kind == 'shoe'", [0]),
        ("price < 20 or kind == 'shoe'", [0, 2, 3]),
        ("not price < 20", [1]),  # where there is no price, neither is true
        ("not (kind == 'shoe' or price == 30)", []),
        ("0 < price <= 30", [0, 1]),
        ("10 == price", [0]),
        ("price == -5", [3]),
        ("price < cost", [0]),
        ("price != 10.0", [1, 3]),
        ("kind in ('shoe', 'hat')", [0, 2]),
        ("kind not in ['shoe']", [1]),
        ("price in {10, 30}", [0, 1]),
        ("price in ()", []),
        ("'a' in name", [0, 1]),
        ("'a' not in name", [2, 3]),
        ("new", [0, 3]),
        ("not new", [1]),
        ("new == False", [1]),
        ("day > '2024-03-01'", [1, 3]),
        ("columns['unit price'] == 12.5", [0, 1]),
        ("(((price < 20)))", [0, 3]),
        ("kind == 'shoe' and new == True or price == 30", [0, 1]),
    ],
)
def test_a_filter_selects_rows(where, rows):
    assert np.flatnonzero(matching(where, COLUMNS)).tolist() == rows


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("size < 3", r"names the column 'size', which does not exist\. Columns: price, cost, kind, new, name, day"),
        ("prise < 3", r"Did you mean 'price'\?"),
        ("len(name) < 3", r"'len\(name\)' calls a function\. A filter compares columns with numbers or strings"),
        ("__import__('os').system('touch x') == 0", "calls a function"),
        ("name.upper() == 'A'", "calls a function"),
        ("name.upper == 'A'", "reads an attribute"),
        ("kind['a'] == 1", "is not supported"),
        ("price + 1 < 3", r"'price \+ 1' is not supported"),
        ("price < 2 ** 9", "is not supported"),
        ("[x for x in name]", "is not supported"),
        ("(lambda: 1) == 1", "is a function"),
        ("price <", "it cannot be parsed"),
        ("price = 3", "it cannot be parsed"),
        ("(" * 3000 + "price < 3" + ")" * 3000, "it cannot be parsed"),
        ("not " * 150 + "new", "it is nested too deeply"),
        ("price", "'price' is not a condition"),
        ("1 < 2", "neither '1' nor '2' is a column"),
        ("price is 3", "uses an unsupported operator"),
        ("price == None", "'None' is not supported"),
        ("-'a' == kind", "is not a number"),
        ("price < 'a'", "'price' holds numbers and is compared with 'a'"),
        ("kind == 3", "'kind' holds text and is compared with 3"),
        ("new == 1", "'new' holds True and False and is compared with 1"),
        ("day > 'monday'", "'day' holds times, such as '2024-12-31' and is compared with 'monday'"),
        ("price == 1" + "0" * 400, "and is compared with 1"),
        ("price < kind", "hold different types"),
        ("3 in price", "'in' takes a column and a list"),
        ("3 in (1, 2)", "'3' is not a column"),
        ("  ", "has 1 to 10,000 characters"),
        ("price == 1 or " * 1000 + "new", "has 1 to 10,000 characters"),
    ],
)
def test_an_invalid_filter_is_refused_with_advice(where, message):
    with pytest.raises(InputError, match=message) as refused:
        matching(where, COLUMNS)
    assert len(str(refused.value)) < 700
    assert "\n" not in str(refused.value)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="priceknd <>=()'[]0123456789.andornti_+*:,{}", max_size=40))
def test_any_text_is_a_filter_or_refused(where):
    with contextlib.suppress(InputError):
        assert matching(where, COLUMNS).shape == (4,)
