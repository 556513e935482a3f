"""What labels are worth: budgets, draws, intervals, and the answers of a classifier."""

from __future__ import annotations

import json

import numpy as np
import pytest

import counterpoint as cp
from counterpoint.classification.classifier import Classifier
from counterpoint.classification.test_results import (
    answered,
    calibration_error,
    expected_calibration_error,
    least_certain,
)
from counterpoint.cli import main
from counterpoint.errors import InputError, LabelError
from counterpoint.evaluation.labelled import Labelled
from counterpoint.setup.label_budget import Budget, read_budget
from counterpoint.verbs.label_budgets import compared, scored
from counterpoint.verbs.label_efficiency import efficiency_table
from tests.worlds import stripes

pytestmark = pytest.mark.usefixtures("quick_lessons")

SMALL = {"width": 8, "head_hidden": 16, "head_outputs": 8, "batch_size": 64}


class Counted:
    """Items called a, b, c, ... that are their own numbers."""

    def __init__(self, count):
        self.names, self.labels = [chr(97 + row) for row in range(count)], None

    def __len__(self):
        return len(self.names)

    def take(self, index):
        return index


class Told(Classifier):
    """A classifier whose answers were written down beforehand."""

    def __init__(self, likely, classes, kind):
        vars(self).update(likely=np.asarray(likely, dtype=np.float32), classes=list(classes), kind=kind)

    def probabilities(self, items):
        return self.likely


def told(likely, classes="xyz", kind="one"):
    return Told(likely, classes, kind)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "stripes"
    cp.fit(stripes().source, out=folder, epochs=10, **SMALL)
    return folder


@pytest.fixture(scope="module")
def worth(trained):
    world = stripes()
    return cp.label_efficiency(trained, world.source, labels=world.labels, budget=["2", "10%", "500"], draws=2)


def test_ways_are_compared_on_the_same_draws_and_items():
    right = {"scratch": np.zeros((2, 8), dtype=bool), "tuned": np.zeros((2, 8), dtype=bool)}
    right["tuned"][:, :4] = True
    ((difference,),) = (row.values() for row in compared([right]))
    assert difference["value"] == 0.5
    assert difference["low"] < 0.5 < difference["high"]
    result = scored(right)
    assert result["tuned"]["draws"] == [0.5, 0.5]
    assert result["scratch"] == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.41, abs=0.01), "draws": [0.0, 0.0]}


@pytest.mark.parametrize(
    ("text", "result"), [("10", Budget(10, None)), ("1%", Budget(None, 0.01)), ("100%", Budget(None, 1.0))]
)
def test_budgets_are_counts_or_shares(text, result):
    assert read_budget(text) == result
    assert str(result).startswith(text)


@pytest.mark.parametrize("text", ["0", "-3", "0%", "101%", "ten", "1.5", ""])
def test_other_budgets_are_refused(text):
    with pytest.raises(InputError, match="A budget is a number of labels per class, such as 10, or a share"):
        read_budget(text)


def test_every_way_is_compared_at_every_budget_that_the_labels_can_give(worth, trained):
    assert [(row["budget"], row["labels"]) for row in worth["rows"]] == [("2 per class", 8), ("10%", 20)]
    (lacking,) = worth["left_out"]
    assert lacking["budget"] == "500 per class"
    assert "fewer than 500" in lacking["reason"]
    for row in worth["rows"]:
        assert list(row["ways"]) == ["scratch", "linear", "tuned", "distilled"]
        for name, score in row["ways"].items():
            assert 0 <= score["low"] <= score["value"] <= score["high"] <= 1
            assert len(score["draws"]) == 2
            if name != "scratch":
                difference = score["value"] - row["ways"]["scratch"]["value"]
                assert row["differences"][name]["value"] == pytest.approx(difference)
    assert (worth["known"], worth["asked"]) == (204, 52)
    written = json.loads((trained / "budget.json").read_text(encoding="utf-8"))
    assert written["rows"] == worth["rows"]


def test_the_same_seed_draws_the_same_labels(worth, trained):
    world = stripes()
    again = cp.label_efficiency(cp.load(trained), world.source, labels=world.labels, budget=[2], draws=2)
    for name, score in again["rows"][0]["ways"].items():
        assert score == worth["rows"][0]["ways"][name]


def test_the_table_says_how_much_better_and_what_was_left_out(worth):
    lines = efficiency_table(worth).splitlines()
    assert lines[0].split("  ")[0] == "labels"
    assert lines[1].startswith("2 per class")
    assert lines[-1].startswith("500 per class is left out. The classes 0, 1, 2, 3 have fewer")


def test_contrast_is_worth_labels():
    """The canary: from few labels, the encoder that learned by contrast beats the one that did not."""
    world = stripes()
    model = cp.fit(world.source, epochs=25, batch_size=64, width=16)
    other = stripes(seed=1)
    labels = (world.labels, other.labels)
    result = cp.label_efficiency(model, world.source, other.source, labels=labels, budget=[4], draws=2)
    uses = result["rows"][0]["ways"]
    assert uses["tuned"]["value"] > uses["scratch"]["value"] + 0.05


