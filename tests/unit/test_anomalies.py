"""Anomalies: p-values keep their promise, with groups as well; what cannot be promised is refused in one sentence."""

import csv
import json
import warnings

import jaxtyping
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

import counterpoint as cp
from counterpoint.anomaly_detection.conformal import Calibration, false_alarms, flagged
from counterpoint.anomaly_detection.contamination import contamination
from counterpoint.anomaly_detection.detection import detection
from counterpoint.anomaly_detection.false_discovery import false_discovery_flags
from counterpoint.anomaly_detection.memory_bank import memory_bank
from counterpoint.anomaly_detection.scorer import out_of_fold, scorer_of
from counterpoint.anomaly_detection.units import Units
from counterpoint.catalogue import SHELVES
from counterpoint.cli import main
from counterpoint.errors import InputError, LabelError, PlanError, UnknownName
from tests.worlds import records, stripes

QUICK = {"epochs": 1, "batch_size": 32, "width": 8}


def shares(alarms, draws, groups=None, correlation=0.0, seed=0):
    """The share of false alarms at each rate, of new items of new groups; with groups also where those are ignored."""
    random = np.random.default_rng(seed)
    ids = np.arange(60) if groups is None else groups
    valid, naive = np.zeros((2, len(alarms)))
    for _ in range(draws):
        of_groups = random.normal(size=ids.max() + 1)
        scores = correlation * of_groups[ids] + np.sqrt(1 - correlation**2) * random.normal(size=len(ids))
        fresh = correlation * random.normal(size=50) + np.sqrt(1 - correlation**2) * random.normal(size=50)
        for total, unit in ((valid, ids), (naive, np.arange(len(ids)))):
            p = Calibration.of(scores, unit).p_values(fresh)
            total += [flagged(p, alarm).mean() for alarm in alarms]
    return valid / draws, naive / draws


def test_false_alarms_are_as_many_as_was_chosen_at_most():
    alarms = np.asarray([0.02, 0.1, 0.3])
    observed, _ = shares(alarms, 400)
    assert (observed < alarms + 0.01).all()
    assert (observed > alarms - 0.03).all()  # and not many fewer


def test_with_groups_the_promise_is_kept_where_ignoring_them_breaks_it():
    groups = np.repeat(np.arange(21), [20, *[2] * 20])  # one group has a third of the items
    alarms = np.asarray([0.05, 0.1])
    observed, ignoring = shares(alarms, 400, groups, correlation=0.95)
    assert (observed < alarms + 0.01).all()
    assert ignoring[0] > 0.06


def test_a_threshold_flags_what_the_p_values_flag():
    random = np.random.default_rng(0)
    for groups in (np.arange(60), np.repeat(np.arange(20), 3)):
        calibration = Calibration.of(random.integers(0, 30, 60).astype(float), groups)
        scores = random.normal(15, 12, 200).round()
        for alarm in (0.05, 0.1, 0.5):
            above = scores > calibration.threshold(alarm)
            assert (above == flagged(calibration.p_values(scores), alarm)).all()
    with pytest.raises(PlanError, match=r"alarm=0\.01 needs 198 normal items, half of them for calibration\. Got 60"):
        Calibration.of(np.arange(60.0), np.arange(60)).threshold(0.01)
    low, high = false_alarms(0.1, 99)
    assert low < 0.1 < high


def test_halves_keep_groups_together_whatever_their_size():
    groups = np.repeat(np.arange(8), np.arange(1, 9))
    fitting, calibrating = Units(groups).halves(seed=3)
    assert not set(groups[fitting]) & set(groups[calibrating])
    assert len(set(groups[fitting])) == len(set(groups[calibrating])) == 4
    assert sorted([*fitting, *calibrating]) == list(range(36))


