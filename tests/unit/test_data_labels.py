from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from counterpoint.data.labels import encode, read_class_ids
from counterpoint.data.pairs import read_pairs
from counterpoint.data.pictures import open_pictures
from counterpoint.errors import LabelError, SourceError
from counterpoint.setup.progress import label_lines
from tests.worlds import Named

ARRAY = np.zeros((4, 8, 8), np.uint8)


def photos(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def named(labels, source, items):
    """The class of every item, None for those without a label."""
    read = read_class_ids(labels, source, items)
    return [read.classes[code] if code >= 0 else None for code in read.class_ids.tolist()]


def opened(source):
    return open_pictures(source, size=8, channels=3)


@pytest.mark.parametrize(
    "labels",
    [["a", "b", "a", "b"], np.array([1, 2, 1, 2]), torch.tensor([1, 2, 1, 2]), (True, False, True, False)],
)
def test_lists_arrays_and_tensors_are_labels(labels):
    class_ids = read_class_ids(labels, ARRAY, opened(ARRAY)).class_ids
    assert class_ids[0] == class_ids[2] != class_ids[1]


def test_the_labels_of_the_source_are_the_default():
    items = open_pictures("sample:fashion-test", size=None, channels=1)
    assert named(None, "sample:fashion-test", items) == items.labels
    with pytest.raises(LabelError, match=r"carries no labels. Give labels='folder'"):
        read_class_ids(None, ARRAY, opened(ARRAY))


def test_folders_are_classes(tmp_path):
    source = photos(tmp_path, "cat/1.png", "cat/deep/2.png", "dog/1.png")
    assert named("folder", source, opened(source)) == ["cat", "cat", "dog"]


def test_the_folder_that_everything_lies_in_is_no_class(tmp_path):
    source = photos(tmp_path, "pets/cat/1.png", "pets/dog/1.png")
    paths = sorted(source.rglob("*.png"))
    assert named("folder", source, opened(source)) == ["cat", "dog"]
    assert named("folder", paths, opened(paths)) == ["cat", "dog"]


def test_photos_without_a_class_folder_are_named(tmp_path):
    source = photos(tmp_path, "cat/1.png", "stray.png")
    with pytest.raises(LabelError, match=r"1 of 2 items lie in no class folder, such as 'stray.png'"):
        read_class_ids("folder", source, opened(source))


def test_a_column_is_read_and_skipped_photos_take_their_labels_with_them(tmp_path):
    photos(tmp_path, "1.png", "3.png")
    table = tmp_path / "list.csv"
    table.write_text("path,kind\n1.png,cat\n2.png,dog\n3.png,cow\n")
    items = opened(table)
    assert [name for name, _ in items.skipped] == ["2.png"]
    assert named("kind", table, items) == ["cat", "cow"]
    assert named(["x", "y", "z"], table, items) == ["x", "z"]
    assert named(["x", "z"], table, items) == ["x", "z"]
    with pytest.raises(LabelError, match=r"4 labels for 2 items \(and 1 that were skipped\)"):
        read_class_ids([1, 2, 3, 4], table, items)
    with pytest.raises(LabelError, match="Did you mean 'kind'"):
        read_class_ids("kin", table, items)


def test_an_npy_file_holds_labels(tmp_path):
    np.save(tmp_path / "y.npy", [3.0, 1.0, 3.0, 2.0])
    assert named(tmp_path / "y.npy", ARRAY, opened(ARRAY)) == ["3", "1", "3", "2"]
    (tmp_path / "y.npy").write_bytes(b"nonsense")
    with pytest.raises(LabelError, match="cannot be read"):
        read_class_ids(str(tmp_path / "y.npy"), ARRAY, opened(ARRAY))
    with pytest.raises(SourceError, match=r"Did you mean 'y.npy'"):
        read_class_ids(str(tmp_path / "yy.npy"), ARRAY, opened(ARRAY))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2, 3], "3 labels for 4 items"),
        (np.zeros((4, 2, 1)), r"shape \(4, 2, 1\)"),
        (np.int64(3), r"shape \(\)"),
        ("kind", "no labels 'kind'.*the source has no columns"),
    ],
)
def test_labels_that_do_not_fit_are_explained(labels, message):
    with pytest.raises(LabelError, match=message):
        read_class_ids(labels, ARRAY, opened(ARRAY))


