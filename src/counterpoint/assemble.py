"""From a plan to a method: objects for its names, around an encoder."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from counterpoint import catalogue
from counterpoint.errors import InputError, PlanError
from counterpoint.heads import mlp_head
from counterpoint.interfaces import Items, Method, Modality, Objective
from counterpoint.plans import Plan


def build_method(plan: Plan, encoder: nn.Module, items: Items, modality: Modality) -> Method:
    """The method of the plan around an encoder; weights are drawn from the plan's seed."""
    inputs = encoded_length(encoder, items, modality)
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed + 1)
        head = mlp_head(inputs, hidden=plan.head_hidden, outputs=plan.head_outputs, layers=plan.head_layers)
        objective = tempered(catalogue.find("objective", plan.objective), plan)
        similarity = catalogue.find("similarity", plan.similarity)
        make = catalogue.find("method", plan.method)
        try:
            method: Method = make(encoder, head, objective, similarity=similarity)
        except TypeError as wrong:
            raise PlanError(f"The method '{plan.method}' cannot be built: {wrong}.") from wrong
    return method


def tempered(objective: Callable[..., Any], plan: Plan) -> Objective:
    """The objective at the plan's temperature, if it has one and none was written behind its name."""
    options = catalogue.split(plan.objective)[1]
    if "temperature" in options:
        Plan(temperature=options["temperature"])  # refuses what the plan would refuse
    elif "temperature" in inspect.signature(objective).parameters:
        return partial(objective, temperature=plan.temperature)
    return objective


def compared_by(plan: Plan) -> dict[str, Any]:
    """The name of the objective and its temperature: what ``watch`` needs to judge a run.

    >>> compared_by(Plan(objective="info_nce(temperature=0.5)"))
    {'objective': 'info_nce', 'temperature': 0.5}
    """
    name, options = catalogue.split(plan.objective)
    return {"objective": name, "temperature": options.get("temperature", plan.temperature)}


def encoded_length(encoder: nn.Module, items: Items, modality: Modality) -> int:
    """The length of h, by encoding two items."""
    views = modality.plain(items.take(np.arange(min(2, len(items)))))
    was_training = encoder.training
    try:
        with torch.no_grad():
            h = encoder.eval()(views)
    except (RuntimeError, TypeError) as wrong:
        reason = str(wrong).splitlines()[0]
        raise InputError(f"The encoder cannot take views of shape {tuple(views.shape)}: {reason}.") from wrong
    encoder.train(was_training)
    if not isinstance(h, torch.Tensor) or h.ndim != 2:
        got = tuple(h.shape) if isinstance(h, torch.Tensor) else type(h).__name__
        raise InputError(f"An encoder must return one vector per item, a tensor (n, d). This one returned {got}.")
    return int(h.shape[1])
