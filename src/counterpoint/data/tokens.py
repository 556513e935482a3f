"""Texts as numbers of tokens: a vocabulary learned from the texts themselves, and items that are rows of numbers.

A tokenizer is one of the library ``tokenizers``, kept as the JSON that it and others read.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64
from torch import Tensor

from counterpoint.data.texts import Texts
from counterpoint.errors import SourceError

PAD, UNKNOWN, MASK, BEGIN, END = "[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]"
BEGINS, INSIDE = ("▁", "Ġ"), "##"
"""What begins a word has one of the first before it, or what goes on with one the second, as tokenizers differ."""

PIECE = 4096
"""Texts that are turned into numbers at a time."""

Script = Mapping[str, Any]
"""A tokenizer as JSON."""


def learned(texts: Sequence[str], *, size: int) -> Script:
    """A vocabulary of at most so many pieces of words that occur twice or more in these texts; case is not kept.

    Byte-pair encoding, Sennrich et al. 2016, arXiv:1508.07909, of characters: what was never seen is spelled in smaller
    pieces. The same texts always give the same vocabulary, which WordPiece of the same library does not.

    >>> pieces = learned(["a queue of keys", "queues and keys"], size=40)["model"]["vocab"]
    >>> "▁queue" in pieces, "s" in pieces
    (True, True)
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True))
    clean = normalizers.BertNormalizer(strip_accents=False, lowercase=True)
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), clean])
    split = pre_tokenizers.Metaspace(replacement=BEGINS[0], prepend_scheme="always", split=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), split])
    made.decoder = decoders.Metaspace(replacement=BEGINS[0], prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[PAD, UNKNOWN, MASK, BEGIN, END],
        limit_alphabet=1000,
        max_token_length=32,
        show_progress=False,
    )
    made.train_from_iterator(iter(texts), trainer, length=len(texts))
    script: Script = json.loads(made.to_str())
    return script


