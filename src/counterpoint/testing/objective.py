"""The contract of an objective."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor

from counterpoint import catalogue
from counterpoint.comparison import Comparison, Inner, Objective, Relation, Tile, same_item
from counterpoint.comparison.loss import loss_of
from counterpoint.comparison.row_sums import by_shortcut
from counterpoint.testing.broken import finite, require, require_equal, running

ANCHORS, CANDIDATES = 12, 9
NOTHING, NO_POSITIVES, NO_NEGATIVES = 0, 1, 2
"""Rows of the tile whose anchor has no positives, no negatives, or neither."""

TEMPERATURE, LOW = 0.3, 0.01
STEP = 1e-6
"""The change of a similarity for a finite difference."""


def check_objective(
    function: Objective | str,
    *,
    similarity: str = "auto",
    needs: Collection[str] = ("positives",),
    monotone: bool = True,
) -> None:
    """Check the contract of an objective, on tiles of 12 anchors and 9 candidates in float64.

    1. It returns one finite loss for each anchor: a tensor (b,), also for b = 0.
    2. It is row-wise: the losses of some anchors are the same without the others.
    3. The order of the candidates does not matter.
    4. A candidate that is neither positive nor negative has no effect and gets no gradient. An anchor without
       candidates, or without what the definition ``needs``, has loss 0 and gradient 0.
    5. Loss and gradient are finite at the ends of the similarity's range, also at temperature 0.01, in float32 and for
       vectors in bfloat16.
    6. Its gradient agrees with finite differences.
    7. It does not modify the tile, and a temperature may be a tensor.
    8. A shortcut by row sums (``comparison.row_sums``) gives the losses and gradients of the table.
    9. Where ``monotone``: raising the similarity of a positive never raises the loss.

    Args:
        function: The objective, or its name as in a plan. If it has a ``temperature``, one is filled in.
        similarity: The similarity of the tiles: ``cosine``, ``dot`` or ``euclidean``; ``auto`` for that of the
            catalogue, by its name, else cosine.
        needs: What an anchor must have to have a loss, of ``positives`` and ``negatives``.
        monotone: Whether point 9 is part of the definition. It is not where positives compete with each other.

    Raises:
        BrokenContract: A point is broken; the message says which, with the values.
    """
    similarity = catalogue.similarity(function if isinstance(function, str) else "", similarity)
    objective = catalogue.find("objective", function) if isinstance(function, str) else function
    tile = _tile(similarity)
    part = _at(objective, TEMPERATURE)
    _one_loss_per_anchor(part, tile)
    _row_by_row(part, tile)
    _nothing_compared(part, tile, needs)
    _finite_at_the_ends(_at(objective, LOW), tile, similarity)
    _gradient(part, tile)
    _tensors_as_temperature(objective, tile)
    _shortcut(part, similarity)
    if monotone:
        _monotone(part, tile)


def _at(objective: Callable[..., Any], temperature: float | Tensor) -> Objective:
    """The objective at a temperature, if it has one."""
    with running("An objective is a function whose arguments can be read, and asking for them"):
        tempered = "temperature" in inspect.signature(objective).parameters
    return partial(objective, temperature=temperature) if tempered else objective


def _tile(similarity: str) -> Tile:
    """Random similarities with every relation, and anchors that lack positives or negatives."""
    generator = torch.Generator().manual_seed(0)
    relation = torch.randint(0, 3, (ANCHORS, CANDIDATES), generator=generator)
    relation[NOTHING] = 0
    relation[NO_POSITIVES, relation[NO_POSITIVES] == 1] = 2
    relation[NO_NEGATIVES, relation[NO_NEGATIVES] == 2] = 1
    values = torch.rand(ANCHORS, CANDIDATES, generator=generator, dtype=torch.float64) * 2 - 1
    return Tile(_within(values, similarity), relation == 1, relation == 2)


def _within(cosines: Tensor, similarity: str) -> Tensor:
    """Values in [-1, 1] as a similarity; minus the squared distance of unit vectors for euclidean."""
    return -2 + 2 * cosines if similarity == "euclidean" else cosines


def _losses(objective: Objective, tile: Tile) -> Any:
    with running(f"On a tile of {len(tile.similarity)} anchors and {tile.similarity.shape[1]} candidates an objective"):
        return objective(tile)


def _with_gradient(objective: Objective, tile: Tile) -> tuple[Tensor, Tensor]:
    """The losses, and the gradient of their sum with respect to the similarities."""
    similarity = tile.similarity.clone().requires_grad_()
    losses = _losses(objective, tile._replace(similarity=similarity))
    if not losses.requires_grad:
        return losses, torch.zeros_like(similarity)
    with running("The gradient of an objective"):
        (slope,) = torch.autograd.grad(losses.sum(), similarity, allow_unused=True, materialize_grads=True)
    return losses.detach(), slope


def _one_loss_per_anchor(objective: Objective, tile: Tile) -> None:
    before = [part.clone() for part in tile]
    for count in (ANCHORS, 1, 0):
        losses = _losses(objective, Tile(*(part[-count:] if count else part[:0] for part in tile)))
        got = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
        require(got == (count,), f"An objective returns one loss per anchor, a tensor ({count},). Got {got}.")
        require(finite(losses), f"The losses of an objective are finite. Got {losses.tolist()}.")
    for name, part, old in zip(tile._fields, tile, before, strict=True):
        require(torch.equal(part, old), f"An objective does not change its tile. This one writes to '{name}'.")


def _row_by_row(objective: Objective, tile: Tile) -> None:
    losses, rows = _losses(objective, tile), torch.tensor([7, 3, 10])
    some = _losses(objective, Tile(*(part[rows] for part in tile)))
    require_equal(
        losses[rows],
        some,
        "An objective is row-wise, but three anchors have other losses without the rest",
        tolerance=1e-9,
    )
    order = torch.randperm(CANDIDATES, generator=torch.Generator().manual_seed(1))
    turned = _losses(objective, Tile(*(part[:, order] for part in tile)))
    require_equal(losses, turned, "The order of candidates matters to the losses", tolerance=1e-9)


def _nothing_compared(objective: Objective, tile: Tile, needs: Collection[str]) -> None:
    losses, slope = _with_gradient(objective, tile)
    idle = ~(tile.positive | tile.negative)
    largest = float(slope[idle].abs().max())
    require(largest == 0, f"A candidate that is neither positive nor negative gets a gradient of {largest:.3g}, not 0.")
    moved = tile._replace(similarity=torch.where(idle, tile.similarity - 0.5, tile.similarity))
    require_equal(
        losses,
        _losses(objective, moved),
        "Candidates that are neither positive nor negative change the losses",
        tolerance=1e-12,
    )
    lacking = {"nothing to be compared with": NOTHING}
    lacking |= {"no positive": NO_POSITIVES} if "positives" in needs else {}
    lacking |= {"no negative": NO_NEGATIVES} if "negatives" in needs else {}
    for what, row in lacking.items():
        loss, steepest = float(losses[row]), float(slope[row].abs().max())
        require(
            loss == 0 and steepest == 0,
            f"An anchor with {what} has loss 0 and gradient 0. Got loss {loss:.3g} and a gradient of {steepest:.3g}.",
        )
    require(finite(slope), "The gradient of an objective is finite where an anchor lacks positives or negatives.")


def _finite_at_the_ends(objective: Objective, tile: Tile, similarity: str) -> None:
    ones = torch.ones(ANCHORS, CANDIDATES)
    ends = {
        "all candidates at the upper end": ones,
        "all candidates at the lower end": -ones,
        "positives at the lower end and negatives at the upper": torch.where(tile.positive, -1.0, 1.0),
        "positives at the upper end and negatives at the lower": torch.where(tile.positive, 1.0, -1.0),
    }
    for where, values in ends.items():
        losses, slope = _with_gradient(objective, tile._replace(similarity=_within(values, similarity)))
        what = "loss" if not finite(losses) else "gradient" if not finite(slope) else ""
        require(
            not what, f"With {where}, at temperature {LOW} if it has one, the {what} of the objective is not finite."
        )
    leaf = _vectors().to(torch.bfloat16).requires_grad_()
    with running("On vectors in bfloat16 an objective"):
        loss = loss_of(Comparison(leaf, leaf, _relations()[0], _similarity(similarity)), objective)
        (slope,) = torch.autograd.grad(loss, leaf)
    require(finite(loss) and finite(slope), "On vectors in bfloat16 loss and gradient of the objective are not finite.")


def _gradient(objective: Objective, tile: Tile) -> None:
    _, slope = _with_gradient(objective, tile)
    for row, column in (tile.positive | tile.negative).nonzero().tolist():
        move = torch.zeros_like(tile.similarity)
        move[row, column] = STEP
        up, here, down = (
            float(_losses(objective, tile._replace(similarity=tile.similarity + by * move)).detach().sum())
            for by in (1, 0, -1)
        )
        rising, falling = (up - here) / STEP, (here - down) / STEP
        if abs(rising - falling) > 1e-3 * max(1.0, abs(rising)):
            continue  # not differentiable here
        wanted, got = (up - down) / (2 * STEP), float(slope[row, column])
        require(
            abs(wanted - got) <= 1e-5 * max(1.0, abs(wanted)),
            f"The gradient of the objective is {got:.6g} in a similarity where finite differences say {wanted:.6g}.",
        )


def _tensors_as_temperature(objective: Objective, tile: Tile) -> None:
    part = _at(objective, torch.tensor(TEMPERATURE, dtype=torch.float64))
    require_equal(
        _losses(_at(objective, TEMPERATURE), tile),
        _losses(part, tile),
        "A temperature that is a tensor gives other losses than the same number",
        tolerance=1e-9,
    )


def _vectors() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.nn.functional.normalize(torch.randn(12, 5, dtype=torch.float64, generator=generator), dim=1)


def _similarity(name: str) -> Inner:
    similarity: Inner = catalogue.find("similarity", name)
    return similarity


def _relations() -> list[Relation]:
    pairs = torch.arange(6).repeat(2)
    return [same_item(pairs), same_item(torch.arange(12) % 3), same_item(torch.arange(12)), same_item(pairs, pairs)]


def _shortcut(objective: Objective, similarity: str) -> None:
    for relation in _relations():
        results = []
        for short in (True, False):
            leaf = _vectors().requires_grad_()
            table = Comparison(leaf, leaf, relation, _similarity(similarity)).lifted()
            with running("The shortcut of an objective" if short else "An objective"):
                losses = by_shortcut(table, objective) if short else objective(table.tile(slice(0, len(leaf))))
            if losses is None:
                break
            results.append(
                (losses, torch.autograd.grad(losses.sum(), leaf, allow_unused=True, materialize_grads=True)[0])
            )
        else:
            for what, shortcut, reference in zip(("losses", "gradients"), *results, strict=True):
                require_equal(shortcut, reference, f"The shortcut has other {what} than the table", tolerance=1e-8)


def _monotone(objective: Objective, tile: Tile) -> None:
    losses = _losses(objective, tile)
    for row, column in tile.positive.nonzero().tolist():
        for by in (0.01, 0.1, 0.5):
            nearer = tile.similarity.clone()
            nearer[row, column] = torch.clamp(nearer[row, column] + by, max=max(1.0, float(nearer[row, column])))
            before, after = float(losses[row]), float(_losses(objective, tile._replace(similarity=nearer))[row])
            require(
                after <= before + 1e-9 * max(1.0, abs(before)),
                f"A positive that is more similar raises the loss, from {before:.6g} to {after:.6g}. Where positives "
                "compete with each other in the definition, check with monotone=False.",
            )
