"""Tokenizers: a vocabulary learned from the texts, texts to token ids, and back.

A tokenizer is one of the library ``tokenizers``, saved in its JSON format.
"""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from counterpoint.data.overlong import shortened
from counterpoint.data.token_items import Ragged
from counterpoint.errors import SourceError

PAD, UNKNOWN, MASK, BEGIN, END = "[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]"
BEGINS, INSIDE = ("▁", "Ġ"), "##"
"""Prefixes of tokens that begin a word, and of tokens that continue one, by convention."""

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The tokens of UTF-8 bytes, for characters outside the vocabulary."""

COVERED, FEWEST = 0.9995, 1000
"""Share of the texts' characters that have their own tokens, and the least number of distinct ones."""

WORTH_SAYING = 0.01
"""Share of unknown tokens from which on a note reports it."""

WORD = r"[\p{L}\p{M}\p{N}_]+(?:['-][\p{L}\p{M}\p{N}_]+)*"
"""A word: a run of letters and digits, with apostrophes and hyphens inside."""

CURLY = "’"
"""The apostrophe that replaces typographic ones."""

LOCAL = ("NFKC", "BertNormalizer", "Lowercase")
"""Normalizers that are independent of context across spaces."""

SPACED = ("BertPreTokenizer", "WhitespaceSplit")
"""Pre-tokenizers that split at every space."""

PIECE = 4096
"""Texts that are tokenized at a time."""

Script = Mapping[str, Any]
"""A tokenizer as JSON."""


