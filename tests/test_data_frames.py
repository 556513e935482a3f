from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from counterpoint.data.frames import columns_of, glance, is_frame, read_columns
from counterpoint.errors import SourceError


class Stream:
    """A data frame of a library that nobody has heard of."""

    columns = ("a",)

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Interchange:
    columns = ("a",)

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> object:
        return self.table.__dataframe__(nan_as_null, allow_copy)


def test_numbers_are_numbers_and_everything_else_is_a_string(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("whole,real,town,day\n1,2.5,Ulm,2020-01-01\n2,,,2020-01-02\n")
    columns = read_columns(file)
    assert columns["whole"].dtype == np.int64
    np.testing.assert_array_equal(columns["real"], [2.5, np.nan])
    assert columns["town"].tolist() == ["Ulm", ""]
    assert columns["day"].tolist() == ["2020-01-01", "2020-01-02"]


@pytest.mark.parametrize(
    ("name", "text"), [("a.tsv", "x\ty\n1\t2\n"), ("a.csv", "x;y\n1;2\n"), ("A.CSV", "x,y\n1,2\n")]
)
def test_tabs_semicolons_and_commas_separate(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert {key: column.tolist() for key, column in read_columns(tmp_path / name).items()} == {"x": [1], "y": [2]}


def test_a_type_is_judged_by_the_whole_column_and_not_by_its_first_megabyte(tmp_path):
    file = tmp_path / "long.csv"
    file.write_text("x,pad\n" + f"1,{'p' * 1000}\n" * 1500 + "1.5,q\n")
    assert read_columns(file)["x"][-1] == 1.5
    assert glance(file)["x"].dtype == np.int64


def test_lists_of_one_length_in_parquet_are_a_matrix(tmp_path):
    parquet.write_table(pa.table({"s": [[1, 2, None], [3, 4, 5]], "n": ["a", None]}), tmp_path / "s.parquet")
    columns = read_columns(tmp_path / "s.parquet")
    np.testing.assert_array_equal(columns["s"], [[1, 2, np.nan], [3, 4, 5]])
    assert columns["n"].tolist() == ["a", ""]
    assert glance(tmp_path / "s.parquet")["s"].shape == (2, 3)


@pytest.mark.parametrize("wrap", [lambda table: table, Stream, Interchange])
def test_a_data_frame_of_any_library_is_read(wrap):
    frame = wrap(pa.table({"a": [1, 2], "b": ["x", "y"]}))
    assert is_frame(frame)
    assert {name: column.tolist() for name, column in columns_of(frame).items()} == {"a": [1, 2], "b": ["x", "y"]}
    assert list(glance(frame)) == ["a", "b"]


def test_a_dictionary_may_hold_arrays_tensors_lists_and_matrices():
    columns = columns_of({"t": torch.arange(2), "m": np.ones((2, 3), np.float32), "w": ["x", None], "b": [True, False]})
    assert columns["t"].tolist() == [0, 1]
    assert columns["m"].shape == (2, 3)
    assert columns["w"].tolist() == ["x", ""]
    assert columns["b"].tolist() == [1, 0]


def test_the_nameless_index_of_pandas_is_no_column():
    assert list(columns_of(pa.table({"a": [1], "__index_level_0__": [5]}))) == ["a"]


@pytest.mark.parametrize("source", [np.ones(3), "photos/", [1, 2], pa.array([1])])
def test_what_is_not_a_frame_is_not_taken_for_one(source):
    assert not is_frame(source)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"a,b\n", "has no rows"),
        (b"a,b\n1,2\n1\n", "Row #3: Expected 2 columns, got 1"),
        (b"a,a\n1,2\n", "more than one column called 'a'"),
        ("a,b\n1,ü\n".encode("latin-1"), "Column 'b' of .* is not UTF-8"),
    ],
)
def test_a_bad_csv_is_explained(tmp_path, text, message):
    (tmp_path / "bad.csv").write_bytes(text)
    with pytest.raises(SourceError, match=message):
        read_columns(tmp_path / "bad.csv")


def test_a_damaged_parquet_is_explained(tmp_path):
    file = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"a": list(range(100))}), file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(SourceError, match=r"cannot be read: .*magic bytes"):
        read_columns(file)


@pytest.mark.parametrize("lists", [[[1, 2], [3]], [[1, 2], None]])
def test_ragged_lists_are_refused_with_their_row(tmp_path, lists):
    parquet.write_table(pa.table({"s": lists}), tmp_path / "r.parquet")
    with pytest.raises(SourceError, match=r"'s' .* is ragged: row 0 holds 2 numbers, row 1 [01]"):
        read_columns(tmp_path / "r.parquet")


def test_a_missing_file_is_met_with_a_neighbour(tmp_path):
    (tmp_path / "towns.csv").write_text("a\n1\n")
    with pytest.raises(SourceError, match=r"Did you mean 'towns.csv'"):
        read_columns(tmp_path / "town.csv")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "unequal length"),
        ({"a": [1, "x"]}, "Column 'a' is not a series"),
        ({}, "has no rows"),
        (5, "Got 5"),
    ],
)
def test_bad_columns_are_explained(source, message):
    with pytest.raises(SourceError, match=message):
        columns_of(source)
