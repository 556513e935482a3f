"""Pretrained text networks of the library transformers: ``hf:PATH`` or ``hf:NAME``.

Nothing is downloaded: a name is looked up in the local cache. Weights come from safetensors only. What
sentence-transformers saved beside a network is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.encoders.length_buckets import by_length, written_down
from counterpoint.encoders.local_files import AS_DATA, library, local_file, without_code
from counterpoint.encoders.pooling import MODES, layers, pooled
from counterpoint.encoders.sentence_folder import Written, fill, named_prompt, read_written
from counterpoint.encoders.tokenizer_folder import begun_by, cut_after, reading_tokens, script_of
from counterpoint.errors import InputError, PlanError, SourceError, listed
from counterpoint.storage.files import expanded

ROOM = 512
"""Tokens that a network reads where it does not state a limit."""

PREFIX = "hf:"

OFFSET = (
    *("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "xmod"),
    *("data2vec-text", "ibert", "luke", "esm"),
)
"""Networks that number positions from the id of the padding token + 1, so that so many positions are unused."""

HALVES = ("t5", "mt5", "umt5")
"""Encoder-decoder networks of which the encoder is taken."""


class Network(NamedTuple):
    """A network before its weights are read."""

    settings: Mapping[str, Any]
    """The settings to build it again: its name and config, its pooling, further layers, its prompt."""
    tokenizer: Mapping[str, Any]
    room: int
    """The number of tokens it reads at once, special tokens included."""
    longest: int | None
    """The number of tokens it was trained with, where sentence-transformers states that."""
    notes: Sequence[str]
    """A note on how texts are read."""

    @property
    def name(self) -> str:
        return str(self.settings["name"])

    @property
    def prompt(self) -> str:
        """The text before every text."""
        return str(self.settings["prompt"])


def described(spec: str) -> Network | None:
    """The network of ``hf:NAME`` or ``hf:NAME(pooling='cls', prompt='query')``; None for an encoder of another kind.

    Pooling and reading of texts follow sentence-transformers: from the folder, else by the mean or the last token.

    Raises:
        InputError: An option is invalid, or there is no such prompt.
        SourceError: It is not on this machine, or not supported.
    """
    name, options = catalogue.split(spec)
    if not name.startswith(PREFIX):
        return None
    name = name.removeprefix(PREFIX)
    name = str(expanded(name)) if name.startswith("~") else name
    if options.get("pooling", "mean") not in MODES or set(options) - {"pooling", "prompt"}:
        raise InputError(
            f"Write hf:{name}, or behind it (pooling='mean'), which may be {', '.join(MODES)}, or (prompt='NAME') with "
            f"the name of one of its prompts. Got '{spec}'."
        )
    result = read_written(name)
    config = _config(name, "" if result is None else result.root)
    written = _wanted(name, result or Written(pooling=_usual(config)), options)
    reader = reading_tokens(name, written)
    room, longest = _room(config), cut_after(config, reader, written)
    settings = {
        "name": name,
        "root": written.root,
        "config": json.loads(config.to_json_string(use_diff=True)),
        "pooling": list(written.pooling),
        "layers": list(written.layers),
        "prompt": written.prompt,
        "unpooled": 0 if written.include_prompt or not written.prompt else begun_by(reader, written.prompt, longest),
    }
    cut = None if result is None else min(longest, room)
    return Network(settings, script_of(reader, lower=written.lower), room, cut, _notes(settings, written, cut))


def longest_text(wanted: int | None, network: Network | None, *, around: int, usual: int) -> int:
    """Tokens after which a text is truncated: the network's limit minus special tokens.

    Raises:
        PlanError: There is no room for so many, or for none at all.
    """
    if network is None:
        return wanted or usual
    room = network.room - around
    if wanted is not None and wanted > room:
        raise PlanError(f"'{PREFIX}{network.name}' reads at most {room} tokens. Got --view-size={wanted}.")
    cut = min(usual, room) if network.longest is None else network.longest - around
    if cut < 1:
        raise PlanError(f"'{PREFIX}{network.name}' has no room for a text behind its prompt {network.prompt!r}.")
    return wanted or cut


class Pretrained(nn.Module):
    """Tokens (b, l) of the network's own tokenizer, padded with ``pad``, to representations (b, d)."""

    def __init__(self, network: nn.Module, settings: Mapping[str, Any], *, pad: int) -> None:
        super().__init__()
        pooling = settings["pooling"]
        self.network, self.pad = network, pad
        self.pooling = (pooling,) if isinstance(pooling, str) else tuple(pooling)  # a string in older runs
        self.unpooled = int(settings.get("unpooled", 0))
        self.layers = layers(settings.get("layers", ()))
        self.known = int(network.get_input_embeddings().weight.shape[0])  # type: ignore[operator]

    def forward(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        return by_length(self._encoded, tokens, pad=self.pad)

    def _encoded(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        there = places <= ((tokens != self.pad) * places).amax(dim=1, keepdim=True)  # a text may contain "[PAD]"
        # the id of the padding is beyond the network's vocabulary where its tokenizer has no such token
        input_ids = tokens if self.pad < self.known else tokens.clamp(max=self.known - 1)
        more = self._spelled_out(tokens) if written_down() else {}
        states: Tensor = self.network(input_ids=input_ids, attention_mask=there.long(), **more).last_hidden_state
        made: Tensor = self.layers(pooled(states, there, self.pooling, skip=self.unpooled))
        return made

    def _spelled_out(self, tokens: Int64[Tensor, "b l"]) -> dict[str, Tensor]:
        """Options that avoid slicing by the length of a text, which a graph for all lengths cannot trace."""
        network: Any = self.network
        usual = {"token_type_ids": torch.zeros_like(tokens)}
        if network.config.model_type not in OFFSET:
            usual["position_ids"] = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        return {name: each for name, each in usual.items() if name in signature(network.forward).parameters}


def pretrained(settings: Mapping[str, Any], *, pad: int) -> Pretrained:
    """A network with its pretrained weights.

    Args:
        settings: Those of ``Network``; for a run of an older version the name, the config and the pooling.
        pad: The id of the padding token.

    Raises:
        SourceError: It is not on this machine, or lacks weights in safetensors, or some of them.
    """
    name, root = str(settings["name"]), str(settings.get("root", ""))
    options: dict[str, Any] = {"subfolder": root, "use_safetensors": True, **AS_DATA}
    try:
        network, loaded = _auto(settings["config"]).from_pretrained(
            name, dtype=torch.float32, output_loading_info=True, **options
        )
    except (OSError, ValueError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    lacking = sorted(key for key in loaded["missing_keys"] if "pooler" not in key)
    if lacking:
        raise SourceError(
            f"'hf:{name}' lacks {len(lacking)} of its weights, the first is '{lacking[0]}'. Save it again."
        )
    encoder = Pretrained(_bare(network), settings, pad=pad)
    fill(name, encoder.layers, tuple(settings.get("layers", ())))
    return encoder


def blank(settings: Mapping[str, Any], *, pad: int) -> Pretrained:
    """The same network without weights, which are about to be loaded."""
    config = without_code(settings["config"])
    made = library().AutoConfig.for_model(**config)
    return Pretrained(_bare(_auto(config).from_config(made, trust_remote_code=False)), settings, pad=pad)


def _usual(config: Any) -> tuple[str, ...]:
    """Pooling where the folder does not state it: the last token for decoders, as in sentence-transformers."""
    writes = (config.architectures or [""])[0].endswith("ForCausalLM") and getattr(config, "is_causal", True)
    return ("lasttoken",) if writes else ("mean",)


def _wanted(name: str, written: Written, options: Mapping[str, str]) -> Written:
    """The folder's settings, except what the user set otherwise."""
    if "pooling" in options:
        written = written._replace(pooling=(options["pooling"],))
    if "prompt" in options:
        written = written._replace(prompt=named_prompt(name, written.prompts, options["prompt"]))
    return written


def _config(name: str, root: str) -> Any:
    """The network's config."""
    if local_file(name, "adapter_config.json") is not None:
        raise SourceError(f"'hf:{name}' is an adapter of another network. Merge them with peft and save the whole.")
    try:
        config = library().AutoConfig.from_pretrained(name, subfolder=root, **AS_DATA)
    except (OSError, ValueError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    if config.is_encoder_decoder and config.model_type not in HALVES:
        raise SourceError(
            f"'hf:{name}' both reads and writes, as {config.model_type} does, and only of {', '.join(HALVES)} is the "
            "half taken that reads. Choose another network."
        )
    return config


def _room(config: Any) -> int:
    """The number of positions of a network."""
    places = getattr(config, "max_position_embeddings", None) or ROOM
    if config.model_type in OFFSET:
        padding = getattr(config, "pad_token_id", None)
        places -= 1 + (1 if padding is None else int(padding))
    return int(places) if places > 0 else ROOM  # -1 means unlimited


def _notes(settings: Mapping[str, Any], written: Written, longest: int | None) -> list[str]:
    """How texts are read, as a note for the user."""
    parts = [f"'{PREFIX}{settings['name']}' pools by {' + '.join(settings['pooling'])}"]
    parts += [f"{each['type']} behind it" for each in settings["layers"] if each["type"] != "Dropout"]
    if longest is not None:
        parts.append(f"texts are cut after {longest} tokens, those around them among them")
    if written.prompt:
        parts.append(f"the prompt {written.prompt!r} precedes each")
    elif written.prompts:
        parts.append(f"none of its prompts is used ({listed(written.prompts)}; choose with prompt='NAME')")
    if written.similarity != "cosine":
        parts.append(f"they are compared by the cosine, not by {written.similarity} as its folder says")
    return ["; ".join(parts)]


def _absent(name: str, wrong: Exception) -> str:
    """The message for a network that cannot be loaded."""
    reason = str(wrong).strip().splitlines()[0].rstrip(".")
    if local_file(name, "config.json") is not None:
        return f"The network 'hf:{name}' cannot be read: {reason}. Save it anew with transformers, as safetensors."
    return f"There is no network 'hf:{name}' on this machine: {reason}. Give the path of a folder that holds one."


def _auto(config: Mapping[str, Any]) -> Any:
    """The class of a network; for encoder-decoder networks, of the encoder."""
    result = library()
    return result.AutoModelForTextEncoding if config["model_type"] in HALVES else result.AutoModel


def _bare(network: nn.Module) -> nn.Module:
    """The network without its pooler and without the cache of a decoder."""
    if getattr(network, "pooler", None) is not None:
        setattr(network, "pooler", None)  # noqa: B010  (its type is the library's)
    config: Any = network.config
    config.use_cache = False
    return network
