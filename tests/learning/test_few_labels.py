"""Few labels: which are drawn, what is learned from them, and what is left behind."""

from __future__ import annotations

import csv
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import counterpoint as cp
from counterpoint.classification.calibration import TEMPERATURES, fitting_temperature, loss_at
from counterpoint.classification.classifier import Classifier
from counterpoint.classification.finetuning import usual_epochs
from counterpoint.cli import main
from counterpoint.data.labels import read_some_labels
from counterpoint.data.splits import budget, split
from counterpoint.distillation.answers import agreement
from counterpoint.errors import InputError, LabelError, RunError
from counterpoint.interfaces import ItemInfo
from counterpoint.label_types import LABEL_TYPES
from counterpoint.methods.distillation import Distillation
from counterpoint.methods.supervised import Supervised
from tests.worlds import WORLDS, Named, stripes

SMALL = {"width": 8, "head_hidden": 16, "head_outputs": 8, "batch_size": 64}


@pytest.fixture(scope="module")
def model():
    return cp.fit(stripes().source, epochs=8, **SMALL)


@pytest.fixture(scope="module")
def sparse():
    world = stripes()
    return np.where(np.arange(len(world.labels)) < 32, world.labels, -1)


@pytest.fixture(scope="module")
def classifier(model, sparse):
    return cp.finetune(model, stripes().source, labels=sparse, epochs=20, deliver="finetuned")


def test_a_table_of_names_labels_some_items(tmp_path):
    (tmp_path / "few.csv").write_text("name,label\nb,cat\na,dog\nd,dog\ne,cat\n", encoding="utf-8")
    read = read_some_labels(str(tmp_path / "few.csv"), None, Named(*"abcde"))
    assert read.classes == ["cat", "dog"]
    assert read.class_ids.tolist() == [1, 0, -1, 1, 0]


def test_rows_of_an_array_are_named_by_their_numbers_with_zeros_or_without(tmp_path):
    (tmp_path / "few.csv").write_text("name,label\n7,cat\n012,dog\n3,dog\n010,cat\n", encoding="utf-8")
    items = Named(*(f"{row:03}" for row in range(100)))
    class_ids = read_some_labels(str(tmp_path / "few.csv"), None, items).class_ids
    assert {row: int(class_ids[row]) for row in np.flatnonzero(class_ids >= 0)} == {3: 1, 7: 0, 10: 0, 12: 1}


@pytest.mark.parametrize(
    ("labels", "class_ids", "classes"),
    [
        (np.array([3, -1, 7, 3, 7]), [0, -1, 1, 0, 1], ["3", "7"]),
        (np.array([3.0, -1.0, 7.0, 3.0, 7.0]), [0, -1, 1, 0, 1], ["3", "7"]),
        (["x", "", "y", "x", "y"], [0, -1, 1, 0, 1], ["x", "y"]),
        (["x", None, "y", "x", "y"], [0, -1, 1, 0, 1], ["x", "y"]),
        (np.array([3.0, np.nan, 7.0, 3.0, 7.0]), [0, -1, 1, 0, 1], ["3", "7"]),
    ],
)
def test_minus_one_empty_and_missing_are_no_labels(labels, class_ids, classes):
    read = read_some_labels(labels, None, Named(*"abcde"))
    assert read.class_ids.tolist() == class_ids
    assert read.classes == classes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,x\nzz,y\n", "labels 'zz', which is none of the items"),
        ("name,label\na,x\na,y\n", "calls 'a' both 'x' and 'y'"),
        ("name,class\na,x\n", "needs the columns name and label"),
        ("name,label\na,x\nb,x\n", "All 2 labels are 'x'"),
        ("name,label\na,0.25\nb,0.5\nc,3.0\n", "No label stands for two items: 3 labels.*numbers to predict"),
        ("name,label\na,\nb,\n", "None of the 5 items has a label"),
    ],
)
def test_label_files_that_cannot_be_meant_are_refused(tmp_path, text, message):
    (tmp_path / "few.csv").write_text(text, encoding="utf-8")
    with pytest.raises(LabelError, match=message):
        read_some_labels(str(tmp_path / "few.csv"), None, Named(*"abcde"))


