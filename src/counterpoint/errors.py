"""What can go wrong, as a tree. Every message is advice: what happened, what was expected, what to do.

CounterpointError
├── InputError              the input can be mended; the command line exits with 2
│   ├── SourceError         data that cannot be read or does not fit
│   │   └── NothingLeft     every item was skipped
│   ├── LabelError          labels that do not fit their items
│   ├── PlanError           choices that exclude each other or lie out of range
│   ├── UnknownName         no part has that name; also a LookupError
│   ├── MissingPackage      an optional package is not installed; also an ImportError
│   └── RunError            a run folder that exists, is unfinished, damaged or made otherwise
│       └── Untrusted       it names code that is none of this package
└── Interrupted             asked to stop; everything is saved
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal would obey and not show, but for the tab and the end of a line; and bytes that are no text."""


def visible(text: str) -> str:
    r"""A text for a terminal: whatever came in with the names of files, classes and columns is shown, and not obeyed.

    >>> visible("shell\x1b[2J.png")
    'shell\\x1b[2J.png'
    """
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class CounterpointError(Exception):
    """The root of everything this package raises on purpose; its message can be shown anywhere."""

    def __str__(self) -> str:
        return visible(super().__str__())


class InputError(CounterpointError, ValueError):
    """Something the user gave can be mended by the user."""


class SourceError(InputError):
    """The data cannot be read, or does not fit."""


class NothingLeft(SourceError):
    """Nothing in the source can be used; ``skipped`` are the name of every item, and why it cannot."""

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
    """What to say where a run is named and nothing is there."""
    return RunError(f"There is no run in '{path}'. Make one with: counterpoint fit SOURCE --out {path}")


class RunError(InputError):
    """A run folder exists already, is unfinished, is damaged, or was made with other choices."""


class Untrusted(RunError):
    """A run folder names code from outside, and nobody said that it may run."""


class Interrupted(CounterpointError):
    """The run was asked to stop, has saved its state and can go on."""


def closest(name: str, names: Iterable[str]) -> str:
    """A 'Did you mean' sentence with a leading blank, or nothing when no name comes close.

    >>> closest("simclrr", ["simclr", "moco"])
    " Did you mean 'simclr'?"
    """
    found = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.6)
    return f" Did you mean '{found[0]}'?" if found else ""


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
