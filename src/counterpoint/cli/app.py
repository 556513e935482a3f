"""The application that commands are added to."""

from __future__ import annotations

from cyclopts import App

from counterpoint import __version__
from counterpoint.cli.help import TOOLS, Layout, example

COMPLETE = "counterpoint --install-completion --shell bash"

app = App(
    name="counterpoint",
    help="Learn without labels what makes things alike, see whether it worked, and put it to use.",
    version=__version__,
    result_action="return_value",
    help_formatter=Layout(),
    help_epilogue=example("counterpoint fit photos/ --out runs/photos", "counterpoint fit --help"),
)
for built_in in ("--help", "--version"):
    app[built_in].group = TOOLS
app.register_install_completion_command(
    help="Let bash, zsh or fish complete verbs and options.", group=TOOLS, help_epilogue=example(COMPLETE)
)
