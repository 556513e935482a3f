"""Views for a loop of the user's own: what they depend on, and the advice for what cannot be looked at."""

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.errors import InputError, PlanError, SourceError, UnknownName
from counterpoint.views.standalone import check_pictures

PRESETS = [name for name, row in catalogue.SHELVES["views"].items() if row.only == "image"]


def pictures(count=8, channels=3, height=20, width=26):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("preset", [*PRESETS, "simclr(blur=0.5)", "upright(degrees=5, grey=0)"])
def test_every_preset_gives_two_views_in_range_that_do_not_depend_on_the_batch(preset, channels):
    augmentation = cp.image_views(12, preset=preset)
    images = pictures(channels=channels)
    whole = augmentation(images, seed=3)
    for view, part in zip(whole, augmentation(images[:4], seed=3), strict=True):
        assert view.shape == (8, channels, 12, 12)
        assert view.dtype == torch.float32
        assert float(view.min()) >= 0
        assert float(view.max()) <= 1
        torch.testing.assert_close(part, view[:4], rtol=0, atol=1e-5)
    assert float((whole[0] - whole[1]).abs().mean()) > 0.01


@pytest.mark.parametrize(("side", "size"), [(80, 72), (256, 30), (40, 100)])
def test_a_row_is_the_same_in_a_batch_of_4_and_of_400(side, size):
    images = pictures(count=1, height=side, width=side).expand(400, -1, -1, -1)
    augmentation = cp.image_views(size, preset="simclr(blur=0.5)")
    for sparse, many in zip(augmentation(images[:4], seed=1), augmentation(images, seed=1), strict=True):
        torch.testing.assert_close(sparse, many[:4], rtol=0, atol=1e-5)
        assert float((many[0] - many[1]).abs().mean()) > 1e-3


def test_views_are_a_function_of_the_seed_and_of_nothing_else():
    augmentation, images = cp.image_views(16), pictures()
    once = augmentation(images, seed=5)
    torch.manual_seed(99)
    assert torch.equal(augmentation(images, seed=5)[1], once[1])
    assert not torch.equal(augmentation(images, seed=6)[0], once[0])


def test_pictures_are_left_as_they_were_and_none_give_none():
    images = pictures()
    before = images.clone()
    cp.image_views(20, preset="heavy")(images, seed=0)
    assert torch.equal(images, before)
    assert cp.image_views(16)(images[:0], seed=0)[0].shape == (0, 3, 16, 16)


def test_views_that_change_nothing_show_the_picture():
    augmentation = cp.image_views(20, preset="simclr(scale=1, ratio=1, mirror=0, colour=0)")
    images = pictures(width=20)
    torch.testing.assert_close(augmentation(images, seed=0)[0], images / 255, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "preset", "kind", "advice"),
    [
        (3, "simclr", PlanError, "size must be at least 4"),
        (32, "simclrr", UnknownName, "Did you mean 'simclr'"),
        (32, "simclr(blurr=1)", UnknownName, "Did you mean 'blur'"),
        (32, "simclr(blur=2)", PlanError, "blur must be at most 1"),
        (32, "simclr(blur=", InputError, "cannot be read"),
        (32, "waves", PlanError, "for series data, not for image"),
        (32, "my.module:name", UnknownName, "takes a preset"),
    ],
)
def test_advice_for_choices(size, preset, kind, advice):
    with pytest.raises(kind, match=advice):
        cp.image_views(size, preset=preset)


@pytest.mark.parametrize(
    ("images", "advice"),
    [
        (torch.zeros(2, 3, 8, 8), "Got float32"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), r"picture\[None\]"),
        (torch.zeros(2, 3, 0, 8, dtype=torch.uint8), "shape"),
        (torch.zeros(2, 8, 8, 3, dtype=torch.uint8), "permute"),
    ],
)
def test_advice_for_what_is_no_batch_of_pictures(images, advice):
    with pytest.raises(SourceError, match=advice):
        cp.image_views(8)(images, seed=0)


def test_advice_for_arrays():
    with pytest.raises(SourceError, match="Got ndarray; make a tensor of it"):
        check_pictures(np.zeros((2, 3, 8, 8), np.uint8))
