"""Faults lose nothing: killed processes, full disks, numbers that are none, names that are no text."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import counterpoint as cp
from counterpoint import api
from counterpoint.cli import main
from counterpoint.data.listing import of_folder
from counterpoint.data.photos import cache_folder, open_photos
from counterpoint.errors import InputError, RunError
from counterpoint.runs import run_folder
from counterpoint.storage.files import LOCK, PARTIAL
from counterpoint.tuning.standings import contest_table
from tests.kills import chosen_moments, moments
from tests.worlds import records

TINY = {"epochs": 1, "batch_size": 16, "width": 4, "head_hidden": 8, "head_outputs": 8, "precision": "fp32"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a table of rows, and their labels."""
    folder, made = tmp_path_factory.mktemp("world"), records(count=48)
    np.save(folder / "rows.npy", made.source)
    np.save(folder / "labels.npy", made.labels)
    return folder


def weights_in(folder):
    """All weights in a folder, by the paths of their files."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.safetensors")}


def timeless(record):
    """A record without times, machines and places."""
    if isinstance(record, dict):
        left = ("seconds", "plan_seconds", "judging_seconds", "out", "command", "machine", "untrained")
        return {name: timeless(value) for name, value in record.items() if name not in left}
    return [timeless(each) for each in record] if isinstance(record, list) else record


def semi(world, out, *, seed=2, **how):
    choices = {"epochs": 1, "batch_size": 16, "width": 4, "seed": seed}
    cp.semi(world / "rows.npy", labels=world / "labels.npy", out=out, **choices, **how)


def compare(world, out, *, seed=2, **how):
    given = {"labels": world / "labels.npy", "out": out, "seeds": 1, "seed": seed}
    cp.compare(world / "rows.npy", ["simclr", "byol"], **given, **TINY, **how)


def tune(world, out, *, seed=2, **how):
    given = {"labels": world / "labels.npy", "out": out, "trials": 3, "repeats": 1, "seed": seed}
    cp.tune(world / "rows.npy", **given, **TINY, **how)


KILLED = {
    semi: weights_in,
    compare: lambda out: timeless(json.loads((out / "comparison.json").read_text())),
    tune: lambda out: timeless(json.loads((out / "trials.json").read_text())),
}


@pytest.mark.slow
@pytest.mark.parametrize("verb", KILLED, ids=lambda verb: verb.__name__)
def test_killed_at_twenty_moments_a_verb_goes_on_to_the_same_result(verb, world, tmp_path, monkeypatch):
    """Every other kill hits a verb that replaces what another seed had made: nothing of that may stay."""
    monkeypatch.setattr("counterpoint.verbs.distill.fitting_epochs", lambda items: 1)
    monkeypatch.setattr("counterpoint.classification.finetuning.STEPS", 2)
    monkeypatch.setattr("counterpoint.verbs.label_budgets.LONGER", 1)
    verb(world, tmp_path / "earlier", seed=1)
    verb(world, tmp_path / "whole")
    expected = KILLED[verb](tmp_path / "whole")
    every = chosen_moments(tmp_path / "counted", lambda: verb(world, tmp_path / "counted"))
    assert len(every) == 20
    for number, last in enumerate(every):
        out = tmp_path / f"killed-{last}"
        if number % 2:
            shutil.copytree(tmp_path / "earlier", out)
        assert moments(out, partial(verb, world, out, overwrite=out.exists()), last=last) is None
        try:
            verb(world, out, resume=True)
        except RunError:
            verb(world, out, overwrite=out.exists())
        assert KILLED[verb](out) == expected
        assert not list(out.rglob(f".*{PARTIAL}"))
        shutil.rmtree(out)


@pytest.fixture(scope="module")
def model(world):
    """A model of the rows, in a folder."""
    cp.fit(world / "rows.npy", out=world / "run", **TINY)
    return world / "run"


@pytest.mark.slow
def test_sharded_vectors_are_the_same_after_any_kill(world, model, tmp_path):
    (tmp_path / "data").mkdir()
    for number, part in enumerate(np.split(np.load(world / "rows.npy"), 6)):
        np.save(tmp_path / "data" / f"{number}.npy", part)

    def work(out, **how):
        return cp.embed_shards(model, tmp_path / "data", out, **how)

    work(tmp_path / "whole")
    expected = cp.Embeddings.load(tmp_path / "whole")
    for last in chosen_moments(tmp_path / "counted", lambda: work(tmp_path / "counted")):
        out = tmp_path / f"killed-{last}"
        assert moments(out, lambda: work(out), last=last) is None  # noqa: B023
        work(out)
        result = cp.Embeddings.load(out)
        assert (result.names, result.vectors.tolist()) == (expected.names, expected.vectors.tolist())
        assert not list(out.rglob(".*"))


def pictures(folder, count=6):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / os.fsdecode(b"caf\xe9-%d.png" % number))


@pytest.mark.slow
def test_a_cache_is_whole_after_any_kill_and_nothing_is_left_beside_it(tmp_path, monkeypatch):
    pictures(tmp_path / "photos")

    def work():
        items = open_photos(of_folder(tmp_path / "photos"), size=8, channels=1)
        return items.take(np.arange(len(items))).tolist()

    def cached_at(name):
        monkeypatch.setenv("COUNTERPOINT_CACHE", str(tmp_path / name))
        return tmp_path / name

    expected = work()
    for last in chosen_moments(cached_at("counted"), work):
        assert moments(cached_at(f"killed-{last}"), work, last=last) is None
        assert work() == expected
        pictures(tmp_path / "photos")  # changed, so that the cache is written anew
        assert work() == expected
        assert [each.name[0] != "." for each in cache_folder().glob("*/*")] == [True]


def poisoned(monkeypatch, at):
    """Makes a weight NaN at a step, with a loss that is a number, as a last bad gradient does."""
    from counterpoint.training import loop

    learn = loop.train_step

    def learn_badly(method, *given, step, **named):
        result = learn(method, *given, step=step, **named)
        if step == at:
            next(iter(method.parameters())).data.view(-1)[0] = torch.nan
        return result

    monkeypatch.setattr(loop, "train_step", learn_badly)


@pytest.mark.parametrize("at", [3, 5])
def test_weights_that_are_no_numbers_are_never_saved(at, world, tmp_path, monkeypatch):
    poisoned(monkeypatch, at)
    long = TINY | {"epochs": 2, "save_every": 1}
    with pytest.raises(InputError, match=f"Weights .* not finite after step {at + 1}: .*learning_rate="):
        cp.fit(world / "rows.npy", out=tmp_path / "run", **long)
    kept = torch.load(tmp_path / "run" / run_folder.STATE, weights_only=True)
    assert kept["step"] == at
    assert all(each.isfinite().all() for each in kept["method"].values())
    assert not (tmp_path / "run" / "model.safetensors").exists()
    with pytest.raises(InputError, match="not finite"):
        cp.fit(world / "rows.npy", **long)


def damaged(run):
    """A model in memory, one of whose weights is NaN."""
    kept = cp.load(run)
    next(iter(kept.encoder.parameters())).data.view(-1)[0] = torch.nan
    return kept


def test_a_model_of_no_numbers_is_neither_saved_nor_exported_nor_loaded(model, tmp_path):
    from counterpoint.storage.files import write_json
    from counterpoint.storage.weights import write_weights

    bad, copied = damaged(model), tmp_path / "run"
    shutil.copytree(model, copied)
    for refused in (bad.save, lambda out: api.export(bad, out / "m.safetensors")):
        with pytest.raises(InputError, match="hold NaN or infinite numbers"):
            refused(copied)
    assert cp.load(copied).fingerprint() == cp.load(model).fingerprint()
    config = json.loads((copied / "config.json").read_text())
    write_json(copied / "config.json", config | {"weights": write_weights(copied / "model.safetensors", bad.encoder)})
    with pytest.raises(InputError, match="hold NaN or infinite numbers"):
        cp.load(copied)


def test_infinity_may_stand_in_a_buffer_and_nan_may_not():
    from counterpoint.storage.weights import not_finite

    network = torch.nn.Linear(2, 2)
    network.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    assert not_finite(network) is None
    network.mask[0] = torch.nan
    assert not_finite(network) == "mask"


def test_vectors_of_no_numbers_are_refused_wherever_they_come_from(world, model, tmp_path):
    rows = np.load(world / "rows.npy")
    told = r"(\d+) of \d+ vectors hold NaN or infinite numbers, first that of '(row )?0'"
    with pytest.raises(InputError, match=told):
        damaged(model).embed(rows)
    with pytest.raises(InputError, match=told):
        cp.evaluate(damaged(model), world / "rows.npy", labels=world / "labels.npy")
    z = cp.load(model).embed(rows)
    vectors = z.vectors.copy()
    vectors[[0, 7], 2] = np.nan, np.inf
    with pytest.raises(InputError, match=told):
        cp.Embeddings(vectors, z.names)
    np.savez(tmp_path / "z.npz", vectors=vectors, names=np.asarray(z.names), model=z.model)
    for verb in (cp.Embeddings.load, lambda path: cp.search(model, path, like=0)):
        with pytest.raises(InputError, match=told):
            verb(tmp_path / "z.npz")
    assert len(cp.Embeddings(np.full((2, 3), 2e38, dtype=np.float32), ["a", "b"])) == 2


def rest_of(run, out, *names):
    """What a process that was killed may have left of a run."""
    out.mkdir()
    for name in names:
        shutil.copy(run / name, out / name)
    return out


@pytest.mark.parametrize(
    "left", [["state.pt"], ["metrics.jsonl", "views.json"], ["plan.json", "state.pt"], ["plan.json"]]
)
def test_what_is_left_of_a_run_is_overwritten_and_never_mixed(left, world, model, tmp_path):
    (model / "views.json").touch()
    out = rest_of(model, tmp_path / "run", *left)
    if "plan.json" in left:
        (out / "plan.json").write_text('{"source": ')
    for how in ({}, {"resume": True}):
        with pytest.raises(RunError, match="overwrite=True"):
            cp.fit(world / "rows.npy", out=out, **how, **TINY)
    again = cp.fit(world / "rows.npy", out=out, overwrite=True, **TINY)
    assert again.fingerprint() == cp.load(model).fingerprint() == cp.load(out).fingerprint()


@pytest.mark.parametrize("name", ["plan.json", "config.json"])
def test_a_folder_of_somebody_else_is_not_overwritten(name, tmp_path):
    (tmp_path / name).write_text('{"architectures": ["ViT"], "storeys": 2}')
    (tmp_path / "model.safetensors").write_bytes(b"theirs")
    with pytest.raises(RunError, match="holds other things than a run"):
        cp.fit("sample:fashion", out=tmp_path, overwrite=True)
    assert (tmp_path / "model.safetensors").read_bytes() == b"theirs"


def test_a_search_that_was_killed_before_its_record_says_what_to_do(world, tmp_path):
    pytest.importorskip("optuna")
    (tmp_path / "search.jsonl").write_text("{}\n")
    with pytest.raises(RunError, match=r"stopped before it had a record\. Start anew"):
        cp.tune(world / "rows.npy", out=tmp_path, resume=True)
    (tmp_path / "theirs.txt").touch()
    with pytest.raises(RunError, match="holds other things than a search"):
        cp.tune(world / "rows.npy", out=tmp_path, overwrite=True)


def test_two_verbs_never_leave_their_results_in_one_run_at_once(world, model):
    from counterpoint.runs.locks import locked

    rows, labels = world / "rows.npy", world / "labels.npy"
    verbs = [
        lambda run: cp.evaluate(run, rows, labels=labels),
        lambda run: cp.label_efficiency(model=run, train=rows, labels=labels),
        lambda run: cp.verification(run, rows, labels=labels),
        lambda run: cp.evaluate_retrieval(run, rows, pairs=["a", "b"]),
        lambda run: cp.evaluate_retrieval(run, rows, rows, rows),
        lambda run: cp.evaluate_similarity(run, rows, pairs=["a", "b"], scores="c"),
        api.report,
    ]
    with locked(model):
        for verb in verbs:
            with pytest.raises(RunError, match=r"is being written by process .* or work on a copy of it"):
                verb(model)
    assert not (model / LOCK).exists()


@pytest.fixture(params=["limit", "disk"])
def small(request, tmp_path):
    """A folder in which no file can be longer than 64 kB: by a limit of the process, or because the disk is full."""
    import resource

    if request.param == "limit":
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
        yield tmp_path
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_is_said_in_a_sentence_and_what_was_there_stays(small, monkeypatch):
    from counterpoint.storage.files import write_json
    from counterpoint.storage.weights import write_weights
    from counterpoint.training import checkpoint

    large = np.zeros((300, 100), dtype=np.float32)
    writers = {
        "state.pt": lambda path: checkpoint.save({"method": {"w": torch.from_numpy(large)}}, path),
        "model.safetensors": lambda path: write_weights(path, torch.nn.Linear(300, 100)),
        "plan.json": lambda path: write_json(path, large.tolist()),
        "z.npz": lambda path: cp.Embeddings(large, [str(row) for row in range(300)]).save(path),
    }
    for name, write in writers.items():
        (small / name).write_text("before")
        with pytest.raises(InputError, match=rf"{name}' cannot be written: .*What was there is as it was"):
            write(small / name)
        assert (small / name).read_text() == "before"
    monkeypatch.setenv("COUNTERPOINT_CACHE", str(small / "cache"))
    monkeypatch.setattr("counterpoint.data.photos.cache_folder", lambda: small / "cache")
    pictures(small)
    with pytest.raises(InputError, match=r"cannot be kept in .*Make room"):
        open_photos(of_folder(small), size=128, channels=1)
    assert not [path for path in small.rglob(".*") if path.is_file()]


def test_a_comparison_goes_on_with_the_same_data_and_labels_only(world, tmp_path):
    rows, labels = np.load(world / "rows.npy"), np.load(world / "labels.npy")
    given = {"labels": tmp_path / "l.npy", "test": tmp_path / "t.npy", "out": tmp_path / "out", "seeds": 1, **TINY}
    given["labels"] = (tmp_path / "l.npy", tmp_path / "m.npy")
    held = {"r": rows[:40], "l": labels[:40], "t": rows[40:], "m": labels[40:]}
    for name, array in held.items():
        np.save(tmp_path / f"{name}.npy", array)
    cp.compare(tmp_path / "r.npy", ["simclr"], **given)
    for name, array in held.items():
        np.save(tmp_path / f"{name}.npy", np.roll(array, 1, axis=0))
        with pytest.raises(RunError, match="comparison was started on other data"):
            cp.compare(tmp_path / "r.npy", ["simclr"], resume=True, **given)
        np.save(tmp_path / f"{name}.npy", array)
    result = cp.compare(tmp_path / "r.npy", ["simclr"], resume=True, **given)
    assert "training items" not in contest_table(result).splitlines()[-1]
    assert "2 of 8 test items are" in contest_table({**result, "items": {**result["items"], "shared": 2}})


def test_contenders_that_differ_by_a_sign_have_folders_of_their_own():
    from counterpoint.tuning.contest import folder_name

    specs = ["m(a=1)", "m(a=-1)", "m(a=+1)", "m a=1", "m(a=1", "m(a =1)", "m-a-1", "m(a=1,)", "m(b=" + "1" * 300 + ")"]
    assert len({folder_name(spec) for spec in specs}) == len(specs)
    assert max(map(len, map(folder_name, specs))) < 100


def test_test_items_that_are_training_items_are_noticed_by_what_they_are(world, model, tmp_path):
    rows, labels = np.load(world / "rows.npy"), np.load(world / "labels.npy")
    (tmp_path / "link.npy").symlink_to(world / "rows.npy")
    shutil.copy(world / "rows.npy", tmp_path / "copy.npy")
    other = rows + 1.0
    other[[3, 5]] = rows[[7, 40]]
    for test, count, told in (
        (tmp_path / "link.npy", 48, "are the training items"),
        (tmp_path / "copy.npy", 48, "are the training items"),
        (rows, 48, "are the training items"),
        (other, 2, "2 of 48 test items are training items too"),
        (rows + 1.0, 0, None),
    ):
        result = cp.evaluate(model, world / "rows.npy", test, labels=(labels, labels))
        assert result["shared"] == count
        assert told in result["note"] if told else "note" not in result


def test_names_that_are_no_text_go_through_every_verb(tmp_path, monkeypatch):
    import io

    for label in (b"na\xefve", b"plain"):
        pictures(tmp_path / "photos" / os.fsdecode(label), count=10)
    photos, run = tmp_path / "photos", tmp_path / os.fsdecode(b"r\xfcn")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))  # strict, as in most shells
    words = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    main(["fit", str(photos), "--out", str(run), "--labels", "folder", *words])
    for json_too in ([], ["--json"]):
        main(["search", str(run), str(photos), "--like", "0", *json_too])
        main(["duplicates", str(run), str(photos), "--threshold", "0.1", *json_too])
        main(["evaluate", str(run), "--labels", "folder", *json_too])
    main(["embed", str(run), str(photos), "--out", str(tmp_path / "z.npz")])
    main(["duplicates", str(run), str(photos), "--threshold", "0.1", "--html", str(tmp_path / "pairs.html")])
    main(["report", str(run)])
    z = cp.Embeddings.load(tmp_path / "z.npz")
    assert z.names == sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.png"))
    assert os.fsdecode(b"na\xefve/caf\xe9-0.png") in z.names
    assert os.fsdecode(b"na\xefve") in run_folder.read_plan(run)["followed"]


@pytest.mark.slow
def test_a_user_whom_the_system_does_not_know_can_train(world, tmp_path):
    nobody = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", sys.executable]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(cp.__file__).parents[1])}
    if shutil.which("setpriv") is None or subprocess.run([*nobody, "-c", "import torch"], env=env).returncode:
        pytest.skip("nobody else may run this interpreter, or become another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        shutil.copy(world / "rows.npy", folder)
        words = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        command = [*nobody, "-m", "counterpoint", "fit", f"{folder}/rows.npy", "--out", f"{folder}/run", *words]
        done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (Path(folder) / "run" / "config.json").exists()
