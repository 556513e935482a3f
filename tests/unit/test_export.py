"""Models elsewhere: files that torch-free runtimes, torchvision and timm understand, and that say what goes in."""

from __future__ import annotations

import builtins
import json
import logging
import warnings

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

import counterpoint as cp
from counterpoint.classification.classifier import Classifier, stand
from counterpoint.cli import main
from counterpoint.errors import CounterpointError, InputError, MissingPackage, RunError
from counterpoint.exporting import onnx_file, state
from counterpoint.modalities.image import Images, Sight
from counterpoint.modalities.series import Series
from counterpoint.modalities.table import Table
from counterpoint.modalities.text import Text
from counterpoint.modality import DataOptions
from tests.worlds import pulses, records, remarks, stripes

onnxruntime = pytest.importorskip("onnxruntime")


def pictures(channels=3, size=16):
    return Images(Sight(channels, size, None, [0.4] * channels, [0.3] * channels, "simclr"))


def used(network):
    """A network whose batch normalisation has seen data, so that eval and train differ; and of numbers not tiny."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.3)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.7, 1.4)
    return network


def made(modality, encoder="auto", width=8):
    torch.manual_seed(1)
    return cp.Model(
        used(modality.build_encoder(encoder, width)), modality, {"encoder": encoder, "width": width, "seed": 1}
    )


def on_top(model, *, head_layers=0, classes=3):
    inputs = model.encoder(torch.zeros(2, *onnx_file.example(model.modality.encoder_input(), 2).shape[1:])).shape[1]
    built = {"inputs": inputs, "hidden": 6, "head_layers": head_layers, "classes": classes}
    return Classifier(model, used(stand(**built)).eval(), built, ["ash", "beech", "fir"][:classes], temperature=1.7)


def run(file, views):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, {"views": views.numpy()}), strict=True))


def said_by(file):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return json.loads(session.get_modelmeta().custom_metadata_map["counterpoint"])


def header(file):
    with safe_open(str(file), "pt") as opened:
        return opened.metadata()


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.encoder.state_dict().items()}


def worlds():
    return {
        "text": (Text, remarks(32).source),
        "series": (Series, pulses(32).source),
        "table": (Table, records(32).source),
        "image": (Images, stripes(32).source),
    }


@pytest.mark.parametrize("kind", ["image", "text", "series", "table"])
def test_a_file_embeds_items_as_the_model_does(kind, tmp_path):
    modality, source = worlds()[kind]
    learned, items = modality.fit(source, DataOptions())
    model = made(learned)
    before = weights_of(model)
    result = cp.export(model, tmp_path / "model.onnx")
    views = learned.inputs(items.take(np.arange(32)))
    for rows in (slice(0, 1), slice(0, 32)):
        got = run(tmp_path / "model.onnx", views[rows])
        np.testing.assert_allclose(got["embeddings"], model.embed(source).vectors[rows], atol=1e-5)
        np.testing.assert_allclose(got["representation"], model.represent(items)[rows], atol=1e-4)
    assert result["inputs"]["views"][0] == result["outputs"]["embeddings"][0] == "batch"
    assert result["deviation"] < 1e-5
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert result["bytes"] == (tmp_path / "model.onnx").stat().st_size
    assert all(tensor.equal(before[name]) for name, tensor in model.encoder.state_dict().items())


def test_an_encoder_in_training_stays_so_and_is_exported_as_it_embeds(tmp_path):
    model = made(pictures())
    model.encoder.to(memory_format=torch.channels_last).train()
    cp.export(model, tmp_path / "model.onnx")
    assert all(part.training for part in model.encoder.modules())
    views = torch.randn(5, 3, 16, 16)
    expected = model.encoder.eval()(views).detach().numpy()
    np.testing.assert_allclose(run(tmp_path / "model.onnx", views)["representation"], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("channels", "size", "encoder"),
    [
        (1, 28, "conv2d"),
        (3, 9, "conv2d"),
        (3, 70, "conv2d"),
        (3, 32, "resnet18"),
        (3, 64, "timm:resnet10t"),
        pytest.param(3, 32, "timm:vit_tiny_patch16_224", marks=pytest.mark.slow),
    ],
)
def test_image_encoders_agree_with_torch_at_odd_sizes_and_any_batch(channels, size, encoder, tmp_path):
    if encoder.startswith("timm:"):
        pytest.importorskip("timm")
    model = made(pictures(channels, size), encoder, 8 if encoder == "conv2d" else None)
    cp.export(model, tmp_path / "model.onnx")
    for batch in (1, 3):
        views = torch.randn(batch, channels, size, size)
        expected = model.encoder.eval()(views).detach()
        got = run(tmp_path / "model.onnx", views)
        scale = max(1.0, float(expected.abs().max()))
        np.testing.assert_allclose(got["representation"] / scale, expected.numpy() / scale, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(got["embeddings"], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("steps", [5, 48, 301])
def test_series_may_have_any_length(steps, tmp_path):
    model = made(Series.fit(pulses(16).source, DataOptions())[0])
    assert cp.export(model, tmp_path / "model.onnx")["inputs"] == {"views": ["batch", 2, "steps"]}
    views = torch.randn(3, 2, steps)
    expected = model.encoder.eval()(views).detach().numpy()
    np.testing.assert_allclose(run(tmp_path / "model.onnx", views)["representation"], expected, atol=1e-4)


@pytest.mark.parametrize("head_layers", [0, 1])
def test_a_classifier_says_its_probabilities(head_layers, tmp_path):
    learned, items = Images.fit(stripes(20).source, DataOptions())
    classifier = on_top(made(learned), head_layers=head_layers)
    result = cp.export(classifier.save(tmp_path / "run"), tmp_path / "kinds.onnx")
    assert result["outputs"]["probabilities"] == ["batch", 3]
    got = run(tmp_path / "kinds.onnx", learned.inputs(items.take(np.arange(20))))["probabilities"]
    np.testing.assert_allclose(got, classifier.probabilities(items), atol=1e-5)
    assert said_by(tmp_path / "kinds.onnx")["classes"] == ["ash", "beech", "fir"]


def test_a_file_says_what_goes_into_it(tmp_path):
    model = made(pictures())
    cp.export(model.save(tmp_path / "run"), tmp_path / "model.onnx")
    said = said_by(tmp_path / "model.onnx")
    assert said["modality"] == "image"
    assert said["input"]["axes"] == {"channels": 3, "height": 16, "width": 16}
    assert "16 x 16" in said["input"]["recipe"]
    assert (said["settings"]["size"], said["settings"]["mean"]) == (16, [0.4] * 3)
    assert (said["counterpoint"], said["model"]) == (cp.__version__, model.fingerprint())
    assert "classes" not in said
    assert b".py" not in (tmp_path / "model.onnx").read_bytes()  # nothing of where it was made


@pytest.mark.parametrize("kind", ["image", "text", "series", "table"])
def test_the_input_that_a_file_names_is_what_the_encoder_is_given(kind):
    modality, source = worlds()[kind]
    learned, items = modality.fit(source, DataOptions())
    view = learned.inputs(items.take(np.arange(4)))
    lengths = [length or view.shape[place + 1] for place, length in enumerate(learned.encoder_input().axes.values())]
    assert list(view.shape[1:]) == lengths


class Forgetful(nn.Module):
    """Answers differently every time, which no file can."""

    def __init__(self):
        super().__init__()
        self.layer, self.calls = nn.Linear(20, 4), 0

    def forward(self, rows):
        self.calls += 1
        return self.layer(rows) + 0.01 * self.calls


class ByValue(nn.Module):
    """Goes by the numbers in its input, which cannot be traced."""

    def forward(self, rows):
        return rows if rows.sum() > 0 else -rows


def table(encoder):
    return cp.Model(encoder, Table.fit(records(8).source, DataOptions())[0], {"encoder": "", "width": None, "seed": 0})


def test_a_file_that_differs_from_torch_is_our_fault_and_is_not_left(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"what was there")
    with pytest.raises(CounterpointError, match=r"differs from torch by 0\.\d+, more than 0\.0001") as wrong:
        cp.export(table(Forgetful()), tmp_path / "model.onnx")
    assert not isinstance(wrong.value, InputError)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == b"what was there"


def test_not_a_number_is_a_deviation(tmp_path):
    encoder = nn.Linear(20, 4)
    encoder.weight.data.fill_(3e38)  # finite, and what it makes is not
    with pytest.raises(CounterpointError, match="differs from torch by nan"):
        cp.export(table(encoder), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.__version__ < "2.7", reason="the old exporter traces anything")
def test_an_encoder_that_cannot_be_traced_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(InputError, match=r"torch cannot write the encoder 'ByValue' as ONNX: .+ out='FILE.safeten"):
        cp.export(table(ByValue()), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_weights_that_do_not_fit_into_one_file_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "LARGEST", 100)
    with pytest.raises(InputError, match=r"a file of ONNX holds 2\. Export them"):
        cp.export(made(pictures()), tmp_path / "model.onnx")


def test_nothing_is_printed_or_warned_about(tmp_path, capfd, recwarn, caplog):
    cp.export(made(pictures()), tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    assert not list(recwarn)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def talk():
    print("step 1")
    warnings.warn("step 2", UserWarning, stacklevel=1)
    logging.getLogger("torch.onnx").warning("step 3")
    raise RuntimeError("at last")


def test_what_an_exporter_says_is_kept_from_the_terminal_and_its_errors_are_not(capfd, recwarn):
    before = logging.root.manager.disable
    with pytest.raises(RuntimeError, match="at last"), onnx_file.quiet():
        talk()
    assert capfd.readouterr() == ("", "")
    assert not list(recwarn)
    assert logging.root.manager.disable == before


def test_a_missing_package_names_its_extra(tmp_path, monkeypatch):
    result = builtins.__import__

    def absent(name, *rest, **named):
        if name == "onnxscript":
            raise ImportError(name, name=name)
        return result(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingPackage, match=r"'onnxscript'.*counterpoint\[onnx\]"):
        cp.export(made(pictures()), tmp_path / "model.onnx")


@pytest.mark.parametrize(("size", "stem"), [(72, "7 x 7"), (32, "3 x 3")])
def test_torchvision_loads_a_classifier_strictly(size, stem, tmp_path):
    from torchvision.models import resnet18

    classifier = on_top(made(pictures(3, size), "resnet18", None))
    result = cp.export(classifier, tmp_path / "kinds.safetensors")
    assert (result["architecture"], result["classifier"]) == ("resnet18", "fc")
    network = resnet18(num_classes=3)
    if size < 65:
        network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    network.load_state_dict(load_file(tmp_path / "kinds.safetensors"))
    views = torch.randn(2, 3, size, size)
    expected = classifier.top(classifier.model.encoder.eval()(views))
    torch.testing.assert_close(network.eval()(views), expected)
    said = header(tmp_path / "kinds.safetensors")
    assert (said["architecture"], said["in_channels"], said["size"]) == ("resnet18", "3", str(size))
    assert said["stem"].startswith(stem)
    assert json.loads(said["counterpoint"])["temperature"] == 1.7


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_timm_loads_resnets_strictly(name, tmp_path):
    timm = pytest.importorskip("timm")
    classifier = on_top(made(pictures(3, 72), name, None))
    cp.export(classifier, tmp_path / "kinds.safetensors")
    network = timm.create_model(name, num_classes=3)
    network.load_state_dict(load_file(tmp_path / "kinds.safetensors"))
    views = torch.randn(2, 3, 72, 72)
    torch.testing.assert_close(network.eval()(views), classifier.top(classifier.model.encoder.eval()(views)))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("resnet10t", "fc"),
        ("mobilenetv3_small_050", "classifier"),
        ("convnext_atto", "head.fc"),
        ("vit_tiny_patch16_224", "head"),
        ("resnetv2_18", "head.fc"),  # whose classifier is a convolution
    ],
)
def test_timm_loads_its_own_networks_strictly(name, place, tmp_path):
    timm = pytest.importorskip("timm")
    classifier = on_top(made(pictures(3, 32), f"timm:{name}", None))
    result = cp.export(classifier, tmp_path / "kinds.safetensors")
    assert result["classifier"] == place
    sized = {"img_size": 32} if name.startswith("vit") else {}
    network = timm.create_model(name, num_classes=3, **sized)
    network.load_state_dict(load_file(tmp_path / "kinds.safetensors"))
    views = torch.randn(2, 3, 32, 32)
    expected = classifier.top(classifier.model.encoder.eval()(views))
    torch.testing.assert_close(network.eval()(views), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "levit_128s"])
def test_a_network_that_ends_in_more_than_a_linear_layer_is_exported_without_it(name, tmp_path):
    timm = pytest.importorskip("timm")
    classifier = on_top(made(pictures(3, 64), f"timm:{name}", None))
    assert cp.export(classifier, tmp_path / "kinds.safetensors")["classifier"] is None
    network = timm.create_model(name, num_classes=0, img_size=64)
    network.load_state_dict(load_file(tmp_path / "kinds.safetensors"))


def test_a_network_that_does_more_between_encoder_and_classifier_gets_none(tmp_path, monkeypatch):
    pytest.importorskip("timm")
    classifier = on_top(made(pictures(3, 32), "timm:resnet10t", None))

    def louder(*given, **named):
        network = build(*given, **named)
        network.global_pool.register_forward_hook(lambda _, __, pooled: 2 * pooled)
        return network

    build = state.timm_encoder
    monkeypatch.setattr(state, "timm_encoder", louder)
    assert cp.export(classifier, tmp_path / "kinds.safetensors")["classifier"] is None


@pytest.mark.parametrize("head_layers", [0, 1])
def test_only_a_linear_layer_on_a_known_architecture_goes_along(head_layers, tmp_path):
    with_head = on_top(made(pictures(3, 32), "resnet18", None), head_layers=1)
    user_parts = on_top(made(pictures()), head_layers=head_layers)
    for classifier in (with_head, user_parts):
        result = cp.export(classifier, tmp_path / "kinds.safetensors")
        assert result["classifier"] is None
        assert result["tensors"] == len(classifier.model.encoder.state_dict())


@pytest.mark.parametrize("kind", ["image", "text", "series", "table"])
def test_encoders_of_our_own_keep_their_names(kind, tmp_path):
    modality, source = worlds()[kind]
    model = made(modality.fit(source, DataOptions())[0])
    cp.export(model.save(tmp_path / "run"), tmp_path / "encoder.safetensors")
    loaded = load_file(tmp_path / "encoder.safetensors")
    assert loaded.keys() == model.encoder.state_dict().keys()
    assert all(tensor.equal(model.encoder.state_dict()[name]) for name, tensor in loaded.items())
    said = json.loads(header(tmp_path / "encoder.safetensors")["counterpoint"])
    assert (said["modality"], said["model"]) == (kind, model.fingerprint())


def test_a_damaged_classifier_is_not_exported_as_a_model(tmp_path):
    folder = on_top(made(pictures())).save(tmp_path / "run")
    (folder / "classifier.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match=r"classifier.json' is damaged"):
        cp.export(folder, tmp_path / "kinds.onnx")


@pytest.mark.parametrize("name", ["model.pt", "model", "model.txt.onnx.gz"])
def test_other_formats_are_refused(name, tmp_path):
    with pytest.raises(
        InputError, match=r"exported as \.onnx, their weights as \.safetensors, and vectors of words as .* Got out="
    ):
        cp.export(made(pictures()), tmp_path / name)


def test_a_run_keeps_its_own_weights(tmp_path):
    folder = on_top(made(pictures())).save(tmp_path / "run")
    before = (folder / "model.safetensors").read_bytes()
    for name in ("model.safetensors", "classifier.safetensors"):
        with pytest.raises(InputError, match="is a part of the run"):
            cp.export(folder, folder / name)
    assert (folder / "model.safetensors").read_bytes() == before
    cp.export(folder, folder / "encoder.safetensors")
    cp.load_classifier(folder)


def test_export_from_a_shell(tmp_path, capsys):
    small = on_top(made(pictures()))
    small.save(tmp_path / "small")
    on_top(made(pictures(3, 32), "resnet18", None)).save(tmp_path / "resnet")
    capsys.readouterr()
    main(["export", str(tmp_path / "small"), "--out", str(tmp_path / "kinds.onnx"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["inputs"] == {"views": ["batch", 3, 16, 16]}
    assert result["outputs"]["embeddings"] == ["batch", small.model.length()]
    assert 0 <= result["deviation"] < 1e-4
    main(["export", str(tmp_path / "small"), "--out", str(tmp_path / "kinds.onnx")])
    assert "takes  views (batch, 3, 16, 16)\n" in capsys.readouterr().out
    main(["export", str(tmp_path / "resnet"), "--out", str(tmp_path / "kinds.safetensors")])
    assert "of resnet18, with the classifier 'fc', are in" in capsys.readouterr().out


def test_a_classifier_of_several_classes_keeps_its_probabilities(tmp_path):
    pytest.importorskip("onnxruntime")
    world = stripes()
    class_ids = np.stack([world.labels & 1, world.labels >> 1], axis=1)
    model = cp.fit(world.source, epochs=1, width=8, batch_size=64)
    classifier = cp.finetune(model, world.source, labels=class_ids, epochs=3)
    cp.export(classifier, tmp_path / "several.onnx")
    items = model.modality.open(world.source)
    views = model.modality.inputs(items.take(np.arange(9))).numpy()
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "several.onnx")
    (likely,) = session.run(["probabilities"], {"views": views})
    np.testing.assert_allclose(likely, classifier.probabilities(items)[:9], atol=1e-4)
