"""The choices of a verb as its file spells them: in its signature and in its docstring, from the fields of its records.

An editor completes what stands in a signature, so names, types and defaults are repeated there; they are said in
``plans``. ``COUNTERPOINT_WRITE_SIGNATURES=1 pytest tests/contracts/test_signatures.py`` writes them anew.
"""

import dataclasses
import json
import re
import textwrap
from pathlib import Path

from counterpoint import plans
from counterpoint.plans.data_options import ReadOptions

VERBS = Path(plans.__file__).parent.parent / "verbs"
WIDTH = 120

MORE_IN_PYTHON = {
    "column": "str | Sequence[str] | None",
    "without": "str | Sequence[str] | None",
    "schema": "str | Mapping[str, str] | None",
    "range": "str | Sequence[float] | None",
    "groups": "str | Iterable[object] | None",
}
"""Types of choices for which Python takes more than a record holds."""

PARTS = {"encoder": "str | nn.Module", "views": "str | Callable[..., Any]"}
"""The same, of verbs that train a network of the user's own."""

TRAINING = ("fit", "plan", "tune")

DECORATED = re.compile(r"@verb\((?P<records>\w+(?:, \w+)*)\)\n(?:@\w+\n)*def (?P<name>\w+)\(\n")


def records_of(text):
    """Every verb in a file that takes choices, with the records that they are the fields of."""
    known = {**vars(plans), "ReadOptions": ReadOptions}
    return {found["name"]: [known[name] for name in found["records"].split(", ")] for found in DECORATED.finditer(text)}


def fields_of(records):
    return [field for record in records for field in dataclasses.fields(record)]


def spelled(verb, field):
    """A choice as a signature has it."""
    kind = {**MORE_IN_PYTHON, **(PARTS if verb in TRAINING else {})}.get(field.name, field.type)
    default = json.dumps(field.default) if isinstance(field.default, str) else repr(field.default)
    return f"    {field.name}: {kind} = {default},"


def described(field):
    """A choice as a docstring has it."""
    entry = f"{field.name}: {field.metadata['help']}"
    return textwrap.fill(
        entry, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False
    )


def renewed(text):
    """The text of a file with the choices of its verbs written anew, each before ``quiet``."""
    for verb, records in records_of(text).items():
        fields = fields_of(records)
        names = {field.name for field in fields}
        head, start, rest = text.partition(f"def {verb}(\n")
        signature, end, rest = rest.partition("\n) -> ")
        lines = [line for line in signature.split("\n") if line.split(":")[0].strip() not in names]
        lines[-1:] = [*(spelled(verb, field) for field in fields), lines[-1]]
        before, args, rest = rest.partition("    Args:\n")
        entries = re.split(r"^(?=        \w)", rest.partition("\n\n")[0], flags=re.MULTILINE)
        after = rest[rest.index("\n\n") :]
        kept = [each.rstrip("\n") for each in entries if each.strip() and each.split(":")[0].strip() not in names]
        kept[-1:] = [*(described(field) for field in fields), kept[-1]]
        text = head + start + "\n".join(lines) + end + before + args + "\n".join(kept) + after
    return text
