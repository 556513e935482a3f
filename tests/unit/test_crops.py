"""Local views: smaller, of a smaller part, a function of the key only; and refused where nobody can use them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint import catalogue, rng
from counterpoint.errors import Interrupted, PlanError
from counterpoint.modalities.image import Images, Sight
from counterpoint.modalities.series import Series
from counterpoint.modality import DataOptions
from counterpoint.plans import Plan
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.training.batches import make_batch
from counterpoint.verbs.check_processes import check_processes
from counterpoint.views import crop
from counterpoint.views.image_views import Strengths
from counterpoint.views.series_views import Waves
from tests.contracts.test_training import TINY, Stopper, same, weights
from tests.unit.test_cli import refused
from tests.worlds import WORLDS, pulses, records, stripes

LOCAL = {"local_views": 2, "precision": "fp32", "epochs": 2}


def keys(count, view=2):
    return rng.keys(seed=0, epoch=0, items=torch.arange(count), view=view)


def images(size, views="simclr", channels=3):
    return Images(Sight(channels, size, None, [0.5] * channels, [0.2] * channels, views))


@pytest.mark.parametrize(("size", "expected"), [(32, 16), (28, 14), (96, 48), (17, 8), (12, 8), (8, 8), (6, 6)])
def test_a_local_view_of_an_image_has_half_the_side_and_at_least_eight_pixels(size, expected):
    batch = torch.randint(0, 256, (4, 3, 32, 40), dtype=torch.uint8)
    modality = images(size)
    assert modality.augmentation(batch, keys(4)).shape == (4, 3, size, size)
    view = modality.augmentation.local()(batch, keys(4))
    assert view.shape == (4, 3, expected, expected)
    assert view.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("views", ["simclr", "small", "photo", "grey", "upright", "heavy", "simclr(scale=1)"])
def test_things_look_as_large_in_a_local_view_as_in_others(views):
    """An area between a quarter of the least and a quarter of the largest, and half the side: the same scale."""
    wide = catalogue.find("views", views)()
    near = wide.local()
    assert (near.scale, near.largest) == (wide.scale / 4, wide.largest / 4)
    assert replace(near, scale=wide.scale, largest=wide.largest) == wide
    key = keys(400)
    _, _, tall, across = crop.boxes(key, height=64, width=64, scale=(near.scale, near.largest), ratio=(near.ratio, 1))
    share = tall * across / 64**2
    assert 0.8 * near.scale <= float(share.min())
    assert float(share.max()) <= 1.2 * near.largest
    assert (
        images(32, views).augmentation.local()(torch.zeros(3, 3, 32, 32, dtype=torch.uint8), keys(3)).isfinite().all()
    )


def test_a_local_view_of_a_series_is_half_as_long_at_the_same_pace():
    ramp = torch.arange(200.0).expand(50, 1, 200).contiguous()
    waves = Waves(scale=0, jitter=0, mask=0)
    usual, near = waves(ramp, keys(50)), waves.local()(ramp, keys(50), steps=100)
    assert near.shape == (50, 1, 100)
    for view in (usual, near):
        pace = (view[:, 0, 1:] - view[:, 0, :-1]).mean(dim=1)
        assert 0.45 < float(pace.min()) < 0.6
        assert 0.9 < float(pace.max()) < 1.05
    modality, items = Series.fit(np.random.default_rng(0).normal(size=(6, 2, 20)), DataOptions())
    assert modality.augmentation.local()(items.take(np.arange(6)), keys(6)).shape == (6, 2, 10)
    short, items = Series.fit(np.random.default_rng(0).normal(size=(6, 2, 5)), DataOptions())
    assert short.augmentation.local()(items.take(np.arange(6)), keys(6)).shape == (6, 2, 5)


@pytest.mark.parametrize("options", [{"crop": 0.6, "largest": 0.5}, {"largest": 1.5}])
def test_the_largest_crop_is_no_smaller_than_the_smallest(options):
    with pytest.raises(PlanError, match="largest"):
        Waves(**options)
    with pytest.raises(PlanError, match="largest"):
        Strengths(**{"scale" if name == "crop" else name: value for name, value in options.items()})


@pytest.mark.parametrize("kind", ["image", "series"])
def test_a_local_view_is_a_function_of_the_item_and_its_key_alone(kind):
    world = WORLDS[kind](count=40)
    parts = prepare(world.source, *chosen({**world.choices, **LOCAL}), began=0.0)
    batch, key = parts.items.take(np.arange(8)), keys(8)
    whole = parts.modality.augmentation.local()(batch, key)
    torch.testing.assert_close(parts.modality.augmentation.local()(batch[3:5], key[3:5]), whole[3:5], rtol=0, atol=1e-5)
    assert torch.equal(parts.modality.augmentation.local()(batch, key), whole)
    assert not torch.equal(parts.modality.augmentation.local()(batch, keys(8, view=3)), whole)
    restored = type(parts.modality).from_settings(parts.modality.settings())
    assert torch.equal(restored.augmentation.local()(batch, key), whole)


def test_local_views_come_after_the_usual_ones_and_change_none_of_them():
    world = stripes(count=40)
    views = {}
    for count in (0, 3):
        parts = prepare(world.source, *chosen({**world.choices, **LOCAL, "local_views": count}), began=0.0)
        views[count] = make_batch(parts.items, parts.modality, parts.recipe, step=1, count=2)[1]
        assert parts.summary()["views"] == "simclr(scale=0.5)"
    assert [view.shape[-1] for view in views[3]] == [16, 16, 8, 8, 8]
    assert all(torch.equal(first, second) for first, second in zip(views[0], views[3][:2], strict=True))
    assert not torch.equal(views[3][2], views[3][3])


def fit(source, **choices):
    return cp.fit(source, **{**LOCAL, **choices})


class Flat(nn.Module):
    """Makes of smaller views a shorter vector."""

    def forward(self, view):
        return view.mean(dim=1).flatten(1)


def test_what_cannot_take_local_views_is_refused_with_advice_before_anything_is_written(tmp_path):
    pictures = stripes(count=40).source
    out = tmp_path / "run"
    with pytest.raises(
        PlanError,
        match=r"has no use for local views\..* one of the methods simclr, byol, simsiam, moco_v3, swav, dino, sup_con",
    ):
        fit(pictures, method="moco(queue=64)", out=out)
    with pytest.raises(PlanError, match=r"'corrupt' of table data have no smaller form.* Leave out local_views="):
        fit(records(count=40).source, out=out)
    with pytest.raises(PlanError, match="'callable' of image data have no smaller form"):
        fit(pictures, views=lambda picture: picture, out=out)
    with pytest.raises(PlanError, match="'callable' of series data have no smaller form"):
        fit(pulses(count=40).source, views=lambda series, key: series, out=out)
    with pytest.raises(PlanError, match=r"cannot take views of shape \(2, 3, 8, 8\): .* such as 'conv2d'"):
        fit(pictures, encoder=nn.Sequential(nn.Flatten(), nn.Linear(768, 4)), out=out)
    with pytest.raises(PlanError, match="makes 256 numbers of a usual view and 64 of a local one"):
        fit(pictures, encoder=Flat(), out=out)
    with pytest.raises(PlanError, match="at least 0"):
        fit(pictures, local_views=-1, out=out)
    assert not out.exists()


def test_a_transformer_of_one_size_is_refused_too():
    pytest.importorskip("timm", reason="timm is in the group test")
    pictures = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    with pytest.raises(PlanError, match="or choose an encoder that takes views of any size"):
        fit(pictures, encoder="timm:vit_tiny_patch16_224")


def test_the_command_refuses_with_one_sentence_and_exit_2(tmp_path, capsys):
    np.save(tmp_path / "rows.npy", records(count=40).source)
    said = refused(capsys, "fit", str(tmp_path / "rows.npy"), "--local-views", "2", "--out", str(tmp_path / "run"))
    assert "no smaller form" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("method", ["simclr", "byol", "simsiam", "moco_v3", "swav", "dino", "sup_con"])
def test_a_run_with_local_views_resumes_to_the_weights_of_one_that_never_stopped(tmp_path, method):
    world = stripes(count=128)
    choices = {**TINY, "method": method, "local_views": 2, "epochs": 2}
    labels = world.labels if method == "sup_con" else None
    cp.fit(world.source, out=tmp_path / "whole", labels=labels, **choices)
    with pytest.raises(Interrupted, match="resume=True"):
        cp.fit(world.source, out=tmp_path / "parts", labels=labels, listeners=[Stopper(2)], **choices)
    cp.fit(world.source, out=tmp_path / "parts", labels=labels, resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


@pytest.mark.slow
def test_several_processes_agree_on_local_views(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    world = pulses(count=160)
    small = {"local_views": 2, "width": 8, "head_hidden": 16, "head_outputs": 8}
    methods = ("simclr", "byol", "simsiam", "moco_v3", "swav", "dino", "sup_con")
    plans = [Plan(method=method, **world.choices, **small) for method in methods]
    for deviations in check_processes(plans, world.source, labels=world.labels, counts=(1, 2)):
        assert all(each.agrees for each in deviations), deviations
