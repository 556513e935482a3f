"""The console that people read; what is printed there goes to the logger ``counterpoint`` as well, at level INFO."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.text import Text

from counterpoint.errors import visible

LOG = logging.getLogger("counterpoint")


class Logged(RenderHook):
    """Logs every text of a console, also where that prints nothing."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        for each in renderables:
            if isinstance(each, Text):
                LOG.info("%s", each.plain)
        return renderables


class Visible(Console):
    """Shows names as ``visible`` does."""

    def print(  # type: ignore[override]
        self, *lines: Any, markup: bool | None = None, end: str = "\n"
    ) -> None:
        """Print lines, and what else rich can."""
        shown = (visible(line) if isinstance(line, str) else line for line in lines)
        super().print(*shown, markup=markup, end=end)


def logged_console(*, quiet: bool) -> Console:
    """A console on stderr; a quiet one prints nothing."""
    console = Visible(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
    console.push_render_hook(Logged())
    return console


def draws_bars(console: Console) -> bool:
    """Whether a bar can move here: in a terminal, or in a notebook with the package that rich draws with there."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
