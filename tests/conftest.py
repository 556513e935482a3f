"""One thread for every test process, shapes executed, and a cache of the tests' own."""

import os

os.environ["OMP_NUM_THREADS"] = "1"

from jaxtyping import install_import_hook

import tests.checking  # noqa: F401

install_import_hook("counterpoint", "tests.checking.checked")

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("COUNTERPOINT_CACHE", str(tmp_path_factory.mktemp("cache")))
