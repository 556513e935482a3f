"""A run folder of a stranger: whatever is in its files, it is loaded or refused in a sentence. Nothing runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import counterpoint as cp
from tests.worlds import records, stripes

ROOT = Path(__file__).parent.parent
GADGET = "pydoc:pipepager(text='', cmd='touch {marker}')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, a classifier from it, their scores and a threshold, and a run of another kind of data."""
    home = tmp_path_factory.mktemp("theirs")
    for name, seed in (("train", 0), ("test", 1)):
        np.save(home / f"{name}.npy", stripes(48, seed).source)
    labels = stripes(48).labels
    sizes = {"epochs": 1, "batch_size": 16, "head_hidden": 8, "head_outputs": 4}
    cp.fit(home / "train.npy", out=home / "run", encoder="conv2d(width=4)", views="simclr", **sizes)
    cp.finetune(home / "run", home / "train.npy", labels=labels, out=home / "tuned", epochs=1)
    cp.evaluate(home / "tuned", home / "train.npy", home / "test.npy", labels=(labels, labels))
    cp.verification(home / "run", home / "train.npy", labels=labels)
    cp.fit(records(48).source, out=home / "table", encoder="mlp(width=8)", **sizes)
    words = ["one two three", "two three four", "three four five", "four five six"] * 4
    cp.fit(words, out=home / "text", encoder="bag(width=8)", modality="text", **sizes)
    return home


def test_no_field_of_a_record_runs_code_takes_much_memory_or_ends_in_a_traceback(folder):
    command = [sys.executable, "-m", "tests.hostile", str(folder)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    cases = json.loads(done.stdout.splitlines()[-1])
    assert cases["cases"] > 1000
    assert cases["refused"] > cases["cases"] / 4
    assert cases["wrong"] == []
