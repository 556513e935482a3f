"""Pool token states to one vector per text, and the layers that sentence-transformers puts after that.

For states s_1 .. s_n of the tokens of a text, without those of a prompt where the network was trained so:

    cls          s_1                                lasttoken               s_n
    mean         (1/n) sum_i s_i                    mean_sqrt_len_tokens    (1/sqrt n) sum_i s_i
    max          max_i s_i, entry by entry          weightedmean            sum_i i s_i / sum_i i

Several of them are concatenated. Positions i are counted from the first token of all, those of a prompt included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""Pooling modes, in the order in which older folders concatenate them."""

FAR = 2**30
"""A position behind the end of every text."""

ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        nn.Identity,
        nn.Tanh,
        nn.ReLU,
        nn.GELU,
        nn.SiLU,
        nn.Mish,
        nn.ELU,
        nn.SELU,
        nn.LeakyReLU,
        nn.Sigmoid,
        nn.Softplus,
        nn.Softsign,
        nn.Hardtanh,
    )
}
"""Activations of a Dense layer, by their names in torch.nn, with their default options."""


def pooled(
    states: Float[Tensor, "b l h"], there: Bool[Tensor, "b l"], modes: Sequence[str], *, skip: int = 0
) -> Float[Tensor, "b d"]:
    """The states of padded texts, pooled in each mode, without the first ``skip`` of each.

    >>> states = torch.tensor([[[1.0], [5.0], [3.0], [9.0]]])
    >>> there = torch.tensor([[True, True, True, False]])
    >>> pooled(states, there, ["cls", "max", "mean", "lasttoken"]).tolist()
    [[1.0, 5.0, 3.0, 3.0]]
    >>> pooled(states, there, ["cls", "weightedmean"], skip=1).tolist()
    [[5.0, 3.799999952316284]]
    """
    places = torch.arange(1, states.shape[1] + 1, device=states.device)
    kept = there & (places > skip)
    return torch.cat([_pooled(states.float(), kept, places * kept, mode) for mode in modes], dim=1)


def _pooled(
    states: Float[Tensor, "b l h"], kept: Bool[Tensor, "b l"], places: Tensor, mode: str
) -> Float[Tensor, "b h"]:
    """One mode; where no token is kept, zeros."""
    if mode in ("cls", "lasttoken"):
        last, some = places.amax(dim=1), kept.any(dim=1)
        chosen = last if mode == "lasttoken" else places.masked_fill(~kept, FAR).amin(dim=1) * some
        rows = (chosen - 1).clamp(min=0)[:, None, None].expand(-1, 1, states.shape[2])
        return states.gather(1, rows).squeeze(1) * some[:, None]
    if mode == "max":
        largest = states.masked_fill(~kept[:, :, None], float("-inf")).amax(dim=1)
        return largest.masked_fill(~kept.any(dim=1, keepdim=True), 0.0)
    weights = (places if mode == "weightedmean" else kept).to(states.dtype)
    total, weight = (states * weights[:, :, None]).sum(dim=1), weights.sum(dim=1, keepdim=True).clamp(min=1)
    return total / (weight.sqrt() if mode == "mean_sqrt_len_tokens" else weight)


class Dense(nn.Module):
    """activation(W x + b), and x beside it where it is residual: (b, in) -> (b, out)."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        activation: str = "Tanh",
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=bias)
        self.activation = ACTIVATIONS[activation]()
        self.added = residual
        if residual and in_features != out_features:
            self.residual = nn.Linear(in_features, out_features, bias=False)

    def forward(self, x: Float[Tensor, "b i"]) -> Float[Tensor, "b o"]:
        made: Tensor = self.activation(self.linear(x))
        if not self.added:
            return made
        return made + (self.residual(x) if hasattr(self, "residual") else x)


class Norm(nn.Module):
    """Layer normalisation: (b, d) -> (b, d)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dimension)

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        made: Tensor = self.norm(x)
        return made


class Unit(nn.Module):
    """Every vector scaled to length 1: (b, d) -> (b, d)."""

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return functional.normalize(x, dim=1)


LAYERS: Mapping[str, type[nn.Module]] = {"Dense": Dense, "LayerNorm": Norm, "Normalize": Unit, "Dropout": nn.Dropout}
"""The layers that may follow the pooling, by their names in sentence-transformers."""


def layers(described: Sequence[Mapping[str, Any]]) -> nn.Sequential:
    """The layers after the pooling, with random weights: each a ``type`` and its ``options``."""
    return nn.Sequential(*(LAYERS[each["type"]](**each["options"]) for each in described))
