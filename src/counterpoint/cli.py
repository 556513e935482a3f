"""The verbs from a shell. Results for people go to stdout, progress and errors to stderr; ``--json`` for programs.

Exit status: 0 done, 2 the input can be mended, 130 stopped on request, 1 our fault.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from counterpoint.errors import InputError, Interrupted, visible
from counterpoint.shell import checks as checks
from counterpoint.shell import choosing as choosing
from counterpoint.shell import elsewhere as elsewhere
from counterpoint.shell import labels as labels
from counterpoint.shell import learning as learning
from counterpoint.shell import use as use
from counterpoint.shell import verifying as verifying
from counterpoint.shell import wording as wording
from counterpoint.shell.app import app


def main(tokens: Sequence[str] | None = None) -> None:
    """The console command; turns what went wrong into one sentence and an exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may hold bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(list(sys.argv[1:]) if tokens is None else tokens, exit_on_error=False, print_error=False)
    except (InputError, CycloptsError) as wrong:
        print(f"counterpoint: {_sentence(wrong)}", file=sys.stderr)
        sys.exit(2)
    except OSError as wrong:
        where = f": '{wrong.filename}'" if wrong.filename else ""
        print(visible(f"counterpoint: {wrong.strerror or wrong}{where}."), file=sys.stderr)
        sys.exit(2)
    except (Interrupted, KeyboardInterrupt) as stopped:
        print(f"counterpoint: {stopped or 'Stopped.'}", file=sys.stderr)
        sys.exit(130)


def _sentence(wrong: Exception) -> str:
    return visible(" ".join(str(wrong).split()))
