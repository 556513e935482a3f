"""Pictures as programs hold them: arrays, images, lists, datasets, loaders, dictionaries and what can be iterated."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler, TensorDataset

from counterpoint.data.aligned_rows import every_row
from counterpoint.data.labels import read_class_ids
from counterpoint.data.pictures import Survey, may_be_pictures, open_pictures, survey
from counterpoint.data.value_range import Range
from counterpoint.errors import LabelError, SourceError
from counterpoint.modalities.image import Images
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions
from counterpoint.setup.dataset import recognised

COLOURS = ("red", "lime", "blue", "white")
IMAGES = [Image.new("RGB", (10, 9), colour) for colour in COLOURS]
ARRAYS = [np.array(image) for image in IMAGES]
TENSORS = [torch.from_numpy(array.transpose(2, 0, 1).copy()) for array in ARRAYS]


def encoded(image):
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


def recognise(source, name):
    return recognised(source, DataOptions(kind=name))[1]


def opened(source, **how):
    return open_pictures(source, **{"size": 4, "channels": 3, **how})


def colours(items):
    names = {(255, 0, 0): "red", (0, 255, 0): "lime", (0, 0, 255): "blue", (255, 255, 255): "white"}
    return [names[tuple(pixel)] for pixel in items.take(np.arange(len(items)))[:, :, 0, 0].tolist()]


class Listed(Dataset):
    """A dataset of torch whose items may be exceptions to be raised."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        if isinstance(self.items[row], Exception):
            raise self.items[row]
        return self.items[row]


class Flowing(IterableDataset):
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


class Feature:
    def __init__(self, names=None):
        if names:
            self.names = names


class HuggingFace:
    """A dataset in the manner of Hugging Face: rows by number, columns by name."""

    def __init__(self, columns, features=None):
        self.columns_held, self.features = columns, features or {name: Feature() for name in columns}

    @property
    def column_names(self):
        return list(self.columns_held)

    def __len__(self):
        return len(next(iter(self.columns_held.values())))

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns_held[key]
        return {name: values[key] for name, values in self.columns_held.items()}

    def __iter__(self):
        return (self[row] for row in range(len(self)))


# One picture


@pytest.mark.parametrize("array", [ARRAYS[2], torch.from_numpy(ARRAYS[2]), ARRAYS[2] / 255])
def test_an_array_of_height_width_and_colours_is_one_picture(array):
    items = opened(array, size=None)
    assert len(items) == survey(array).count == 1
    assert items.take(np.array([0])).shape == (1, 3, 9, 10)
    assert colours(items) == ["blue"]


def test_an_array_file_of_one_picture_is_one_picture(tmp_path):
    np.save(tmp_path / "x.npy", ARRAYS[2])
    assert colours(opened(tmp_path / "x.npy", size=None)) == ["blue"]


def test_an_image_of_pillow_is_one_picture():
    assert recognise(IMAGES[2], "auto").name == "image"
    assert colours(opened(IMAGES[2])) == ["blue"]
    assert survey(IMAGES[2]) == Survey(1, 9, 3, False)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 16, 16), r"An array \(3, 16, 16\) may be one picture in colour or three in grey. Give array\[None\]"),
        ((28, 28), r"An array \(28, 28\) may be one picture in grey or a table. Give array\[None\] for one picture"),
    ],
)
def test_an_array_that_may_be_one_picture_or_several_things_is_refused(shape, message):
    with pytest.raises(SourceError, match=message):
        opened(np.zeros(shape, np.uint8))


# Lists


def test_lists_of_pictures_of_any_kind_and_size_are_opened():
    smaller = np.ascontiguousarray(ARRAYS[3][:5, :6])
    mixed = [IMAGES[0], ARRAYS[1], TENSORS[2], smaller]
    objects = np.empty(4, dtype=object)
    objects[:] = mixed
    series = pytest.importorskip("pandas").Series(IMAGES)
    for source in (ARRAYS, TENSORS, mixed, tuple(mixed), objects, series, [(image, 1) for image in mixed]):
        assert recognise(source, "auto").name == "image"
        assert survey(source).channels == 3
        assert colours(opened(source)) == list(COLOURS)
    grey = [np.full((9, 9), 7, np.uint8), np.full((4, 6), 9, np.uint8)]
    assert may_be_pictures(grey)
    assert survey(grey) == Survey(2, 7, 1, True)
    assert opened(grey, channels=1).take(np.arange(2))[:, 0, 0, 0].tolist() == [7, 9]


