"""The verbs as shell commands. Results go to stdout, progress and errors to stderr; ``--json`` is for programs.

With ``--json`` an error is a record too: ``{"error": {"kind": "LabelError", "message": "..."}}``.

Exit status: 0 done, 2 the user can correct it, 130 stopped on request, 1 a bug.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from counterpoint.cli import anomaly_command as anomaly_command
from counterpoint.cli import commands as commands
from counterpoint.cli import index_commands as index_commands
from counterpoint.cli import parts as parts
from counterpoint.cli import serve_command as serve_command
from counterpoint.cli.app import app as command_line
from counterpoint.errors import InputError, Interrupted, in_shell, option, visible
from counterpoint.plans.choices import RENAMED


def main(tokens: Sequence[str] | None = None) -> None:
    """The console command; turns errors into one sentence and an exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names may contain undecodable bytes
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = [_now_called(token) for token in (sys.argv[1:] if tokens is None else tokens)]
    as_json = "--json" in arguments
    with in_shell():
        try:
            command_line(arguments, exit_on_error=False, print_error=False)
        except (InputError, CycloptsError) as wrong:
            _stop(wrong, " ".join(str(wrong).split()), status=2, as_json=as_json)
        except OSError as wrong:
            where = f": '{wrong.filename}'" if wrong.filename else ""
            _stop(wrong, f"{wrong.strerror or wrong}{where}.", status=2, as_json=as_json)
        except (Interrupted, KeyboardInterrupt) as stopped:
            _stop(stopped, str(stopped) or "Stopped.", status=130, as_json=as_json)
        except Exception as fault:
            if as_json:
                _print_json(fault, str(fault))
            raise


def _now_called(token: str) -> str:
    """A token of the command line; an old option is accepted with a note on its new name."""
    name, sign, value = token.partition("=")
    new = {option(old): option(name) for old, name in RENAMED.items()}
    if name not in new:
        return token
    print(f"counterpoint: {name} is now called {new[name]}; the old name goes with the next version.", file=sys.stderr)
    return f"{new[name]}{sign}{value}"


def _stop(wrong: BaseException, sentence: str, *, status: int, as_json: bool) -> None:
    """Exit with one sentence and, with ``--json``, a record."""
    shown = visible(sentence)
    if as_json:
        cause = wrong.__cause__ if isinstance(wrong, CycloptsError) else None  # it wraps errors of converters
        _print_json(cause if isinstance(cause, InputError) else wrong, shown)
    print(f"counterpoint: {shown}", file=sys.stderr)
    sys.exit(status)


def _print_json(wrong: BaseException, sentence: str) -> None:
    print(json.dumps({"error": {"kind": type(wrong).__name__, "message": sentence}}))
