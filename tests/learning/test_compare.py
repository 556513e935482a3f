"""The bake-off: the same data, time and questions for every method; resumable; said with baselines and intervals."""

import json

import numpy as np
import pytest

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.evaluation.repeats import score_over_draws
from counterpoint.model import load
from counterpoint.setup.dataset import open_source
from counterpoint.tuning.contest import folder_name
from counterpoint.tuning.labelled_items import questions
from counterpoint.verbs import compare
from tests.worlds import records

TINY = {"epochs": 2, "batch_size": 32, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}
METHODS = ["simclr", "moco(queue=64, groups=2)", "sup_con"]


@pytest.fixture(scope="module")
def contest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contest")
    world = records(count=256)
    np.save(folder / "rows.npy", world.source)
    np.save(folder / "labels.npy", world.labels)
    result = cp.compare(folder / "rows.npy", METHODS, labels=folder / "labels.npy", out=folder / "out", seeds=2, **TINY)
    return folder, result


def test_every_method_is_trained_for_every_seed_and_asked_the_same(contest):
    folder, result = contest
    assert {row["method"] for row in result["methods"]} == set(METHODS)
    assert [row["labels"] for row in result["methods"]].count(True) == 1
    assert result["items"] == {"asked": 52, "known": 204, "shared": 0}
    assert sorted(path.name for path in (folder / "out" / "runs").iterdir()) == sorted(
        f"{name}-{seed}" for name in ("simclr", folder_name(METHODS[1]), "sup_con") for seed in (0, 1)
    )
    assert {row["epochs"] for row in result["methods"]} == {2}
    probes = [row["linear"]["value"] for row in result["methods"]]
    assert probes == sorted(probes, reverse=True)


def test_the_scores_are_those_of_the_models_that_lie_there(contest):
    folder, result = contest
    source, labels = folder / "rows.npy", folder / "labels.npy"
    modality, items = open_source(str(source), cp_wishes())
    asked = questions(modality, source, items, test=None, labels=labels, seed=0)
    rights = [asked.right(load(folder / "out" / "runs" / f"simclr-{seed}")).linear for seed in (0, 1)]
    row = next(row for row in result["methods"] if row["method"] == "simclr")
    assert row["linear"]["value"] == pytest.approx(score_over_draws(np.stack(rights)).value)
    assert not set(np.flatnonzero(asked.learnable >= 0)) & set(np.flatnonzero(asked.learnable < 0))
    assert (asked.learnable >= 0).sum() == 204


def cp_wishes():
    from counterpoint.modality import DataOptions

    return DataOptions()


def test_a_comparison_goes_on_where_it_stopped_and_nothing_is_done_twice(contest, monkeypatch):
    folder, result = contest
    trained = []
    real = compare.fit
    monkeypatch.setattr(compare, "fit", lambda *given, **named: trained.append(named["seed"]) or real(*given, **named))
    (folder / "out" / "runs" / "simclr-1" / "right.npz").unlink()
    again = cp.compare(
        folder / "rows.npy", METHODS, labels=folder / "labels.npy", out=folder / "out", seeds=2, resume=True, **TINY
    )
    assert trained == [1]
    assert again["methods"] == [
        {**row, "seconds": next(each for each in again["methods"] if each["method"] == row["method"])["seconds"]}
        for row in result["methods"]
    ]


def test_the_page_shows_every_method_beside_its_baselines(contest):
    folder, _ = contest
    page = (folder / "out" / "report.html").read_text()
    for name in (*METHODS, "raw features", "untrained encoder"):
        assert name in page
    assert "https://" not in page


def test_compare_from_the_shell(contest, tmp_path, capsys):
    folder, _ = contest
    choices = [part for name, value in TINY.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    command = ["compare", str(folder / "rows.npy"), "--methods", "simclr,moco(queue=32, groups=1)", "--seeds", "1"]
    main([*command, "--labels", str(folder / "labels.npy"), "--out", str(tmp_path / "out"), "--json", *choices])
    result = json.loads(capsys.readouterr().out)
    assert {row["method"] for row in result["methods"]} == {"simclr", "moco(queue=32, groups=1)"}
    assert set(result["baselines"]) == {"raw", "untrained", "chance"}


def test_contenders_may_differ_in_other_choices_than_the_method(tmp_path):
    world = records(count=128)
    methods = ["simclr", "simclr negatives=cancelled(share=0.1, after=0.0) temperature=0.3"]
    result = cp.compare(world.source, methods, labels=world.labels, out=tmp_path / "out", seeds=1, **TINY)
    assert {row["method"] for row in result["methods"]} == set(methods)
    plans = [json.loads(path.read_text()) for path in sorted((tmp_path / "out" / "runs").glob("*/plan.json"))]
    chosen = {(plan["settled"]["negatives"], plan["settled"]["temperature"]) for plan in plans}
    assert chosen == {("auto", 0.1), ("cancelled(share=0.1, after=0.0)", 0.3)}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"methods": ["simclr", "simclr objective=nothing"]}, "no objective called 'nothing'"),
        ({"methods": ["simclr", "moco(queue=16)"]}, "cannot hold a batch"),
        ({"methods": ["simclr", "simclr negatives=queue(length=16)"]}, "cannot hold a batch"),
        ({"methods": ["simclr width=16"]}, "share the choice 'width'"),
        ({"methods": ["simclr temperatur=0.2"]}, "Did you mean 'temperature'"),
        ({"methods": ["simclr fast"]}, "as name=value"),
        ({"methods": ["simclr temperature=0"]}, "at least 0.001"),
        ({"methods": ["simclr", "simclrr"]}, "Did you mean 'simclr'"),
        ({"methods": []}, "Name the methods"),
        ({"methods": ["simclr", "simclr"]}, "named twice"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"method": "moco"}, "leave out method="),
        ({"labels": None}, "carries no labels"),
        ({"methods": ["siamese"], "objective": "info_nce"}, "cannot use the objective"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_trained(change, match, tmp_path):
    world = records(count=64)
    given = {"methods": ["simclr"], "labels": world.labels, "out": tmp_path / "out", **TINY, **change}
    with pytest.raises(cp.InputError, match=match):
        cp.compare(world.source, **given)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_or_other_choices_is_left_alone(contest, tmp_path):
    folder, _ = contest
    world = records(count=64)
    given = {"methods": ["simclr"], "labels": folder / "labels.npy", "out": folder / "out", **TINY}
    with pytest.raises(cp.InputError, match="holds a comparison"):
        cp.compare(folder / "rows.npy", **given)
    with pytest.raises(cp.InputError, match="started with epochs=2, and 3 is asked"):
        cp.compare(folder / "rows.npy", **{**given, "epochs": 3}, resume=True)
    with pytest.raises(cp.InputError, match="nothing to resume"):
        cp.compare(world.source, **{**given, "out": tmp_path / "new"}, resume=True)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(cp.InputError, match="other things"):
        cp.compare(world.source, **{**given, "out": tmp_path}, overwrite=True)
