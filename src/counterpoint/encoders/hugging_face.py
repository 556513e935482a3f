"""Transformers of the library of that name, with what they have learned: ``hf:PATH`` or ``hf:NAME``.

Nothing is downloaded: a name is looked up among what is on this machine. Weights come from safetensors only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.encoders.lengths import by_length
from counterpoint.errors import InputError, MissingPackage, SourceError
from counterpoint.files import expanded

Pooling = Literal["mean", "cls"]

ROOM = 512
"""Tokens that a network reads where it does not say how many."""


PREFIX = "hf:"


class Network(NamedTuple):
    """What is known of a network before its weights are read."""

    name: str
    pooling: Pooling
    config: Mapping[str, Any]
    """What it takes to build it again."""
    tokenizer: Mapping[str, Any]

    @property
    def room(self) -> int:
        """How many tokens it reads at once, those that frame a text among them."""
        return int(self.config.get("max_position_embeddings", ROOM))


def described(spec: str) -> Network | None:
    """The network of ``hf:NAME`` or ``hf:NAME(pooling="cls")``; None for an encoder of another kind.

    It pools as sentence-transformers would where its folder says how, else by the mean.
    """
    name, options = catalogue.split(spec)
    if not name.startswith(PREFIX):
        return None
    name = name.removeprefix(PREFIX)
    name = str(expanded(name)) if name.startswith("~") else name
    if options.get("pooling", "mean") not in ("mean", "cls") or set(options) - {"pooling"}:
        raise InputError(f"Write hf:{name} or hf:{name}(pooling='mean'), or 'cls'. Got '{spec}'.")
    try:
        found = _library().AutoConfig.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    file = _file(name, "tokenizer.json")
    if file is None:
        raise SourceError(f"'{name}' has no tokenizer.json. Save it with a fast tokenizer of transformers.")
    config = json.loads(found.to_json_string(use_diff=True))
    pooling: Pooling = options.get("pooling") or _pooling(name)
    return Network(name, pooling, config, json.loads(file.read_text(encoding="utf-8")))


class Pretrained(nn.Module):
    """Tokens (b, l) as the network's own tokenizer makes them, filled up with ``pad``, to representations (b, d)."""

    def __init__(self, network: nn.Module, *, pad: int, pooling: Pooling) -> None:
        super().__init__()
        self.network, self.pad, self.pooling = network, pad, pooling

    def forward(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b h"]:
        return by_length(self._encoded, tokens, pad=self.pad)

    def _encoded(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b h"]:
        there = tokens != self.pad
        states: Tensor = self.network(input_ids=tokens, attention_mask=there.long()).last_hidden_state
        if self.pooling == "cls":
            return states[:, 0]
        kept = there[:, :, None].to(states.dtype)
        return (states * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)


def pretrained(name: str, *, pad: int, pooling: Pooling) -> Pretrained:
    """A network with the weights that it comes with.

    Args:
        name: A folder, or a name that was downloaded before.
        pad: The number that fills up texts.
        pooling: ``mean`` of the states of all tokens, or ``cls`` for that of the first.

    Raises:
        SourceError: It is not on this machine, or has no weights in safetensors.
    """
    auto = _library().AutoModel
    try:
        network = auto.from_pretrained(name, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    return Pretrained(_bare(network), pad=pad, pooling=pooling)


def blank(config: Mapping[str, Any], *, pad: int, pooling: Pooling) -> Pretrained:
    """The same network for weights that are to be filled in."""
    library = _library()
    made = library.AutoConfig.for_model(**config)
    return Pretrained(_bare(library.AutoModel.from_config(made)), pad=pad, pooling=pooling)


def _pooling(name: str) -> Pooling:
    """The first token's state where sentence-transformers would take that, else the mean."""
    file = _file(name, "1_Pooling/config.json")
    said = json.loads(file.read_text(encoding="utf-8")) if file is not None else {}
    return "cls" if said.get("pooling_mode_cls_token") else "mean"


def _absent(name: str, wrong: Exception) -> str:
    """What to say where a network cannot be had."""
    said = str(wrong).splitlines()[0].rstrip(".")
    return f"There is no network 'hf:{name}' on this machine: {said}. Give the path of a folder that holds one."


def _file(name: str, inside: str) -> Path | None:
    """A file of a network, in its folder or among what was downloaded before."""
    if Path(name).is_dir():
        return Path(name) / inside if (Path(name) / inside).is_file() else None
    _library()
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, inside)
    return Path(found) if isinstance(found, str) else None


def _bare(network: nn.Module) -> nn.Module:
    """The network without what it makes of its first token for another task."""
    if getattr(network, "pooler", None) is not None:
        setattr(network, "pooler", None)  # noqa: B010  (what type it has is the library's affair)
    return network


def _library() -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingPackage("transformers", "hf") from None
    library: Any = transformers
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    return library
