"""A label budget: how many of the labels are learned from."""

from __future__ import annotations

from typing import NamedTuple

from counterpoint.errors import InputError


class Budget(NamedTuple):
    """How many labels: so many of every class, or a share of them."""

    per_class: int | None
    fraction: float | None

    def __str__(self) -> str:
        return f"{self.per_class} per class" if self.per_class is not None else f"{100 * (self.fraction or 1):g}%"


def read_budget(text: str) -> Budget:
    """A budget as it is written.

    >>> read_budget("10"), str(read_budget("10%"))
    (Budget(per_class=10, fraction=None), '10%')
    """
    number = text.removesuffix("%")
    try:
        if text.endswith("%") and 0 < float(number) <= 100:
            return Budget(None, float(number) / 100)
        if int(text) >= 1:
            return Budget(int(text), None)
    except ValueError:
        pass
    raise InputError(f"A budget is a number of labels per class, such as 10, or a share, such as 1%. Got '{text}'.")
