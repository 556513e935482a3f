import json

import numpy as np
import pytest
import torch

from counterpoint import rng
from counterpoint.data.labels import read_class_ids
from counterpoint.data.sheets import read_sheet
from counterpoint.encoders.conv1d import conv1d
from counterpoint.errors import InputError, LabelError, PlanError, SourceError
from counterpoint.modalities.series import Series
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions


def array(items=6, channels=2, steps=20):
    return np.random.default_rng(0).normal(3.0, 2.0, size=(items, channels, steps))


def all_of(items):
    return items.take(np.arange(len(items)))


def keys(count):
    return rng.keys(seed=0, epoch=0, items=torch.arange(count), view=0)


def long_frame():
    values = array(3, 2, 4)
    rows = [(f"s{n}", t, *values[n, :, t]) for t in (3, 0, 2, 1) for n in (2, 0, 1)]
    series, time, heat, load = zip(*rows, strict=True)
    return {"series": list(series), "time": list(time), "heat": list(heat), "load": list(load)}, values


def test_every_channel_is_standardised_with_its_own_mean_and_deviation():
    _, items = Series.fit(array(), DataOptions())
    series = all_of(items)
    assert series.shape == (6, 2, 20)
    assert series.mean(dim=(0, 2)).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert series.std(dim=(0, 2), correction=0).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert items.labels is None


def test_channels_may_come_last_and_a_single_one_may_be_left_out():
    first = all_of(Series.fit(array(), DataOptions())[1])
    last = all_of(Series.fit(array().transpose(0, 2, 1), DataOptions())[1])
    assert torch.equal(first, last)
    assert all_of(Series.fit(array()[:, 0], DataOptions())[1]).shape == (6, 1, 20)


def test_later_series_may_be_longer_or_shorter_than_they_have_channels():
    series, _ = Series.fit(array(), DataOptions())
    assert all_of(series.open(array(steps=50))).shape == (6, 2, 50)
    assert all_of(series.open(array(steps=1))).shape == (6, 2, 1)


def test_a_wide_frame_has_one_row_per_series():
    values = array(4, 1, 3)[:, 0]
    frame = {"who": ["a", "b", "c", "d"], "t0": values[:, 0], "t1": values[:, 1], "t2": values[:, 2]}
    series, items = Series.fit(frame | {"class": [0, 1, 0, 1]}, DataOptions(data=ReadOptions(without="class")))
    assert list(items.names) == ["a", "b", "c", "d"]
    assert series.uses() == ["t0", "t1", "t2"]
    assert np.allclose(all_of(items)[:, 0], (values - values.mean()) / values.std(), atol=1e-5)
    assert torch.equal(all_of(series.open(frame)), all_of(items))


def test_a_long_frame_is_grouped_by_series_and_sorted_by_time():
    frame, values = long_frame()
    series, items = Series.fit(frame, DataOptions())
    mean, deviation = values.mean(axis=(0, 2)), values.std(axis=(0, 2))
    expected = (values - mean[:, None]) / deviation[:, None]
    assert list(items.names) == ["s2", "s0", "s1"]
    assert series.uses() == ["heat", "load"]
    assert np.allclose(all_of(items), expected[[2, 0, 1]], atol=1e-5)


