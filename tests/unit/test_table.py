import json

import numpy as np
import pytest
import torch

from counterpoint import rng
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.modalities.table import Table
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions

PEOPLE = """id,age,town,height,constant,income
a,30,Ulm,1.7,1,low
b,40,Bonn,,1,high
c,50,Ulm,1.8,1,low
d,60,Ulm,1.9,1,high
"""


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def array(rows=30, columns=4):
    return np.random.default_rng(0).normal(size=(rows, columns))


def all_of(items):
    return items.take(np.arange(len(items)))


def keys(count):
    return rng.keys(seed=0, epoch=0, items=torch.arange(count), view=0)


def test_a_csv_becomes_standard_numbers_and_categories(people):
    table, items = Table.fit(people, DataOptions(data=ReadOptions(without="income")))
    rows = all_of(items)
    assert list(items.names) == ["a", "b", "c", "d"]
    assert items.labels is None
    assert table.uses() == ["age", "town", "height"]
    assert rows[:, 0].tolist() == pytest.approx([-1.3416, -0.4472, 0.4472, 1.3416], abs=1e-4)
    assert rows[:, 1:3].tolist() == [[1, 0], [0, 1], [1, 0], [1, 0]]
    assert rows[1, 3] == pytest.approx(0.0)


def test_the_label_column_is_no_feature_only_when_it_is_named(people):
    assert "income" in Table.fit(people, DataOptions())[0].uses()
    assert "income" not in Table.fit(people, DataOptions(data=ReadOptions(without="income")))[0].uses()


def test_a_missing_label_column_is_met_with_a_suggestion(people):
    with pytest.raises(SourceError, match=r"There is no column 'incom'. Did you mean 'income'?"):
        Table.fit(people, DataOptions(data=ReadOptions(without="incom")))


def test_a_later_source_may_lack_the_label_but_no_feature(people, tmp_path):
    table, _ = Table.fit(people, DataOptions(data=ReadOptions(without="income")))
    later = {"age": [45.0], "town": ["Ulm"], "height": [1.8]}
    assert all_of(table.open(later)).shape == (1, 4)
    with pytest.raises(SourceError, match=r"There is no column 'age'.*Did you mean 'aged'?"):
        table.open({"aged": [45.0], "town": ["Ulm"], "height": [1.8]})


def test_a_later_source_is_standardised_as_the_training_data_was(people):
    table, items = Table.fit(people, DataOptions(data=ReadOptions(without="income")))
    again = table.open({"age": [40.0], "town": ["Bonn"], "height": [float("nan")]})
    assert torch.equal(all_of(again)[0], all_of(items)[1])


def test_rare_and_unseen_categories_share_one_column():
    towns = ["common"] * 10 + [f"town {number}" for number in range(80)]
    table, items = Table.fit({"town": towns}, DataOptions())
    assert all_of(items).shape == (90, 65)
    assert all_of(items).sum(dim=1).tolist() == [1.0] * 90
    assert all_of(table.open({"town": ["never seen"]}))[0].argmax() == 64


def test_an_unseen_category_is_none_of_few():
    table, _ = Table.fit({"town": ["Ulm", "Ulm", "Bonn"]}, DataOptions())
    assert all_of(table.open({"town": ["Rome"]})).tolist() == [[0.0, 0.0]]


def test_categories_that_read_as_numbers_later_are_still_categories():
    table, items = Table.fit({"code": ["12", "12", "A", ""]}, DataOptions())
    assert torch.equal(all_of(table.open({"code": [12, 12]})), all_of(items)[:2])
    assert torch.equal(all_of(table.open({"code": [12, None]})), all_of(items)[[0, 3]])


@pytest.mark.parametrize("form", ["numpy", "torch", "npy", "npz"])
def test_arrays_of_every_kind_are_the_same_table(form, tmp_path):
    values = array()
    np.save(tmp_path / "x.npy", values)
    np.savez(tmp_path / "x.npz", x=values, y=np.zeros(30))
    source = {
        "numpy": values,
        "torch": torch.from_numpy(values),
        "npy": tmp_path / "x.npy",
        "npz": str(tmp_path / "x.npz"),
    }[form]
    assert Table.accepts(source)
    table, items = Table.fit(source, DataOptions())
    expected = (values - values.mean(axis=0)) / values.std(axis=0)
    assert np.allclose(all_of(items).numpy(), expected, atol=1e-6)
    assert list(items.names)[:2] == ["0", "1"]
    assert torch.equal(all_of(table.open(source)), all_of(items))


def test_a_table_of_an_array_with_a_constant_column_is_read_again():
    values = array()
    values[:, 1] = 3
    table, items = Table.fit(values, DataOptions())
    again = Table.from_settings(json.loads(json.dumps(table.settings()))).open(values)
    assert all_of(again).equal(all_of(items))


def test_a_constant_column_is_dropped():
    values = array()
    values[:, 1] = 7.0
    table, items = Table.fit(values, DataOptions())
    assert table.uses() == ["0", "2", "3"]
    assert all_of(items).shape == (30, 3)


