"""Recipes: the choices of published runs, by name, and where a plan departs from them.

A recipe fills in what a plan leaves open; what the user chose stays.  Rates are those of a batch of 256 with the
paper's scaling, and warm-ups are shares of a run, so that both adapt to another batch size or length.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterpoint import catalogue
from counterpoint.errors import PlanError
from counterpoint.plans import Plan


@dataclass(frozen=True, kw_only=True)
class Published:
    """The choices of a published run, their source, and the result it reached."""

    source: str
    """Where the choices are published: paper and section, or a file of the authors' code."""
    figure: str
    """The published result: protocol, figure, source."""
    departs: str = ""
    """What the authors did differently."""
    choices: Mapping[str, Any]
    """Choices of a plan."""

    @property
    def peak(self) -> float:
        """The highest learning rate of the published run."""
        scaling = catalogue.find("scaling", self.choices["scaling"])
        return float(self.choices["learning_rate"] * scaling(self.choices["batch_size"] / 256))


def published(name: str) -> Published:
    """The recipe with this name.

    Raises:
        UnknownName: There is none; the message has a suggestion.
        PlanError: It is given options, or is not a recipe.
    """
    if catalogue.split(name)[1]:
        raise PlanError(f"A recipe takes no options. Give them beside it, such as --batch-size=64. Got '{name}'.")
    result = catalogue.find("recipe", name)
    if not isinstance(result, Published):
        raise PlanError(f"'{name}' is no recipe. A recipe of your own is a counterpoint.recipes.recipe.Published.")
    return result


def with_recipe(plan: Plan) -> Plan:
    """The plan with the choices of its recipe, if it has one, wherever it leaves the choice open.

    >>> plan = with_recipe(Plan(recipe="simclr-cifar10-resnet18", batch_size=64))
    >>> plan.encoder, plan.temperature, plan.batch_size
    ('resnet18', 0.5, 64)

    Raises:
        PlanError: The plan is of another method.
    """
    if plan.recipe is None:
        return plan
    choices, chosen = dict(published(plan.recipe).choices), _chosen(plan)
    if "minutes" in chosen:
        choices.pop("epochs", None)
    methods = [catalogue.split(each["method"])[0] for each in (choices, chosen) if "method" in each]
    if len(set(methods)) > 1:
        raise PlanError(
            f"The recipe '{plan.recipe}' is of the method '{methods[0]}'. Leave out --method, or the recipe. "
            f"Got the method '{methods[1]}'."
        )
    return dataclasses.replace(plan, **{**choices, **chosen})


def departures(plan: Plan) -> dict[str, list[Any]]:
    """The choices of a resolved plan that differ from its recipe: the published value and the plan's.

    >>> departures(with_recipe(Plan(recipe="simclr-cifar10-resnet18", batch_size=64)))
    {'batch_size': [512, 64]}
    """
    choices = {} if plan.recipe is None else published(plan.recipe).choices
    now = plan.record()
    return {name: [value, now[name]] for name, value in choices.items() if value != now[name]}


def _chosen(plan: Plan) -> dict[str, Any]:
    """The choices that the user made: those that differ from the default."""
    usual = Plan().record()
    return {name: value for name, value in plan.record().items() if value != usual[name]}
