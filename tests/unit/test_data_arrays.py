from __future__ import annotations

import gzip
import struct
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from counterpoint.data import arrays, idx, samples
from counterpoint.data.pictures import Survey, may_be_pictures, open_pictures, survey
from counterpoint.errors import SourceError

GREY = np.random.default_rng(0).integers(0, 256, (12, 9, 11), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (12, 3, 9, 11), dtype=np.uint8)


def write_idx(path, array, *, packed=False):
    data = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if packed else data)


class Pairs:
    """A dataset in the manner of torchvision."""

    def __init__(self, pictures, labels=None):
        self.pictures, self.answers, self.asked = pictures, labels, Counter()

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        self.asked[row] += 1
        return (self.pictures[row], self.answers[row]) if self.answers else self.pictures[row]


class Named(Pairs):
    """A dataset in the manner of Hugging Face."""

    def __getitem__(self, row):
        return {"image": self.pictures[row], "label": self.answers[row]}


@pytest.mark.parametrize(
    "source",
    [
        COLOUR,
        COLOUR.transpose(0, 2, 3, 1),
        torch.from_numpy(COLOUR),
        torch.from_numpy(COLOUR).float(),
        COLOUR.astype(np.float64) / 255,
        COLOUR.astype(np.int64),
        COLOUR.astype(np.uint16) * 257,
    ],
)
def test_every_order_type_and_range_gives_the_same_pixels(source):
    items = open_pictures(source, size=None, channels=3)
    assert may_be_pictures(source)
    assert survey(source) == Survey(count=12, side=10, channels=3, photos=False)
    assert torch.equal(items.take(np.array([3, 0])), torch.from_numpy(COLOUR[[3, 0]]))
    assert items.names[:3] == ["00", "01", "02"]
    assert items.labels is None
    assert items.skipped == []


def test_overshoot_of_resizing_is_clipped():
    taken = open_pictures(np.array([[[-0.005, 1.005]]]), size=None, channels=1).take(np.array([0]))
    assert taken.tolist() == [[[[0, 255]]]]


def test_bfloat16_tensors_are_opened():
    items = open_pictures(torch.ones(2, 1, 4, 4, dtype=torch.bfloat16), size=None, channels=1)
    assert int(items.take(np.array([1])).min()) == 255


def test_grey_becomes_colour_and_colour_grey():
    grey, colour = open_pictures(GREY, size=None, channels=3), open_pictures(COLOUR, size=None, channels=1)
    assert grey.take(np.array([0])).tolist() == [[GREY[0].tolist()] * 3]
    expected = np.asarray(Image.fromarray(COLOUR[0].transpose(1, 2, 0)).convert("L")).astype(int)
    assert np.abs(colour.take(np.array([0]))[0, 0].numpy() - expected).max() <= 1