@pytest.mark.parametrize(
    ("labels", "class_ids", "classes"),
    [
        ([10, 9, 10], [1, 0, 1], ["9", "10"]),
        (np.array([2.0, 1.0]), [1, 0], ["1", "2"]),
        (np.array(["b", "a"], dtype=object), [1, 0], ["a", "b"]),
    ],
)
def test_classes_are_sorted_and_counted_from_zero(labels, class_ids, classes):
    assert encode(labels)[0].tolist() == class_ids
    assert encode(labels)[0].dtype == np.int64
    assert encode(labels)[1] == classes


def test_given_classes_keep_their_order_and_refuse_others():
    assert encode([3, 1], ["3", "2", "1"])[0].tolist() == [0, 2]
    with pytest.raises(LabelError, match="Labels 7 are none of the classes 3, 1"):
        encode([7, 1], ["3", "1"])


def counts(labels, source=None, names="abcdef"):
    return read_class_ids(labels, source, Named(*names)).counts()


LONG = "12345678901234567890"
WRITTEN = ["007", "0010", "0.10", "true", LONG, LONG[:-1] + "1"]


def test_labels_in_a_file_are_what_is_written_there(tmp_path):
    (tmp_path / "kinds.csv").write_text("id,kind\n" + "".join(f"{row},{each}\n" for row, each in enumerate(WRITTEN)))
    (tmp_path / "few.csv").write_text(
        "name,label\n" + "".join(f"{name},{each}\n" for name, each in zip("abcdef", WRITTEN, strict=True))
    )
    (tmp_path / "kinds.jsonl").write_text("".join(json.dumps({"kind": each}) + "\n" for each in WRITTEN))
    expected = dict.fromkeys(sorted(WRITTEN), 1)
    assert counts("kind", tmp_path / "kinds.csv") == expected
    assert counts(tmp_path / "few.csv") == expected
    assert counts("kind", tmp_path / "kinds.jsonl") == expected


def test_numbers_and_truth_in_json_are_numbers_and_truth(tmp_path):
    cells = ["0.10", "0.1", LONG, "true", "null", "7"]
    (tmp_path / "kinds.jsonl").write_text("".join(f'{{"kind": {cell}}}\n' for cell in cells))
    assert counts("kind", tmp_path / "kinds.jsonl") == {"0.1": 2, "7": 1, LONG: 1, "True": 1}


