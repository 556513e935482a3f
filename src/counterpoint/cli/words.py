"""The verb that asks a model about words."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from counterpoint.cli.app import AsJson, Place, Run, Several, app, say, trusts
from counterpoint.cli.help import USE, example
from counterpoint.errors import InputError


@app.command(group=USE, help_epilogue=example("counterpoint words runs/words --like king woman --unlike man"))
@trusts
def words(
    run: Run,
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
        result = api.analogies(run, analogies)
        say(result, str(result), as_json=as_json)
        return
    hits = api.words(run, like or [], unlike=unlike or [], k=k)
    say({"like": like, "unlike": unlike or [], "hits": hits.record()}, str(hits), as_json=as_json)