def test_budgets_are_nested_stratified_and_fixed_by_the_seed():
    class_ids = np.array([0] * 30 + [1] * 60 + [-1] * 10)
    masks = [budget(class_ids, ["a", "b"], per_class=count, seed=4) for count in (1, 5, 30)]
    for smaller, larger in pairwise(masks):
        assert (smaller <= larger).all()
    assert np.bincount(class_ids[masks[1]]).tolist() == [5, 5]
    tenth = budget(class_ids, ["a", "b"], fraction=0.1, seed=4)
    assert np.bincount(class_ids[tenth]).tolist() == [3, 6]
    assert (tenth == budget(class_ids, ["a", "b"], fraction=0.1, seed=4)).all()
    assert (tenth != budget(class_ids, ["a", "b"], fraction=0.1, seed=5)).any()
    assert (budget(class_ids, ["a", "b"]) == (class_ids >= 0)).all()


def test_a_budget_and_a_held_out_part_of_the_same_seed_have_nothing_to_do_with_each_other():
    class_ids = np.arange(1000) % 4
    drawn, (_, held) = budget(class_ids, "abcd", fraction=0.2, seed=0), split(class_ids, seed=0, share=0.2)
    assert 20 < (drawn & held).sum() < 60


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"per_class": 4}, "The classes a have fewer than 4 per class"),
        ({"fraction": 0.1}, "The classes a are left without a label of the fraction 0.1"),
        ({"per_class": 1, "fraction": 0.1}, "not both"),
    ],
)
def test_a_budget_that_a_class_cannot_meet_is_refused(choices, message):
    with pytest.raises(LabelError, match=message):
        budget(np.array([0] * 3 + [1] * 30), ["a", "b"], **choices)


def test_every_class_weighs_the_same_however_many_items_it_has():
    class_ids = torch.tensor([0, 0, 0, 1])
    scores = torch.randn(4, 2)
    method = Supervised(nn.Identity(), nn.Identity(), class_ids, LABEL_TYPES["one"])
    losses = method.compare((scores,), ItemInfo(torch.arange(4)))
    each = functional.cross_entropy(scores, class_ids, reduction="none")
    torch.testing.assert_close(losses.mean(), (each[:3].mean() + each[3]) / 2)


def test_a_frozen_encoder_keeps_weights_and_statistics(model, sparse):
    before = {name: tensor.clone() for name, tensor in model.encoder.state_dict().items()}
    frozen = cp.finetune(model, stripes().source, labels=sparse, frozen=True, epochs=2, deliver="finetuned")
    moved = cp.finetune(model, stripes().source, labels=sparse, epochs=2, deliver="finetuned")
    assert all(tensor.equal(before[name]) for name, tensor in frozen.model.encoder.state_dict().items())
    assert not all(tensor.equal(before[name]) for name, tensor in moved.model.encoder.state_dict().items())
    assert all(tensor.equal(before[name]) for name, tensor in model.encoder.state_dict().items())


@pytest.mark.parametrize("layers", [0, 1])
def test_fine_tuning_begins_in_the_layer_that_was_asked_for(model, sparse, layers):
    still = {"epochs": 1, "learning_rate": 0.0, "deliver": "finetuned"}
    tuned = cp.finetune(model, stripes().source, labels=sparse, head_layers=layers, **still)
    assert len(tuned.top[0]) == 3 * layers
    if layers:
        torch.testing.assert_close(tuned.top[0][0].weight, model.head[0].weight)


