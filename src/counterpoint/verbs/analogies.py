"""The verb ``analogies``: accuracy of word vectors on analogy questions "a is to b as c is to d"."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoint.data.texts import read_texts
from counterpoint.errors import counted
from counterpoint.evaluation.intervals import score_interval
from counterpoint.model import Model
from counterpoint.output.results import Result
from counterpoint.retrieval.analogies import answered, questions
from counterpoint.verbs.verb import verb
from counterpoint.verbs.words import word_vectors


@verb()
def analogies(
    model: Model | str | Path,
    source: str | Path,
    *,
    quiet: bool = False,
) -> Result:
    """Accuracy on questions "a is to b as c is to d", answered by the nearest of all words of the model.

    Args:
        model: As for ``words``.
        source: A file with ``: section`` and then four words in each line, as the questions-words.txt of word2vec.
        quiet: Print nothing.

    Returns:
        ``right`` (``value``, ``low``, ``high``); ``asked`` and ``unknown``, the number of questions answered and of
        those with an unknown word; ``chance``; and for each of the ``sections`` its ``name``, ``right`` and ``asked``.
    """
    z = word_vectors(model)
    tested = questions(read_texts(source).texts, z)
    correct = answered(z, tested)
    sections = [
        {
            "name": name,
            "right": float(correct[tested.section == number].mean()),
            "asked": int((tested.section == number).sum()),
        }
        for number, name in enumerate(tested.sections)
        if (tested.section == number).any()
    ]
    result = {
        "right": score_interval(correct)._asdict(),
        "asked": len(correct),
        "unknown": tested.unknown,
        "chance": 1 / max(1, len(z) - 3),
        "sections": sections,
    }
    return Result(result, table)


def table(result: Mapping[str, Any]) -> str:
    """The result of ``analogies`` as plain text."""
    accuracy = result["right"]
    sections = [f"  {each['right']:6.1%} of {each['asked']:,}  {each['name']}" for each in result["sections"]]
    count = counted(result["asked"], "question is", "questions are")
    head = f"{accuracy['value']:.1%} ({accuracy['low']:.1%} to {accuracy['high']:.1%}) of {count} answered"
    share = result["unknown"] / (result["unknown"] + result["asked"])
    left = f"; {result['unknown']:,} more ({share:.1%}) have a word that is not known. Chance: {result['chance']:.3%}"
    return "\n".join([head + left, *sections])
