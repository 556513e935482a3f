"""A run folder of a stranger: whatever is in its files, it is loaded or refused in a sentence. Nothing runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.catalogue import trust
from counterpoint.classification.predictions import Prediction
from counterpoint.cli import main
from counterpoint.errors import InputError, RunError, SourceError, UnknownName, Untrusted
from counterpoint.plans import Plan
from counterpoint.runs import run_folder
from counterpoint.storage.files import fingerprint
from counterpoint.training import checkpoint
from counterpoint.verbs.predict import write_predictions
from tests.worlds import pulses, records, stripes

ROOT = Path(__file__).parents[2]
TINY = {"epochs": 1, "batch_size": 16, "head_hidden": 8, "head_outputs": 4}
THEIRS = "tests.outside:perceptron"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on a file, and a classifier from it."""
    home, world = tmp_path_factory.mktemp("theirs"), records(48)
    np.save(home / "rows.npy", world.source)
    cp.fit(home / "rows.npy", out=home / "run", encoder="mlp(width=8)", modality="table", **TINY)
    cp.finetune(home / "run", home / "rows.npy", labels=world.labels, out=home / "tuned", epochs=1)
    return home


@pytest.fixture
def run(folder, tmp_path):
    return Path(shutil.copytree(folder / "run", tmp_path / "run"))