def learned(texts: Sequence[str], *, size: int) -> Script:
    """A vocabulary of at most ``size`` subwords that occur twice or more in these texts, in lower case.

    Byte-pair encoding, Sennrich et al. 2016, arXiv:1508.07909, of characters: unseen words are split into smaller
    subwords, and rare or unseen characters into bytes, for which there are 256 further tokens. The same texts give
    the same vocabulary every time, unlike the library's WordPiece.

    >>> pieces = learned(["a queue of keys", "queues and keys"], size=40)["model"]["vocab"]
    >>> "▁queue" in pieces, "s" in pieces, "5" in pieces, "<0x35>" in pieces
    (True, True, False, True)
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(unk_token=UNKNOWN, byte_fallback=True))
    clean = normalizers.BertNormalizer(strip_accents=False, lowercase=True)
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), clean])
    split = pre_tokenizers.Metaspace(replacement=BEGINS[0], prepend_scheme="always", split=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), split])
    spaces = decoders.Metaspace(replacement=BEGINS[0], prepend_scheme="always")
    made.decoder = decoders.Sequence([decoders.ByteFallback(), spaces])
    alphabet = [BEGINS[0], *_alphabet(texts, clean.normalize_str, most=size // 2)]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[PAD, UNKNOWN, MASK, BEGIN, END],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),  # otherwise the library drops arbitrary ones of equally rare characters
        max_token_length=32,
        show_progress=False,
    )
    made.train_from_iterator(iter(shortened(texts)), trainer, length=len(texts))
    script: Script = json.loads(made.to_str())
    pieces = script["model"]["vocab"]
    pieces |= {byte: place for place, byte in enumerate(BYTES, start=len(pieces))}
    return script


def _alphabet(texts: Sequence[str], clean: Callable[[str], str], *, most: int) -> list[str]:
    """The characters that make up nearly all of the texts, the most frequent first; ``clean`` filters each."""
    counts = np.zeros(0x110000, dtype=np.int64)
    for start in range(0, len(texts), PIECE):
        joined = unicodedata.normalize("NFKC", " ".join(texts[start : start + PIECE]))
        piece = np.bincount(np.frombuffer(joined.encode("utf-32-le"), dtype="<u4"))
        counts[: len(piece)] += piece
    cleaned: Counter[str] = Counter()
    for code in np.flatnonzero(counts).tolist():
        for character in clean(chr(code)):
            if not character.isspace():
                cleaned[character] += int(counts[code])
    ordered = sorted(cleaned, key=lambda character: (-cleaned[character], character))
    before = np.cumsum([0, *(cleaned[character] for character in ordered)])[:-1]
    enough = int((before < COVERED * cleaned.total()).sum())
    return ordered[: min(most, max(FEWEST, enough))]


class Tokenizer:
    """Texts to token ids, and back to words."""

    def __init__(self, script: Script) -> None:
        from tokenizers import Tokenizer as Reader

        self.script = script
        try:
            self._reader = Reader.from_str(json.dumps(script))
            self._reader.no_padding()
            self._reader.no_truncation()
            self._reader.encode("a b")
        except BaseException as wrong:  # the library raises plain exceptions, and panics for some files
            if isinstance(wrong, KeyboardInterrupt):
                raise
            raise SourceError(
                f"The tokenizer cannot be read: {wrong}. Give the tokenizer.json of its model."
            ) from wrong
        named = self._reader.get_vocab(with_added_tokens=True)
        self.words = [word for word, _ in sorted(named.items(), key=lambda each: each[1])]
        self.whole = script["model"]["type"] == "WordLevel"
        """Whether tokens are whole words; then unknown ones are skipped."""
        self.pad = self._number(named, PAD, "<pad>")
        self.mask = self._number(named, MASK, "<mask>", UNKNOWN, "<unk>")
        number = {byte: place for place, byte in enumerate(BYTES)} if script["model"].get("byte_fallback") else {}
        self._byte = np.asarray([number.get(word, -1) for word in self.words])
        """For every token the byte that it is; -1 where it is characters."""
        self.before, self.behind = self._frame()
        self._parted = _ends_at_spaces(script)

    def __len__(self) -> int:
        return len(self.words)

    def begins(self) -> Bool[Tensor, " v"]:
        """For every token, whether a word begins with it."""
        if self.whole:
            return torch.ones(len(self.words), dtype=torch.bool)
        if any(word.startswith(INSIDE) for word in self.words):
            return torch.tensor([not word.startswith(INSIDE) for word in self.words])
        return torch.tensor([word.startswith(BEGINS) for word in self.words])

    def fragments(self) -> Bool[Tensor, " v"]:
        """For every token, whether it is a byte of a character, or only the prefix of a word."""
        return torch.from_numpy(self._byte >= 0) | torch.tensor([word in BEGINS for word in self.words])

    def says(self) -> Bool[np.ndarray, " v"]:
        """For every token, whether it contains a letter or a digit: punctuation says little."""
        letters = np.asarray([any(map(str.isalnum, word)) for word in self.words])
        lone = np.asarray([byte >= 0x80 or chr(byte).isalnum() for byte in range(256)])
        return np.where(self._byte < 0, letters, lone[self._byte])

    def telling(self, tokens: Ragged) -> tuple[Ragged, int]:
        """The content of texts for comparing them, as ids, and the number of ids.

        Punctuation is left out. A run of bytes is one id, as all words of an alphabet are made of the same few bytes.
        """
        flat, byte = tokens.flat.copy(), self._byte[tokens.flat]
        goes_on = np.concatenate([[False], byte[:-1] >= 0]) & (byte >= 0)
        goes_on[tokens.starts[:-1][tokens.lengths > 0]] = False
        first = np.flatnonzero((byte >= 0) & ~goes_on)
        rests = np.flatnonzero(~goes_on)  # where a unit begins, and so the run before it ends
        ends = np.append(rests, len(flat))[np.searchsorted(rests, first) + 1]
        place: dict[bytes, int] = {}
        for start, end in zip(first.tolist(), ends.tolist(), strict=True):
            flat[start] = len(self) + place.setdefault(byte[start:end].astype(np.uint8).tobytes(), len(place))
        kept = np.concatenate([[0], np.cumsum(~goes_on)])
        says = np.concatenate(
            [self.says(), [any(each >= 0x80 or chr(each).isalnum() for each in run) for run in place]]
        )
        return Ragged(flat[~goes_on], kept[tokens.starts]).only(says.astype(bool)), len(says)

    def remark(self, tokens: Ragged) -> str | None:
        """A note on unknown words or characters in texts, if they are more than one in a hundred."""
        if (self._byte < 0).all():
            share = float(self._unknown[tokens.flat].mean()) if len(tokens.flat) else 0.0
            decode = "tokens are not in the model's vocabulary and count as unknown"
        else:
            spelled, read = self._spelling[:, tokens.flat].sum(axis=1).tolist()
            share = spelled / max(1, spelled + read)
            decode = "characters are unknown to the model's vocabulary and are read as bytes"
        return f"{share:.1%} of the {decode}".replace("%", " %", 1) if share > WORTH_SAYING else None

    def numbers(self, texts: Sequence[str]) -> Ragged:
        """The token ids of every text."""
        texts = shortened(texts)
        tokens = self._by_chunk(texts) if self._parted and len(texts) > 1 else self._encode(texts)
        return tokens.only(~self._unknown) if self.whole else tokens

    @cached_property
    def _unknown(self) -> Bool[np.ndarray, " v"]:
        """For every token whether it is the unknown token."""
        return np.asarray([word in (UNKNOWN, "<unk>") for word in self.words])

    @cached_property
    def _spelling(self) -> Int64[np.ndarray, "2 v"]:
        """For every token the number of characters that begin in it as bytes, and the number it contains itself."""
        first = (self._byte >= 0) & ((self._byte < 0x80) | (self._byte >= 0xC0))
        letters = np.asarray([len(word.lstrip("".join(BEGINS))) for word in self.words])
        return np.stack([first, np.where(self._byte < 0, letters, 0)])

    def _by_chunk(self, texts: Sequence[str]) -> Ragged:
        """As ``_encode``, where no token spans a space: every distinct word is tokenized once."""
        place: defaultdict[str, int] = defaultdict()
        place.default_factory = place.__len__
        chunks, counts = [np.zeros(0, dtype=np.int32)], [np.zeros(1, dtype=np.int64)]
        for start in range(0, len(texts), PIECE):
            cut = [text.split(" ") for text in texts[start : start + PIECE]]
            counts.append(np.fromiter(map(len, cut), dtype=np.int64, count=len(cut)))
            chunks.append(np.fromiter(map(place.__getitem__, itertools.chain.from_iterable(cut)), dtype=np.int32))
        starts = np.cumsum(np.concatenate(counts))
        return self._encode(list(place)).joined(Ragged(np.concatenate(chunks), starts))

    def _encode(self, texts: Sequence[str]) -> Ragged:
        """The token ids of every text, from the library."""
        flat, lengths = [np.zeros(0, dtype=np.int32)], [0]
        for start in range(0, len(texts), PIECE):
            some = list(texts[start : start + PIECE])
            if len(some) == 1:  # a batch starts threads, which takes longer than the text
                each = [self._reader.encode(some[0], add_special_tokens=False).ids]
            else:
                each = [result.ids for result in self._reader.encode_batch_fast(some, add_special_tokens=False)]
            lengths += [len(ids) for ids in each]
            flat.append(np.fromiter(itertools.chain.from_iterable(each), dtype=np.int32))
        return Ragged(np.concatenate(flat), np.cumsum(np.asarray(lengths, dtype=np.int64)))

    def decode(self, tokens: Int64[Tensor, "b l"]) -> list[str]:
        """The text of tokens, as far as a lower-case vocabulary can tell."""
        around = {self.pad, *self.before, *self.behind}
        inner = [[token for token in row if token not in around] for row in tokens.tolist()]
        return [" ".join(decode.split()) for decode in self._reader.decode_batch(inner, skip_special_tokens=False)]

    def framed(self, tokens: Int64[Tensor, "b l"]) -> Int64[Tensor, "b m"]:
        """The tokens of texts with the special tokens that a network was trained with, if any."""
        if not (self.before or self.behind):
            return tokens
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        length = ((tokens != self.pad) * places).amax(dim=1, keepdim=True)  # a text may contain the padding token
        first = len(self.before)
        framed = tokens.new_full((len(tokens), tokens.shape[1] + first + len(self.behind)), self.pad)
        framed[:, :first] = tokens.new_tensor(self.before)
        framed[:, first : first + tokens.shape[1]] = tokens
        last = first + length + torch.arange(len(self.behind), device=tokens.device)
        return framed.scatter(1, last, tokens.new_tensor(self.behind).expand(len(tokens), -1))

    def _frame(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after every text."""
        bare = self._reader.encode("a", add_special_tokens=False).ids
        framed = self._reader.encode("a", add_special_tokens=True).ids
        first = next(start for start in range(len(framed)) if framed[start : start + len(bare)] == bare)
        return framed[:first], framed[first + len(bare) :]

    @staticmethod
    def _number(named: Mapping[str, int], *called: str) -> int:
        result = next((named[name] for name in called if name in named), None)
        if result is None:
            raise SourceError(f"The tokenizer has no token {called[0]}, which texts of unequal length need.")
        return result


def _ends_at_spaces(script: Script) -> bool:
    """Whether a tokenizer provably gives the same for a text as for its words, one by one.

    It does if it splits at spaces first, treats the first word as all others, and no token contains a space.
    """
    cleaning = _steps(script.get("normalizer"), "normalizers")
    parting = _steps(script.get("pre_tokenizer"), "pretokenizers")
    added = [unicodedata.normalize("NFKC", token["content"]) for token in script.get("added_tokens", ())]
    return (
        bool(parting)
        and (parting[0]["type"] in SPACED or parting[0].get("pattern") == {"Regex": WORD})
        and all(step["type"] == "Metaspace" and step.get("prepend_scheme") == "always" for step in parting[1:])
        and all(step["type"] in LOCAL or step.get("pattern") == {"String": CURLY} for step in cleaning)
        and not any(" " in token for token in added)
    )


def _steps(part: Script | None, called: str) -> Sequence[Script]:
    """The steps of a tokenizer's component, which may be none, one, or several."""
    return [] if part is None else part.get(called, [part])
