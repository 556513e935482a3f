"""Old names of modules and their contents, which keep working for one version with a ``DeprecationWarning``.

``import counterpoint`` puts ``OldNames`` in front of Python's finders. A removed module becomes one that looks names up
in the new module; an existing one gets a ``__getattr__`` for its old names.
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
"""Old module to new module, and its names that changed; all inside this package."""

PACKAGE = "counterpoint."


def install() -> None:
    """Make old names importable."""
    if not any(isinstance(finder, OldNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, OldNames())


class OldNames:
    """Finds modules by their old names, and gives modules their old names."""

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """An existing module with its old names; a stand-in for a removed one; None for all others."""
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
    """Makes an empty module that takes everything from the new one."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's default module."""

    def exec_module(self, module: ModuleType) -> None:
        """Import the new module first, so that its errors are raised as they are."""
        old = module.__name__.removeprefix(PACKAGE)
        importlib.import_module(PACKAGE + MOVED[old][0])
        warn(module.__name__, PACKAGE + MOVED[old][0])
        _answer(module, old)


def _answer(module: ModuleType, old: str) -> None:
    """Let a module resolve the names of the module with this old name."""
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
    """Warn the caller's caller about a new name."""
    warnings.warn(f"'{old}' is now '{new}'; the old name goes with the next version.", DeprecationWarning, stacklevel=3)