def test_transparent_arrays_among_others_are_seen_on_white():
    clear = np.zeros((9, 9, 4), np.uint8)
    source = [clear, ARRAYS[0], np.concatenate([ARRAYS[2], np.full((9, 10, 1), 255, np.uint8)], axis=2)]
    assert survey(source).channels == 3
    assert colours(opened(source)) == ["white", "red", "blue"]
    assert survey([clear]).channels == 4


def test_a_frame_with_images_or_arrays_in_its_cells_is_pictures_with_labels():
    frame = pytest.importorskip("pandas").DataFrame
    for cells in (IMAGES, ARRAYS):
        source = frame({"scan": cells, "label": list("abab"), "age": [1, 2, 3, 4]})
        items = opened(source)
        assert recognise(source, "auto").name == "image"
        assert colours(items) == list(COLOURS)
        assert items.labels == list("abab")
        assert read_class_ids("age", source, items).names() == ["1", "2", "3", "4"]


def test_lists_of_arrays_that_may_be_series_are_no_pictures():
    assert not may_be_pictures([np.zeros((3, 128), np.float32)])
    assert not may_be_pictures([np.zeros((60, 28, 28), np.uint8), np.zeros((10, 28, 28), np.uint8)])


def test_a_pair_of_arrays_is_pictures_with_labels():
    items = opened((np.stack(ARRAYS), np.array([1, 0, 1, 0])), size=None)
    assert items.labels == [1, 0, 1, 0]
    assert colours(items) == list(COLOURS)


def test_labels_tell_that_an_array_is_several_pictures():
    pictures = np.arange(3, dtype=np.uint8)[:, None, None].repeat(9, 1).repeat(9, 2)
    for source in ((pictures, np.array([4, 5, 6])), {"image": pictures, "label": [4, 5, 6]}):
        assert survey(source) == Survey(3, 9, 1, False)
        items = opened(source, channels=1)
        assert items.labels == [4, 5, 6]
        assert items.take(np.arange(3))[:, 0, 0, 0].tolist() == [0, 1, 2]


# Pictures of more than 8 bits


def deep(count=4):
    """Pictures of 1000 +- 60, in floats."""
    return [np.random.default_rng(row).integers(940, 1061, (9, 10)).astype(np.float32) for row in range(count)]


def test_deep_pictures_are_kept_deep_and_have_one_range_for_the_whole_source():
    modality, expected = Images.fit(np.stack(deep()), DataOptions())
    for cells in (deep(), [torch.from_numpy(each) for each in deep()], [Image.fromarray(each) for each in deep()]):
        for source in (cells, Listed(cells), DataLoader(Listed(cells)), HuggingFace({"image": cells})):
            result, items = Images.fit(source, DataOptions())
            assert result.sight.levels == modality.sight.levels
            assert items.kind == "float32"
            assert torch.equal(items.take(np.arange(4)), expected.take(np.arange(4)))
            assert items.notes == expected.notes
            again = result.open(source[:1] if isinstance(source, list) else Listed(cells[:1]))
            assert torch.equal(again.take(np.array([0]))[0], items.take(np.array([0]))[0])


def test_16_bits_are_kept_in_lists_iterators_and_cells_of_bytes():
    shades = [each.astype(np.uint16) for each in deep()]
    images = [Image.fromarray(each) for each in shades]
    cells = [encoded(image) for image in images]
    for source in (shades, images, iter(images), cells, iter(cells), {"image": cells}, {"scan": images}):
        items = opened(source, size=9, channels=1, levels=Range((0,), (4095,), "all"))
        assert items.kind == "uint16"
        assert len(items) == 4
        assert 0.2 < float(items.take(np.arange(4)).mean()) < 0.3


