"""Word vectors in the format of word2vec, which most NLP libraries read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counterpoint.data.tokens import PAD, UNKNOWN
from counterpoint.data.word2vec import Table, write_word2vec
from counterpoint.encoders.lookup import Lookup
from counterpoint.errors import InputError
from counterpoint.modalities.text import Text
from counterpoint.model import Model


def write_words(model: Model, out: Path) -> dict[str, Any]:
    """Write the words of a model and their vectors, the most frequent first."""
    words, vectors = table_of(model)
    write_word2vec(words, vectors, out)
    return {
        "out": str(out),
        "format": "word2vec",
        "words": len(words),
        "length": vectors.shape[1],
        "bytes": out.stat().st_size,
        "model": model.fingerprint(),
    }


def table_of(model: Model) -> Table:
    """The words of a model, and their vectors, not normalised.

    Raises:
        InputError: It has none.
    """
    if not (isinstance(model.encoder, Lookup) and isinstance(model.modality, Text)):
        raise InputError(
            f"{model} has no vectors of words. Learn them with: counterpoint fit CORPUS --method skipgram --out RUN"
        )
    names = model.modality.tokenizer.words
    kept = [row for row, name in enumerate(names) if name not in (PAD, UNKNOWN)]
    return [names[row] for row in kept], model.encoder.vectors.detach().cpu().numpy()[kept]