def test_a_parquet_file_of_lists_has_one_channel_per_list(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    values = array(4, 2, 5)
    columns = {"name": list("abcd"), "heat": values[:, 0].tolist(), "load": values[:, 1].tolist()}
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    assert Series.accepts(tmp_path / "x.parquet")
    series, items = Series.fit(tmp_path / "x.parquet", DataOptions())
    assert list(items.names) == list("abcd")
    assert series.uses() == ["heat", "load"]
    assert torch.equal(all_of(items), all_of(Series.fit(values, DataOptions())[1]))


def test_settings_survive_json_and_restore_the_same_series():
    frame, _ = long_frame()
    series, items = Series.fit(frame, DataOptions(views="waves(mask=0.1)"))
    restored = Series.from_settings(json.loads(json.dumps(series.settings())))
    assert restored.settings() == series.settings()
    assert torch.equal(all_of(restored.open(frame)), all_of(items))
    assert torch.equal(restored.augmentation(all_of(items), keys(3)), series.augmentation(all_of(items), keys(3)))


def test_a_view_depends_on_its_item_and_key_alone():
    series, items = Series.fit(array(), DataOptions())
    together = series.augmentation(all_of(items), keys(6))
    some = [4, 0, 5]
    assert torch.allclose(series.augmentation(items.take(np.array(some)), keys(6)[some]), together[some], atol=1e-6)
    assert together.shape == (6, 2, 20)


def test_views_that_change_nothing_can_be_asked_for():
    series, items = Series.fit(array(), DataOptions(views="waves(crop=1.0, scale=0, jitter=0, mask=0)"))
    assert torch.allclose(series.augmentation(all_of(items), keys(6)), series.inputs(all_of(items)), atol=1e-5)


def test_views_may_be_a_function_of_a_batch_and_its_keys():
    series, items = Series.fit(array(), DataOptions(views=lambda batch, key: -batch))
    assert torch.equal(series.augmentation(all_of(items), keys(6)), -all_of(items))
    with pytest.raises(InputError, match=r"trained with views by a callable"):
        Series.from_settings(series.settings()).augmentation(all_of(items), keys(6))


@pytest.mark.parametrize("views", ["wave", "waves(crops=1)", "waves(crop=0)", "waves(mask=2)", "waves(scale=-1)"])
def test_views_that_series_do_not_have_are_refused(views):
    with pytest.raises(InputError, match=r"waves|must be"):
        Series.fit(array(), DataOptions(views=views))


def test_series_are_claimed_and_other_things_are_not(tmp_path):
    frame, _ = long_frame()
    (tmp_path / "long.csv").write_text("id;Time;heat\n1;0;0.5\n1;1;0.4\n")
    assert Series.accepts(array())
    assert Series.accepts(frame)
    assert Series.accepts(tmp_path / "long.csv")
    assert Series.accepts({"heat": array(4, 2, 5)[:, 0]})
    assert not Series.accepts(array()[:, 0])
    assert not Series.accepts(np.zeros((5, 28, 28)))
    assert not Series.accepts(np.zeros((5, 20, 28), dtype=np.uint8))
    assert not Series.accepts({"id": [1, 2], "heat": [0.1, 0.2]})
    assert not Series.accepts({"id": [1, 2], "time": [0, 1], "heat": [0.1, 0.2]})
    assert not Series.accepts(tmp_path)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.full((2, 1, 3), np.nan), r"None of the values of the 2 series is present"),
        (np.full((2, 1, 3), np.inf), r"6 of 6 values are infinite, .* \(item, channel, step\) = \(0, 0, 0\)"),
        (np.zeros(5), r"Series are an array .* Got the shape \(5,\)"),
        ({"x": np.ones((2, 3)), "y": np.ones((2, 4))}, "of row 0 .* 'x' holds 3 numbers, 'y' 4.* the same length"),
        ({"a": ["x", "y"]}, "Series need columns of numbers. Columns: a"),
        (None, "Series are an array .* Got None"),
    ],
)
def test_bad_sources_get_their_sentence(source, sentence):
    with pytest.raises(SourceError, match=sentence):
        Series.fit(source, DataOptions())


def test_a_source_of_another_form_is_refused():
    frame, _ = long_frame()
    series, _ = Series.fit(frame, DataOptions())
    del frame["heat"]
    with pytest.raises(SourceError, match=r"There is no column 'heat'"):
        series.open(frame)
    with pytest.raises(SourceError, match=r"trained with the columns heat, load. Got an array of shape"):
        series.open(array())
    with pytest.raises(SourceError, match=r"trained with the columns heat, load. Got 7"):
        series.open(7)
    with pytest.raises(SourceError, match=r"trained with an array. Got the columns series, time, load"):
        Series.fit(array(), DataOptions())[0].open(frame)
    with pytest.raises(SourceError, match=r"Expected series of 2 channels. Got an array of shape \(6, 3, 20\)"):
        Series.fit(array(), DataOptions())[0].open(array(channels=3))


def test_encoders_and_wishes_for_images_are_refused():
    series, _ = Series.fit(array(), DataOptions())
    with pytest.raises(PlanError, match="'mlp' is for table data, not for series"):
        series.build_encoder("mlp", None)
    with pytest.raises(PlanError, match="view_size is for images"):
        Series.fit(array(), DataOptions(view_size=32))


@pytest.mark.parametrize("steps", [1, 2, 7, 64])
def test_the_encoder_takes_series_of_any_length(steps):
    encoder = conv1d(2, width=4)
    assert encoder(torch.randn(3, 2, steps)).shape == (3, encoder.outputs)


def test_every_parameter_of_the_encoder_learns():
    series, items = Series.fit(array(), DataOptions())
    encoder = series.build_encoder("conv1d", 8)
    encoder(series.inputs(all_of(items))).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())
    assert next(iter(series.baselines().values()))(all_of(items)).shape == (6, 40)


