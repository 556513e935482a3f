"""Same or different: thresholds, their scores, and the verb, on items and classes that nobody learned from."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.pair_verification.sampled_pairs import drawn_pairs
from counterpoint.pair_verification.threshold import Threshold, area, best_threshold, equal_error, roc
from tests.worlds import stripes

SMALL = {"width": 8, "batch_size": 32, "precision": "fp32", "head_outputs": 16, "views": "simclr(scale=0.5)"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("siamese")
    world = stripes(count=512)
    known = np.isin(world.labels, (0, 1))
    np.save(folder / "new.npy", stripes(count=240, seed=5).source)
    np.save(folder / "new_labels.npy", stripes(count=240, seed=5).labels)
    cp.fit(world.source[known], labels=world.labels[known], method="siamese", out=folder / "run", epochs=40, **SMALL)
    return folder


def test_a_siamese_run_has_a_threshold_and_says_how_right_it_is(run):
    result = json.loads((run / "run" / "verification.json").read_text())
    (scores,) = result["scores"].values()
    assert scores["pairs"] >= 20
    assert scores["roc_auc"]["low"] > scores["baselines"]["raw"]["roc_auc"]["value"]
    assert scores["accuracy"]["value"] > 0.75


def test_verifying_on_new_items_tells_known_classes_from_new_ones(run):
    result = cp.verification(run / "run", run / "new.npy", labels=run / "new_labels.npy")
    assert set(result["scores"]) == {"all pairs", "classes learned from", "classes never seen"}
    assert result["scores"]["classes learned from"]["roc_auc"]["value"] > 0.8


def test_groups_are_counted_and_too_few_are_refused(run):
    groups = [f"machine {row % 30}" for row in range(240)]
    result = cp.verification(run / "run", run / "new.npy", labels=run / "new_labels.npy", groups=groups, quiet=True)
    assert result["scores"]["all pairs"]["groups"] == 30
    assert ", of 30 groups, half of them the same" in str(result)
    few = [name[:9] for name in groups]
    with pytest.raises(cp.InputError, match="of too few groups"):
        cp.verification(run / "run", run / "new.npy", labels=run / "new_labels.npy", groups=few, quiet=True)


def test_two_items_from_the_shell(run, capsys):
    main(["verify", str(run / "run"), "0", "4", "--source", str(run / "new.npy"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"same", "distance", "threshold", "probability"}
    assert result["same"] == (result["distance"] <= result["threshold"]) == (result["probability"] >= 0.5)
    main(["verify", str(run / "run"), "7", "7", "--source", str(run / "new.npy")])
    assert capsys.readouterr().out.startswith("the same: distance 0.000")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["0"], "Give two items"),
        ([], "Give two items"),
        (["0", "nothing", "--source", "{new}"], "There is no item 'nothing'"),
        (["{new}", "0", "--source", "{new}"], "holds 240 items"),
    ],
)
def test_what_cannot_be_compared_is_met_with_advice(run, arguments, match, capsys):
    given = [each.format(new=run / "new.npy") for each in arguments]
    with pytest.raises(SystemExit) as stopped:
        main(["verify", str(run / "run"), *given])
    assert stopped.value.code == 2
    assert match in capsys.readouterr().err


def test_a_model_without_a_threshold_says_how_to_choose_one(tmp_path):
    world = stripes(count=64)
    cp.fit(world.source, out=tmp_path, epochs=1, **SMALL)
    with pytest.raises(cp.InputError, match=r"has no threshold yet.*--source SOURCE"):
        cp.verify(tmp_path, "0", "1")
    result = cp.verification(tmp_path, stripes(count=200, seed=1).source, labels=world.labels.repeat(4)[:200])
    assert set(result["scores"]) == {"all pairs"}


def test_too_few_pairs_are_refused(run):
    with pytest.raises(cp.InputError, match="A threshold needs 10 of each"):
        cp.verification(run / "run", stripes(count=12).source, labels=stripes(count=12).labels)


def test_no_item_stands_in_two_drawn_pairs_of_one_kind_and_both_kinds_are_as_many():
    class_ids = np.random.default_rng(0).integers(-1, 6, 400)
    pairs = drawn_pairs(class_ids, seed=1)
    assert 2 * int(pairs.same.sum()) == len(pairs.same) > 250
    for kind in (pairs.same, ~pairs.same):
        used = [*pairs.first[kind].tolist(), *pairs.second[kind].tolist()]
        assert len(used) == len(set(used))
        assert (class_ids[used] >= 0).all()
    assert np.array_equal(class_ids[pairs.first] == class_ids[pairs.second], pairs.same)
    assert len(drawn_pairs(np.zeros(40, dtype=np.int64), seed=0).same) == 0


def test_pairs_of_classes_with_two_items_each():
    pairs = drawn_pairs(np.repeat(np.arange(100), 2), seed=0)
    assert int(pairs.same.sum()) == 100


def test_the_threshold_is_right_for_the_most_pairs_by_trying_all():
    generator = np.random.default_rng(3)
    distance = generator.normal(1, 0.3, 80).round(1).clip(0.1)
    same = generator.random(80) < 1 / (1 + np.exp(8 * (distance - 1)))
    chosen = best_threshold(distance, same)
    most = max(int(((distance <= cut) == same).sum()) for cut in np.linspace(0, 3, 3001))
    assert int((chosen.same(distance) == same).sum()) == most
    assert (np.diff(chosen.probability(np.sort(distance))) <= 0).all()
    assert ((chosen.probability(distance) >= 0.5) == chosen.same(distance)).all()


def test_the_steepness_is_the_one_that_made_the_pairs():
    generator = np.random.default_rng(4)
    distance = generator.uniform(0, 2, 20_000)
    same = generator.random(20_000) < Threshold(1.0, 5.0).probability(distance)
    assert best_threshold(distance, same).steepness == pytest.approx(5.0, rel=0.1)


def test_area_and_equal_error_by_counting():
    generator = np.random.default_rng(5)
    distance, same = generator.normal(0, 1, 60), generator.random(60) < 0.5
    distance = distance - same
    nearer = [float(a < b) + 0.5 * float(a == b) for a in distance[same] for b in distance[~same]]
    result = area(distance, same)
    assert result.value == pytest.approx(np.mean(nearer))
    assert result.low < result.value < result.high
    assert abs(equal_error(distance, same).value - (1 - result.value)) < 0.15


def test_curves_of_weighted_pairs_are_those_of_scikit_learn():
    generator = np.random.default_rng(6)
    distance, same = generator.integers(0, 9, 50) / 4, generator.random(50) < 0.5
    weights = generator.integers(0, 3, (4, 50)).astype(float)
    strangers, friends = roc(distance, same, weights)
    for draw, drawn in enumerate(weights):
        expected = roc_curve(same, -distance, sample_weight=drawn, drop_intermediate=False)
        shown = np.isin(np.unique(distance), distance[drawn > 0])  # scikit-learn leaves out what weighs nothing
        assert np.allclose(strangers[draw, 1:][shown], expected[0][1:])
        assert np.allclose(friends[draw, 1:][shown], expected[1][1:])
    assert area(distance, same).value == pytest.approx(roc_auc_score(same, -distance))
