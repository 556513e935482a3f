"""Networks that have learned before: from a file, a library or a function; shown pictures as they were then."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms

import counterpoint as cp
from counterpoint.encoders.weights_file import begin_with
from counterpoint.errors import InputError, PlanError, SourceError
from counterpoint.modalities.image import Images
from counterpoint.preprocessing import Preprocessing
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.views.crop import middle
from tests.worlds import remarks, stripes

SMALL = "timm:test_efficientnet"
"""A network of 360,000 weights, which sees 160 of 168 pixels less another mean than that of ImageNet."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos of several shapes and modes: wide, tall, square, odd, grey."""
    folder = tmp_path_factory.mktemp("photos")
    shapes = [(300, 200), (200, 301), (256, 256), (411, 259), (180, 90), (97, 133)]
    draws = np.random.default_rng(0)
    for place, (wide, tall) in enumerate(shapes):
        rough = draws.integers(0, 256, (tall // 9, wide // 9, 3)).astype(np.uint8)
        image = Image.fromarray(rough).resize((wide, tall), Image.Resampling.BICUBIC)
        image.convert("L" if place == 3 else "RGB").save(folder / f"{place}.jpg", quality=90)
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The weights of the small network of timm, drawn once, with its classifier."""
    import timm

    torch.manual_seed(3)
    file = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(timm.create_model("test_efficientnet").state_dict(), file)
    return file


def opened(photos):
    return [Image.open(path).convert("RGB") for path in sorted(photos.glob("*.jpg"))]


def unit(h):
    return nn.functional.normalize(h, dim=1).numpy()


def originals(photos, saved):
    """What timm itself makes of the photos, by its own transform."""
    import timm

    network = timm.create_model(
        "test_efficientnet", pretrained=True, pretrained_cfg_overlay={"file": str(saved)}
    ).eval()
    network.reset_classifier(0)
    user_parts = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    with torch.no_grad():
        return unit(network(torch.stack([user_parts(image) for image in opened(photos)])))


@pytest.mark.parametrize("manner", ["by name", "by file"])
def test_vectors_are_those_of_the_original_network_with_its_own_preprocessing(manner, photos, saved, tmp_path):
    choices = {
        "by name": {"encoder": f"{SMALL}(pretrained='{saved}')"},
        "by file": {"encoder": SMALL, "weights": str(saved)},
    }[manner]
    model = cp.fit(photos, epochs=0, out=tmp_path / "run", **choices)
    expected = originals(photos, saved)
    np.testing.assert_allclose(model.embed(photos).vectors, expected, atol=2e-6)
    again = cp.load(tmp_path / "run")
    np.testing.assert_allclose(again.embed(photos).vectors, expected, atol=2e-6)
    assert again.modality.settings()["like"]["resample"] == "bicubic"


def test_pictures_in_memory_are_shown_as_files_are(photos, saved):
    model = cp.fit(photos, epochs=0, encoder=f"{SMALL}(pretrained='{saved}')")
    for place, image in enumerate(opened(photos)):
        alone = model.embed(np.asarray(image)[None]).vectors[0]
        assert float(alone @ model.embed(photos).vectors[place]) > 0.999


def test_a_small_array_is_scaled_when_it_is_seen(saved):
    source = np.random.default_rng(0).integers(0, 256, (8, 40, 40, 3)).astype(np.uint8)
    model = cp.fit(source, epochs=0, encoder=f"{SMALL}(pretrained='{saved}')")
    view = model.modality.inputs(model.open(source).take(np.arange(2)))
    assert view.shape == (2, 3, 160, 160)


@pytest.mark.parametrize(("size", "shorter"), [(20, 23), (21, 24), (20, 24), (24, None)])
@pytest.mark.parametrize("shape", [(40, 31), (31, 40), (32, 32), (33, 60)])
def test_what_is_kept_has_the_same_middle_as_the_whole(size, shorter, shape):
    like = Preprocessing(size, shorter, "bicubic")
    pixels = np.random.default_rng(1).integers(70, 180, (*shape, 3)).astype(np.uint8)
    steps = [transforms.Resize(shorter or (size, size), transforms.InterpolationMode.BICUBIC)]
    theirs = transforms.Compose([*steps, transforms.CenterCrop(size), transforms.PILToTensor()])(
        Image.fromarray(pixels)
    )
    tall, wide, top, left = like.box(*shape)
    scaled = Image.fromarray(pixels).resize((wide, tall), Image.Resampling.BICUBIC)
    square = scaled.crop((left, top, left + like.kept, top + like.kept))
    kept = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None]
    assert torch.equal(middle(kept, like)[0], theirs)
    whole = middle(torch.from_numpy(pixels).permute(2, 0, 1)[None], like)[0]
    assert (whole.int() - theirs.int()).abs().max() <= 1


def image_network(kind):
    """A tiny network of transformers with random weights, and an image processor as such are saved with."""
    import transformers

    sizes = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    if kind == "vit":
        config = transformers.ViTConfig(**sizes, intermediate_size=32)
        return transformers.ViTModel(config), transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    if kind == "dinov2":
        processor = transformers.BitImageProcessor(
            size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}, resample=3
        )
        return transformers.Dinov2Model(transformers.Dinov2Config(**sizes)), processor
    if kind == "convnext":
        config = transformers.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2)
        return transformers.ConvNextModel(config), transformers.ConvNextImageProcessor(
            size={"shortest_edge": 32}, crop_pct=0.875
        )
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    return transformers.ResNetModel(config), transformers.ConvNextImageProcessor(size={"shortest_edge": 32})


@pytest.mark.parametrize("kind", ["vit", "dinov2", "convnext", "resnet"])
def test_networks_of_pictures_see_what_their_image_processor_shows_them(kind, photos, tmp_path):
    network, processor = image_network(kind)
    network.save_pretrained(tmp_path / "network")
    processor.save_pretrained(tmp_path / "network")
    model = cp.fit(photos, epochs=0, encoder=f"hf:{tmp_path / 'network'}", out=tmp_path / "run")
    with torch.no_grad():
        shown = processor(opened(photos), return_tensors="pt")["pixel_values"]
        made = network.eval()(pixel_values=shown)
    h = made.last_hidden_state[:, 0] if kind in ("vit", "dinov2") else made.pooler_output.flatten(1)
    vectors = model.embed(photos).vectors
    np.testing.assert_allclose(
        vectors, unit(h), atol=5e-3
    )  # processors resize tensors, within a level of 255 of Pillow
    (tmp_path / "network").rename(tmp_path / "away")
    np.testing.assert_array_equal(cp.load(tmp_path / "run").embed(photos).vectors, vectors)


def test_a_network_of_ones_own_may_say_how_it_is_shown_pictures(photos, tmp_path, monkeypatch):
    (tmp_path / "mine_adopted.py").write_text(
        "from torch import nn\n"
        "def network(channels, size, width=None):\n"
        "    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())\n"
        "network.preprocessing = {'size': 32, 'shorter': 40, 'mean': [0.5, 0.5, 0.5], 'std': [0.25, 0.25, 0.25]}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    model = cp.fit(photos, epochs=0, encoder="mine_adopted:network")
    user_parts = transforms.Compose(
        [
            transforms.Resize(40),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )
    shown = torch.stack([user_parts(image) for image in opened(photos)])
    np.testing.assert_allclose(model.embed(photos).vectors, unit(model.encoder(shown)), atol=1e-5)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    network.preprocessing = {"size": 32, "shorter": 40, "mean": [0.5] * 3, "std": [0.25] * 3}
    given = cp.fit(photos, epochs=0, encoder=network)
    np.testing.assert_array_equal(given.embed(photos).vectors, model.embed(photos).vectors)
    network.preprocessing = {"side": 32}
    with pytest.raises(PlanError, match="a dictionary with a size"):
        cp.fit(photos, epochs=0, encoder=network)


def test_weights_of_ours_bring_their_own_mean(photos, tmp_path):
    first = cp.fit(stripes(32).source, epochs=1, batch_size=8, width=8, out=tmp_path / "run")
    cp.export(first, tmp_path / "out.safetensors")
    for file in (tmp_path / "run" / "model.safetensors", tmp_path / "out.safetensors"):
        taken = cp.fit(photos, encoder="conv2d", width=8, weights=str(file), epochs=0)
        assert taken.modality.sight.mean == pytest.approx(first.modality.sight.mean)
        assert taken.modality.sight.size == first.modality.sight.size
        assert torch.equal(taken.encoder.state_dict()["0.0.weight"], first.encoder.state_dict()["0.0.weight"])


@pytest.mark.parametrize("before", ["", "module.", "backbone.", "module.encoder."])
@pytest.mark.parametrize("inside", [None, "state_dict", "model"])
def test_names_match_behind_what_trainers_put_before_them(before, inside, tmp_path):
    network, other = nn.Linear(3, 2), nn.Linear(3, 2)
    state = {before + name: tensor for name, tensor in other.state_dict().items()} | {"fc.weight": torch.ones(1)}
    torch.save(state if inside is None else {inside: state, "epoch": 3}, tmp_path / "w.pt")
    said = begin_with(network, tmp_path / "w.pt")
    assert torch.equal(network.weight, other.weight)
    assert "all 2 tensors" in said
    assert "left out: fc.weight" in said


def test_where_all_names_differ_the_order_counts_and_is_told(tmp_path):
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    renamed = {f"layer_{place}.{name[2:]}": each for place, (name, each) in enumerate(other.state_dict().items())}
    torch.save(renamed, tmp_path / "w.pth")
    assert "by their order, for the names are others" in begin_with(network, tmp_path / "w.pth")
    assert torch.equal(network[2].weight, other[2].weight)


class Harmful:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (
            {"weight": torch.ones(2, 4)},
            "w.pt",
            r"another network: 0 of 2 tensors fit .* of 'weight' \(2, 3\) it has \(2, 4\)",
        ),
        ({"weight": torch.ones(2, 3)}, "w.pt", "1 of 2 tensors fit by name and shape; of 'bias'"),
        ({"epoch": 3}, "w.pt", "holds no weights"),
        ({"weight": Harmful()}, "w.pt", "cannot be read"),
        (b"nonsense", "w.pt", "cannot be read"),
        (b"nonsense", "w.safetensors", "cannot be read"),
        (b"nonsense", "w.npy", "Weights are read from .safetensors"),
        (None, "w.pt", "There is no file of weights"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_sentence(content, name, message, tmp_path, capsys):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / name)
    network = nn.Linear(3, 2)
    before = network.weight.clone()
    with pytest.raises(SourceError, match=message):
        begin_with(network, tmp_path / name)
    assert torch.equal(network.weight, before)
    assert "run" not in capsys.readouterr().out


def test_what_is_not_there_is_refused_before_a_folder_is_made(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for choices, error, message in (
        ({"encoder": "timm:resnet18(pretrained=True)"}, SourceError, "not on this machine, and nothing is downloaded"),
        ({"encoder": "timm:resnet18(pretrained='no.pth')"}, SourceError, "There is no file of weights 'no.pth'"),
        ({"encoder": "timm:resnet18(weights=True, pretrained=True)"}, InputError, "has one option"),
        ({"encoder": "hf:nowhere/at-all"}, SourceError, "no network of pictures 'hf:nowhere/at-all'"),
        ({"encoder": "conv2d"}, PlanError, "'conv2d' is not pretrained"),
        ({"encoder": SMALL}, PlanError, "is not pretrained"),
    ):
        with pytest.raises(error, match=message):
            cp.fit(photos, epochs=0, out=tmp_path / "run", **choices)
        assert not (tmp_path / "run").exists()
    with pytest.raises(PlanError, match="these pictures have 5 bands"):
        cp.fit(np.zeros((8, 5, 32, 32), np.uint8), epochs=0, encoder="timm:resnet18", weights="any.pt")


def test_an_adopted_run_is_a_run_and_beats_what_was_never_trained(saved, tmp_path):
    world = stripes(64)
    run = tmp_path / "run"
    model = cp.fit(world.source, encoder=SMALL, weights=str(saved), epochs=0, view_size=32, out=run)
    assert model.head is None
    assert json.loads((run / "plan.json").read_text())["steps"] == 0
    assert "nothing was trained" in (run / "verdict.json").read_text()
    saved_again = cp.load(run)
    untrained = saved_again.untrained()  # needs no file of weights
    assert not torch.equal(untrained.encoder.conv_stem.weight, model.encoder.conv_stem.weight)
    scores = cp.evaluate(run, world.source, labels=world.labels)
    assert set(scores["linear"]["baselines"]) == {"raw", "untrained", "chance"}
    assert "no curves" in cp.report(run, source=world.source).read_text()
    assert saved_again.recipe()["learning_rate"] == 1e-4


def test_training_goes_on_gently_from_what_was_learned(saved):
    source = stripes(400).source
    for choices in ({"encoder": f"{SMALL}(pretrained='{saved}')"}, {"encoder": SMALL, "weights": str(saved)}):
        wanted, user_parts = chosen({**choices, "view_size": 32})
        plan = prepare(source, wanted, user_parts, began=0.0).plan
        assert (plan.learning_rate, plan.batch_size) == (1e-4, 64)
    wanted, user_parts = chosen({"encoder": SMALL, "view_size": 32})
    assert prepare(source, wanted, user_parts, began=0.0).plan.learning_rate == 2e-3


def test_what_a_trained_run_began_at_is_its_baseline(saved):
    source = stripes(16).source
    model = cp.fit(source, encoder=SMALL, weights=str(saved), epochs=1, batch_size=8, view_size=32, precision="fp32")
    assert model.built["initial_weights"] == str(saved)
    began = model.untrained().encoder.state_dict()["conv_stem.weight"]
    assert torch.equal(began, torch.load(saved, weights_only=True)["conv_stem.weight"])
    assert not torch.equal(began, model.encoder.state_dict()["conv_stem.weight"])


def test_texts_may_begin_with_weights_too(tmp_path):
    first = cp.fit(remarks(64).source, epochs=1, batch_size=16, width=8, out=tmp_path / "run")
    file = tmp_path / "run" / "model.safetensors"
    again = cp.fit(remarks(64).source, epochs=0, width=8, weights=str(file))
    np.testing.assert_allclose(again.embed(["some news"]).vectors, first.embed(["some news"]).vectors, atol=1e-6)


def test_models_of_before_are_restored_without_a_preprocessing():
    model = cp.fit(stripes(8).source, epochs=1, batch_size=4, width=8)
    settings = dict(model.modality.settings())
    assert not {"like", "network"} & set(settings)
    assert Images.from_settings(settings).sight == model.modality.sight


def test_what_is_adopted_is_planned_without_being_trained():
    network = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 4))
    network.requires_grad_(False)
    result = cp.plan(stripes(32).source, encoder=network, epochs=0, head_layers=0)
    assert result["steps"] == 0
    assert result["minutes"] is None


@pytest.mark.parametrize("record", [{"size": 32, "mean": 0.5}, {"size": 32, "mean": ["a"] * 3}])
def test_a_preprocessing_that_cannot_be_meant_is_refused(record):
    with pytest.raises(PlanError, match="A preprocessing is a dictionary with a size"):
        Preprocessing.of(record)
