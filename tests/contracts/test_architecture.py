"""Budgets and house rules that no linter knows."""

import ast
import dataclasses
import importlib
import inspect
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.catalogue.trust import PARTS
from counterpoint.interfaces import Method
from counterpoint.modality import Modality
from counterpoint.plans import DistillPlan, FinetunePlan, Plan
from tests.verb_signatures import fields_of, records_of

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "counterpoint").rglob("*.py"))
FORBIDDEN = {"utils", "common", "helpers", "misc", "base", "manager", "feats"}
VAGUE = {"asked", "found", "said", "told", "way", "own", "kin", "look", "taught", "opened"} | FORBIDDEN
MODALITIES = {"image", "series", "table", "images"}


@cache
def text_of(path):
    return path.read_text(encoding="utf-8")


@cache
def functions(path):
    return [node for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, ast.FunctionDef)]


def length(node):
    """Lines of a function without its docstring."""
    body = node.body
    documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    start = body[1].lineno if documented and len(body) > 1 else body[0].lineno
    return node.end_lineno - start + 1


def test_files_and_functions_keep_their_budgets():
    for path in SOURCES:
        assert len(text_of(path).splitlines()) <= 300, path
        long = [(node.name, length(node)) for node in functions(path) if length(node) > 45]
        assert not long, path


def test_most_files_are_short():
    lengths = sorted(len(text_of(path).splitlines()) for path in SOURCES)
    assert lengths[int(0.9 * len(lengths))] <= 220


def test_a_method_fits_on_one_screen_and_knows_no_kind_of_data():
    for path in (ROOT / "src/counterpoint/methods").glob("[a-z]*.py"):
        assert len(text_of(path).splitlines()) <= 100, path
        code = text_of(path).split('"""', 2)[2]
        assert not re.search(r"\b(" + "|".join(MODALITIES) + r")\b", code, re.IGNORECASE), path


def words_of(name):
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def named(tree):
    """The names that a file gives to functions, classes, arguments and fields; keys of files are what they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.arg):
            yield node.arg
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        if isinstance(node, ast.ClassDef) and not any(getattr(each, "id", "") == "TypedDict" for each in node.bases):
            yield from (each.target.id for each in node.body if isinstance(each, ast.AnnAssign))


def test_names_are_standard_terms_and_say_what_they_hold():
    for path in SOURCES:
        assert not words_of(path.stem) & VAGUE, path
        for name in named(ast.parse(path.read_text(encoding="utf-8"))):
            assert not words_of(name) & VAGUE, (path.name, name)


def test_functions_take_at_most_seven_arguments_and_no_open_ended_ones():
    """What a verb takes besides counts: its choices are the fields of records, which say them once."""
    for path, node in ((each, node) for each in SOURCES for node in functions(each)):
        verbs = records_of(path.read_text(encoding="utf-8")) if path.parent.stem == "verbs" else {}
        choices = {field.name for field in fields_of(verbs.get(node.name, []))}
        arguments = [
            each.arg
            for each in (*node.args.args, *node.args.kwonlyargs)
            if each.arg not in ("self", "cls", "quiet", "groups", *choices)
        ]
        if path.stem != "estimator":  # whose choices are attributes, as scikit-learn wants
            assert len(arguments) <= 7, (node.name, arguments)
        # What a decorator hands on, as P.kwargs, and what is bound to a signature at once are not open-ended.
        if node.args.kwarg is not None and not isinstance(node.args.kwarg.annotation, ast.Attribute):
            assert path.parent.stem == "cli" or node.name == "__call__", (path.stem, node.name)


@pytest.mark.parametrize("kind", [kind for kind in catalogue.SHELVES if kind != "views"])
def test_every_row_of_the_catalogue_loads_and_says_where_it_comes_from(kind):
    for name in catalogue.names(kind):
        part = catalogue.find(kind, name)
        assert inspect.getdoc(part)
        if kind in ("method", "objective"):
            text = inspect.getdoc(inspect.getmodule(part))
            assert re.search(r"arXiv:\d{4}\.\d{4,5}", text)
            assert "Use when:" in text


def test_classes_are_abstract_or_final():
    for name in catalogue.names("method"):
        assert catalogue.find("method", name).__mro__[1] is Method
    for name in catalogue.names("modality"):
        assert catalogue.find("modality", name).__mro__[1] is Modality


def test_public_names_are_the_documented_ones_and_load():
    for name in cp.PUBLIC:
        assert getattr(cp, name).__name__ == name
    assert set(cp.PUBLIC) < set(dir(cp))


def test_the_version_is_said_once():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in settings["project"]
    place = ROOT / settings["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{cp.__version__}"\n' in place.read_text(encoding="utf-8")
    assert "version:" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8").replace("cff-version:", "")


def test_submodules_do_not_shadow_the_verbs():
    for path in (ROOT / "src/counterpoint/verbs").glob("[a-z]*.py"):
        importlib.import_module(f"counterpoint.verbs.{path.stem}")
        assert path.stem not in cp.PUBLIC or callable(getattr(cp, path.stem))


def test_importing_the_package_and_its_command_line_loads_neither_torch_nor_numpy_by_accident():
    import subprocess
    import sys

    script = (
        "import sys, counterpoint, counterpoint.cli\n"
        "heavy = [name for name in ('torch', 'sklearn', 'pyarrow', 'torchvision', 'PIL') if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_no_choice_that_names_a_part_is_loaded_from_a_folder_unasked():
    for each in dataclasses.fields(Plan):
        for kinds in re.findall(r"counterpoint list (\w+)", each.metadata["help"]):
            assert PARTS[each.name] == catalogue.plurals()[kinds]


def test_a_run_that_is_not_there_is_told_before_torch_is_loaded():
    import subprocess
    import sys

    script = (
        "import sys\n"
        "from counterpoint.cli import main\n"
        "try:\n"
        "    main(['embed', 'nowhere', 'x', '--out', 'z.npz'])\n"
        "except SystemExit as ended:\n"
        "    assert ended.code == 2 and 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stderr.startswith("counterpoint: There is no run in 'nowhere'. Make one with")


def test_every_choice_has_help_that_points_to_lists_there_are():
    for each in [field for record in (Plan, FinetunePlan, DistillPlan) for field in dataclasses.fields(record)]:
        assert each.metadata["help"].endswith(".")
        for kinds in re.findall(r"counterpoint list (\w+)", each.metadata["help"]):
            assert catalogue.shelf(kinds)


def test_benchmarks_and_examples_take_what_is_there():
    """They are not run here; a name that has gone would be found when somebody repeats a figure."""
    for path in [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("examples/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("counterpoint"):
                module = importlib.import_module(node.module)
                missing = [each.name for each in node.names if not hasattr(module, each.name)]
                assert not missing, f"{path.name}: {node.module} has no {missing}"
