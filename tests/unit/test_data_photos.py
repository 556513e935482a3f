from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from counterpoint.data import photos
from counterpoint.data.decode import decode
from counterpoint.data.pictures import may_be_pictures, open_pictures, survey
from counterpoint.data.sheets import read_sheet
from counterpoint.errors import SourceError
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.files import beside_others


def encoded(image, kind="PNG", **how):
    held = io.BytesIO()
    image.save(held, kind, **how)
    return held.getvalue()


def put(folder, name, colour="red", size=(8, 8)):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)
    return file


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    for name, colour in (("b/2.png", "blue"), ("a.png", "red"), ("b/1.png", "lime")):
        put(folder, name, colour)
    return folder


@pytest.fixture
def decoded(monkeypatch):
    """Says how many photos were decoded since it was last asked."""
    calls = []
    monkeypatch.setattr(photos, "decode", lambda *given, **named: calls.append(1) or decode(*given, **named))

    def count():
        number = len(calls)
        calls.clear()
        return number

    return count


def opened(source, **how):
    return open_pictures(source, size=4, channels=3, **how)


def colours(items):
    return items.take(np.arange(len(items)))[:, :, 0, 0].tolist()


def cached():
    return [each for each in photos.cache_folder().glob("*/*") if not each.name.startswith(".")]


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (encoded(Image.new("L", (5, 3), 77)), [77, 77, 77]),
        (encoded(Image.new("1", (5, 3), 1)), [255, 255, 255]),
        (encoded(Image.new("LA", (5, 3), (0, 128))), [127, 127, 127]),
        (encoded(Image.new("RGBA", (5, 3), (255, 0, 0, 0))), [255, 255, 255]),
        (encoded(Image.new("RGBA", (5, 3), (255, 0, 0, 255))), [255, 0, 0]),
        (encoded(Image.new("P", (5, 3), 0), transparency=0), [255, 255, 255]),
        (encoded(Image.new("RGB", (5, 3), "red").quantize(4)), [255, 0, 0]),
        (encoded(Image.new("CMYK", (5, 3), (0, 0, 0, 255)), "JPEG"), [0, 0, 0]),
        (encoded(Image.fromarray(np.full((3, 5), 128 * 257, np.uint16))), [128, 128, 128]),
        (encoded(Image.fromarray(np.full((3, 5), 0.5, np.float32)), "TIFF"), [128, 128, 128]),
        (encoded(Image.new("RGB", (1, 1), "blue"), "WEBP", lossless=True), [0, 0, 255]),
        (encoded(Image.new("RGB", (5, 3), "blue"), "BMP"), [0, 0, 255]),
    ],
)
def test_every_mode_and_depth_becomes_colour(data, colour):
    pixels = decode(data, size=4, channels=3)
    assert pixels.shape == (3, 4, 4)
    assert pixels[:, 1, 2].tolist() == colour
    assert decode(data, size=4, channels=1).shape == (1, 4, 4)


def test_of_an_animation_the_first_frame_is_seen():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data, size=4, channels=3)[:, 0, 0].tolist() == [255, 0, 0]