def test_columns_with_types_keep_them(tmp_path):
    table = pa.table({"int": [10, 9, None, 9], "float": [1.0, None, float("nan"), 2.0], "text": ["01", "1", None, "1"]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    for source in (tmp_path / "rows.parquet", table.to_pandas(), {n: table[n].to_pylist() for n in table.column_names}):
        assert counts("int", source, "abcd") == {"9": 2, "10": 1}
        assert counts("float", source, "abcd") == {"1": 1, "2": 1}
        assert counts("text", source, "abcd") == {"01": 1, "1": 2}


def test_a_missing_answer_is_missing_and_the_words_for_it_are_told(tmp_path):
    cells = ["x", "", "nan", "NaN", "<NA>", "null", "None", "NA", "-1", "x"]
    (tmp_path / "kinds.csv").write_text("id,kind\n" + "".join(f"{row},{each}\n" for row, each in enumerate(cells)))
    read = read_class_ids("kind", tmp_path / "kinds.csv", Named(*"abcdefghij"))
    assert read.counts() == {"-1": 1, "NA": 1, "x": 2}
    assert read.labelled == 4
    assert read.notes == ("Read as no label: 'nan' (1), 'NaN' (1), '<NA>' (1), 'null' (1), 'None' (1).",)


@pytest.mark.parametrize(
    "labels",
    [
        ["x", None, "y", float("nan")],
        np.array(["x", None, "y", np.nan], dtype=object),
        pd.Series(["x", pd.NA, "y", None]),
        pd.array(["x", None, "y", None], dtype="string"),
        np.array(["x", "", "y", "nan"]),
    ],
    ids=["list", "objects", "series", "strings", "text"],
)
def test_missing_labels_in_lists_and_arrays_are_no_class(labels):
    assert named(labels, None, Named(*"abcd")) == ["x", None, "y", None]


SIGNS = [-1, 0, 1, 1]


@pytest.mark.parametrize(
    "labels", [SIGNS, np.array(SIGNS), np.array(SIGNS, dtype=float), torch.tensor(SIGNS), [-1, 0, 1.0, 1]]
)
def test_minus_one_is_no_label_in_integers_that_are_given(labels, tmp_path):
    read = read_class_ids(labels, None, Named(*"abcd"))
    assert read.counts() == {"0": 1, "1": 2}
    assert read.notes == (
        "-1 means no label in an array of integers (1 of 4); where it is a class, give the labels as text.",
    )
    np.save(tmp_path / "y.npy", np.asarray(labels))
    assert read_class_ids(tmp_path / "y.npy", None, Named(*"abcd")).counts() == {"0": 1, "1": 2}


def test_minus_one_is_a_class_everywhere_else(tmp_path):
    table = pa.table({"sign": SIGNS})
    parquet.write_table(table, tmp_path / "signs.parquet")
    (tmp_path / "signs.csv").write_text("sign,id\n-1,0\n0,1\n1,2\n1,3\n")
    (tmp_path / "few.csv").write_text("name,label\na,-1\nb,0\nc,1\nd,1\n")
    three = {"-1": 1, "0": 1, "1": 2}
    for source in (tmp_path / "signs.parquet", tmp_path / "signs.csv", table.to_pandas()):
        assert counts("sign", source, "abcd") == three
    assert counts(tmp_path / "few.csv", names="abcd") == three
    assert counts([str(sign) for sign in SIGNS], names="abcd") == three
    assert counts([-1.0, 0.5, 1.0, 1.0], names="abcd") == {"-1": 1, "0.5": 1, "1": 2}


def test_classes_that_are_numbers_stand_in_their_order():
    assert list(counts(["10", "2", "1", "2", "10", "-3"])) == ["-3", "1", "2", "10"]
    assert list(counts(["10", "2", "1a", "2", "10", "3"])) == ["10", "1a", "2", "3"]
    assert list(counts(["7", "07", "007", "10", "9", "9"])) == ["007", "07", "7", "9", "10"]


@pytest.mark.parametrize(
    ("labels", "class_ids"),
    [
        ([["a"], ["a", "b"], [], None], [[1, 0], [1, 1], [0, 0], [-1, -1]]),
        ([("a", "b"), {"b"}, [], float("nan")], [[1, 1], [0, 1], [0, 0], [-1, -1]]),
        ([["a", "b"], ["b", "c"], ["a", "b"], ["a", "c"]], [[1, 1, 0], [0, 1, 1], [1, 1, 0], [1, 0, 1]]),
        ([[1, 2], [1], [2], []], [[1, 1], [1, 0], [0, 1], [0, 0]]),
        ([[0, 1], None, [1, 1], [0, 0]], [[0, 1], [-1, -1], [1, 1], [0, 0]]),
        ([["a"], ["b"], None, ["a"]], [0, 1, -1, 0]),
    ],
)
def test_lists_in_a_list_are_labels_of_several_classes(labels, class_ids):
    assert read_class_ids(labels, None, Named(*"abcd")).class_ids.tolist() == class_ids


def test_lists_in_a_column_are_labels_of_several_classes(tmp_path):
    table = pa.table({"tags": [["a"], ["a", "b"], [], None]})
    parquet.write_table(table, tmp_path / "tags.parquet")
    (tmp_path / "tags.jsonl").write_text(
        "".join(json.dumps({"tags": each}) + "\n" for each in table["tags"].to_pylist())
    )
    for source in (tmp_path / "tags.parquet", tmp_path / "tags.jsonl", table.to_pandas()):
        read = read_class_ids("tags", source, Named(*"abcd"))
        assert read.class_ids.tolist() == [[1, 0], [1, 1], [0, 0], [-1, -1]]
        assert read.names() == ["a", "a|b", "|", "no label"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([["a"], ["a", ["b"]], [], None], r"Row 1 holds \['a', \['b'\]\]. A label is a name or a number, or a list"),
        ([{"a": 1}, {"b": 1}, None, None], r"Row 0 holds {'a': 1}. A label is a name"),
        ([["a", "b"], "a", [], None], "Row 1 holds 'a', where other rows hold lists"),
        ([["a", None], ["a"], [], None], r"Row 0 holds \['a', None\], in which a name is missing"),
        ([[], [], None, []], "None of the 4 items is of any class"),
    ],
)
def test_what_is_no_label_is_refused_with_its_row(labels, message):
    with pytest.raises(LabelError, match=message):
        read_class_ids(labels, None, Named(*"abcd"))


def test_folders_of_splits_are_no_classes(tmp_path):
    source = photos(tmp_path / "photos", "Train/cat/1.png", "Train/dog/2.png", "test/cat/1.png", "val/dog/1.png")
    read = read_class_ids("folder", source, opened(source))
    assert read.counts() == {"cat": 2, "dog": 2}
    advice = f"give {source}/Train and {source}/test as --train and --test to keep them apart."
    assert read.notes == (f"Train/, test/ and val/ are splits, not classes; {advice}",)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["all/train/cat/1.png", "all/valid/dog/1.png"], {"cat": 1, "dog": 1}),
        (["train/images/cat/1.png", "test/images/dog/1.png"], {"cat": 1, "dog": 1}),
        (["test/cat/1.png", "dog/1.png", "cat/2.png"], {"cat": 2, "dog": 1}),
        (["test/1.png", "dog/1.png", "dog/2.png"], {"dog": 2, "test": 1}),
    ],
)
def test_a_split_is_told_from_a_class_by_its_name_and_what_it_holds(names, expected):
    assert read_class_ids("folder", "photos", Named(*names)).counts() == expected


