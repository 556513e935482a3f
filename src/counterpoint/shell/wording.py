"""The verb that asks a model about words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from counterpoint.errors import InputError
from counterpoint.shell.app import AsJson, Place, Several, app, filled, say, trusts


@app.command
@trusts
def words(
    run: Place,
    *,
    like: Several = None,
    unlike: Several = None,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 10,
    analogies: Place | None = None,
    as_json: AsJson = False,
) -> None:
    """Find words that are used alike, or answer analogies.

    Args:
        run: The run folder of a model of words (fit CORPUS --method skipgram), or a file of word vectors.
        like: A word, or several; in lower case where none is known as it is written.
        unlike: The same: --like king woman --unlike man is an analogy.
        k: How many to find.
        analogies: A file of questions, four words in each line, as questions-words.txt of word2vec.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    if (like is None) == (analogies is None):
        raise InputError("Give words to be --like, or a file of --analogies.")
    if analogies is not None:
        found = api.analogies(run, analogies)
        say(found, _answers(found), as_json=as_json)
        return
    hits = api.words(run, like or [], unlike=unlike or [], k=k)
    lines = "\n".join(f"{hit.similarity:6.3f}  {hit.name}" for hit in hits)
    say({"like": like, "unlike": unlike or [], "hits": filled(hits)}, lines, as_json=as_json)


def _answers(found: Mapping[str, Any]) -> str:
    right = found["right"]
    sections = [f"  {each['right']:6.1%} of {each['asked']:,}  {each['name']}" for each in found["sections"]]
    head = (
        f"{right['value']:.1%} ({right['low']:.1%} to {right['high']:.1%}) of {found['asked']:,} questions are answered"
    )
    share = found["unknown"] / (found["unknown"] + found["asked"])
    left = f"; {found['unknown']:,} more ({share:.1%}) have a word that is not known. Chance: {found['chance']:.3%}"
    return "\n".join([head + left, *sections])
