"""An index from someone else: whatever its files hold, it is searched or refused in a sentence."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import counterpoint as cp
from counterpoint.embeddings import Embeddings
from counterpoint.errors import CounterpointError, RunError
from counterpoint.storage.files import fingerprint
from tests.hostile import VALUES, fields, replaced


@pytest.fixture
def idx(tmp_path):
    drawn = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    z = Embeddings(drawn, [f"n{row}" for row in range(300)], groups=["a", "b"] * 150)
    cp.index(z, out=tmp_path / "idx", backend="scan")
    cp.index(tmp_path / "idx", delete=["n1"])
    return tmp_path / "idx"


def sign(folder):
    """Make the digests in the record those of the files, as a stranger would."""
    record = json.loads((folder / "index.json").read_text())
    for segment in record["segments"]:
        place = folder / f"segment-{segment['number']:06}"
        segment["files"] = {file.name: fingerprint(file) for file in place.iterdir()}
    deleted = record["deleted"]
    deleted["file"] = fingerprint(folder / f"deleted-{deleted['number']:06}.npy")
    (folder / "index.json").write_text(json.dumps(record))


def searched(folder):
    """Search in all that there is; None where it is refused in a sentence."""
    try:
        index = cp.Index.open(folder)
        hits = cp.search(index, like="n0", k=5, where="group == 'a'")
        cp.search(index, like="n3", k=2)
        return str(index), hits
    except CounterpointError as wrong:
        refusal = str(wrong)
    assert len(refusal) < 1000
    assert "\n" not in refusal
    return None


def test_no_field_of_the_record_ends_in_a_traceback(idx):
    text = (idx / "index.json").read_text()
    record, refused, cases = json.loads(text), 0, 0
    for place in fields(record):
        for value in VALUES:
            (idx / "index.json").write_text(json.dumps(replaced(record, place, value)))
            refused += searched(idx) is None
            cases += 1
    for data in (b"", text.encode()[:-9], b"[" * 100_000, b"\xff\xfe\x00", b"[]", b'{"format": 2}'):
        (idx / "index.json").write_bytes(data)
        assert searched(idx) is None
    assert cases > 300
    assert refused > cases / 3
    (idx / "index.json").write_text(text)
    assert searched(idx) is not None


def test_files_that_do_not_fit_each_other_are_refused(idx):
    segment, random = idx / "segment-000001", np.random.default_rng(0)
    for name in ("offsets.npy", "order.npy", "codes.npy", "terms.npy", "centroids.npy", "vectors.npy"):
        held = np.load(segment / name)
        drawn = random.integers(0, 2**60, held.shape).astype(held.dtype)
        for wrong in (drawn, held[:-1], held.astype(np.complex64), held[None], np.array("x")):
            np.save(segment / name, wrong)
            sign(idx)
            result = searched(idx)
            assert result is None or wrong is drawn, name
        if held.dtype.kind == "i":
            np.save(segment / name, drawn)
            sign(idx)
            with pytest.raises(RunError, match="lists do not fit its vectors"):
                cp.Index.open(idx)
        if held.dtype.kind == "f":
            np.save(segment / name, np.full_like(held, np.nan))
            sign(idx)
            searched(idx)
        np.save(segment / name, held)
    mask = np.load(idx / "deleted-000002.npy")
    for wrong in (mask[:-1], ~mask, mask.astype(np.int64)):
        np.save(idx / "deleted-000002.npy", wrong)
        sign(idx)
        assert searched(idx) is None
    np.save(idx / "deleted-000002.npy", mask)
    sign(idx)
    assert searched(idx) is not None


def test_a_damaged_table_of_items_is_refused(idx):
    file = idx / "segment-000001" / "items.parquet"
    table = parquet.read_table(file)
    names = table.column("name").to_pylist()
    nested = pa.array([[1]] * 300)
    wrong = [
        table.slice(1),
        table.drop_columns(["name"]),
        table.drop_columns(["text"]),
        table.set_column(0, "name", pa.array([None, *names[1:]])),
        table.set_column(0, "name", pa.array(range(300))),
        table.append_column("price", pa.array(range(300))),
        table.append_column("columns.price", nested),
    ]
    for each in wrong:
        parquet.write_table(each, file)
        sign(idx)
        with pytest.raises(RunError, match=r"items\.parquet' is damaged"):
            cp.Index.open(idx)
    for data in (b"", b"PAR1PAR1", file.read_bytes()[:-20]):
        file.write_bytes(data)
        sign(idx)
        assert searched(idx) is None
    parquet.write_table(table.set_column(0, "name", pa.array(["n0"] * 300)), file)  # names that are not unique
    sign(idx)
    assert str(cp.Index.open(idx)).startswith("items")


def test_links_out_of_the_folder_are_not_followed_by_a_change(idx, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (idx / "segment-000009").symlink_to(outside)
    cp.index(idx, delete=["n5"])
    assert (outside / "precious").exists()
