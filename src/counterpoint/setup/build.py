"""Build the method of a plan: parts for its names, around an encoder."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from counterpoint import catalogue
from counterpoint.batch import Batch, described
from counterpoint.comparison import Tile
from counterpoint.errors import InputError, PlanError
from counterpoint.heads import mlp_head
from counterpoint.interfaces import Items, Method, Negatives, Objective
from counterpoint.modality import Modality
from counterpoint.negatives.shared_texts import WithoutDuplicates
from counterpoint.plans import Plan
from counterpoint.setup.capabilities import asks_for, has_temperature, whole
from counterpoint.setup.defaults import USUAL

ClassIds = Int64[np.ndarray, " n"]
DuplicateIds = Int64[np.ndarray, "r v"]


def build_method(
    plan: Plan,
    encoder: nn.Module,
    items: Items,
    modality: Modality,
    class_ids: ClassIds | None = None,
    *,
    rows: int | None = None,
    duplicate_ids: DuplicateIds | None = None,
) -> Method:
    """The method of a completed plan around an encoder; weights are drawn from the plan's seed.

    Args:
        plan: The plan, with every choice resolved that the method needs.
        encoder: The encoder, which becomes a part of the method.
        items: The items.
        modality: Their modality.
        class_ids: The classes of all items, -1 where unlabelled, for methods and negatives that learn from labels.
        rows: The number of rows in an epoch, where rows are not items.
        duplicate_ids: Ids of the contents of every row, where some are duplicates; those are never negatives.
    """
    make = catalogue.find("method", plan.method, only=modality.name)
    inputs = encoded_length(encoder, modality.inputs(items.take(np.arange(min(2, len(items))))))
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed + 1)
        layers = USUAL["head_layers"] if plan.head_layers is None else plan.head_layers
        width = (plan.head_outputs or USUAL["head_outputs"]) if layers else inputs
        head = mlp_head(inputs, hidden=plan.head_hidden or USUAL["head_hidden"], outputs=width, layers=layers)
        offered: dict[str, Any] = {
            "items": rows or len(items),
            "temperature": plan.temperature,
            "classes": None if class_ids is None else int(class_ids.max()) + 1,
            "class_ids": None if class_ids is None else torch.from_numpy(class_ids),
            "width": width,
        }
        if asks_for(make, "objective"):
            offered["objective"] = tempered(catalogue.find("objective", plan.objective), plan)
            _try(offered["objective"])
        if plan.similarity != "auto":
            offered["similarity"] = catalogue.find("similarity", plan.similarity)
        method = _made("method", plan.method, make, offered, encoder, head)
        if plan.negatives != "auto":
            method.negatives = _negatives(plan.negatives, offered)
        if plan.matryoshka is not None:
            method.lengths = _lengths(plan, inputs, layers)
        if duplicate_ids is not None:
            method.negatives = WithoutDuplicates(torch.from_numpy(duplicate_ids), getattr(method, "negatives", None))
    return method  # type: ignore[no-any-return]


def tempered(objective: Callable[..., Any], plan: Plan) -> Objective:
    """The objective at the plan's temperature, if it has one and its spec does not set it."""
    options = catalogue.split(plan.objective)[1]
    if "temperature" in options:
        Plan(temperature=options["temperature"])  # checks the range
    elif asks_for(objective, "temperature"):
        if isinstance(plan.temperature, str):
            return catalogue.find("temperature", plan.temperature)(objective)  # type: ignore[no-any-return]
        return partial(objective, temperature=plan.temperature)
    return objective


def _try(objective: Objective) -> None:
    """Compute one loss, so that impossible options are refused before anything is written."""
    positive = torch.tensor([[True, False]])
    with torch.no_grad():
        objective(Tile(torch.tensor([[-0.5, -1.0]]), positive, ~positive))


def compared_by(plan: Plan) -> dict[str, Any]:
    """The name of the objective and its temperature, if it has one: diagnostics need them.

    >>> compared_by(Plan(objective="info_nce(temperature=0.5)"))
    {'objective': 'info_nce', 'temperature': 0.5}
    """
    name, options = catalogue.split(plan.objective)
    described: dict[str, Any] = {"objective": plan.method if name == "auto" else name}
    if name == "auto" or not has_temperature(plan.objective):
        return described
    temperature = options.get("temperature", plan.temperature)
    return described if isinstance(temperature, str) else {**described, "temperature": temperature}


def encoded_length(encoder: nn.Module, views: Batch) -> int:
    """The width of h, found by encoding a view of some items."""
    was_training = encoder.training
    try:
        with torch.no_grad():
            h = encoder.eval()(views)
    except (RuntimeError, TypeError, ValueError, AssertionError) as wrong:
        reason = (str(wrong).splitlines() or [type(wrong).__name__])[0].rstrip(".")
        raise InputError(f"The encoder cannot take {described(views)}: {reason}.") from wrong
    encoder.train(was_training)
    if not isinstance(h, torch.Tensor) or h.ndim != 2:
        got = tuple(h.shape) if isinstance(h, torch.Tensor) else type(h).__name__
        raise InputError(f"An encoder must return one vector per item, a tensor (n, d). This one returned {got}.")
    return int(h.shape[1])


def _made(kind: str, name: str, make: Callable[..., Any], offered: Mapping[str, Any], *parts: nn.Module) -> Any:
    """Build a part, passing what its arguments name, except the options set in its spec."""
    written = catalogue.split(name)[1]
    wanted = {each: value for each, value in offered.items() if asks_for(make, each) and each not in written}
    try:
        return make(*parts, **wanted)
    except TypeError as wrong:
        raise PlanError(f"The {kind} '{name}' cannot be built: {wrong}.") from wrong


def _negatives(spec: str, offered: Mapping[str, Any]) -> Negatives:
    """The negatives of a spec: a function of a comparison with its options, or a module with a memory."""
    part = catalogue.find("negatives", spec)
    if isinstance(whole(part), type):
        return _made("negatives", spec, part, offered)  # type: ignore[no-any-return]
    written = catalogue.split(spec)[1]
    options = [name for name, each in inspect.signature(part).parameters.items() if each.kind is each.KEYWORD_ONLY]
    return partial(part, **{name: offered[name] for name in options if name in offered and name not in written})


def _lengths(plan: Plan, inputs: int, layers: int) -> tuple[int, ...]:
    """The prefix lengths of vectors that shall be usable alone (Matryoshka)."""
    named = [part.strip() for part in (plan.matryoshka or "").split(",")]
    if not all(part.isdecimal() and 2 <= int(part) < inputs for part in named):
        raise PlanError(
            f"--matryoshka is lengths from 2 to below the {inputs} numbers of a vector, such as {inputs // 4},"
            f"{inputs // 2}. Got '{plan.matryoshka}'."
        )
    if layers:
        raise PlanError(
            "--matryoshka shortens what is compared, and with a head that is not what is kept. Use --head-layers=0."
        )
    return tuple(int(part) for part in named)
