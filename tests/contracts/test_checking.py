"""Shapes and types are executed in the tests: the first calls of every function, and again in the next test."""

from dataclasses import dataclass

import pytest
import torch
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from counterpoint.comparison import cosine
from tests import checking


def test_a_wrong_shape_given_to_the_package_is_refused():
    with pytest.raises(TypeCheckError):
        cosine(torch.zeros(3), torch.zeros(3, 2))
    with pytest.raises(TypeCheckError):
        cosine(torch.zeros(3, 4), torch.zeros(3, 2))


def test_what_comes_back_is_checked_as_what_is_given():
    @checking.checked
    def halves(rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return rows[: len(rows) // 2]

    with pytest.raises(TypeCheckError, match="return value"):
        halves(torch.zeros(4, 2))


def test_only_the_first_calls_in_every_test_are_checked():
    @checking.checked
    def same(rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return rows

    for _ in range(2):
        checking.next_test()
        for _ in range(checking.CALLS):
            with pytest.raises(TypeCheckError):
                same(torch.zeros(1))
        assert same(torch.zeros(1)).shape == (1,)


def test_fields_of_a_dataclass_are_checked_and_whole_numbers_are_floats():
    @checking.checked
    @dataclass
    class Sized:
        size: float

    assert Sized(3).size == 3
    with pytest.raises(TypeCheckError):
        Sized("3")


def test_functions_in_functions_and_methods_are_decorated_too():
    source = (
        '"""Says so."""\nfrom __future__ import annotations\nclass Part:\n    @property\n    def size(self) -> int:\n'
        "        def inner() -> int: return '3'\n        return inner()\n"
    )
    names = {}
    exec(checking.compiled(source.encode(), "part.py"), names)
    with pytest.raises(TypeCheckError, match="inner"):
        _ = names["Part"]().size
    assert names["__doc__"] == "Says so."
