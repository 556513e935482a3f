"""Image views against torchvision's, and what every view promises."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as oracle

from counterpoint import catalogue, rng
from counterpoint.errors import InputError
from counterpoint.modalities.image import Images
from counterpoint.views import blur, callables, colour, crop, erase, image_views, resampling, rotate


def pictures(count=6, channels=3, side=20, seed=0):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(seed))


def some_keys(count=6, seed=0):
    return rng.keys(seed=seed, epoch=0, items=torch.arange(count), view=0)


@pytest.mark.parametrize("size", [7, 20, 33])
def test_crops_equal_torchvisions_antialiased_crops(size):
    images, key = pictures(), some_keys()
    top, left, tall, wide = crop.boxes(key, height=20, width=20, scale=(0.2, 1.0), ratio=(3 / 4, 4 / 3))
    ours = crop.crop(images, key, size=size, mirror=0.0)
    for image, view, *place in zip(images, ours, top, left, tall, wide, strict=True):
        box = [int(each) for each in place]
        theirs = oracle.resized_crop(image, *box, [size, size], antialias=True)
        torch.testing.assert_close(view, theirs, rtol=0, atol=2e-4)


def test_mirrored_crops_are_crops_mirrored():
    images, key = pictures(), some_keys()
    plain, mirrored = (crop.crop(images, key, size=16, mirror=share) for share in (0.0, 1.0))
    torch.testing.assert_close(mirrored, plain.flip(3))


def test_resize_equals_torchvisions():
    images = pictures(side=31)
    torch.testing.assert_close(
        crop.resize(images, size=12), oracle.resize(images, [12, 12], antialias=True), rtol=0, atol=1e-5
    )


def test_blur_equals_torchvisions_away_from_the_border():
    images, key = pictures(side=32), some_keys()
    ours = blur.blur(images, key, probability=1.0, sigma=(1.5, 1.5))
    theirs = oracle.gaussian_blur(images, [15, 15], [1.5, 1.5])
    torch.testing.assert_close(ours[:, :, 8:-8, 8:-8], theirs[:, :, 8:-8, 8:-8], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("side", "size"), [(20, 12), (70, 96), (256, 40)])
def test_lines_summed_and_multiplied_are_the_same(side, size, monkeypatch):
    images, key = pictures(side=side), some_keys()
    summed, multiplied = [], []
    for short, result in ((0, summed), (999, multiplied)):
        monkeypatch.setattr(resampling, "SHORT", short)
        result += [crop.crop(images, key, size=size), blur.blur(images, key, probability=0.7, sigma=(0.5, 3.0))]
    torch.testing.assert_close(summed, multiplied, rtol=0, atol=1e-5)


def test_images_of_any_shape_are_cropped_and_bytes_count_as_255ths():
    images = (torch.rand(4, 3, 70, 41) * 255).to(torch.uint8)
    key = some_keys(4)
    view = crop.crop(images, key, size=24)
    torch.testing.assert_close(view, crop.crop(images.float() / 255, key, size=24), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["photo", "heavy", "upright"])
def test_looking_in_pieces_changes_nothing(name, monkeypatch):
    images, key = pictures(), some_keys()
    augmentation = catalogue.find("views", name)()
    whole = augmentation(images, key, size=12)
    monkeypatch.setattr(image_views, "PIECE", 1)
    torch.testing.assert_close(augmentation(images, key, size=12), whole, rtol=0, atol=1e-6)


def test_rotation_keeps_the_centre_and_turns_by_the_angle():
    image = torch.zeros(1, 1, 33, 33)
    image[0, 0, 16, 16:] = 1
    key = some_keys(1)
    turned = rotate.rotate(image, key, degrees=60.0)
    assert float(turned[0, 0, 16, 16]) > 0.9
    angle = float(rng.uniform(key, 1, "rotate", low=-60, high=60))
    rows, columns = torch.nonzero(turned[0, 0] > 0.5, as_tuple=True)
    far = (columns - 16) ** 2 + (rows - 16) ** 2 > 36
    result = torch.rad2deg(torch.atan2((rows - 16).float(), (columns - 16).float()))[far].mean()
    assert abs(abs(float(result)) - abs(angle)) < 4


def test_colour_without_strength_changes_nothing():
    images = pictures()
    torch.testing.assert_close(colour.jitter(images, some_keys(), strength=0.0, grey=0.0), images)


def test_brightness_and_saturation_equal_torchvisions():
    images, fade, light = pictures() * 0.5 + 0.2, torch.linspace(0.7, 1.3, 6), torch.linspace(1.1, 0.9, 6)
    matrix = colour.turn(torch.zeros(6), fade=fade, light=light)
    for image, turned, *factors in zip(images, matrix, fade, light, strict=True):
        ours = torch.einsum("ij,jhw->ihw", turned, image)
        theirs = oracle.adjust_brightness(oracle.adjust_saturation(image, float(factors[0])), float(factors[1]))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-3)


def test_contrast_equals_torchvisions_but_for_its_rounding():
    images, key = pictures() * 0.2 + 0.4, some_keys()
    drawn = rng.uniform(key, 1, "contrast", low=0.92, high=1.08)[:, 0]
    ours = colour.jitter(images[:, :1], key, strength=0.1, probability=1.0)
    for image, view, factor, light in zip(
        images, ours, drawn, rng.uniform(key, 1, "bright", low=0.92, high=1.08)[:, 0], strict=True
    ):
        theirs = oracle.adjust_contrast(oracle.adjust_brightness(image[:1], float(light)), float(factor))
        torch.testing.assert_close(view, theirs, rtol=0, atol=1e-3)


def test_a_whole_turn_of_hue_changes_nothing_and_grey_has_no_hue():
    whole = colour.turn(torch.tensor([2 * torch.pi, 1.0]), fade=torch.ones(2), light=torch.ones(2))
    torch.testing.assert_close(whole[0], torch.eye(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(whole[1] @ torch.ones(3), torch.ones(3), rtol=0, atol=1e-3)


def test_grey_views_have_three_equal_channels():
    view = colour.jitter(pictures(), some_keys(), strength=0.5, grey=1.0)
    torch.testing.assert_close(view[:, 0], view[:, 1])
    torch.testing.assert_close(view[:, 0], view[:, 2])


def test_solarize_inverts_what_is_bright():
    view = colour.solarize(torch.tensor([[[[0.2, 0.8]]]]), some_keys(1), probability=1.0)
    torch.testing.assert_close(view, torch.tensor([[[[0.2, 0.2]]]]))


def test_erase_blanks_one_box_with_the_mean():
    images = pictures()
    view = erase.erase(images, some_keys(), probability=1.0)
    changed = (view != images).any(dim=1)
    shares = changed.float().mean(dim=(1, 2))
    assert bool((shares > 0).all())
    assert bool((shares < 0.25).all())


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("name", [name for name, row in catalogue.shelf("views").items() if row.only == "image"])
def test_every_preset_gives_each_item_its_own_view_whatever_the_batch(name, channels):
    images, key = pictures(channels=channels), some_keys()
    augmentation = catalogue.find("views", name)()
    whole = augmentation(images, key, size=12)
    part = augmentation(images[2:4], key[2:4], size=12)
    assert whole.shape == (6, channels, 12, 12)
    assert float(whole.min()) >= -1e-4
    assert float(whole.max()) <= 1 + 1e-4
    torch.testing.assert_close(part, whole[2:4], rtol=0, atol=1e-5)
    same = augmentation(images[:1].expand(6, -1, -1, -1), key, size=12)
    assert float((same[0] - same[1]).abs().max()) > 1e-3


def test_a_callable_of_the_users_is_a_function_of_the_key():
    from torchvision.transforms import v2

    call = v2.Compose([v2.RandomCrop(8), v2.ColorJitter(0.5)])
    images = (pictures(side=12) * 255).to(torch.uint8)
    whole = callables.each(call, images, some_keys())
    torch.manual_seed(99)
    part = callables.each(call, images[3:5], some_keys()[3:5])
    assert whole.shape == (6, 3, 8, 8)
    assert torch.equal(part, whole[3:5])


def test_a_callable_leaves_the_generators_as_they_were():
    images = (pictures(side=12) * 255).to(torch.uint8)
    torch.manual_seed(1)
    np.random.seed(1)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(1)
    np.random.seed(1)
    callables.each(lambda picture: picture.rotate(np.random.rand()), images, some_keys())
    assert (torch.rand(1), np.random.rand()) == expected


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy])
def test_a_callable_may_use_one_piece_of_memory_for_all_views(wrap):
    memory, images = np.zeros((1, 4, 4), dtype=np.float32), torch.full((3, 1, 4, 4), 7, dtype=torch.uint8)

    def see(picture):
        memory[:] += 1
        return wrap(memory) if wrap is torch.from_numpy else wrap(memory[0] / 255)

    views = callables.each(see, images, some_keys()[:3])
    assert views[:, 0, 0, 0].diff().gt(0).all()


def test_views_of_several_shapes_are_refused():
    images = (pictures(side=12) * 255).to(torch.uint8)
    sides = iter(range(4, 20))
    with pytest.raises(InputError, match="different shapes"):
        callables.each(lambda picture: picture.resize((next(sides), 5)), images, some_keys())


def test_presets_fit_size_and_channels():
    assert image_views.auto(1, 28) == "grey"
    assert image_views.auto(3, 32) == "small"
    assert image_views.auto(3, 96) == "photo"


def test_views_of_the_modality_are_seen_as_the_pictures_they_were():
    array = (pictures(count=8, side=16) * 255).to(torch.uint8)
    modality, items = Images.fit(array.numpy(), options())
    batch = items.take(np.arange(4))
    assert torch.equal(modality.seen(modality.inputs(batch)), batch)
    assert Image.fromarray(modality.picture(batch)[0].permute(1, 2, 0).numpy()).size == (16, 16)


def options():
    from counterpoint.modality import DataOptions

    return DataOptions()
