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
from tests.worlds import pulses, records, remarks, stripes

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
    with pytest.raises(LabelError, match="Train with without='outcome'"):
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


@pytest.mark.parametrize(
    ("choices", "error", "sentence"),
    [
        ({"methd": "simclr"}, PlanError, "Did you mean 'method'?"),
        ({"seed": 2**54}, PlanError, "seed must be at most 9007199254740992. Got 18014398509481984."),
        ({"head_outputs": 70_000}, PlanError, "head_outputs must be at most 65536. Got 70000."),
        ({"epochs": -1}, PlanError, "epochs must be at least 0. Got -1."),
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
    with pytest.raises(InputError, match="Say it with modality="):
        cp.fit(object(), epochs=1)


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lars"])
def test_similarities_and_optimizers_train(similarity, optimizer):
    model = cp.fit(records().source, similarity=similarity, optimizer=optimizer, temperature=1.0, **TINY)
    assert np.isfinite(model.embed(records().source).vectors).all()


@pytest.fixture(scope="module")
def reader():
    return cp.fit(remarks(count=64).source, **TINY)


def test_a_text_is_embedded_as_a_list_of_it(reader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = remarks(count=64).source[0]
    np.testing.assert_array_equal(cp.embed(reader, said).vectors, cp.embed(reader, [said]).vectors)
    for text in ("one", "said and done.\nAnd then and/or later", "o" * 2000 + "/", "e.g. this"):
        assert len(reader.embed(text)) == 1, text


def test_a_string_that_looks_like_a_path_is_no_text(reader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("notes/may", "notes.txt", "table.csv", "table.csv.gz", "photo.PNG", "x.npy", "sample:fashion"):
        with pytest.raises(InputError):
            reader.embed(path)
    with pytest.raises(InputError, match="There is no 'phtos'"):
        cp.fit(stripes(count=64).source, **TINY).embed("phtos")
    (tmp_path / "lines.txt").write_text("here it is\nand there\n", encoding="utf-8")
    assert len(reader.embed("lines.txt")) == 2
    with pytest.raises(InputError, match="There is no 'lnes'"):
        reader.modality.open("lnes")


def test_texts_in_memory_keep_their_rows(reader, tmp_path):
    texts = remarks(count=64).source[:5]
    gaps = [texts[0], "", *texts[1:3], " \t", *texts[3:]]
    columns = {"who": [f"p{row}" for row in range(7)], "id": [f"n{row}" for row in range(7)], "said": gaps}
    whole = reader.embed(texts).vectors
    for source in (gaps, tuple(gaps), np.array(gaps), np.array(gaps, dtype=object), columns):
        with pytest.warns(UserWarning, match=r"2 of 7 items could not be embedded and count as zeros; the first is"):
            z = reader.embed(source)
        assert len(z) == 7
        np.testing.assert_array_equal(z.vectors[[0, 2, 3, 5, 6]], whole)
        assert not z.vectors[[1, 4]].any()
    assert list(z.names) == [f"n{row}" for row in range(7)]
    (tmp_path / "gaps.txt").write_text("\n".join(gaps), encoding="utf-8")
    z = reader.embed(tmp_path / "gaps.txt")  # names are the key of a file
    assert list(z.names) == ["0", "2", "3", "5", "6"]


def test_nothing_but_empty_texts_are_as_many_rows_of_zeros(reader):
    for source, count in ((["", " "], 2), ("", 1)):
        with pytest.warns(UserWarning, match=f"{count} of {count} items"):
            z = reader.embed(source)
        assert z.vectors.shape == (count, reader.length())
        assert not z.vectors.any()


def test_pictures_in_a_list_keep_their_rows(tmp_path):
    paths = []
    for row, picture in enumerate(stripes(count=16).source):
        paths.append(tmp_path / f"{row:02}.png")
        Image.fromarray(picture).save(paths[-1])
    model = cp.fit(tmp_path, **{**TINY, "batch_size": 8})
    paths[3].write_bytes(b"broken")
    paths[9].write_bytes(b"")
    some = list(reversed(paths))
    with pytest.warns(UserWarning, match=r"2 of 16 items could not be embedded .* is '.*/09\.png': it is empty"):
        z = model.embed(some)
    assert list(z.names) == [path.as_posix() for path in some]
    assert np.flatnonzero(~z.vectors.any(axis=1)).tolist() == [6, 12]
    assert len(model.embed(tmp_path)) == 14
    with pytest.warns(UserWarning, match="1 of 1 items"):
        assert model.embed([paths[3]]).vectors.tolist() == [[0.0] * model.length()]


@pytest.mark.parametrize(
    "change", ["in place", "one number", "through data", "through numpy", "loaded", "trained", "a buffer"]
)
def test_a_fingerprint_follows_the_weights(change):
    model = cp.fit(stripes(count=64).source, **TINY)
    before, state = model.fingerprint(), {k: v.clone() for k, v in model.encoder.state_dict().items()}
    assert model.fingerprint() == before
    weight = next(model.encoder.parameters())
    if change == "in place":
        with torch.no_grad():
            weight.add_(1)
    elif change == "one number":
        with torch.no_grad():
            weight.view(-1)[1] += 1
    elif change == "through data":
        weight.data.mul_(2)
    elif change == "through numpy":
        weight.detach().numpy()[...] += 1
    elif change == "loaded":
        model.encoder.load_state_dict({k: v + 1 for k, v in state.items()})
    elif change == "trained":
        model.encoder(torch.randn(4, 3, 16, 16)).sum().backward()
        torch.optim.AdamW(model.encoder.parameters()).step()
    else:
        next(model.encoder.buffers()).add_(1)
    assert model.fingerprint() != before
    model.encoder.load_state_dict(state)
    assert model.fingerprint() == before


def test_a_fingerprint_is_computed_once(monkeypatch):
    model = cp.fit(records().source, **TINY)
    first = model.embed(records().source[:1]).model
    monkeypatch.setattr("counterpoint.model.model.as_bytes", None)
    assert model.embed(records().source[:1]).model == first == model.fingerprint()


def test_a_model_knows_the_length_of_its_vectors(reader):
    for world in (stripes, pulses, records):
        source = world(count=64).source
        model = cp.fit(source, **TINY)
        assert model.length() == model.embed(source[:1]).vectors.shape[1]
    assert reader.length() == reader.embed("one more").vectors.shape[1]


def test_classes_are_predicted_for_every_row(quick_lessons):
    texts, labels = remarks(count=64).source, np.arange(64) % 2
    classifier = cp.finetune(cp.fit(texts, **TINY), texts, labels=labels, epochs=1)
    with pytest.warns(UserWarning, match="1 of 3 items"):
        assert [each.name for each in cp.predict(classifier, [texts[0], "", texts[1]])] == ["0", "1", "2"]


def test_an_encoder_of_any_length_is_kept_and_loaded_again(tmp_path):
    def wide():
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 70_000))

    model = cp.fit(stripes(count=32).source, out=tmp_path / "wide", encoder=wide(), **TINY)
    again = cp.load(tmp_path / "wide", encoder=wide())
    assert again.fingerprint() == model.fingerprint()
    assert again.head is not None