def test_false_discovery_flags_are_those_of_benjamini_and_hochberg():
    # Their example: fifteen p-values, of which four are discoveries at a rate of 0.05.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
    flags = false_discovery_flags(np.asarray([*p, 0.7590, 1.0]), 0.05)
    assert flags.tolist() == [True] * 4 + [False] * 11
    assert not false_discovery_flags(np.asarray([0.9, 0.8]), 0.1).any()


def test_every_scorer_ranks_what_is_far_above_normal_items_and_can_be_copied():
    random = np.random.default_rng(0)
    normal = (random.normal(size=(200, 6)) * 0.2 + 2).astype(np.float32)
    far = (-normal[:20]).astype(np.float32)
    for name in SHELVES["scorer"]:
        score = scorer_of(name)(normal[:150])
        assert score(far).min() > score(normal[150:]).max(), name
        equal = scorer_of(name)(np.ones((5, 6), dtype=np.float32))
        assert equal(far).min() > equal(np.ones((1, 6), dtype=np.float32))[0] or name == "isolation_forest"
    assert len(memory_bank(normal, share=0.1)) <= 20
    assert scorer_of("knn(k=5, bank=0.1)")(normal)(far).min() > 1
    with pytest.raises(UnknownName, match="Did you mean 'knn'"):
        scorer_of("knnn")
    with pytest.raises(PlanError, match="bank is a share"):
        scorer_of("knn(bank=2.0)")(normal)


def test_measures_are_those_of_scikit_learn_and_groups_widen_intervals():
    random = np.random.default_rng(0)
    anomalous = np.arange(120) % 4 == 0
    scores = (random.normal(size=120) + 2 * anomalous).round(1)
    one = detection(scores, {"raw_knn": random.normal(size=120)}, anomalous, None, seed=0)
    assert one["roc_auc"]["value"] == pytest.approx(roc_auc_score(anomalous, scores))
    assert one["average_precision"]["value"] == pytest.approx(average_precision_score(anomalous, scores))
    assert one["roc_auc"]["differences"]["raw_knn"]["low"] > 0
    groups = np.repeat(np.arange(6), 20)
    repeated = np.repeat(scores[:12], 10)  # two kinds of items, alike in every group
    grouped = detection(repeated, {}, np.repeat(anomalous[:12], 10), groups, seed=0)["roc_auc"]
    alone = detection(repeated, {}, np.repeat(anomalous[:12], 10), None, seed=0)["roc_auc"]
    assert grouped["high"] - grouped["low"] > alone["high"] - alone["low"]


