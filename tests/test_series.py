import json

import numpy as np
import pytest
import torch

from counterpoint.encoders.conv1d import conv1d
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.kinds import Wishes
from counterpoint.modalities.series import Series
from counterpoint.options import DataOptions
from counterpoint.views import draw


def array(items=6, channels=2, steps=20):
    return np.random.default_rng(0).normal(3.0, 2.0, size=(items, channels, steps))


def all_of(items):
    return items.take(np.arange(len(items)))


def keys(count):
    return draw.keys(seed=0, epoch=0, items=torch.arange(count), view=0)


def long_frame():
    values = array(3, 2, 4)
    rows = [(f"s{n}", t, *values[n, :, t]) for t in (3, 0, 2, 1) for n in (2, 0, 1)]
    series, time, heat, load = zip(*rows, strict=True)
    return {"series": list(series), "time": list(time), "heat": list(heat), "load": list(load)}, values


def test_every_channel_is_standardised_with_its_own_mean_and_deviation():
    _, items = Series.learn(array(), Wishes())
    series = all_of(items)
    assert series.shape == (6, 2, 20)
    assert series.mean(dim=(0, 2)).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert series.std(dim=(0, 2), correction=0).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert items.labels is None


def test_channels_may_come_last_and_a_single_one_may_be_left_out():
    first = all_of(Series.learn(array(), Wishes())[1])
    last = all_of(Series.learn(array().transpose(0, 2, 1), Wishes())[1])
    assert torch.equal(first, last)
    assert all_of(Series.learn(array()[:, 0], Wishes())[1]).shape == (6, 1, 20)


def test_later_series_may_be_longer_or_shorter_than_they_have_channels():
    series, _ = Series.learn(array(), Wishes())
    assert all_of(series.open(array(steps=50))).shape == (6, 2, 50)
    assert all_of(series.open(array(steps=1))).shape == (6, 2, 1)


def test_a_wide_frame_has_one_row_per_series():
    values = array(4, 1, 3)[:, 0]
    frame = {"who": ["a", "b", "c", "d"], "t0": values[:, 0], "t1": values[:, 1], "t2": values[:, 2]}
    series, items = Series.learn(frame | {"class": [0, 1, 0, 1]}, Wishes(data=DataOptions(without="class")))
    assert list(items.names) == ["a", "b", "c", "d"]
    assert series.uses() == ["t0", "t1", "t2"]
    assert np.allclose(all_of(items)[:, 0], (values - values.mean()) / values.std(), atol=1e-5)
    assert torch.equal(all_of(series.open(frame)), all_of(items))


def test_a_long_frame_is_grouped_by_series_and_sorted_by_time():
    frame, values = long_frame()
    series, items = Series.learn(frame, Wishes())
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
    assert Series.claims(tmp_path / "x.parquet")
    series, items = Series.learn(tmp_path / "x.parquet", Wishes())
    assert list(items.names) == list("abcd")
    assert series.uses() == ["heat", "load"]
    assert torch.equal(all_of(items), all_of(Series.learn(values, Wishes())[1]))


def test_settings_survive_json_and_restore_the_same_series():
    frame, _ = long_frame()
    series, items = Series.learn(frame, Wishes(views="waves(mask=0.1)"))
    restored = Series.restore(json.loads(json.dumps(series.settings())))
    assert restored.settings() == series.settings()
    assert torch.equal(all_of(restored.open(frame)), all_of(items))
    assert torch.equal(restored.look(all_of(items), keys(3)), series.look(all_of(items), keys(3)))


def test_a_view_depends_on_its_item_and_key_alone():
    series, items = Series.learn(array(), Wishes())
    together = series.look(all_of(items), keys(6))
    some = [4, 0, 5]
    assert torch.allclose(series.look(items.take(np.array(some)), keys(6)[some]), together[some], atol=1e-6)
    assert together.shape == (6, 2, 20)


def test_views_that_change_nothing_can_be_asked_for():
    series, items = Series.learn(array(), Wishes(views="waves(crop=1.0, scale=0, jitter=0, mask=0)"))
    assert torch.allclose(series.look(all_of(items), keys(6)), series.plain(all_of(items)), atol=1e-5)