def measured(series="machine", time="when", *, names=("m1", "m0", "m2"), at=("10:00", "2:05", "9:30", "11:45")):
    """A long form whose rows are shuffled, and its values (n, c, t) in the order of time."""
    values = array(len(names), 2, len(at))
    order = [2, 0, 3, 1] if len(at) == 4 else range(len(at))
    when = sorted(range(len(at)), key=lambda step: (len(at[step]), at[step]))
    rows = [(name, at[when[t]], *values[n, :, t]) for t in order for n, name in enumerate(names)]
    columns = dict(zip((series, time, "rpm", "heat"), map(list, zip(*rows, strict=True)), strict=True))
    return columns, values


def standardised(values):
    mean, deviation = values.mean(axis=(0, 2)), values.std(axis=(0, 2))
    return (values - mean[:, None]) / deviation[:, None]


def roles(source, kind="auto", **options):
    sheet = read_sheet(source, DataOptions(data=ReadOptions(**options)), kind)
    return sheet.kind, {column.name: column.role for column in sheet.schema.columns}


def test_the_columns_of_a_long_form_may_have_any_names():
    frame, values = measured("Maschine", "wann")
    frame["state"] = ["ok" if name == "m0" else "worn" for name in frame["Maschine"]]
    assert roles(frame)[0] == "table"
    by_option = ReadOptions(id="Maschine", time="wann")
    by_schema = ReadOptions(schema="Maschine:id, wann:time, rpm:number, heat:number, state:label")
    for data in (by_option, by_schema):
        sheet = read_sheet(frame, DataOptions(data=data))
        assert sheet.kind == "series"
        series, items = Series.fit(sheet, DataOptions(data=data))
        assert list(items.names) == ["m1", "m0", "m2"]
        assert series.uses() == ["rpm", "heat"]
        assert list(items.labels) == ["worn", "ok", "worn"]
        assert np.allclose(all_of(items), standardised(values), atol=1e-5)
        restored = Series.from_settings(json.loads(json.dumps(series.settings())))
        assert torch.equal(all_of(restored.open(frame)), all_of(items))


def test_a_long_form_is_printed_as_what_it_is():
    frame, _ = measured()
    frame["state"] = ["ok" if name == "m0" else "worn" for name in frame["machine"]]
    frame["mood"] = ["good", "bad"] * 6
    lines = read_sheet(frame, DataOptions(data=ReadOptions(id="machine", time="when"))).schema.lines()
    assert lines == [
        "machine  id of 3 series",
        "when     time",
        "rpm      number, a channel",
        "heat     number, a channel",
        "state    label of 2",
        "mood     ignored: changes within a series, so no label of it",
    ]
    del frame["when"]
    lines = read_sheet(frame, DataOptions(data=ReadOptions(id="machine")), "series").schema.lines()
    assert lines[0] == "machine  id of 3 series, steps in the order of rows"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"id": "machin", "time": "when"}, "no column 'machin'. Did you mean 'machine'"),
        ({"id": "machine", "time": "wen"}, "no column 'wen'. Did you mean 'when'"),
        (
            {"time": "rpm", "without": "machine"},
            "no column that repeats itself says whose step it is. Name it with id=",
        ),
        ({"id": "machine", "time": "state"}, "'state' holds strings that are no times, such as 'worn' in row 0"),
        ({"id": "machine", "time": "when", "column": "rpm,state"}, "'state' holds strings that are no numbers"),
    ],
)
def test_columns_that_cannot_be_series_are_refused(options, sentence):
    frame, _ = measured()
    frame["state"] = ["worn"] * 12
    with pytest.raises(SourceError, match=sentence):
        read_sheet(frame, DataOptions(data=ReadOptions(**options)))


def test_columns_are_known_by_what_people_call_them():
    at = ("1", "2", "3", "4")
    called = ["unit", "unit_number", "Engine ID", "patient", "subject_id", "sample", "case", "sensor_id", "unique_id"]
    when = ["time", "timestamp", "Date", "datetime", "t", "step", "cycle", "ds", "time_step"]
    for series, time in zip(called, when, strict=True):
        frame, values = measured(series, time, at=at)
        kind, given = roles(frame)
        assert (kind, given[series], given[time], given["rpm"]) == ("series", "id", "time", "number"), (series, time)
        assert np.allclose(all_of(Series.fit(frame, DataOptions())[1]), standardised(values), atol=1e-5)


