"""Every column has one schema: inferred from all rows, said, overridable, kept with the model, used for later files."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.data.labels import read_class_ids
from counterpoint.data.sheets import read_sheet
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.modalities.table import Table
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions
from counterpoint.setup.dataset import open_source

COMMENTS = "id,comment_text,toxic,obscene,insult\n" + "".join(
    f"{row},this is comment number {row} about something,{row % 2},{row % 3 == 0:d},{row % 5 == 0:d}\n"
    for row in range(60)
)


def sheet(tmp_path, text, name="a.csv", *, labels=None, pairs=(), kind="auto", **options):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_sheet(tmp_path / name, DataOptions(data=ReadOptions(**options), labels=labels, pairs=pairs), kind)


def roles(result):
    return {column.name: column.role for column in result.schema.columns}


def notes(result):
    return {column.name: column.note for column in result.schema.columns}


def all_of(items):
    return items.take(np.arange(len(items))).numpy()


def test_a_schema_is_said_one_line_a_column(tmp_path):
    rows = "".join(
        f'"{row},5 €";{1000 + row % 7:05d};note-{row};{row % 28 + 1:02d}.01.2020;{row}\n' for row in range(60)
    )
    result = sheet(tmp_path, "price;zip;note;day;item_id\n" + rows.replace('"3,5 €"', "n/a"))
    assert result.schema.lines() == [
        "price    number, decimal comma, in €, 1 missing",
        "zip      category of 7",
        "note     ignored: all differ",
        "day      time",
        "item_id  id",
    ]


def test_a_column_that_is_named_is_learned_from_whatever_kind_it_is(tmp_path):
    result = sheet(tmp_path, COMMENTS, column="comment_text")
    assert (result.kind, result.schema.of_role("text")) == ("text", ["comment_text"])
    assert roles(result) == {
        "id": "id",
        "comment_text": "text",
        "toxic": "label",
        "obscene": "label",
        "insult": "label",
    }
    result = sheet(tmp_path, COMMENTS, column="toxic, obscene")
    assert (result.kind, result.schema.of_role("number")) == ("table", ["toxic", "obscene"])
    rows = "".join(f"a/{row}.png,b/{row}.png,{row}\n" for row in range(9))
    result = sheet(tmp_path, f"front,back,x\n{rows}", column="back")
    assert (result.kind, result.schema.of_role("path")) == ("image", ["back"])


def test_texts_in_any_script_are_texts_beside_a_label(tmp_path):
    for text in ("我的银行卡在哪里", "บัตรของฉันอยู่ที่ไหน", "Где моя карта", "カードはどこですか"):
        result = sheet(tmp_path, "text,label\n" + "".join(f"{text}{row},{'ab'[row % 2]}\n" for row in range(40)))
        assert (result.kind, roles(result)) == ("text", {"text": "text", "label": "label"}), text


def test_texts_annotated_three_times_and_texts_beside_numbers_are_texts(tmp_path):
    thrice = "".join(f"where is card number {row // 3},{'ab'[row % 2]}\n" for row in range(60))
    assert sheet(tmp_path, f"question,answer\n{thrice}").kind == "text"
    numbers = np.random.default_rng(0).random((40, 5)).round(3)
    lines = [
        f"this is a review of the thing number {row}," + ",".join(map(str, each)) for row, each in enumerate(numbers)
    ]
    assert sheet(tmp_path, "review,a,b,c,d,e\n" + "\n".join(lines)).kind == "text"


def test_where_nobody_can_say_one_sentence_asks(tmp_path):
    numbers = np.random.default_rng(0).random((40, 6)).round(3)
    lines = [
        f"this is a review of the thing number {row}," + ",".join(map(str, each)) for row, each in enumerate(numbers)
    ]
    text = "review,a,b,c,d,e,f\n" + "\n".join(lines)
    with pytest.raises(SourceError, match=r"column='review', or modality='table'"):
        sheet(tmp_path, text)
    assert sheet(tmp_path, text, column="review").kind == "text"
    assert roles(sheet(tmp_path, text, kind="table"))["review"] == "ignore"


def test_numbers_are_read_however_they_are_written(tmp_path):
    cases = {
        ("1,5", "2,25"): ([1.5, 2.25], ";"),
        ("1.234,5", "2"): ([1234.5, 2.0], ";"),
        ('"1,234"', '"12,345"'): ([1234.0, 12345.0], ","),
        ("$1.50", "$2.00"): ([1.5, 2.0], ","),
        ("12 kg", "3.5 kg"): ([12.0, 3.5], ","),
        ("5%", "7%"): ([5.0, 7.0], ","),
        ("1e18", "-2"): ([1e18, -2.0], ","),
        ("1 000", "2 500"): ([1000.0, 2500.0], ","),
    }
    for cells, (wanted, mark) in cases.items():
        result = sheet(tmp_path, f"v{mark}w\n" + "".join(f"{cell}{mark}x\n" for cell in cells))
        assert roles(result)["v"] == "number", cells
        assert result.numbers("v").tolist() == wanted, cells


def test_a_point_is_between_thousands_where_other_columns_have_decimal_commas(tmp_path):
    result = sheet(tmp_path, "rent;income\n" + "".join(f"{row},5;{row + 1}.{row * 31:03d}\n" for row in range(9)))
    assert result.numbers("income").tolist() == [1000 * (row + 1) + row * 31 for row in range(9)]
    result = sheet(tmp_path, "rent;share\n" + "".join(f"{row}.5;{row + 1}.{row * 31:03d}\n" for row in range(9)))
    assert result.numbers("share")[1] == 2.031


def test_what_stands_for_a_missing_number_is_missing_and_said(tmp_path):
    cells = ["1", "?", "-", "None", "NA", "", "n/a", "7"]
    result = sheet(tmp_path, "v,w\n" + "".join(f"{cell},x\n" for cell in cells))
    column = result.schema.named("v")
    assert (column.role, column.missing) == ("number", 6)
    assert "6 missing" in result.schema.lines()[0]


def test_a_few_stray_cells_do_not_make_a_column_of_words(tmp_path):
    result = sheet(tmp_path, "v,w\n" + "".join(f"{'broken' if row == 50 else row},x\n" for row in range(100)))
    assert roles(result)["v"] == "number"
    assert notes(result)["v"] == "'broken' counts as missing"


def test_codes_are_no_numbers_unless_a_person_says_so(tmp_path):
    text = "zip,n\n" + "".join(f"{1000 + row % 5:05d},{row}\n" for row in range(20))
    assert roles(sheet(tmp_path, text))["zip"] == "category"
    assert sheet(tmp_path, text, schema="zip:number").numbers("zip")[0] == 1000


def test_a_row_of_units_is_left_out_and_said(tmp_path):
    result = sheet(tmp_path, "x,y,z\nm,kg,[s]\n" + "".join(f"{row}.5,{row * 2},{row}\n" for row in range(20)))
    assert set(roles(result).values()) == {"number"}
    assert len(result.frame) == 20
    assert "the first row holds units" in result.frame.notes[0]


def test_dates_and_times_are_times_and_never_words(tmp_path):
    for day in ("2020-01-{:02d}", "{:02d}.01.2020", "01/{:02d}/2020", "2020-01-{:02d} 10:00:00", "Jan {:d}, 2020"):
        lines = "".join(f'"{day.format(row + 1)}",{row}\n' for row in range(28))
        result = sheet(tmp_path, f"day,n\n{lines}")
        assert roles(result)["day"] == "time", day
        assert np.diff(result.numbers("day")).tolist() == [86400.0] * 27, day


def test_a_doubtful_order_of_day_and_month_is_said(tmp_path):
    result = sheet(tmp_path, "day,n\n" + "".join(f"{row % 9 + 1:02d}/03/2020,{row}\n" for row in range(20)))
    assert "day before month" in notes(result)["day"]


def test_constant_and_empty_columns_are_ignored_and_say_why(tmp_path):
    result = sheet(tmp_path, "a,b,c\n" + "".join(f"{row},1,?\n" for row in range(9)))
    assert notes(result) == {"a": "", "b": "constant, 1", "c": "constant, ?"}
    assert result.schema.of_role("number") == ["a"]


def test_a_number_that_dwarfs_all_others_is_said(tmp_path):
    result = sheet(tmp_path, "a,b\n" + "".join(f"{'1e18' if row == 7 else row},x\n" for row in range(20)))
    assert "its largest is 1e+18" in notes(result)["a"]


def test_roles_may_be_given_in_words_or_as_a_dictionary(tmp_path):
    text = "zip,note,n\n" + "".join(f"{1000 + row % 5},about {row},{row}\n" for row in range(20))
    result = sheet(tmp_path, text, schema="zip:category, note:ignore")
    assert roles(result) == {"zip": "category", "note": "ignore", "n": "number"}
    options = ReadOptions.given({"schema": {"zip": "category", "note": "ignore"}})
    assert roles(read_sheet(tmp_path / "a.csv", DataOptions(data=options))) == roles(result)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schema": "zip:categry"}, "Did you mean 'category'"),
        ({"schema": "zip"}, "names columns and their roles"),
        ({"schema": "zipp:category"}, "no column 'zipp'. Did you mean 'zip'"),
        ({"without": "nothing"}, "no column 'nothing'"),
        ({"column": "nothing"}, "no column 'nothing'"),
        ({"schema": "word:number"}, "'word' holds strings that are no numbers"),
        ({"schema": "word:time"}, "'word' holds strings that are no times"),
    ],
)
def test_roles_that_cannot_be_are_refused_with_advice(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        sheet(tmp_path, "zip,word\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(9)), **options)


def test_labels_that_are_a_column_are_not_learned_from(tmp_path):
    text = "a,b,ill\n" + "".join(f"{row},{row * row},{row % 2}\n" for row in range(20))
    assert roles(sheet(tmp_path, text))["ill"] == "number"
    assert roles(sheet(tmp_path, text, labels="ill"))["ill"] == "label"
    assert roles(sheet(tmp_path, text, without="ill"))["ill"] == "ignore"


def test_a_later_file_of_codes_or_truths_alone_gives_the_same_vectors(tmp_path):
    rows = [
        f"{code},{truth},{row}"
        for row, (code, truth) in enumerate([("01234", "true"), ("AB1", "maybe"), ("00007", "false")] * 9)
    ]
    (tmp_path / "train.csv").write_text("\n".join(["zip,ok,n", *rows]))
    (tmp_path / "later.csv").write_text("\n".join(["zip,ok,n", *(row for row in rows if "AB1" not in row)]))
    table, items = Table.fit(tmp_path / "train.csv", DataOptions())
    kept = [row for row, line in enumerate(rows) if "AB1" not in line]
    restored = Table.from_settings(json.loads(json.dumps(table.settings())))
    assert np.array_equal(all_of(restored.open(tmp_path / "later.csv")), all_of(items)[kept])
    parquet.write_table(
        pa.table({"zip": ["01234", "00007"], "ok": ["true", "false"], "n": [0, 2]}), tmp_path / "later.parquet"
    )
    assert np.array_equal(all_of(restored.open(tmp_path / "later.parquet")), all_of(items)[[0, 2]])


def test_a_later_file_is_read_in_the_form_of_the_first(tmp_path):
    (tmp_path / "a.csv").write_text("v;w\n" + "".join(f"{row},5;{'xy'[row % 2]}\n" for row in range(20)))
    table, items = Table.fit(tmp_path / "a.csv", DataOptions())
    (tmp_path / "b.csv").write_text('v,w\n"3,5",y\n"1,5",y\n')
    assert np.array_equal(all_of(table.open(tmp_path / "b.csv")), all_of(items)[[3, 1]])
    assert np.array_equal(all_of(table.open({"v": [3.5], "w": ["y"]})), all_of(items)[[3]])


def test_later_columns_that_are_missing_extra_or_unseen_are_said(tmp_path):
    table, _ = Table.fit({"town": ["Ulm", "Bonn"] * 5, "size": list(range(10))}, DataOptions())
    with pytest.raises(SourceError, match="no column 'size'"):
        table.open({"town": ["Ulm"]})
    items = table.open({"town": ["Rome"], "size": [3], "more": [1]})
    assert "not seen in training, and ignored: more" in items.notes
    assert "town has categories that training had not: Rome" in items.notes


def test_a_container_in_a_cell_is_refused_with_its_column_and_row():
    with pytest.raises(SourceError, match=r"'b' .* holds a list in row 1"):
        Table.fit({"a": [1, 2, 3], "b": ["x", ["y"], "x"]}, DataOptions(data=ReadOptions(schema="b:category")))


def test_the_plan_holds_the_schema_and_prints_it(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(
        "price,town,note\n" + "".join(f"{row},{'ab'[row % 2]},n{row}\n" for row in range(20))
    )
    main(["plan", str(tmp_path / "a.csv"), "--epochs", "1", "--json"])
    result = json.loads(capsys.readouterr().out)["schema"]
    assert result[0] == {"column": "price", "role": "number", "type": "integer", "missing": 0, "note": ""}
    assert [each["role"] for each in result] == ["number", "category", "ignore"]
    main(["plan", str(tmp_path / "a.csv"), "--epochs", "1", "--schema", "town:ignore"])
    assert "town   ignored" in capsys.readouterr().out


def test_options_are_kept_with_the_model(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("".join(f"{row},{row % 3},{row * row}\n" for row in range(30)))
    model = cp.fit(file, out=tmp_path / "run", header=False, without="1", epochs=1, width=8)
    assert len(model.embed(file)) == 30
    assert np.array_equal(cp.load(tmp_path / "run").embed(file).vectors, model.embed(file).vectors)


def test_labels_follow_their_rows_where_some_are_left_out_and_no_line_holds_names(tmp_path):
    rows = [f"{row},{row * row},class-{row % 3}" for row in range(30)]
    rows[4] = "one cell"
    (tmp_path / "a.csv").write_text("\n".join(rows))
    modality, items = Table.fit(tmp_path / "a.csv", DataOptions(data=ReadOptions(header=False), labels="2"))
    labels = read_class_ids("2", tmp_path / "a.csv", items)
    assert [labels.classes[code] for code in labels.class_ids] == [f"class-{row % 3}" for row in range(30) if row != 4]
    assert modality.uses() == ["0", "1"]
    assert list(items.labels) == labels.names()


def rows_in(source):
    """The rows of a source as a table sees them."""
    return all_of(open_source(source, DataOptions())[1])


def test_arrays_of_any_type_are_the_numbers_they_hold():
    values = np.random.default_rng(0).normal(size=(20, 3)).round(1)
    for same in (values.astype(object), values.tolist(), torch.from_numpy(values), np.asfortranarray(values)):
        np.testing.assert_allclose(rows_in(same), rows_in(values), atol=1e-6)
    rough = torch.from_numpy(values).to(torch.bfloat16)
    np.testing.assert_allclose(rows_in(rough), rows_in(rough.float().numpy()), atol=1e-6)


def test_what_is_masked_is_missing_and_counts_as_the_median():
    values = np.arange(20.0).reshape(10, 2)
    masked = np.ma.array(values, mask=values == 19)
    medians = np.where(values == 19, np.median(values[:9, 1]), values)
    np.testing.assert_allclose(rows_in(masked), rows_in(medians), atol=1e-6)


def test_records_structured_arrays_and_arrays_of_objects_are_columns():
    columns = {"town": ["Ulm", "Bonn", "Ulm", "Bonn"], "size": [1.5, 2.0, 4.0, 7.0]}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    structured = np.array(list(zip(*columns.values(), strict=True)), dtype=[("town", "U4"), ("size", float)])
    objects = np.array(list(zip(*columns.values(), strict=True)), dtype=object)
    for same in (records, structured, objects):
        assert np.array_equal(rows_in(same), rows_in(columns))


def test_large_numbers_leave_the_vectors_what_they_were():
    values = np.random.default_rng(0).normal(size=(60, 4))
    for factor in (1e18, 1e300):
        scaled = values * np.array([1, factor, 1, 1])
        np.testing.assert_allclose(rows_in(scaled), rows_in(values), atol=1e-5)
    constant = np.where(np.arange(4) == 1, 1e18, values)
    assert rows_in(constant).shape == (60, 3)


def test_sparse_matrices_are_refused_in_words():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(SourceError, match=r"Sparse .* toarray"):
        open_source(sparse.eye(9).tocsr(), DataOptions())


@pytest.mark.parametrize(
    ("source", "data", "advice"),
    [
        ({"a": [1, 2, 3], "b": [2, 3, 1]}, {"min_count": 2}, "min_count is for text, and this is read as table"),
        (np.zeros((9, 8, 8, 3), np.uint8), {"tokens": "spaces"}, "tokens is for text, and this is read as image"),
        (["a boat", "a quiet boat"], {"range": (0, 9)}, "range is for image, and this is read as text"),
        (["a boat", "a quiet boat"], {"channel_axis": "last"}, "channel_axis is for image, series, windows, "),
    ],
)
def test_an_option_that_has_no_use_here_is_refused(source, data, advice):
    with pytest.raises(PlanError, match=advice):
        open_source(source, DataOptions(data=ReadOptions.given(data)))


def test_a_frame_without_rows_yet_is_refused_with_advice():
    class LazyFrame:
        """What polars calls a query that has not run."""

    with pytest.raises(SourceError, match=r"its collect\(\)"):
        open_source(LazyFrame(), DataOptions())


def test_thousands_are_read_wherever_they_are_rare(tmp_path):
    prices = [f"{row}.50" if row % 30 else '"1,003.50"' for row in range(100)]
    result = sheet(tmp_path, "price,x\n" + "".join(f"{price},a\n" for price in prices))
    assert result.numbers("price")[0] == 1003.5
    result = sheet(
        tmp_path,
        "umsatz;anteil\n" + "".join(f"{'1.' if row % 3 else ''}{row:03d};{row},5\n" for row in range(100, 130)),
    )
    assert result.numbers("umsatz")[:3].tolist() == [1100.0, 1101.0, 102.0]
    result = sheet(tmp_path, "v;w\n1\u202f234,5;x\n\u22122;y\n")
    assert result.numbers("v").tolist() == [1234.5, -2.0]


def test_words_below_the_names_are_no_units(tmp_path):
    for first, column in (("missing,York", "temp"), ("unknown,York", "temp"), ("error,York", "temp")):
        result = sheet(tmp_path, f"temp,town\n{first}\n" + "".join(f"{row},Bath\n" for row in range(40)))
        assert len(result.frame) == 41
        assert result.schema.named(column).role == "number"
    result = sheet(tmp_path, "speed,area\nm s-1,m2\n" + "".join(f"{row},{row * 2}\n" for row in range(8)))
    assert set(roles(result).values()) == {"number"}


def test_whole_numbers_that_floats_cannot_tell_apart_are_names():
    ids = [1234567890123456789 + 3 * row for row in range(20)]
    result = read_sheet({"id": ids, "size": list(range(20))})
    assert roles(result) == {"id": "id", "size": "number"}
    assert result.names() == [str(each) for each in ids]


def test_years_of_two_digits_and_days_of_any_century_are_times(tmp_path):
    days = {"1/13/20": "2020-01-13", "31.01.99": "1999-01-31", "9999-12-31": "9999-12-31", "0001-01-01": "0001-01-01"}
    for written, day in days.items():
        result = sheet(tmp_path, f"day,n\n{written},1\n{written},2\n")
        assert result.numbers("day")[0] == np.datetime64(day, "s").astype(int), written


def test_stray_cells_and_rows_left_out_of_later_files_are_said(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("v,w\n" + "".join(f"{row},{'xy'[row % 2]}\n" for row in range(40)))
    model = cp.fit(tmp_path / "a.csv", epochs=1, width=8)
    (tmp_path / "b.csv").write_text(
        "v,w\n" + "".join(f"{'oops' if row == 5 else row},x\n" for row in range(40)) + "1\n"
    )
    assert len(model.embed(tmp_path / "b.csv")) == 40
    assert "v: 'oops' counts as missing" in caplog.text
    assert "1 left out; the first is row 40: it has 1 cells" in caplog.text


def test_names_with_commas_can_be_named(tmp_path):
    source = {"price, net": list(range(9)), "b": list(range(9))}
    for without in (["price, net"], '"price, net"'):
        result = read_sheet(source, DataOptions(data=ReadOptions.given({"without": without})))
        assert roles(result)["price, net"] == "ignore"
    result = read_sheet(source, DataOptions(data=ReadOptions.given({"schema": {"price, net": "ignore"}})))
    assert roles(result)["price, net"] == "ignore"


def test_a_text_and_a_number_that_are_both_named_are_a_table(tmp_path):
    text = "body,price\n" + "".join(f"{'one two three' if row % 2 else 'four five six'},{row}\n" for row in range(20))
    assert roles(sheet(tmp_path, text, column="body, price")) == {"body": "category", "price": "number"}


def test_files_that_are_not_read_say_what_to_do(tmp_path):
    for name, what in (("a.xlsx", "save the sheet as .csv"), ("a.pkl", "may run code"), ("a.wav", "not read yet")):
        (tmp_path / name).write_bytes(b"anything")
        with pytest.raises(SourceError, match=what):
            open_source(tmp_path / name, DataOptions())


def test_other_columns_of_texts_are_read_without_being_called_unseen(tmp_path, caplog):
    model = cp.fit({"question": [f"where is card {row}" for row in range(20)]}, epochs=1, width=8)
    (tmp_path / "b.csv").write_text("id,frage\n7,wo ist die Karte\n")
    assert model.embed(tmp_path / "b.csv").names == ["7"]
    assert "ignored" not in caplog.text


def test_missing_cells_are_no_stray_ones():
    days = [f"2020-01-{1 + row % 28:02}" if row % 4 else None for row in range(40)]
    yes = ["true" if row % 3 else None if row % 2 else "false" for row in range(40)]
    result = read_sheet({"day": days, "yes": yes, "x": list(range(40))}, DataOptions(), "table")
    assert np.isnan(result.numbers("day")).sum() == days.count(None)
    assert np.isnan(result.numbers("yes")).sum() == yes.count(None)
