"""Series of unequal length and with missing values: sources, encoder, views, copies, baseline, and a whole run."""

import io
import json
import signal

import numpy as np
import pyarrow as pa
import pytest
import torch

import counterpoint as cp
from counterpoint import rng
from counterpoint.data.labels import read_class_ids
from counterpoint.data.sheets import read_sheet
from counterpoint.data.unequal_series import require_room
from counterpoint.encoders.conv1d import conv1d
from counterpoint.errors import Interrupted, NothingLeft, SourceError
from counterpoint.interfaces import info_of
from counterpoint.modalities.series import Series
from counterpoint.modality import DataOptions, flat
from counterpoint.plans.data_options import ReadOptions
from counterpoint.reports.columns import columns
from counterpoint.setup.dataset import identity
from counterpoint.training.batch_norm import share_statistics
from counterpoint.training.distributed import Processes
from counterpoint.views.series_steps import filled
from counterpoint.views.series_views import Waves

NAN = float("nan")
TINY = {"width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32", "quiet": True}


def waves(count, seed=0, channels=2):
    """Series (c, t) of 20 to 60 steps, of which a twentieth of the values is missing; a class is a frequency."""
    random = np.random.default_rng(seed)
    made, labels = [], np.arange(count) % 2
    for label in labels:
        time = np.arange(random.integers(20, 61))
        wave = np.sin((0.3, 1.2)[label] * time + random.uniform(0, 6.3, (channels, 1)))
        values = wave + random.normal(0, 0.2, wave.shape)
        made.append(np.where(random.uniform(size=wave.shape) < 0.05, NAN, values).astype(np.float32))
    return made, labels.tolist()


def keys(count):
    return rng.keys(seed=0, epoch=0, items=torch.arange(count), view=0)


def padded(series):
    batch = torch.full((len(series), len(series[0]), max(each.shape[1] for each in series)), NAN)
    for place, each in enumerate(series):
        batch[place, :, : each.shape[1]] = torch.from_numpy(each)
    return batch


def same(first, second):
    return torch.equal(first.isnan(), second.isnan()) and torch.equal(first.nan_to_num(), second.nan_to_num())


def all_of(items):
    return items.take(np.arange(len(items)))


def sources(series, folder):
    """The same series in every form that a source may have; the first of every form is of arrays."""
    text = "\n".join(
        ":".join(",".join("?" if v != v else str(v) for v in channel) for channel in each.tolist()) for each in series
    )
    (folder / "x.ts").write_text(f"@problemName x\n@dimensions 2\n@equalLength false\n@missing true\n@data\n{text}\n")
    rows = [(f"u{n}", t, *each[:, t].tolist()) for n, each in enumerate(series) for t in range(each.shape[1])]
    unit, cycle, heat, load = (list(column) for column in zip(*rows, strict=True))
    dense = np.stack([np.pad(each, ((0, 0), (0, 60 - each.shape[1])), constant_values=NAN) for each in series])
    return [
        series,
        [each.T for each in series],
        [torch.from_numpy(each) for each in series],
        [each.tolist() for each in series],
        dense,
        {"unit": unit, "cycle": cycle, "heat": heat, "load": load},
        pa.table({"heat": [each[0].tolist() for each in series], "load": [each[1].tolist() for each in series]}),
        folder / "x.ts",
    ]


def test_every_source_of_the_same_unequal_series_is_the_same_and_recognised(tmp_path):
    series = waves(12)[0]
    lengths = [int(np.flatnonzero(~np.isnan(each).all(axis=0)).max()) + 1 for each in series]
    values = np.concatenate(series, axis=1).astype(np.float64)
    for source in sources(series, tmp_path):
        assert Series.accepts(source)
        modality, items = Series.fit(source, DataOptions())
        assert info_of(items).lengths.tolist() == lengths
        assert modality.shape.mean == pytest.approx(np.nanmean(values, axis=1))
        assert modality.shape.deviation == pytest.approx(np.nanstd(values, axis=1))
        mean, deviation = (torch.tensor(each)[:, None] for each in (modality.shape.mean, modality.shape.deviation))
        batch = all_of(items)
        assert batch.shape == (12, 2, max(lengths))
        assert torch.allclose(batch * deviation + mean, padded(series)[:, :, : max(lengths)], atol=1e-5, equal_nan=True)
        assert any("values are missing" in note for note in items.notes)
        again = Series.from_settings(json.loads(json.dumps(modality.settings())))
        assert same(all_of(again.open(source)), batch)


