"""The exceptions. Every message is advice: what happened, what was expected, what to do.

Messages spell options as the command line does, ``--batch-size`` or ``--batch-size=20``; in Python they are shown as
``batch_size=`` or ``batch_size=20``, see ``spelled``.

CounterpointError
├── InputError              the user can correct it; the command line exits with 2
│   ├── SourceError         data that cannot be read or does not fit
│   │   └── NothingLeft     every item was skipped
│   ├── LabelError          labels that do not fit their items
│   ├── PlanError           choices that exclude each other or lie out of range
│   ├── UnknownName         no part has that name; also a LookupError
│   ├── MissingPackage      an optional package is not installed; also an ImportError
│   └── RunError            a run folder that exists, is unfinished, damaged or made otherwise
│       └── Untrusted       it names code from outside this package
└── Interrupted             asked to stop; everything is saved
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters that a terminal would execute, except tab and newline; and surrogates of undecodable bytes."""


def visible(text: str) -> str:
    r"""Escape control characters, so that names of files, classes and columns cannot control the terminal.

    >>> visible("shell\x1b[2J.png")
    'shell\\x1b[2J.png'
    """
    return UNSEEN.sub(lambda result: result[0].encode("unicode_escape").decode("ascii"), text)


class CounterpointError(Exception):
    """The root of everything this package raises on purpose; its message can be shown anywhere."""

    def __str__(self) -> str:
        return visible(spelled(super().__str__()))


class InputError(CounterpointError, ValueError):
    """Something that the user provided is wrong and can be corrected."""


class SourceError(InputError):
    """The data cannot be read, or does not fit."""


class NothingLeft(SourceError):
    """No item of the source can be used; ``skipped`` holds the name of every item and the reason."""

    def __init__(self, message: str, skipped: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.skipped = skipped


class LabelError(InputError):
    """The labels do not fit their items."""


class PlanError(InputError):
    """The choices of a run exclude each other or lie out of range."""


class UnknownName(InputError, LookupError):
    """No part has that name."""


class MissingPackage(InputError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"This needs the package '{package}'. Install it with: pip install \"counterpoint[{extra}]\"")


def no_run(path: object) -> RunError:
    """The error for a run folder that does not exist."""
    return RunError(f"There is no run in '{path}'. Make one with: counterpoint fit SOURCE --out {path}")


class RunError(InputError):
    """A run folder exists already, is unfinished, is damaged, or was made with other choices."""


class Untrusted(RunError):
    """A run folder names code from outside this package, and the user did not allow it to run."""


class Interrupted(CounterpointError):
    """The run was asked to stop, has saved its state and can go on."""


FLAGS = frozenset({"resume", "overwrite", "frozen", "label_first", "trust"})
"""Options of the command line that take no value."""

OPTION = re.compile(
    r"""(?P<command>\bcounterpoint\ [a-z]+\ .*)       # a complete command stays as it is
      | (?<![\w'"-])--(?P<name>[a-z][a-z-]*)
        (?:=(?P<value>'[^']*'|"[^"]*"|[^\s,;]*[^\s,;.)]))?""",
    re.VERBOSE | re.DOTALL,
)

_IN_SHELL: ContextVar[bool] = ContextVar("_IN_SHELL", default=False)


@contextmanager
def in_shell() -> Iterator[None]:
    """Leave options in messages spelled as on the command line."""
    before = _IN_SHELL.set(True)
    try:
        yield
    finally:
        _IN_SHELL.reset(before)


def spelled(message: str) -> str:
    """A message with its options spelled for where it is shown: Python or the shell.

    >>> spelled("Use --batch-size=20 or --encoder=lookup, leave out --head-layers, or begin anew with --overwrite.")
    "Use batch_size=20 or encoder='lookup', leave out head_layers=, or begin anew with overwrite=True."
    >>> spelled("--epochs must be at least 1. Mend that, or: counterpoint fit SOURCE --out DIR")
    'epochs must be at least 1. Mend that, or: counterpoint fit SOURCE --out DIR'
    >>> with in_shell():
    ...     print(spelled("Use --batch-size=20."))
    Use --batch-size=20.
    """
    return message if _IN_SHELL.get() else OPTION.sub(_in_python, message)


def _in_python(result: re.Match[str]) -> str:
    if result["command"]:
        return result[0]
    name, value = result["name"].replace("-", "_"), result["value"]
    if name.startswith("no_"):
        return f"{name.removeprefix('no_')}=False"
    if value is None:
        return name if result.start() == 0 else f"{name}=True" if name in FLAGS else f"{name}="
    written = re.fullmatch(r"[-\d.]+|None|True|False|[A-Z]+|'.*'|\".*\"", value)
    return f"{name}={value if written else repr(value)}"


def option(name: str) -> str:
    """The name of a choice as it is spelled in messages.

    >>> option("batch_size")
    '--batch-size'
    """
    return f"--{name.replace('_', '-')}"


def counted(count: float, one: str, several: str | None = None) -> str:
    """A count with its noun in the singular or plural.

    >>> counted(1, "item"), counted(1200, "item"), counted(0, "class", "classes"), counted(0.5, "epoch")
    ('1 item', '1,200 items', '0 classes', '0.5 epochs')
    """
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    return f"{number} {one if count == 1 else several or f'{one}s'}"


def closest(name: str, names: Iterable[str]) -> str:
    """A 'Did you mean' sentence with a leading blank, or nothing when no name is close.

    >>> closest("simclrr", ["simclr", "moco"])
    " Did you mean 'simclr'?"
    """
    result = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.6)
    return f" Did you mean '{result[0]}'?" if result else ""


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names for the end of a sentence, cut when there are too many."""
    every = list(names)
    return ", ".join(every[:most]) + (f", ... ({len(every)} in all)" if len(every) > most else "")


def conjunction(names: Sequence[str]) -> str:
    """A few names within a sentence.

    >>> conjunction(["a", "b", "c"]), conjunction(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
