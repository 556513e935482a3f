"""Pictures that are more than bytes: one range for files and arrays, kept in the model; many bands, pages, DICOM."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

import counterpoint as cp
from counterpoint import rng
from counterpoint.cli import main
from counterpoint.data import photos
from counterpoint.data.pictures import open_pictures, survey
from counterpoint.data.value_range import Range, measured, stated, usual
from counterpoint.errors import PlanError, SourceError
from counterpoint.evaluation.intervals import score_interval
from counterpoint.modalities.image import Images
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions
from counterpoint.views import image_views
from tests.worlds import stripes

SHADES = np.random.default_rng(0).integers(940, 1061, (12, 16, 16)).astype(np.uint16)
"""Levels of 1000 +- 60 out of 16 bits, of which 8 bits leave 3 or 4."""


def learned(source, **data):
    return Images.fit(source, DataOptions(data=ReadOptions.given(data)))


def everything(items):
    return items.take(np.arange(len(items)))


def folder_of(folder, pictures, ending="png"):
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:03}.{ending}")
    return folder


def colour_png(pixels):
    """A PNG of 16 bits and 2 to 4 channels, which Pillow does not write."""

    def chunk(name, held):
        return struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))

    height, width, channels = pixels.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_levels_of_1000_give_or_take_60_stay_apart_in_files_and_in_arrays_alike(tmp_path):
    by_file, files = learned(folder_of(tmp_path / "x", SHADES))
    by_array, array = learned(SHADES)
    assert by_file.sight.levels == by_array.sight.levels == Range((940.0,), (1060.0,))
    assert torch.equal(everything(files), everything(array))
    assert len(everything(array).unique()) == 121
    assert 0.25 < float(everything(array).std()) < 0.33
    note = "range 940 to 1,060 of 16-bit levels (measured; --range says otherwise)"
    assert files.notes == array.notes == [note]


def test_the_range_is_overridden_by_the_user(tmp_path):
    for source in (SHADES, folder_of(tmp_path / "x", SHADES)):
        modality, items = learned(source, range=(0, 4095))
        assert modality.sight.levels == Range((0.0,), (4095.0,), "all")
        torch.testing.assert_close(everything(items)[:, 0], torch.from_numpy(SHADES / 4095).float())
        assert items.notes == ["range 0 to 4,095 of 16-bit levels (as given)"]


def test_a_range_that_is_given_is_of_bytes_too(tmp_path):
    picture = np.tile(np.arange(100, 200, 4, dtype=np.uint8), (25, 1))
    for source in (picture[None], folder_of(tmp_path / "x", [picture])):
        _, items = learned(source, range="100,200")
        torch.testing.assert_close(everything(items)[0, 0, 0], (torch.arange(100, 200, 4) - 100) / 100)


@pytest.mark.parametrize("said", ["", "5", "a,b", "3,1", "1,1", "0,1,2", "0,inf", "nan,1"])
def test_a_range_that_is_none_is_explained(said):
    with pytest.raises(PlanError, match="range is "):
        stated(said)


def test_a_range_of_other_bands_is_refused():
    with pytest.raises(PlanError, match="range has 2 pairs of numbers; the pictures have 1 channels"):
        learned(SHADES, range="0,1,0,2")


def test_one_pixel_of_glare_leaves_the_other_levels_as_they_are():
    pictures = np.random.default_rng(0).random((8, 16, 16), dtype=np.float32)
    spoiled = pictures.copy()
    spoiled[3, 5, 5] = 1.6
    _, clean = learned(pictures)
    modality, items = learned(spoiled)
    assert modality.sight.levels == Range((0.0,), (1.0,), "float32")
    others = np.delete(np.arange(8), 3)
    assert torch.equal(items.take(others), clean.take(others))
    assert float(items.take(np.array([3]))[0, 0, 5, 5]) == 1
    later = open_pictures(spoiled[[3]], size=None, channels=1)
    expected = (spoiled[3].clip(0, 1) * 255 + 0.5).astype(np.uint8)
    assert everything(later)[0, 0].tolist() == expected.tolist()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int64, np.uint16])
def test_the_vector_of_a_picture_does_not_depend_on_its_company(kind):
    pictures = (np.random.default_rng(1).random((40, 12, 12)) * np.linspace(20, 2000, 40)[:, None, None]).astype(kind)
    modality, items = learned(pictures)
    company = modality.inputs(everything(items))
    for row in (0, 7, 39):
        alone = modality.inputs(everything(modality.open(pictures[[row]])))
        torch.testing.assert_close(alone[0], company[row], rtol=0, atol=0)


class Dataset:
    def __init__(self, pictures):
        self.pictures = pictures

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return self.pictures[row]


def test_whole_numbers_of_215_and_315_stay_in_proportion():
    pictures = Dataset([torch.full((1, 8, 8), level) for level in (215, 315, 215, 315)])
    _, items = learned(pictures, range=(0, 400))
    torch.testing.assert_close(everything(items)[:, 0, 0, 0], torch.tensor([215, 315, 215, 315]) / 400)
    modality, items = learned(pictures)
    assert modality.sight.levels == Range((215.0,), (315.0,))
    assert everything(items)[:, 0, 0, 0].tolist() == [0, 1, 0, 1]
    assert everything(open_pictures(pictures, size=None, channels=1))[:2, 0, 0, 0].tolist() == [174, 255]


def test_negatives_and_standardised_numbers_are_read():
    pictures = np.random.default_rng(0).normal(0, 1, (20, 3, 16, 16)).astype(np.float32)
    modality, items = learned(pictures)
    (low,), (high,) = modality.sight.levels.low, modality.sight.levels.high
    assert -3.6 < low < -2.6
    assert 2.6 < high < 3.6
    expected = ((pictures - low) / (high - low)).clip(0, 1)
    torch.testing.assert_close(everything(items), torch.from_numpy(expected), rtol=0, atol=1e-6)


def test_numbers_that_are_none_are_refused(tmp_path):
    broken = np.full((2, 8, 8), 0.5, np.float32)
    broken[1, 0, 0] = np.nan
    with pytest.raises(SourceError, match="NaN or infinite, first in picture 1"):
        learned(broken)
    _, items = learned(Dataset(torch.from_numpy(broken)[:, None]))
    assert items.skipped == [("1", "it cannot be read: it holds NaN or infinite numbers")]
    _, items = learned(folder_of(tmp_path / "x", broken, "tif"))
    assert items.skipped == [("001.tif", "it cannot be read: it holds NaN or infinite numbers")]


def test_floats_in_tiff_are_kept_as_they_are(tmp_path):
    pictures = np.random.default_rng(0).normal(-5, 0.001, (6, 16, 16)).astype(np.float32)
    modality, items = learned(folder_of(tmp_path / "x", pictures, "tif"))
    assert survey(tmp_path / "x").kind == "float32"
    assert -5.01 < modality.sight.levels.low[0] < modality.sight.levels.high[0] < -4.99
    assert len(everything(items).unique()) > 1000
    _, array = learned(pictures)
    assert torch.equal(everything(items), everything(array))


def test_deep_photos_are_stored_deep(tmp_path):
    open_pictures(folder_of(tmp_path / "x", SHADES), size=16, channels=1)
    (kept,) = photos.cache_folder().glob("*/*/pixels.npy")
    assert np.load(kept).dtype == np.uint16


def test_bytes_are_left_as_they_are_and_have_no_range():
    modality, items = learned(stripes(count=8).source)
    assert modality.sight.levels is None
    assert everything(items).dtype == torch.uint8
    assert items.notes == []
    assert "levels" not in modality.settings()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (np.random.default_rng(0).random((4, 1, 20, 20)), Range((0.0,), (1.0,), "float32")),
        (np.random.default_rng(0).random((4, 1, 20, 20)) * 255, Range((0.0,), (255.0,), "float32")),
        (np.random.default_rng(0).integers(0, 256, (4, 3, 20, 20)), Range((0.0,), (255.0,), "int32")),
        (np.random.default_rng(0).integers(0, 65536, (4, 3, 20, 20)), Range((0.0,), (65535.0,), "int32")),
        (np.arange(4 * 1 * 20 * 20).reshape(4, 1, 20, 20) % 17, Range((0.0,), (16.0,))),
    ],
)
def test_the_usual_range_is_taken_where_numbers_plainly_lie_in_it(numbers, expected):
    assert measured(numbers) == expected
    numbers = numbers.copy()
    numbers.reshape(-1)[7] = 10**6
    assert measured(numbers) == expected


def test_whole_numbers_from_0_to_255_are_bytes():
    pictures = stripes(count=8).source
    _, items = learned(pictures.astype(np.int64))
    assert torch.equal(everything(items), everything(learned(pictures)[1]))


def test_bands_that_differ_have_ranges_of_their_own():
    random = np.random.default_rng(0)
    tops = np.array([100, 4000, 300, 9000, 50])
    bands = (random.random((10, 5, 16, 16)) * tops[:, None, None]).astype(np.uint16)
    modality, items = learned(bands)
    assert len(modality.sight.levels.high) == 5
    assert everything(items).shape == (10, 5, 16, 16)
    assert float(everything(items).std(dim=(0, 2, 3)).min()) > 0.25
    assert items.notes[0].startswith("range by band 0 to 99, ")
    again = Images.from_settings(modality.settings()).open(bands[2:3])
    assert torch.equal(everything(again)[0], everything(items)[2])


def test_the_range_is_kept_in_the_settings_and_older_settings_have_none():
    modality, items = learned(SHADES)
    again = Images.from_settings(modality.settings())
    assert again.sight == modality.sight
    assert torch.equal(everything(again.open(SHADES)), everything(items))
    older = {"channels": 1, "size": 16, "stored": None, "mean": [0.5], "deviation": [0.2]}
    assert Images.from_settings({**older, "views": "grey", "column": None}).sight.levels is None


def test_bytes_and_deeper_copies_are_read_by_each_others_models():
    shallow = stripes(count=16).source
    copies = {
        "bytes": shallow,
        "16 bits": shallow.astype(np.uint16) * 257,
        "floats": (shallow / 255).astype(np.float32),
        "whole numbers": shallow.astype(np.int64),
    }
    for source in copies.values():
        modality, items = learned(source)
        expected = modality.inputs(everything(items))
        for other in copies.values():
            torch.testing.assert_close(modality.inputs(everything(modality.open(other))), expected, rtol=0, atol=1e-5)


def test_16_bits_of_colour_are_read_from_png(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 4096, (3, 16, 16, 3)).astype(np.uint16)
    for number, picture in enumerate(pictures):
        (tmp_path / f"{number}.png").write_bytes(colour_png(picture))
    modality, items = learned(tmp_path)
    by_array, array = learned(pictures)
    assert modality.sight.levels == by_array.sight.levels
    assert torch.equal(everything(items), everything(array))
    (tmp_path / "0.png").write_bytes(colour_png(np.concatenate([pictures[0], pictures[0][..., :1]], axis=2)))
    again = modality.open(tmp_path)
    assert torch.equal(everything(again), everything(items))
    assert again.notes == ["the opacity of 1 pictures is dropped"]


def test_bytes_among_deep_photos_keep_their_brightness(tmp_path):
    bright = np.full((8, 8), 200, np.uint8)
    folder = folder_of(tmp_path / "x", [bright, bright.astype(np.uint16) * 257, np.arange(64, dtype=np.uint16) * 1000])
    (folder / "002.png").unlink()
    items = open_pictures(folder, size=8, channels=1, levels=Range((0,), (65535,), "uint16"))
    torch.testing.assert_close(everything(items), torch.full((2, 1, 8, 8), 200 / 255))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_a_tiff_of_five_bands_is_five_channels(tmp_path, kind):
    tifffile = pytest.importorskip("tifffile")
    pictures = np.random.default_rng(0).integers(0, 256, (4, 5, 16, 16)).astype(kind)
    for number, picture in enumerate(pictures):
        last = number % 2 == 0
        held, plan = (picture.transpose(1, 2, 0), "contig") if last else (picture, "separate")
        tifffile.imwrite(tmp_path / f"{number}.tif", held, photometric="minisblack", planarconfig=plan)
    result = survey(tmp_path)
    assert (result.channels, result.kind) == (5, np.dtype(kind).name)
    modality, items = learned(tmp_path)
    assert modality.sight.views == "grey"
    assert torch.equal(everything(items), everything(learned(pictures)[1]))


def test_of_a_tiff_of_several_pages_the_first_is_used_and_the_others_are_said(tmp_path):
    for number in range(2):
        pages = [Image.fromarray(SHADES[row]) for row in range(number, number + 3)]
        pages[0].save(tmp_path / f"{number}.tif", save_all=True, append_images=pages[1:])
    _, items = learned(tmp_path)
    assert items.notes[0] == "4 further pages of 2 pictures are dropped: the first page is used"
    assert torch.equal(everything(items), everything(learned(SHADES[:2])[1]))
    _, again = learned(tmp_path)
    assert again.notes == items.notes


def test_pages_that_are_previews_are_not_said(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(SHADES[0])
        file.write(SHADES[0, ::2, ::2], subfiletype=1)
    _, items = learned(tmp_path)
    assert [note for note in items.notes if "pages" in note] == []


def test_opacity_is_said(tmp_path):
    Image.new("RGBA", (16, 16), (255, 0, 0, 128)).save(tmp_path / "a.png")
    Image.new("RGB", (16, 16), "red").save(tmp_path / "b.png")
    _, items = learned(tmp_path)
    assert items.notes == ["1 pictures with transparent parts are laid on white"]


def test_a_fourth_band_is_a_band_and_opacity_is_dropped(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    picture = np.random.default_rng(0).integers(0, 4096, (16, 16, 4)).astype(np.uint16)
    for name, extra in (("infrared", "unspecified"), ("opaque", "unassalpha")):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "x.tif", picture, photometric="rgb", extrasamples=[extra])
    assert survey(tmp_path / "infrared").channels == 4
    modality, items = learned(tmp_path / "opaque")
    assert modality.sight.channels == 3
    assert items.notes[0] == "the opacity of 1 pictures is dropped"


def test_without_its_package_a_file_is_skipped_with_the_advice(tmp_path, monkeypatch):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 5), np.uint8), photometric="minisblack", planarconfig="contig")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    ((name, why),) = open_pictures(tmp_path, size=8, channels=3).skipped
    assert name == "a.tif"
    assert 'pip install "counterpoint[tiff]"' in why


def dicom(stored, *, inverted=False, slope=None, intercept=None, frames=1):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    record = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    record.Rows, record.Columns = stored.shape[-2:]
    record.SamplesPerPixel, record.PixelRepresentation = 1, int(stored.dtype.kind == "i")
    record.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    record.BitsAllocated = record.BitsStored = 8 * stored.dtype.itemsize
    if inverted:
        record.BitsStored = 12
    record.HighBit = record.BitsStored - 1
    if slope is not None:
        record.RescaleSlope, record.RescaleIntercept = str(slope), str(intercept)
    if frames > 1:
        record.NumberOfFrames = frames
    record.PixelData = stored.tobytes()
    held = io.BytesIO()
    record.save_as(held, enforce_file_format=True)
    return held.getvalue()


def test_dicom_is_rescaled_as_it_says(tmp_path):
    pytest.importorskip("pydicom")
    stored = np.random.default_rng(0).integers(0, 3000, (4, 16, 16)).astype(np.int16)
    for number, each in enumerate(stored):
        (tmp_path / f"{number}.dcm").write_bytes(dicom(each, slope=2, intercept=-1024))
    modality, items = learned(tmp_path)
    assert survey(tmp_path).kind == "float32"
    assert modality.sight.levels.low[0] < -1000
    array = (stored * 2.0 - 1024).astype(np.float32)
    assert torch.equal(everything(items), everything(learned(array)[1]))


def test_dicom_that_counts_from_white_is_turned_round_whatever_else_is_there(tmp_path):
    pytest.importorskip("pydicom")
    stored = np.random.default_rng(0).integers(0, 4096, (2, 16, 16)).astype(np.uint16)
    (tmp_path / "0.dcm").write_bytes(dicom(stored[0], inverted=True))
    (tmp_path / "1.dcm").write_bytes(dicom(stored[1]))
    _, items = learned(tmp_path, range="0,4095")
    expected = np.stack([4095 - stored[0], stored[1]]) / 4095
    torch.testing.assert_close(everything(items)[:, 0], torch.from_numpy(expected).float())


def test_dicom_of_bytes_is_bytes_and_its_further_frames_are_said(tmp_path):
    pytest.importorskip("pydicom")
    stored = np.random.default_rng(0).integers(0, 256, (3, 16, 16)).astype(np.uint8)
    (tmp_path / "x.dcm").write_bytes(dicom(stored, frames=3))
    modality, items = learned(tmp_path)
    assert modality.sight.levels is None
    assert everything(items)[0, 0].tolist() == stored[0].tolist()
    assert items.notes == ["2 further pages of 1 pictures are dropped: the first page is used"]


def test_equal_large_pictures_get_the_working_size_of_photos(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (4, 200, 200, 3), dtype=np.uint8)
    by_file, files = learned(folder_of(tmp_path / "x", pictures))
    for source in (pictures, Dataset([torch.from_numpy(each).permute(2, 0, 1) for each in pictures])):
        modality, items = learned(source)
        assert (modality.sight.size, modality.sight.stored) == (by_file.sight.size, by_file.sight.stored) == (64, 80)
        assert torch.equal(everything(items), everything(files))
        assert torch.equal(everything(modality.open(source)), everything(files))
    deep = pictures[..., 0].astype(np.uint16) * 17
    _, files = learned(folder_of(tmp_path / "y", deep))
    assert torch.equal(everything(learned(deep)[1]), everything(files))


def test_labels_go_with_squeezed_arrays(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((3, 100, 100), np.uint8), labels=np.array([4, 5, 6]))
    assert learned(tmp_path / "x.npz")[1].labels == [4, 5, 6]


@pytest.mark.parametrize("channels", [2, 4, 5, 40])
def test_any_number_of_channels_is_read_first_or_last(channels):
    pictures = np.random.default_rng(0).integers(0, 256, (6, channels, 16, 16), dtype=np.uint8)
    for source, axis in ((pictures, "auto"), (pictures.transpose(0, 2, 3, 1), "auto"), (pictures, "first")):
        modality, items = learned(source, channel_axis=axis)
        assert modality.sight.channels == channels
        assert torch.equal(everything(items), torch.from_numpy(pictures))
    last, _ = learned(pictures, channel_axis="last")
    assert last.sight.channels == 16
    assert everything(last.open(pictures)).shape[1] == 16


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_views_of_other_bands_and_of_deep_grey_assume_no_colour(channels):
    assert image_views.auto(channels, 200) == "grey"
    bands = np.random.default_rng(0).random((4, channels, 16, 16)).astype(np.float32)
    bands[:, 1:] = 0
    modality, items = learned(bands)
    batch, key = everything(items), rng.keys(seed=0, epoch=0, items=torch.arange(4), view=0)
    still = image_views.Strengths(scale=1.0, largest=1.0, ratio=1.0, mirror=0.0, colour=1.0, grey=1.0)
    view = still(batch, key, size=16)
    for one, seen in zip(batch, view, strict=True):
        offset = seen[1, 0, 0]  # light alone: the same factor and offset for all bands
        assert torch.allclose(seen[1:], offset.expand_as(seen[1:]), atol=1e-6)
        inside = (seen[0] > 0.01) & (seen[0] < 0.99)
        if int(inside.sum()) > 3:
            factors = ((seen[0] - offset) / one[0])[inside & (one[0] > 0.1)]
            assert float(factors.std()) < 1e-3 or float(offset) == 0
    assert modality.picture(batch).shape == (4, 3, 16, 16)
    assert modality.augmentation(batch, key).shape == (4, channels, 16, 16)


def test_a_callable_is_given_a_tensor_where_pillow_has_no_such_picture():
    seen = []

    def see(picture):
        seen.append(picture)
        return picture

    _, items = learned(SHADES)
    modality, _ = Images.fit(SHADES, DataOptions(views=see))
    batch = items.take(np.arange(2))
    views = modality.augmentation(batch, torch.arange(2))
    assert torch.equal(seen[0], batch[0])
    torch.testing.assert_close(modality.inputs(batch), views)


def test_what_is_exported_says_the_range():
    recipe = learned(SHADES)[0].encoder_input().recipe
    assert "less 940, divided by 120 and clipped to [0, 1]" in recipe
    assert "8 bits" not in recipe
    assert "divided by 255" in learned(stripes(count=8).source)[0].encoder_input().recipe


def test_a_plan_prints_the_range():
    assert any("range 940 to 1,060" in note for note in cp.plan(SHADES, modality="image")["notes"])


def own_class(vectors, labels):
    """Whether the nearest other picture is of the same class, for each."""
    distances = torch.cdist(torch.as_tensor(vectors), torch.as_tensor(vectors)).fill_diagonal_(torch.inf)
    return labels[distances.argmin(dim=1).numpy()] == labels


def neighbours(source, labels):
    """The share of pictures whose nearest other one, by raw numbers, is of their class."""
    modality, items = learned(source)
    return float(own_class(modality.inputs(everything(items)).flatten(1), labels).mean())


def deep_copies(shallow):
    return [shallow.astype(np.uint16) * 257, (1000 + shallow / 2).astype(np.uint16), shallow / 255, shallow / 64 - 2.0]


def test_deep_copies_and_bytes_of_the_same_pictures_score_alike():
    world = stripes()
    expected = neighbours(world.source, world.labels)
    for copy in deep_copies(world.source):
        assert abs(neighbours(copy, world.labels) - expected) < 0.03


def test_a_model_of_bytes_reads_others_by_their_usual_range_or_by_their_own():
    assert usual(np.full((1, 1, 4, 4), -1.5)) == Range((-1.5,), (-0.5,))
    assert usual(np.full((1, 1, 4, 4), 0.1)) == Range((0.0,), (1.0,), "float32")
    assert usual(np.full((1, 1, 4, 4), 4000, np.uint16)) == Range((0.0,), (65535.0,), "uint16")
    assert usual(np.full((1, 1, 4, 4), 4000)) == Range((0.0,), (4000.0,))


@pytest.mark.slow
def test_models_trained_on_deep_copies_and_on_bytes_score_within_each_others_intervals():
    world = stripes(count=512)
    scores = []
    for source in [world.source, *deep_copies(world.source)]:
        model = cp.fit(source, **world.choices, epochs=24, batch_size=64, width=16)
        correct = own_class(model.embed(source).vectors, world.labels)
        assert float(correct.mean()) > neighbours(source, world.labels) + 0.05
        scores.append(score_interval(correct))
    for score in scores[1:]:
        assert scores[0].low <= score.value <= scores[0].high, scores
        assert score.low <= scores[0].value <= score.high, scores


def test_a_range_below_zero_is_given_in_the_shell_as_it_is(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(12, 16, 16, 1)).astype(np.float32))
    main(["plan", str(tmp_path / "x.npy"), "--epochs", "1", "--range", "-3,3"])
    assert "range -3 to 3" in capsys.readouterr().out
