from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from counterpoint.data.labels import encode, read_labels
from counterpoint.data.pictures import open_pictures
from counterpoint.errors import LabelError, SourceError

ARRAY = np.zeros((4, 8, 8), np.uint8)


def photos(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def opened(source):
    return open_pictures(source, size=8, channels=3)


@pytest.mark.parametrize(
    "labels",
    [["a", "b", "a", "b"], np.array([1, 2, 1, 2]), torch.tensor([1, 2, 1, 2]), (True, False, True, False)],
)
def test_lists_arrays_and_tensors_are_labels(labels):
    read = read_labels(labels, ARRAY, opened(ARRAY))
    assert encode(read)[0][0] == encode(read)[0][2] != encode(read)[0][1]


def test_the_labels_of_the_source_are_the_default():
    items = open_pictures("sample:fashion-test", size=None, channels=1)
    assert read_labels(None, "sample:fashion-test", items).tolist() == items.labels
    with pytest.raises(LabelError, match=r"carries no labels. Give labels='folder'"):
        read_labels(None, ARRAY, opened(ARRAY))


def test_folders_are_classes(tmp_path):
    source = photos(tmp_path, "cat/1.png", "cat/deep/2.png", "dog/1.png")
    assert read_labels("folder", source, opened(source)).tolist() == ["cat", "cat", "dog"]


def test_the_folder_that_everything_lies_in_is_no_class(tmp_path):
    source = photos(tmp_path, "pets/cat/1.png", "pets/dog/1.png")
    paths = sorted(source.rglob("*.png"))
    assert read_labels("folder", source, opened(source)).tolist() == ["cat", "dog"]
    assert read_labels("folder", paths, opened(paths)).tolist() == ["cat", "dog"]


def test_photos_without_a_class_folder_are_named(tmp_path):
    source = photos(tmp_path, "cat/1.png", "stray.png")
    with pytest.raises(LabelError, match=r"1 of 2 items lie in no class folder, such as 'stray.png'"):
        read_labels("folder", source, opened(source))


def test_a_column_is_read_and_skipped_photos_take_their_labels_with_them(tmp_path):
    photos(tmp_path, "1.png", "3.png")
    table = tmp_path / "list.csv"
    table.write_text("path,kind\n1.png,cat\n2.png,dog\n3.png,cow\n")
    items = opened(table)
    assert [name for name, _ in items.skipped] == ["2.png"]
    assert read_labels("kind", table, items).tolist() == ["cat", "cow"]
    assert read_labels(["x", "y", "z"], table, items).tolist() == ["x", "z"]
    assert read_labels(["x", "z"], table, items).tolist() == ["x", "z"]
    with pytest.raises(LabelError, match=r"4 labels for 2 items \(and 1 that were skipped\)"):
        read_labels([1, 2, 3, 4], table, items)
    with pytest.raises(LabelError, match="Did you mean 'kind'"):
        read_labels("kin", table, items)


def test_an_npy_file_holds_labels(tmp_path):
    np.save(tmp_path / "y.npy", [3.0, 1.0, 3.0, 2.0])
    assert read_labels(tmp_path / "y.npy", ARRAY, opened(ARRAY)).tolist() == [3, 1, 3, 2]
    (tmp_path / "y.npy").write_bytes(b"nonsense")
    with pytest.raises(LabelError, match="cannot be read"):
        read_labels(str(tmp_path / "y.npy"), ARRAY, opened(ARRAY))
    with pytest.raises(SourceError, match=r"Did you mean 'y.npy'"):
        read_labels(str(tmp_path / "yy.npy"), ARRAY, opened(ARRAY))


@pytest.mark.parametrize("labels", [["a", None, "b", None], [1.0, np.nan, np.nan, 2.0], ["a", "", "", "b"]])
def test_missing_labels_are_counted(labels):
    with pytest.raises(LabelError, match="2 of 4 labels are missing, the first that of '1'"):
        read_labels(labels, ARRAY, opened(ARRAY))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2, 3], "3 labels for 4 items"),
        (np.zeros((4, 2)), r"shape \(4, 2\)"),
        ([[1, 2], [3], [4], [5]], "one number or string per item"),
        ("kind", "no labels 'kind'.*the source has no columns"),
    ],
)
def test_labels_that_do_not_fit_are_explained(labels, message):
    with pytest.raises(LabelError, match=message):
        read_labels(labels, ARRAY, opened(ARRAY))


@pytest.mark.parametrize(
    ("labels", "codes", "classes"),
    [
        ([10, 9, 10], [1, 0, 1], ["9", "10"]),
        (np.array([2.0, 1.0]), [1, 0], ["1", "2"]),
        (np.array(["b", "a"], dtype=object), [1, 0], ["a", "b"]),
    ],
)
def test_classes_are_sorted_and_counted_from_zero(labels, codes, classes):
    assert encode(labels)[0].tolist() == codes
    assert encode(labels)[0].dtype == np.int64
    assert encode(labels)[1] == classes


def test_given_classes_keep_their_order_and_refuse_others():
    assert encode([3, 1], ["3", "2", "1"])[0].tolist() == [0, 2]
    with pytest.raises(LabelError, match="Labels 7 are none of the classes 3, 1"):
        encode([7, 1], ["3", "1"])
