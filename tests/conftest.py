"""One thread for every test process, shapes executed, and a cache of the tests' own."""

import itertools
import os
import tempfile

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["COUNTERPOINT_STATE"] = tempfile.mkdtemp(prefix="counterpoint-state-")

from tests import checking

checking.check_package()

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


SLOWEST = [
    "test_docs.py",
    "test_processes.py",
    "test_grid.py",
    "test_semi.py",
    "test_few_labels.py",
    "test_shards.py",
    "test_training.py",
    "test_export.py",
    "test_lab.py",
    "test_tune.py",
    "test_engine.py",
    "test_label_efficiency.py",
]
"""Files that take the longest; they come first, so that all processes end at nearly the same time."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: SLOWEST.index(item.path.name) if item.path.name in SLOWEST else len(SLOWEST))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    checking.next_test()


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """A folder for every test; none is made unless something is kept in it."""
    folder = tmp_path_factory.mktemp("caches")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_cache(caches, monkeypatch):
    monkeypatch.setenv("COUNTERPOINT_CACHE", str(next(caches)))


@pytest.fixture(scope="module")
def quick_lessons():
    """So few items would be learned from for hundreds of passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("counterpoint.verbs.distill.fitting_epochs", lambda items: 4)
        patch.setattr("counterpoint.classification.finetuning.STEPS", 20)
        patch.setattr("counterpoint.verbs.label_budgets.LONGER", 2)
        yield
