"""The contenders of a comparison: a method, optionally with choices in which it differs from the shared plan."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from counterpoint.errors import PlanError
from counterpoint.interfaces import Items
from counterpoint.modality import Modality
from counterpoint.plans import Plan
from counterpoint.setup.build import ClassIds
from counterpoint.setup.capabilities import learns_from_labels
from counterpoint.setup.dataset import TrainingData, UserParts
from counterpoint.setup.defaults import completed
from counterpoint.setup.experiment import arranged
from counterpoint.setup.supervision import supervise

SHARED = ("epochs", "minutes", "seed", "modality", "device", "precision", "encoder", "width", "view_size")
"""Choices that all contenders share: the time, and the untrained encoder they are compared with."""


def contender(plan: Plan, spec: str) -> Plan:
    """The shared plan with one contender's choices: ``METHOD``, or ``METHOD choice=value choice=value``.

    >>> user_parts = contender(Plan(), "simclr objective=debiased(prior=0.2) head_layers=3")
    >>> user_parts.method, user_parts.objective, user_parts.head_layers
    ('simclr', 'debiased(prior=0.2)', 3)

    Raises:
        PlanError: A choice is unknown, is one that all share, or does not fit the method.
    """
    if plan.recipe is not None or " recipe=" in spec:
        raise PlanError(
            "A recipe is of one method and brings an encoder and a length of its own, which a comparison shares. Leave "
            "out the recipe, or name the choices of it that are to be compared."
        )
    method, *others = re.split(r"\s+(?![^(]*\))", spec.strip())
    choices: dict[str, Any] = {}
    for each in others:
        name, sign, value = each.partition("=")
        if not sign or not value:
            raise PlanError(f"'{spec}' cannot be read. Write a method, then choices as name=value with spaces between.")
        if name in ("method", *SHARED):
            raise PlanError(f"All contenders share the choice '{name}'. Give it once for the comparison, as --{name}.")
        choices[name] = _value(value)
    user_parts = Plan.of({**plan.record(), "method": method, **choices})
    completed(user_parts)
    return user_parts


def require_all(
    plan: Plan, specs: Sequence[str], source: object, modality: Modality, items: Items, learnable: ClassIds
) -> None:
    """Build every contender once, so that what cannot be trained is refused before any training.

    The source is opened with the shared views; ``learnable`` are the labels available for training.
    """
    for spec in specs:
        user_parts = dataclasses.replace(contender(plan, spec), minutes=None, epochs=1)
        seen = modality if user_parts.views == plan.views else modality.with_views(user_parts.views)
        labels = learnable if learns_from_labels(user_parts) else None
        learned = supervise(user_parts, source, items, labels=labels, pairs=None)
        arranged(TrainingData(seen, items, learned), user_parts, UserParts(), began=0.0)


def _value(text: str) -> Any:
    """A number, None, or the text itself."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return value if isinstance(value, int | float | None) else text