def change(file, **fields):
    """Write other fields into a file of JSON."""
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def hostile(home, every):
    """What ``tests.hostile`` says of the runs in a folder, of which it damages a copy."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.hostile", str(home), str(every)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_no_field_of_a_record_runs_code_fills_the_memory_or_ends_in_a_traceback(folder, tmp_path):
    result = hostile(shutil.copytree(folder, tmp_path / "copy"), every=31)
    assert result["wrong"] == []
    assert result["cases"] > 100
    assert result["refused"] > result["cases"] / 4


@pytest.mark.slow
def test_that_holds_for_every_value_in_every_field_of_every_kind_of_data(folder, tmp_path):
    home, labels = Path(shutil.copytree(folder, tmp_path / "copy")), records(48).labels
    np.save(home / "others.npy", records(48, seed=1).source)
    cp.evaluate(home / "tuned", home / "rows.npy", home / "others.npy", labels=(labels, labels))
    cp.verification(home / "run", home / "rows.npy", labels=labels)
    cp.fit(stripes(48).source, out=home / "images", encoder="conv2d(width=4)", **TINY)
    cp.fit(pulses(48).source, out=home / "series", encoder="conv1d(width=4)", modality="series", **TINY)
    texts = ["one two three", "two three four", "three four five", "four five six"] * 4
    cp.fit(texts, out=home / "texts", encoder="bag(width=8)", modality="text", **TINY)
    result = hostile(home, every=1)
    assert result["wrong"] == []
    assert result["cases"] > 10_000


def test_a_part_that_only_a_folder_names_is_not_even_imported(run):
    for field, name in (("encoder", "turtledemo.clock:main(1)"), ("modality", "turtledemo.chaos:main")):
        change(run / "config.json", **{field: name})
        with pytest.raises(Untrusted, match="with trust=True"):
            cp.load(run)
    assert not {"turtledemo.clock", "turtledemo.chaos"} & set(sys.modules)


def test_a_part_from_outside_is_loaded_where_the_person_names_or_trusts_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trust, "_NAMED", set())
    np.save(tmp_path / "rows.npy", records(32).source)
    out, source = tmp_path / "run", str(tmp_path / "rows.npy")
    cp.fit(source, out=out, encoder=THEIRS, modality="table", **TINY)
    assert len(cp.load(out).embed(source)) == 32  # it was named in this process
    trust._NAMED.clear()
    with pytest.raises(Untrusted, match=THEIRS):
        cp.load(out)
    with pytest.raises(Untrusted):
        cp.fit(source, out=out, resume=True)
    assert len(cp.load(out, trust=True).embed(source)) == 32
    embed = ["embed", str(out), source, "--out", str(tmp_path / "z.npz")]
    trust._NAMED.clear()
    with pytest.raises(SystemExit):
        main(embed)
    assert f"names the encoder '{THEIRS}'" in capsys.readouterr().err
    main([*embed, "--trust"])
    trust._NAMED.clear()
    with pytest.raises(Untrusted):  # what one command trusts, the next one does not
        cp.load(out)


def test_what_is_resumed_is_trusted_as_far_as_it_is_named_again():
    usual, before = Plan().record(), Plan(views="their.module:look").record()
    with pytest.raises(Untrusted, match=r"their\.module:look"):
        run_folder.merged(usual, before, usual, {})
    assert run_folder.merged(before, before, usual, {}) == before


def test_a_prefix_of_another_library_means_no_module():
    for kind in ("encoder", "views", "negatives"):
        with pytest.raises(UnknownName):
            catalogue.find(kind, "timm:create_model")


@pytest.mark.parametrize("spec", ["hardest(k='x')", "hardest(k=1e999)", "hardest(k={})", f"hardest(k={'(' * 9999})"])
def test_options_are_short_literals_of_the_types_that_the_part_takes(spec):
    with pytest.raises(InputError):
        catalogue.find("negatives", spec)


def test_a_network_is_not_built_larger_than_its_weights(run):
    for encoder in ("mlp(width=30000)", "mlp(width=8, layers=30000)", "mlp(width=1000000000)", "mlp(layers=100000)"):
        change(run / "config.json", encoder=encoder)
        with pytest.raises(RunError, match=r"far larger than its weights|is above 65,536"):
            cp.load(run)


def test_weights_of_other_shapes_with_others_or_without_some_are_refused_in_a_sentence(run):
    file = run / "model.safetensors"
    held = load_file(file)
    name = next(name for name, tensor in held.items() if tensor.ndim)
    for weights in (held | {name: held[name][:1]}, held | {"more": torch.ones(2)}, {name: held[name]}, {}):
        save_file(weights, file)
        change(run / "config.json", weights=fingerprint(file))
        with pytest.raises(RunError, match="another architecture"):
            cp.load(run)
    file.write_bytes(file.read_bytes()[:-3])
    change(run / "config.json", weights=fingerprint(file))
    with pytest.raises(RunError, match="is damaged"):
        cp.load(run)


def test_a_state_that_is_none_is_refused_and_not_unpickled(run):
    state = checkpoint.read(run / "state.pt")
    for wrong in (state | {"step": "x"}, state | {"method": {"a": 1}}, {"step": 1}, [Plan()]):
        torch.save(wrong, run / "state.pt")
        with pytest.raises(RunError, match="is damaged"):
            checkpoint.read(run / "state.pt")


def test_the_data_that_a_run_names_is_read_where_the_run_was_made_here(run, tmp_path, monkeypatch):
    assert "not at hand" not in cp.report(run).read_text()
    np.save(tmp_path / "secret.npy", records(20).source)
    change(run / "plan.json", source="secret.npy", source_path=str(tmp_path / "secret.npy"))
    with pytest.raises(RunError, match="made elsewhere"):
        run_folder.source_of(run)
    assert "not at hand" in cp.report(run).read_text()
    assert "not at hand" not in cp.report(run, source=tmp_path / "secret.npy").read_text()
    monkeypatch.setenv("COUNTERPOINT_STATE", str(tmp_path / "secret.npy"))  # a file, where no key can be kept
    with pytest.raises(RunError, match="made elsewhere"):
        run_folder.at_hand(run_folder.sealed("source", "here.csv", None), "source", "It learned from")


def test_names_are_shown_on_a_terminal_and_not_obeyed(capsys):
    with pytest.raises(SystemExit):
        main(["list", "\x1b]0;title\x07\u202emethods"])
    said = capsys.readouterr().err
    assert r"\x1b]0;title\x07\u202emethods" in said
    assert "\x1b" not in said
    assert "\x1b" not in str(SourceError("'\x1b[2J.png' cannot be read."))


def test_formulas_become_text_where_that_is_wanted(tmp_path):
    result = [Prediction("=cmd|' /C calc'!A0", "@x", 0.5)]
    write_predictions(result, tmp_path / "a.csv", spreadsheet_safe=True)
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "'=cmd|' /C calc'!A0,'@x,0.500000"
