"""What ``--help`` shows: every verb in its group, every option under its topic, examples that the verbs take."""

import dataclasses
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from counterpoint import plans
from counterpoint.cli import main
from counterpoint.cli.app import app
from counterpoint.cli.help import OTHERS, TOPICS, topic

GOLDEN = Path(__file__).parents[1] / "golden" / "gallery_of_help.txt"
"""The help of every verb, 100 letters wide; with COUNTERPOINT_WRITE_GALLERY=1 this file writes it anew."""

VERBS = [
    [],
    *([name] for name in sorted(app) if not name.startswith("-")),
    ["check", "processes"],
    ["--install-completion"],
]


def shown(*tokens):
    """The help of a verb, as wide on any terminal."""
    page = io.StringIO()
    app.help_print([*tokens], console=Console(file=page, width=100, color_system=None, force_terminal=False))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def test_help_of_every_verb_is_as_it_was():
    pages = "\n\n".join(f"$ counterpoint {' '.join([*verb, '--help'])}\n\n{shown(*verb)}" for verb in VERBS) + "\n"
    if "COUNTERPOINT_WRITE_GALLERY" in os.environ:
        GOLDEN.write_text(pages, encoding="utf-8")
    assert pages == GOLDEN.read_text(encoding="utf-8")


def test_every_choice_of_a_run_has_a_topic():
    records = (plans.Plan, plans.FinetunePlan, plans.DistillPlan, plans.SemiPlan, plans.LabPlan)
    names = {each.name for record in records for each in dataclasses.fields(record)}
    assert [name for name in sorted(names) if topic(name) == OTHERS] == []
    listed = [name for named in TOPICS.values() for name in named]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_examples_that_it_takes(verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^ • (.+)$", shown(*verb), flags=re.MULTILINE)
    assert examples
    for each in examples:
        _, *tokens = shlex.split(each)
        for run in (token for token in tokens if token.startswith("runs/")):
            Path(run).mkdir(parents=True, exist_ok=True)
        assert tokens[: len(verb)] == verb or verb == ["check"]
        app.parse_args(tokens, exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("shell", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_completion_is_written_for_a_shell(shell, check, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / f"counterpoint.{shell}"
    main(["--install-completion", "--shell", shell, "--output", str(script)])
    assert {"finetune", "--batch-size"} <= set(re.findall(r"[\w-]+", script.read_text()))
    if shutil.which(shell):
        subprocess.run([shell, *check, str(script)], check=True)


def test_help_imports_no_torch():
    code = "import sys; from counterpoint.cli import main; main(['fit', '--help']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
