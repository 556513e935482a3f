"""The contract of a method."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoint import catalogue
from counterpoint.batch import Batch, double
from counterpoint.interfaces import ItemInfo, Method, Step
from counterpoint.setup.capabilities import whole
from counterpoint.testing.broken import finite, require, require_equal, running
from counterpoint.testing.trial import CLASSES, ROWS, MeanOfRows, Trial, info_for, noisy_items
from counterpoint.training import checkpoint
from counterpoint.training.config import TrainConfig
from counterpoint.training.distributed import ALONE
from counterpoint.training.loop import mean_loss, train_step

STEPS = 4

ViewOf = Callable[[int], Batch]
"""The view with this index of 32 items."""


def check_method(
    make: Callable[..., Method] | str, *, encoder: Callable[[], nn.Module] | None = None, view: ViewOf | None = None
) -> None:
    """Check the contract of a method, on a batch of 32 items in float64.

    1. It is constructed with an encoder, a head, and further values by the names of its arguments.
    2. ``project`` returns tensors with one row per item.
    3. ``compare`` runs neither the encoder, the head nor a copy of them, has no side effects and is deterministic.
    4. The loss is finite and its gradient reaches the encoder and all other trainable weights.
    5. Memory (buffers, and weights without a gradient) changes in ``after_step`` only; the running statistics of
       batch normalisation are not memory.
    6. Without batch normalisation, a batch encoded in pieces has the gradient of the full batch, and the order of
       its items does not change the mean loss. Not checked for a method that draws random numbers in ``project``.
    7. It learns from labels, or scores, exactly if it sets ``needs_labels``, or ``needs_scores``.
    8. Saved after some steps and restored into a new one, training continues bit for bit as if uninterrupted.

    All of it also with local views, or with hard negatives, where it says that it can use them.

    Args:
        make: The class, or a function with its arguments, or its name as in a plan.
        encoder: Makes a new encoder; by default a small one for items (b, t, 6).
        view: Returns the view with an index, of the same 32 items each time; by default such items with noise.

    Raises:
        BrokenContract: A point is broken; the message says which, with the values.
    """
    part = catalogue.find("method", make) if isinstance(make, str) else make
    kind = whole(part)
    draw = noisy_items if view is None else view
    usual = [draw(number) for number in range(getattr(kind, "views", 2))]
    forms = [usual]
    if getattr(kind, "local_views", False) and view is None:
        forms.append([*usual, *(draw(number)[:, :3] for number in (5, 6))])
    if getattr(kind, "takes_others", False):
        forms.append([*usual, draw(7)])
    for views in forms:
        trial = Trial(part, encoder or MeanOfRows, tuple(double(each) for each in views), info_for(kind))
        with torch.random.fork_rng(devices=[]):
            _keeps_all(trial, kind)


def _keeps_all(trial: Trial, kind: Any) -> None:
    """Every point of the contract."""
    _projects(trial)
    _compares(trial)
    _learns(trial)
    if _repeats(trial):
        _in_pieces(trial)
        _in_another_order(trial)
    _supervised(trial, kind)
    _resumes(trial)


def _project(method: Method, trial: Trial, seed: int = 0) -> tuple[Tensor, ...]:
    torch.manual_seed(seed)
    with running("project"):
        return tuple(method.project(trial.views))


def _loss(method: Method, vectors: tuple[Tensor, ...], info: ItemInfo) -> Tensor:
    with running("compare"):
        parts = [mean_loss(part, method, ALONE) for part in method.outcomes(vectors, info)]
    return torch.stack(parts).sum()


def _step(method: Method, trial: Trial, optimizer: Any = None, *, micro_batch: int | None = None, step: int = 0) -> Any:
    """One step of training; returns the loss and the vectors."""
    config = TrainConfig(steps=STEPS, batch_size=ROWS, micro_batch=micro_batch)
    with running("A step of training"):
        return train_step(method, optimizer or _optimizer(method), trial.views, trial.info, config, step=step)


def _optimizer(method: Method) -> torch.optim.Optimizer:
    name = (method.optimizers or ("adamw",))[0]
    made: torch.optim.Optimizer = catalogue.find("optimizer", name)(method, learning_rate=0.01)
    return made


def _projects(trial: Trial) -> None:
    for place, vector in enumerate(_project(trial.method(), trial)):
        got = tuple(vector.shape) if isinstance(vector, Tensor) else type(vector).__name__
        fits = isinstance(vector, Tensor) and vector.ndim == 2 and len(vector) == ROWS
        require(fits, f"project returns tensors with one row for each of the {ROWS} items. Number {place} is {got}.")


def _compares(trial: Trial) -> None:
    method = trial.method()
    vectors = tuple(vector.detach() for vector in _project(method, trial))
    copies, before = [vector.clone() for vector in vectors], _memory(method, of=method.state_dict())
    networks = {
        type(part) for part in (getattr(method, "encoder", None), getattr(method, "head", None)) if part is not None
    }

    def refuse(network: nn.Module, _: Any) -> None:
        require(False, f"compare runs no network; it runs {type(network).__name__}. Run it in project.")

    hooks = [each.register_forward_pre_hook(refuse) for each in method.modules() if type(each) in networks]
    torch.manual_seed(1)
    once = _loss(method, vectors, trial.info)
    torch.manual_seed(2)
    again = _loss(method, vectors, trial.info)
    for hook in hooks:
        hook.remove()
    _unchanged(before, method.state_dict(), "compare changes nothing of a method")
    for copy, vector in zip(copies, vectors, strict=True):
        require_equal(copy, vector, "compare changes the vectors")
    require_equal(once, again, "compare says something else the second time")


def _learns(trial: Trial) -> None:
    method = trial.method()
    frozen = {name: weight for name, weight in method.named_parameters() if not weight.requires_grad}
    before = _memory(method, of={**dict(method.named_buffers()), **frozen})
    optimizer = _optimizer(method)
    loss, vectors = _step(method, trial, optimizer)
    require(finite(torch.tensor(loss)), f"The loss of a method is finite. Got {loss}.")
    _unchanged(before, method.state_dict(), "Memory changes in after_step only")
    method.remember(Step(1, STEPS, vectors, trial.info))
    _step(method, trial, optimizer, step=1)  # in the first step, weights that start at 0 block the gradient
    slopes = {name: weight.grad for name, weight in method.named_parameters() if weight.requires_grad}
    reached = [slope for name, slope in slopes.items() if name.startswith("encoder.") and slope is not None]
    largest = max((float(slope.to_dense().abs().max()) for slope in reached), default=0.0)
    require(largest > 0, "The gradient of the loss reaches the encoder, which is self.encoder. It has none.")
    idle = [name for name, slope in slopes.items() if slope is None]
    require(not idle, f"Every weight learns. No gradient reaches {', '.join(idle[:5])}.")


def _repeats(trial: Trial) -> bool:
    """Whether ``project`` is independent of random numbers."""
    with torch.no_grad():
        once, again = (_project(trial.method(independent=True), trial, seed) for seed in (1, 2))
    return all(torch.equal(one, other) for one, other in zip(once, again, strict=True))


def _in_pieces(trial: Trial) -> None:
    slopes = []
    for micro_batch in (None, ROWS // 2):
        method = trial.method(independent=True)
        _step(method, trial, micro_batch=micro_batch)
        slopes.append({name: weight.grad for name, weight in method.named_parameters() if weight.grad is not None})
    for name, slope in slopes[0].items():
        require(name in slopes[1], f"Encoded in pieces, a batch has no gradient of {name}.")
        broken = f"Encoded in pieces, a batch has another gradient of {name} than as a whole"
        require_equal(slope.to_dense(), slopes[1][name].to_dense(), broken, tolerance=1e-8)


def _in_another_order(trial: Trial) -> None:
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        method = trial.method(independent=True)
        one, other = (_loss(method, _project(method, each), each.info) for each in (trial, trial.turned(order)))
    require_equal(one, other, "The order of the items of a batch changes the mean loss", tolerance=1e-8)


def _supervised(trial: Trial, kind: Any) -> None:
    """Whether the loss depends on labels and scores exactly as the method declares."""
    learns = getattr(kind, "needs_labels", False) or getattr(kind, "needs_scores", False)
    index, info = trial.info.index, trial.info
    other = dataclasses.replace(
        info,
        labels=(index // 2) % CLASSES if info.labels is not None or not learns else None,
        same=index % 3 == 0 if info.same is not None else None,
        scores=(index // 3) % 4 if info.scores is not None or not learns else None,
    )
    method = trial.method()
    with torch.no_grad():
        vectors = _project(method, trial)
        one, two = (float(_loss(method, vectors, each)) for each in (info, other))
    if learns:
        named = "needs_scores" if getattr(kind, "needs_scores", False) else "needs_labels"
        require(one != two, f"A method that says {named} has the same loss, {one:.6g}, whatever is said of the items.")
    else:
        require(
            one == two,
            f"The loss changes with labels, from {one:.6g} to {two:.6g}, and the method does not say needs_labels.",
        )


def _resumes(trial: Trial) -> None:
    method = trial.method()
    optimizer = _optimizer(method)
    _steps(method, optimizer, trial, range(STEPS // 2))
    file = io.BytesIO()
    torch.save(checkpoint.snapshot(method, optimizer, step=STEPS // 2, steps=STEPS, seconds=0.0), file)
    expected = _steps(method, optimizer, trial, range(STEPS // 2, STEPS))
    file.seek(0)
    again = trial.method(seed=1)
    later = _optimizer(again)
    with running("Restoring what a method has saved into a new one"):
        checkpoint.restore(torch.load(file, weights_only=True), again, later)
    result = _steps(again, later, trial, range(STEPS // 2, STEPS))
    broken = "A method that was saved and restored continues differently from an uninterrupted one: its loss differs"
    require_equal(torch.tensor(expected), torch.tensor(result), broken)
    _unchanged(
        method.state_dict(), again.state_dict(), "A method that was saved and restored continues as if uninterrupted"
    )


def _steps(method: Method, optimizer: Any, trial: Trial, steps: range) -> list[float]:
    losses = []
    for step in steps:
        loss, vectors = _step(method, trial, optimizer, step=step)
        with running("after_step"):
            method.remember(Step(step + 1, STEPS, vectors, trial.info))
        losses.append(loss)
    return losses


def _memory(method: Method, *, of: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy of these tensors, without the statistics of batch normalisation."""
    norms = [(name, part) for name, part in method.named_modules() if isinstance(part, _BatchNorm)]
    kept = {f"{name}.{each}" for name, part in norms for each, _ in part.named_buffers()}
    return {name: tensor.detach().clone() for name, tensor in of.items() if name not in kept}


def _unchanged(before: Mapping[str, Tensor], after: Mapping[str, Tensor], promise: str) -> None:
    for name, tensor in before.items():
        if name in after and not torch.equal(tensor, after[name]):
            apart = float((tensor.double() - after[name].double()).abs().max())
            require(False, f"{promise}. Here {name} differs by {apart:.3g}.")