def test_empty_cells_of_a_wide_form_are_missing_or_the_end():
    frame = {"t0": [1.0, 2.0, None], "t1": [None, 1.0, None], "t2": [2.0, None, None], "state": ["a", "b", "c"]}
    _, items = Series.fit(frame, DataOptions(data=ReadOptions(without="state")))
    assert info_of(items).lengths.tolist() == [3, 2]
    assert all_of(items).isnan().tolist() == [[[False, True, False]], [[False, False, True]]]
    assert items.skipped == [("2", "none of its values is present")]
    assert read_class_ids("state", frame, items).names() == ["a", "b"]


def test_series_without_values_are_left_out_and_named():
    rows = ["a,1,0.5,x", "b,1,,y", "b,2,,y", "c,1,1.5,z", "c,2,1.25,z", "broken"]
    frame, order = io.StringIO("\n".join(rows)), {}
    who, when, heat, state = zip(*(line.strip().split(",") for line in frame.readlines()[:-1]), strict=True)
    order |= {"id": who, "time": when, "heat": [float(each) if each else None for each in heat], "state": state}
    _, items = Series.fit({name: list(cells) for name, cells in order.items()}, DataOptions())
    assert list(items.names) == ["a", "c"]
    assert items.info.steps_of.tolist() == [0, -1, -1, 1, 1]
    assert items.skipped == [("b", "none of its values is present")]
    assert read_class_ids("state", {name: list(cells) for name, cells in order.items()}, items).names() == ["x", "z"]
    array = np.array([[[1.0, 2.0]], [[NAN, NAN]], [[3.0, NAN]]])
    series, items = Series.fit(array, DataOptions())
    assert items.rows.tolist() == [0, 2]
    assert read_class_ids(["x", "y", "z"], array, items).names() == ["x", "z"]
    with pytest.raises(NothingLeft, match=r"None of the values of the 1 series is present"):
        series.open(np.full((1, 1, 4), NAN))
    one = Series.fit(np.stack([np.ones((3, 4)), np.full((3, 4), NAN)], axis=1), DataOptions())[0]
    assert (one.shape.mean[1], one.shape.deviation[1]) == (0.0, 1.0)


def test_unevenly_spaced_times_are_noted_and_even_ones_are_not():
    at = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0]
    frame = {"id": list("aaaaaabbbbbb"), "time": at, "heat": [float(each) for each in range(12)]}
    notes = Series.fit(frame, DataOptions())[1].notes
    assert notes == ["time: 10% of the gaps between steps are unusual; only their order counts, not the spacing"]
    assert Series.fit(frame | {"time": [*at[:-1], 5.0]}, DataOptions())[1].notes == []


def test_what_cannot_be_padded_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"longest series has 1,000,000 steps.*3.7 GiB, 500 times.*Cut the longest"):
        require_room(np.array([1_000_000, *[1_001] * 999]), 1)
    require_room(np.array([1_000_000, *[100_000] * 999]), 1)  # ten times the values that there are
    require_room(np.array([100_000, *[1] * 99]), 1)  # 40 MB
    with pytest.raises(SourceError, match=r"channels of row 1 of .* 'x' holds 2 numbers, 'y' 1"):
        Series.fit({"x": [[1.0], [1.0, 2.0]], "y": [[1.0], [2.0]]}, DataOptions())
    (tmp_path / "x.ts").write_text("@problemName x\n@dimensions 2\n@data\n1,2:3,4\n1,2,3:4,5\n")
    with pytest.raises(SourceError, match=r"in line 5 of .* differ in length: they have 3, 2 steps"):
        Series.fit(tmp_path / "x.ts", DataOptions())
    with pytest.raises(SourceError, match=r"1 of 4 values are infinite, the first at \(item, channel, step\)"):
        Series.fit([np.array([1.0, np.inf]), np.array([NAN])], DataOptions())
    with pytest.raises(SourceError, match=r"of equally many channels, .* shape \(2, 20\) and one of shape \(3, 31\)"):
        Series.fit([np.ones((2, 20)), np.ones((3, 31))], DataOptions())
    trained = Series.fit(waves(4)[0], DataOptions())[0]
    with pytest.raises(SourceError, match=r"of 2 channels, .* shape \(3, 20\)"):
        trained.open([np.ones((3, 20)), np.ones((3, 31))])


