"""Old names go on working for one version: each warns, names the new one, and is the same object."""

import importlib
import subprocess
import sys

import pytest

from counterpoint.storage.renamed import MOVED, PACKAGE

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