def test_a_classifier_on_h_itself_does_not_mind_how_large_it_is(model, sparse):
    class Larger(torch.nn.Module):
        def __init__(self, by):
            super().__init__()
            self.inner, self.by = model.encoder, by

        def forward(self, x):
            return self.by * self.inner(x)

    right, all_items = [], model.modality.open(stripes().source)
    for by in (2**-6, 1, 2**6):
        sized = cp.Model(Larger(by), model.modality, model.built)
        right.append(
            cp.finetune(sized, stripes().source, labels=sparse, frozen=True, epochs=5, deliver="finetuned").scores(
                all_items
            )
        )
    np.testing.assert_allclose(right[0], right[1], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(right[2], right[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "frozen"),
    [*(pytest.param("image", each, marks=pytest.mark.slow) for each in (False, True)), ("table", True)],
)
def test_contrast_helps_a_classifier_with_four_labels_per_class(name, frozen):
    """The canary: the same fine-tuning, with and without what contrast learned before.

    The small world of series is none: there a probe of convolutions that never learned is as good.
    """
    world, other = WORLDS[name](), WORLDS[name](seed=1)
    width = {"width": 16} if name == "image" else {}
    trained = cp.fit(world.source, epochs=25, batch_size=64, **width, **world.choices)
    blank = cp.Model(trained.untrained().encoder, trained.modality, trained.built)
    labels = np.where(np.arange(len(world.labels)) < 16, world.labels, -1)
    right = []
    for model in (trained, blank):
        result = cp.predict(
            cp.finetune(model, world.source, labels=labels, frozen=frozen, deliver="finetuned"), other.source
        )
        right.append(np.mean([int(each.label) == label for each, label in zip(result, other.labels, strict=True)]))
    assert right[0] > right[1] + 0.05


def test_the_same_seed_gives_the_same_classifier(model, sparse, classifier):
    again = cp.finetune(model, stripes().source, labels=sparse, epochs=20, deliver="finetuned")
    assert all(tensor.equal(again.top.state_dict()[name]) for name, tensor in classifier.top.state_dict().items())


def test_probabilities_sum_to_one_and_survive_saving(classifier, tmp_path):
    items = classifier.model.modality.open(stripes().source)
    likely = classifier.probabilities(items)
    np.testing.assert_allclose(likely.sum(axis=1), 1, atol=1e-5)
    loaded = cp.load_classifier(classifier.save(tmp_path / "kept"))
    np.testing.assert_array_equal(loaded.probabilities(items), likely)
    assert cp.load(tmp_path / "kept").embed(stripes().source).model == classifier.model.fingerprint()


def test_the_fitted_temperature_is_better_than_any_other_that_was_tried():
    scores = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32) * 5
    class_ids = np.random.default_rng(1).integers(0, 3, 200)
    best = fitting_temperature(scores, class_ids)
    assert best > 1  # the scores know nothing, and are sure of it
    assert all(loss_at(scores, class_ids, best) <= loss_at(scores, class_ids, each) for each in TEMPERATURES)


def test_a_few_right_answers_are_no_proof_of_certainty():
    class_ids = np.arange(6) % 3
    sure = np.eye(3, dtype=np.float32)[class_ids] * 4
    likely = torch.from_numpy(sure / np.float32(fitting_temperature(sure, class_ids))).softmax(dim=1).amax(dim=1)
    assert (likely < 1 - 1 / (2 * (6 + 2))).all()


def test_one_label_per_class_learns_without_holding_any_out(model):
    world = stripes()
    tuned = cp.finetune(model, world.source, labels=world.labels, per_class=1, epochs=5)
    assert tuned.temperature == 1
    assert isinstance(tuned, Classifier)


@pytest.mark.parametrize(("labels", "epochs"), [(4, 100), (1000, 26), (10**6, 10)])
def test_the_length_fits_the_number_of_labels(labels, epochs):
    assert usual_epochs(labels, 64) == epochs