def test_a_turned_camera_does_not_turn_the_picture():
    upright = Image.new("L", (40, 20), 0)
    upright.paste(255, (0, 0, 40, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to see it upright
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    pixels = decode(turned, size=4, channels=1)[0]
    assert pixels[0].min() > 250
    assert pixels[3].max() < 5


def test_the_whole_picture_is_kept_and_shrunk_without_aliases():
    stripes = np.zeros((64, 640), np.uint8)
    stripes[:, ::2] = 255
    stripes[:, 600:] = 255
    pixels = decode(encoded(Image.fromarray(stripes)), size=4, channels=1)[0].astype(int)
    assert np.abs(pixels[:, :3] - 128).max() <= 3
    assert pixels[:, 3].min() > 140


def test_a_long_photo_is_decoded_at_a_reduced_scale_and_pillows_limit_stays(monkeypatch):
    data = encoded(Image.new("L", (20_000, 64), 200), "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode(data, size=4, channels=1).tolist() == [[[200] * 4] * 4]
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_picture_beyond_measure_is_skipped(album, monkeypatch):
    monkeypatch.setattr("counterpoint.storage.limits.PIXELS", 100)
    put(album, "huge.png", size=(11, 10))
    assert opened(album).skipped == [
        ("huge.png", "it cannot be read: 11 x 10 pixels are more than 100; make it smaller, or cut it")
    ]


def test_a_folder_is_opened_with_everything_inside_it_in_the_order_of_its_paths(album):
    (album / "notes.txt").write_text("hello")
    put(album, ".hidden/x.png")
    items = opened(album)
    assert may_be_pictures(str(album))
    assert list(items.names) == ["a.png", "b/1.png", "b/2.png"]
    assert colours(items) == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert items.labels is None
    assert items.take(np.array([1])).dtype == torch.uint8


def test_linked_folders_are_followed_once_and_links_to_nowhere_are_listed(album):
    (album / "c").symlink_to(album / "b")
    (album / "b" / "loop").symlink_to(album)
    (album / "gone.png").symlink_to(album / "nowhere.png")
    assert len(opened(album)) == 3
    assert opened(album).skipped == [("gone.png", "there is no such file")]


def test_a_survey_takes_the_median_side_and_says_whether_there_is_colour(tmp_path):
    for number, side in enumerate((10, 20, 90)):
        Image.new("L", (2 * side, side // 2)).save(tmp_path / f"{number}.png")
    result = survey(tmp_path)
    assert (result.count, result.side, result.channels, result.photos) == (3, 20, 1, True)
    put(tmp_path, "colour.png", size=(20, 20))
    assert survey(tmp_path).channels == 3


def test_lists_of_paths_and_a_single_photo_are_opened(album):
    paths = [album / "b/2.png", str(album / "a.png")]
    assert may_be_pictures(paths)
    assert may_be_pictures(paths[0])
    assert list(opened(paths).names) == [str(path) for path in paths]
    assert colours(opened(paths)) == [[0, 0, 255], [255, 0, 0]]
    assert colours(opened(paths[0])) == [[0, 0, 255]]


def test_a_column_of_paths_is_opened_relative_to_its_file(album):
    table = album.parent / "list.csv"
    table.write_text("kind,file\nx,album/b/1.png\ny,album/a.png\n")
    frame = pa.table({"file": [str(album / "a.png")], "other": [str(album / "b/1.png")]})
    assert may_be_pictures(table)
    assert may_be_pictures(frame)
    assert list(opened(table).names) == ["album/b/1.png", "album/a.png"]
    assert colours(opened(read_sheet(frame, DataOptions(data=ReadOptions(column="other"))))) == [[0, 255, 0]]


def pack(album, target):
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w") as packed:
            for file in sorted(album.rglob("*.png")):
                packed.write(file, file.relative_to(album))
    else:
        with tarfile.open(target, f"w:{target.suffix[1:].replace('tar', '')}") as taped:
            taped.add(album, ".")
    return target


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_archives_are_read_without_being_unpacked(album, tmp_path, name, decoded):
    source = pack(album, tmp_path / name)
    items = opened(source)
    assert may_be_pictures(source)
    assert survey(source).count == 3
    assert sorted(zip(items.names, map(tuple, colours(items)), strict=True)) == [
        ("a.png", (255, 0, 0)),
        ("b/1.png", (0, 255, 0)),
        ("b/2.png", (0, 0, 255)),
    ]
    assert (decoded(), len(opened(source)), decoded()) == (3, 3, 0)


@pytest.mark.parametrize("member", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:\\evil.png"])
@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_a_member_that_leaves_the_archive_is_refused(tmp_path, name, member):
    data = encoded(Image.new("L", (4, 4)))
    if name == "x.zip":
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            packed.writestr(member, data)
    else:
        with tarfile.open(tmp_path / name, "w") as taped:
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            taped.addfile(entry, io.BytesIO(data))
    with pytest.raises(SourceError, match="points outside the archive: '"):
        opened(tmp_path / name)


def test_links_and_leftovers_in_archives_are_left_out(album, tmp_path):
    (album / "link.png").symlink_to("/etc/passwd")
    put(album, "__MACOSX/a.png")
    assert sorted(opened(pack(album, tmp_path / "x.tar")).names) == ["a.png", "b/1.png", "b/2.png"]


def test_unusable_photos_are_left_out_and_listed_with_the_reason(album):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (album / "cut.jpg").write_bytes(encoded(Image.fromarray(noise), "JPEG")[:1500])
    (album / "empty.png").touch()
    (album / "text.png").write_text("no picture at all")
    items = opened(album)
    reasons = dict(items.skipped)
    assert len(items) == 3
    assert "truncated" in reasons["cut.jpg"]
    assert reasons["empty.png"] == "it is empty (0 bytes)"
    assert reasons["text.png"] == "it holds no picture of a kind that Pillow knows"
    assert opened(album).skipped == items.skipped


def test_a_folder_of_damaged_photos_is_an_error_that_quotes_one(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    for attempt in (survey, opened):
        with pytest.raises(SourceError, match=r"'a.png', for one: it holds no picture"):
            attempt(tmp_path)


def test_folders_without_photos_say_what_they_hold(tmp_path):
    with pytest.raises(SourceError, match=r"is empty. Expected photos"):
        opened(tmp_path)
    (tmp_path / "a.txt").touch()
    assert not may_be_pictures(tmp_path)
    with pytest.raises(SourceError, match=r"holds no photos, only .txt \(1\). Photos end in .avif, .bmp"):
        opened(tmp_path)


def test_a_missing_path_is_met_with_a_neighbour(album):
    with pytest.raises(SourceError, match="Did you mean 'album'"):
        opened(album.parent / "albun")
    with pytest.raises(SourceError, match=r"None of the 1 listed photos can be read; .*no.png"):
        opened([album / "no.png"])


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_damaged_archives_are_explained(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind" * 50)
    assert not may_be_pictures(tmp_path / name)
    with pytest.raises(SourceError, match="is damaged or not an archive"):
        opened(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a,b\nx.png,y.png\n", None, "Columns a, b all hold paths of photos"),
        ("a,b\n1,2\n", None, "None of the columns a, b holds paths"),
        ("file,b\nx.png,2\n", "fil", "Did you mean 'file'"),
        ("file,b\nx.png,2\n", "b", "Column 'b' holds no paths of photos: its first is"),
        ("file\nx.png\nx.png\n", None, "'x.png' is listed 2 times"),
    ],
)
def test_columns_that_do_not_name_photos_are_explained(tmp_path, text, column, message):
    (tmp_path / "list.csv").write_text(text)
    put(tmp_path, "x.png")
    with pytest.raises(SourceError, match=message):
        opened(read_sheet(tmp_path / "list.csv", DataOptions(data=ReadOptions(column=column)), "image"))


def test_photos_need_a_size_and_the_bands_that_they_have(album):
    with pytest.raises(SourceError, match="Say with size="):
        open_pictures(album, size=None, channels=3)
    with pytest.raises(SourceError, match="has 3 bands, and 2 were expected"):
        open_pictures(album, size=4, channels=2)


def test_a_second_opening_decodes_nothing_and_gives_the_same(album, decoded):
    seen = []
    first = opened(album, progress=lambda done, total: seen.append((done, total)))
    assert decoded() == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert torch.equal(opened(album).take(np.arange(3)), first.take(np.arange(3)))
    assert decoded() == 0


def test_sizes_and_channels_are_cached_apart(album, decoded):
    opened(album)
    assert open_pictures(album, size=5, channels=1).take(np.array([0])).shape == (1, 1, 5, 5)
    assert (decoded(), len(cached())) == (6, 2)


def test_changed_added_and_removed_files_alone_are_decoded_again(album, decoded):
    opened(album)
    decoded()
    put(album, "a.png", "white", size=(9, 9))
    assert colours(opened(album)) == [[255, 255, 255], [0, 255, 0], [0, 0, 255]]
    assert decoded() == 1
    put(album, "aa.png", "black")
    assert colours(opened(album)) == [[255, 255, 255], [0, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert decoded() == 1
    (album / "b/1.png").unlink()
    assert colours(opened(album)) == [[255, 255, 255], [0, 0, 0], [0, 0, 255]]
    assert decoded() == 0
    assert len(cached()) == 1


def test_items_outlive_the_generation_they_were_opened_from(album):
    before = opened(album)
    put(album, "a.png", "white", size=(9, 9))
    opened(album)
    assert colours(before)[0] == [255, 0, 0]


def test_what_a_killed_process_leaves_is_ignored_and_swept_once_nobody_else_is_at_work(album, decoded):
    opened(album)
    decoded()
    above = cached()[0].parent
    recent, stale = (above / f".building-{name}" for name in ("recent", "stale"))

    def begin():
        for each in (recent, stale):
            each.mkdir(exist_ok=True)
            (each / "pixels.npy").write_bytes(b"half")
        os.utime(stale, (0, 0))

    begin()
    assert (len(opened(album)), decoded()) == (3, 0)
    put(album, "new.png")
    with beside_others(above, begin):  # as another process that is at work
        assert (len(opened(album)), decoded()) == (4, 1)
    assert [each.exists() for each in (recent, stale)] == [True, False]
    put(album, "newer.png")
    assert (len(opened(album)), decoded()) == (5, 1)
    assert not recent.exists()


@pytest.mark.parametrize("name", ["pixels.npy", "manifest.json"])
def test_a_damaged_cache_is_rebuilt(album, decoded, name):
    expected = colours(opened(album))
    decoded()
    file = cached()[0] / name
    file.write_bytes(file.read_bytes()[:-20])
    assert colours(opened(album)) == expected
    assert decoded() == 3
    assert (colours(opened(album)), decoded()) == (expected, 0)


def test_of_two_writers_the_slower_takes_what_the_faster_made(album, monkeypatch):
    raced = []

    def decode_and_race(*given, **named):
        if not raced:
            raced.append(1)
            raced.append(opened(album))
        return decode(*given, **named)

    monkeypatch.setattr(photos, "WORKERS", 1)
    monkeypatch.setattr(photos, "decode", decode_and_race)
    assert colours(opened(album)) == colours(raced[1])
    assert len(cached()) == 1
    assert list(cached()[0].parent.iterdir()) == cached()


def test_an_interrupted_building_leaves_nothing(album, monkeypatch):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(album, progress=interrupt)
    assert list(photos.cache_folder().glob("*/*")) == []


def test_a_cache_that_cannot_be_written_is_explained(album, monkeypatch):
    monkeypatch.setenv("COUNTERPOINT_CACHE", str(album / "a.png"))
    with pytest.raises(SourceError, match="set COUNTERPOINT_CACHE"):
        opened(album)


def test_the_cache_stands_where_the_environment_says(monkeypatch):
    monkeypatch.delenv("COUNTERPOINT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert photos.cache_folder() == Path("/somewhere/counterpoint")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert photos.cache_folder() == Path.home() / ".cache" / "counterpoint"
