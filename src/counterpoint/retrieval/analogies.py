r"""Similar words, and questions of the kind "a is to b as c is to what".

    the word whose vector has the largest cosine with  sum of like - sum of unlike,  except these words themselves

3CosAdd, Mikolov, Yih & Zweig 2013, "Linguistic regularities in continuous space word representations", with vectors of
length 1 as in Levy & Goldberg 2014, "Linguistic regularities in sparse and explicit word representations", eq. 1.

>>> vectors = np.asarray([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 0]], np.float32)
>>> z = Embeddings(vectors, ["king", "man", "queen", "woman"])
>>> [hit.name for hit in combine(z, ["king", "woman"], ["man"], k=1)]
['queen']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from counterpoint.embeddings import Embeddings, unit
from counterpoint.errors import InputError, closest
from counterpoint.retrieval.nearest import Hit, Hits, nearest


def combine(z: Embeddings, like: Sequence[str], unlike: Sequence[str] = (), *, k: int = 10) -> Hits:
    """The ``k`` words most similar to some and dissimilar to others, except these.

    Raises:
        InputError: A word is not among those of ``z``, or none is given.
    """
    if not like:
        raise InputError("Give at least one word to be like.")
    place = _places(z)
    rows = [_place(word, place) for word in (*like, *unlike)]
    signs = np.asarray([1] * len(like) + [-1] * len(unlike), dtype=np.float32)
    wanted = signs @ unit(z.vectors[rows])
    index, similarity = nearest(z, wanted[None], k=min(k + len(rows), len(z)))
    result = [(int(i), float(s)) for i, s in zip(index[0], similarity[0], strict=True) if i not in rows]
    return Hits(Hit(z.names[row], row, cosine) for row, cosine in result[:k])


@dataclass(frozen=True)
class AnalogyQuestions:
    """Questions of four known words each, with the index of their section; and how many had unknown words."""

    questions: Int64[np.ndarray, "q 4"]
    section: Int64[np.ndarray, " q"]
    sections: Sequence[str]
    unknown: int


def questions(lines: Sequence[str], z: Embeddings) -> AnalogyQuestions:
    """The questions in a file like that of word2vec: ": section", then four words in each line.

    Each word is looked up as written, else in lower case.

    Raises:
        InputError: A line does not have four words, or every question has unknown words.
    """
    place = _places(z)
    sections, rows, section, unknown = ["all"], [], [], 0
    for number, line in enumerate(lines, start=1):
        if line.startswith(":"):
            sections.append(line[1:].strip())
        elif line.strip():
            words = line.split()
            if len(words) != 4:
                raise InputError(
                    f"Line {number} should hold four words, as in 'man king woman queen'. Got '{line[:60]}'."
                )
            places = [row for word in words if (row := _known(word, place)) is not None]
            if len(places) == 4:
                rows.append(places)
                section.append(len(sections) - 1)
            else:
                unknown += 1
    if not rows:
        raise InputError("Every question has a word that the model does not know.")
    return AnalogyQuestions(np.asarray(rows), np.asarray(section), sections, unknown)


def answered(z: Embeddings, questions: AnalogyQuestions) -> Bool[np.ndarray, " q"]:
    """For every question a, b, c, d whether d is the word nearest to b + c - a, among all except those three."""
    vectors = unit(z.vectors)
    a, b, c, d = questions.questions.T
    index, _ = nearest(z, vectors[b] - vectors[a] + vectors[c], k=min(4, len(z)))
    in_question = (index[:, :, None] == questions.questions[:, None, :3]).any(axis=2)
    first = index[np.arange(len(index)), in_question.argmin(axis=1)]
    correct: Bool[np.ndarray, " q"] = first == d
    return correct


def _places(z: Embeddings) -> dict[str, int]:
    return {word: row for row, word in enumerate(z.names)}


def _place(word: str, place: dict[str, int]) -> int:
    if (row := _known(word, place)) is None:
        raise InputError(f"There is no word '{word}' among the {len(place):,} that are known.{closest(word, place)}")
    return row


def _known(word: str, place: Mapping[str, int]) -> int | None:
    """The row of a word as written, else in lower case."""
    return place.get(word, place.get(word.lower()))
