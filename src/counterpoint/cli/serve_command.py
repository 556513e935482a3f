"""The command that serves a collection."""

from __future__ import annotations

from counterpoint.cli.help import USE
from counterpoint.cli.maker import Given, Shown, command, done


@command(
    "serve",
    USE,
    "counterpoint serve photos.index photos/",
    "counterpoint serve runs/photos --audit audited",
    words={"run": "An index; or a run folder, whose items are embedded first; or vectors that embed wrote."},
)
def _serve(values: Given) -> Shown:
    done("serve", values)
    return Shown({"served": str(values["run"])}, "Stopped")
