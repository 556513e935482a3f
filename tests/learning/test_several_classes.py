"""Items that may be of several classes at once, or of none."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint.classification.calibration import TEMPERATURES, fitting_temperature, loss_at
from counterpoint.classification.test_results import answered
from counterpoint.cli import main
from counterpoint.data.labels import read_some_labels
from counterpoint.data.splits import budget, members, split_several
from counterpoint.errors import InputError, LabelError
from counterpoint.evaluation.labelled import Labelled
from counterpoint.label_types import LABEL_TYPES, renumbered
from tests.learning.test_few_labels import Named
from tests.learning.test_label_efficiency import Counted, told
from tests.worlds import stripes

ANY = LABEL_TYPES["any"]
CHOICES = {"epochs": 3, "width": 8, "batch_size": 64, "draws": 2}


def two_bits(labels):
    """The four kinds of stripes as what they are of: a direction, and a width."""
    return np.stack([labels & 1, labels >> 1], axis=1)


@pytest.fixture(scope="module")
def class_ids():
    return np.random.default_rng(0).integers(0, 2, (60, 3)) * (np.arange(60) < 50)[:, None]


def test_names_with_bars_between_them_are_several_classes(tmp_path):
    (tmp_path / "few.csv").write_text("name,label\na,cat|dog\nb,dog\nd,|\ne,cat\n", encoding="utf-8")
    read = read_some_labels(str(tmp_path / "few.csv"), None, Named(*"abcde"))
    assert read.classes == ["cat", "dog"]
    assert read.class_ids.tolist() == [[1, 1], [0, 1], [-1, -1], [0, 0], [1, 0]]


@pytest.mark.parametrize("kind", [np.int64, np.float32])
def test_zeros_and_ones_are_several_classes(kind):
    labels = np.array([[1, 0], [-1, -1], [0, 1], [1, 1], [0, 0]], dtype=kind)
    read = read_some_labels(labels, None, Named(*"abcde"))
    assert read.classes == ["0", "1"]
    assert read.class_ids.tolist() == labels.astype(int).tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[1, 0], [0, 2], [1, 1]], "say for each class whether an item is of it.*Got 2"),
        ([[1, 0], [0, 0], [1, 0]], "Of the 3 labelled, no item is of 1"),
        ([[1, 0], [1, 1], [1, 0]], "Of the 3 labelled, every item is of 0"),
        ([[-1, -1]] * 3, "None of the 3 items has a label"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(labels, message):
    with pytest.raises(LabelError, match=message):
        read_some_labels(np.asarray(labels), None, Named(*"abc"))


def test_budgets_give_every_class_enough_and_are_nested(class_ids):
    masks = [budget(class_ids, ["a", "b", "c"], per_class=count, seed=2) for count in (1, 4, 10)]
    for smaller, larger in pairwise(masks):
        assert (smaller <= larger).all()
    for mask, count in zip(masks, (1, 4, 10), strict=True):
        assert (class_ids[mask].sum(axis=0) >= count).all()
    assert len(members(class_ids, 3, seed=0)) == 4


def test_what_is_held_out_leaves_every_class_an_item():
    class_ids = np.eye(4, dtype=np.int64)[np.arange(20) % 4]
    class_ids[1::4] = 0
    class_ids[1, 1] = 1  # the only one of its class
    kept, held = split_several(class_ids, seed=0, share=0.5)
    assert held.sum() == 10
    assert (class_ids[kept].sum(axis=0) > 0).all()


def test_the_loss_is_the_formula_in_loops():
    torch.manual_seed(0)
    scores, class_ids = torch.randn(4, 3), torch.tensor([[1, 0, 1], [0, 0, 0], [-1, -1, -1], [1, 1, 1]])
    losses = ANY.loss(scores, class_ids, None)
    for row in range(4):
        likely = 1 / (1 + (-scores[row]).exp())
        each = [-(likely[c] if class_ids[row, c] else 1 - likely[c]).log() for c in range(3)]
        torch.testing.assert_close(losses[row], sum(each) / 3 if class_ids[row, 0] >= 0 else torch.tensor(0.0))


def test_an_item_of_a_rare_class_counts_as_much_as_all_the_others():
    class_ids = torch.tensor([[1], [0], [0], [0]])
    losses = ANY.loss(torch.zeros(4, 1), class_ids, ANY.weights(class_ids))
    torch.testing.assert_close(losses[0], losses[1:].sum())


def test_a_teacher_that_is_sure_teaches_as_labels_do():
    torch.manual_seed(0)
    scores, class_ids = torch.randn(5, 3), torch.randint(0, 2, (5, 3))
    torch.testing.assert_close(
        ANY.distillation_loss(scores, 200.0 * (class_ids - 0.5)), ANY.loss(scores, class_ids, None)
    )


def test_right_is_the_f1_of_each_item():
    decided = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]])
    class_ids = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(ANY.right(decided, class_ids), [0.5, 1, 1, 0])


def test_the_temperature_is_fitted_to_each_class():
    scores = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32) * 5
    class_ids = np.random.default_rng(1).integers(0, 2, (200, 3))
    best = fitting_temperature(scores, class_ids)
    assert best > 1
    assert all(loss_at(scores, class_ids, best) <= loss_at(scores, class_ids, each) for each in TEMPERATURES)


def test_answers_by_hand():
    likely = [[0.8, 0.1, 0.6], [0.2, 0.3, 0.1]]
    asked = Labelled(Counted(2), np.asarray([[1, 0, 0], [0, 0, 0]]), ["x", "y", "z"])
    result = answered(told(likely, kind="any"), asked, asked)
    assert result["value"] == pytest.approx((2 / 3 + 1) / 2)
    assert result["confusion"] == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    (wrong,) = result["most_wrong"]
    assert wrong == {
        "name": "a",
        "answer": "x|z",
        "probability": pytest.approx(0.8 * 0.9 * 0.6),
        "second": "z",
        "label": "x",
    }


def test_codes_take_the_numbers_of_another_list():
    assert renumbered(np.array([[1, 0], [0, 1]]), ["b", "a"], ["a", "b", "c"]).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_several_classes_are_learned_taught_and_saved(tmp_path):
    world, other = stripes(), stripes(seed=1)
    labels = np.where((np.arange(256) < 64)[:, None], two_bits(world.labels), -1)
    model = cp.fit(world.source, epochs=25, batch_size=64, width=16)
    classifier = cp.finetune(model, world.source, labels=labels, epochs=60, out=tmp_path / "few")
    items, truth = model.modality.open(other.source), two_bits(other.labels)
    likely = classifier.probabilities(items)
    right = ANY.right(ANY.decided(likely), truth).mean()
    assert right > ANY.right(ANY.usual(truth), truth).mean() + 0.1
    loaded = cp.load_classifier(tmp_path / "few")
    np.testing.assert_array_equal(loaded.probabilities(items), likely)
    assert {each.label for each in cp.predict(loaded, other.source)} <= {"|", "0", "1", "0|1"}
    scores = cp.evaluate(tmp_path / "few", world.source, other.source, labels=(labels, truth))
    assert scores["classifier"]["value"] == pytest.approx(right)
    assert scores["sizes"] == {"train": 64, "test": 256, "classes": 2}
    assert not {"knn", "collisions"} & scores.keys()
    assert scores["learned_from_labels"]
    ways = {"width": 8, "batch_size": 64, "epochs": 25}
    student = cp.distill(classifier, world.source, **ways)
    taught = ANY.right(ANY.decided(student.probabilities(items)), ANY.decided(likely)).mean()
    assert taught > 0.7
    with pytest.raises(InputError, match="The teacher tells 0, 1 apart, and the labels are of 0, 1, 2, 3"):
        cp.distill(classifier, world.source, labels=world.labels, label_weight=0.5, **ways)


@pytest.mark.usefixtures("quick_lessons")
def test_the_whole_way_with_several_classes(tmp_path, capsys):
    world = stripes()
    np.save(tmp_path / "items.npy", world.source)
    rows = (
        f"{row},{'|'.join(name for name, bit in zip(('across', 'wide'), bits, strict=True) if bit) or '|'}\n"
        for row, bits in enumerate(two_bits(world.labels)[:120].tolist())
    )
    (tmp_path / "few.csv").write_text(f"name,label\n{''.join(rows)}", encoding="utf-8")
    out = tmp_path / "run"
    command = ["semi", str(tmp_path / "items.npy"), "--labels", str(tmp_path / "few.csv"), "--out", str(out)]
    main([*command, "--per-class", "8", "--epochs", "2", "--width", "8", "--draws", "1", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["budget"]["rows"][-1]["budget"] == "8 per class"
    assert set(result["budget"]["rows"][0]["ways"]) == {"scratch", "linear", "tuned"}
    assert "across" in (out / "report.html").read_text(encoding="utf-8")
