"""The console that people read; what is printed there goes to the logger ``counterpoint`` as well, at level INFO."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.text import Text

LOG = logging.getLogger("counterpoint")


class Logged(RenderHook):
    """Logs every text of a console, also where that prints nothing."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        for each in renderables:
            if isinstance(each, Text):
                LOG.info("%s", each.plain)
        return renderables


def logged_console(*, quiet: bool) -> Console:
    """A console on stderr; a quiet one prints nothing."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
    console.push_render_hook(Logged())
    return console


def draws_bars(console: Console) -> bool:
    """Whether a bar can move here: in a terminal, or in a notebook with the package that rich draws with there."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
