"""The verb about two items: verify."""

from __future__ import annotations

from counterpoint.cli.app import AsJson, Run, app, say, trusts
from counterpoint.cli.help import USE, example
from counterpoint.errors import InputError


@app.command(
    group=USE,
    help_epilogue=example(
        "counterpoint verify runs/faces first.png second.png",
        "counterpoint verify runs/faces --source other/ --labels folder",
    ),
)
@trusts
def verify(
    run: Run,
    first: str | None = None,
    second: str | None = None,
    *,
    source: str | None = None,
    labels: str | None = None,
    pairs: str | None = None,
    seed: int = 0,
    as_json: AsJson = False,
) -> None:
    """Say whether two items are the same; or, without items, choose the threshold and say how often it is right.

    Args:
        run: The run folder. After fit --method siamese it has a threshold already.
        first: A file with one item, or the name or row number of one in the source.
        second: Another.
        source: Where the items are, the run's own data when left out. To choose a threshold: items that were not
            learned from.
        labels: To choose a threshold: the classes of the source's items, from which pairs are drawn.
        pairs: Or pairs: a .csv file with the columns first, second and same.
        seed: Names the pairs that are drawn.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    if first is not None and second is not None:
        result = api.verify(run, first, second, source=source)
        say(result, str(result), as_json=as_json)
        return
    if first is not None or source is None:
        raise InputError("Give two items to compare, or --source with --labels or --pairs to choose a threshold on.")
    result = api.verification(run, source, labels=labels, pairs=pairs, seed=seed)
    say(result, str(result), as_json=as_json)
