"""Which classifier is handed over, and what is said of it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint.classification.classifier import Classifier, stand
from counterpoint.classification.cross_validation import FOLDS, Answered, folds
from counterpoint.classification.selection import Baseline, Candidate, choose, conclusion, is_constant, judgement
from counterpoint.errors import PlanError
from counterpoint.evaluation.labelled import Labelled
from counterpoint.training.batch_norm import settle_statistics
from tests.worlds import stripes

pytestmark = pytest.mark.usefixtures("quick_lessons")


@pytest.fixture(scope="module")
def model():
    return cp.fit(stripes().source, epochs=2, width=8, head_hidden=16, head_outputs=8, batch_size=64)


def test_every_label_is_held_out_once_and_never_the_last_of_its_class():
    random = np.random.default_rng(0)
    for _ in range(50):
        class_ids = random.integers(0, random.integers(2, 9), random.integers(4, 90))
        _, class_ids = np.unique(class_ids, return_inverse=True)
        counts = np.bincount(class_ids)
        parts = folds(class_ids, len(counts), seed=1)
        held = np.concatenate([part.held for part in parts]) if parts else np.zeros(0, dtype=int)
        assert sorted(held) == np.flatnonzero(counts[class_ids] > 1).tolist()
        for part in parts:
            assert set(class_ids[part.kept]) == set(class_ids)
            assert sorted([*part.kept, *part.held]) == list(range(len(class_ids)))


def test_folds_of_several_classes_keep_one_item_that_is_of_each_and_one_that_is_not():
    class_ids = np.random.default_rng(0).integers(0, 2, (40, 3))
    parts = folds(class_ids, 3, seed=0)
    assert len(parts) == FOLDS
    for part in parts:
        assert (class_ids[part.kept].max(axis=0) == 1).all()
        assert (class_ids[part.kept].min(axis=0) == 0).all()


def test_of_many_labels_one_fold_is_enough():
    assert len(folds(np.arange(4000) % 4, 4, seed=0)) == 1


def _classifier(model, bias):
    top = stand(inputs=512, hidden=512, head_layers=0, classes=4)
    nn.init.zeros_(top[1].weight)
    top[1].bias.data = torch.tensor(bias)
    return Classifier(model, top, {}, list("0123"))


def _says(scores):
    return Answered(np.arange(len(scores)), np.asarray(scores, dtype=np.float32))


def test_the_least_loss_is_handed_over_unless_it_says_the_same_of_every_item(model):
    items, class_ids = model.open(stripes().source), np.arange(8) % 4
    honest = cp.finetune(model, stripes().source, labels=stripes().labels, per_class=4, epochs=1, deliver="probe")
    constant = _classifier(model, [9.0, 0.0, 0.0, 0.0])
    assert is_constant(constant, items)
    assert not is_constant(honest, items)
    right, unsure = 4 * np.eye(4)[class_ids], np.zeros((8, 4))
    good, poor = Candidate("finetuned", honest, _says(right)), Candidate("probe", honest, _says(unsure))
    assert choose([poor, good], class_ids, items) is good
    always = Candidate("student", constant, _says(right))
    assert choose([poor, always], class_ids, items) is poor
    assert choose([always], class_ids, items) is always
    assert choose([Candidate("probe", honest, None), always], class_ids, items).name == "probe"


@pytest.mark.parametrize(
    ("right", "raw", "level", "message"),
    [
        (1.0, 0.0, "good", "100 points .* more than a linear probe of raw features"),
        (0.5, 0.5, "warning", "is not significantly more than a linear probe of raw features"),
        (0.25, 0.0, "warning", "is not significantly more than the most frequent class"),
        (0.0, 1.0, "warning", "is less than a linear probe of raw features, -100 points"),
    ],
)
def test_what_is_no_better_than_a_baseline_is_said_to_be_so(model, right, raw, level, message):
    class_ids = np.arange(40) % 4
    rows = np.arange(40)

    def some(share):
        return rows % 20 < 20 * share

    scores = np.where(some(right)[:, None], np.eye(4)[class_ids], np.eye(4)[(class_ids + 1) % 4])
    one = Candidate("probe", _classifier(model, [0.0] * 4), _says(scores))
    against = {"raw": Baseline(rows, some(raw)), "chance": Baseline(rows, rows % 4 == 0)}
    known = Labelled(model.open(stripes().source[:40]), class_ids, list("0123"))
    result = conclusion(judgement(one, [one], known, against))
    assert result[0] == level
    assert re.search(message, result[1])


def test_fine_tuning_learns_its_own_labels_after_a_run_of_few_steps():
    """A network of few steps has statistics of its beginning; with those its own labels were missed."""
    world = stripes()
    model = cp.fit(world.source, epochs=1, width=16, batch_size=64)
    tuned = cp.finetune(model, world.source, labels=world.labels, per_class=4, epochs=20, deliver="finetuned")
    items = model.open(world.source)
    user_parts = [list(items.names).index(name) for name in tuned.learned]
    answers = tuned.probabilities(items)[user_parts].argmax(axis=1)
    assert (answers == world.labels[user_parts]).mean() >= 0.9


def test_statistics_are_those_of_the_items_as_they_are_embedded():
    model = cp.fit(stripes().source, epochs=1, width=8, batch_size=64)
    items = model.open(stripes().source)
    first = next(layer for layer in model.encoder.modules() if isinstance(layer, nn.BatchNorm2d))
    seen = []
    hook = first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.represent(items)
    hook.remove()
    every = torch.cat(seen)
    torch.testing.assert_close(first.running_mean, every.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    before = model.represent(items)
    settle_statistics(model.encoder, items, model.modality)
    np.testing.assert_allclose(model.represent(items), before, rtol=1e-3, atol=1e-4)
    assert first.momentum == 0.1


def test_what_is_handed_over_is_said_in_the_record_and_the_shell_and_can_be_named(model, tmp_path, capsys):
    world = stripes()
    for wanted in ("probe", "finetuned"):
        cp.finetune(
            model, world.source, labels=world.labels, per_class=5, epochs=1, out=tmp_path / wanted, deliver=wanted
        )
        result = json.loads((tmp_path / wanted / "tuned.json").read_text(encoding="utf-8"))
        judged = result["judgement"]
        assert judged["delivered"] == wanted
        assert judged["candidates"][wanted]["items"] == 20
        assert set(judged["baselines"]) == {"raw", "chance"} == set(judged["differences"])
        assert f"The {'linear probe' if wanted == 'probe' else 'fine-tuned classifier'} is delivered" in (
            capsys.readouterr().err.replace("\n", " ")
        )
    with pytest.raises(PlanError, match="best, or one of probe, finetuned"):
        cp.finetune(model, world.source, labels=world.labels, deliver="teacher")


@pytest.mark.slow
def test_fifty_small_settings_never_hand_over_a_constant_classifier(tmp_path):
    random = np.random.default_rng(0)
    for number in range(50):
        world = stripes(seed=number)
        count, per_class = int(random.integers(24, 200)), int(random.integers(1, 11))
        labels = np.full(count, -1)
        for code in range(4):
            rows = random.permutation(np.flatnonzero(world.labels[:count] == code))[:per_class]
            labels[rows] = code
        choices = {"epochs": int(random.integers(1, 4)), "width": 8, "draws": 0, "seed": number}
        classifier = cp.semi(world.source[:count], labels=labels, out=tmp_path / str(number), **choices)
        assert not is_constant(classifier, classifier.model.open(world.source[:count]))