class Tokenizer:
    """Texts to numbers, and back to words."""

    def __init__(self, script: Script) -> None:
        from tokenizers import Tokenizer as Reader

        self.script = script
        try:
            self._reader = Reader.from_str(json.dumps(script))
        except Exception as wrong:  # the library raises nothing more exact
            raise SourceError(
                f"The tokenizer cannot be read: {wrong}. Give the tokenizer.json of its model."
            ) from wrong
        self._reader.no_padding()
        self._reader.no_truncation()
        named = self._reader.get_vocab(with_added_tokens=True)
        self.words = [word for word, _ in sorted(named.items(), key=lambda each: each[1])]
        self.whole = script["model"]["type"] == "WordLevel"
        """Whether tokens are whole words; then those that are not known are not read."""
        self.pad = self._number(named, PAD, "<pad>")
        self.mask = self._number(named, MASK, "<mask>", UNKNOWN, "<unk>")
        self.before, self.behind = self._frame()

    def __len__(self) -> int:
        return len(self.words)

    def begins(self) -> Bool[Tensor, " v"]:
        """Of every token, whether a word begins with it."""
        if self.whole:
            return torch.ones(len(self.words), dtype=torch.bool)
        if any(word.startswith(INSIDE) for word in self.words):
            return torch.tensor([not word.startswith(INSIDE) for word in self.words])
        return torch.tensor([word.startswith(BEGINS) for word in self.words])

    def says(self) -> Bool[np.ndarray, " v"]:
        """Of every token, whether it has a letter or a digit: marks between words say little."""
        return np.asarray([any(map(str.isalnum, word)) for word in self.words])

    def numbers(self, texts: Sequence[str]) -> Ragged:
        """The numbers of the tokens of every text."""
        flat, lengths = [], []
        for start in range(0, len(texts), PIECE):
            found = self._reader.encode_batch_fast(list(texts[start : start + PIECE]), add_special_tokens=False)
            each = [encoding.ids for encoding in found]
            lengths += [len(ids) for ids in each]
            flat.append(np.fromiter(itertools.chain.from_iterable(each), dtype=np.int32))
        starts = np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))])
        tokens = Ragged(np.concatenate(flat), starts)
        return tokens.only(np.asarray(self.words) != UNKNOWN) if self.whole else tokens

    def said(self, tokens: Int64[Tensor, "b l"]) -> list[str]:
        """What tokens say, as far as a vocabulary without case can tell."""
        around = {self.pad, *self.before, *self.behind}
        inner = [[token for token in row if token not in around] for row in tokens.tolist()]
        return [" ".join(said.split()) for said in self._reader.decode_batch(inner, skip_special_tokens=False)]

    def framed(self, tokens: Int64[Tensor, "b l"]) -> Int64[Tensor, "b m"]:
        """The tokens of texts with those around them that a network was trained with, if any."""
        if not (self.before or self.behind):
            return tokens
        length = (tokens != self.pad).sum(dim=1, keepdim=True)
        first = len(self.before)
        whole = tokens.new_full((len(tokens), tokens.shape[1] + first + len(self.behind)), self.pad)
        whole[:, :first] = tokens.new_tensor(self.before)
        whole[:, first : first + tokens.shape[1]] = tokens
        last = first + length + torch.arange(len(self.behind), device=tokens.device)
        return whole.scatter(1, last, tokens.new_tensor(self.behind).expand(len(tokens), -1))

    def _frame(self) -> tuple[list[int], list[int]]:
        """What stands before and behind the tokens of every text."""
        bare = self._reader.encode("a", add_special_tokens=False).ids
        whole = self._reader.encode("a", add_special_tokens=True).ids
        first = next(start for start in range(len(whole)) if whole[start : start + len(bare)] == bare)
        return whole[:first], whole[first + len(bare) :]

    @staticmethod
    def _number(named: Mapping[str, int], *called: str) -> int:
        found = next((named[name] for name in called if name in named), None)
        if found is None:
            raise SourceError(f"The tokenizer has no token {called[0]}, which texts of unequal length need.")
        return found


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: row i is ``flat[starts[i] : starts[i + 1]]``, so there is one start more than rows."""

    flat: Int32[np.ndarray, " t"]
    starts: Int64[np.ndarray, " m"]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Int64[np.ndarray, " n"]:
        """How long every row is."""
        return np.diff(self.starts)

    def only(self, wanted: Bool[np.ndarray, " v"]) -> Ragged:
        """The same rows without the numbers that are not wanted."""
        kept = wanted[self.flat]
        before = np.concatenate([[0], np.cumsum(kept)])
        return Ragged(self.flat[kept], before[self.starts])

    def __iter__(self) -> Iterator[Int32[np.ndarray, " l"]]:
        return (self.flat[start:end] for start, end in itertools.pairwise(self.starts))

    def padded(self, rows: Int64[np.ndarray, " b"], *, most: int, pad: int) -> Int64[Tensor, "b l"]:
        """Some rows, each cut after so many numbers, and filled up behind to the length of the longest of them.

        >>> Ragged(np.array([7, 8, 9], dtype=np.int32), np.array([0, 1, 3])).padded(np.array([1, 0]), most=2, pad=0)
        tensor([[8, 9],
                [7, 0]])
        """
        lengths = np.minimum(self.starts[rows + 1] - self.starts[rows], most)
        places = np.arange(max(1, int(lengths.max(initial=0))))
        there = places < lengths[:, None]
        found = np.full(there.shape, pad, dtype=np.int64)
        found[there] = self.flat[(self.starts[rows][:, None] + places)[there]]
        return torch.from_numpy(found)


@dataclass(frozen=True)
class Written:
    """Items that are texts, as numbers of tokens (b, l) int64 filled up with ``pad``."""

    read: Texts
    tokens: Ragged
    longest: int
    """Tokens after which a text is cut."""
    pad: int
    linked: Int64[np.ndarray, "r v"] | None = None
    """The items of every row that belong together, where the source is of pairs: one, its partner, others."""
    kin: Int64[np.ndarray, "_ w"] | None = None
    """Numbers of what every row says, where some say nearly the same, for training."""
    labels: None = None

    @property
    def names(self) -> Sequence[str]:
        return self.read.names

    @property
    def lengths(self) -> Int64[np.ndarray, " n"]:
        """Tokens of every item."""
        lengths: Int64[np.ndarray, " n"] = np.minimum(self.tokens.lengths, self.longest)
        return lengths

    @property
    def texts(self) -> Sequence[str]:
        """What the items say."""
        return self.read.texts

    @property
    def rows(self) -> Int64[np.ndarray, " n"]:
        """The places that they had in their source."""
        return self.read.rows

    @property
    def skipped(self) -> Sequence[tuple[str, str]]:
        """The names of those that were left out, and why."""
        return self.read.skipped

    @property
    def notes(self) -> Sequence[str]:
        """What else a person should know of how they were read."""
        return self.read.notes

    def __len__(self) -> int:
        return len(self.read.texts)

    def take(self, index: Int64[np.ndarray, " b"]) -> Int64[Tensor, "b l"]:
        return self.tokens.padded(np.asarray(index, dtype=np.int64), most=self.longest, pad=self.pad)
