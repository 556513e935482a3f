"""Paths as people give them, folders that we write, and what is neither: homes, links, pipes, locks."""

import fcntl
import json
import os
import pwd
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import counterpoint as cp
from counterpoint import api
from counterpoint.cli import main
from counterpoint.data.idx import pictures_in
from counterpoint.data.listing import files_in, of_folder, of_paths
from counterpoint.data.paths import existing, ours
from counterpoint.data.photos import cache_folder, open_photos
from counterpoint.errors import InputError, RunError, SourceError
from counterpoint.runs import locks, run_folder
from counterpoint.runs.locks import holds_out, locked
from counterpoint.storage.files import LOCK, expanded, replacing, write_json
from tests.worlds import stripes

TINY = {"epochs": 1, "batch_size": 20, "width": 8, "head_hidden": 8, "head_outputs": 8}
WORDS = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]
RUN = {"asked": {}, "settled": {}, "source": "photos", "command": None}


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(len(path.name)).integers(0, 255, (16, 16), dtype=np.uint8)).save(path)


def names(folder):
    return sorted(file.relative_to(folder).as_posix() for file in files_in(folder, set()))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home folder with pictures, their labels and a run of them, all of them named by ``~``."""
    home = tmp_path_factory.mktemp("home")
    world = stripes(count=40)
    (home / "data").mkdir()
    np.save(home / "data" / "pictures.npy", world.source)
    np.save(home / "data" / "labels.npy", np.asarray(world.labels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.chdir(home / "data")
        main(["fit", "~/data/pictures.npy", "--out=~/runs/absolute", *WORDS])
        cp.fit("pictures.npy", out="~/runs/relative", labels="~/data/labels.npy", **TINY)
        yield home


def test_a_home_folder_is_followed_wherever_a_path_is_given(home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cp.load("~/runs/absolute").modality.name == "image"
    capsys.readouterr()
    main(["embed", "~/runs/absolute", "~/data/pictures.npy", "--out=~/z.npz", "--json"])
    assert json.loads(capsys.readouterr().out)["items"] == 40
    assert len(cp.Embeddings.load("~/z.npz")) == 40
    cp.evaluate("~/runs/absolute", "~/data/pictures.npy", labels="~/data/labels.npy")
    main(["lab", "~/data/pictures.npy", "--model=~/runs/absolute", "--items", "32", "--out=~/lab", "--json"])
    assert api.report("~/runs/absolute") == home / "runs" / "absolute" / "report.html"
    assert (home / "lab" / "report.html").exists()
    assert not any(tmp_path.iterdir())


def test_a_run_says_where_its_source_lies_so_that_it_is_found_from_any_folder(home, tmp_path, monkeypatch):
    source = str(home / "data" / "pictures.npy")
    absolute, relative = (run_folder.read_plan(home / "runs" / name) for name in ("absolute", "relative"))
    assert (absolute["source"], absolute["source_path"]) == (source, source)
    assert (relative["source"], relative["source_path"]) == ("pictures.npy", source)
    assert relative["directory"] == str(home / "data")
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "pictures.npy", np.zeros(3))  # of the same name, and other data
    assert run_folder.source_of(home / "runs" / "relative") == source
    gone = run_folder.sealed("source", "pictures.npy", "/nowhere/pictures.npy")
    assert run_folder.at_hand(gone, "source", "It learned from") == "pictures.npy"
    with pytest.raises(RunError, match="not to be found from here"):
        run_folder.at_hand(run_folder.sealed("source", "numpy.ndarray", None), "source", "It learned from")


def test_a_home_that_nobody_knows_is_said_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no user 'nobody-of-this-name'"):
        expanded("~nobody-of-this-name/photos")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~nobody-of-this-name").touch()
    assert expanded("~nobody-of-this-name").is_file()
    assert str(expanded(f"~{pwd.getpwuid(os.getuid()).pw_name}/x")).endswith("/x")

    def nobody(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(InputError, match="HOME is not set"):
        cp.load("~/runs/x")
    monkeypatch.delenv("COUNTERPOINT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(SourceError, match="Set COUNTERPOINT_CACHE to a folder"):
        cache_folder()
    monkeypatch.setenv("COUNTERPOINT_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_a_network_is_looked_for_in_the_home_folder(home):
    pytest.importorskip("transformers")
    from counterpoint.encoders.hugging_face import described

    with pytest.raises(SourceError, match=f"hf:{home}/net"):
        described("hf:~/net")


@pytest.mark.parametrize("empty", ["", " \t"])
def test_an_empty_path_is_refused_and_is_not_the_current_folder(empty):
    for verb in (existing, cp.load, cp.load_classifier, cp.Embeddings.load, lambda path: cp.fit("x", out=path)):
        with pytest.raises(InputError, match="A path is empty"):
            verb(empty)
    with pytest.raises(InputError, match="A path is empty"):
        cp.fit(empty)


def test_links_in_a_circle_pipes_and_links_to_pipes_are_no_files(tmp_path):
    photo(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "one.png").symlink_to("two.png")
    (tmp_path / "two.png").symlink_to("one.png")
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    assert pictures_in(tmp_path) is None
    (tmp_path / "to pipe.png").symlink_to("pipe.png")
    assert names(tmp_path) == ["a/1.png", "one.png", "two.png"]
    items = open_photos(of_folder(tmp_path), size=8, channels=1)
    assert items.names == ["a/1.png"]
    assert [name for name, _ in items.skipped] == ["one.png", "two.png"]
    items = open_photos(of_paths([tmp_path / "a" / "1.png", tmp_path / "pipe.png"]), size=8, channels=1)
    assert [why for _, why in items.skipped] == ["it cannot be read: it is a pipe, a socket or a device"]
    for path, why in (("pipe.png", "is a pipe"), ("to pipe.png", "is a pipe"), ("one.png", "leads nowhere")):
        with pytest.raises(SourceError, match=why):
            existing(tmp_path / path)
    for path, why in (("/dev/null", "is a pipe, a socket or a device"), ("x" * 300, "cannot be read"), ("-", "input")):
        with pytest.raises(SourceError, match=why):
            existing(path)


def test_folders_that_we_write_are_no_data_and_those_of_others_are(tmp_path):
    for record in ("plan.json", "comparison.json", "trials.json", "lab.json"):
        folder = tmp_path / record.partition(".")[0]
        photo(folder / "runs" / "views.png")
        write_json(folder / record, RUN)  # as of a run that was killed before its first model
        assert ours(folder)
        with pytest.raises(SourceError, match="is a run, not data"):
            existing(folder)
    for name, content in (("list", []), ("plan", {"source": "roof", "storeys": 2})):
        photo(tmp_path / "house" / name / "front.png")
        write_json(tmp_path / "house" / name / "plan.json", content)
    photo(tmp_path / "damaged" / "1.png")
    (tmp_path / "damaged" / "plan.json").write_bytes(b"\xff")
    assert [name for name in names(tmp_path) if name.endswith("png")] == [
        "damaged/1.png",
        "house/list/front.png",
        "house/plan/front.png",
    ]


def test_a_run_inside_its_source_is_not_read_again(tmp_path):
    for number in range(24):
        photo(tmp_path / f"{number:02}.png")
    for out in ("first", "deeper/second"):
        cp.fit(tmp_path, out=tmp_path / out, **TINY)
        assert run_folder.read_plan(tmp_path / out)["items"] == 24
    (tmp_path / "first" / "model.safetensors").unlink()  # as if it had been killed
    (tmp_path / "first" / "config.json").unlink()
    assert len(of_folder(tmp_path).names) == 24


def test_a_folder_with_data_in_it_is_not_written_into(tmp_path):
    photo(tmp_path / "photos" / "1.png")
    for out in (tmp_path, tmp_path / "photos"):
        for overwrite in (False, True):
            with pytest.raises(RunError, match="holds other things than a run"):
                cp.fit(tmp_path / "photos", out=out, overwrite=overwrite)
    assert names(tmp_path) == ["photos/1.png"]


HOLD = """
import sys, time
from pathlib import Path
from counterpoint.storage.files import replacing
from counterpoint.runs.locks import locked
out = Path(sys.argv[1])
with locked(out), replacing(out / "plan.json"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_that_another_process_writes_into_is_refused_until_that_ends_or_is_killed(tmp_path, capsys):
    out = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SystemExit) as stopped:
            main(["fit", "sample:fashion", "--out", str(out)])
        said = capsys.readouterr().err
        other.send_signal(signal.SIGKILL)
    assert stopped.value.code == 2
    assert f"'{out}' is being written by process {other.pid} on " in said
    assert "Wait for it, stop it, or choose another --out." in said
    left = {path.name for path in out.iterdir()}
    assert len(left) == 2
    assert LOCK in left  # and a plan that is half-written
    with locked(out):
        assert {path.name for path in out.iterdir()} == {LOCK}
        run_folder.check(out, resume=False, overwrite=False)
    assert not any(out.iterdir())