def test_bytes_among_floats_are_a_share_of_full_brightness_and_numbers_that_are_none_are_skipped():
    floats, broken = np.full((9, 9), 0.5, np.float32), np.full((9, 9), np.nan, np.float32)
    items = opened([floats, np.full((9, 9), 51, np.uint8), broken], channels=1)
    assert items.sample()[:, 0, 0, 0].tolist() == pytest.approx([0.5, 0.2])
    assert items.skipped == [("2", "it cannot be read: it holds NaN or infinite numbers")]


def test_the_channels_of_a_dataset_are_first_or_last_as_a_person_says():
    items = [np.zeros((10, 9, 8), np.uint8)] * 2
    assert survey(Listed(items), axis="first").channels == 10
    assert survey(Listed(items), axis="last").channels == 8
    assert opened(Listed(items), channels=10, axis="first").take(np.arange(2)).shape == (2, 10, 4, 4)


def test_pictures_among_many_that_differ_in_opacity_are_said():
    items = opened([Image.new("RGBA", (9, 9), (0, 0, 0, 0)), IMAGES[0], IMAGES[1]])
    assert items.notes == ["1 pictures with transparent parts are laid on white"]


# Datasets and loaders


def test_broken_items_are_skipped_named_and_counted_and_labels_of_all_items_fit():
    broken = Image.open(io.BytesIO(encoded(Image.effect_noise((64, 64), 50))[:-900]))
    items = [
        RuntimeError("worker died\nwith a trace"),
        (IMAGES[1], 1),
        KeyError("image"),
        (IMAGES[2], 0),
        (broken, 1),
        ("text", 1),
        (np.zeros((5, 9, 9)), 1),
        (None, 0),
    ]
    opened_items = opened(Listed(items))
    reasons = dict(opened_items.skipped)
    assert recognise(Listed(items), "auto").name == "image"
    assert colours(opened_items) == ["lime", "blue"]
    assert opened_items.rows.tolist() == [1, 3]
    assert opened_items.names == ["1", "3"]
    assert opened_items.labels == [1, 0]
    assert list(reasons) == ["0", "2", "4", "5", "6", "7"]
    assert reasons["0"] == "it cannot be read: RuntimeError: worker died"
    assert reasons["2"] == "it cannot be read: KeyError: 'image'"
    assert reasons["4"].startswith("it cannot be read: ")
    assert reasons["5"].startswith("it is a tuple of str, int and holds no picture; expected a Pillow image")
    assert reasons["6"] == "it cannot be read: it has 5 bands, and 3 were expected"
    assert read_class_ids(list("abcdefgh"), None, opened_items).names() == ["b", "d"]


def test_a_dataset_without_one_usable_picture_is_refused_with_the_first_reason():
    for items, why in (([RuntimeError("no")], "RuntimeError: no"), (["a"], "it is 'a' and holds no picture")):
        with pytest.raises(SourceError, match=f"None of 1 items of the dataset can be used; .*{why}"):
            opened(Listed(items))
        with pytest.raises(SourceError, match=r"None of 1 items of the dataset can be used"):
            survey(Listed(items))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Listed([]), "The dataset is empty"),
        ([], "The list of photos is empty"),
        (iter([]), "yields nothing. Was it read before"),
        (DataLoader(Listed([1])), "it is 1 and holds no picture"),
        (HuggingFace({"image": []}), "The dataset is empty"),
        ({"image": []}, "The dictionary has no rows"),
    ],
)
def test_an_empty_source_is_refused(source, message):
    with pytest.raises(SourceError, match=message):
        survey(source)


def test_of_a_loader_the_dataset_is_read_in_its_order():
    dataset = Listed([(tensor, row) for row, tensor in enumerate(TENSORS)])
    loader = DataLoader(dataset, batch_size=3, shuffle=True)
    assert recognise(loader, "auto").name == "image"
    assert survey(loader) == Survey(4, 9, 3, False)
    assert colours(opened(loader)) == list(COLOURS)
    assert opened(loader).labels == [0, 1, 2, 3]
    assert opened(DataLoader(dataset, sampler=SubsetRandomSampler([3, 1]))).labels == [1, 3]
    assert colours(opened(DataLoader(Flowing(TENSORS), batch_size=2))) == list(COLOURS)
    assert colours(opened(DataLoader(TensorDataset(torch.stack(TENSORS), torch.arange(4))))) == list(COLOURS)


