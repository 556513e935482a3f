"""A small file does not become a large one, no decoder starts another program, and nobody waits for a pipe."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

import counterpoint as cp
from counterpoint.data.archives import has_pictures, of_archive
from counterpoint.data.arrays import read_arrays
from counterpoint.data.compressed_files import contents
from counterpoint.data.frames import read_frame
from counterpoint.data.idx import read_idx
from counterpoint.data.pictures import open_pictures
from counterpoint.data.tables import read_parquet
from counterpoint.embeddings import Embeddings
from counterpoint.errors import SourceError
from counterpoint.storage import limits
from counterpoint.storage.limits import PIECE, SMALL, TooLarge, at_most

ZEROS = bytes(400_000)
IDX = b"\x00\x00\x08\x03" + (100).to_bytes(4, "big") * 2 + (40).to_bytes(4, "big") + ZEROS


@pytest.fixture(autouse=True)
def little(monkeypatch):
    """Unpack ten times what is packed, and a thousand bytes always."""
    monkeypatch.setattr(limits, "ALWAYS", 1000)
    monkeypatch.setattr(limits, "RATIO", 10)


def packed_in_zip(path, name, data):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)


def packed_in_tar(path, name, data):
    with tarfile.open(path, "w:gz") as archive:
        held = tarfile.TarInfo(name)
        held.size = len(data)
        archive.addfile(held, io.BytesIO(data))


PACKERS = {
    ".csv.gz": gzip.compress,
    ".csv.bz2": bz2.compress,
    ".csv.xz": lzma.compress,
    ".csv.zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.mark.parametrize("suffix", [*PACKERS, ".csv.zip"])
def test_a_packed_file_that_would_become_far_more_is_refused(suffix, tmp_path):
    file = tmp_path / f"bomb{suffix}"
    if suffix == ".csv.zip":
        packed_in_zip(file, "bomb.csv", ZEROS)
    else:
        file.write_bytes(PACKERS[suffix](ZEROS))
    with pytest.raises(SourceError, match="Unpack it yourself if you trust it"):
        contents(file)


@pytest.mark.parametrize("suffix", list(PACKERS))
def test_a_packed_file_that_becomes_somewhat_more_is_read(suffix, tmp_path):
    file, data = tmp_path / f"table{suffix}", os.urandom(5000).hex().encode()
    file.write_bytes(PACKERS[suffix](data))
    assert contents(file) == data


def test_archives_and_arrays_that_would_become_far_more_are_refused(tmp_path):
    packed_in_zip(tmp_path / "a.zip", "a.png", ZEROS)
    packed_in_tar(tmp_path / "a.tar.gz", "a.png", ZEROS)
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((9, 200, 200), np.uint8))
    (tmp_path / "images-idx3-ubyte.gz").write_bytes(gzip.compress(IDX))
    readers = {"a.zip": of_archive, "a.tar.gz": of_archive, "a.npz": read_arrays, "images-idx3-ubyte.gz": read_idx}
    for name, read in readers.items():
        with pytest.raises(SourceError, match="would unpack to more"):
            read(tmp_path / name)
    with pytest.raises(SourceError, match="would unpack to more"):
        has_pictures(tmp_path / "a.tar.gz")
    with pytest.raises(SourceError, match="would unpack to more"):
        Embeddings.load(tmp_path / "a.npz")


def test_a_table_of_more_cells_than_are_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("counterpoint.data.tables.CELLS", 100)
    parquet.write_table(pa.table({"a": [1] * 101}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="101 rows, more than are read"):
        read_parquet(tmp_path / "a.parquet", "'a.parquet'")


def test_a_file_is_read_no_further_than_it_may_be():
    assert at_most(io.BytesIO(b"abc"), 3) == b"abc"
    with Path("/dev/zero").open("rb") as endless, pytest.raises(TooLarge):
        at_most(endless, PIECE)


def test_a_file_that_would_start_another_program_is_no_picture(tmp_path):
    Image.new("RGB", (9, 9), "red").save(tmp_path / "a.png")
    Image.new("RGB", (9, 9), "red").save(tmp_path / "b.eps")
    (tmp_path / "b.eps").rename(tmp_path / "b.png")
    opened = open_pictures(tmp_path, size=8, channels=3)
    assert opened.skipped == [("b.png", "it holds no picture of a kind that Pillow knows")]


def test_pipes_and_devices_are_refused_at_once_and_links_to_files_are_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for source in (tmp_path / "pipe.csv", "/dev/zero"):
        with pytest.raises(cp.InputError, match="pipe, a socket or a device"):
            cp.plan(source)
    (tmp_path / "rows.csv").write_text("a,b\n" + "\n".join(f"{row},{row * row % 7}" for row in range(30)))
    (tmp_path / "link.csv").symlink_to(tmp_path / "rows.csv")
    assert len(read_frame(tmp_path / "link.csv").rows) == 30
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / "config.json")
    with pytest.raises(cp.InputError, match="is no file"):
        cp.load(tmp_path / "run")


@pytest.mark.parametrize("foreign", [b'{"plan": "' + b"x" * (SMALL + 1) + b'"}', b"[" * 100_000 + b"]" * 100_000])
def test_somebody_elses_plan_beside_photos_is_no_run_and_no_fault(foreign, tmp_path):
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "png")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("meta/plan.json", foreign)
        for number in range(4):
            packed.writestr(f"kind/{number}.png", drawn.getvalue())
    result = cp.plan(str(tmp_path / "photos.zip"))
    assert result["items"] == 4


def test_what_is_said_of_vectors_that_unpack_to_too_much_is_said_once(tmp_path, monkeypatch):
    path = tmp_path / "v.npz"
    Embeddings(np.eye(8, dtype=np.float32), list("abcdefgh")).save(path)
    monkeypatch.setattr("counterpoint.storage.limits.unpacked_from", lambda packed: 10)
    with pytest.raises(SourceError, match="would unpack to more than") as refused:
        Embeddings.load(path)
    assert "does not hold embeddings" not in str(refused.value)