def test_an_npy_file_is_mapped_and_not_read(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", GREY)
    seen = []
    load = np.load
    monkeypatch.setattr(np, "load", lambda *given, **named: seen.append(load(*given, **named)) or seen[-1])
    items = open_pictures(tmp_path / "x.npy", size=None, channels=1)
    assert may_be_pictures(tmp_path / "x.npy")
    assert isinstance(seen[0], np.memmap)
    assert torch.equal(items.take(np.array([5])), torch.from_numpy(GREY[[5], None]))


@pytest.mark.parametrize(
    ("held", "labels"),
    [
        ({"x_train": GREY, "y_train": np.arange(12), "x_test": GREY[:2], "y_test": np.arange(2)}, list(range(12))),
        ({"images": GREY, "labels": np.arange(12)[:, None]}, list(range(12))),
        ({"whatever": GREY, "other": np.ones(3)}, None),
    ],
)
def test_the_pictures_of_an_npz_are_found(tmp_path, held, labels):
    np.savez(tmp_path / "x.npz", **held)
    items = open_pictures(tmp_path / "x.npz", size=None, channels=1)
    assert may_be_pictures(tmp_path / "x.npz")
    assert len(items) == 12
    assert items.labels == labels


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read_with_their_labels(tmp_path, packed):
    ending = ".gz" if packed else ""
    images = tmp_path / f"train-images-idx3-ubyte{ending}"
    write_idx(images, GREY, packed=packed)
    write_idx(tmp_path / f"train-labels-idx1-ubyte{ending}", np.arange(12), packed=packed)
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{ending}", GREY[:2], packed=packed)
    np.testing.assert_array_equal(idx.read_idx(images), GREY)
    for source in (tmp_path, images):
        items = open_pictures(source, size=None, channels=1)
        assert may_be_pictures(source)
        assert items.labels == list(range(12))
        assert torch.equal(items.take(np.arange(12)), torch.from_numpy(GREY)[:, None])
    assert len(open_pictures(tmp_path / f"t10k-images-idx3-ubyte{ending}", size=None, channels=1)) == 2


@pytest.mark.parametrize("packed", [True, False])
def test_a_truncated_idx_file_is_explained(tmp_path, packed):
    file = tmp_path / "train-images-idx3-ubyte"
    write_idx(file, GREY, packed=packed)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(SourceError, match="is damaged"):
        open_pictures(file, size=None, channels=1)


def test_several_idx_files_are_a_choice_for_the_user(tmp_path):
    for name in ("a-images-idx3-ubyte", "b-images-idx3-ubyte"):
        write_idx(tmp_path / name, GREY)
    with pytest.raises(SourceError, match="Point to the file that you want"):
        open_pictures(tmp_path, size=None, channels=1)


def test_a_dataset_is_asked_for_all_items_once_when_it_is_opened_and_never_again():
    dataset = Pairs([Image.fromarray(picture) for picture in GREY] * 3, [f"class {row % 2}" for row in range(36)])
    dataset.asked.clear()
    items = open_pictures(dataset, size=9, channels=1)
    assert dataset.asked.pop(0) == 3  # of the first it is told what items hold
    assert sorted(dataset.asked.values()) == [1] * 20 + [2] * 15  # and of 16 how deep they are
    dataset.asked.clear()
    for _ in range(2):
        items.take(np.array([4, 2, 4]))
    assert items.labels[:2] == ["class 0", "class 1"]
    assert dataset.asked == {}


@pytest.mark.parametrize("kind", [Pairs, Named])
def test_datasets_of_tensors_and_of_images_are_pictures(kind):
    for pictures in (
        torch.from_numpy(COLOUR).float() / 255,
        [Image.fromarray(each.transpose(1, 2, 0)) for each in COLOUR],
    ):
        dataset = kind(pictures, list(range(12)))
        items = open_pictures(dataset, size=None, channels=3)
        assert may_be_pictures(dataset)
        assert survey(dataset) == Survey(count=12, side=10, channels=3, photos=False)
        assert torch.equal(items.take(np.array([7])), torch.from_numpy(COLOUR[[7]]))
        assert items.labels == list(range(12))


def test_targets_and_classes_of_a_dataset_are_its_labels():
    dataset = Pairs([Image.fromarray(picture) for picture in GREY])
    dataset.targets, dataset.classes = torch.arange(12) % 2, ["cat", "dog"]
    assert open_pictures(dataset, size=None, channels=1).labels[:3] == ["cat", "dog", "cat"]
    dataset.targets = list(range(12))
    assert open_pictures(dataset, size=None, channels=1).labels == list(range(12))


def test_images_of_unequal_size_are_squeezed_to_one():
    pictures = [Image.new("RGB", (20, 10), "red"), Image.new("L", (8, 8), 255)]
    result = survey(pictures)
    taken = open_pictures(pictures, size=6, channels=3).take(np.array([1, 0]))
    assert may_be_pictures(pictures)
    assert (result.photos, result.channels) == (True, 3)
    assert taken.shape == (2, 3, 6, 6)
    assert taken[:, :, 0, 0].tolist() == [[255, 255, 255], [255, 0, 0]]


def test_tensors_of_a_dataset_are_squeezed_too():
    taken = open_pictures(Pairs(torch.full((2, 1, 10, 20), 0.5)), size=4, channels=1).take(np.array([0]))
    assert taken.unique().tolist() == [128]


def test_the_bundled_samples_are_balanced_pictures():
    items = open_pictures("sample:fashion", size=None, channels=1)
    others = open_pictures("sample:fashion-test", size=None, channels=1)
    assert may_be_pictures("sample:fashion")
    assert Counter(items.labels) == dict.fromkeys(samples.CLASSES, 600)
    assert Counter(others.labels) == dict.fromkeys(samples.CLASSES, 100)
    assert items.labels[:3] == ["Ankle boot", "T-shirt/top", "T-shirt/top"]
    assert items.take(np.arange(100)).shape == (100, 1, 28, 28)
    assert 60 < float(items.take(np.arange(6000)).float().mean()) < 85
    with pytest.raises(SourceError, match="Did you mean 'sample:fashion'"):
        open_pictures("sample:fashio", size=None, channels=1)


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((10, 3, 128), np.float32),
        np.zeros((10, 64)),
        np.zeros((10, 5, 5), np.float32),
        [[1, 2], [3, 4]],
        {"a": [1]},
        [],
        "no/such/path",
        np.array([None]),
        Pairs([torch.zeros(3, 128)]),
    ],
)
def test_what_holds_no_pictures_is_not_taken_for_them(source):
    assert not may_be_pictures(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((5, 7)), r"\(n, h, w\).*Got \(5, 7\)"),
        (np.zeros((0, 7, 7)), r"Got \(0, 7, 7\)"),
        (np.zeros((2, 3, 4, 5, 6)), r"Got \(2, 3, 4, 5, 6\)"),
        (np.array([np.zeros((2, 2)), None], dtype=object)[:, None, None], "Got an array of object"),
        (np.zeros((3, 7, 9, 9)), "have 7 channels; 1 were expected"),
        (5, "Got a int"),
        ([[1, 2]], "None of 1 items of the list can be used; the first: it is a list of int, int and holds no picture"),
        ([], "list of photos is empty"),
    ],
)
def test_what_cannot_be_pictures_is_explained(source, message):
    with pytest.raises(SourceError, match=message):
        open_pictures(source, size=None, channels=1)


def test_broken_numbers_are_counted_and_placed(monkeypatch):
    monkeypatch.setattr(arrays, "BLOCK", 32)
    pictures = np.zeros((9, 4, 4), np.float32)
    pictures[6, 1, 1], pictures[7] = np.nan, np.inf
    with pytest.raises(SourceError, match="17 numbers are NaN or infinite, first in picture 6"):
        open_pictures(pictures, size=None, channels=1)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_truncated_and_pickled_arrays_are_explained(tmp_path, name):
    file = tmp_path / name
    save = np.save if name == "x.npy" else np.savez
    save(file, GREY)
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(SourceError, match="cannot be read"):
        open_pictures(file, size=None, channels=1)
    save(file, np.array([{}], dtype=object))
    with pytest.raises(SourceError, match=r"Python objects|Object arrays|It holds"):
        open_pictures(file, size=None, channels=1)


def test_an_npz_with_a_choice_of_pictures_names_them(tmp_path):
    np.savez(tmp_path / "x.npz", left=GREY, right=GREY)
    with pytest.raises(SourceError, match=r"It holds left .* right "):
        open_pictures(tmp_path / "x.npz", size=None, channels=1)
