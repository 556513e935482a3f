"""Lists of texts for one text: passages of a collection, positives and negatives, any number of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from counterpoint.data.dialogues import Unread, is_dialogue
from counterpoint.data.frames import is_missing
from counterpoint.data.list_cells import as_list, text_of
from counterpoint.errors import SourceError, listed

OTHERS = 8
"""The most hard negatives of a row that are taken from a list."""

PASSAGE = ("text", "contents", "content", "passage", "passage_text", "body")
"""The fields of a collection's record that hold its text; its title precedes it."""


def passages_of(cell: object, parts: Counter[str] | None = None) -> list[str]:
    """The texts in a cell: a string, a list of them, or of records with a text; a dialogue is one text.

    >>> passages_of(["it is", None, "so"]), passages_of([{"docid": "7", "title": "On cats", "text": "They sleep."}])
    (['it is', 'so'], ['On cats They sleep.'])

    Raises:
        Unread: It is none of them.
    """
    value = as_list(cell)
    if isinstance(value, list) and is_dialogue(value):
        return list(filter(None, [text_of(value, Counter() if parts is None else parts)]))
    held = value if isinstance(value, list) else [value]
    return [text for text in (_passage(each) for each in held if not is_missing(each)) if text]


def _passage(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if not isinstance(value, Mapping):
        raise Unread(f"{value!r:.60}")
    field = next((name for name in PASSAGE if name in value), None)
    texts = [] if field is None else [value.get("title"), value[field]]
    if field is None or not all(isinstance(text, str) or is_missing(text) for text in texts):
        raise Unread(f"records with the fields {listed(value, 8)}")
    return " ".join(text.strip() for text in texts if isinstance(text, str) and text.strip())


def rectangular(name: str, texts: Sequence[list[str]], notes: list[str]) -> list[list[str]]:
    """The same number of texts for every row: more are cut, fewer repeated, none are taken from the next row with some.

    >>> rectangular("wrong", [["a", "b"], [], ["c"], ["d", "e", "f"], ["g", "h"]], notes := []), notes[0][:18]
    ([['a', 'b'], ['c', 'c'], ['c', 'c'], ['d', 'e'], ['g', 'h']], "'wrong': 2 others ")
    """
    counts = Counter(len(each) for each in texts if each)
    if not counts:
        raise SourceError(f"The column '{name}' holds no text. Leave it out of --pairs.")
    most = min(OTHERS, max(counts, key=lambda count: (counts[count], count)))
    following = next(each for each in texts if each)
    filled: list[list[str]] = []
    for each in reversed(texts):
        following = each or following
        filled.append([following[place % len(following)] for place in range(most)])
    cases = {
        "had more and are cut": sum(len(each) > most for each in texts),
        "had fewer and repeat theirs": sum(0 < len(each) < most for each in texts),
        "had none and take those of the next that has some": sum(not each for each in texts),
    }
    exceptions = "".join(f"; {count:,} {what}" for what, count in cases.items() if count)
    notes.append(f"'{name}': {most} {'other' if most == 1 else 'others'} in every row{exceptions}")
    return filled[::-1]
