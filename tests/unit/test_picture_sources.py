"""Folders, archives and lists of photos as people have them, with what lies among the photos."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from counterpoint.data.labels import read_class_ids
from counterpoint.data.paths import RECORDS
from counterpoint.data.pictures import may_be_pictures, open_pictures, survey
from counterpoint.data.texts import may_be_texts
from counterpoint.errors import InputError, SourceError
from counterpoint.modality import DataOptions
from counterpoint.runs import run_folder
from counterpoint.setup.dataset import recognised

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


def recognise(source, name):
    return recognised(source, DataOptions(kind=name))[1]


def opened(source, **how):
    return open_pictures(source, size=4, channels=3, **how)


def colours(items):
    names = {(255, 0, 0): "red", (0, 255, 0): "lime", (0, 0, 255): "blue", (255, 255, 255): "white"}
    return [names[tuple(pixel)] for pixel in items.take(np.arange(len(items)))[:, :, 0, 0].tolist()]


def series(values):
    return pytest.importorskip("pandas").Series(values)


def tape(path, members):
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as taped:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            taped.addfile(entry, io.BytesIO(data))
    return path


# Files among photos that are none, or none that are read


def test_files_of_kinds_that_are_not_read_are_counted_named_and_listed_with_what_reads_them(tmp_path):
    for name in ("a.png", "b.HEIC", "c.heic", "clip.mov", "page.pdf", "raw.nef", "notes.txt", "x.json"):
        put(tmp_path, name)
    items = opened(tmp_path)
    assert items.names == ["a.png"]
    assert [name for name, _ in items.skipped] == ["b.HEIC", "c.heic", "clip.mov", "page.pdf", "raw.nef"]
    assert dict(items.skipped)["clip.mov"].startswith(".mov files are not read: take pictures out of them")
    assert items.notes[0] == "2 .heic files are not read: save them as .jpg, as pillow-heif or ImageMagick does"
    for tool in ("ffmpeg", "pdftoppm", "rawpy"):
        assert sum(tool in note for note in items.notes) == 1


def test_what_is_skipped_lands_in_the_folder_of_the_run(tmp_path):
    put(tmp_path, "photos/a.png")
    put(tmp_path, "photos/b.png", b"no picture")
    put(tmp_path, "photos/c.heic")
    run_folder.start(tmp_path / "run", {}, opened(tmp_path / "photos"))
    assert [line.split("\t")[0] for line in (tmp_path / "run/skipped.txt").read_text().splitlines()] == [
        "b.png",
        "c.heic",
    ]


def test_files_that_are_not_read_are_counted_in_archives_too(tmp_path):
    items = opened(tape(tmp_path / "x.tar", {"a.png": encoded(), "b.heic": b"x"}))
    assert items.skipped == [
        ("b.heic", ".heic files are not read: save them as .jpg, as pillow-heif or ImageMagick does")
    ]
    assert len(items.notes) == 1


def test_a_folder_of_nothing_but_pictures_that_are_not_read_is_no_folder_of_texts(tmp_path):
    put(tmp_path, "a.heic")
    put(tmp_path, "readme.txt", b"my holidays")
    assert may_be_pictures(tmp_path)
    assert not may_be_texts(tmp_path)
    with pytest.raises(SourceError, match=r"only .heic \(1\), .txt \(1\). 1 .heic file is not read: save them as .jpg"):
        opened(tmp_path)


def test_labels_of_all_photos_fit_where_one_is_damaged_and_others_are_not_read(tmp_path):
    put(tmp_path, "a.png")
    put(tmp_path, "b.png", b"no picture")
    put(tmp_path, "c.png")
    put(tmp_path, "d.heic")
    items = opened(tmp_path)
    assert items.info.source_rows.tolist() == [0, 2]
    assert len(items.skipped) == 2
    assert read_class_ids(["x", "y", "z"], tmp_path, items).names() == ["x", "z"]


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


@pytest.mark.parametrize("kind", RECORDS)
def test_folders_of_runs_inside_photos_are_not_learned_from(tmp_path, kind):
    record = json.dumps(dict.fromkeys(RECORDS[kind])).encode()
    put(tmp_path, "a.png")
    put(tmp_path, f"run/{kind}", record)
    for name in ("views.png", "inner/b.png"):
        put(tmp_path, f"run/{name}")
    assert opened(tmp_path).names == ["a.png"]
    with pytest.raises(SourceError, match="is a run, not data"):
        opened(tmp_path / "run")
    members = {name: encoded() for name in ("a.png", "run/views.png", "run/in/b.png")} | {f"run/{kind}": record}
    assert opened(tape(tmp_path / "x.tar", members)).names == ["a.png"]


def test_a_plan_of_somebody_else_beside_photos_hides_none(tmp_path):
    put(tmp_path, "a.png")
    put(tmp_path, "plan.json")
    assert opened(tmp_path).names == ["a.png"]
    assert opened(tape(tmp_path / "x.tar", {"in/a.png": encoded(), "in/plan.json": b"{}"})).names == ["in/a.png"]


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
        assert may_be_pictures(tmp_path / name)
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


# Several paths at once


@pytest.fixture
def years(tmp_path):
    """Two folders of photos with the same names in them."""
    for year, colour in (("2023", "red"), ("2024", "blue")):
        put(tmp_path, f"photos/{year}/trip/1.png", encoded(colour))
    put(tmp_path, "photos/2024/notes.txt", b"hello")
    put(tmp_path, "photos/2024/x.heic")
    return tmp_path / "photos"


def test_several_folders_are_opened_as_one_with_names_that_tell_them_apart(years):
    source = [years / "2024/trip", str(years / "2023/trip")]
    items = opened(source)
    assert may_be_pictures(source)
    assert recognise(source, "auto").name == "image"
    assert items.names == ["2024/trip/1.png", "2023/trip/1.png"]
    assert colours(items) == ["blue", "red"]
    assert survey(source).count == 2


def test_folders_archives_and_files_may_be_mixed_in_a_list(years):
    archive = tape(years.parent / "more.tar.gz", {"in/9.png": encoded("white"), "in/9.cls": b"7"})
    extra = put(years.parent, "extra.png", encoded("lime"))
    items = opened([years, archive, extra])
    assert items.names == ["photos/2023/trip/1.png", "photos/2024/trip/1.png", "more/in/9.png", "extra.png"]
    assert colours(items) == ["red", "blue", "white", "lime"]
    assert [name for name, _ in items.skipped] == ["photos/2024/x.heic"]
    assert items.labels is None


def test_many_archives_are_read_one_after_the_other_with_their_labels(tmp_path):
    for part, colour in enumerate(COLOURS):
        tape(tmp_path / f"{part}.tar", {"a.png": encoded(colour), "a.cls": str(part).encode()})
    items = opened(str(tmp_path / "*.tar"))
    assert may_be_pictures(str(tmp_path / "*.tar"))
    assert items.names == [f"{part}/a.png" for part in range(4)]
    assert colours(items) == list(COLOURS)
    assert items.labels == [0, 1, 2, 3]


def test_a_folder_that_is_named_twice_or_is_not_there_is_refused(years):
    with pytest.raises(SourceError, match="is listed 2 times"):
        opened([years, years / "2023"])
    with pytest.raises(SourceError, match=r"There is no '.*2032'"):
        opened([years / "2024", years / "2032"])
    with pytest.raises(SourceError, match="Entry 1 of the list of paths is a Image"):
        opened([str(years / "2023/trip/1.png"), Image.new("L", (8, 8))])


def test_a_pattern_is_expanded_and_items_are_called_as_in_the_folder_above_it(years, monkeypatch):
    monkeypatch.chdir(years.parent)
    for pattern in ("photos/**/*.png", "photos/*", "photos/**/*", years / "20*" / "trip"):
        items = opened(pattern)
        assert may_be_pictures(pattern)
        assert items.names == ["2023/trip/1.png", "2024/trip/1.png"]
        assert colours(items) == ["red", "blue"]
    assert [name for name, _ in opened("photos/**/*").skipped] == ["2024/x.heic"]


def test_a_pattern_skips_runs_of_ours_and_loops(years):
    put(years, "run/plan.json", json.dumps(dict.fromkeys(RECORDS["plan.json"])).encode())
    put(years, "run/views.png")
    (years / "loop").symlink_to(years)
    assert opened(f"{years}/**/*.png").names == ["2023/trip/1.png", "2024/trip/1.png"]


def test_a_pattern_that_matches_nothing_or_no_photos_says_so(years):
    with pytest.raises(SourceError, match=r"Nothing in the folder '.*photos' matches '.*photos/\*\*/\*.jpg'"):
        opened(f"{years}/**/*.jpg")
    with pytest.raises(SourceError, match="Nothing in the folder"):
        recognise(f"{years}/**/*.jpg", "auto")
    with pytest.raises(SourceError, match="is an address"):
        recognise("https://example.org/photos?page=1", "auto")
    with pytest.raises(SourceError, match=r"holds no photos, only .txt \(1\)"):
        opened(f"{years}/**/*.txt")
    with pytest.raises(SourceError, match=r"There is no '.*fotos'.*Did you mean 'photos'"):
        opened(f"{years.parent}/fotos/*.png")


def test_a_file_with_brackets_in_its_name_is_no_pattern(tmp_path):
    assert opened(str(put(tmp_path, "a[1].png"))).names == [str(tmp_path / "a[1].png")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_paths_is_a_list_of_photos_and_no_text(years, monkeypatch, encoding):
    table = years / "list.txt"
    table.write_text("2024/trip/1.png\n\n2023/trip/1.png\r\nphotos/2023/trip/gone.png\n", encoding=encoding)
    monkeypatch.chdir(years.parent)
    items = opened("photos/list.txt")
    assert recognise(table, "auto").name == "image"
    assert items.names == ["2024/trip/1.png", "2023/trip/1.png"]
    assert colours(items) == ["blue", "red"]
    assert items.skipped == [("photos/2023/trip/gone.png", "there is no such file")]


def test_paths_in_a_list_may_be_relative_to_here(years, monkeypatch):
    (years / "list.txt").write_text("photos/2024/trip/1.png\n")
    monkeypatch.chdir(years.parent)
    assert colours(opened(years / "list.txt")) == ["blue"]


def test_sentences_that_mention_photos_stay_texts(tmp_path):
    table = tmp_path / "list.txt"
    table.write_text("look at a.png\nand then go home\n")
    assert recognise(table, "auto").name == "text"
    with pytest.raises(SourceError, match="Pictures come from"):
        opened(table)


def test_home_is_found_in_every_kind_of_path(years, monkeypatch):
    monkeypatch.setenv("HOME", str(years.parent))
    (years.parent / "list.txt").write_text("~/photos/2023/trip/1.png\n")
    (years.parent / "list.csv").write_text("file\n~/photos/2023/trip/1.png\n")
    tape(years.parent / "x.tar", {"1.png": encoded("red")})
    sources = ("~/photos/2023", "~/photos/*3", "~/list.txt", "~/list.csv", "~/x.tar", ["~/photos/2023/trip/1.png"])
    for source in (*sources, ["~/photos/2023"], "~/photos/2023/trip/1.png"):
        assert recognise(source, "auto").name == "image"
        assert colours(opened(source)) == ["red"]
    with pytest.raises(InputError, match="there is no user 'nobody-of-that-name'"):
        opened("~nobody-of-that-name/photos")


def test_arrays_and_columns_of_paths_are_lists_of_paths(years):
    paths = [str(years / "2023/trip/1.png"), str(years / "2024/trip/1.png")]
    for source in (paths, tuple(paths), np.array(paths), np.array(paths, dtype=object), series(paths)):
        assert recognise(source, "auto").name == "image"
        assert colours(opened(source)) == ["red", "blue"]


def test_a_row_that_names_no_photo_is_skipped_and_labels_of_all_rows_fit(years):
    table = years / "list.csv"
    table.write_text("file,kind\n2023/trip/1.png,a\n,b\n2024/trip/1.png,c\nnone.png,d\n")
    items = opened(table)
    assert items.names == ["2023/trip/1.png", "2024/trip/1.png"]
    assert items.skipped == [
        ("row 1", "it cannot be read: the row names no photo"),
        ("none.png", "there is no such file"),
    ]
    assert read_class_ids("kind", table, items).names() == ["a", "c"]
    listed = opened([str(years / "2023/trip/1.png"), None, float("nan"), ""])
    assert [name for name, _ in listed.skipped] == ["row 1", "row 2", "row 3"]


# Encoded pictures in columns


def packed(broken=()):
    """Cells as Hugging Face writes them."""
    return [
        {"bytes": b"broken" if row in broken else encoded(colour), "path": f"{colour}.png"}
        for row, colour in enumerate(COLOURS)
    ]


def test_a_parquet_file_of_encoded_pictures_is_opened_with_its_labels_by_name(tmp_path):
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    table = pa.table({"picture": packed(), "label": [1, 0, 1, 1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, tmp_path / "x.parquet", row_group_size=3)
    items = opened(tmp_path / "x.parquet")
    assert recognise(tmp_path / "x.parquet", "auto").name == "image"
    assert survey(tmp_path / "x.parquet").count == 4
    assert items.names == [f"{colour}.png" for colour in COLOURS]
    assert colours(items) == list(COLOURS)
    assert items.labels == ["dog", "cat", "dog", "dog"]


def test_a_bad_row_of_encoded_pictures_is_skipped_and_labels_of_all_rows_fit(tmp_path):
    cells = packed(broken=(1,))
    cells[2] = None
    source = pa.table({"image": cells})
    parquet.write_table(source, tmp_path / "x.parquet")
    frame = pytest.importorskip("pandas").DataFrame({"image": cells})
    for each in (source, frame, tmp_path / "x.parquet"):
        items = opened(each)
        assert colours(items) == ["red", "white"]
        assert [why for _, why in items.skipped] == [
            "it holds no picture of a kind that Pillow knows",
            "it cannot be read: the cell is empty",
        ]
        assert read_class_ids([5, 6, 7, 8], each, items).names() == ["5", "8"]


def test_a_binary_column_and_paths_without_bytes_are_pictures_too(tmp_path):
    put(tmp_path, "red.png", encoded("red"))
    parquet.write_table(pa.table({"photo": [encoded("blue")], "id": [7]}), tmp_path / "a.parquet")
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = pa.array([{"bytes": None, "path": "red.png"}], kind)
    parquet.write_table(pa.table({"photo": cells}), tmp_path / "b.parquet")
    assert colours(opened(tmp_path / "a.parquet")) == ["blue"]
    assert opened(tmp_path / "a.parquet").names == ["0"]
    assert colours(opened(tmp_path / "b.parquet")) == ["red"]
    assert opened([tmp_path / "a.parquet", tmp_path / "b.parquet"]).names == ["a/0", "b/red.png"]


def test_of_several_columns_of_pictures_the_one_that_is_called_so_or_asked_for_is_opened(tmp_path):
    source = pa.table({"left": packed(), "right": packed()[::-1]})
    with pytest.raises(SourceError, match=r"Columns left, right all hold pictures. Name one"):
        opened(source)
    assert colours(opened(source, column="right")) == list(COLOURS[::-1])
    assert colours(opened(source.append_column("image", pa.array(packed())))) == list(COLOURS)
    with pytest.raises(SourceError, match="Did you mean 'left'"):
        opened(source, column="lefft")


def test_columns_of_pictures_are_in_the_schema_of_the_model_and_later_files_are_read_by_it(tmp_path):
    kinds = {"bytes": [each["bytes"] for each in packed()], "pairs": packed()}
    for name, cells in kinds.items():
        parquet.write_table(pa.table({"scan": cells, "age": [1, 2, 3, 4]}), tmp_path / f"{name}.parquet")
        source, kind = recognised(tmp_path / f"{name}.parquet", DataOptions())
        modality, items = kind.fit(source, DataOptions())
        assert (modality.schema().named("scan").type, modality.schema().of_role("path")) == ("picture", ["scan"])
        assert colours(items) == list(COLOURS)
        later = pa.table({"other": packed()[::-1], "scan": cells})
        assert colours(kind.from_settings(modality.settings()).open(later)) == list(COLOURS)


def test_deep_pictures_in_a_column_are_kept_deep():
    held = io.BytesIO()
    Image.fromarray(np.arange(940, 1004, dtype=np.uint16).reshape(8, 8)).save(held, "PNG")
    assert open_pictures(pa.table({"scan": [held.getvalue()]}), size=8, channels=1).kind == "uint16"


def test_classes_of_a_column_are_called_by_their_names_however_they_are_asked_for(tmp_path):
    features = {"kind": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    table = pa.table({"picture": packed(), "kind": [1, 0, 1, 1]})
    source = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    assert read_class_ids("kind", source, opened(source)).names() == ["dog", "cat", "dog", "dog"]


def test_bytes_that_are_no_pictures_are_not_taken_for_them():
    assert not may_be_pictures(pa.table({"sound": [{"bytes": b"RIFF....WAVE", "path": "a.wav"}], "n": [1]}))


def test_labels_of_a_column_of_paths_follow_rows_that_are_left_out_of_the_file(years):
    table = years / "list.csv"
    rows = ["2023/trip/1.png,a,1", "2024/trip/1.png,b,1,9", "gone.png,c,1", "2024/trip/1.png,d,1"]
    table.write_text("file,kind,n\n" + "\n".join(rows) + "\n")
    items = opened(table)
    assert items.names == ["2023/trip/1.png", "2024/trip/1.png"]
    assert items.info.source_rows.tolist() == [0, 3]
    assert len(items.skipped) == 2
    assert read_class_ids("kind", table, items).names() == ["a", "d"]
    assert read_class_ids(list("abcd"), table, items).names() == ["a", "d"]
