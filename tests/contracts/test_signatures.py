"""A verb is called alike in Python and in the shell: the same words, and what needs none in the same order."""

import dataclasses
import inspect
import typing

import pytest

import counterpoint as cp
from counterpoint.cli import app as shell
from counterpoint.cli import export, few_labels, fit, mine, tuning, use, verify, words
from counterpoint.plans import Choices

VERBS = {
    fit.fit: [cp.fit],
    fit.plan: [cp.plan],
    use.evaluate: [cp.evaluate, cp.label_efficiency, cp.match, cp.agree, cp.retrieve],
    use.embed: [cp.embed, cp.embed_shards],
    use.search: [cp.search],
    use.duplicates: [cp.duplicates],
    mine.mine: [cp.mine],
    use.report: [cp.report],
    few_labels.semi: [cp.semi],
    few_labels.finetune: [cp.finetune],
    few_labels.distill: [cp.distill],
    few_labels.predict: [cp.predict],
    tuning.compare: [cp.compare],
    tuning.tune: [cp.tune],
    tuning.lab: [cp.lab],
    verify.verify: [cp.verify, cp.verification],
    words.words: [cp.words, cp.analogies],
    export.export: [cp.export],
}
"""Every command with the functions that it calls."""

SHELL_ONLY = {"as_json", "trust"}
WRITTEN = {few_labels.predict: {"out", "spreadsheet_safe"}}
"""What Python returns and the shell writes."""

PYTHON_ONLY = {"listeners", "quiet"}
"""What no line of a shell can say, and what redirects its messages."""

SAME = {"run": "model"}
"""A shell names the folder of a run where Python takes a model as well."""

CALLED = {cp.analogies: SAME | {"source": "analogies"}}
"""An option that stands for a whole verb."""


def of_the_shell(command):
    """The words of a command, those in its records of choices among them; and those that may stand without one."""
    words, first = set(), []
    for name, each in inspect.signature(command).parameters.items():
        record = each.default
        if isinstance(record, Choices):
            words |= {field.name for field in dataclasses.fields(record)}
        else:
            words.add(SAME.get(name, name))
            first += [SAME.get(name, name)] if each.kind is each.POSITIONAL_OR_KEYWORD else []
    return words - SHELL_ONLY - WRITTEN.get(command, set()), first


def of_python(verb):
    words, first = set(), []
    for name, each in inspect.signature(verb).parameters.items():
        called = CALLED.get(verb, SAME).get(name, name)
        if each.kind is each.VAR_KEYWORD:
            (keywords,) = typing.get_args(typing.get_type_hints(inspect.unwrap(verb))[name])
            words |= set(typing.get_type_hints(keywords)) - PYTHON_ONLY
        else:
            words.add(called)
            first += [called] if each.kind is each.POSITIONAL_OR_KEYWORD else []
    return words - PYTHON_ONLY, first


@pytest.mark.parametrize("command", VERBS, ids=lambda command: command.__name__)
def test_words_and_order_are_the_same_in_python_and_in_the_shell(command):
    words, first = of_the_shell(command)
    assert set().union(*(of_python(verb)[0] for verb in VERBS[command])) == words
    for verb in VERBS[command]:
        order = of_python(verb)[1]
        assert [name for name in order if name in first] == [name for name in first if name in order]
        assert order[0] == first[0]


def test_every_verb_is_compared():
    others = {"load", "load_classifier", "contrastive_loss", "image_views", "trusting"}
    functions = {name for name in cp.PUBLIC if inspect.isfunction(getattr(cp, name))}
    assert {verb.__name__ for verbs in VERBS.values() for verb in verbs} == functions - others
    commands = {name for name in shell.app if not name.startswith("-")}
    assert {command.__name__ for command in VERBS} == commands - {"check", "list"}
