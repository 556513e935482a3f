"""Students: what they are taught, by whom, and where they begin."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

import counterpoint as cp
from counterpoint.classification.initial_layer import Standard, begin
from counterpoint.cli import main
from counterpoint.distillation import neighbour_smoothing
from counterpoint.distillation.neighbour_smoothing import nearest, share_of_neighbours, spread_answers
from counterpoint.distillation.vectors import shared_neighbours
from counterpoint.errors import InputError
from counterpoint.interfaces import ItemInfo
from counterpoint.label_types import LABEL_TYPES
from counterpoint.methods.distillation import Distillation
from counterpoint.methods.imitation import Imitation
from tests.worlds import stripes

WAYS = {"batch_size": 64, "width": 8}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "stripes"
    cp.fit(stripes().source, out=folder, epochs=15, **WAYS)
    return folder


@pytest.fixture(scope="module")
def classifier(trained):
    return cp.finetune(trained, stripes().source, labels=stripes().labels, per_class=8, epochs=20)


def unit(count, length, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [7, 1024])
def test_the_nearest_are_found_and_never_an_item_itself(monkeypatch, block):
    monkeypatch.setattr(neighbour_smoothing, "BLOCK", block)
    vectors, asked = unit(40, 5), np.arange(0, 40, 2)
    near, weight = nearest(vectors, asked, 3)
    for row in range(40):
        alike = {place: vectors[row] @ vectors[other] for place, other in enumerate(asked) if other != row}
        best = sorted(alike, key=alike.get, reverse=True)[:3]
        assert near[row].tolist() == best
        likely = np.exp([alike[place] / 0.1 for place in best])
        np.testing.assert_allclose(weight[row], likely / likely.sum(), rtol=1e-4)


def test_answers_that_are_not_shared_stay_as_they_are():
    likely = np.random.default_rng(0).dirichlet(np.ones(4), 30).astype(np.float32)
    np.testing.assert_allclose(spread_answers(likely, unit(30, 5), neighbours=5, share=0.0), likely, atol=1e-6)
    shared = spread_answers(likely, unit(30, 5), neighbours=5, share=0.7)
    np.testing.assert_allclose(shared.sum(axis=1), 1, atol=1e-5)
    assert np.abs(shared - likely).max() > 0.1


def test_neighbours_correct_a_teacher_that_is_often_wrong():
    generator = np.random.default_rng(0)
    truth = np.arange(300) % 3
    vectors = np.eye(3, 8, dtype=np.float32)[truth] + 0.2 * unit(300, 8)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    answers = np.where(generator.uniform(size=300) < 0.4, generator.integers(0, 3, 300), truth)
    likely = 0.1 + 0.7 * np.eye(3, dtype=np.float32)[answers]
    shared = spread_answers(likely, vectors, neighbours=10, share=0.9)
    assert (shared.argmax(axis=1) == truth).mean() > (answers == truth).mean() + 0.1


def test_the_more_labels_a_teacher_has_seen_the_less_its_neighbours_count():
    shares = [share_of_neighbours(labels, 10) for labels in (10, 100, 600, 60_000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.9
    assert shares[-1] < 0.01


def test_many_items_ask_some_of_them(monkeypatch):
    monkeypatch.setattr(neighbour_smoothing, "MOST", 10)
    likely = np.random.default_rng(0).dirichlet(np.ones(3), 50).astype(np.float32)
    shared = spread_answers(likely, unit(50, 4), neighbours=20, share=0.5)  # of ten, nine are others
    np.testing.assert_allclose(shared.sum(axis=1), 1, atol=1e-5)


def test_answers_given_beforehand_are_learned_item_by_item():
    torch.manual_seed(0)
    answered, answers = torch.randn(3, 4), torch.randn(6, 4)
    index = torch.tensor([4, 0, 5])
    method = Distillation(nn.Identity(), nn.Identity(), answers, torch.full((6,), -1), LABEL_TYPES["one"])
    losses = method.compare(method.project((answered,)), ItemInfo(index))
    for row, item in enumerate(index):
        likely, said = answers[item].softmax(dim=0), answered[row].log_softmax(dim=0)
        torch.testing.assert_close(losses[row], -(likely * said).sum())


def test_imitation_is_the_formula_in_loops():
    torch.manual_seed(0)
    student, teacher = torch.randn(5, 3), torch.randn(5, 7)
    method = Imitation(nn.Identity(), nn.Identity(), temperature=0.5)
    losses = method.compare((student, teacher), ItemInfo(torch.arange(5)))
    for i in range(5):
        others = [j for j in range(5) if j != i]
        p, q = (
            torch.stack([torch.cosine_similarity(v[i], v[j], dim=0) / 0.5 for j in others]).softmax(dim=0)
            for v in (teacher, student)
        )
        torch.testing.assert_close(losses[i], -(p * q.log()).sum())
    assert method.project((student,))[1] is student


def test_a_teacher_that_was_asked_once_is_imitated_alike():
    torch.manual_seed(0)
    student, said, index = torch.randn(5, 3), torch.randn(9, 7), torch.tensor([8, 2, 0, 5, 3])
    once = Imitation(nn.Identity(), targets=said, temperature=0.5)
    always = Imitation(nn.Identity(), nn.Identity(), temperature=0.5)
    losses = once.compare(once.project((student,)), ItemInfo(index))
    torch.testing.assert_close(losses, always.compare((student, said[index]), ItemInfo(index)))


def test_a_student_of_vectors_takes_the_same_items_for_alike(trained, tmp_path):
    source = stripes().source
    teacher = cp.load(trained)
    items = teacher.modality.open(source)
    shares = []
    for epochs in (1, 40):
        student = cp.distill(trained, source, epochs=epochs, batch_size=64, width=4, out=tmp_path / str(epochs))
        shares.append(shared_neighbours(teacher, student, items))
    assert shares[1] > shares[0] + 0.05
    loaded = cp.load(tmp_path / "40")
    assert loaded.embed(source).model == student.fingerprint()
    assert json.loads((tmp_path / "40" / "tuned.json").read_text(encoding="utf-8"))["neighbours"] == shares[1]
    assert shared_neighbours(teacher, teacher, items) == 1


def test_what_is_learned_of_a_teacher_can_be_said(classifier, trained):
    source = stripes().source
    ways = {"epochs": 1, **WAYS}
    assert isinstance(cp.distill(classifier, source, match="vectors", **ways), cp.Model)
    assert isinstance(cp.distill(classifier, source, match="answers", **ways), cp.Classifier)
    with pytest.raises(InputError, match=r"A student can match answers or vectors, or auto. Got 'both'"):
        cp.distill(classifier, source, match="both", **ways)
    with pytest.raises(InputError, match=r"A model gives no answers. Fine-tune it first"):
        cp.distill(cp.load(trained), source, match="answers", **ways)
    with pytest.raises(InputError, match="A teacher of vectors needs no labels"):
        cp.distill(trained, source, labels=stripes().labels, label_weight=0.5, **ways)


def test_a_student_is_as_sure_as_its_teacher(classifier):
    items = classifier.model.modality.open(stripes().source)
    student = cp.distill(classifier, stripes().source, epochs=20, **WAYS)
    sure = [each.probabilities(items).max(axis=1).mean() for each in (classifier, student)]
    assert sure[1] == pytest.approx(sure[0], abs=0.02)


def test_a_student_can_begin_at_a_model_of_its_network(classifier, trained):
    still = {"epochs": 1, "learning_rate": 0.0, "batch_size": 64}
    student = cp.distill(classifier, stripes().source, start=str(trained), **still)
    begun = cp.load(trained).encoder.state_dict()
    for name, tensor in student.model.encoder.named_parameters():
        assert tensor.equal(begun[name])
    with pytest.raises(InputError, match="The student is conv2d, width 4, and the model to begin at is conv2d"):
        cp.distill(classifier, stripes().source, start=str(trained), width=4, **still)


def test_a_student_of_vectors_from_a_shell(trained, tmp_path, capsys):
    np.save(tmp_path / "items.npy", stripes().source)
    command = ["distill", str(trained), str(tmp_path / "items.npy"), "--out", str(tmp_path / "small"), "--width", "4"]
    main([*command, "--epochs", "1", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert 0 <= result["neighbours"] <= 1
    assert result["parameters"][1] < result["parameters"][0]


@pytest.mark.usefixtures("quick_lessons")
def test_the_classifier_of_scikit_learn_takes_minus_one_for_unknown():
    world, other = stripes(), stripes(seed=1)
    y = np.where(np.arange(256) < 40, world.labels + 5, -1)
    estimator = cp.ContrastClassifier(epochs=5, width=16, batch_size=64)
    with pytest.raises(NotFittedError):
        estimator.predict(other.source)
    result = clone(estimator).fit(world.source, y)
    assert result.classes_.tolist() == [5, 6, 7, 8]
    assert set(result.predict(other.source)) <= {5, 6, 7, 8}
    np.testing.assert_allclose(result.predict_proba(other.source).sum(axis=1), 1, atol=1e-5)
    assert result.score(other.source, other.labels + 5) > 0.35  # a quarter is chance


@pytest.mark.usefixtures("quick_lessons")
def test_the_classifier_of_scikit_learn_takes_names():
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    y = np.array(["low", "high"])[(rows[:, 0] > 0).astype(int)]
    result = cp.ContrastClassifier(epochs=2, width=16).fit(rows, y)
    assert result.classes_.tolist() == ["high", "low"]
    assert result.score(rows, y) > 0.7


@pytest.mark.parametrize("classes", [2, 3])
def test_the_last_layer_begins_at_a_probe(classes):
    class_ids = np.arange(120) % classes
    x = 3 * np.eye(classes, 6, dtype=np.float32)[class_ids] + np.random.default_rng(0).normal(size=(120, 6)) * [
        1,
        5,
        1,
        1,
        1,
        9,
    ]
    layer = nn.Linear(6, classes)
    begin(layer, x.astype(np.float32), class_ids)
    scores = layer(torch.from_numpy(x.astype(np.float32))).detach().numpy()
    assert (scores.argmax(axis=1) == class_ids).mean() > 0.8
    assert scores.max() < 3  # cautious: something is left to learn
    np.testing.assert_allclose(scores.sum(axis=1), 0, atol=1e-4)  # no class is above the others without a reason


def test_a_layer_says_the_same_without_what_standardised_for_it():
    h = torch.randn(50, 4) * torch.tensor([1e-3, 1.0, 50.0, 0.0]) + torch.tensor([0.0, 2.0, -9.0, 5.0])
    standard, layer = Standard(h), nn.Linear(4, 3)
    torch.testing.assert_close(standard(h).std(dim=0, correction=0), torch.tensor([1.0, 1.0, 1.0, 0.0]))
    said = layer(standard(h))
    standard.fold_into(layer)
    torch.testing.assert_close(layer(h), said, rtol=1e-4, atol=1e-4)


def test_a_layer_of_several_classes_begins_at_a_probe_for_each():
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    class_ids = (x[:, :2] > 0).astype(np.int64)
    layer = nn.Linear(4, 2)
    begin(layer, x, class_ids)
    assert ((layer(torch.from_numpy(x)).detach().numpy() > 0) == class_ids).mean() > 0.9
