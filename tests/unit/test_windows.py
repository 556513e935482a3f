"""Windows of long series: every form of source, their context, views, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch

import counterpoint as cp
from counterpoint.data.groups import read_groups
from counterpoint.data.labels import read_class_ids
from counterpoint.data.long_series import of_array
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.interfaces import info_of
from counterpoint.modalities.windows import Windows
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions

TINY = {"epochs": 2, "batch_size": 32, "width": 4, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}


def wave(steps, channels=1, seed=0):
    series = np.random.default_rng(seed).normal(size=(steps, channels)) + np.sin(np.arange(steps) / 5)[:, None]
    return series[:, 0] if channels == 1 else series


def fitted(source, window=8, stride=1, **options):
    return Windows.fit(source, DataOptions(data=ReadOptions(window=window, stride=stride, **options)))


def test_windows_of_every_form_of_source():
    one, two = wave(20), wave(30, 2)
    frame = pd.DataFrame({"when": range(30), "a": two[:, 0], "b": two[:, 1]})
    several = pd.DataFrame({"id": ["x"] * 12 + ["y"] * 18, "time": [*range(12), *range(18)], "a": two[:, 0]})
    for source, options, count, channels, last in (
        (one, {}, 13, 1, "0, steps 12 to 19"),
        (two, {}, 23, 2, "0, steps 22 to 29"),
        (two.T, {}, 23, 2, "0, steps 22 to 29"),
        (np.stack([two, two]), {"channel_axis": "last"}, 46, 2, "1, steps 22 to 29"),
        ([one, wave(9)], {}, 15, 1, "1, steps 1 to 8"),
        (frame.sample(frac=1, random_state=0), {"time": "when"}, 23, 2, "0, steps 22 to 29"),
        (several.sample(frac=1, random_state=1).sort_values("id"), {}, 16, 1, "y, steps 10 to 17"),
    ):
        windows, items = fitted(source, **options)
        batch = windows.inputs(items.take(np.arange(len(items))))
        assert (len(items), items.names[-1], tuple(batch.shape)) == (count, last, (count, 2 * channels, 8)), options
        assert torch.isfinite(batch).all()
    measured = np.asarray(windows.cells(items.take(np.array([15])))[0]["a"])
    np.testing.assert_allclose(measured, two[22:, 0], atol=1e-5)


def test_context_is_of_the_same_series_and_views_shift_into_it():
    windows, items = fitted([np.arange(10.0), 100 + np.arange(10.0)], window=4, stride=3)
    raw = items.take(np.arange(6)) * windows.shape.deviation[0] + windows.shape.mean[0]
    assert raw[2, 0].round().tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9]
    assert raw[3, 0].round().tolist() == [*[100] * 5, 101, 102, 103, 104, 105, 106, 107]
    drawn = {float(windows.augmentation(items.take(np.array([1])), torch.tensor([key]))[0, 1, 0]) for key in range(60)}
    assert len(drawn) == 5  # two steps to either side


def test_labels_and_groups_of_steps_are_those_of_the_middle_of_windows():
    frame = pd.DataFrame(
        {"id": list("aab") * 20, "time": range(60), "kind": ["x"] * 30 + ["y"] * 30, "value": wave(60)}
    )
    windows, items = fitted(frame, groups="kind")
    kinds = frame.sort_values("id", kind="stable")["kind"].tolist()
    expected = [kinds[step] for step in items.windows.middle]
    assert items.labels is None
    assert read_groups("kind", frame, items) == expected
    assert len(set(expected)) == 2
    labels = read_class_ids("kind", frame, items)
    assert [labels.classes[each] for each in labels.class_ids] == expected
    assert windows.uses() == ["value"]


def test_missing_values_are_filled_within_a_series_and_said():
    gappy = wave(40)
    gappy[[0, 5, 6]] = np.nan
    _, items = fitted(gappy)
    assert torch.isfinite(items.steps).all()
    assert "3 missing values" in info_of(items).notes[0]
    filled = of_array([np.array([np.nan, 1.0, np.nan, 3.0]), np.full(2, np.nan)], "auto", None).filled()
    assert filled[:, 0].tolist() == [1, 1, 2, 3, 0, 0]


def test_the_scale_of_a_window_does_not_change_its_shape_but_its_level():
    windows, items = fitted(wave(200))
    batch = items.take(np.array([3]))
    small, large = windows.inputs(batch), windows.inputs(3 * batch + 1)
    assert torch.allclose(small[:, :1], large[:, :1], atol=1e-5)
    assert torch.allclose(3 * small[:, 1:] + 1, large[:, 1:], atol=1e-5)


def test_a_run_of_windows_resumes_embeds_and_loads(tmp_path):
    series = wave(150)
    model = cp.fit(series, window=16, stride=2, out=tmp_path / "run", **TINY)
    z = cp.load(tmp_path / "run").embed(series)
    assert np.array_equal(z.vectors, model.embed(series).vectors)
    assert len(z) == 68
    assert cp.fit(series, views="near(shift=5)", **TINY).modality.shape.context == 10
    with pytest.raises(
        SourceError, match=r"No series is as long as a window: the longest has 9 steps, and a window 16"
    ):
        model.embed(series[:9])
    with pytest.raises(SourceError, match="Expected 1 channels"):
        model.embed(wave(40, 2))


def test_what_is_refused():
    for problem, source, options in (
        ("values are infinite", np.array([1.0, np.inf] * 20), {}),
        ("All values are missing", np.full(30, np.nan), {}),
        ("Every channel is constant", np.ones((30, 2)), {}),
        ("Expected numbers", np.array(["a"] * 20), {}),
        ("equally many channels", [wave(20), wave(20, 2)], {}),
        ("two steps at the time", pd.DataFrame({"time": [1, 1, 2], "a": [1.0, 2, 3]}), {"time": "time"}),
    ):
        with pytest.raises(InputError, match=problem):
            fitted(source, **options)
    with pytest.raises(PlanError, match="window is for windows"):
        cp.fit(np.random.default_rng(0).normal(size=(30, 3)), window=8, modality="table")
