"""Tokenizers: a vocabulary learned from the texts themselves, texts to numbers of its tokens, and back.

A tokenizer is one of the library ``tokenizers``, kept as the JSON that it and others read.
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
"""What begins a word has one of the first before it, or what goes on with one the second, as tokenizers differ."""

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The tokens that a character of no vocabulary is spelled with: the bytes of its UTF-8."""

COVERED, FEWEST = 0.9995, 1000
"""Share of the characters of the texts that have tokens of their own, and how many different ones have at least."""

WORTH_SAYING = 0.01
"""Share of what is unknown from which on a person is told."""

WORD = r"[\p{L}\p{M}\p{N}_]+(?:['-][\p{L}\p{M}\p{N}_]+)*"
"""A whole word: letters and digits in a row; an apostrophe or a hyphen is of it if it stands inside."""

CURLY = "’"
"""The apostrophe that stands for the plain one."""

LOCAL = ("NFKC", "BertNormalizer", "Lowercase")
"""Ways to clean a text that never look past a space."""

SPACED = ("BertPreTokenizer", "WhitespaceSplit")
"""Ways to part a text of which each parts it at every space."""

PIECE = 4096
"""Texts that are turned into numbers at a time."""

Script = Mapping[str, Any]
"""A tokenizer as JSON."""