def test_views_may_be_a_function_of_a_batch_and_its_keys():
    series, items = Series.learn(array(), Wishes(views=lambda batch, key: -batch))
    assert torch.equal(series.look(all_of(items), keys(6)), -all_of(items))
    with pytest.raises(InputError, match=r"trained with views by a callable"):
        Series.restore(series.settings()).look(all_of(items), keys(6))


@pytest.mark.parametrize("views", ["wave", "waves(crops=1)", "waves(crop=0)", "waves(mask=2)", "waves(scale=-1)"])
def test_views_that_series_do_not_have_are_refused(views):
    with pytest.raises(InputError, match=r"waves|must be"):
        Series.learn(array(), Wishes(views=views))


def test_series_are_claimed_and_other_things_are_not(tmp_path):
    frame, _ = long_frame()
    (tmp_path / "long.csv").write_text("id;Time;heat\n1;0;0.5\n1;1;0.4\n")
    assert Series.claims(array())
    assert Series.claims(frame)
    assert Series.claims(tmp_path / "long.csv")
    assert Series.claims({"heat": array(4, 2, 5)[:, 0]})
    assert not Series.claims(array()[:, 0])
    assert not Series.claims(np.zeros((5, 28, 28)))
    assert not Series.claims(np.zeros((5, 20, 28), dtype=np.uint8))
    assert not Series.claims({"id": [1, 2], "heat": [0.1, 0.2]})
    assert not Series.claims({"id": [1, 2], "time": [0, 1], "heat": [0.1, 0.2]})
    assert not Series.claims(tmp_path)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.full((2, 1, 3), np.nan), r"6 of 6 values are NaN .* \(item, channel, step\) = \(0, 0, 0\)"),
        (np.zeros(5), r"Series are an array .* Got the shape \(5,\)"),
        ({"t0": [1.0, None], "t1": [1.0, 2.0]}, r"1 of 4 values are NaN .* = \(1, 0, 0\)"),
        ({"id": ["a", "a", "b"], "x": [1.0, 2.0, 3.0]}, "ragged: 'b' has 1 steps, 'a' has 2.*cut or pad"),
        (
            {"x": np.ones((2, 3)), "y": np.ones((2, 4))},
            "ragged; their steps are .*'x': 3, 'y': 4.* Cut or pad",
        ),
        ({"a": ["x", "y"]}, "Series need columns of numbers. Columns: a"),
        (None, "Series are an array .* Got None"),
    ],
)
def test_bad_sources_get_their_sentence(source, sentence):
    with pytest.raises(SourceError, match=sentence):
        Series.learn(source, Wishes())


def test_a_source_of_another_form_is_refused():
    frame, _ = long_frame()
    series, _ = Series.learn(frame, Wishes())
    del frame["heat"]
    with pytest.raises(SourceError, match=r"There is no column 'heat'"):
        series.open(frame)
    with pytest.raises(SourceError, match=r"trained with the columns heat, load. Got an array of shape"):
        series.open(array())
    with pytest.raises(SourceError, match=r"trained with the columns heat, load. Got 7"):
        series.open(7)
    with pytest.raises(SourceError, match=r"trained with an array. Got the columns series, time, load"):
        Series.learn(array(), Wishes())[0].open(frame)
    with pytest.raises(SourceError, match=r"Expected series of 2 channels. Got an array of shape \(6, 3, 20\)"):
        Series.learn(array(), Wishes())[0].open(array(channels=3))


def test_encoders_and_wishes_for_images_are_refused():
    series, _ = Series.learn(array(), Wishes())
    with pytest.raises(PlanError, match="'mlp' is for table data, not for series"):
        series.encoder("mlp", None)
    with pytest.raises(PlanError, match="view_size is for images"):
        Series.learn(array(), Wishes(view_size=32))


@pytest.mark.parametrize("steps", [1, 2, 7, 64])
def test_the_encoder_takes_series_of_any_length(steps):
    encoder = conv1d(2, width=4)
    assert encoder(torch.randn(3, 2, steps)).shape == (3, encoder.outputs)


def test_every_parameter_of_the_encoder_learns():
    series, items = Series.learn(array(), Wishes())
    encoder = series.encoder("conv1d", 8)
    encoder(series.plain(all_of(items))).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())
    assert series.raw(all_of(items)).shape == (6, 40)
