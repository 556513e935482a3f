"""The verbs as functions, with everything people hand to them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import counterpoint as cp
from counterpoint.errors import InputError, LabelError, PlanError, RunError, UnknownName
from counterpoint.plans import check
from tests.worlds import records, stripes

TINY = {"epochs": 1, "batch_size": 32, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}


class Dataset:
    """A map-style dataset of Pillow images and labels, as torchvision's are."""

    def __init__(self, world):
        self.world = world

    def __len__(self):
        return len(self.world.labels)

    def __getitem__(self, index):
        return Image.fromarray(self.world.source[index]), int(self.world.labels[index])


def sources():
    pictures = stripes(count=64).source
    return {
        "array": pictures,
        "channels first": np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)),
        "grey": pictures[..., 0],
        "floats": pictures.astype(np.float32) / 255,
        "tensor": torch.from_numpy(pictures).permute(0, 3, 1, 2),
        "dataset": Dataset(stripes(count=64)),
        "pictures": [Image.fromarray(picture) for picture in pictures],
    }


@pytest.mark.parametrize("kind", sources())
def test_images_come_in_many_forms(kind):
    source = sources()[kind]
    model = cp.fit(source, **TINY)
    z = model.embed(source)
    assert z.vectors.shape == (64, 512)
    np.testing.assert_allclose(np.linalg.norm(z.vectors, axis=1), 1, atol=1e-5)


def test_a_model_is_saved_and_loaded_whole(tmp_path):
    source = stripes(count=64).source
    model = cp.fit(source, **TINY)
    again = cp.load(model.save(tmp_path / "model"))
    np.testing.assert_array_equal(model.embed(source).vectors, again.embed(source).vectors)
    assert again.embed(source).model == model.fingerprint()


def test_embeddings_are_saved_and_loaded_whole(tmp_path):
    z = cp.fit(stripes(count=64).source, **TINY).embed(stripes(count=64).source)
    again = cp.Embeddings.load(z.save(tmp_path / "z.npz"))
    np.testing.assert_array_equal(z.vectors, again.vectors)
    assert list(again.names) == list(z.names)
    (tmp_path / "z.npz").write_bytes(b"broken")
    with pytest.raises(InputError, match="does not hold embeddings"):
        cp.Embeddings.load(tmp_path / "z.npz")


def test_an_encoder_and_views_of_ones_own(tmp_path):
    from torchvision.transforms import v2

    torch.manual_seed(0)
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 24))
    views = v2.Compose([v2.RandomResizedCrop(16), v2.RandomHorizontalFlip()])
    model = cp.fit(stripes(count=64).source, out=tmp_path / "own", encoder=encoder, views=views, **TINY)
    with pytest.raises(RunError, match="encoder of your own"):
        cp.load(tmp_path / "own")
    fresh = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 24))
    again = cp.load(tmp_path / "own", encoder=fresh)
    assert again.fingerprint() == model.fingerprint()
    other = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 25))
    with pytest.raises(RunError, match="another architecture"):
        cp.load(tmp_path / "own", encoder=other)


def test_an_encoder_must_return_one_vector_per_item():
    with pytest.raises(InputError, match=r"one vector per item"):
        cp.fit(stripes(count=64).source, encoder=torch.nn.Conv2d(3, 4, 3), **TINY)


def test_contrast_is_a_step_of_a_pipeline():
    world = records()
    pipeline = make_pipeline(cp.Contrast(epochs=2, width=32), LogisticRegression(max_iter=500))
    pipeline.fit(world.source[:400], world.labels[:400])
    assert pipeline.score(world.source[400:], world.labels[400:]) > 0.5


def test_contrast_can_be_cloned_and_is_refused_before_fitting():
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError

    contrast = clone(cp.Contrast(width=16))
    assert contrast.get_params()["width"] == 16
    with pytest.raises(NotFittedError):
        contrast.transform(records().source)


def test_evaluate_holds_out_a_fifth_when_no_test_is_given():
    world = stripes(count=128)
    scores = cp.evaluate(cp.fit(world.source, **TINY), world.source, labels=world.labels)
    assert scores["sizes"]["test"] == pytest.approx(128 / 5, abs=4)
    assert scores["sizes"]["train"] + scores["sizes"]["test"] == 128
    json.dumps(scores)