def test_settings_survive_json_and_restore_the_same_table(people):
    table, items = Table.fit(people, DataOptions(data=ReadOptions(without="income")))
    restored = Table.from_settings(json.loads(json.dumps(table.settings())))
    again = restored.open(people)
    assert restored.settings() == table.settings()
    assert torch.equal(all_of(again), all_of(items))
    assert list(again.names) == list(items.names)
    assert restored.build_encoder("auto", 8)(restored.inputs(all_of(again))).shape == (4, 8)


def test_a_restored_table_says_why_it_cannot_look(people):
    table, items = Table.fit(people, DataOptions(data=ReadOptions(without="income")))
    restored = Table.from_settings(table.settings())
    with pytest.raises(InputError, match="restored without rows"):
        restored.augmentation(all_of(items), keys(4))


def test_a_view_depends_on_its_item_and_key_alone():
    table, items = Table.fit(array(), DataOptions())
    together = table.augmentation(all_of(items), keys(30))
    some = [9, 2, 25]
    assert torch.equal(table.augmentation(items.take(np.array(some)), keys(30)[some]), together[some])


def test_a_view_keeps_every_category_whole(people):
    table, items = Table.fit(people, DataOptions(data=ReadOptions(without="income"), views="corrupt(rate=0.9)"))
    view = table.augmentation(all_of(items), keys(4))
    assert view[:, 1:3].sum(dim=1).tolist() == [1.0] * 4


def test_views_may_be_a_function_of_a_batch_and_its_keys():
    table, items = Table.fit(array(), DataOptions(views=lambda batch, key: -batch))
    assert torch.equal(table.augmentation(all_of(items), keys(30)), -all_of(items))
    assert json.loads(json.dumps(table.settings()))["views"] == "callable"


@pytest.mark.parametrize("views", ["corupt", "corrupt(rates=0.3)", "corrupt(rate=0)", "corrupt(rate=2)"])
def test_views_that_a_table_does_not_have_are_refused(views):
    with pytest.raises(InputError, match=r"corrupt|must be"):
        Table.fit(array(), DataOptions(views=views))


def test_a_table_is_claimed_and_other_things_are_not(people, tmp_path):
    assert Table.accepts(people)
    assert Table.accepts({"age": [1.0, 2.0]})
    assert not Table.accepts(np.zeros((4, 3, 8)))
    assert not Table.accepts({"id": [1, 1], "time": [0, 1], "heat": [0.1, 0.2]})
    assert not Table.accepts({"wave": np.zeros((4, 9))})
    assert not Table.accepts(tmp_path)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.array([[1.0, 2.0], [np.nan, np.inf]]), r"2 of 4 values .* first at \(row, column\) = \(1, 0\)"),
        (np.zeros((3, 2, 2)), r"A table is a 2-D array .* Got the shape \(3, 2, 2\)"),
        (np.zeros((0, 2)), r"empty: it has the shape \(0, 2\)"),
        (np.array([["a", "b"]]), "No column differs between rows"),
        (np.ones((3, 2)), "No column differs between rows"),
        ({"x": [1.0, float("inf")]}, "'x' holds 1 infinite number, the first in row 1"),
        ({"x": np.ones((3, 2))}, "'x' holds lists"),
        (7, "A table is a 2-D array .* Got 7"),
    ],
)
def test_bad_sources_get_their_sentence(source, sentence):
    with pytest.raises(SourceError, match=sentence):
        Table.fit(source, DataOptions())


def test_an_array_of_another_width_or_kind_is_refused(people):
    table, _ = Table.fit(array(), DataOptions())
    with pytest.raises(SourceError, match=r"trained with arrays of 4 columns. Got an array of 5 columns"):
        table.open(array(columns=5))
    with pytest.raises(SourceError, match=r"trained with arrays of 4 columns. Got the columns id, age"):
        table.open(people)


def test_text_in_a_column_of_numbers_is_refused(people):
    table, _ = Table.fit(people, DataOptions(data=ReadOptions(without="income")))
    with pytest.raises(SourceError, match=r"'age' of .* held numbers in training. Got text, first 'old' in row 1"):
        table.open({"age": ["", "old"], "town": ["Ulm", "Ulm"], "height": [1.8, 1.7]})


def test_an_archive_of_several_arrays_asks_which_is_meant(tmp_path):
    np.savez(tmp_path / "both.npz", train=array(), test=array())
    with pytest.raises(SourceError, match=r"holds 2 arrays: train, test. Call the one with the items 'x'"):
        Table.fit(tmp_path / "both.npz", DataOptions())


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"nothing of the kind")
    with pytest.raises(SourceError, match=r"x\.npy' cannot be read"):
        Table.fit(tmp_path / "x.npy", DataOptions())


def test_encoders_and_wishes_for_images_are_refused():
    table, _ = Table.fit(array(), DataOptions())
    with pytest.raises(PlanError, match="'resnet18' is for image data, not for table"):
        table.build_encoder("resnet18", None)
    with pytest.raises(PlanError, match="view_size is for images"):
        Table.fit(array(), DataOptions(view_size=32))


def test_the_encoder_says_how_long_h_is_and_every_parameter_learns():
    table, items = Table.fit(array(), DataOptions())
    encoder = table.build_encoder("mlp(layers=3)", None)
    h = encoder(table.inputs(all_of(items)))
    h.square().sum().backward()
    assert h.shape == (30, encoder.outputs)
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())
