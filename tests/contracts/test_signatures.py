"""Signatures say what the records of choices say, and the commands of the shell are made from them."""

import inspect
import os
import subprocess
import sys

import pytest

import counterpoint as cp
from counterpoint.cli import maker
from counterpoint.cli.app import app
from counterpoint.cli.signatures import signature_of
from tests.verb_signatures import MORE_IN_PYTHON, PARTS, VERBS, fields_of, records_of, renewed

RENEWING = "COUNTERPOINT_WRITE_SIGNATURES=1 pytest tests/contracts/test_signatures.py"
OTHERS = {"load", "load_classifier", "contrastive_loss", "image_views", "trusting"}
NAMES = sorted({name for name in cp.PUBLIC if inspect.isfunction(getattr(cp, name))} - OTHERS)
FILES = {path.stem: path.read_text(encoding="utf-8") for path in VERBS.glob("[a-z]*.py")}


def own(name):
    """The arguments of a verb as Python has them, and its records."""
    return inspect.signature(getattr(cp, name)).parameters, records_of(FILES[name]).get(name, [])


def test_the_choices_of_every_verb_are_the_fields_of_its_records_in_their_words():
    for path in VERBS.glob("[a-z]*.py"):
        text = path.read_text(encoding="utf-8")
        if "COUNTERPOINT_WRITE_SIGNATURES" in os.environ:
            path.write_text(renewed(text), encoding="utf-8")
        assert renewed(text) == text, f"{path.name} says other than its records. Write it anew with: {RENEWING}"


def test_a_signature_has_the_names_the_order_the_types_and_the_defaults_of_its_records():
    verbs = [(name, *own(name)) for name in NAMES]
    assert {name for name, _, records in verbs if records} == {
        *("fit", "plan", "compare", "tune", "finetune", "distill", "semi", "lab", "audit", "anomalies")
    }
    for name, arguments, records in verbs:
        fields = fields_of(records)
        named = [each for each in arguments if each in {field.name for field in fields}]
        assert named == [field.name for field in fields], name
        for field in fields:
            assert arguments[field.name].default == field.default, (name, field.name)
            assert arguments[field.name].kind is inspect.Parameter.KEYWORD_ONLY
            wider = {*MORE_IN_PYTHON, *PARTS}
            taken, held = (set(kind.split(" | ")) for kind in (arguments[field.name].annotation, field.type))
            assert held <= taken if field.name in wider else held == taken, (name, field.name)


def test_every_argument_has_a_sentence_and_every_choice_that_of_its_record():
    for name in NAMES:
        signature = signature_of(name)
        fields = {field.name: field for field in fields_of(signature.records)}
        assert list(signature.arguments) == list(own(name)[0])
        for each in signature.arguments.values():
            assert each.text.endswith("."), (name, each.name)
            if each.name in fields:
                assert each.text == fields[each.name].metadata["help"], (name, each.name)


def test_what_is_read_without_importing_is_what_python_has():
    for name in NAMES:
        parameters, records = own(name)
        signature = signature_of(name)
        assert list(signature.records) == records
        for each in signature.arguments.values():
            there = parameters[each.name]
            assert each.required == (there.default is inspect.Parameter.empty)
            assert each.required or each.default == there.default
            assert each.positional == (there.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD)
            assert each.kind == there.annotation.replace("'", '"') or '"' in each.kind


def test_every_verb_has_a_file_of_its_name():
    for name in NAMES:
        assert getattr(cp, name).__module__ == f"counterpoint.verbs.{name}"


def test_no_verb_takes_open_ended_keywords():
    for name in NAMES:
        assert not [each for each in own(name)[0].values() if each.kind is inspect.Parameter.VAR_KEYWORD], name


def test_a_slip_in_a_keyword_is_met_with_a_suggestion():
    for verb, slip, meant in ((cp.fit, "epoch", "epochs"), (cp.semi, "per_klass", "per_class"), (cp.embed, "k", None)):
        with pytest.raises(cp.InputError, match=f"'{verb.__name__}' has no choice '{slip}'") as refused:
            verb("photos", **{slip: 3})
        assert meant is None or f"Did you mean '{meant}'?" in str(refused.value)


def test_choices_of_the_wrong_kind_are_refused_before_anything_is_read():
    for choices, sentence in (
        ({"epochs": "3"}, "epochs must be a whole number or None. Got '3'."),
        ({"epochs": -1}, "epochs must be at least 0. Got -1."),
        ({"header": "no"}, "header must be True or False. Got 'no'."),
    ):
        with pytest.raises(cp.InputError) as refused:
            cp.fit("there is no such source", **choices)
        assert str(refused.value) == sentence


def test_every_verb_is_called_by_a_command():
    assert {verb for verbs in maker.COMMANDS.values() for verb in verbs} == set(NAMES)
    assert set(maker.COMMANDS) == {name for name in app if not name.startswith("-")} - {"check", "list"}


def test_a_command_takes_all_that_its_verbs_take_in_the_same_order():
    for name, verbs in maker.COMMANDS.items():
        fields = [each.field_info for each in app[name].assemble_argument_collection()]
        expected = maker.merged([maker.declared(verb) for verb in verbs])
        assert {each.name for each in fields} == {*expected, "trust", "as_json"}, name
        first = [each.name for each in fields if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        assert first == [each for each in expected if expected[each].positional and each in maker.FIRST], name


SLIPS = """
import counterpoint as cp
cp.fit("photos", epoch=3)
cp.fit("photos", epochs="3")
cp.finetune("run", "photos", per_klass=3)
cp.semi("photos", out="run", labels="folder", pre_class=3)
cp.fit("photos", epochs=3, without=["a", "b"], listeners=[print])
"""


@pytest.mark.slow
def test_a_type_checker_finds_slips_in_keywords(tmp_path):
    script = tmp_path / "slips.py"
    script.write_text(SLIPS, encoding="utf-8")
    result = subprocess.run([sys.executable, "-m", "mypy", str(script)], capture_output=True, text=True).stdout
    lines = [line.partition("slips.py:")[2].partition(":")[0] for line in result.splitlines() if "error" in line]
    assert [line for line in lines if line] == ["3", "4", "5", "6"], result