def test_a_dataset_of_hugging_face_is_read_by_the_column_that_holds_pictures():
    cells = [{"bytes": encoded(image), "path": None} for image in IMAGES]
    cells[1] = {"bytes": b"broken", "path": "x.png"}
    features = {"scan": Feature(), "label": Feature(["cat", "dog"])}
    source = HuggingFace({"scan": cells, "label": [0, 1, 1, 0]}, features)
    items = opened(source)
    assert recognise(source, "auto").name == "image"
    assert colours(items) == ["red", "blue", "white"]
    assert items.skipped == [("1", "it holds no picture of a kind that Pillow knows")]
    assert items.labels == ["cat", "dog", "cat"]
    assert read_class_ids("label", source, items).names() == ["cat", "dog", "cat"]
    assert colours(opened(Listed(cells))) == ["red", "blue", "white"]  # as a Column of it is: a sequence of pictures


def test_of_several_columns_of_pictures_one_is_named():
    source = HuggingFace({"left": IMAGES, "right": IMAGES[::-1]})
    with pytest.raises(SourceError, match=r"Items hold pictures under left, right. Name one"):
        opened(source)
    assert colours(opened(source, column="right")) == list(COLOURS[::-1])
    with pytest.raises(SourceError, match=r"There is no column 'lefft'. Did you mean 'left'"):
        opened(source, column="lefft")
    with pytest.raises(SourceError, match=r"the items of the source are not dictionaries"):
        opened(IMAGES, column="left")
    assert colours(opened(HuggingFace({"image": IMAGES, "mask": IMAGES[::-1]}))) == list(COLOURS)


def test_the_key_of_a_dataset_is_named_like_a_column_and_kept_by_the_model():
    source, column = HuggingFace({"left": IMAGES, "right": IMAGES[::-1]}), DataOptions(data=ReadOptions(column="right"))
    modality, items = Images.fit(source, column)
    assert colours(items) == list(COLOURS[::-1])
    again = Images.from_settings(modality.settings())
    assert colours(again.open(source)) == list(COLOURS[::-1])
    assert colours(again.open(IMAGES)) == list(COLOURS)  # later data may have no keys
    assert colours(again.open({"left": ARRAYS, "right": ARRAYS[::-1]})) == list(COLOURS[::-1])
    with pytest.raises(SourceError, match=r"There is no column 'lefft'. Did you mean 'left'"):
        Images.fit(source, DataOptions(data=ReadOptions(column="lefft")))
    for other in (np.stack(ARRAYS), ["a.png"]):
        with pytest.raises(SourceError, match=r"There is no column 'right'"):
            Images.fit(other, column)


def test_a_dictionary_of_datasets_is_a_choice_for_the_user():
    source = {"train": HuggingFace({"image": IMAGES}), "test": HuggingFace({"image": IMAGES})}
    for attempt in (survey, opened, lambda each: recognise(each, "auto")):
        with pytest.raises(SourceError, match=r"a dict of 2 datasets. Choose one: source\['train'\] or source\['test"):
            attempt(source)


def test_a_dictionary_of_columns_is_pictures_with_labels():
    for name, pictures in (("image", np.stack(ARRAYS)), ("scans", torch.stack(TENSORS)), ("photo", IMAGES)):
        source = {name: pictures, "label": np.array([3, 1, 1, 3]), "age": [1.0, 2.0, 3.0, 4.0]}
        items = opened(source)
        assert recognise(source, "auto").name == "image"
        assert colours(items) == list(COLOURS)
        assert items.labels == [3, 1, 1, 3]
        assert read_class_ids("age", source, items).names() == ["1", "2", "3", "4"]
    with pytest.raises(SourceError, match=r"There is no column 'photos'. Did you mean 'photo'"):
        opened(source, column="photos")
    with pytest.raises(LabelError, match=r"There are no labels 'agee'. Did you mean 'age'"):
        read_class_ids("agee", source, items)
    assert colours(opened({"image": IMAGES[2], "label": 1})) == ["blue"]
    assert not may_be_pictures({"x": [1, 2], "y": np.zeros((2, 7))})


