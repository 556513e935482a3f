"""The state of a run, saved so that a resumed run equals an uninterrupted one.

The order of items, views and dropout are functions of the seed and of the position in the run, so a state holds only
the weights, the optimiser, the method's memory and the next step; a run may resume with another number of processes.
Written atomically; read with ``weights_only=True``, so that no code in it can run.
"""

from __future__ import annotations

import pickle  # noqa: TID251  (for the name of the exception that a foreign file raises; nothing is unpickled)
from pathlib import Path
from typing import Any, TypedDict

import torch

from counterpoint.errors import RunError
from counterpoint.interfaces import Method
from counterpoint.storage.files import replacing
from counterpoint.storage.typed_json import Count, conform, reason

DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RuntimeError)
"""The exceptions that malformed states raise."""


class Clock(TypedDict):
    """The position in a run."""

    step: Count
    steps: Count
    seconds: float


class State(TypedDict):
    """The contents of ``state.pt``."""

    step: int
    steps: int
    method: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    seconds: float


def snapshot(method: Method, optimizer: torch.optim.Optimizer, *, step: int, steps: int, seconds: float) -> State:
    """The state after ``step`` of ``steps`` steps."""
    return State(
        step=step,
        steps=steps,
        method=method.state_dict(),
        optimizer=optimizer.state_dict(),
        seconds=seconds,
    )


def save(state: State, path: Path) -> None:
    """Write a state; a full disk or a killed process leaves the previous one intact."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as wrong:
            if isinstance(wrong.__context__, OSError):  # torch says only that a position is not what it expected
                raise wrong.__context__ from None
            raise


def read(path: Path) -> State:
    """Read a state written by ``save``."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or set(State.__annotations__) - set(state):
            raise ValueError("it does not hold the state of a run")
        conform({name: state[name] for name in ("step", "steps", "seconds")}, Clock)
        if not all(isinstance(each, torch.Tensor) for each in state["method"].values()):
            raise ValueError("its weights are no tensors")
    except FileNotFoundError:
        raise RunError(f"There is nothing to resume: '{path}' does not exist.") from None
    except (*DAMAGE, OSError, EOFError, pickle.UnpicklingError) as wrong:
        raise RunError(f"'{path}' is damaged ({reason(wrong)[:120]}). Start anew with --overwrite.") from wrong
    return state  # type: ignore[return-value]


def restore(state: State, method: Method, optimizer: torch.optim.Optimizer) -> None:
    """Load a state into a method and its optimiser; another architecture is refused before anything changes."""
    here = {name: tuple(tensor.shape) for name, tensor in method.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in state["method"].items()}
    if here != there:
        differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        raise RunError(
            f"The saved state belongs to another architecture: {len(differing)} tensors differ, the first is "
            f"'{differing[0]}', {there.get(differing[0], 'absent')} saved and {here.get(differing[0], 'absent')} here. "
            "Resume with the choices the run was started with."
        )
    try:
        optimizer.load_state_dict(state["optimizer"])
    except DAMAGE as wrong:
        raise RunError(
            f"The saved state is of another optimiser: {reason(wrong)}. Resume with the choices the run was started "
            "with."
        ) from wrong
    method.load_state_dict(state["method"])
