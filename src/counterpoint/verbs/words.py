"""The verb ``words``: nearest words by a model of words, or by a file of word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from counterpoint.data.frames import suffix_of
from counterpoint.data.paths import existing
from counterpoint.data.word2vec import SUFFIXES, read_word2vec
from counterpoint.embeddings import Embeddings, unit
from counterpoint.errors import InputError
from counterpoint.exporting.words import table_of
from counterpoint.model import Model, load
from counterpoint.retrieval.analogies import combine
from counterpoint.retrieval.nearest import Hits
from counterpoint.storage.files import expanded
from counterpoint.verbs.verb import verb


@verb()
def words(
    model: Model | str | Path,
    like: str | Sequence[str],
    *,
    unlike: str | Sequence[str] = (),
    k: int = 10,
    quiet: bool = False,
) -> Hits:
    """The ``k`` words most similar to some words and dissimilar to others, by the cosine of their vectors.

    Args:
        model: A model of words (``fit CORPUS --method skipgram``), its folder, or a file of word2vec, fastText or
            GloVe: ``.txt``, ``.vec`` or ``.bin``, also followed by ``.gz``.
        like: A word, or several; looked up as written, else in lower case.
        unlike: The same: with ``like=["king", "woman"], unlike="man"`` it is an analogy.
        k: The number of results.
        quiet: Print nothing.

    Raises:
        InputError: A word is not known, or the model has no words.
    """
    return combine(word_vectors(model), _several(like), _several(unlike), k=k)


def word_vectors(model: Model | str | Path) -> Embeddings:
    """The words of a model or a file, with their vectors at length 1."""
    if isinstance(model, Model):
        names, vectors = table_of(model)
    elif suffix_of(model) in SUFFIXES and not expanded(model).is_dir():
        names, vectors = read_word2vec(existing(model))
    else:
        names, vectors = table_of(load(model))
    if not names:
        raise InputError("There are no words.")
    return Embeddings(unit(vectors), names)


def _several(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
