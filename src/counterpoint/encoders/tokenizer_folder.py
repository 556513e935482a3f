"""The tokenizer of a network, as transformers would use it on texts, converted to JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from counterpoint.encoders.local_files import AS_DATA, library, local_file
from counterpoint.encoders.sentence_folder import Written
from counterpoint.errors import SourceError

PADS, MASKS = ("[PAD]", "<pad>"), ("[MASK]", "<mask>", "[UNK]", "<unk>")
"""The padding and the unknown token, which tokenizers here need."""


def reading_tokens(name: str, written: Written) -> Any:
    """The tokenizer, as transformers would use it on texts.

    Raises:
        SourceError: It is not on this machine, or has unsupported features.
    """
    inside = f"{written.root}/tokenizer.json" if written.root else "tokenizer.json"
    if local_file(name, inside) is None:
        raise SourceError(f"'{name}' has no {inside}. Save it with a fast tokenizer of transformers.")
    options = dict(written.tokenizer)
    if written.longest is not None:
        options.setdefault("model_max_length", written.longest)
    where = {"subfolder": written.root, **AS_DATA}
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


def script_of(reader: Any, *, lower: bool) -> Mapping[str, Any]:
    """A tokenizer as JSON, with padding and unknown tokens added where it has none."""
    script: dict[str, Any] = {**json.loads(reader.backend_tokenizer.to_str()), "truncation": None, "padding": None}
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


def cut_after(config: Any, reader: Any, written: Written) -> int:
    """The number of tokens after which sentence-transformers truncates a text, special tokens included."""
    stated = int(reader.model_max_length)
    places = getattr(config, "max_position_embeddings", None)
    if written.longest is not None or "model_max_length" in written.tokenizer or not places or places < 0:
        return stated
    return min(stated, int(places))


def begun_by(reader: Any, prompt: str, longest: int) -> int:
    """The number of leading tokens of the prompt and before it, as sentence-transformers counts them."""
    ids = reader(prompt, truncation=True, max_length=longest)["input_ids"]
    return len(ids) - (bool(ids) and ids[-1] in reader.all_special_ids)
