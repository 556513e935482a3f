import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint import rng
from counterpoint.views import series_views
from counterpoint.views.table_views import corrupt

GROUPS = torch.tensor([0, 1, 1, 2])
POOL = torch.arange(40.0).reshape(10, 4) + 100


def keys(items, *, view=0):
    return rng.keys(seed=3, epoch=1, items=torch.as_tensor(items), view=view)


def corrupted(rows, key, rate=0.4):
    return corrupt(rows, key, pool=POOL, groups=GROUPS, rate=rate)


LOOKS = {
    "crop": series_views.crop,
    "jitter": series_views.jitter,
    "scale": series_views.scale,
    "mask": series_views.mask,
    "corrupt": lambda series, key: corrupted(series.reshape(len(series), -1)[:, :4], key),
}


@pytest.mark.parametrize("augmentation", LOOKS.values(), ids=LOOKS)
@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(7)), share=st.integers(1, 7))
def test_a_view_depends_on_its_item_and_key_alone(augmentation, order, share):
    items = torch.randn(7, 2, 9, generator=torch.Generator().manual_seed(0))
    together = augmentation(items, keys(range(7)))
    some = list(order)[:share]
    assert torch.equal(augmentation(items[some], keys(some)), together[some])


@pytest.mark.parametrize("augmentation", LOOKS.values(), ids=LOOKS)
def test_two_views_of_an_item_differ(augmentation):
    items = torch.randn(20, 2, 9, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(augmentation(items, keys(range(20))), augmentation(items, keys(range(20), view=1)))


@pytest.mark.parametrize("augmentation", LOOKS.values(), ids=LOOKS)
def test_a_view_leaves_its_items_as_they_were(augmentation):
    items = torch.randn(5, 2, 9, generator=torch.Generator().manual_seed(0))
    before = items.clone()
    augmentation(items, keys(range(5)))
    assert torch.equal(items, before)


def test_corruption_replaces_the_share_it_was_asked_for():
    replaced = (corrupted(torch.zeros(4000, 4), keys(range(4000))) != 0).float().mean(dim=0)
    assert torch.allclose(replaced, torch.full((4,), 0.4), atol=0.03)


def test_replaced_values_come_from_their_own_column_of_all_rows_of_the_pool():
    view = corrupted(torch.zeros(4000, 4), keys(range(4000)), rate=1.0)
    for column in range(4):
        assert set(view[:, column].tolist()) == set(POOL[:, column].tolist())


def test_columns_of_one_feature_move_together_and_other_features_do_not():
    view = corrupted(torch.zeros(4000, 4), keys(range(4000)), rate=1.0)
    assert torch.equal(view[:, 2] - view[:, 1], torch.ones(4000))
    assert not torch.equal(view[:, 1] - view[:, 0], torch.ones(4000))


def test_a_crop_stays_within_the_series_and_keeps_a_straight_line_straight():
    line = torch.linspace(0, 1, 50).expand(30, 1, 50)
    view = series_views.crop(line, keys(range(30)), shortest=0.5)
    step = view.diff(dim=2)
    assert view.min() >= 0
    assert view.max() <= 1
    assert torch.allclose(step, step[:, :, :1].expand_as(step), atol=1e-5)
    assert (view[:, 0, -1] - view[:, 0, 0]).min() >= 0.5 - 1e-5


def test_a_crop_of_everything_changes_nothing():
    series = torch.randn(4, 2, 11, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(series_views.crop(series, keys(range(4)), shortest=1.0), series, atol=1e-5)


def test_jitter_has_the_strength_it_was_asked_for():
    noise = series_views.jitter(torch.zeros(500, 2, 20), keys(range(500)), strength=0.3)
    assert abs(float(noise.std()) - 0.3) < 0.01
    assert abs(float(noise.mean())) < 0.01


def test_scale_gives_every_channel_one_positive_factor():
    factors = series_views.scale(torch.ones(50, 3, 8), keys(range(50)), strength=0.5)
    assert torch.equal(factors, factors[:, :, :1].expand_as(factors))
    assert factors.min() > 0
    assert not torch.equal(factors[:, 0], factors[:, 1])


def test_a_mask_is_one_run_of_all_channels_no_longer_than_asked():
    silent = series_views.mask(torch.ones(300, 2, 40), keys(range(300)), longest=0.25) == 0
    assert torch.equal(silent[:, 0], silent[:, 1])
    runs = silent[:, 0].int()
    assert (runs.diff(dim=1, prepend=torch.zeros(300, 1, dtype=torch.int32)) == 1).sum(dim=1).max() == 1
    assert runs.sum(dim=1).max() == 10
    assert runs.sum(dim=1).min() == 0


@pytest.mark.parametrize(
    "augmentation", [series_views.crop, series_views.jitter, series_views.scale, series_views.mask]
)
def test_a_series_of_one_step_can_be_looked_at(augmentation):
    assert augmentation(torch.ones(3, 2, 1), keys(range(3))).isfinite().all()
