"""One thread for every test process, shapes executed, and a cache of the tests' own."""

import os
import tempfile

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["COUNTERPOINT_STATE"] = tempfile.mkdtemp(prefix="counterpoint-state-")

from jaxtyping import install_import_hook

import tests.checking  # noqa: F401

install_import_hook("counterpoint", "tests.checking.checked")

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("COUNTERPOINT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def quick_lessons():
    """So few items would be learned from for hundreds of passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("counterpoint.verbs.distill.fitting_epochs", lambda items: 4)
        patch.setattr("counterpoint.classification.finetuning.STEPS", 20)
        patch.setattr("counterpoint.verbs.label_budgets.LONGER", 2)
        yield
