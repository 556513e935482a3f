"""Two kinds of data from outside, of items of unequal size and of pairs of kinds: nothing assumes tensors."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint import catalogue, testing
from counterpoint.cli import main
from counterpoint.errors import Interrupted
from counterpoint.interfaces import info_of
from counterpoint.model import load
from counterpoint.plans import Plan
from counterpoint.setup.capabilities import without_labels
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.training.metrics_log import read
from counterpoint.verbs.check_processes import check_processes
from tests.toys.worlds import as_file, pairs_of_sides, sets_of_points

POINTS, SIDES = "tests.toys.points:Points", "tests.toys.sides:Sides"
SOURCES = {POINTS: sets_of_points, SIDES: pairs_of_sides}
SMALL = {
    "batch_size": 32,
    "epochs": 1,
    "width": 8,
    "head_hidden": 8,
    "head_outputs": 8,
    "precision": "fp32",
    "quiet": True,
}
ANYWHERE = [name for name in without_labels() if not catalogue.SHELVES["method"][name].only]
FORMS = {"moco": "moco(queue=64)", "nnclr": "nnclr(queue=64)"}


def files(tmp_path):
    """Both toys' data as files."""
    sets, labels = sets_of_points()
    sides, _ = pairs_of_sides()
    np.savez(tmp_path / "sides.npz", **sides)
    np.save(tmp_path / "labels.npy", labels)
    return {POINTS: as_file(tmp_path / "points.npz", sets, np.arange(len(sets)) // 8), SIDES: tmp_path / "sides.npz"}


def one_item(kind, tmp_path):
    """A file that holds the first item; of a pair of kinds both sides."""
    path = tmp_path / f"one-{kind.split(':')[1]}.npz"
    if kind == POINTS:
        return as_file(path, sets_of_points()[0][:1], [0])
    np.savez(path, **{side: values[:1] for side, values in pairs_of_sides()[0].items()})
    return path


def test_every_method_without_labels_trains_on_both():
    for kind, source in SOURCES.items():
        for method in ANYWHERE:
            small = {**SMALL, "micro_batch": 16 if method in ("simclr", "byol", "moco") else None}
            model = cp.fit(source()[0], modality=kind, method=FORMS.get(method, method), **small)
            z = model.embed(source()[0])
            assert z.vectors.shape == (96, 8)
            assert bool(np.isfinite(z.vectors).all()), (kind, method)


def test_more_parts_train_on_both():
    for kind, source in SOURCES.items():
        for choices in (
            {"negatives": "queue"},
            {"negatives": "mixed"},
            {"matryoshka": "4", "head_layers": 0},
            {"method": "sup_con"},
            {"method": "siamese"},
            {"method": "joint"},
            {"temperature": "learned"},
        ):
            found, labels = source()
            needs = choices.get("method", "simclr") != "simclr"
            cp.fit(found, modality=kind, labels=labels if needs else None, **SMALL | choices)
    cp.fit(sets_of_points()[0], modality=POINTS, local_views=2, **SMALL)


def stop_after(count):
    """A listener that ends a run, as Ctrl-C does."""

    def listen(record):
        if record.get("step") == count and "loss" in record:
            raise KeyboardInterrupt

    return listen


def test_a_run_folder_goes_on_bit_for_bit_and_serves_every_verb(tmp_path):
    for kind, source in files(tmp_path).items():
        labels = np.load(tmp_path / "labels.npy")
        folder = tmp_path / kind.split(":")[1]
        method = "moco(queue=64)" if kind == SIDES else "byol(momentum=0.9)"
        choices = {**SMALL, "method": method, "epochs": 2, "micro_batch": 16, "save_every": 1}
        whole = cp.fit(source, modality=kind, out=folder / "whole", **choices)
        with pytest.raises((Interrupted, KeyboardInterrupt)):
            cp.fit(source, modality=kind, out=folder / "parts", listeners=[stop_after(3)], **choices)
        again = cp.fit(source, modality=kind, out=folder / "parts", resume=True, **choices)
        assert again.fingerprint() == whole.fingerprint()
        losses = [
            [each["loss"] for each in read(folder / run / "metrics.jsonl") if "loss" in each]
            for run in ("whole", "parts")
        ]
        assert losses[0] == losses[1]
        kept = load(folder / "whole", trust=True)
        assert np.array_equal(kept.embed(source).vectors, whole.embed(source).vectors)
        scores = cp.evaluate(kept, source, labels=labels, quiet=True)
        assert len(scores["knn"]["baselines"]) == 4  # two of the field, untrained, chance
        assert cp.search(kept, source, like=5, k=3)[0].index != 5
        assert cp.search(folder / "whole", source, like=str(one_item(kind, tmp_path)), k=1)[0].index == 0


def test_the_shell_takes_them_by_their_names(tmp_path, capsys):
    for kind, source in files(tmp_path).items():
        run = str(tmp_path / "runs" / source.stem)
        short = ["--epochs", "1", "--batch-size", "32", "--width", "8", "--precision", "fp32"]
        main(["fit", str(source), "--modality", kind, "--out", run, *short])
        main(["embed", run, str(source), "--out", str(tmp_path / f"{source.stem}.z.npz"), "--modality", kind])
        main(["evaluate", run, "--train", str(source), "--labels", str(tmp_path / "labels.npy"), "--modality", kind])
        main(["search", run, str(source), "--like", "5", "--trust"])
        said = capsys.readouterr()
        assert "kNN" in said.out, said.out


def test_one_side_is_embedded_by_its_own_tower():
    sides, _ = pairs_of_sides()
    longer = {"method": "clip", "head_layers": 0, "epochs": 60, "learning_rate": 1e-2, "width": 16}
    model = cp.fit(sides, modality=SIDES, **SMALL | longer)
    image, vector, both = (
        model.represent_source({side: sides[side] for side in names})[0]
        for names in (["image"], ["vector"], ["image", "vector"])
    )
    assert image.shape == vector.shape == both.shape
    np.testing.assert_allclose((image + vector) / 2, both, rtol=1e-4, atol=1e-5)
    z = [model.embed({side: sides[side]}).vectors for side in ("image", "vector")]
    found = (z[0] @ z[1].T).argsort(axis=1)[:, -5:]
    labels = pairs_of_sides()[1]
    assert (labels[found] == labels[:, None]).mean() > 0.8


def test_a_run_that_names_them_is_loaded_where_it_is_trusted(tmp_path):
    for kind, source in SOURCES.items():
        run = tmp_path / kind.split(":")[1]
        cp.fit(source()[0], modality=kind, out=run, **SMALL)
        script = (
            "import sys, counterpoint as cp\n"
            "from counterpoint.model import model_of\n"
            "try:\n    cp.load(sys.argv[1])\nexcept cp.InputError as refused:\n    print(refused)\n"
            "print(cp.load(sys.argv[1], trust=True))\n"
            "print(model_of(sys.argv[1], sys.argv[2]))\n"
        )
        command = [sys.executable, "-c", script, str(run), kind]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert f"names the modality '{kind}', which is code from outside" in said
        assert said.count(f"Model({kind}") == 2
        with pytest.raises(cp.InputError, match="Leave out the modality"):
            cp.embed(cp.load(run), source()[0], modality="text")


@pytest.mark.slow
def test_the_whole_way_to_a_classifier_with_a_modality_that_is_named(tmp_path):
    sets, labels = sets_of_points()
    small = {"modality": POINTS, "width": 8, "epochs": 1, "batch_size": 32, "draws": 0}
    classifier = cp.semi(sets, labels=labels, out=tmp_path / "semi", per_class=4, quiet=True, **small)
    assert type(classifier.model.modality).__name__ == "Points"
    assert len(classifier.predict(sets).labels) == len(sets)


def test_groups_and_shapes_are_told(tmp_path):
    for kind, source in files(tmp_path).items():
        requested, parts = chosen({"modality": kind, **{k: v for k, v in SMALL.items() if k != "quiet"}})
        experiment = prepare(source, requested, parts, began=0.0)
        summary = json.loads(json.dumps(experiment.summary()))
        assert (summary["item_shape"], summary["view_shape"], summary["items"]) == ([], [], 96)
        if kind == POINTS:
            assert list(info_of(experiment.items).groups)[7:10] == [0, 1, 1]


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_one(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    testing.check_processes({"modality": POINTS, "method": "moco(queue=64)"}, sets_of_points()[0])
    plans = [
        Plan(modality=SIDES, method=method, width=8, head_hidden=8, head_outputs=8) for method in ("simclr", "byol")
    ]
    for (deviation,) in check_processes(plans, pairs_of_sides()[0], counts=(1, 2)):
        assert deviation.agrees, deviation


def test_other_verbs_do_not_assume_tensors():
    for kind, source in SOURCES.items():
        found, labels = source()
        model = cp.fit(found, modality=kind, **SMALL)
        assert torch.isfinite(torch.tensor(model.untrained().embed(found).vectors)).all()
        cp.duplicates(model, found, quiet=True)
        cp.distill(model, found, epochs=1, quiet=True)
        cp.lab(found, modality=kind, labels=labels, quiet=True)
