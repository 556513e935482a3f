"""The console on stderr; what is printed there goes to the logger ``counterpoint`` as well, at level INFO."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.text import Text

from counterpoint.errors import visible

LOG = logging.getLogger("counterpoint")


class Logged(RenderHook):
    """Logs every text of a console, even if the console is quiet."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        for each in renderables:
            if isinstance(each, Text):
                LOG.info("%s", each.plain)
        return renderables


class Visible(Console):
    """Escapes control characters with ``visible``."""

    def print(  # type: ignore[override]
        self, *lines: Any, markup: bool | None = None, end: str = "\n"
    ) -> None:
        """Print lines, and whatever else rich can print."""
        shown = (visible(line) if isinstance(line, str) else line for line in lines)
        super().print(*shown, markup=markup, end=end)


def logged_console(*, quiet: bool) -> Console:
    """A console on stderr; a quiet one prints nothing."""
    console = Visible(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
    console.push_render_hook(Logged())
    return console


def draws_bars(console: Console) -> bool:
    """Whether a progress bar can be drawn: in a terminal, or in a notebook with ipywidgets."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
