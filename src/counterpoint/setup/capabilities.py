"""What the methods of the catalogue need and can use, read from their arguments and class variables."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from counterpoint import catalogue
from counterpoint.errors import PlanError, listed
from counterpoint.plans import Plan


def whole(part: Any) -> Any:
    """A part without the options of its spec."""
    return part.func if isinstance(part, partial) else part


def asks_for(part: Callable[..., Any], name: str) -> bool:
    """Whether a part has an argument of this name."""
    return name in inspect.signature(part).parameters


def learns_from_labels(plan: Plan) -> bool:
    """Whether the method or the negatives of a plan need class labels."""
    make = catalogue.find("method", plan.method)
    if getattr(whole(make), "needs_labels", False):
        return True
    return plan.negatives != "auto" and asks_for(catalogue.find("negatives", plan.negatives), "class_ids")


def without_labels() -> list[str]:
    """The methods that need neither labels nor scores of pairs."""
    result = ((name, catalogue.find("method", name)) for name in catalogue.names("method"))
    return [name for name, method in result if not (method.needs_labels or method.needs_scores)]


def has_temperature(objective: str) -> bool:
    """Whether an objective of this name has a temperature."""
    return asks_for(catalogue.find("objective", objective), "temperature")


def refuse_local_views(plan: Plan, make: Callable[..., Any]) -> None:
    """Raise ``PlanError`` for local views with a method that takes a fixed number of views."""
    if not getattr(whole(make), "local_views", False):
        others = [each for each in catalogue.names("method") if catalogue.find("method", each).local_views]
        raise PlanError(
            f"The method '{plan.method}' has no use for local views. Leave out --local-views, or choose one of the "
            f"methods {listed(others, 20)}."
        )


def refuse_comparing(plan: Plan, make: Callable[..., Any]) -> None:
    """Raise ``PlanError`` for choices about a comparison with a method that has none."""
    idle = {"objective": "auto", "similarity": "auto", "negatives": "auto", "matryoshka": None}
    if not asks_for(make, "temperature") or isinstance(plan.temperature, str):
        idle["temperature"] = None
    for choice, usual in idle.items():
        if getattr(plan, choice) != usual:
            others = [
                each for each in catalogue.names("method") if asks_for(catalogue.find("method", each), "objective")
            ]
            raise PlanError(
                f"The method '{plan.method}' has a loss of its own and cannot use the {choice} "
                f"{getattr(plan, choice)!r}. Leave out --{choice}, or choose one of the methods {listed(others, 20)}."
            )


def require_part(kind: str, plan: Plan, possible: Sequence[str]) -> None:
    """Refuse a part of the catalogue that the method cannot use; parts from outside are not checked."""
    wanted = getattr(plan, kind)
    name = catalogue.split(wanted)[0]
    if possible and name in catalogue.SHELVES[kind] and name not in possible:
        raise PlanError(
            f"The method '{plan.method}' cannot use the {kind} '{wanted}'. Leave it out, or choose one of "
            f"{listed(possible)}."
        )
