"""Files of series as archives hand them out: .tsv of UCR, .ts of UEA, and the blanks of older ones."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

import counterpoint as cp
from counterpoint.data.labels import read_class_ids
from counterpoint.data.shards import shards_of
from counterpoint.data.sheets import read_sheet
from counterpoint.errors import InputError, SourceError
from counterpoint.modalities.series import Series
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions

TINY = {"epochs": 1, "batch_size": 8, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}
LABELLED = ReadOptions(label_first=True)

TS = """# Two channels of three steps
@problemName Gestures
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength true
@seriesLength 3
@classLabel true up down
@data
0.5,1,2:3,4,5:up

# between
-1,0,1e1:6,7,8:down
9,9,9:1,2,3:up
"""


def values(items=16, steps=24):
    classes = np.arange(items) % 2 * 2 - 1
    wave = np.sin(np.arange(steps) * 0.5)[None] * classes[:, None]
    return wave + np.random.default_rng(0).normal(0, 0.1, wave.shape), [str(each) for each in classes.tolist()]


def lines(mark="\t", **size):
    series, labels = values(**size)
    return "\n".join(mark.join([label, *map(str, row.tolist())]) for row, label in zip(series, labels, strict=True))


def all_of(items):
    return items.take(np.arange(len(items)))


def read(tmp_path, text, name="x.ts"):
    (tmp_path / name).write_text(text)
    return Series.fit(tmp_path / name, DataOptions())


def test_a_label_first_and_numbers_behind_it_are_series(tmp_path):
    (tmp_path / "train.tsv").write_text(lines())
    sheet = read_sheet(tmp_path / "train.tsv", DataOptions(data=LABELLED))
    assert sheet.kind == "series"
    assert sheet.schema.lines() == [
        "0        label of 2",
        "1 to 24  number, a step, 24 columns",
    ]
    series, items = Series.fit(sheet, DataOptions(data=LABELLED))
    expected, labels = values()
    assert list(items.labels) == labels
    assert series.uses() == [str(step) for step in range(1, 25)]
    assert np.allclose(all_of(items)[:, 0], (expected - expected.mean()) / expected.std(), atol=1e-5)
    (tmp_path / "test.tsv").write_text(lines(items=4))
    later = series.open(tmp_path / "test.tsv")
    assert len(later) == 4
    assert list(later.labels) == ["-1", "1", "-1", "1"]


def test_a_model_of_labelled_files_is_judged_without_naming_labels(tmp_path):
    (tmp_path / "train.tsv").write_text(lines())
    (tmp_path / "test.tsv").write_text(lines(items=8))
    run = cp.fit(tmp_path / "train.tsv", label_first=True, out=tmp_path / "run", **TINY)
    assert run.modality.name == "series"
    evaluation = cp.evaluate(tmp_path / "run", train=tmp_path / "train.tsv", test=tmp_path / "test.tsv")
    assert evaluation["knn"]["baselines"]["chance"]["value"] == 0.5


def test_labels_first_may_have_a_line_of_names(tmp_path):
    names = ",".join(["state", *(f"t{step}" for step in range(24))])
    (tmp_path / "train.csv").write_text(f"{names}\n{lines(',')}")
    series, items = Series.fit(tmp_path / "train.csv", DataOptions(data=LABELLED))
    assert series.uses()[:2] == ["t0", "t1"]
    assert list(items.labels) == values()[1]


def test_few_numbers_or_words_behind_a_label_are_a_table(tmp_path):
    (tmp_path / "few.tsv").write_text(lines(steps=7))
    assert read_sheet(tmp_path / "few.tsv", DataOptions(data=LABELLED)).kind == "table"
    (tmp_path / "eight.tsv").write_text(lines(steps=8))
    assert read_sheet(tmp_path / "eight.tsv", DataOptions(data=LABELLED)).kind == "series"
    mixed = {"class": list("xyxy"), **{f"t{step}": [0.1, 0.2, 0.3, step] for step in range(9)}, "town": list("abab")}
    assert read_sheet(mixed, DataOptions(data=LABELLED)).kind == "table"
    assert read_sheet(mixed, DataOptions(data=ReadOptions(label_first=True, without="town"))).kind == "series"


def test_a_first_line_of_numbers_is_noted_with_the_options_that_mend_it(tmp_path):
    (tmp_path / "x.tsv").write_text(lines())
    (note,) = read_sheet(tmp_path / "x.tsv").frame.notes
    assert "was read as names of columns; --no-header if it is data, --label-first if every line begins with" in note
    (tmp_path / "y.tsv").write_text(lines(steps=5))
    (note,) = read_sheet(tmp_path / "y.tsv").frame.notes
    assert "--no-header" in note
    assert "--label-first" not in note
    (tmp_path / "z.tsv").write_text("1\t0.5\t0.5\n2\t0.1\t0.2\n")
    with pytest.raises(SourceError, match=r"more than one column called '0.5'.*header=False, or label_first=True"):
        read_sheet(tmp_path / "z.tsv")


def test_blanks_may_stand_between_numbers(tmp_path):
    older = "\n".join("  " + "   ".join(f"{float(each):.7e}" for each in line.split()) for line in lines().split("\n"))
    (tmp_path / "x.csv").write_text(older)
    _, items = Series.fit(tmp_path / "x.csv", DataOptions(data=LABELLED))
    assert items.labels[:2] == ["-1.0000000e+00", "1.0000000e+00"]
    assert all_of(items).shape == (16, 1, 24)
    (tmp_path / "x.txt").write_text(older)
    with pytest.raises(SourceError, match=r"label_first is of columns, and .*x.txt.* a name that ends in .csv"):
        cp.fit(tmp_path / "x.txt", label_first=True, out=tmp_path / "run", **TINY)


def test_words_with_blanks_between_them_are_left_as_they_are(tmp_path):
    (tmp_path / "x.csv").write_text("text\nfour five six\nseven eight nine\n")
    assert list(read_sheet(tmp_path / "x.csv").frame.columns) == ["text"]


def test_a_ts_file_has_one_channel_per_dimension_and_a_label(tmp_path):
    series, items = read(tmp_path, TS)
    assert series.uses() == ["dim_0", "dim_1"]
    assert items.labels == ["up", "down", "up"]
    assert list(items.names) == ["0", "1", "2"]
    expected = np.array([[[0.5, 1, 2], [3, 4, 5]], [[-1, 0, 10], [6, 7, 8]], [[9, 9, 9], [1, 2, 3]]])
    mean, deviation = np.array(series.shape.mean)[:, None], np.array(series.shape.deviation)[:, None]
    assert np.allclose(all_of(items).numpy() * deviation + mean, expected, atol=1e-5)
    assert series.schema().lines() == ["dim_0  number, a channel", "dim_1  number, a channel", "label  label of 2"]
    (tmp_path / "later.ts").write_text(TS.replace("9,9,9:1,2,3:up\n", ""))
    assert len(series.open(tmp_path / "later.ts")) == 2
    one, _ = Series.fit(tmp_path / "x.ts", DataOptions(data=ReadOptions(column="dim_1")))
    assert one.uses() == ["dim_1"]


def test_a_ts_file_may_have_one_dimension_numbers_to_predict_or_no_classes(tmp_path):
    head = "\ufeff@problemname x\n@univariate true\n"
    series, items = read(tmp_path, f"{head}@classlabel false\n@DATA\n1,2,3\n4,5,6\n")
    assert series.uses() == ["dim_0"]
    assert items.labels is None
    series, items = read(tmp_path, f"{head}@targetlabel true\n@data\n1,2,3:0.5\n4,5,6:0.25\n7,8,9:0.5\n")
    assert items.labels == ["0.5", "0.25", "0.5"]
    series, items = read(tmp_path, f"{head}@equallength false\n@classlabel true 1 -1\n@data\n1,2,3:-1\n4,5,6:1\n")
    assert items.labels == ["-1", "1"]


def test_a_packed_ts_file_is_opened_and_is_a_shard(tmp_path):
    (tmp_path / "a.ts.gz").write_bytes(gzip.compress(TS.encode()))
    (tmp_path / "b.ts").write_text(TS)
    assert [shard.name for shard in shards_of(tmp_path, size=5)] == ["a", "b"]
    assert Series.fit(tmp_path / "a.ts.gz", DataOptions())[1].labels == ["up", "down", "up"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("@timeStamps false", "@timeStamps true", r"have time stamps .* which are not read"),
        ("0.5,1,2:3,4,5", "0.5,1,2:3,4", r"in line 11 of .* differ in length: they have 3, 2 steps"),
        ("9,9,9:1,2,3:up", "9,9,9:up", r"Line 15 of .* has 1 dimensions, where 2 were expected: colons"),
        ("9,9,9:1,2,3:up", "9,9,9:1,2,3:upp", r"the class 'upp', which is none of up, down. Did you mean 'up'"),
        ("9,9,9", "9,x,9", r"Line 15 of .* holds 'x' where a number was expected"),
        ("9,9,9", "9,inf,9", r"1 of 18 values are infinite, .*\(item, channel, step\) = \(2, 0, 1\)"),
        ("@data\n", "", r"Line 10 of .* is '0.5,1,2:3,4,5:up', where the head of a file of series was expected"),
        ("@problemName", "@Component", r"Line 2 of .* is '@Component Gestures'"),
        ("# Two", "export class Two", r"does not begin as a file of series does.*'export class Two chann.*TypeScript"),
        (TS[TS.index("@data") :], "@data\n", r"has no series: nothing follows its line @data"),
        (TS[TS.index("@data") :], "", r"has no line @data"),
    ],
)
def test_what_a_ts_file_does_not_mean_is_refused(tmp_path, old, new, sentence):
    assert old in TS
    with pytest.raises(SourceError, match=sentence):
        read(tmp_path, TS.replace(old, new))


def test_a_film_is_refused_before_it_is_taken_for_text(tmp_path):
    (tmp_path / "film.ts").write_bytes(b"G@\x00\x10\xff\xfe" * 500)
    with pytest.raises(SourceError, match="does not begin as a file of series does"):
        Series.fit(tmp_path / "film.ts", DataOptions())


def test_options_of_columns_are_refused_where_there_are_none(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 2, 9)))
    for option in ({"id": "a"}, {"time": "a"}, {"label_first": True}):
        with pytest.raises(InputError, match=r"is of columns, and .* is no file of columns"):
            cp.fit(tmp_path / "x.npy", out=tmp_path / "run", **option, **TINY)


def test_rows_that_are_left_out_of_a_long_form_do_not_shift_its_labels(tmp_path):
    rows = ["a,1,0.5,x", "a,2,0.25,x", "broken", "b,1,1.5,y", "b,2,1.25,y"]
    (tmp_path / "x.csv").write_text("\n".join(["id,time,heat,state", *rows]))
    _, items = Series.fit(tmp_path / "x.csv", DataOptions())
    assert [name for name, _ in items.skipped] == ["row 2"]
    assert read_class_ids("state", tmp_path / "x.csv", items).names() == ["x", "y"]
