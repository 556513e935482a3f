"""The search: what is searched, that it goes on as if it had not stopped, and what it says of its own luck."""

import json
import shlex

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint import rng
from counterpoint.cli import main
from counterpoint.evaluation.label_free import MEASURES
from counterpoint.modality import DataOptions, flat
from counterpoint.plans import Plan
from counterpoint.runs import run_folder
from counterpoint.setup.dataset import open_source
from counterpoint.tuning import request, search, trial
from counterpoint.tuning.outcome import outcome
from counterpoint.tuning.repeats import difference, repeated
from counterpoint.tuning.scoring import GUIDE
from counterpoint.tuning.search import Budget, share
from counterpoint.tuning.search_space import choices, dimensions
from tests.worlds import WORLDS, records

TINY = {"epochs": 4, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}
SEARCH = {**TINY, "trials": 6, "repeats": 1}


@pytest.fixture(scope="module", autouse=True)
def quickly_measured():
    """The pace of such small plans is told by four steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("counterpoint.setup.experiment.MEASURED", 0.0)
        yield


def world(folder):
    made = records(count=160)
    np.save(folder / "rows.npy", made.source)
    np.save(folder / "labels.npy", made.labels)
    return {"source": str(folder / "rows.npy"), "labels": str(folder / "labels.npy")}


def tried(result):
    return [(each["state"], each["choices"], [rung["score"] for rung in each["rungs"]]) for each in result["trials"]]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    given = world(folder)
    return given, folder / "out", cp.tune(**given, out=folder / "out", **SEARCH)


def test_the_first_plan_is_the_usual_one_and_comes_to_its_end(searched):
    _, _, result = searched
    assert len(result["trials"]) == 6
    first = result["trials"][0]
    assert (first["state"], first["choices"]) == ("complete", {})
    assert [rung["share"] for rung in first["rungs"]] == [0.25, 0.5, 1.0]
    assert result["best"]["score"] >= result["usual"]["score"] == first["score"]


def test_every_plan_is_written_down_with_all_measures_and_some_are_given_up(searched):
    _, out, result = searched
    held = json.loads((out / "trials.json").read_text())
    assert held["trials"] == result["trials"]
    assert {each["state"] for each in held["trials"]} == {"complete", "halved"}
    for each in held["trials"]:
        assert set(each["measures"]) == set(MEASURES)
        assert set(each["choices"]) <= {
            "temperature",
            "learning_rate",
            "views",
            "batch_size",
            "head_layers",
            "objective",
        }
    assert set(result["correlations"]) == set(MEASURES)
    assert result["correlations"]["lidar"]["early"]["plans"] == 6


def test_the_command_trains_the_plan_that_was_found(searched, monkeypatch):
    _, out, result = searched
    best = json.loads((out / "best.json").read_text())
    assert best["choices"] == result["choices"]
    main([*shlex.split(best["command"])[1:], "--epochs", "1"])
    requested = run_folder.read_plan(out / "best")["asked"]
    assert {name: requested[name] for name in best["choices"]} == best["choices"]
    assert (requested["width"], requested["head_hidden"], requested["precision"]) == (8, 16, "fp32")


def test_the_page_shows_every_plan_and_what_mattered(searched):
    _, out, result = searched
    page = (out / "report.html").read_text()
    assert page.count("<title>plan ") == 6 + len(result["search"]["repeats"])
    for part in (
        result["sentence"],
        "RankMe",
        "All plans",
        "Importance of the choices" if result["importances"] else "Provenance",
    ):
        assert part in page
    assert "https://" not in page


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not(searched, tmp_path, monkeypatch):
    given, _, result = searched
    real, opened = search.attempt, request.open_dataset
    seen, times = [], []

    def attempt(bench, picked, **rest):
        seen.append(picked)
        bench.stop.requested = len(seen) == 3
        return real(bench, picked, **rest)

    monkeypatch.setattr(search, "attempt", attempt)
    monkeypatch.setattr(request, "open_dataset", lambda *given: times.append(1) or opened(*given))
    with pytest.raises(cp.CounterpointError, match=r"after 2 plans.*resume=True"):
        cp.tune(**given, out=tmp_path / "out", **SEARCH)
    assert json.loads((tmp_path / "out" / "best.json").read_text())["plans"] == 2
    again = cp.tune(**given, out=tmp_path / "out", resume=True, **SEARCH)
    assert tried(again) == tried(result)
    assert again["repeated"] == result["repeated"]
    assert len(times) == 2  # the data is opened once by each


def test_a_plan_that_fails_is_written_down_and_the_search_goes_on(searched, tmp_path, monkeypatch):
    given, _, _ = searched
    real = trial.train

    def train(method, items, modality, recipe, keeping):
        if recipe.learning_rate != 2e-3:
            raise cp.InputError("The loss is not finite after step 3.")
        return real(method, items, modality, recipe, keeping)

    monkeypatch.setattr(trial, "train", train)
    result = cp.tune(given["source"], out=tmp_path / "out", **{**SEARCH, "trials": 2})
    assert [each["state"] for each in result["trials"]] == ["complete", "failed"]
    assert result["trials"][1]["reason"] == "The loss is not finite after step 3."
    assert result["sentence"].startswith("None of 0 other plans")
    monkeypatch.setattr(trial, "train", lambda *given: (_ for _ in ()).throw(cp.InputError("No.")))
    with pytest.raises(cp.InputError, match=r"No plan could be trained. The usual one failed: No\."):
        cp.tune(given["source"], out=tmp_path / "none", **{**SEARCH, "trials": 9})
    assert len(json.loads((tmp_path / "none" / "trials.json").read_text())["trials"]) == search.HOPELESS


def test_without_labels_one_measure_guides_and_none_are_looked_at(searched, tmp_path, capsys):
    given, _, _ = searched
    words = [f"--{name.replace('_', '-')}={value}" for name, value in {**TINY, "trials": 2, "repeats": 0}.items()]
    main(["tune", given["source"], "--out", str(tmp_path / "out"), *words])
    assert MEASURES[GUIDE].called in capsys.readouterr().out
    held = json.loads((tmp_path / "out" / "trials.json").read_text())
    assert held["by"] == GUIDE
    for each in held["trials"]:
        assert each["score"] == MEASURES[GUIDE].worth(each["measures"][GUIDE])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"trials": 0}, "trials must be at least 1"),
        ({"repeats": -1}, "repeats must be at least 0"),
        ({"minutes": 1.0}, "not both"),
        ({"epochs": None, "minutes": 0.01}, "too short to try plans.*Give minutes="),
        ({"method": "sup_con", "labels": None}, "learns from labels"),
        ({"temperatur": 0.2}, "Did you mean 'temperature'"),
        (
            {"temperature": 0.2, "learning_rate": 0.1, "views": "corrupt", "head_layers": 1, "batch_size": 8}
            | {"objective": "info_nce"},
            "is made already",
        ),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(change, match, searched, tmp_path):
    given, _, _ = searched
    with pytest.raises(cp.InputError, match=match):
        cp.tune(**{**given, "out": tmp_path / "out", **SEARCH, **change})
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_other_choices_or_other_data_is_left_alone(searched, tmp_path):
    given, out, _ = searched
    for change, match in (
        ({}, "holds a search"),
        ({"resume": True, "temperature": 0.3}, "started with temperature=None"),
        ({"resume": True, "labels": None}, "started with labels="),
        ({"resume": True, "epochs": None, "minutes": 5.0}, "started with epochs=4"),
        ({"out": tmp_path / "new", "resume": True}, "nothing to resume"),
    ):
        with pytest.raises(cp.InputError, match=match):
            cp.tune(**{**given, "out": out, **SEARCH, **change})
    before = np.load(given["source"])
    np.save(given["source"], before + 1)
    try:
        with pytest.raises(cp.InputError, match="other data"):
            cp.tune(**given, out=out, resume=True, **SEARCH)
    finally:
        np.save(given["source"], before)


def test_without_optuna_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ImportError, match=r"counterpoint\[tune\]"):
        cp.tune("rows.npy", out=tmp_path / "out")


@pytest.mark.parametrize("kind", WORLDS)
def test_views_become_stronger_and_stay_what_they_are(kind):
    made = WORLDS[kind](count=64)
    modality, items = open_source(made.source, made.options())
    usual = modality.settings()["views"]
    assert modality.augmentation.scaled(1.0).spec == usual
    batch, key = items.take(np.arange(64)), rng.keys(seed=0, epoch=0, items=torch.arange(64), view=0)
    away = []
    for by in (0.3, 1.0, 2.0):
        other = modality.with_views(modality.augmentation.scaled(by).spec)
        torch.testing.assert_close(other.inputs(batch), modality.inputs(batch))
        away.append(
            float(
                (flat(modality, other.augmentation(batch, key)) - flat(modality, modality.inputs(batch)))
                .square()
                .mean()
            )
        )
    assert away == sorted(away)
    torch.testing.assert_close(modality.with_views(usual).augmentation(batch, key), modality.augmentation(batch, key))
    for by in (1e-3, 50.0):  # whatever is asked for, they stay views that can be drawn
        modality.with_views(modality.augmentation.scaled(by).spec).augmentation(batch, key)
    assert modality.with_views("callable").augmentation.scaled(2.0).spec is None


def test_what_is_fixed_or_of_no_use_is_not_searched():
    made = records(count=64)
    modality, _ = open_source(made.source, DataOptions(kind="table"))
    settled = Plan(temperature=0.1, learning_rate=2e-3, head_layers=2, head_hidden=512, head_outputs=128, batch_size=32)
    space = dimensions(Plan(), settled, modality, items=64, batches=4.0)
    names = {each.name for each in space}
    assert names >= {"temperature", "learning_rate", "strength", "head_layers", "head_hidden", "head_outputs"}
    assert choices(space, {each.name: each.usual for each in space}, modality) == {}
    batch = next(each for each in space if each.name == "batch_size")
    assert batch.values == [16, 32]
    fixed = dimensions(Plan(temperature=0.1, views="corrupt"), settled, modality, items=64, batches=0.5)
    assert {each.name for each in fixed} == names - {"temperature", "strength", "batch_size"} | {"batch_size"}


def test_time_is_shared_so_that_many_plans_and_all_repeats_fit():
    each = share(Budget(60, None, 2), passed=30, cost=3, step=0.1)
    assert 16 * each == pytest.approx(0.97 * 3600 - 30, rel=1e-3)
    assert share(Budget(60, None, 2), passed=0, cost=60, step=0.1) == pytest.approx(300)  # asking takes the time
    with pytest.raises(cp.InputError, match="Give minutes=6 or more"):
        share(Budget(1, None, 2), passed=10, cost=5, step=0.25)


def test_a_difference_is_that_of_two_samples_and_wider_for_the_luck_of_items():
    best, usual = np.asarray([0.7, 0.72, 0.71]), np.asarray([0.68, 0.69])
    from scipy.stats import ttest_ind

    value, interval = difference(best, usual, None)
    expected = ttest_ind(best, usual).confidence_interval(0.95)
    assert (value, interval.low, interval.high) == pytest.approx((0.025, expected.low, expected.high))
    wider = difference(best, usual, np.random.default_rng(0).normal(0.025, 0.3, 200))[1]
    assert wider.low < interval.low < interval.high < wider.high
    assert difference(best[:1], usual[:1], None) == (pytest.approx(0.02), None)


@pytest.mark.parametrize(
    ("scores", "level", "says", "taken"),
    [
        ([0.80, 0.81, 0.60, 0.61], "good", "It is better", {"temperature": 0.2}),
        ([0.62, 0.60, 0.60, 0.62], "warning", "Chance alone could do that", {"temperature": 0.2}),
        ([0.55, 0.56, 0.60, 0.61], "warning", "Repeated it scores lower", {}),
        ([0.62, None, 0.60, 0.61], "warning", "With another seed it failed", {}),
        ([], "warning", "was not repeated", {"temperature": 0.2}),
    ],
)
def test_the_verdict_says_whether_the_best_was_only_lucky(scores, level, says, taken):
    plans = [{"temperature": 0.2}, {"temperature": 0.2}, {}, {}]
    repeats = [
        {"seed": 1 + row % 2, "choices": plans[row], "score": score, "right": None, "reason": score is None and "No."}
        for row, score in enumerate(scores)
    ]
    trials = [
        {"number": number, "state": "complete", "choices": made, "score": score}
        for number, (made, score) in enumerate([({}, 0.6), ({"temperature": 0.2}, 0.7)])
    ]
    head = {"by": "linear", "asked": Plan().record(), "sayable": False}
    result = outcome(head, trials, repeats)
    assert (result["level"], result["choices"]) == (level, taken)
    assert says in result["sentence"]
    assert bool(repeated(trials[1], trials[0], repeats)) == bool(scores)