def test_a_long_form_of_series_of_unequal_length_is_recognised():
    frame = {"unit": list("aaaabbb"), "cycle": [1, 2, 3, 4, 1, 2, 3], "heat": np.arange(7.0)}
    assert read_sheet(frame).kind == "series"
    assert read_sheet(frame, kind="table").kind == "table"


def test_the_vector_of_a_series_does_not_depend_on_its_padding():
    series = waves(6)[0]
    batch, encoder = padded(series), conv1d(2, width=8)
    for _ in range(3):
        encoder(batch)  # statistics that differ from those of the beginning
    encoder.eval()
    with torch.no_grad():
        h = encoder(torch.cat([batch, torch.full((6, 2, 9), NAN)], dim=2))
        alone = torch.cat([encoder(torch.from_numpy(each)[None]) for each in series])
        assert torch.allclose(alone, h, atol=1e-5)
        assert torch.allclose(encoder(batch[2:4]), h[2:4], atol=1e-5)
        assert encoder(torch.full((1, 2, 5), NAN)).isfinite().all()
        steps, size = torch.export.Dim("steps", max=9999), torch.export.Dim("batch", max=999)
        graph = torch.export.export(encoder, (batch,), dynamic_shapes={"series": {0: size, 2: steps}}).module()
        whole = torch.randn(3, 2, 33)
        assert torch.allclose(graph(batch[1:, :, :55]), encoder(batch[1:, :, :55]), atol=1e-5)
        assert torch.allclose(graph(whole), encoder(whole), atol=1e-5)


def test_padding_of_the_whole_batch_is_not_encoded():
    batch, seen, encoder = padded(waves(4)[0]), [], conv1d(2, width=4).eval()
    encoder.first.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2]))
    encoder(torch.cat([batch, torch.full((4, 2, 500), NAN)], dim=2))
    assert seen == [batch.shape[2] - int(batch.isnan().all(dim=1).all(dim=0).sum())]


def test_a_run_that_was_started_before_series_had_a_usual_length_is_still_the_same():
    series, items = Series.fit(np.random.default_rng(0).normal(size=(4, 2, 20)), DataOptions())
    before = Series.from_settings({name: each for name, each in series.settings().items() if name != "steps"})
    assert (series.shape.steps, before.shape.steps) == (20, None)
    settings = {name: each for name, each in before.settings().items() if name != "steps"}
    before.settings = lambda: settings
    assert identity(items, series, "conv1d", None) == identity(items, before, "conv1d", None)


class OneOfTwo(Processes):
    """A process whose other half has the same rows."""

    def stack(self, local):
        return torch.stack([local, local])


@pytest.mark.parametrize("shared", [False, True])
def test_statistics_in_training_are_those_of_valid_steps(shared):
    short, encoder = torch.randn(4, 2, 30), conv1d(2, width=4, blocks=2)
    if shared:
        share_statistics(encoder, OneOfTwo(0, 2))
    holder = {name: buffer.clone() for name, buffer in encoder.state_dict().items()}
    whole = encoder(short)
    after = {name: buffer.clone() for name, buffer in encoder.state_dict().items()}
    encoder.load_state_dict(holder)
    behind = encoder(torch.cat([short, torch.full((4, 2, 7), NAN)], dim=2))
    assert torch.allclose(whole, behind, atol=1e-5)
    assert all(torch.allclose(after[name], each, atol=1e-5) for name, each in encoder.state_dict().items())
    assert not torch.equal(after["last.0.running_mean"], holder["last.0.running_mean"])