def gappy(labels):
    """The labels as words, a fifth of them missing in one way or another."""
    gaps = [None, "", float("nan"), "nan"]
    return [gaps[row // 5 % 4] if row % 5 == 0 else f"kind {label}" for row, label in enumerate(labels.tolist())]


def test_evaluate_and_finetune_leave_out_the_same_items_and_say_how_many(model, tmp_path, capsys):
    world = stripes()
    labels, known = gappy(world.labels), np.arange(256) % 5 > 0
    named = {f"kind {kind}": int((world.labels[known] == kind).sum()) for kind in range(4)}
    scores = cp.evaluate(model, world.source, labels=labels)
    assert "52 of 256 items have no label and are left out" in capsys.readouterr().err
    assert scores["classes"] == named
    assert scores["sizes"]["train"] + scores["sizes"]["test"] == 204
    alone = cp.evaluate(model, world.source[known], labels=world.labels[known])
    assert [scores[probe]["value"] for probe in ("knn", "linear")] == [alone[p]["value"] for p in ("knn", "linear")]
    tuned = cp.finetune(model, world.source, labels=labels, epochs=1, out=tmp_path / "few")
    assert "52 of 256 items have no label and are left out" in capsys.readouterr().err
    assert set(map(int, tuned.learned)) == set(np.flatnonzero(known).tolist())
    assert json.loads((tmp_path / "few" / "tuned.json").read_text(encoding="utf-8"))["classes"] == named


def test_test_items_without_a_label_are_not_asked_about(model, capsys):
    world, other = stripes(), stripes(count=96, seed=1)
    asked = ["" if row < 48 else str(label) for row, label in enumerate(other.labels.tolist())]
    scores = cp.evaluate(model, world.source, other.source, labels=(world.labels.astype(str).tolist(), asked))
    assert scores["sizes"] == {"train": 256, "test": 48, "classes": 4}
    assert "test      4 classes, 48 of 96 items" in capsys.readouterr().err


def test_a_class_of_one_item_is_learned_from_and_does_not_stop_the_others(model, capsys):
    world = stripes()
    labels = [f"kind {label}" for label in world.labels[:41].tolist()] + [None] * 214 + ["rare"]
    said = "the class 'rare' has one labelled item: it is learned from and never tested"
    for choices in ({}, {"per_class": 4}, {"fraction": 0.5}):
        tuned = cp.finetune(model, world.source, labels=labels, epochs=1, **choices)
        assert tuned.classes[-1] == "rare"
        assert "255" in tuned.learned
        assert said in capsys.readouterr().err
    scores = cp.evaluate(tuned, world.source, labels=labels)
    assert said in capsys.readouterr().err
    assert scores["classes"]["rare"] == 1
    assert sum(scores["classifier"]["confusion"][-1]) == 0


def test_what_cannot_be_asked_of_a_head_is_refused(model, sparse):
    with pytest.raises(InputError, match="The projection head has 1 layers before its last"):
        cp.finetune(model, stripes().source, labels=sparse, head_layers=3)
    with pytest.raises(InputError, match=r"'finetune' has no choice 'epoch'. Did you mean 'epochs'"):
        cp.finetune(model, stripes().source, labels=sparse, epoch=3)


def test_distillation_is_the_formula_of_the_paper():
    torch.manual_seed(0)
    answered, taught, class_ids = torch.randn(5, 3), torch.randn(5, 3), torch.tensor([2, -1, -1, 0, -1])
    method = Distillation(
        nn.Identity(), nn.Identity(), nn.Identity(), class_ids, LABEL_TYPES["one"], temperature=2.0, labels=0.3
    )
    losses = method.compare((answered, taught), ItemInfo(torch.arange(5)))
    for row in range(5):
        teacher, student, plain = ((scores[row] / t).exp() for scores, t in ((taught, 2), (answered, 2), (answered, 1)))
        soft = -sum(teacher[y] / teacher.sum() * (student[y] / student.sum()).log() for y in range(3))
        hard = -(plain[class_ids[row]] / plain.sum()).log() if class_ids[row] >= 0 else 0.0
        torch.testing.assert_close(losses[row], 0.7 * soft + 0.3 * 5 / 2 * hard)


def test_a_student_learns_its_teachers_answers_without_labels(sparse, tmp_path):
    source = stripes().source
    master = cp.fit(source, epochs=25, batch_size=64, width=16, views="simclr(scale=0.5)")
    classifier = cp.finetune(master, source, labels=sparse)
    before = {name: tensor.clone() for name, tensor in classifier.model.encoder.state_dict().items()}
    items = classifier.model.modality.open(source)
    shares = []
    for epochs in (1, 40):
        student = cp.distill(classifier, source, width=8, batch_size=64, epochs=epochs, out=tmp_path / str(epochs))
        shares.append(agreement(classifier, student, items))
    assert shares[1] > max(0.75, shares[0])
    assert all(tensor.equal(before[name]) for name, tensor in classifier.model.encoder.state_dict().items())
    sizes = [sum(p.numel() for p in each.model.encoder.parameters()) for each in (classifier, student)]
    assert sizes[1] < sizes[0]
    loaded = cp.load_classifier(tmp_path / "40")
    np.testing.assert_array_equal(loaded.probabilities(items), student.probabilities(items))


def test_labels_correct_what_the_teacher_gets_wrong(classifier):
    world = stripes()
    items = classifier.model.modality.open(world.source)
    turned = (world.labels + 1) % 4  # never what the teacher thinks
    ways = {"batch_size": 64, "epochs": 20, "width": 8}
    student = cp.distill(classifier, world.source, labels=turned, label_weight=1.0, **ways)
    right = np.asarray(student.classes, dtype=int)[student.scores(items).argmax(axis=1)] == turned
    assert right.mean() > 0.8


def test_a_time_budget_plans_the_steps(classifier):
    short = cp.distill(classifier, stripes().source, width=4, batch_size=64, minutes=0.01)
    assert isinstance(short, Classifier)


def test_what_a_teacher_cannot_teach_is_refused(classifier, sparse):
    source = stripes().source
    with pytest.raises(InputError, match="give labels and label_weight, or neither"):
        cp.distill(classifier, source, labels=sparse)
    with pytest.raises(InputError, match=r"The teacher tells 0, 1, 2, 3 apart, and the labels are of 5, 6"):
        cp.distill(classifier, source, labels=np.arange(len(sparse)) % 2 + 5, label_weight=0.5)
    with pytest.raises(InputError, match="is for table data, not for image"):
        cp.distill(classifier, source, encoder="mlp")


def test_finetune_distill_and_predict_from_a_shell(tmp_path, capsys):
    world = stripes()
    np.save(tmp_path / "items.npy", world.source)
    np.save(tmp_path / "few.npy", np.where(np.arange(len(world.labels)) < 32, world.labels, -1))
    source, base, out = (str(tmp_path / name) for name in ("items.npy", "base", "few"))
    main(["fit", source, "--out", base, "--epochs", "2", "--batch-size", "64", "--width", "8"])
    capsys.readouterr()
    tuning = ["finetune", base, source, "--labels", str(tmp_path / "few.npy"), "--out", out, "--epochs", "4"]
    main([*tuning, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["labels"], result["classes"]) == (32, dict.fromkeys("0123", 8))
    assert result["judgement"]["candidates"]["probe"]["items"] == 32
    small = str(tmp_path / "small")
    main(["distill", out, source, "--encoder", "conv2d", "--width", "4", "--epochs", "1", "--out", small, "--json"])
    taught = json.loads(capsys.readouterr().out)
    assert taught["parameters"][1] < taught["parameters"][0]
    main(["predict", small, source, "--out", str(tmp_path / "small.csv")])
    main(["predict", out, source, "--out", str(tmp_path / "labels.csv")])
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["name", "label", "probability"]
    assert len(rows) == len(world.labels)
    assert {row["label"] for row in rows} <= {"0", "1", "2", "3"}
    assert all(0.25 <= float(row["probability"]) <= 1 for row in rows)
    with pytest.raises(SystemExit):
        main(tuning)
    assert "is not empty" in capsys.readouterr().err
    main([*tuning, "--overwrite"])


def test_a_classifier_whose_parts_do_not_belong_together_is_refused(classifier, tmp_path):
    folder = classifier.save(tmp_path / "kept")
    other = cp.Model(classifier.model.untrained().encoder, classifier.model.modality, classifier.model.built)
    other.save(folder)
    with pytest.raises(RunError, match=r"model.safetensors' is not what was saved"):
        cp.load_classifier(folder)
    with pytest.raises(RunError, match="holds no classifier"):
        cp.load_classifier(other.save(tmp_path / "model"))
