"""Dialogues: lists of turns, in any of the usual formats.

    OpenAI    [{"role": "user", "content": "Hello."}], where content may be a list of parts
    ShareGPT  [{"from": "human", "value": "Hello."}]
    others    [{"speaker": "Ann", "text": "Hello."}], [["Ann", "Hello."]], ["Hello."]

Empty turns are left out; other formats are ``Unread``.

>>> turns_of([{"role": "system", "content": "Be kind."}, {"role": "user", "content": None}, ["Ann", "Hello."]])
[Turn(text='Be kind.', system=True), Turn(text='Hello.', system=False)]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from counterpoint.data.frames import is_missing
from counterpoint.errors import listed

WHO = ("role", "from", "speaker", "user", "author", "sender", "who")
"""The fields of a turn that name the speaker."""

WHAT = ("content", "value", "text", "utterance", "message", "parts")
"""The fields of a turn that hold its text."""

SYSTEM = ("system", "developer")
"""System roles: their turns are not answered, and answer nothing."""


class Turn(NamedTuple):
    """The text of a turn, and whether it is a system message."""

    text: str
    system: bool


class Unread(Exception):
    """A value has none of the known formats; the message describes it."""


def turns_of(cell: object, parts: Counter[str] | None = None) -> list[Turn]:
    """The non-empty turns of a dialogue; ``parts`` counts parts of messages that are left out.

    Raises:
        Unread: It is not a dialogue.
    """
    if is_missing(cell):
        return []
    if not isinstance(cell, list):
        raise Unread(_shown(cell))
    turns = (_turn(turn, Counter() if parts is None else parts) for turn in cell if not is_missing(turn))
    return [turn for turn in turns if turn.text]


def is_dialogue(value: object) -> bool:
    """Whether this is a list of turns with speakers; passages may have an author, but also a title."""
    held = [each for each in value if not is_missing(each)] if isinstance(value, list) else []
    return bool(held) and all(
        isinstance(each, list) or (isinstance(each, Mapping) and _key(each, WHO) is not None and "title" not in each)
        for each in held
    )


def _turn(turn: object, parts: Counter[str]) -> Turn:
    if isinstance(turn, str):
        return Turn(turn.strip(), system=False)
    if isinstance(turn, list | tuple) and 1 <= len(turn) <= 2 and all(isinstance(e, str) or e is None for e in turn):
        return Turn((turn[-1] or "").strip(), _is_system(turn[0] if len(turn) == 2 else None))
    if not isinstance(turn, Mapping):
        raise Unread(_shown(turn))
    who, what = _key(turn, WHO), _key(turn, WHAT)
    if what is None or (who is None and len(turn) > 1):
        raise Unread(f"records with the fields {listed(turn, 8)}")
    return Turn(_content(turn[what], parts).strip(), _is_system(turn[who] if who is not None else None))


def _key(record: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of some fields that is not missing in a record; else one that is missing."""
    empty = None
    for name in names:
        if name in record:
            if record[name] is not None:
                return name
            empty = empty or name
    return empty


def _is_system(who: object) -> bool:
    held = who.get("role") if isinstance(who, Mapping) else who
    return isinstance(held, str) and held.strip().lower() in SYSTEM


def _content(value: object, parts: Counter[str]) -> str:
    """The text of a turn's content: a string, or a list of parts, some of which are text."""
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _content(value["parts"], parts) if "parts" in value else _part(value, parts)
    if not isinstance(value, list | tuple):
        raise Unread(_shown(value))
    return " ".join(text for text in (_part(part, parts).strip() for part in value) if text)


def _part(part: object, parts: Counter[str]) -> str:
    if is_missing(part):
        return ""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        raise Unread(_shown(part))
    text = part.get("text")
    if isinstance(text, str) and str(part.get("type") or "text").endswith("text"):
        return text
    parts[str(part.get("type") or next((name for name, held in part.items() if not is_missing(held)), "empty"))] += 1
    return ""


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return f"a record with the fields {listed(value, 8)}"
    return f"{value!r:.60}"
