"""From the bytes of a text file to its characters: UTF-8, UTF-16 and -32, and legacy encodings.

A guessed encoding is reported in a note, so that ``--encoding`` can correct it.
"""

from __future__ import annotations

import codecs
import re

from counterpoint.errors import SourceError

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks, longer ones before their prefixes."""

HEAD = 1 << 16
"""Bytes that are examined to guess."""

WESTERN = "cp1252"
"""The guess for Western scripts: detectors cannot distinguish their legacy encodings."""

OTHER_SCRIPTS = re.compile(
    r"utf_|gb|big5|hz|shift|sjis|cp932|euc|iso2022|johab|cp949|cp125[13568]|koi8|cp866|iso8859_[5678]$|tis"
)
"""Encodings, by Python's names, of scripts that a detector can distinguish."""

BEYOND = re.compile(rb"[\x80-\xff]+")

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def decoded(data: bytes, *, encoding: str | None, called: str) -> tuple[str, list[str]]:
    """The characters of a file, and notes on how they were read.

    Args:
        data: All of its bytes.
        encoding: The user's encoding; None to detect it.
        called: The name of the file in messages.

    Raises:
        SourceError: The encoding is unknown or does not fit, or the file holds no text.
    """
    text, notes = _given(data, encoding, called) if encoding else _detected(data, called)
    head = text[:10_000]
    if len(CONTROL.findall(head)) > len(head) // 100:
        raise SourceError(f"{called} is no file of text: it holds bytes that no text has. Give a file of lines.")
    return text, notes


def _given(data: bytes, encoding: str, called: str) -> tuple[str, list[str]]:
    """The characters by a given encoding, unless a byte order mark, or all bytes, contradict it."""
    try:
        name = codecs.lookup(encoding).name
        marked = _mark(data)
        if marked is not None:
            return data.decode(marked), []
        if name != "utf-8" and not data.isascii() and _is_utf8(data):
            return data.decode("utf-8"), [f"{called} is UTF-8, and was read as that, not as {encoding}"]
        return data.decode(encoding), []
    except LookupError:
        raise SourceError(
            f"There is no encoding '{encoding}'. Use a name such as utf-8, cp1252, gbk, shift_jis."
        ) from None
    except UnicodeDecodeError as wrong:
        line = data[: wrong.start].count(b"\n") + 1
        raise SourceError(
            f"{called} is not encoded in {encoding}: line {line} holds bytes that mean nothing there. Leave out "
            "--encoding to have it detected, or give another."
        ) from wrong


def _mark(data: bytes) -> str | None:
    """The encoding of a byte order mark."""
    return next((name for mark, name in MARKS.items() if data.startswith(mark)), None)


def _detected(data: bytes, called: str) -> tuple[str, list[str]]:
    marked = _mark(data)
    if marked is not None:
        return data.decode(marked, errors="replace"), []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _older(data, called)
    return (text, []) if "\0" not in text else _older(data, called)


def _older(data: bytes, called: str) -> tuple[str, list[str]]:
    """Bytes that are not UTF-8: mostly UTF-8 with some lines of another program, or a legacy encoding."""
    lines = data.split(b"\n")
    strange = [line for line in lines if not line.isascii()]
    broken = [line for line in strange if not _is_utf8(line)]
    if strange and len(broken) <= len(strange) // 2:
        text = "\n".join(line.decode("utf-8" if _is_utf8(line) else WESTERN, errors="replace") for line in lines)
        note = f"{len(broken):,} of {len(lines):,} lines of {called} are no UTF-8 and were read as Windows-1252"
        return text.removeprefix("\ufeff"), [note]
    name = _guess(data if len(data) <= HEAD else data[:HEAD].rpartition(b"\n")[0] or data[:HEAD])
    return data.decode(name, errors="replace"), [f"{called} was read as {name}; --encoding says otherwise"]


def _guess(head: bytes) -> str:
    """The encoding of bytes that are not UTF-8; accents are isolated, letters of other scripts adjacent."""
    from charset_normalizer import from_bytes

    runs = [len(run) for run in BEYOND.findall(head)]
    if b"\0" not in head and sum(run for run in runs if run > 1) < sum(runs) / 2:
        return WESTERN
    best = from_bytes(head).best()
    return best.encoding if best is not None and OTHER_SCRIPTS.match(best.encoding) else WESTERN


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