@pytest.fixture
def patients(tmp_path):
    world = records(count=128)
    names = [f"x{number}" for number in range(world.source.shape[1])]
    rows = [",".join([*names, "outcome"])]
    for row, label in zip(world.source, world.labels, strict=True):
        rows.append(",".join([*map(str, row), f"kind{label}"]))
    path = tmp_path / "patients.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_a_label_among_the_features_is_refused(patients, tmp_path):
    cp.fit(patients, out=tmp_path / "run", **TINY)
    with pytest.raises(LabelError, match="Train with --without outcome"):
        cp.evaluate(tmp_path / "run", patients, labels="outcome")


def test_a_saved_table_is_evaluated_without_its_label(patients, tmp_path):
    cp.fit(patients, out=tmp_path / "run", without="outcome", **TINY)
    scores = cp.evaluate(tmp_path / "run", patients, labels="outcome")
    assert scores["sizes"]["classes"] == 4
    assert scores["geometry"]["alignment"] > 0


def test_a_model_whose_views_cannot_be_saved_is_evaluated_without_alignment(tmp_path):
    world = stripes(count=64)
    cp.fit(world.source, out=tmp_path / "run", views=lambda picture: picture.rotate(90), **TINY)
    scores = cp.evaluate(tmp_path / "run", world.source, labels=world.labels)
    assert scores["geometry"]["alignment"] is None
    assert scores["collisions"]["estimated"] is None


def test_labels_follow_the_run_and_do_not_change_it(tmp_path):
    world = stripes(count=128)
    followed = cp.fit(world.source, out=tmp_path / "a", labels=world.labels, **TINY)
    alone = cp.fit(world.source, **TINY)
    assert followed.fingerprint() == alone.fingerprint()
    text = (tmp_path / "a" / "metrics.jsonl").read_text(encoding="utf-8")
    assert '"knn"' in text


def test_listeners_are_told_every_record(tmp_path):
    heard = []
    cp.fit(records().source, out=tmp_path / "run", listeners=[heard.append], **TINY)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == heard


def test_curves_are_written_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cp.fit(records().source, out=tmp_path / "run", track="tensorboard", **TINY)
    curves = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line)["loss"] for line in lines]
    np.testing.assert_allclose([event.value for event in curves.Scalars("loss")], told, rtol=1e-6)


@pytest.mark.parametrize(
    ("choices", "error", "sentence"),
    [
        ({"methd": "simclr"}, PlanError, "Did you mean 'method'?"),
        ({"epochs": 0}, PlanError, "epochs must be at least 1. Got 0."),
        ({"objective": "info_nce(0.1)"}, InputError, "Write options as name(option=value"),
        ({"objective": "nowhere:loss"}, UnknownName, "cannot be loaded"),
        ({"device": "tpu"}, PlanError, "This machine has no device 'tpu'"),
        ({"precision": "fp8"}, PlanError, "precision must be auto, bf16 or fp32. Got 'fp8'."),
    ],
)
def test_wrong_choices_are_met_with_advice(choices, error, sentence):
    with pytest.raises(error) as refused:
        cp.fit(records().source, **{**TINY, **choices})
    assert sentence in str(refused.value)


def test_choices_of_the_wrong_type_are_met_with_advice():
    limits = {"low": None, "high": None}
    with pytest.raises(PlanError, match=r"temperature must be a number\. Got 'hot'\."):
        check("temperature", "hot", float, limits)
    with pytest.raises(PlanError, match=r"epochs must be a whole number or None\. Got True\."):
        check("epochs", True, int | None, limits)


def test_a_temperature_behind_the_objectives_name_is_used():
    source = records().source
    named = cp.fit(source, objective="info_nce(temperature=0.5)", **TINY)
    chosen = cp.fit(source, temperature=0.5, **TINY)
    usual = cp.fit(source, **TINY)
    assert named.fingerprint() == chosen.fingerprint() != usual.fingerprint()


def test_too_few_items_and_unknown_kinds_are_met_with_advice():
    with pytest.raises(InputError, match="at least 4 items"):
        cp.fit(records().source[:3], epochs=1)
    with pytest.raises(InputError, match="Say it with --modality"):
        cp.fit(object(), epochs=1)


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lars"])
def test_similarities_and_optimizers_train(similarity, optimizer):
    model = cp.fit(records().source, similarity=similarity, optimizer=optimizer, temperature=1.0, **TINY)
    assert np.isfinite(model.embed(records().source).vectors).all()