def test_views_keep_what_is_missing_and_an_item_has_the_same_view_in_any_batch():
    series = [*waves(15)[0], np.random.default_rng(0).normal(size=(2, 60)).astype(np.float32)]
    batch, waving = padded(series), Waves()
    views, local = waving(batch, keys(16)), waving.local()(batch, keys(16), steps=30)
    lengths = [each.shape[1] for each in series]
    assert torch.equal(views[15:], waving(batch[15:], keys(16)[15:]))
    assert same(views[:3], waving(batch[:3], keys(16)[:3]))
    for view, close, length in zip(views, local, lengths, strict=True):
        assert view[:, length:].isnan().all()
        assert not view[:, :length].isnan().all()
        assert close[:, max(8, length // 2) :].isnan().all()
        assert not close[:, : max(8, length // 2)].isnan().all()
    gaps = batch.isnan()
    for still in ({"scale": 0.5}, {"jitter": 0.5}, {"mask": 0.9}):
        alone = Waves(**{"crop": 1.0, "scale": 0.0, "jitter": 0.0, "mask": 0.0, **still})(batch, keys(16))
        assert torch.equal(alone.isnan(), gaps)
        assert (alone != batch)[~gaps].any()
    ramp = torch.arange(20.0).repeat(40, 1, 1)
    cut = Waves(scale=0, jitter=0, mask=0)(torch.cat([ramp, torch.full((40, 1, 12), NAN)], dim=2), keys(40))
    assert torch.allclose(cut[:, :, :20], Waves(scale=0, jitter=0, mask=0)(ramp, keys(40)), atol=1e-4)


def test_parts_copies_cells_and_raw_values_of_unequal_series():
    source = waves(6)[0]
    series, items = Series.fit(source, DataOptions())
    batch, lengths = all_of(items), items.lengths
    rounded, noisy, resampled = series.near_copies(batch, keys(6))
    assert all(torch.equal(copy.isnan(), batch.isnan()) for copy in (rounded, noisy))
    assert torch.equal(resampled.isnan().all(dim=1), batch.isnan().all(dim=1))
    line = torch.linspace(-1, 1, 50).repeat(1, 1, 1)
    assert torch.allclose(series.near_copies(line, keys(1))[2], line, atol=1e-5)
    parts = series.parts(batch[:1])
    assert max(end for _, _, end in parts.places) == lengths[0]
    masked = series.with_parts(batch[:1], torch.zeros(1, len(parts.names), dtype=torch.bool), keys(1))
    assert torch.equal(masked.isnan(), batch[:1].isnan())
    assert not masked.nan_to_num().any()
    cells = series.cells(batch)
    assert [len(each["channel 0"]) for each in cells] == lengths.tolist()
    assert "NaN" not in json.dumps(cells)
    assert any(None in each["channel 0"] for each in cells)
    shown = columns(series, items, np.arange(6))
    assert "missing" in shown.rows[0][0].text
    assert "nan" not in str(shown.rows)
    raw = series.baselines()["raw values"]
    assert series.shape.steps == int(np.median(lengths))
    assert raw(batch).shape == (6, 2 * series.shape.steps)
    assert raw(batch).isfinite().all()
    assert torch.allclose(raw(batch)[2:3], raw(batch[2:3, :, : lengths[2]]), atol=1e-4)
    assert flat(series, batch).isfinite().all()
    old = {name: value for name, value in series.settings().items() if name != "steps"}
    before = Series.from_settings(old).baselines()["raw values"]
    assert torch.equal(before(batch), filled(batch).flatten(1))


@pytest.mark.parametrize("method", ["simclr", "moco(queue=64)", "byol"])
def test_a_stopped_run_of_unequal_series_resumes_to_the_weights_of_one_that_never_stopped(tmp_path, method):
    source, _ = waves(64)
    choices = {"method": method, "epochs": 3, "batch_size": 16, **TINY}
    whole = cp.fit(source, out=tmp_path / "whole", **choices)

    def stop(record):
        if record["step"] == 2 and "loss" in record:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        cp.fit(source, out=tmp_path / "parts", listeners=[stop], **choices)
    assert cp.fit(source, out=tmp_path / "parts", resume=True, quiet=True).fingerprint() == whole.fingerprint()


def scaled(count, seed):
    """Series of two classes, which differ in frequency; their size, phase and length are an accident."""
    random, made = np.random.default_rng(seed), []
    for label in range(count):
        time = np.arange(random.integers(20, 61))
        wave = np.sin((0.4, 0.9)[label % 2] * time + random.uniform(0, 6.3)) + random.normal(0, 0.2, len(time))
        made.append(np.where(random.uniform(size=len(time)) < 0.05, NAN, wave * np.exp(random.normal(0, 1.2))))
    return made


@pytest.mark.slow
def test_training_on_unequal_series_tells_apart_what_the_untrained_encoder_does_not():
    train, test = scaled(192, 1), scaled(128, 2)
    views = "waves(crop=0.9, scale=1.2, jitter=0.05)"
    model = cp.fit(train, views=views, epochs=20, batch_size=64, learning_rate=0.01, seed=1, **TINY)
    accuracy = {}
    for name, each in (("trained", model), ("untrained", model.untrained())):
        nearest = (each.embed(test).vectors @ each.embed(train).vectors.T).argmax(axis=1)
        accuracy[name] = float((nearest % 2 == np.arange(128) % 2).mean())
    assert accuracy["trained"] > max(0.9, accuracy["untrained"] + 0.05), accuracy
