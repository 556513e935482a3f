"""Embedding shard by shard: the same vectors, restartable, in one process, in several, and on Ray."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import csv, parquet

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.data.shards import shards_of
from counterpoint.errors import InputError, MissingPackage, RunError, SourceError
from tests.worlds import records, stripes

TINY = {"epochs": 1, "batch_size": 32, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two folders of photos, and five loose ones beside them."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    for number, picture in enumerate(stripes(count=37).source):
        place = folder / ("bark", "leaves")[number % 2] if number < 32 else folder
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:03}.png")
    return folder


@pytest.fixture(scope="module")
def seer(tmp_path_factory):
    """The run folder of a model for pictures."""
    out = tmp_path_factory.mktemp("runs") / "seer"
    cp.fit(stripes(count=64).source, out=out, **TINY)
    return out


def write_tables(folder, shards=6, rows=20, first=0):
    folder.mkdir(parents=True, exist_ok=True)
    values = records(count=shards * rows).source
    for number in range(shards):
        some = values[number * rows : (number + 1) * rows]
        columns = {f"c{column}": some[:, column] for column in range(some.shape[1])}
        parquet.write_table(pa.table(columns), folder / f"day-{first + number:03}.parquet")
    return folder


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write_tables(tmp_path_factory.mktemp("tables") / "days")


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """What the models for tables learn from."""
    return write_tables(tmp_path_factory.mktemp("known"), shards=1, rows=64) / "day-000.parquet"


@pytest.fixture(scope="module")
def reader(known, tmp_path_factory):
    """The run folder of a model for tables."""
    out = tmp_path_factory.mktemp("runs") / "reader"
    cp.fit(known, out=out, **TINY)
    return out


def same(one, other):
    """The same names and, but for the rounding of other batches, the same vectors."""
    order = [one.place(name) for name in other.names]
    assert sorted(one.names) == sorted(other.names)
    np.testing.assert_allclose(one.vectors[order], other.vectors, atol=1e-5)
    assert one.model == other.model


def test_a_folder_of_photos_gives_the_vectors_and_names_of_embedding_it_at_once(photos, seer, tmp_path):
    done = cp.embed_shards(seer, photos, tmp_path / "z", shard_size=2)
    names = {path.name for path in (tmp_path / "z").iterdir()}
    assert names == {"bark.npz", "leaves.npz", "part-00000.npz", "part-00001.npz", "part-00002.npz"}
    assert (done["items"], done["shards"], done["skipped"], done["failed"]) == (37, 5, 0, [])
    assert done["items_per_second"] > 0
    z = cp.Embeddings.load(tmp_path / "z")
    same(z, cp.embed(seer, photos))
    assert cp.search(z, like="bark/000.png", k=3)


def test_archives_are_shards(photos, seer, tmp_path):
    for kind in ("bark", "leaves"):
        with tarfile.open(tmp_path / f"{kind}.tar.gz", "w:gz") as packed:
            for photo in sorted((photos / kind).iterdir()):
                packed.add(photo, photo.name)
    cp.embed_shards(seer, f"{tmp_path}/*.tar.gz", tmp_path / "z")
    for kind in ("bark", "leaves"):
        same(cp.Embeddings.load(tmp_path / "z" / f"{kind}.npz"), named(cp.embed(seer, photos / kind), kind))


def named(z, shard):
    """Embeddings with the name of their shard in front of every name."""
    return cp.Embeddings(z.vectors, [f"{shard}/{name}" for name in z.names], z.model)


def test_files_of_columns_and_numbers_are_shards_in_any_depth(reader, tables, tmp_path):
    source = tmp_path / "years"
    shutil.copytree(tables, source / "2025")
    csv.write_csv(parquet.read_table(tables / "day-001.parquet").slice(0, 9), source / "extra.csv")
    (source / "notes.txt").write_text("nothing to see", encoding="utf-8")
    done = cp.embed_shards(reader, source, tmp_path / "z")
    assert done["shards"] == 7
    z = cp.Embeddings.load(tmp_path / "z")
    assert list(z.names[:2]) == ["2025/day-000/0", "2025/day-000/1"]
    assert z.names[-1] == "extra/8"
    same(
        cp.Embeddings.load(tmp_path / "z" / "2025" / "day-003.npz"),
        named(cp.embed(reader, tables / "day-003.parquet"), "2025/day-003"),
    )


def test_files_of_lines_are_shards_where_there_is_nothing_else(tmp_path):
    for name in ("one.txt", "deep/two.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a line\nand another\n", encoding="utf-8")
    assert [shard.name for shard in shards_of(tmp_path, size=10)] == ["deep/two", "one"]
    model = cp.fit(["a line", "and another", "and a third", "a fourth"] * 4, epochs=1, batch_size=4, width=8)
    model.save(tmp_path.with_name("reader"))
    done = cp.embed_shards(tmp_path.with_name("reader"), tmp_path, tmp_path.with_name("z"))
    assert (done["shards"], done["items"]) == (2, 4)


def test_a_list_of_paths_and_one_file_are_shards(tables, photos):
    days = sorted(tables.iterdir())
    assert [shard.name for shard in shards_of([days[2], str(days[0])], size=10)] == ["day-000", "day-002"]
    assert [shard.name for shard in shards_of(days[1], size=10)] == ["day-001"]
    loose = shards_of(sorted(photos.rglob("*.png")), size=30)
    assert [len(shard.source) for shard in loose] == [30, 7]
    assert [loose[0].item(path) for path in loose[0].source[:6:5]] == ["032.png", "bark/000.png"]


def test_only_what_is_missing_or_has_changed_is_embedded(reader, tables, tmp_path):
    days = tmp_path / "days"
    shutil.copytree(tables, days)
    cp.embed_shards(reader, days, tmp_path / "z")
    (tmp_path / "z" / "day-002.npz").unlink()
    os.utime(days / "day-004.parquet", ns=(1, 1))
    again = cp.embed_shards(reader, days, tmp_path / "z")
    assert (again["written"], again["skipped"]) == (2, 4)
    assert cp.embed_shards(reader, days, tmp_path / "z")["written"] == 0


def test_vectors_of_another_model_are_refused_unless_they_are_to_be_replaced(reader, known, tables, tmp_path):
    other = cp.fit(known, seed=1, **TINY)
    cp.embed_shards(other, tables, tmp_path / "z")
    with pytest.raises(RunError, match="holds vectors of another model"):
        cp.embed_shards(reader, tables, tmp_path / "z")
    cp.embed_shards(reader, tables / "day-000.parquet", tmp_path / "mixed")
    shutil.copy(tmp_path / "z" / "day-001.npz", tmp_path / "mixed")
    with pytest.raises(InputError, match="are vectors of different models"):
        cp.Embeddings.load(tmp_path / "mixed")
    with pytest.raises(RunError, match="of no shard of the source"):
        cp.embed_shards(reader, tables / "day-000.parquet", tmp_path / "mixed", overwrite=True)
    done = cp.embed_shards(reader, tables, tmp_path / "z", overwrite=True)
    assert done["written"] == 6
    assert cp.Embeddings.load(tmp_path / "z").model == cp.load(reader).fingerprint()


def test_a_shard_that_cannot_be_read_does_not_stop_the_others_and_two_processes_give_what_one_gives(
    reader, tables, tmp_path, capsys
):
    days = tmp_path / "days"
    shutil.copytree(tables, days)
    (days / "day-001.parquet").write_bytes(b"torn")
    for workers in ("1", "2"):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["embed", str(reader), str(days), "--out", str(tmp_path / workers), "--workers", workers, "--json"])
        assert stopped.value.code == 2
        said = capsys.readouterr()
        done = json.loads(said.out)
        assert [each["shard"] for each in done["failed"]] == ["day-001"]
        assert "cannot be read" in done["failed"][0]["reason"]
        assert (done["items"], done["shards"], done["written"], done["skipped"]) == (100, 6, 5, 0)
        assert "1 of 6 shards could not be embedded" in said.err
        assert len(list((tmp_path / workers).iterdir())) == 5
    for path in sorted((tmp_path / "1").iterdir()):
        one, two = cp.Embeddings.load(path), cp.Embeddings.load(tmp_path / "2" / path.name)
        np.testing.assert_array_equal(one.vectors, two.vectors)
        assert (list(one.names), one.model, one.source) == (list(two.names), two.model, two.source)


def test_the_command_says_what_it_did(seer, photos, tmp_path, capsys):
    main(["embed", str(seer), str(photos), "--out", str(tmp_path / "z"), "--shard-size", "3"])
    assert "4 of 4 shards are written, 0 were there already; 37 vectors" in capsys.readouterr().out
    main(["embed", str(seer), str(photos), "--out", str(tmp_path / "z"), "--shard-size", "3", "--json"])
    again = json.loads(capsys.readouterr().out)
    assert (again["items"], again["shards"], again["skipped"], again["failed"]) == (0, 4, 4, [])
    main(["embed", str(seer), str(photos), "--out", str(tmp_path / "z.npz"), "--json"])
    assert json.loads(capsys.readouterr().out)["items_per_second"] > 0


def started(run, source, out, *options, **changed):
    """The command, running."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), **changed}
    tokens = [sys.executable, "-m", "counterpoint", "embed", str(run), str(source), "--out", str(out), *options]
    return subprocess.Popen(tokens, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children(process):
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()


def gone(numbers):
    """Whether processes have ended, within a few seconds."""
    for _ in range(100):
        if not any(Path("/proc", number).exists() for number in numbers):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are looked up in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_stopped_job_leaves_whole_files_and_no_processes_and_goes_on(how, reader, tmp_path):
    days, out = write_tables(tmp_path / "days", shards=600, rows=4), tmp_path / "z"
    process = started(reader, days, out, "--workers", "2")
    while len(list(out.glob("[!.]*.npz"))) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    helpers = children(process)
    process.send_signal(how)
    process.communicate()
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert helpers
    assert gone(helpers)
    written = {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*.npz")}
    assert 3 <= len(written) < 600
    cp.Embeddings.load(out)
    again = cp.embed_shards(reader, days, out)
    assert again["skipped"] == len(written)
    assert all((out / name).stat().st_mtime_ns == changed for name, changed in written.items())
    assert len(list(out.iterdir())) == 600  # and nothing else: no half file is left


@pytest.fixture(scope="module")
def fragile(known, tmp_path_factory):
    """The run folder of a model that ends its process, once, at one shard of ``deadly``."""
    out = tmp_path_factory.mktemp("runs") / "fragile"
    cp.fit(known, out=out, encoder="tests.fatal:fatal", modality="table", **{**TINY, "width": None})
    return out


@pytest.fixture
def deadly(tmp_path, monkeypatch):
    days = write_tables(tmp_path / "deadly", shards=5, rows=4)
    table = parquet.read_table(days / "day-002.parquet")
    parquet.write_table(table.set_column(0, "c0", pa.array([1e6] * 4, pa.float32())), days / "day-002.parquet")
    fuse = tmp_path / "fuse"
    fuse.touch()
    monkeypatch.setenv("COUNTERPOINT_FUSE", str(fuse))
    return days


@pytest.mark.slow
def test_a_process_that_dies_is_replaced_and_its_shard_reported(fragile, deadly, tmp_path):
    done = cp.embed_shards(fragile, deadly, tmp_path / "z", workers=2)
    assert done["written"] == 4
    assert [each["shard"] for each in done["failed"]] == ["day-002"]
    assert "ended from outside" in done["failed"][0]["reason"]
    again = cp.embed_shards(fragile, deadly, tmp_path / "z")
    assert (again["written"], again["skipped"], again["failed"]) == (1, 4, [])


def test_models_that_other_processes_cannot_load_are_refused(known, tables, tmp_path):
    import torch

    user_parts = cp.fit(known, encoder=torch.nn.Linear(20, 8), **{**TINY, "width": None})
    with pytest.raises(InputError, match="cannot load an encoder of your own"):
        cp.embed_shards(user_parts, tables, tmp_path / "z", workers=2)
    assert cp.embed_shards(user_parts, tables, tmp_path / "z")["written"] == 6


def wrong(tables, tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    (text / "letter.pdf").write_text("Dear Sir", encoding="utf-8")
    twice = tmp_path / "twice"
    shutil.copytree(tables, twice)
    (twice / "day-000.csv").write_text("a\n1\n", encoding="utf-8")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    np.savez(foreign / "day-000.npz", x=np.eye(2))
    return {
        "no shards": (text, {}, SourceError, "There are no shards in"),
        "no match": (f"{text}/*.tar", {}, SourceError, "There are no shards in"),
        "two of a name": (twice, {}, SourceError, "Two shards are called 'day-000'"),
        "an array": (np.eye(20), {}, SourceError, "Got a ndarray; embed it at once"),
        "a sample": ("sample:fashion", {}, SourceError, "Got 'sample:fashion'"),
        "nothing there": (tmp_path / "nowhere", {}, SourceError, "has no 'nowhere'"),
        "no workers": (tables, {"workers": 0}, InputError, "at least 1 worker. Got 0"),
        "no size": (tables, {"shard_size": 0}, InputError, "at least 1 photo"),
        "unknown engine": (tables, {"engine": "rai"}, InputError, "Did you mean 'ray'"),
        "out in the source": (tables, {"out": tables / "z"}, InputError, "lies in the source"),
        "out a file": (tables, {"out": text / "letter.pdf"}, InputError, "is a file"),
        "not embeddings": (tables, {"out": foreign}, RunError, "does not hold embeddings"),
    }


def test_what_cannot_be_done_is_refused_in_one_sentence(reader, tables, tmp_path):
    for case, (source, options, error, sentence) in wrong(tables, tmp_path).items():
        out = options.pop("out", tmp_path / "z")
        with pytest.raises(error) as refused:
            cp.embed_shards(reader, source, out, **options)
        assert sentence in str(refused.value), case
        assert not (tmp_path / "z").exists(), case


def test_names_are_unique_over_all_parts(reader, tables, tmp_path):
    z = cp.embed(reader, tables / "day-000.parquet")
    z.save(tmp_path / "one.npz")
    z.save(tmp_path / "two.npz")
    with pytest.raises(InputError, match=r"'0' is in .*one.npz' and in .*two.npz'. Names are unique"):
        cp.Embeddings.load(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no embeddings"):
        cp.Embeddings.load(tmp_path / "empty")


def test_without_ray_the_message_says_what_to_install(reader, tables, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage, match=r"pip install \"counterpoint\[ray\]\""):
        cp.embed_shards(reader, tables, tmp_path / "z", engine="ray")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_gives_what_one_process_gives_and_fails_over(fragile, deadly, tmp_path):
    pytest.importorskip("ray.data", reason="Ray Data is not installed")
    (deadly / "torn.parquet").write_bytes(b"torn")
    process = started(
        fragile, deadly, tmp_path / "ray", "--trust", "--engine", "ray", "--workers", "2", "--json", HOME=str(tmp_path)
    )
    said, errors = process.communicate(timeout=60)
    done = json.loads(said)
    assert process.returncode == 2, errors
    assert (done["written"], done["items"]) == (5, 20)  # the deadly shard too: Ray has tried it again
    assert [each["shard"] for each in done["failed"]] == ["torn"]
    alone = cp.embed_shards(fragile, deadly, tmp_path / "alone")
    assert alone["written"] == 5
    for path in sorted((tmp_path / "alone").iterdir()):
        np.testing.assert_array_equal(
            cp.Embeddings.load(path).vectors, cp.Embeddings.load(tmp_path / "ray" / path.name).vectors
        )
