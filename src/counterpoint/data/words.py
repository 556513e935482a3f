"""A vocabulary of whole words, by their counts in texts; unknown words are skipped."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from counterpoint.data.texts import Texts
from counterpoint.data.tokens import CURLY, PAD, UNKNOWN, WORD, Script
from counterpoint.errors import PlanError, SourceError
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions

OFTEN = 5
"""How often a word must occur to be in the vocabulary, as in word2vec."""

SMALL = 100_000
"""Words of all texts below which twice is enough."""

SHORT, STRETCHES = 8, 8
"""The least words of a piece, and the least number of pieces if there are enough words."""

MOST = 1_000_000
"""The largest vocabulary."""


def counted(texts: Sequence[str], data: ReadOptions = AS_IT_IS, *, most: int = MOST) -> Script:
    """The words that occur five times or more in these texts, twice where there are few, or ``data.min_count`` times.

    In lower case, unless texts are tokenised already: then words are separated by spaces.

    Raises ``SourceError`` where no word occurs so often.

    >>> list(counted(["The queue of the keys", "of keys"])["model"]["vocab"])
    ['[PAD]', '[UNK]', 'keys', 'of', 'the']
    >>> list(counted(["New_York 's keys", "keys"], ReadOptions(tokens="spaces", min_count=1))["model"]["vocab"])[2:]
    ['keys', "'s", 'New_York']
    """
    made = _splitting() if data.tokens == "words" else _at_spaces()
    chunks = Counter(itertools.chain.from_iterable(text.split(" ") for text in texts))
    counts: Counter[str] = Counter()
    for chunk, count in chunks.items():
        cleaned = chunk if made.normalizer is None else made.normalizer.normalize_str(chunk)
        for word, _ in made.pre_tokenizer.pre_tokenize_str(cleaned):
            counts[word] += count
    often = data.min_count or (2 if counts.total() < SMALL else OFTEN)
    kept = sorted((word for word in counts if counts[word] >= often), key=lambda word: (-counts[word], word))
    if not kept:
        raise SourceError(
            f"None of the {counts.total():,} words occurs {often} times, which it takes to learn it. Give more text, "
            "or a smaller --min-count."
        )
    script: Script = json.loads(made.to_str())
    places = {word: place for place, word in enumerate([PAD, UNKNOWN, *kept[: most - 2]])}
    return {**script, "model": {**script["model"], "vocab": places}}


def only_whole(data: ReadOptions) -> None:
    """Refuse options for whole words where texts are tokenized into subwords."""
    if data.min_count is not None or data.tokens != "words":
        raise PlanError(
            "--min-count and --tokens are for whole words, which skipgram and --encoder=lookup read; all others read "
            "pieces of words. Leave them out, or give --method=skipgram."
        )


def _blank() -> Any:
    """A tokenizer of whole words, with an empty vocabulary."""
    from tokenizers import Tokenizer, models

    made = Tokenizer(models.WordLevel({PAD: 0, UNKNOWN: 1}, unk_token=UNKNOWN))
    made.add_special_tokens([PAD, UNKNOWN])
    return made


def _at_spaces() -> Any:
    """One for texts that are tokenised already."""
    from tokenizers import pre_tokenizers

    made = _blank()
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def _splitting() -> Any:
    """One that splits texts into words."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    made = _blank()
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(CURLY, "'"), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    return made


def in_stretches(read: Texts, *, words: int) -> Texts:
    """The same texts, with longer ones divided into pieces of ``most`` words, or of fewer where there are few words.

    Each is named by its text and a number.

    >>> cut = in_stretches(Texts(["a b c d e f g h i j", "k"], ["0", "1"], np.arange(2)), words=64)
    >>> cut.texts, cut.names, cut.rows.tolist()
    (['a b c d e f g h', 'i j', 'k'], ['0', '0 (2)', '1'], [0, 0, 1])
    """
    words = min(words, max(SHORT, _at_most(read.texts, STRETCHES * words) // STRETCHES))
    if all(text.count(" ") < words for text in read.texts):
        return read
    texts, names, rows = [], [], []
    for text, name, row in zip(read.texts, read.names, read.rows.tolist(), strict=True):
        each = text.split()
        for turn, start in enumerate(range(0, len(each), words), start=1):
            texts.append(" ".join(each[start : start + words]))
            names.append(name if turn == 1 else f"{name} ({turn})")
            rows.append(row)
    return replace(read, texts=texts, names=names, rows=np.asarray(rows, dtype=np.int64))


def _at_most(texts: Sequence[str], enough: int) -> int:
    """The number of words; counted only up to ``enough``."""
    count = 0
    for text in texts:
        count += len(text.split())
        if count >= enough:
            break
    return count