def learned(texts: Sequence[str], *, size: int) -> Script:
    """A vocabulary of at most so many pieces of words that occur twice or more in these texts; case is not kept.

    Byte-pair encoding, Sennrich et al. 2016, arXiv:1508.07909, of characters: what was never seen is spelled in smaller
    pieces, and a character that was not, or hardly, in bytes, for which there are 256 tokens more. The same texts give
    the same vocabulary every time, which WordPiece of the same library does not.

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
        limit_alphabet=len(alphabet),  # of itself the library drops any of equally rare characters
        max_token_length=32,
        show_progress=False,
    )
    made.train_from_iterator(iter(shortened(texts)), trainer, length=len(texts))
    script: Script = json.loads(made.to_str())
    pieces = script["model"]["vocab"]
    pieces |= {byte: place for place, byte in enumerate(BYTES, start=len(pieces))}
    return script


def _alphabet(texts: Sequence[str], clean: Callable[[str], str], *, most: int) -> list[str]:
    """The characters that make up nearly all of the texts, the most frequent first; ``clean`` is asked about each."""
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
    """Texts to numbers, and back to words."""

    def __init__(self, script: Script) -> None:
        from tokenizers import Tokenizer as Reader

        self.script = script
        try:
            self._reader = Reader.from_str(json.dumps(script))
            self._reader.no_padding()
            self._reader.no_truncation()
            self._reader.encode("a b")
        except BaseException as wrong:  # the library raises nothing more exact, and ends in a panic over some files
            if isinstance(wrong, KeyboardInterrupt):
                raise
            raise SourceError(
                f"The tokenizer cannot be read: {wrong}. Give the tokenizer.json of its model."
            ) from wrong
        named = self._reader.get_vocab(with_added_tokens=True)
        self.words = [word for word, _ in sorted(named.items(), key=lambda each: each[1])]
        self.whole = script["model"]["type"] == "WordLevel"
        """Whether tokens are whole words; then those that are not known are not read."""
        self.pad = self._number(named, PAD, "<pad>")
        self.mask = self._number(named, MASK, "<mask>", UNKNOWN, "<unk>")
        number = {byte: place for place, byte in enumerate(BYTES)} if script["model"].get("byte_fallback") else {}
        self._byte = np.asarray([number.get(word, -1) for word in self.words])
        """Of every token the byte that it stands for; -1 where it stands for characters."""
        self.before, self.behind = self._frame()
        self._parted = _ends_at_spaces(script)

    def __len__(self) -> int:
        return len(self.words)

    def begins(self) -> Bool[Tensor, " v"]:
        """Of every token, whether a word begins with it."""
        if self.whole:
            return torch.ones(len(self.words), dtype=torch.bool)
        if any(word.startswith(INSIDE) for word in self.words):
            return torch.tensor([not word.startswith(INSIDE) for word in self.words])
        return torch.tensor([word.startswith(BEGINS) for word in self.words])

    def fragments(self) -> Bool[Tensor, " v"]:
        """Of every token, whether it is a byte of a character, or the mark before a word and nothing else."""
        return torch.from_numpy(self._byte >= 0) | torch.tensor([word in BEGINS for word in self.words])

    def says(self) -> Bool[np.ndarray, " v"]:
        """Of every token, whether it has a letter or a digit: marks between words say little."""
        letters = np.asarray([any(map(str.isalnum, word)) for word in self.words])
        lone = np.asarray([byte >= 0x80 or chr(byte).isalnum() for byte in range(256)])
        return np.where(self._byte < 0, letters, lone[self._byte])

    def telling(self, tokens: Ragged) -> tuple[Ragged, int]:
        """What texts say, by which they are compared, and how many such numbers there are.

        Marks are left out. Bytes in a row are one number, for all words of an alphabet are made of the same few bytes.
        """
        flat, byte = tokens.flat.copy(), self._byte[tokens.flat]
        goes_on = np.concatenate([[False], byte[:-1] >= 0]) & (byte >= 0)
        goes_on[tokens.starts[:-1][tokens.lengths > 0]] = False
        first = np.flatnonzero((byte >= 0) & ~goes_on)
        rests = np.flatnonzero(~goes_on)  # where anything begins, and so the run before it ends
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
        """What a person should know of what is unknown in texts, if it is more than one in a hundred."""
        if (self._byte < 0).all():
            share = float(self._unknown[tokens.flat].mean()) if len(tokens.flat) else 0.0
            decode = "tokens are unknown to the model's vocabulary, which does not tell them apart"
        else:
            spelled, read = self._spelling[:, tokens.flat].sum(axis=1).tolist()
            share = spelled / max(1, spelled + read)
            decode = "characters are unknown to the model's vocabulary and are read as bytes"
        return f"{share:.1%} of the {decode}".replace("%", " %", 1) if share > WORTH_SAYING else None

    def numbers(self, texts: Sequence[str]) -> Ragged:
        """The numbers of the tokens of every text."""
        texts = shortened(texts)
        tokens = self._by_chunk(texts) if self._parted and len(texts) > 1 else self._encode(texts)
        return tokens.only(~self._unknown) if self.whole else tokens

    @cached_property
    def _unknown(self) -> Bool[np.ndarray, " v"]:
        """Of every token whether it stands for what is in no vocabulary."""
        return np.asarray([word in (UNKNOWN, "<unk>") for word in self.words])

    @cached_property
    def _spelling(self) -> Int64[np.ndarray, "2 v"]:
        """Of every token how many characters begin in it that are spelled in bytes, and how many it says itself."""
        first = (self._byte >= 0) & ((self._byte < 0x80) | (self._byte >= 0xC0))
        letters = np.asarray([len(word.lstrip("".join(BEGINS))) for word in self.words])
        return np.stack([first, np.where(self._byte < 0, letters, 0)])

    def _by_chunk(self, texts: Sequence[str]) -> Ragged:
        """As ``_encode``, where no token spans a space: of all that stands between spaces, each is asked for once."""
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
        """The numbers of the tokens of every text, as the library finds them."""
        flat, lengths = [np.zeros(0, dtype=np.int32)], [0]
        for start in range(0, len(texts), PIECE):
            some = list(texts[start : start + PIECE])
            if len(some) == 1:  # a batch wakes threads that take longer than the text
                each = [self._reader.encode(some[0], add_special_tokens=False).ids]
            else:
                each = [result.ids for result in self._reader.encode_batch_fast(some, add_special_tokens=False)]
            lengths += [len(ids) for ids in each]
            flat.append(np.fromiter(itertools.chain.from_iterable(each), dtype=np.int32))
        return Ragged(np.concatenate(flat), np.cumsum(np.asarray(lengths, dtype=np.int64)))

    def decode(self, tokens: Int64[Tensor, "b l"]) -> list[str]:
        """What tokens say, as far as a vocabulary without case can tell."""
        around = {self.pad, *self.before, *self.behind}
        inner = [[token for token in row if token not in around] for row in tokens.tolist()]
        return [" ".join(decode.split()) for decode in self._reader.decode_batch(inner, skip_special_tokens=False)]

    def framed(self, tokens: Int64[Tensor, "b l"]) -> Int64[Tensor, "b m"]:
        """The tokens of texts with those around them that a network was trained with, if any."""
        if not (self.before or self.behind):
            return tokens
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        length = ((tokens != self.pad) * places).amax(dim=1, keepdim=True)  # a text may hold what fills up others
        first = len(self.before)
        framed = tokens.new_full((len(tokens), tokens.shape[1] + first + len(self.behind)), self.pad)
        framed[:, :first] = tokens.new_tensor(self.before)
        framed[:, first : first + tokens.shape[1]] = tokens
        last = first + length + torch.arange(len(self.behind), device=tokens.device)
        return framed.scatter(1, last, tokens.new_tensor(self.behind).expand(len(tokens), -1))

    def _frame(self) -> tuple[list[int], list[int]]:
        """What stands before and behind the tokens of every text."""
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
    """Whether a tokenizer surely finds the same in a text as in what stands between its spaces, piece by piece.

    It does if it parts words at spaces first, treats the first of a text as all others, and no token holds a space.
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
    """The steps of a part of a tokenizer, which may be none, one, or several."""
    return [] if part is None else part.get(called, [part])