def test_splits_without_class_folders_are_named():
    with pytest.raises(LabelError, match=r"2 of 2 items lie in no class folder, such as 'train/1.png'"):
        read_class_ids("folder", "photos", Named("train/1.png", "test/1.png"))


def test_names_in_a_file_are_what_is_written_there(tmp_path):
    (tmp_path / "few.csv").write_text("name,label\n007,x\n7,y\n0.10,z\n")
    assert named(tmp_path / "few.csv", None, Named("7", "007", "0.1", "0.10")) == ["y", "x", None, "z"]
    (tmp_path / "few.csv").write_text("name,label\n007,x\n")
    with pytest.raises(LabelError, match="labels '007', which is none of the items"):
        read_class_ids(tmp_path / "few.csv", None, Named("7", "8", "9"))
    assert named(tmp_path / "few.csv", None, Named(*map(str, range(9))))[7] == "x"


def test_pairs_name_items_as_they_are_called(tmp_path):
    (tmp_path / "pairs.csv").write_text("first,second,same\n007,7,no\n0010,007,true\n")
    pairs = read_pairs(tmp_path / "pairs.csv", Named("7", "007", "0010"))
    assert (pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist()) == ([1, 2], [0, 1], [False, True])
    (tmp_path / "pairs.csv").write_text("first,second,same\n7,,no\n")
    with pytest.raises(LabelError, match="The pair in row 0 names one item only"):
        read_pairs(tmp_path / "pairs.csv", Named("7", "8"))


def test_what_was_read_is_said_in_a_few_lines():
    labels = [f"kind {number}" for number in range(14) for _ in range(2)] + ["alone", None]
    read = read_class_ids(labels, None, Named(*map(str, range(30))))
    lines = label_lines(read)
    assert lines[0].startswith("labels    15 classes, 29 of 30 items: alone (1), kind 0 (2), kind 1 (2), kind 10 (2)")
    assert lines[0].endswith(", and 3 more")
    assert [line.strip() for line in lines[1:]] == [
        "1 of 30 items has no label and is left out",
        "the class 'alone' has one labelled item: it is learned from and never tested",
    ]
