"""Old names of modules and of what is in them, which go on working for one version with a ``DeprecationWarning``.

``import counterpoint`` puts ``OldNames`` in front of Python's finders. A module that is gone becomes one that looks
everything up in the new place; one that is still there gets a ``__getattr__`` for the names that it had.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MOVED: dict[str, tuple[str, dict[str, str]]] = {
    "agreement": ("verbs.check_processes", {}),
    "api": ("api", {"agree": "evaluate_similarity", "match": "evaluate_retrieval", "retrieve": "evaluate_retrieval"}),
    "comparison": ("comparison", {"Few": "SparsePairs"}),
    "data.rows": ("data.memory_items", {}),
    "encoders.together": ("encoders.batched_views", {}),
    "evaluation.draws": ("evaluation.repeats", {}),
    "files": ("storage.files", {}),
    "fused": ("comparison.fused", {}),
    "kinds": ("modality", {"Wishes": "DataOptions"}),
    "options": ("plans.data_options", {"DataOptions": "ReadOptions"}),
    "plans": (
        "plans",
        {"Tuning": "FinetunePlan", "Distilling": "DistillPlan", "Lifecycle": "SemiPlan", "Lab": "LabPlan"},
    ),
    "published": ("recipes.recipe", {}),
    "results": ("output.results", {}),
    "runs": ("runs.run_folder", {}),
    "shortcut": ("comparison.row_sums", {"Whole": "RowSums", "Changing": "ChangingTemperature"}),
    "training.contrast": ("comparison.loss", {}),
    "training.looking": ("training.batches", {"look": "make_batch"}),
    "training.loop": ("training.loop", {"Keeping": "RunOptions", "Course": "TrainState", "learn": "train_step"}),
    "training.optimise": ("training.optimizers", {}),
    "training.recipe": ("training.config", {"Recipe": "TrainConfig", "least_at_once": "least_micro_batch"}),
    "training.watch": ("training.diagnostics", {}),
    "views.draw": ("rng", {}),
}
"""Old module to new module, and the names in it that have changed; all inside of this package."""

PACKAGE = "counterpoint."


def install() -> None:
    """Let old names be found from now on."""
    if not any(isinstance(finder, OldNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, OldNames())


class OldNames:
    """Finds modules by their old names, and lets modules answer to the old names of what is in them."""

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module that is there, with its old names; a stand-in for one that is gone; None for all others."""
        old = fullname.removeprefix(PACKAGE)
        if old not in MOVED or old == fullname:
            return None
        others = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        there = next((spec for spec in others if spec is not None), None)
        if there is None or there.loader is None:
            return ModuleSpec(fullname, Forwarding())  # type: ignore[arg-type]  # importlib.abc is slow to import
        execute = there.loader.exec_module

        def executed(module: ModuleType) -> None:
            execute(module)
            _answer(module, old)

        setattr(there.loader, "exec_module", executed)  # noqa: B010  (of this one loader, not of its class)
        return there


class Forwarding:
    """Makes a module that has nothing of its own and takes everything from the new one."""

    def create_module(self, spec: ModuleSpec) -> None:
        """A module as Python makes them."""

    def exec_module(self, module: ModuleType) -> None:
        """Import the new module first, so that what is wrong with it is told as it is."""
        old = module.__name__.removeprefix(PACKAGE)
        importlib.import_module(PACKAGE + MOVED[old][0])
        warn(module.__name__, PACKAGE + MOVED[old][0])
        _answer(module, old)


def _answer(module: ModuleType, old: str) -> None:
    """Let a module answer for what was in the module of this old name."""
    new, names = MOVED[old]

    def attribute(name: str) -> Any:
        if name.startswith("__") or (new == old and name not in names):
            raise AttributeError(f"module '{module.__name__}' has no attribute '{name}'")
        value = getattr(importlib.import_module(PACKAGE + new), names.get(name, name))
        if name in names or module.__spec__ is None or not isinstance(module.__spec__.loader, Forwarding):
            warn(f"{module.__name__}.{name}", f"{PACKAGE}{new}.{names.get(name, name)}")
        return value

    setattr(module, "__getattr__", attribute)  # noqa: B010


def warn(old: str, new: str) -> None:
    """Say what something is called now, to whoever called the caller."""
    warnings.warn(f"'{old}' is now '{new}'; the old name goes with the next version.", DeprecationWarning, stacklevel=3)