# What can be iterated


def test_an_iterator_of_pictures_is_read_once_with_its_labels():
    asked = []

    def pictures():
        for row in range(100):
            asked.append(row)
            yield TENSORS[row % 4], row % 4

    source = pictures()
    assert recognise(source, "auto").name == "image"
    assert survey(source) == Survey(None, 9, 3, False)
    items = opened(source)
    assert asked == list(range(100))
    assert (len(items), items.names[:2]) == (100, ["00", "01"])
    assert colours(items) == list(COLOURS) * 25
    assert items.labels == [0, 1, 2, 3] * 25
    with pytest.raises(SourceError, match=r"The generator yields nothing. Was it read before"):
        survey(source)


def test_iterables_of_every_kind_are_read():
    cells = [{"jpg": encoded(image), "cls": row, "__key__": str(row)} for row, image in enumerate(IMAGES)]
    for source in (Flowing(IMAGES), map(np.asarray, IMAGES), zip(IMAGES, range(4), strict=True), Flowing(cells)):
        assert may_be_pictures(source)
        assert survey(source).channels == 3
        assert colours(opened(source)) == list(COLOURS)
    assert opened(Flowing(cells)).labels == [0, 1, 2, 3]


def test_broken_items_of_an_iterator_are_skipped_and_one_that_ends_it_is_said():
    def pictures():
        yield IMAGES[0]
        yield None
        yield IMAGES[2]
        raise RuntimeError("the disk is gone")

    with pytest.raises(SourceError, match=r"Item 3 of the generator cannot be read: .*the disk is gone. Nothing comes"):
        survey(pictures())
    items = opened(iter([IMAGES[0], None, IMAGES[2]]))
    assert colours(items) == ["red", "blue"]
    assert items.skipped[0][0] == "1"


def test_an_iterator_of_something_else_is_refused_with_what_came_first():
    with pytest.raises(SourceError, match=r"a generator whose first item is 'so' is"):
        recognise((word for word in ["so", "what"]), "auto")
    with pytest.raises(SourceError, match=r"None of 2 items of the generator .* it is 'so' and holds no picture"):
        survey(word for word in ["so", "what"])
    with pytest.raises(SourceError, match=r"it is an array of uint8 \(4, 3, 9, 10\) and holds no picture"):
        survey(batch for batch in [torch.stack(TENSORS)])


def test_a_dataset_of_something_else_is_refused_with_what_came_first():
    with pytest.raises(SourceError, match=r"a dataset whose first item is a tuple of Tensor, int is"):
        recognise(Listed([(torch.zeros(7), 1)]), "auto")


def test_paths_that_are_iterated_are_opened(tmp_path):
    for colour, image in zip(COLOURS, IMAGES, strict=True):
        image.save(tmp_path / f"{colour}.png")
    assert recognise(tmp_path.glob("*.png"), "auto").name == "image"
    assert sorted(colours(opened(tmp_path.glob("*.png")))) == sorted(COLOURS)


def test_of_several_sources_in_memory_each_item_has_its_row_and_files_that_are_no_items_have_none():
    items = opened([IMAGES[0], None, IMAGES[2]])
    with pytest.warns(UserWarning, match=r"1 of 3 items could not be embedded and count as zeros; the first is '1'"):
        vectors, names = every_row(np.ones((2, 4), np.float32), items)
    assert vectors[:, 0].tolist() == [1, 0, 1]
    assert list(names) == ["0", "1", "2"]
    items.skipped, items.source_count, items.rows = [("notes.heic", "not read")], 2, np.arange(2)
    assert every_row(np.ones((2, 4), np.float32), items)[0].shape == (2, 4)