@pytest.mark.parametrize("verb", [cp.evaluate, cp.label_efficiency])
def test_test_labels_of_other_classes_are_refused(trained, verb):
    world = stripes()
    with pytest.raises(LabelError, match="The test labels 7 are none of those to learn from, 0, 1, 2, 3"):
        verb(trained, world.source, world.source, labels=(world.labels, np.where(world.labels == 3, 7, world.labels)))


def test_what_has_learned_from_labels_is_not_asked_what_they_are_worth(trained, tmp_path):
    world = stripes()
    cp.finetune(trained, world.source, labels=world.labels, per_class=4, epochs=1, out=tmp_path / "few")
    with pytest.raises(LabelError, match=r"has learned from labels. Give the run that it began at"):
        cp.label_efficiency(tmp_path / "few", world.source, labels=world.labels)


def test_a_classifier_is_only_asked_what_it_was_not_told(trained, tmp_path):
    world = stripes()
    uses = {"labels": world.labels, "epochs": 2, "out": tmp_path / "few"}
    classifier = cp.finetune(trained, world.source, per_class=30, **uses)
    scores = cp.evaluate(tmp_path / "few", world.source, labels=world.labels)
    plain = cp.evaluate(trained, world.source, labels=world.labels)
    assert len(classifier.learned) == 120
    assert scores["sizes"]["test"] < plain["sizes"]["test"]
    assert np.sum(scores["classifier"]["confusion"]) == scores["classifier"]["items"] == scores["sizes"]["test"]
    assert "classifier" not in plain
    student = cp.distill(classifier, world.source, epochs=1, batch_size=64, width=4)
    assert set(student.learned) == set(classifier.learned)
    cp.finetune(trained, world.source, **uses, overwrite=True)
    with pytest.raises(LabelError, match="learned from the label of every item of the test"):
        cp.evaluate(tmp_path / "few", world.source, labels=world.labels)


def test_answers_by_hand():
    likely = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.05, 0.9, 0.05], [0.3, 0.3, 0.4]]
    asked = Labelled(Counted(4), np.asarray([0, 1, 2, 2]), ["x", "y", "z"])
    result = answered(told(likely), asked, asked)
    assert result["value"] == 0.75
    assert result["chance"] == 0.5
    assert result["confusion"] == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    (wrong,) = result["most_wrong"]
    assert wrong == {"name": "c", "answer": "y", "probability": pytest.approx(0.9), "second": "x", "label": "z"}
    assert [each["name"] for each in least_certain(told(likely), Counted(4))] == ["d", "b", "a", "c"]


def test_answers_go_by_the_names_of_classes():
    asked = Labelled(Counted(2), np.asarray([0, 1]), ["y", "x"])
    assert answered(told([[0.1, 0.9], [0.9, 0.1]], "xy"), asked, asked)["value"] == 1
    with pytest.raises(LabelError, match="The labels w are none of what the classifier tells apart, x, y"):
        answered(told([[0.1, 0.9], [0.9, 0.1]], "xy"), Labelled(Counted(2), np.asarray([0, 1]), ["y", "w"]), asked)


def test_calibration_is_the_formula_in_loops():
    generator = np.random.default_rng(0)
    sure, right = generator.uniform(0.3, 1, 200).astype(np.float32), generator.uniform(size=200) < 0.6
    expected = 0.0
    for low in range(10):
        inside = (sure >= low / 10) & (sure < (low + 1) / 10)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert calibration_error(right, sure) == pytest.approx(expected, abs=1e-6)


def test_luck_alone_makes_a_calibration_error_which_vanishes_with_many_items():
    generator = np.random.default_rng(0)
    for items, bound in ((30, 0.02), (3000, 0.005)):
        sure = generator.uniform(0.5, 1, items).astype(np.float32)
        honest = [calibration_error(generator.random(items) < sure, sure) for _ in range(200)]
        assert expected_calibration_error(sure) == pytest.approx(np.mean(honest), abs=bound)
    assert expected_calibration_error(sure) < 0.02
    assert expected_calibration_error(np.ones(9, dtype=np.float32)) == 0


def test_budgets_from_a_shell(trained, tmp_path, capsys):
    world = stripes()
    np.save(tmp_path / "items.npy", world.source)
    np.save(tmp_path / "labels.npy", world.labels)
    command = [
        "evaluate",
        str(trained),
        "--train",
        str(tmp_path / "items.npy"),
        "--labels",
        str(tmp_path / "labels.npy"),
    ]
    main([*command, "--budget", "1,2", "--draws", "1", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert [row["budget"] for row in result["rows"]] == ["1 per class", "2 per class"]
    with pytest.raises(SystemExit):
        main([*command, "--budget", "many"])
    assert "A budget is a number of labels per class" in capsys.readouterr().err
