"""The initial weights of an encoder: random, pretrained by its name, or from a file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from counterpoint.catalogue.trust import from_outside
from counterpoint.encoders.weights_file import begin_with
from counterpoint.errors import PlanError
from counterpoint.modality import Modality, rebuild_encoder, recipe_for
from counterpoint.plans import Plan
from counterpoint.storage.files import expanded


def first_encoder(modality: Modality, plan: Plan, network: nn.Module | None) -> tuple[nn.Module, list[str]]:
    """The encoder of a resolved plan, or a copy of a given one; and what was matched in a file of weights.

    Raises:
        PlanError: It is to be adopted as it is, but is not pretrained.
        SourceError: Its pretrained weights are not on this machine, or the file does not fit it.
    """
    if plan.epochs == 0:
        _require_learned(modality, plan, network)
    encoder = copy.deepcopy(network) if network is not None else _drawn(modality, plan)
    return encoder, [] if plan.weights is None else [begin_with(encoder, plan.weights)]


def recipe_of(modality: Modality, requested: Plan, network: nn.Module | None) -> Mapping[str, Any]:
    """Defaults for open choices with the encoder, where it is pretrained."""
    name = "" if network is not None else requested.encoder
    return recipe_for(modality, name, learned=requested.weights is not None)


def built_by(plan: Plan, *, rebuildable: bool, adopted: bool) -> dict[str, Any]:
    """The settings to build the encoder of a plan again, as ``Model`` keeps them; ``rebuildable`` if by its name."""
    built: dict[str, Any] = {"encoder": plan.encoder if rebuildable else "", "width": plan.width, "seed": plan.seed}
    if plan.weights is not None:
        built["initial_weights"] = str(expanded(plan.weights).absolute())
    return {**built, "adopted": True} if adopted else built


def untrained_encoder(
    encoder: nn.Module, modality: Modality, built: Mapping[str, Any], *, seed: int | None = None
) -> nn.Module:
    """The encoder before training, from ``Model.built``.

    For an encoder that was adopted as it is, one with random weights.
    """
    name, width, adopted = str(built.get("encoder") or ""), built.get("width"), built.get("adopted", False)
    with torch.random.fork_rng():
        torch.manual_seed(built.get("seed", 0) if seed is None else seed)
        if not name or (adopted and from_outside(name)):
            return copy.deepcopy(encoder).apply(_reset)
        if adopted:
            return rebuild_encoder(modality, name, width)
        fresh = modality.build_encoder(name, width)
    if built.get("initial_weights") is not None:
        begin_with(fresh, built["initial_weights"])
    return fresh


def _drawn(modality: Modality, plan: Plan) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        return modality.build_encoder(plan.encoder, plan.width)


def _require_learned(modality: Modality, plan: Plan, network: nn.Module | None) -> None:
    """Refuse to adopt an encoder without pretraining; networks from outside are not checked."""
    outside = network is not None or from_outside(plan.encoder)
    if not (outside or recipe_of(modality, plan, network)):
        raise PlanError(
            f"With 0 epochs an encoder is adopted as it is, and '{plan.encoder}' is not pretrained. Give "
            "--weights=FILE, or a pretrained network, timm:NAME(pretrained=True) or hf:PATH."
        )


def _reset(module: nn.Module) -> None:
    """Reinitialise a module's own weights, where it supports that."""
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
