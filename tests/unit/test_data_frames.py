"""Columns are read as they are written, from every kind of file and frame; bad rows are left out and named."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from counterpoint.data.frames import is_frame, kind_of, raw_columns, read_frame, values_of
from counterpoint.errors import SourceError
from counterpoint.plans.data_options import ReadOptions


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


def read_raw(source, **options):
    return {name: values_of(cells) for name, cells in read_frame(source, ReadOptions(**options)).columns.items()}


def kinds(source, **options):
    return {name: kind_of(cells) for name, cells in read_frame(source, ReadOptions(**options)).columns.items()}


def test_cells_of_a_file_of_text_are_strings_as_they_are_written(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("id,share,flag,long\n007,0.10,true,12345678901234567890\n0010,NA,false,\n")
    assert raw_columns(file) == {
        "id": ["007", "0010"],
        "share": ["0.10", "NA"],
        "flag": ["true", "false"],
        "long": ["12345678901234567890", ""],
    }


def test_whatever_separates_is_found(tmp_path):
    for name, mark in (
        ("a.tsv", "\t"),
        ("a.csv", ";"),
        ("A.CSV", ","),
        ("a.csv", "|"),
        ("a.csv", "\t"),
        ("a.tsv", ","),
    ):
        (tmp_path / name).write_text(f"x{mark}y\n1{mark}two words\n3{mark}4\n")
        assert raw_columns(tmp_path / name) == {"x": ["1", "3"], "y": ["two words", "4"]}, (name, mark)


def test_a_single_column_may_hold_commas(tmp_path):
    (tmp_path / "a.csv").write_text("text\nHello, world\nbye, now, then\n")
    assert raw_columns(tmp_path / "a.csv") == {"text": ["Hello, world", "bye, now, then"]}


def test_packed_files_are_read(tmp_path):
    data = b"x,y\n1,2\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(data))
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(data))
    (tmp_path / "a.csv.xz").write_bytes(lzma.compress(data))
    (tmp_path / "a.csv.zst").write_bytes(pa.compress(data, "zstd", asbytes=True))
    for name in ("a.csv.zip", "a.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("inner/a.csv", data)
    for name in ("a.csv.gz", "a.csv.bz2", "a.csv.xz", "a.csv.zst", "a.csv.zip", "a.zip"):
        assert is_frame(tmp_path / name), name
        assert raw_columns(tmp_path / name) == {"x": ["1"], "y": ["2"]}, name


def test_a_damaged_packed_file_is_explained(tmp_path):
    for suffix in ("gz", "bz2", "xz", "zst", "zip"):
        (tmp_path / f"a.csv.{suffix}").write_bytes(b"\x1f\x8b\x08nonsense")
        with pytest.raises(SourceError, match=r"cannot be read|damaged"):
            read_frame(tmp_path / f"a.csv.{suffix}")


def test_every_encoding_is_read_and_what_was_guessed_is_said(tmp_path):
    file = tmp_path / "a.csv"
    cases = {
        "我的银行卡在哪里？请告诉我如何找回密码。": (
            "gbk",
            "gb18030",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-8-sig",
            "utf-8",
        ),
        "私のカードはどこですか？パスワードを忘れました。": ("shift_jis", "euc_jp"),
        "Größe und Übermut, ça va très bien": ("cp1252", "latin-1", "utf-16-le"),
    }
    for text, encodings in cases.items():
        for encoding in encodings:
            file.write_bytes(f'text,label\n"{text}",1\n'.encode(encoding))
            frame = read_frame(file)
            assert frame.columns["text"].to_pylist() == [text], encoding
            assert bool(frame.notes) == (not encoding.startswith("utf")) or encoding in ("utf-16-le", "utf-16-be"), (
                encoding
            )


def test_an_encoding_that_is_given_is_used_and_one_that_does_not_fit_refused(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("x\nñandú\n".encode("cp437"))
    assert read_raw(file, encoding="cp437") == {"x": ["ñandú"]}
    with pytest.raises(SourceError, match=r"not encoded in utf-8: line 2 .* Leave out encoding="):
        read_frame(file, ReadOptions(encoding="utf-8"))
    with pytest.raises(SourceError, match="There is no encoding 'utf9'"):
        read_frame(file, ReadOptions(encoding="utf9"))


def test_rows_that_do_not_fit_are_left_out_and_named(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("a,b\n1,2\n3\n4,5\n6,7,8\n9,10\n")
    frame = read_frame(file)
    assert frame.columns["a"].to_pylist() == ["1", "4", "9"]
    assert frame.rows.tolist() == [0, 2, 4]
    assert [name for name, _ in frame.skipped] == ["row 1", "row 3"]
    assert "it has 3 cells, not 2: 6,7,8" in frame.skipped[1][1]


def test_a_file_most_of_whose_rows_do_not_fit_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c\n1,2\n3,4\n5,6\n")
    with pytest.raises(SourceError, match=r"3 of 3 rows of .* have other than 3 cells, .* most often 2"):
        read_frame(tmp_path / "a.csv")


def test_names_of_rows_before_the_names_of_columns_and_marks_at_line_ends_are_understood(tmp_path):
    (tmp_path / "r.csv").write_text("a,b\nx,1,2\ny,3,4\nz,5,6\n")
    assert raw_columns(tmp_path / "r.csv") == {"": ["x", "y", "z"], "a": ["1", "3", "5"], "b": ["2", "4", "6"]}
    (tmp_path / "e.csv").write_text("a,b\n1,2,\n3,4,\n")
    assert raw_columns(tmp_path / "e.csv") == {"a": ["1", "3"], "b": ["2", "4"]}


def test_a_line_of_names_that_looks_like_data_is_said_and_may_be_declared_data(tmp_path):
    file = tmp_path / "iris.csv"
    file.write_text("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,setosa\n")
    frame = read_frame(file)
    assert len(frame) == 2
    assert "--no-header" in frame.notes[0]
    assert read_raw(file, header=False)["0"] == ["5.1", "4.9", "4.7"]


def test_quotation_marks_that_swallow_rows_are_asked_about_and_may_be_a_part_of_the_text(tmp_path):
    file = tmp_path / "sts.tsv"
    file.write_text('one\ttwo\nhe said "no\tyes\n"so\tbe it\nplain\ttext\n"end\tof it\nlast\trow\n')
    with pytest.raises(SourceError, match="quoting='none'"):
        read_frame(file)
    assert read_raw(file, quoting="none")["one"] == ['he said "no', '"so', "plain", '"end', "last"]


def test_a_quoted_cell_may_go_on_for_lines(tmp_path):
    (tmp_path / "a.csv").write_text('id,text\n1,"Dear all,\nthanks, and bye"\n2,ok\n')
    assert raw_columns(tmp_path / "a.csv")["text"] == ["Dear all,\nthanks, and bye", "ok"]


def test_json_is_read_as_lines_as_a_list_and_as_the_list_in_an_object(tmp_path):
    wanted = {"a": [1, 2], "b": [None, "x"]}
    texts = {
        "a.jsonl": '{"a": 1}\n\n{"a": 2, "b": "x"}\n',
        "a.json": '[{"a": 1}, {"a": 2, "b": "x"}]',
        "b.json": '{"version": 1, "data": [{"a": 1}, {"a": 2, "b": "x"}]}',
        "c.json": '{"a": 1}\n{"a": 2, "b": "x"}\n',
        "d.json": '{"a": [1, 2], "b": [null, "x"]}',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert raw_columns(tmp_path / name) == wanted, name


def test_lines_that_are_no_objects_are_left_out_and_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n[2]\n{"a":\n{"a": 4}\n{"a": 5}\n')
    frame = read_frame(tmp_path / "a.jsonl")
    assert frame.columns["a"].to_pylist() == [1, 4, 5]
    assert [name for name, _ in frame.skipped] == ["row 1", "row 2"]


def test_nested_fields_get_dotted_names(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"user": {"name": "Ann", "at": {"town": "Ulm"}}}\n{"user": {"name": "Bo"}}\n')
    assert raw_columns(tmp_path / "a.jsonl") == {"user.name": ["Ann", "Bo"], "user.at.town": ["Ulm", None]}


def test_lists_in_parquet_stay_lists(tmp_path):
    parquet.write_table(pa.table({"s": [[1, 2, None], [3, 4, 5]], "n": ["a", None]}), tmp_path / "s.parquet")
    assert kinds(tmp_path / "s.parquet") == {"s": "numbers", "n": "string"}


@pytest.mark.parametrize("wrap", [lambda table: table, Stream, Interchange])
def test_a_data_frame_of_any_library_is_read(wrap):
    frame = wrap(pa.table({"a": [1, 2], "b": ["x", "y"]}))
    assert is_frame(frame)
    assert raw_columns(frame) == {"a": [1, 2], "b": ["x", "y"]}


def test_a_dictionary_may_hold_arrays_tensors_lists_and_matrices():
    source = {
        "t": torch.arange(2),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "m": np.ones((2, 3), np.float32),
        "masked": np.ma.array([1.0, 2.0], mask=[False, True]),
        "w": ["x", None],
        "b": [True, False],
        "mixed": [1, "x"],
    }
    assert list(kinds(source).values()) == ["integer", "float", "numbers", "float", "string", "boolean", "mixed"]
    assert raw_columns(source)["masked"] == [1.0, None]


def test_pandas_of_every_kind_is_read():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "whole": pandas.array([1, None], dtype="Int64"),
            "kind": pandas.Categorical(["x", "y"]),
            "when": pandas.to_datetime(["2020-01-01", None]),
            "mixed": [1, "x"],
        }
    )
    assert kinds(frame) == {"whole": "integer", "kind": "string", "when": "time", "mixed": "mixed"}
    assert raw_columns(frame)["whole"] == [1, None]


def test_the_nameless_index_of_pandas_is_no_column():
    assert list(read_frame(pa.table({"a": [1], "__index_level_0__": [5]})).columns) == ["a"]


@pytest.mark.parametrize("source", [np.ones(3), "photos/", [1, 2], pa.array([1])])
def test_what_is_not_a_frame_is_not_taken_for_one(source):
    assert not is_frame(source)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\n \n", "is empty"),
        (b"a,b\n", "has no rows"),
        (b"a,a\n1,2\n", "more than one column called 'a'.* header=False"),
        (bytes(range(256)) * 8, "is no file of text"),
    ],
)
def test_a_bad_csv_is_explained(tmp_path, text, message):
    (tmp_path / "bad.csv").write_bytes(text)
    with pytest.raises(SourceError, match=message):
        read_frame(tmp_path / "bad.csv")


def test_a_damaged_parquet_is_explained(tmp_path):
    file = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"a": list(range(100))}), file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(SourceError, match=r"cannot be read: .*magic bytes"):
        read_frame(file)


def test_a_missing_file_is_met_with_a_neighbour(tmp_path):
    (tmp_path / "towns.csv").write_text("a\n1\n")
    with pytest.raises(SourceError, match=r"Did you mean 'towns.csv'"):
        read_frame(tmp_path / "town.csv")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "unequal length"),
        ({}, "has no rows"),
        (5, "Got 5"),
        ({"a": "text"}, "Column 'a' is not a series"),
    ],
)
def test_bad_columns_are_explained(source, message):
    with pytest.raises(SourceError, match=message):
        read_frame(source)


def test_sparse_matrices_are_refused_in_words():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(SourceError, match=r"sparse matrix.*toarray"):
        read_frame({"a": sparse.eye(3).tocsr()})


def test_a_mark_that_never_closes_is_asked_about_wherever_it_opens(tmp_path):
    for opens in (0, 7, 30, 57):
        for name, mark in (("a.csv", ","), ("a.tsv", "\t")):
            texts = [("" if row != opens else chr(34)) + f"good product {row}" for row in range(60)]
            rows = [f"{row}{mark}{text}{mark}{row % 5}" for row, text in enumerate(texts)]
            (tmp_path / name).write_text("\n".join([f"id{mark}review{mark}stars", *rows]))
            with pytest.raises(SourceError, match="quoting='none'"):
                read_frame(tmp_path / name)
            assert len(read_frame(tmp_path / name, ReadOptions(quoting="none"))) == 60


def test_marks_that_pair_up_across_rows_are_asked_about(tmp_path):
    (tmp_path / "a.tsv").write_text(
        "text\tlabel\n" + "".join(f'"open quote {row} goes on\t{row % 2}\n' for row in range(60))
    )
    with pytest.raises(SourceError, match="quoting='none'"):
        read_frame(tmp_path / "a.tsv")
    rows = [f"{row},{chr(34) if row in (7, 9) else ''}good product {row},{row % 5}" for row in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["id,review,stars", *rows]))
    with pytest.raises(SourceError, match="quoting='standard'"):
        read_frame(tmp_path / "a.csv")
    assert len(read_frame(tmp_path / "a.csv", ReadOptions(quoting="standard"))) == 58


def test_what_stands_before_the_names_of_columns_is_left_out_and_said(tmp_path):
    for before in ("sep=;\n", "# made by a program\n# on a Monday\n"):
        (tmp_path / "a.csv").write_text(f"{before}a;b\n1;2\n3;4\n")
        frame = read_frame(tmp_path / "a.csv")
        assert frame.columns["a"].to_pylist() == ["1", "3"]
        assert "before the names of columns is left out" in frame.notes[0]
    (tmp_path / "a.csv").write_text("#id,text\n1,x\n2,y\n")
    assert raw_columns(tmp_path / "a.csv")["#id"] == ["1", "2"]


def test_utf8_is_read_as_such_whatever_encoding_was_said_before(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        (tmp_path / "a.csv").write_bytes("x\nqui a volé l'argent\n".encode(encoding))
        assert read_raw(tmp_path / "a.csv", encoding="cp1252") == {"x": ["qui a volé l'argent"]}, encoding


def test_names_that_meet_are_refused_in_every_form():
    pandas = pytest.importorskip("pandas")
    mixed = pandas.DataFrame(np.arange(8).reshape(2, 4), columns=list("abab"))
    for source in (mixed, {0: [1], "0": [2]}, {"a": [{"b": 1}], "a.b": [2]}):
        with pytest.raises(SourceError, match=r"more than one column called|read alike"):
            read_frame(source)


def test_arrays_of_bytes_and_of_rough_times_are_what_they_say():
    source = {
        "s": np.array([b"Ulm", b"Bonn"]),
        "h": np.array([1, 2], "timedelta64[h]"),
        "m": np.array(["2020-01", "2020-02"], "datetime64[M]"),
    }
    assert list(kinds(source).values()) == ["string", "time", "time"]
    with pytest.raises(SourceError, match="not a series of values"):
        read_frame({"a": np.array(5)})


def test_intervals_of_pandas_are_categories_with_names():
    pandas = pytest.importorskip("pandas")
    ages = pandas.cut(pandas.Series([1.0, 2.0, 3.0, None]), [0, 1.5, 3])
    assert raw_columns(pandas.DataFrame({"age": ages}))["age"] == ["0.0 to 1.5", "1.5 to 3.0", "1.5 to 3.0", None]