def test_a_table_with_a_date_stays_a_table():
    dates = [f"2020-01-{day + 1:02}" for day in range(12)]
    price = {"price": [day / 2 for day in range(12)]}
    tables = [
        {"date": dates, "town": list("abc") * 4, **price},
        {"patient": list("abcdefghijkl"), "date": dates, **price},
        {"patient": list("aabcdefghijk"), "date": dates, **price},
        {"patient": list("abcdef") * 2, "date": dates, **price},
        {"patient": list("abc") * 4, "date": ["2020-01-01"] * 6 + ["2020-01-02"] * 6, **price},
        {"patient": list("abc") * 4, "date": dates},
    ]
    for table in tables:
        assert roles(table)[0] != "series", table
    wordy = {
        "patient": list("abc") * 4,
        "date": dates,
        **price,
        "note": [f"felt rather ill on {each}" for each in dates],
    }
    assert roles(wordy)[0] == "text"


@pytest.mark.parametrize(
    "at",
    [
        ("2:05", "9:30", "10:00", "11:45"),
        ("31.01.2020", "01.02.2020", "02.02.2020", "01.12.2020"),
        ("2020-01-02T10:00:00+02:00", "2020-01-02T09:00:00Z", "2020-01-02T10:30:00+01:00", "2020-01-02T08:45:00-01:00"),
        ("9", "10", "101", "1000"),
        ("999999999", "1000000000", "1000000001", "1700000000.5"),
        (9, 10, 101, 1000),
        tuple(np.array(["2020-01-31", "2020-02-01", "2020-02-02", "2020-12-01"], dtype="datetime64[s]")),
    ],
)
def test_steps_stand_in_the_order_of_time_not_of_letters(at):
    values = array(3, 1, 4)
    rows = [(f"s{n}", at[t], values[n, 0, t]) for n in range(3) for t in (2, 0, 3, 1)]
    who, when, heat = map(list, zip(*rows, strict=True))
    _, items = Series.fit({"id": who, "time": when, "heat": heat}, DataOptions())
    assert np.allclose(all_of(items), standardised(values), atol=1e-5)


def test_times_in_a_file_are_sorted_as_numbers(tmp_path):
    values = array(3, 1, 4)
    lines = [f"s{n},{(9, 10, 101, 1000)[t]},{values[n, 0, t]}" for t in (2, 0, 3, 1) for n in range(3)]
    (tmp_path / "x.csv").write_text("\n".join(["id,time,heat", *lines]))
    _, items = Series.fit(tmp_path / "x.csv", DataOptions())
    assert np.allclose(all_of(items), standardised(values), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({5: "bad"}, r"'when' says 'bad' in row 5, which is no time, as the others are"),
        ({5: "25:61"}, r"'when' says '25:61' in row 5"),
        ({7: ""}, r"'when' says no time in row 7"),
        ({0: "2:05"}, r"'m1' has two steps at the time '2:05', in rows 0 and 3. Keep one"),
    ],
)
def test_a_time_that_is_none_or_twice_names_its_row(change, sentence):
    frame, _ = measured()
    for row, word in change.items():
        frame["when"][row] = word
    with pytest.raises(SourceError, match=sentence):
        Series.fit(frame, DataOptions(data=ReadOptions(id="machine", time="when")))


def test_a_day_that_no_month_has_names_its_row():
    frame, _ = measured("unit", "date", at=("2020-02-27", "2020-02-28", "2020-02-29", "2020-03-01"))
    frame["date"] = ["2020-02-30" if day == "2020-02-29" else day for day in frame["date"]]
    with pytest.raises(SourceError, match="says '2020-02-30' in row 0"):
        Series.fit(frame, DataOptions())


def test_a_step_of_no_series_names_its_row():
    frame, _ = measured()
    frame["machine"][4] = None
    with pytest.raises(SourceError, match="'machine' says no series in row 4"):
        Series.fit(frame, DataOptions(data=ReadOptions(id="machine", time="when")))


def test_later_files_need_the_columns_of_series_and_time():
    frame, _ = measured()
    data = ReadOptions(id="machine", time="when")
    series, _ = Series.fit(frame, DataOptions(data=data))
    for name in ("machine", "when"):
        with pytest.raises(SourceError, match=f"There is no column '{name}'"):
            series.open({other: cells for other, cells in frame.items() if other != name})
    alone = {
        name: [cell for cell, who in zip(cells, frame["machine"], strict=True) if who == "m0"]
        for name, cells in frame.items()
    }
    assert all_of(series.open(alone)).shape == (1, 2, 4)