def test_anomalies_among_the_normal_items_are_noticed_and_named():
    random = np.random.default_rng(0)
    clean = random.normal(size=(1900, 8)).astype(np.float32)
    scores = out_of_fold(scorer_of("mahalanobis"), clean, Units.of(1900, None, None), seed=0)
    assert contamination(scores).warning() is None
    dirty = np.concatenate([clean, random.normal(0, 9, (100, 8)).astype(np.float32)])
    result = contamination(out_of_fold(scorer_of("mahalanobis"), dirty, Units.of(2000, None, None), seed=0))
    assert 0.03 < result.share < 0.07
    assert len(set(range(1900, 2000)) & set(result.rows.tolist())) > 90
    assert "look like anomalies" in result.warning()
    assert contamination(np.ones(5)).share is None


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model of rows of class 0, further such rows, and rows to test of which some are of other classes."""
    folder = tmp_path_factory.mktemp("anomalies")
    world = records(480)
    names = [f"x{column}" for column in range(world.source.shape[1])]

    def write(name, rows):
        lines = [",".join([*names, "state", "site"])]
        for row in rows:
            state = "normal" if world.labels[row] == 0 else "broken"
            lines.append(",".join([*(f"{value:.4f}" for value in world.source[row]), state, f"s{row // 4 % 30}"]))
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    ours = np.flatnonzero(world.labels == 0)
    write("train.csv", ours)
    write("one.csv", ours[:1])
    write("good.csv", ours[:80])
    write("new.csv", [*ours[80:], *np.flatnonzero(world.labels != 0)[:30]])
    cp.fit(folder / "train.csv", out=folder / "run", without=["state", "site"], quiet=True, **QUICK)
    return folder


def test_from_the_shell_to_the_files(run, capsys):
    out = run / "out"
    line = ["anomalies", str(run / "run"), str(run / "new.csv"), "--normal", str(run / "good.csv"), "--out", str(out)]
    line += ["--alarm", "0.1", "--fdr", "0.3", "--labels", "state", "--explain", "1"]
    main([*line, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["normal"] == {"items": 80, "fit": 40, "calibration": 40, "units": 40}
    items = result["items"]
    assert [each["score"] for each in items] == sorted((each["score"] for each in items), reverse=True)
    assert set(items[0]) == {"name", "index", "score", "p_value", "flag", "flag_fdr", "nearest", "parts"}
    assert all(each["flag"] == (each["score"] > result["threshold"]) == (each["p_value"] <= 0.1) for each in items)
    assert {each["effect"] < 0 for each in items[0]["parts"]} == {True}
    found = result["detection"]
    assert (found["anomalies"], found["labelled"], found["normal_label"]) == (30, 70, "normal")
    every = {"untrained", "raw_knn", "pca_residual", "isolation_forest", "three_sigma"}
    assert set(found["baselines"]) == set(found["roc_auc"]["baselines"]) == every
    assert found["roc_auc"]["baselines"]["raw_knn"]["value"] > 0.9
    assert found["baselines"]["raw_knn"]["detection_rate"]["value"] > 0.5
    assert json.loads((out / "anomalies.json").read_text())["items"] == items
    with (out / "anomalies.csv").open(encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == [each["name"] for each in items]
    page = (out / "report.html").read_text()
    assert page.count("<figure>") == 2 * len(items) + len(result["suspects"])
    assert "kNN of raw features" in page
    assert page.count("(not significant)") == sum(not each["clear"] for each in items[0]["parts"])
    main([*line, "--overwrite"])
    text = capsys.readouterr().out
    assert "alarm" in text
    assert "kNN of raw features" in text
    with pytest.raises(SystemExit):
        main(line)
    assert "holds a search for anomalies" in capsys.readouterr().err


def test_groups_calibrate_and_their_overlap_is_warned_of(run):
    model = cp.load(run / "run")
    choices = {"normal": run / "good.csv", "labels": "state", "groups": "site", "alarm": 0.2}
    result = cp.anomalies(model, run / "new.csv", **choices)
    assert result.normal["units"] < result.normal["calibration"]
    assert result.false_alarms is None
    assert any("groups of tested items are of normal ones, too" in each for each in result.warnings)
    with pytest.raises(PlanError, match=r"alarm=0\.01 needs 198 normal groups, half of them for calibration"):
        cp.anomalies(model, run / "new.csv", **choices | {"alarm": 0.01})


def test_without_normal_items_the_source_is_ranked_by_itself(run):
    model = cp.load(run / "run")
    result = cp.anomalies(model, run / "new.csv", labels="state")
    assert result.items[0].p_value is None
    assert result.items[0].nearest[0].index != result.items[0].index
    assert "roc_auc" in result.detection
    assert "detection_rate" not in result.detection
    assert "ranked by how unlike" in str(result)


def test_what_cannot_be_answered_is_refused_in_one_sentence(run):
    model, new, good = cp.load(run / "run"), run / "new.csv", run / "good.csv"
    for choices, message in (
        ({"alarm": 0.1}, "alarm needs normal items to compare with"),
        ({"fdr": 0.1}, "fdr needs normal items to compare with"),
        ({"normal": good, "alarm": 0.0}, "alarm is a share above 0 and below 1"),
        ({"normal": good, "alarm": 1.0}, "alarm is a share above 0 and below 1"),
        ({"normal": good}, r"alarm=0\.01 needs 198 normal items, half of them for calibration\. Got 40 for"),
        ({"normal": good, "alarm": 0.1, "fdr": 0.01}, r"fdr=0\.01 needs 198 normal items"),
        ({"normal": run / "one.csv", "alarm": 0.1}, "needs 18 normal items, half of them for calibration. Got 1 for"),
        ({"normal": new, "alarm": 0.1}, "All 70 tested items are among the normal ones"),
        ({"normal": good, "alarm": 0.1, "labels": "site"}, "Which of the labels .* is that of normal items"),
        ({"normal": good, "alarm": 0.1, "labels": "state", "normal_label": "fine"}, "No item has the label"),
        ({"scorer": "knm"}, "There is no scorer called 'knm'"),
    ):
        with pytest.raises((PlanError, LabelError, InputError), match=message):
            cp.anomalies(model, new, **choices)


def test_tested_items_that_are_normal_ones_are_said_and_not_measured():
    world = stripes(160)
    model = cp.fit(world.source, **QUICK)
    normal, tested = world.source[:100], np.concatenate([world.source[:10], world.source[100:]])
    labels = ["ok"] * 40 + ["bad"] * 30
    result = cp.anomalies(model, tested, normal=normal, alarm=0.05, labels=labels)
    assert result.warnings[0].startswith("10 of 70 tested items are equal to normal ones")
    assert result.detection["labelled"] == 60
    assert len(result.items) == 70


def test_embeddings_are_tested_without_a_model(tmp_path):
    random = np.random.default_rng(0)
    vectors = (random.normal(size=(120, 8)) + 3).astype(np.float32)
    good = cp.Embeddings(vectors[:100], [f"g{row}" for row in range(100)])
    new = cp.Embeddings(np.concatenate([vectors[100:], -vectors[:2]]), [f"n{row}" for row in range(22)])
    good.save(tmp_path / "good.npz")
    result = cp.anomalies(new, normal=tmp_path / "good.npz", alarm=0.05)
    assert {each.name for each in result.items[:2]} == {"n20", "n21"}
    assert result.items[0].flag
    for choices, message in (
        ({"normal": vectors}, "Embeddings are compared with embeddings"),
        ({"source": vectors}, "Embeddings are tested by themselves"),
        ({"explain": 1}, "Embeddings have no parts"),
        ({"normal": cp.Embeddings(vectors, [f"o{row}" for row in range(120)], "other")}, "of different models"),
    ):
        with pytest.raises(InputError, match=message):
            cp.anomalies(new, **choices)


@pytest.mark.slow
def test_scikit_learn_finds_nothing_wrong_with_the_detector():
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some checks warn on purpose
            results = check_estimator(cp.AnomalyDetector(alarm=0.3, epochs=1, width=8), on_skip=None, on_fail=None)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    failed = {each["check_name"]: str(each["exception"]) for each in results if each["status"] == "failed"}
    assert failed == {}
    assert sum(each["status"] == "passed" for each in results) >= 40


def test_the_detector_takes_pictures_and_refuses_what_it_cannot_calibrate():
    pictures = stripes(80).source
    detector = cp.AnomalyDetector(alarm=0.1, epochs=1, width=8).fit(pictures)
    noise = np.random.default_rng(0).integers(0, 256, pictures.shape, dtype=np.uint8)
    assert (detector.predict(pictures) == -1).mean() < 0.2
    assert (detector.decision_function(noise) < detector.decision_function(pictures).mean()).mean() > 0.9
    np.testing.assert_array_equal(detector.predict(noise), np.where(detector.decision_function(noise) < 0, -1, 1))
    with pytest.raises(PlanError, match=r"alarm=0\.01 needs 198 normal items"):
        cp.AnomalyDetector(alarm=0.01).fit(pictures)
    with pytest.raises(InputError, match="takes rows in memory"):
        cp.AnomalyDetector().fit("photos")
