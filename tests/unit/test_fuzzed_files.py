"""Whatever is in a file: it is read, or refused in a sentence. Nothing else is ever raised."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from counterpoint.data.arrays import read_arrays
from counterpoint.data.idx import read_idx
from counterpoint.data.memory_items import array_of
from counterpoint.data.pictures import may_be_pictures, open_pictures
from counterpoint.data.relevance import read_relevance
from counterpoint.data.sheets import read_sheet
from counterpoint.data.texts import read_texts
from counterpoint.data.word2vec import read_word2vec
from counterpoint.embeddings import Embeddings
from counterpoint.errors import CounterpointError

TABLE = 'id,price,town,day,text\n1,"1,5",Ulm,2020-01-01,"a, b"\n2,,Köln,2020-01-02,c\n3,7,Ulm,,"d ""e"""\n'
RECORDS = [{"id": n, "name": {"first": "Ann", "last": None}, "tags": ["a", "b"], "x": 1.5} for n in range(4)]


def written(save: Callable[[io.BytesIO], object]) -> bytes:
    held = io.BytesIO()
    save(held)
    return held.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return held.getvalue()


PICTURE = written(lambda out: Image.new("RGB", (9, 8), "red").save(out, "PNG"))
PHOTO = written(lambda out: Image.new("RGB", (9, 8), "red").save(out, "JPEG"))
ARRAY = written(lambda out: np.save(out, np.arange(60, dtype=np.float32).reshape(5, 12)))
ARRAYS = written(lambda out: np.savez(out, x=np.zeros((4, 8, 8), np.uint8), y=np.arange(4)))
IDX = b"\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x03" + bytes(18)
EYE = np.eye(3, dtype=np.float32)
VECTORS = written(lambda out: np.savez(out, vectors=EYE, names=np.array(list("abc")), model="x", source=""))
COLUMNS = written(lambda out: parquet.write_table(pa.table({"a": [1, 2], "b": ["x", None]}), out))


def photos(path: Path) -> None:
    may_be_pictures(path)
    open_pictures(path, size=8, channels=3)


READERS: dict[str, tuple[str, bytes, Callable[[Path], object]]] = {
    "csv": ("a.csv", TABLE.encode(), read_sheet),
    "tsv": ("a.tsv", TABLE.replace(",", "\t").encode("cp1252"), read_sheet),
    "csv in utf-16": ("a.csv", TABLE.encode("utf-16"), read_sheet),
    "csv.gz": ("a.csv.gz", gzip.compress(TABLE.encode()), read_sheet),
    "csv.zst": ("a.csv.zst", pa.compress(TABLE.encode(), "zstd", asbytes=True), read_sheet),
    "csv.zip": ("a.csv.zip", zipped("a.csv", TABLE.encode()), read_sheet),
    "jsonl": ("a.jsonl", "\n".join(map(json.dumps, RECORDS)).encode(), read_sheet),
    "json": ("a.json", json.dumps(RECORDS).encode(), read_sheet),
    "parquet": ("a.parquet", COLUMNS, read_sheet),
    "ts": ("a.ts", b"# x\n@univariate false\n@classLabel true a b\n@data\n1,2,?:3,4,5:a\n6,7,8:9,0,1:b\n", read_sheet),
    "blanks": ("a.csv", b"  1.0  0.5  2e-1\n  2.0  1.5  3e-1\n", read_sheet),
    "txt": ("a.txt", "some words\nand möre\n".encode(), read_texts),
    "qrels": ("qrels.txt", b"1 0 doc-1 1\n2 0 doc-2 0\n", read_relevance),
    "word vectors": ("a.vec", b"2 3\nking 0.1 0.2 0.3\nqueen 1 2 3\n", read_word2vec),
    "npy": ("a.npy", ARRAY, array_of),
    "npz": ("a.npz", ARRAYS, read_arrays),
    "idx": ("a-images-idx3-ubyte", IDX, read_idx),
    "png": ("a.png", PICTURE, photos),
    "jpg": ("a.jpg", PHOTO, photos),
    "zip of photos": ("a.zip", zipped("x/a.png", PICTURE), photos),
    "vectors": ("v.npz", VECTORS, Embeddings.load),
}

EDITS = st.lists(
    st.tuples(st.sampled_from(["cut", "flip", "insert", "remove", "repeat"]), st.floats(0, 1), st.binary(max_size=12)),
    min_size=1,
    max_size=4,
)


def damaged(data: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """A file to which some things have happened."""
    for what, where, more in edits:
        place = int(where * len(data))
        if what == "cut":
            data = data[:place]
        elif what == "flip":
            data = data[:place] + bytes(255 - byte for byte in data[place : place + 1]) + data[place + 1 :]
        elif what == "insert":
            data = data[:place] + more + data[place:]
        elif what == "remove":
            data = data[:place] + data[place + len(more) :]
        else:
            data = data[:place] + data[place : place + 40] * 3 + data[place:]
    return data


def fuzz(folder: Path, reader: str, examples: int) -> None:
    name, whole, read = READERS[reader]
    read_or_refused(read, folder / name, whole)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.one_of(EDITS.map(lambda edits: damaged(whole, edits)), st.binary(max_size=300)))
    def run(data: bytes) -> None:
        read_or_refused(read, folder / name, data)

    run()


def read_or_refused(read: Callable[[Path], object], path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with suppress(CounterpointError):
        read(path)


@pytest.mark.parametrize("reader", list(READERS))
def test_a_file_of_anything_is_read_or_refused(tmp_path, reader):
    fuzz(tmp_path, reader, 50)


@pytest.mark.slow
@pytest.mark.parametrize("reader", list(READERS))
def test_two_thousand_files_of_anything_are_read_or_refused(tmp_path, reader):
    fuzz(tmp_path, reader, 2000)
