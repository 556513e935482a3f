"""The encoders of SimCLRv2: the paper's counts, its stem, its attention, and a run that comes back."""

import json
import sys

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.errors import MissingPackage, PlanError, UnknownName

TABLE = {
    ("resnet50", 1): 24,
    ("sk_resnet50", 1): 35,
    ("resnet50", 2): 94,
    ("sk_resnet50", 2): 140,
    ("resnet101", 1): 43,
    ("sk_resnet101", 1): 65,
    ("resnet101", 2): 170,
    ("sk_resnet101", 2): 257,
    ("resnet152", 1): 58,
    ("sk_resnet152", 1): 89,
    ("resnet152", 2): 233,
    ("sk_resnet152", 2): 354,
    ("sk_resnet152", 3): 795,
}
"""Millions of parameters, Chen et al. 2020, arXiv:2006.10029, table 1."""

WIDE = ["resnet50(times=2, width=8)", "sk_resnet50(width=8)"]


def built(name, channels=3, size=32):
    if "times" in name or name.startswith("sk_"):
        pytest.importorskip("timm", reason='needs pip install "counterpoint[timm]"')
    return catalogue.find("encoder", name)(channels, size)


@pytest.mark.parametrize(("name", "times"), TABLE, ids=lambda value: str(value))
def test_an_encoder_has_the_numbers_of_the_papers_table(name, times):
    with torch.device("meta"):
        encoder = built(f"{name}(times={times})" if times > 1 else name, size=224)
    kept = [value for value in encoder.state_dict().values() if value.is_floating_point()]
    assert round(sum(value.numel() for value in kept) / 1e6) == TABLE[name, times]


@pytest.mark.parametrize(("name", "depth"), [("sk_resnet50", 50), ("sk_resnet101", 101), ("sk_resnet152", 152)])
def test_an_encoder_is_as_deep_as_its_name_says(name, depth):
    with torch.device("meta"):
        encoder = built(name)
    blocks = sum(len(stage) for stage in (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4))
    assert 3 * blocks + 2 == depth


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 33), (4, 65), (3, 96)])
@pytest.mark.parametrize("name", WIDE)
def test_any_size_and_channels_are_taken(name, channels, size):
    encoder = built(name, channels, size).eval()
    length = 4096 if "times=2" in name else 2048
    assert encoder(torch.zeros(2, channels, size, size)).shape == (2, length)


def test_small_images_stay_large_and_large_ones_get_the_stem_of_the_paper():
    with torch.device("meta"):
        assert built("resnet50(times=2)", size=64).conv1.stride == (1, 1)
        assert built("sk_resnet50(times=2)", size=64).conv1.stride == (1, 1)
        plain, selective = built("resnet50(times=2)", size=65).conv1, built("sk_resnet50(times=2)", size=65).conv1
    assert (plain.kernel_size, plain.out_channels) == ((7, 7), 128)
    stem = [layer for layer in selective if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in stem] == [64, 64, 128]


def test_the_attention_is_as_narrow_as_the_papers():
    with torch.device("meta"):
        encoder = built("sk_resnet50(times=3)")
    stages = (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4)
    assert [stage[0].conv2.attn.fc_reduce.out_channels for stage in stages] == [32, 32, 48, 96]


def test_a_selective_kernel_gives_every_item_its_own_shares_of_two_convolutions():
    encoder = built("sk_resnet50(width=8)", size=16)
    seen = []
    encoder.layer1[0].conv2.attn.register_forward_hook(lambda part, inputs, output: seen.append(output))
    encoder(torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    (shares,) = seen
    assert shares.shape == (8, 2, 8, 1, 1)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(8, 8, 1, 1))
    assert shares.std(dim=0).max() > 0.01


@pytest.mark.parametrize("name", WIDE)
def test_the_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    encoder = built(name, size=16)
    for part in encoder.modules():
        if hasattr(part, "zero_init_last"):  # each block begins as its shortcut; let what lies behind be seen
            torch.nn.init.ones_(part.get_parameter("conv3.bn.weight" if name.startswith("sk_") else "bn3.weight"))
    encoder(torch.randn(8, 3, 16, 16)).square().sum().backward()
    assert not [key for key, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


@pytest.mark.parametrize("name", WIDE)
def test_each_block_begins_as_its_shortcut(name):
    block = built(name, size=16).eval().layer1[1]
    x = torch.rand(2, block.conv1.weight.shape[1] if "times" in name else 256, 4, 4)
    torch.testing.assert_close(block(x.clone()), x)


def test_a_run_comes_back_with_what_stands_behind_the_name(tmp_path):
    pytest.importorskip("timm", reason='needs pip install "counterpoint[timm]"')
    pictures = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), dtype=np.uint8)
    model = cp.fit(
        pictures,
        encoder="sk_resnet50(times=2, width=4)",
        head_layers=3,
        method="moco(queue=16, groups=2)",
        batch_size=8,
        epochs=1,
        out=tmp_path / "run",
    )
    kept = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert (kept["encoder"], kept["head"]["layers"]) == ("sk_resnet50(times=2, width=4)", 3)
    z = cp.load(tmp_path / "run").embed(pictures).vectors
    assert z.shape == (16, 4096)
    np.testing.assert_allclose(z, model.embed(pictures).vectors, atol=1e-6)


@pytest.mark.parametrize("name", ["resnet50(times=2)", "sk_resnet50"])
def test_without_timm_its_installation_is_advised(name, monkeypatch):
    for module in [module for module in sys.modules if module.startswith("timm.")]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingPackage, match=r'pip install "counterpoint\[timm\]"'):
        catalogue.find("encoder", name)(3, 32)


def test_times_is_at_least_1_and_not_for_the_shallow_ones():
    for name in ("resnet50", "sk_resnet50"):
        with pytest.raises(PlanError, match=r"times must be at least 1\. Got 0"):
            built(f"{name}(times=0)")
    with pytest.raises(UnknownName, match="has no option 'times'"):
        catalogue.find("encoder", "resnet18(times=2)")
