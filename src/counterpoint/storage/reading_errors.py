"""A decorator for readers: exceptions that libraries raise for bad data become a sentence about the data."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from counterpoint.errors import CounterpointError, SourceError

PACKAGE = str(Path(__file__).resolve().parent)

DAMAGE = (
    OSError,
    EOFError,
    UnicodeError,
    MemoryError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)
"""Exceptions for data that is damaged, too large or not what its name says; anything else may be a bug here."""

Given = ParamSpec("Given")
Read = TypeVar("Read")


def door(reader: Callable[Given, Read]) -> Callable[Given, Read]:
    """Make a reader raise ``SourceError`` where a library cannot read its first argument.

    Exceptions raised by this package's own code are bugs, and are not changed.
    """

    @wraps(reader)
    def guarded(*arguments: Given.args, **options: Given.kwargs) -> Read:
        try:
            return reader(*arguments, **options)
        except CounterpointError:
            raise
        except DAMAGE as wrong:
            raise _sentence(arguments, wrong) from wrong
        except Exception as wrong:
            if not _is_foreign(wrong):
                raise
            raise _sentence(arguments, wrong) from wrong

    return guarded


def _sentence(arguments: tuple[object, ...], wrong: BaseException) -> SourceError:
    source = next(
        (each for each in arguments if not isinstance(each, type)), None
    )  # the first argument of a class method is its class
    called = f"'{source}'" if isinstance(source, str | Path) else f"The {type(source).__name__}"
    reason = " ".join(str(wrong).split())[:200].rstrip(".") or type(wrong).__name__
    return SourceError(f"{called} cannot be read: {reason}. It is damaged, or not what its name says.")


def _is_foreign(wrong: BaseException) -> bool:
    """Whether the code that raised is outside this package."""
    trace = wrong.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and not trace.tb_frame.f_code.co_filename.startswith(PACKAGE)
