"""Folders, archives and lists of photos as people have them, with what lies among the photos."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from counterpoint.data.labels import read_labels
from counterpoint.data.pictures import looks_like_pictures, open_pictures
from counterpoint.data.texts import looks_like_texts
from counterpoint.errors import SourceError

COLOURS = ("red", "lime", "blue", "white")


def encoded(colour="red", size=(8, 8), kind="PNG"):
    held = io.BytesIO()
    Image.new("RGB", size, colour).save(held, kind)
    return held.getvalue()


def put(folder, name, data=None):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded() if data is None else data)
    return file


def opened(source, **how):
    return open_pictures(source, size=4, channels=3, **how)


def colours(items):
    names = {(255, 0, 0): "red", (0, 255, 0): "lime", (0, 0, 255): "blue", (255, 255, 255): "white"}
    return [names[tuple(pixel)] for pixel in items.take(np.arange(len(items)))[:, :, 0, 0].tolist()]


def tape(path, members):
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as taped:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            taped.addfile(entry, io.BytesIO(data))
    return path


# Files among photos that are none, or none that are read


def test_files_of_kinds_that_are_not_read_are_counted_named_and_listed_with_what_reads_them(tmp_path):
    for name in ("a.png", "b.HEIC", "c.heic", "clip.mov", "scan.dcm", "page.pdf", "raw.nef", "notes.txt", "x.json"):
        put(tmp_path, name)
    items = opened(tmp_path)
    assert items.names == ["a.png"]
    assert [name for name, _ in items.skipped] == ["b.HEIC", "c.heic", "clip.mov", "page.pdf", "raw.nef", "scan.dcm"]
    assert dict(items.skipped)["clip.mov"].startswith(".mov files are not read: take pictures out of them")
    assert items.notes[0] == "2 .heic files are not read: save them as .jpg, as pillow-heif or ImageMagick does"
    for tool in ("ffmpeg", "pydicom", "pdftoppm", "rawpy"):
        assert sum(tool in note for note in items.notes) == 1


def test_files_that_are_not_read_are_counted_in_archives_too(tmp_path):
    items = opened(tape(tmp_path / "x.tar", {"a.png": encoded(), "b.heic": b"x"}))
    assert items.skipped == [
        ("b.heic", ".heic files are not read: save them as .jpg, as pillow-heif or ImageMagick does")
    ]
    assert len(items.notes) == 1


def test_a_folder_of_nothing_but_pictures_that_are_not_read_is_no_folder_of_texts(tmp_path):
    put(tmp_path, "a.heic")
    put(tmp_path, "readme.txt", b"my holidays")
    assert looks_like_pictures(tmp_path)
    assert not looks_like_texts(tmp_path)
    with pytest.raises(SourceError, match=r"only .heic \(1\), .txt \(1\). 1 .heic file is not read: save them as .jpg"):
        opened(tmp_path)


def test_labels_of_all_photos_fit_where_one_is_damaged_and_others_are_not_read(tmp_path):
    put(tmp_path, "a.png")
    put(tmp_path, "b.png", b"no picture")
    put(tmp_path, "c.png")
    put(tmp_path, "d.heic")
    items = opened(tmp_path)
    assert items.rows.tolist() == [0, 2]
    assert len(items.skipped) == 2
    assert read_labels(["x", "y", "z"], tmp_path, items).tolist() == ["x", "z"]


def test_a_listed_photo_of_a_kind_that_is_not_read_is_skipped_with_what_reads_it(tmp_path):
    items = opened([put(tmp_path, "a.png"), put(tmp_path, "b.heic", b"\0\0\0\x18ftypheic")])
    assert items.skipped == [
        (str(tmp_path / "b.heic"), ".heic files are not read: save them as .jpg, as pillow-heif or ImageMagick does")
    ]


# Links and runs of ours inside photos


def test_links_that_loop_neither_hang_nor_repeat_photos(tmp_path):
    put(tmp_path, "photos/a.png")
    (tmp_path / "photos/up").symlink_to(tmp_path)
    (tmp_path / "photos/self").symlink_to("self")
    (tmp_path / "photos/self.png").symlink_to("self.png")
    (tmp_path / "photos/one").symlink_to(tmp_path / "photos/two")
    (tmp_path / "photos/two").symlink_to(tmp_path / "photos/one")
    items = opened(tmp_path / "photos")
    assert items.names == ["a.png"]
    assert [name for name, _ in items.skipped] == ["self.png"]


@pytest.mark.parametrize("beside", ["model.safetensors", "state.pt", "views.png", "metrics.jsonl"])
def test_folders_of_runs_inside_photos_are_not_learned_from(tmp_path, beside):
    put(tmp_path, "a.png")
    for name in ("plan.json", beside, "views.png", "inner/b.png"):
        put(tmp_path, f"run/{name}")
    assert opened(tmp_path).names == ["a.png"]
    with pytest.raises(SourceError, match="is the folder of a run, not of photos"):
        opened(tmp_path / "run")
    members = {name: encoded() for name in ("a.png", "run/plan.json", f"run/{beside}", "run/views.png", "run/in/b.png")}
    assert opened(tape(tmp_path / "x.tar", members)).names == ["a.png"]


def test_a_plan_of_somebody_else_beside_photos_hides_none(tmp_path):
    put(tmp_path, "a.png")
    put(tmp_path, "plan.json")
    assert opened(tmp_path).names == ["a.png"]


# Archives in the manner of WebDataset


def test_classes_beside_photos_in_an_archive_are_their_labels(tmp_path):
    members = {}
    for row, colour in enumerate(COLOURS):
        members |= {
            f"in/{row}.png": encoded(colour),
            f"in/{row}.cls": str(row % 2).encode(),
            f"in/{row}.txt": b"a shell",
        }
    for name in ("x.tar", "x.tar.gz"):
        items = opened(tape(tmp_path / name, members))
        assert looks_like_pictures(tmp_path / name)
        assert items.names == [f"in/{row}.png" for row in range(4)]
        assert colours(items) == list(COLOURS)
        assert items.labels == [0, 1, 0, 1]
        assert items.skipped == []


def test_classes_in_records_beside_photos_follow_the_photos_that_are_left(tmp_path):
    members = {}
    for row in range(3):
        members[f"{row}.json"] = json.dumps({"label": f"class {row}"}).encode()
        members[f"{row}.png"] = b"broken" if row == 1 else encoded()
    assert opened(tape(tmp_path / "x.tar", members)).labels == ["class 0", "class 2"]


@pytest.mark.parametrize("held", [{"1.cls": b"1"}, {"0.json": b"{", "1.json": b"{}"}, {}])
def test_an_archive_in_which_a_photo_lacks_its_class_has_no_labels(tmp_path, held):
    assert opened(tape(tmp_path / "x.tar", {"0.png": encoded(), "1.png": encoded(), **held})).labels is None
