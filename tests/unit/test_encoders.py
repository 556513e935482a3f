import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from counterpoint import catalogue
from counterpoint.errors import UnknownName
from counterpoint.modalities.image import Images, Sight


def images(channels=3, size=32):
    return Images(Sight(channels, size, None, [0.5] * channels, [0.2] * channels, "simclr"))


def test_the_small_conv_net_costs_at_most_25_mflop_per_view_of_32_pixels():
    encoder = images().build_encoder("auto", None).eval()
    with FlopCounterMode(display=False) as counter:
        encoder(torch.zeros(1, 3, 32, 32))
    assert counter.get_total_flops() <= 25e6


@pytest.mark.parametrize("size", [8, 28, 32, 64, 96])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_small_conv_net_takes_any_size_and_channels(size, channels):
    encoder = images(channels, size).build_encoder("conv2d", 8)
    assert encoder(torch.zeros(2, channels, size, size)).shape == (2, 512)


@pytest.mark.parametrize(("name", "length"), [("resnet18", 512), ("resnet34", 512), ("resnet50", 2048)])
def test_resnets_keep_small_images_large_below_65_pixels(name, length):
    small = images(1, 32).build_encoder(name, None).eval()
    assert small(torch.zeros(1, 1, 32, 32)).shape == (1, length)
    assert small.conv1.stride == (1, 1)
    large = images(3, 96).build_encoder(name, None).eval()
    assert large.conv1.stride == (2, 2)


def test_resnets_have_the_papers_parameters():
    counts = {"resnet18": 11.2e6, "resnet50": 23.5e6, "resnet101": 42.5e6, "resnet152": 58.1e6}
    for name, expected in counts.items():
        with torch.device("meta"):
            encoder = catalogue.find("encoder", name)(3, 224)
        assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("name", "width"), [("conv2d(width=8)", None), ("conv2d", 8), ("conv2d(width=64)", 8)])
def test_a_width_may_stand_behind_the_name_and_the_choice_goes_first(name, width):
    assert images().build_encoder(name, width)[1][0].out_channels == 8


def test_timm_encoders_are_found_by_name():
    encoder = images(1, 32).build_encoder("timm:resnet10t", None).eval()
    assert encoder(torch.zeros(2, 1, 32, 32)).ndim == 2
    with pytest.raises(UnknownName, match="Did you mean 'resnet10t'"):
        images().build_encoder("timm:resnet10tt", None)


def test_heads_have_as_many_layers_as_asked():
    from counterpoint.heads import mlp_head

    for layers in (1, 2, 3):
        head = mlp_head(6, hidden=8, outputs=4, layers=layers)
        assert sum(isinstance(part, torch.nn.Linear) for part in head) == layers
        assert head(torch.randn(3, 6)).shape == (3, 4)
