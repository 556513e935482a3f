"""The verb that finds hard negatives: mine."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from counterpoint.cli.app import AsJson, Flag, Place, Run, app, say, trusts
from counterpoint.cli.help import USE, example
from counterpoint.errors import counted


@app.command(
    group=USE,
    help_epilogue=example("counterpoint mine runs/answers answers.csv --pairs question,answer --out mined.csv"),
)
@trusts
def mine(
    run: Run,
    source: str,
    *,
    pairs: str,
    out: Place,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 1,
    share: float = 0.95,
    spreadsheet_safe: Annotated[bool, Flag] = False,
    as_json: AsJson = False,
) -> None:
    """Find hard negatives for pairs of texts: what the model takes for an answer, and is none.

    Args:
        run: The run folder of a model of text.
        source: A file of columns.
        pairs: Its columns of what asks and what answers, such as question,answer.
        out: A .csv file with these columns and the negatives, for fit --pairs question,answer,negative.
        k: Negatives of every pair.
        share: How alike to what asks a negative may be, as a share of how alike the answer is.
        spreadsheet_safe: Put ' before texts that a spreadsheet would take for formulas.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    named = [name.strip() for name in pairs.split(",")]
    result = api.mine(run, source, out, pairs=named, k=k, share=share, spreadsheet_safe=spreadsheet_safe)
    left_out = f", {result['left_out']:,} are left out for want of them" if result["left_out"] else ""
    kept = counted(result["rows"], "pair with negatives is", "pairs with negatives are")
    say(result, f"{kept} in {out}{left_out}", as_json=as_json)
