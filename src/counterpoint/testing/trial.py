"""A method on a small batch, for the checks of its contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoint import catalogue
from counterpoint.batch import take
from counterpoint.interfaces import ItemInfo, Method, Views
from counterpoint.setup.capabilities import asks_for, whole
from counterpoint.testing.broken import require, running

ROWS, CLASSES, TEMPERATURE = 32, 3, 0.2
WIDTH, HIDDEN, OUTPUTS = 10, 16, 8


class MeanOfRows(nn.Module):
    """Items (b, t, 6) of any length t to their representation (b, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Linear(6, WIDTH)

    def forward(self, view: Tensor) -> Tensor:
        return torch.tanh(self.rows(view)).mean(dim=1)


class Head(nn.Sequential):
    """A projection head without batch normalisation, whose rows do not depend on each other."""


@dataclass(frozen=True)
class Trial:
    """A method on a batch."""

    make: Callable[..., Method]
    encoder: Callable[[], nn.Module]
    views: Views
    info: ItemInfo

    def method(self, seed: int = 0, *, independent: bool = False) -> Method:
        """A new method in float64; ``independent`` removes batch normalisation, by which rows depend on each other."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            encoder = self.encoder()
            with running("An encoder"), torch.no_grad():
                width = encoder.double()(self.views[0]).shape[1]
            head = Head(nn.Linear(width, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, OUTPUTS, bias=False))
            wanted = {name: value for name, value in self._offered().items() if asks_for(self.make, name)}
            with running(f"A method made of an encoder, a head and {', '.join(wanted) or 'nothing else'}"):
                made = self.make(encoder.float(), head, **wanted)
        require(isinstance(made, Method), f"A method is a counterpoint.interfaces.Method. Got {type(made).__name__}.")
        if independent:
            _leave_out_batch_norm(made)
        return made.double().train()

    def _offered(self) -> dict[str, Any]:
        usual = getattr(whole(self.make), "usual", {})
        objective = catalogue.find("objective", usual.get("objective", "info_nce"))
        if asks_for(objective, "temperature"):
            objective = partial(objective, temperature=TEMPERATURE)
        return {"objective": objective, "temperature": TEMPERATURE, "items": ROWS, "classes": CLASSES, "width": OUTPUTS}

    def turned(self, order: Tensor) -> Trial:
        """The same items in another order."""
        fields: dict[str, Any] = {
            name: value[order] if isinstance(value, Tensor) else value for name, value in vars(self.info).items()
        }
        info = ItemInfo(**fields)
        return dataclasses.replace(self, views=tuple(take(view, order) for view in self.views), info=info)


def noisy_items(number: int) -> Tensor:
    """A view (32, 8, 6) of random items."""
    generator = torch.Generator().manual_seed(0)
    items = torch.randn(ROWS, 1, 6, generator=generator)
    return items + 0.3 * torch.randn(ROWS, 8, 6, generator=generator.manual_seed(1 + number))


def info_for(kind: Any) -> ItemInfo:
    """Labels and scores of the items of the batch, as far as a method of this kind learns from them."""
    index = torch.arange(ROWS)
    labels = torch.where(index % 5 == 0, -1, index % CLASSES) if getattr(kind, "needs_labels", False) else None
    same = index % 2 == 0 if getattr(kind, "sampling", "items") == "pairs" else None
    scores = index % 4 if getattr(kind, "needs_scores", False) else None
    return ItemInfo(index, labels, same, scores, key=7)


def _leave_out_batch_norm(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, nn.Identity())
        else:
            _leave_out_batch_norm(child)