def test_every_verb_that_fills_a_folder_holds_it_and_reads_no_data_before(home, tmp_path):
    verbs = {
        "fit": lambda out: cp.fit("nowhere", out=out),
        "finetune": lambda out: cp.finetune("nowhere", "nowhere", out=out),
        "distill": lambda out: cp.distill("nowhere", "nowhere", out=str(out)),
        "semi": lambda out: cp.semi("nowhere", out=out),
        "compare": lambda out: cp.compare("nowhere", ["simclr"], out=out),
        "tune": lambda out: cp.tune("nowhere", out=out),
        "lab": lambda out: cp.lab("nowhere", out=out),
        "embed_shards": lambda out: cp.embed_shards("~/runs/absolute", home / "data", out),
    }
    with locked(tmp_path / "out"):
        for verb in verbs.values():
            with pytest.raises(RunError, match=f"is being written by process {os.getpid()} on "):
                verb(tmp_path / "out")
    for name, verb in verbs.items():
        if name != "embed_shards":
            with pytest.raises(InputError):
                verb(tmp_path / "out" / "deeper")
    assert not any(tmp_path.iterdir())  # folders made in vain are removed again


def test_of_many_at_once_one_holds_a_folder(tmp_path):
    inside, most, done = [], [], []

    def work():
        while len(done) < 200:
            try:
                with locked(tmp_path / "a" / "run"):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
                    done.append(1)
            except RunError:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert not list(tmp_path.rglob(LOCK))


def test_where_folders_cannot_be_locked_a_warning_says_so_and_nothing_is_removed(tmp_path, monkeypatch):
    def unsupported(handle, how):
        raise OSError(locks.UNSUPPORTED[0], "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    warned = pytest.warns(UserWarning, match="cannot be locked")
    with replacing(tmp_path / "plan.json") as temporary, warned, locked(tmp_path):
        assert temporary.exists()  # it may be of a process at work
    assert not (tmp_path / LOCK).exists()


def test_of_several_processes_the_first_holds_the_folder(tmp_path, monkeypatch):
    verb = holds_out(lambda *, out: sorted(path.name for path in tmp_path.glob("*/*")))
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, there in (("0", [LOCK]), ("1", [])):
        monkeypatch.setenv("RANK", rank)
        assert verb(out=tmp_path / "run") == there


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "file").touch()
    for out, why in (("one", "cannot be written to"), ("file", "is a file"), ("file/run", "cannot be written to")):
        with pytest.raises(RunError, match=why):
            cp.fit("sample:fashion", out=tmp_path / out)
