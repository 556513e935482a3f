r"""The search space: the choices of a plan that the user left open, and a range around the default of each.

    a number     default * low ... default * high, drawn on a logarithmic scale
    a size       one of default / 4, default / 2, default, 2 default, 4 default
    a name       one of a list

The defaults together are the plan that ``fit`` would take, and the first trial.  A choice that the user has made is not
searched, and neither is one that the method or the data cannot use.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoint import catalogue
from counterpoint.errors import PlanError
from counterpoint.modality import Modality, augmentation_of
from counterpoint.plans import Plan
from counterpoint.setup.capabilities import asks_for
from counterpoint.setup.defaults import completed

NUMBERS: Mapping[str, tuple[float, float]] = {
    "temperature": (0.25, 6.0),
    "learning_rate": (0.2, 5.0),
    "strength": (0.4, 2.0),
}
"""The lowest and the highest value of a number, as factors of the default."""

SIZES = (0.25, 0.5, 1, 2, 4)
"""Factors of the default width of a head."""

BATCHES = (0.5, 1, 2, 4)
"""Factors of the default batch."""

LAYERS = (1, 2, 3)

OBJECTIVES = ("info_nce", "decoupled", "debiased", "hard")
"""Interchangeable objectives: they need no labels and use the temperature in the same way."""

MEMORY = 0.5
"""Share of the machine's memory that the largest batch may fill."""

STRENGTH = "strength"
"""The placeholder for views, which are a spec and not a number."""


@dataclass(frozen=True)
class Dimension:
    """One dimension: its default, and either the ends of a range or some values."""

    name: str
    usual: Any
    low: float = 0.0
    high: float = 0.0
    values: Sequence[Any] = ()

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        between = {"values": list(self.values)} if self.values else {"low": self.low, "high": self.high}
        return {"name": self.name, "usual": self.usual, **between}


def dimensions(requested: Plan, settled: Plan, modality: Modality, *, items: int, batches: float) -> list[Dimension]:
    """The dimensions of the search.

    Args:
        requested: The plan of the user, whose choices are kept.
        settled: The same with every choice resolved.
        modality: The modality, with its default views.
        items: The number of rows in an epoch.
        batches: How many default batches fit into the machine's memory.

    Raises:
        PlanError: Nothing was left open.
    """
    result = [_number(name, requested, settled) for name in ("temperature", "learning_rate")]
    if requested.views == Plan.views and augmentation_of(modality).scaled(2.0).spec != augmentation_of(modality).spec:
        result.append(Dimension(STRENGTH, 1.0, *NUMBERS[STRENGTH]))
    result += [
        _layers(requested, settled),
        *(_size(name, requested, settled) for name in ("head_hidden", "head_outputs")),
    ]
    result += [_objective(requested, settled), _batch(requested, settled, items, batches)]
    space = [each for each in result if each is not None]
    if not space:
        raise PlanError("Every choice that tune could search is made already. Leave some of them out.")
    return space


def choices(space: Sequence[Dimension], values: Mapping[str, Any], modality: Modality) -> dict[str, Any]:
    """The choices of a plan with these values, except defaults."""
    other = {each.name: values[each.name] for each in space if values[each.name] != each.usual}
    by = other.pop(STRENGTH, None)
    return other if by is None else {**other, "views": augmentation_of(modality).scaled(by).spec}


def changed(plan: Plan) -> dict[str, Any]:
    """The choices of a plan that are not the default.

    >>> changed(Plan(temperature=0.2))
    {'temperature': 0.2}
    """
    usual = Plan().record()
    return {name: value for name, value in plan.record().items() if value != usual[name]}


def _number(name: str, requested: Plan, settled: Plan) -> Dimension | None:
    usual = getattr(settled, name)
    if (
        getattr(requested, name) is not None
        or not isinstance(usual, float)
        or usual <= 0
        or not _useful(name, requested)
    ):
        return None
    low, high = NUMBERS[name]
    return Dimension(name, usual, round(usual * low, 12), round(usual * high, 12))


def _useful(name: str, requested: Plan) -> bool:
    """Whether a plan with this choice is valid: not every method has a temperature."""
    try:
        completed(Plan.of({**requested.record(), name: 0.5}))
    except PlanError:
        return False
    return True


def _layers(requested: Plan, settled: Plan) -> Dimension | None:
    usual = settled.head_layers
    if requested.head_layers is not None or usual is None:
        return None
    return Dimension("head_layers", usual, values=sorted({*LAYERS, usual}))


def _size(name: str, requested: Plan, settled: Plan) -> Dimension | None:
    usual = getattr(settled, name)
    if getattr(requested, name) is not None or usual is None:
        return None
    return Dimension(name, usual, values=sorted({max(2, int(factor * usual)) for factor in SIZES}))


def _objective(requested: Plan, settled: Plan) -> Dimension | None:
    usual = settled.objective
    if requested.objective != Plan.objective or usual not in OBJECTIVES:
        return None
    values = [each for each in OBJECTIVES if each in catalogue.SHELVES["objective"] and _fits(each, requested)]
    return Dimension("objective", usual, values=values) if len(values) > 1 else None


def _fits(objective: str, requested: Plan) -> bool:
    """Whether the method can use an objective, and it has a temperature."""
    try:
        completed(dataclasses.replace(requested, objective=objective))
    except PlanError:
        return False
    return asks_for(catalogue.find("objective", objective), "temperature")


def _batch(requested: Plan, settled: Plan, items: int, batches: float) -> Dimension | None:
    usual = settled.batch_size or 0
    possible = {int(factor * usual) for factor in BATCHES if factor <= max(1.0, batches)}
    values = sorted(each for each in possible if each == usual or 4 <= each <= items // 2)
    return Dimension("batch_size", usual, values=values) if requested.batch_size is None and len(values) > 1 else None
