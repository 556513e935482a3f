"""Transformers of the library of that name, with what they have learned: ``hf:PATH`` or ``hf:NAME``.

Nothing is downloaded: a name is looked up among what is on this machine. Weights come from safetensors only. What
sentence-transformers wrote beside a network is read with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.encoders.lengths import by_length
from counterpoint.encoders.local_files import library, local_file
from counterpoint.encoders.pooling import MODES, layers, pooled
from counterpoint.encoders.sentence_folder import Written, fill, named_prompt, read_written
from counterpoint.errors import InputError, PlanError, SourceError, listed

ROOM = 512
"""Tokens that a network reads where it does not say how many."""

PREFIX = "hf:"

OFFSET = (
    *("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "xmod"),
    *("data2vec-text", "ibert", "luke", "esm"),
)
"""Networks that number the places of tokens from the number of the padding token + 1: so many have no token."""

PADS, MASKS = ("[PAD]", "<pad>"), ("[MASK]", "<mask>", "[UNK]", "<unk>")
"""The tokens that fill up and that stand for a word, of which a tokenizer here needs one each."""


class Network(NamedTuple):
    """What is known of a network before its weights are read."""

    settings: Mapping[str, Any]
    """What it takes to build it again: its name and config, how it pools, what stands behind that, its prompt."""
    tokenizer: Mapping[str, Any]
    room: int
    """How many tokens it reads at once, those that frame a text among them."""
    longest: int | None
    """How many it was trained to read, where sentence-transformers says that."""
    notes: Sequence[str]
    """What a person should know of how it is read."""

    @property
    def name(self) -> str:
        return str(self.settings["name"])

    @property
    def prompt(self) -> str:
        """What stands before every text."""
        return str(self.settings["prompt"])


def described(spec: str) -> Network | None:
    """The network of ``hf:NAME`` or ``hf:NAME(pooling='cls', prompt='query')``; None for an encoder of another kind.

    It pools, and reads texts, as sentence-transformers would where its folder says how, else by the mean.

    Raises:
        InputError: An option is none, or there is no such prompt.
        SourceError: It is not on this machine, or is one that is not read here.
    """
    name, options = catalogue.split(spec)
    if not name.startswith(PREFIX):
        return None
    name = name.removeprefix(PREFIX)
    if options.get("pooling", "mean") not in MODES or set(options) - {"pooling", "prompt"}:
        raise InputError(
            f"Write hf:{name}, or behind it (pooling='mean'), which may be {', '.join(MODES)}, or (prompt='NAME') with "
            f"the name of one of its prompts. Got '{spec}'."
        )
    if local_file(name, "adapter_config.json") is not None:
        raise SourceError(f"'hf:{name}' is an adapter of another network. Merge them with peft and save the whole.")
    found = read_written(name)
    written = found or Written()
    if "pooling" in options:
        written = written._replace(pooling=(options["pooling"],))
    if "prompt" in options:
        written = written._replace(prompt=named_prompt(name, written.prompts, options["prompt"]))
    config = _config(name, written.root)
    reader = _reader(name, written)
    room = _room(config)
    longest = _longest(config, reader, written)
    settings = {
        "name": name,
        "root": written.root,
        "config": json.loads(config.to_json_string(use_diff=True)),
        "pooling": list(written.pooling),
        "layers": list(written.layers),
        "prompt": written.prompt,
        "unpooled": 0 if written.include_prompt or not written.prompt else _begun(reader, written.prompt, longest),
    }
    cut = None if found is None else min(longest, room)
    return Network(settings, _script(reader, lower=written.lower), room, cut, _notes(settings, written, cut))


def longest_text(wanted: int | None, network: Network | None, *, around: int, usual: int) -> int:
    """Tokens after which a text is cut: a network has room for so many, and those around a text take some of it.

    Raises:
        PlanError: There is no room for so many, or for none at all.
    """
    if network is None:
        return wanted or usual
    room = network.room - around
    if wanted is not None and wanted > room:
        raise PlanError(f"'{PREFIX}{network.name}' reads at most {room} tokens. Got --view-size {wanted}.")
    cut = min(usual, room) if network.longest is None else network.longest - around
    if cut < 1:
        raise PlanError(f"'{PREFIX}{network.name}' has no room for a text behind its prompt {network.prompt!r}.")
    return wanted or cut


class Pretrained(nn.Module):
    """Tokens (b, l) as the network's own tokenizer makes them, filled up with ``pad``, to representations (b, d)."""

    def __init__(self, network: nn.Module, settings: Mapping[str, Any], *, pad: int) -> None:
        super().__init__()
        pooling = settings["pooling"]
        self.network, self.pad = network, pad
        self.pooling = (pooling,) if isinstance(pooling, str) else tuple(pooling)  # a word in older runs
        self.unpooled = int(settings.get("unpooled", 0))
        self.layers = layers(settings.get("layers", ()))
        self.known = int(network.get_input_embeddings().weight.shape[0])  # type: ignore[operator]

    def forward(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        return by_length(self._encoded, tokens, pad=self.pad)

    def _encoded(self, tokens: Int64[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        there = tokens != self.pad  # its number is beyond the network's own where its tokenizer has no such token
        known = tokens if self.pad < self.known else tokens.clamp(max=self.known - 1)
        states: Tensor = self.network(input_ids=known, attention_mask=there.long()).last_hidden_state
        made: Tensor = self.layers(pooled(states, there, self.pooling, skip=self.unpooled))
        return made


def pretrained(settings: Mapping[str, Any], *, pad: int) -> Pretrained:
    """A network with the weights that it comes with.

    Args:
        settings: Those of ``Network``; of a run of an older version the name, the config and how it pools.
        pad: The number that fills up texts.

    Raises:
        SourceError: It is not on this machine, or has no weights in safetensors, or not all of them.
    """
    name, root = str(settings["name"]), str(settings.get("root", ""))
    options: dict[str, Any] = {"local_files_only": True, "subfolder": root, "use_safetensors": True}
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
    whole = Pretrained(_bare(network), settings, pad=pad)
    fill(name, whole.layers, tuple(settings.get("layers", ())))
    return whole


def blank(settings: Mapping[str, Any], *, pad: int) -> Pretrained:
    """The same network for weights that are to be filled in."""
    made = library().AutoConfig.for_model(**settings["config"])
    return Pretrained(_bare(_auto(settings["config"]).from_config(made)), settings, pad=pad)


def _config(name: str, root: str) -> Any:
    """How the network is built."""
    try:
        config = library().AutoConfig.from_pretrained(name, subfolder=root, local_files_only=True)
    except (OSError, ValueError) as wrong:
        raise SourceError(_absent(name, wrong)) from wrong
    return config


def _reader(name: str, written: Written) -> Any:
    """The tokenizer, as transformers would use it on texts."""
    inside = f"{written.root}/tokenizer.json" if written.root else "tokenizer.json"
    if local_file(name, inside) is None:
        raise SourceError(f"'{name}' has no {inside}. Save it with a fast tokenizer of transformers.")
    options = dict(written.tokenizer)
    if written.longest is not None:
        options.setdefault("model_max_length", written.longest)
    where = {"local_files_only": True, "subfolder": written.root}
    try:
        reader = library().AutoTokenizer.from_pretrained(name, **{**options, **where})
    except (OSError, ValueError, ImportError) as wrong:
        raise SourceError(f"The tokenizer of 'hf:{name}' cannot be read: {wrong}.") from wrong
    if not reader.is_fast or reader.truncation_side != "right" or any(reader("a").get("token_type_ids", ())):
        raise SourceError(
            f"The tokenizer of 'hf:{name}' is not one of the library tokenizers, cuts texts at their beginning, or "
            "marks tokens of a text as of several kinds, none of which is read here. Choose another network."
        )
    return reader


def _script(reader: Any, *, lower: bool) -> Mapping[str, Any]:
    """A tokenizer as JSON, with tokens that fill up and that stand for a word, where it has none of its own."""
    script: dict[str, Any] = json.loads(reader.backend_tokenizer.to_str())
    if lower:
        steps = [{"type": "Lowercase"}, *([script["normalizer"]] if script.get("normalizer") else [])]
        script["normalizer"] = {"type": "Sequence", "normalizers": steps}
    named = reader.get_vocab()
    wanting = [some[0] for some in (PADS, MASKS) if not any(token in named for token in some)]
    script["added_tokens"] = [
        *script.get("added_tokens", ()),
        *(_token(token, max(named.values()) + 1 + place) for place, token in enumerate(wanting)),
    ]
    return script


def _token(content: str, number: int) -> Mapping[str, Any]:
    """A token beside a vocabulary."""
    sides = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": number, "content": content, **sides, "special": True}


def _room(config: Any) -> int:
    """How many tokens a network has places for."""
    places = getattr(config, "max_position_embeddings", None) or ROOM
    if config.model_type in OFFSET:
        padding = getattr(config, "pad_token_id", None)
        places -= 1 + (1 if padding is None else int(padding))
    return int(places) if places > 0 else ROOM  # -1 says that there is no end


def _longest(config: Any, reader: Any, written: Written) -> int:
    """After how many tokens sentence-transformers cuts a text, those around it among them."""
    said = int(reader.model_max_length)
    places = getattr(config, "max_position_embeddings", None)
    if written.longest is not None or "model_max_length" in written.tokenizer or not places or places < 0:
        return said
    return min(said, int(places))


def _begun(reader: Any, prompt: str, longest: int) -> int:
    """How many tokens at the beginning are of the prompt and what stands before it, as sentence-transformers counts."""
    ids = reader(prompt, truncation=True, max_length=longest)["input_ids"]
    return len(ids) - (ids[-1] in reader.all_special_ids)


def _notes(settings: Mapping[str, Any], written: Written, longest: int | None) -> list[str]:
    """How a network is read, for a person."""
    parts = [f"'{PREFIX}{settings['name']}' pools by {' + '.join(settings['pooling'])}"]
    parts += [f"{each['type']} behind it" for each in settings["layers"] if each["type"] != "Dropout"]
    if longest is not None:
        parts.append(f"texts are cut after {longest} tokens, those around them among them")
    if written.prompt:
        parts.append(f"the prompt {written.prompt!r} stands before each")
    elif written.prompts:
        parts.append(f"none of its prompts stands before them ({listed(written.prompts)}; choose with prompt='NAME')")
    if written.similarity != "cosine":
        parts.append(f"they are compared by the cosine, not by {written.similarity} as its folder says")
    return ["; ".join(parts)]


def _absent(name: str, wrong: Exception) -> str:
    """What to say where a network cannot be had."""
    said = str(wrong).strip().splitlines()[0].rstrip(".")
    if local_file(name, "config.json") is not None:
        return f"The network 'hf:{name}' cannot be read: {said}. Save it anew with transformers, as safetensors."
    return f"There is no network 'hf:{name}' on this machine: {said}. Give the path of a folder that holds one."


def _auto(config: Mapping[str, Any]) -> Any:
    """What builds a network; of one that writes texts too, the half that reads them."""
    auto = library()
    writes = auto.AutoConfig.for_model(**config).is_encoder_decoder  # a config need not say what is usual
    return auto.AutoModelForTextEncoding if writes else auto.AutoModel


def _bare(network: nn.Module) -> nn.Module:
    """The network without what it makes of its first token for another task, and without a memory for writing."""
    if getattr(network, "pooler", None) is not None:
        setattr(network, "pooler", None)  # noqa: B010  (what type it has is the library's affair)
    config: Any = network.config
    config.use_cache = False
    return network