def test_a_label_column_of_rows_is_one_label_per_series_where_it_is_constant():
    frame, _ = measured()
    frame["state"] = [{"m1": "worn", "m0": "ok", "m2": "worn"}[name] for name in frame["machine"]]
    frame["shift"] = ["day", "night"] * 6
    _, items = Series.fit(frame, DataOptions(data=ReadOptions(id="machine", time="when"), labels="state"))
    assert list(items.labels) == ["worn", "ok", "worn"]
    assert read_class_ids("state", frame, items).names() == ["worn", "ok", "worn"]
    assert read_class_ids(None, frame, items).names() == ["worn", "ok", "worn"]
    assert read_class_ids(["a", "b", "a"], frame, items).names() == ["a", "b", "a"]
    with pytest.raises(LabelError, match=r"changes within the series 'm1': day, night"):
        read_class_ids("shift", frame, items)
    _, items = Series.fit(frame, DataOptions(data=ReadOptions(id="machine", time="when"), labels="shift"))
    assert items.labels is None


def test_a_column_called_label_is_none_of_the_channels_unless_it_changes():
    frame, _ = measured("id", "time")
    frame["label"] = [int(name[1]) % 2 for name in frame["id"]]
    series, items = Series.fit(frame, DataOptions())
    assert series.uses() == ["rpm", "heat"]
    assert list(items.labels) == ["1", "0", "0"]
    frame["label"] = list(range(12))[::-1]
    assert Series.fit(frame, DataOptions())[0].uses() == ["rpm", "heat", "label"]


def test_channels_are_named_and_left_out_in_every_form():
    long, _ = measured()
    lists = {"rpm": array(4, 1, 5)[:, 0], "heat": array(4, 1, 5)[:, 0], "load": array(4, 1, 5)[:, 0]}
    wide = {"who": list("abcd"), **{f"t{step}": array(4, 1, 5)[:, 0, step] for step in range(5)}}
    for source, columns, left in (
        (long, "rpm", ["heat"]),
        (lists, "rpm,load", ["heat"]),
        (wide, "t0,t1,t3", ["t2", "t4"]),
    ):
        options = {"id": "machine", "time": "when"} if source is long else {}
        named, items = Series.fit(source, DataOptions(data=ReadOptions(column=columns, **options)))
        without, others = Series.fit(source, DataOptions(data=ReadOptions(without=",".join(left), **options)))
        assert named.uses() == without.uses() == columns.split(",")
        assert torch.equal(all_of(items), all_of(others))
        assert torch.equal(all_of(named.open(source)), all_of(items))


def test_lists_and_steps_are_printed_as_what_they_are():
    lists = {"rpm": array(4, 1, 5)[:, 0], "age": [31, 32, 33, 34], "sex": list("fmfm"), "name": list("abcd")}
    assert read_sheet(lists).schema.lines() == [
        "rpm   number, a channel",
        "age   ignored: one number, no steps",
        "sex   label of 2",
        "name  id",
    ]
    wide = {"class": list("xyxy"), **{f"t{step}": array(4, 1, 40)[:, 0, step] for step in range(40)}}
    sheet = read_sheet(wide, DataOptions(data=ReadOptions(label_first=True)))
    assert sheet.schema.lines() == ["class      label of 2", "t0 to t39  number, a step, 40 columns"]


def test_the_axis_of_channels_is_settled_by_option_and_kept():
    tall = array(4, 9, 5)
    assert all_of(Series.fit(tall, DataOptions())[1]).shape == (4, 5, 9)
    for axis, shape in (("first", (4, 9, 5)), ("last", (4, 5, 9))):
        series, items = Series.fit(tall, DataOptions(data=ReadOptions(channel_axis=axis)))
        assert all_of(items).shape == shape
        series = Series.from_settings(json.loads(json.dumps(series.settings())))
        assert torch.equal(all_of(series.open(tall)), all_of(items))
        longer = np.concatenate([tall, tall], axis=2 if axis == "first" else 1)
        assert all_of(series.open(longer)).shape == (4, shape[1], 2 * shape[2])
    square = array(4, 5, 5)
    first = all_of(Series.fit(square, DataOptions(data=ReadOptions(channel_axis="first")))[1])
    series, last = Series.fit(square.transpose(0, 2, 1), DataOptions(data=ReadOptions(channel_axis="last")))
    assert torch.equal(first, all_of(last))
    with pytest.raises(SourceError, match="Expected series of 5 channels"):
        series.open(array(4, 5, 7))
    flat = all_of(Series.fit(tall[:, 0], DataOptions(data=ReadOptions(channel_axis="last")))[1])
    assert flat.shape == (4, 1, 5)
