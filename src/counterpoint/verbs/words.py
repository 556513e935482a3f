"""The verb ``words``: what a model of words, or a file of word vectors, takes for alike, and its analogies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.data.frames import suffix_of
from counterpoint.data.paths import existing
from counterpoint.data.texts import read_texts
from counterpoint.data.word2vec import SUFFIXES, read_word2vec
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError, counted
from counterpoint.evaluation.intervals import score_interval
from counterpoint.exporting.words import table_of
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.retrieval.analogies import alike, answered, questions
from counterpoint.retrieval.local_scaling import unit
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
    """The ``k`` words most like some words and unlike others, by the cosine of their vectors.

    Args:
        model: A model of words (``fit CORPUS --method skipgram``), its folder, or a file of word2vec, fastText or
            GloVe: ``.txt``, ``.vec`` or ``.bin``, also with ``.gz`` behind it.
        like: A word, or several; each as it is written, and where there is no such word in lower case.
        unlike: The same: with ``like=["king", "woman"], unlike="man"`` it is an analogy.
        k: How many to find.
        quiet: Print nothing.

    Raises:
        InputError: A word is not known, or the model has no words.
    """
    return alike(_vectors(model), _several(like), _several(unlike), k=k)


@verb()
def analogies(
    model: Model | str | Path,
    source: str | Path,
    *,
    quiet: bool = False,
) -> Result:
    """How many questions "a is to b as c is to d" are answered with d, of all words that the model knows.

    Args:
        model: As for ``words``.
        source: A file with ``: section`` and then four words in each line, as the questions-words.txt of word2vec.
        quiet: Print nothing.

    Returns:
        ``right`` (``value``, ``low``, ``high``), ``asked`` and ``unknown``, the questions with a word that is not
        known; ``chance``; and of every section in ``sections`` its ``name``, ``right`` and ``asked``.
    """
    z = _vectors(model)
    asked = questions(read_texts(source).texts, z)
    right = answered(z, asked)
    sections = [
        {
            "name": name,
            "right": float(right[asked.section == number].mean()),
            "asked": int((asked.section == number).sum()),
        }
        for number, name in enumerate(asked.sections)
        if (asked.section == number).any()
    ]
    result = {
        "right": score_interval(right)._asdict(),
        "asked": len(right),
        "unknown": asked.unknown,
        "chance": 1 / max(1, len(z) - 3),
        "sections": sections,
    }
    return Result(result, table)


def table(result: Mapping[str, Any]) -> str:
    """What ``analogies`` found, as plain text for people."""
    right = result["right"]
    sections = [f"  {each['right']:6.1%} of {each['asked']:,}  {each['name']}" for each in result["sections"]]
    asked = counted(result["asked"], "question is", "questions are")
    head = f"{right['value']:.1%} ({right['low']:.1%} to {right['high']:.1%}) of {asked} answered"
    share = result["unknown"] / (result["unknown"] + result["asked"])
    left = f"; {result['unknown']:,} more ({share:.1%}) have a word that is not known. Chance: {result['chance']:.3%}"
    return "\n".join([head + left, *sections])


def _vectors(model: Model | str | Path) -> Embeddings:
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


def _several(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
