"""Old names go on working for one version: each warns, names the new one, and is the same object."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.cli import main
from counterpoint.reports.run_contents import read_run
from counterpoint.runs import run_folder
from counterpoint.storage.renamed import MOVED, PACKAGE
from counterpoint.tuning.output_folder import Folder

NAMES = {
    "kinds": ["Modality", "Wishes"],
    "views.draw": ["keys", "uniform"],
    "training.recipe": ["Recipe", "steps_per_epoch"],
    "training.loop": ["Keeping", "Course", "learn"],
    "training.contrast": ["loss_of"],
    "training.watch": ["judge"],
    "encoders.together": ["together"],
    "data.rows": ["Rows"],
    "published": ["Published"],
    "options": ["DataOptions", "AS_IT_IS"],
    "plans": ["Tuning", "Distilling", "Lifecycle", "Lab"],
    "runs": ["read_plan", "check", "PLAN"],
    "fused": ["log_sum_exp"],
    "shortcut": ["Whole", "by_shortcut"],
    "comparison": ["Few"],
    "api": ["agree", "match", "retrieve"],
    "evaluation.draws": ["score_over_draws"],
    "files": ["write_json"],
    "training.looking": ["look"],
    "training.optimise": ["sgd", "adamw"],
    "agreement": ["check_processes"],
    "results": ["Result"],
}
"""What docs and examples of the version before took from each module."""


def test_every_old_module_and_name_warns_and_is_the_new_one():
    assert NAMES.keys() == MOVED.keys()
    for old, names in NAMES.items():
        new, renamed = MOVED[old]
        there = importlib.import_module(PACKAGE + new)
        gone = importlib.util.find_spec(PACKAGE + old).loader.__class__.__name__ == "Forwarding"
        sys.modules.pop(PACKAGE + old, None) if gone else None
        if gone:
            with pytest.warns(DeprecationWarning, match=f"'{PACKAGE}{old}' is now '{PACKAGE}{new}'"):
                module = importlib.import_module(PACKAGE + old)
        else:
            module = importlib.import_module(PACKAGE + old)
        for name in names:
            called = renamed.get(name, name)
            if gone and name == called:
                assert getattr(module, name) is getattr(there, name)
                continue
            with pytest.warns(DeprecationWarning, match=f"is now '{PACKAGE}{new}.{called}'"):
                assert getattr(module, name) is getattr(there, called)


def test_old_names_are_imported_as_they_were(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from counterpoint.kinds import Wishes\n"
        "from counterpoint.plans import Tuning\n"
        "from counterpoint.views import draw\n"
        "from counterpoint.modality import DataOptions\n"
        "assert Wishes is DataOptions and draw.keys and Tuning().head_layers == 1\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    shown = [line for line in done.stderr.splitlines() if "DeprecationWarning" in line]
    assert all(line.startswith(f"{script}:") for line in shown)  # where the user wrote it
    assert {line.partition("'")[2].partition("'")[0] for line in shown} == {
        "counterpoint.kinds",
        "counterpoint.kinds.Wishes",
        "counterpoint.plans.Tuning",
        "counterpoint.views.draw",
    }


def test_old_names_of_verbs_are_the_new_verbs():
    for old, new in cp.DEPRECATED.items():
        with pytest.warns(DeprecationWarning, match=f"'counterpoint.{old}' is now 'counterpoint.{new}'"):
            assert getattr(cp, old) is getattr(cp, new)
        assert old not in {*dir(cp), *cp.__all__}


def test_an_old_name_of_an_argument_is_taken():
    warns = pytest.warns(DeprecationWarning, match="'test' is now called 'queries'")
    with warns, pytest.raises(cp.InputError, match="There is no run in 'nowhere'"):
        cp.evaluate_retrieval("nowhere", test=["a"], pairs="one,other")


def test_an_old_name_of_a_choice_is_taken_everywhere(tmp_path, capsys):
    warns = pytest.warns(DeprecationWarning, match="'at_once' is now called 'micro_batch'")
    with warns:
        assert cp.Plan(at_once=8) == cp.Plan(micro_batch=8)
    with warns:
        assert cp.Plan.of({"at_once": 8}).micro_batch == 8
    rows = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    with warns:
        assert cp.plan(rows, at_once=8, epochs=1, batch_size=16, width=8)["plan"]["micro_batch"] == 8
    np.save(tmp_path / "rows.npy", rows)
    for words in (["--at-once", "8"], ["--at-once=8"]):
        main(["plan", str(tmp_path / "rows.npy"), *words, "--epochs", "1", "--batch-size", "16", "--json"])
        shown = capsys.readouterr()
        assert json.loads(shown.out)["plan"]["micro_batch"] == 8
        assert "--at-once is now called --micro-batch" in shown.err


def test_records_with_old_names_of_choices_are_read_without_a_warning(tmp_path):
    old = {"source": "photos", "asked": {"at_once": 64}, "settled": {"at_once": 32, "seed": 1}}
    (tmp_path / "plan.json").write_text(json.dumps(old), encoding="utf-8")
    read = run_folder.read_plan(tmp_path)
    assert (read["asked"], read["settled"]) == ({"micro_batch": 64}, {"micro_batch": 32, "seed": 1})
    (tmp_path / "comparison.json").write_text(json.dumps({**old, "identity": "x"}), encoding="utf-8")
    now = {"asked": {"micro_batch": 64}, "identity": "x", "source": "photos"}
    Folder(tmp_path, "comparison.json", "comparison").require_same(now, ["source"])
    assert read_run(tmp_path).plan["settled"] == {"micro_batch": 32, "seed": 1}


def test_an_old_name_of_an_option_of_a_part_is_taken():
    with pytest.warns(DeprecationWarning, match="'own' of 'mixed' is now called 'anchor_pairs'"):
        assert catalogue.find("negatives", "mixed(k=4, own=2)").keywords == {"k": 4, "anchor_pairs": 2}
    with pytest.raises(cp.InputError, match="has no option 'own'"):
        catalogue.find("negatives", "queue(own=2)")


def test_what_is_not_there_is_told_as_ever():
    with pytest.raises(ModuleNotFoundError, match=r"counterpoint\.nothing"):
        importlib.import_module("counterpoint.nothing")
    for module, name in (("counterpoint.plans", "Tunings"), ("counterpoint.runs", "nothing")):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(importlib.import_module(module), name)
    sys.modules.pop("counterpoint.training.watch", None)
    with (
        pytest.warns(DeprecationWarning, match="watch"),
        pytest.raises(ImportError, match="cannot import name 'Nothing'"),
    ):
        exec("from counterpoint.training.watch import Nothing")


def test_an_error_inside_a_renamed_module_is_not_hidden(monkeypatch):
    monkeypatch.setitem(MOVED, "kinds", ("data.there_is_none", {}))
    monkeypatch.delitem(sys.modules, "counterpoint.kinds", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"counterpoint\.data\.there_is_none"):
        importlib.import_module("counterpoint.kinds")
