"""The whole way from unlabelled data to a small classifier, and what is left behind."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.errors import InputError, RunError
from tests.unit.test_report import Page
from tests.worlds import stripes

pytestmark = pytest.mark.usefixtures("quick_lessons")

CHOICES = {"epochs": 3, "width": 8, "batch_size": 64, "draws": 2}


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run whose labels are limited, so that some of them can be asked about."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    cp.semi(stripes().source, labels=stripes().labels, per_class=6, out=folder, **CHOICES)
    return folder


@pytest.fixture(scope="module")
def precious(tmp_path_factory):
    """A run in which every label is learned from."""
    folder = tmp_path_factory.mktemp("precious") / "run"
    labels = np.where(np.arange(len(stripes().labels)) < 40, stripes().labels, -1)
    cp.semi(stripes().source, labels=labels, out=folder, **CHOICES)
    return folder


def test_every_step_leaves_its_model(whole):
    assert {"pretrained/model.safetensors", "finetuned/classifier.json", "classifier.json", "report.html"} <= set(
        tree(whole)
    )
    for folder in (whole, whole / "finetuned"):
        classifier = cp.load_classifier(folder)
        assert len(classifier.learned) == 24
        assert len(cp.predict(folder, stripes().source)) == 256
    assert cp.load(whole / "pretrained").head is not None


def test_what_is_asked_about_was_not_learned_from(whole):
    result = json.loads((whole / "budget.json").read_text(encoding="utf-8"))
    assert [row["budget"] for row in result["rows"]] == ["1 per class", "5 per class", "6 per class"]
    assert (result["asked"], result["student"]["labels"]) == (52, 24)
    scores = json.loads((whole / "evaluation.json").read_text(encoding="utf-8"))
    learned = set(cp.load_classifier(whole).learned)
    assert scores["classifier"]["items"] == 52
    assert scores["rehearsal"] is False
    assert not {each["name"] for each in scores["classifier"]["most_wrong"]} & learned
    tuned = json.loads((whole / "tuned.json").read_text(encoding="utf-8"))
    assert len(tuned["least_certain"]) == 16
    assert not {each["name"] for each in tuned["least_certain"]} & learned
    assert set(scores["linear"]["baselines"]) == {"raw", "untrained", "chance"}


@pytest.mark.slow
def test_without_a_budget_every_label_is_learned_from_and_a_rehearsal_is_asked(precious):
    assert len(cp.load_classifier(precious).learned) == 40
    scores = json.loads((precious / "evaluation.json").read_text(encoding="utf-8"))
    assert scores["rehearsal"] is True
    assert scores["classifier"]["items"] in (16, 40)  # a student is asked in two of five folds
    assert "student" not in json.loads((precious / "budget.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["whole", pytest.param("precious", marks=pytest.mark.slow)])
def test_the_report_shows_what_labels_are_worth_and_what_was_answered(name, request):
    page = Page((request.getfixturevalue(name) / "report.html").read_text(encoding="utf-8"))
    assert "Label efficiency" in page.text
    assert "fine-tuned" in page.text
    assert "Least certain" in page.text
    assert "Confusion matrix" in page.text
    assert "counterpoint fit" not in page.text  # nothing that a step should have written is missing


def test_labels_of_one_item_each_can_be_learned_from_and_not_asked_about(tmp_path):
    world = stripes()
    one = np.full(len(world.labels), -1)
    for label in range(4):
        one[np.flatnonzero(world.labels == label)[0]] = label
    cp.semi(world.source, labels=one, out=tmp_path / "run", **CHOICES)
    assert not (tmp_path / "run" / "budget.json").exists()
    assert (tmp_path / "run" / "report.html").exists()


def test_steps_that_are_done_are_kept_and_the_result_is_the_same(whole, tmp_path):
    world = stripes()
    shutil.copytree(whole, tmp_path / "run")
    first = {name: (whole / name).read_bytes() for name in tree(whole) if name.endswith(".safetensors")}
    (tmp_path / "run" / "classifier.json").unlink()
    (tmp_path / "run" / "report.html").unlink()
    made = (tmp_path / "run" / "pretrained" / "model.safetensors").stat().st_mtime_ns
    cp.semi(world.source, labels=world.labels, out=tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "pretrained" / "model.safetensors").stat().st_mtime_ns == made
    assert first == {name: (tmp_path / "run" / name).read_bytes() for name in first}
    with pytest.raises(RunError, match="started on other items or other labels"):
        cp.semi(world.source, labels=np.roll(world.labels, 1), out=tmp_path / "run", resume=True)
    with pytest.raises(RunError, match="per_class=6, and 7 is asked for now"):
        cp.semi(world.source, labels=world.labels, out=tmp_path / "run", resume=True, per_class=7)


def test_a_table_leaves_out_the_column_that_is_asked_for(tmp_path):
    random = np.random.default_rng(0)
    rows = random.normal(size=(120, 4))
    kind = np.where(rows[:, 0] > 0, "up", "down")
    lines = [",".join([*(f"{value:.3f}" for value in row), name]) for row, name in zip(rows, kind, strict=True)]
    (tmp_path / "table.csv").write_text("a,b,c,d,kind\n" + "\n".join(lines) + "\n", encoding="utf-8")
    ways = {"labels": "kind", "per_class": 6, "epochs": 3, "draws": 2, "batch_size": 64}
    source = str(tmp_path / "table.csv")
    classifier = cp.semi(source, out=tmp_path / "run", **ways)
    assert classifier.classes == ["down", "up"]
    for step in ("run", "run/pretrained", "run/finetuned"):
        assert cp.load(tmp_path / step).modality.uses() == ["a", "b", "c", "d"]
    assert "Predictions" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("labels", "choices", "message"),
    [
        (np.full(256, -1), {}, "None of the 256 items has a label"),
        (np.where(np.arange(256) < 9, 0, -1), {}, "A classifier needs two classes"),
        (stripes().labels, {"per_class": 500}, "have fewer than 500 per class"),
        (stripes().labels, {"fraction": 0.001}, "are left without a label"),
        (stripes().labels, {"per_class": 2, "fraction": 0.5}, "not both"),
        (stripes().labels, {"minutes": 1.0, "epochs": 3}, "Give epochs= or minutes=, not both"),
        (stripes().labels[:-1], {}, "Got 255 labels for 256 items"),
        (stripes().labels, {"encoder": "conv3d"}, "There is no encoder called 'conv3d'"),
        (stripes().labels, {"student": "mlp"}, "is for table data, not for image"),
        (stripes().labels, {"batch_size": 1000}, "1000"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(tmp_path, labels, choices, message):
    with pytest.raises(InputError, match=message):
        cp.semi(stripes().source, labels=labels, out=tmp_path / "run", **choices)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_whole_way_from_a_shell_within_its_time(tmp_path, capsys):
    world = stripes()
    np.save(tmp_path / "items.npy", world.source)
    sparse = "".join(f"{row},{label}\n" for row, label in enumerate(world.labels[:60]))
    (tmp_path / "few.csv").write_text(f"name,label\n{sparse}", encoding="utf-8")
    source, out = str(tmp_path / "items.npy"), tmp_path / "run"
    command = ["semi", source, "--labels", str(tmp_path / "few.csv"), "--out", str(out), "--per-class", "4"]
    main([*command, "--minutes", "0.1", "--width", "8", "--student-width", "4", "--batch-size", "64", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["parameters"][1] < result["parameters"][0]
    assert result["judgement"]["delivered"] == "student"  # who names a network wants that one
    main(["predict", str(out), source, "--out", str(tmp_path / "labels.csv")])
    assert (tmp_path / "labels.csv").read_text(encoding="utf-8").startswith("name,label,probability\n")
    with pytest.raises(SystemExit):
        main(command)
    assert "is not empty" in capsys.readouterr().err
