"""How many negatives are false: exactly from labels, roughly from vectors."""

import itertools
import json
import warnings

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.errors import InputError
from counterpoint.evaluation.collisions import collision_rate, estimated_collisions, sentences
from counterpoint.evaluation.probe import LEARNED, table
from counterpoint.evaluation.scores import collisions
from counterpoint.modalities.table import Table
from counterpoint.modality import DataOptions
from counterpoint.model import Model
from counterpoint.setup.label_history import saw_labels
from tests.worlds import records

TINY = {"epochs": 1, "batch_size": 32, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}


def clusters(sizes, *, width=16, spread=0.25, noise=0.1, seed=0):
    """Two views of items around one direction for each class, and their classes."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.linalg.qr(random.normal(size=(width, width)))[0][: len(sizes)]
    items = centres[labels] + spread * random.normal(size=(len(labels), width)) / np.sqrt(width)
    first, second = (items + noise * random.normal(size=items.shape) / np.sqrt(width) for _ in range(2))
    return first.astype(np.float32), second.astype(np.float32), labels


def test_the_rate_is_the_share_of_pairs_of_one_class():
    labels = np.asarray([0, 0, 1, 2, 2, 2, -1, -1])
    pairs = list(itertools.combinations(labels[labels >= 0], 2))
    assert collision_rate(labels).value == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))


def test_the_interval_of_few_labels_holds_the_rate_of_all():
    random = np.random.default_rng(0)
    everyone = random.choice(4, size=5000, p=[0.4, 0.3, 0.2, 0.1])
    true = collision_rate(everyone).value
    result = [collision_rate(random.choice(everyone, 100), seed=seed, draws=500) for seed in range(100)]
    assert np.mean([each.value for each in result]) == pytest.approx(true, abs=0.01)
    assert np.mean([each.low <= true <= each.high for each in result]) > 0.85
    assert all(0 <= each.low <= each.value <= each.high <= 1 for each in result)


@pytest.mark.parametrize("sizes", [(200, 200), (60, 60, 60, 60, 60), (240, 80, 40)])
def test_vectors_of_plain_clusters_tell_the_rate(sizes):
    first, second, labels = clusters(sizes)
    result = estimated_collisions(first, second)
    assert result.clusters == len(sizes)
    assert result.share.value == pytest.approx(collision_rate(labels).value, rel=0.1)
    assert result.share.low <= result.share.value <= result.share.high
    assert result.gap > 0.2


def test_vectors_without_clusters_say_so():
    first, second, _ = clusters((400,), spread=1.0)
    result = estimated_collisions(first, second)
    assert result.gap < 0.05
    again = estimated_collisions(first, second)
    assert result == again


def test_points_that_cluster_less_than_chance_have_an_estimate_too():
    first = np.random.default_rng(0).uniform(size=(52, 256)).astype(np.float32)
    second = first + 0.2 * np.random.default_rng(100).uniform(size=(52, 256)).astype(np.float32)
    result = estimated_collisions(first, second)
    assert result.gap < 0
    assert result.share.low <= result.share.value <= result.share.high


def test_wrong_input_is_met_with_advice():
    with pytest.raises(InputError, match="first pair"):
        collision_rate(np.asarray([3, -1, -1]))
    with pytest.raises(InputError, match="from 40 items on"):
        estimated_collisions(np.eye(9), np.eye(9))
    with pytest.raises(InputError, match="two views of the same items"):
        estimated_collisions(np.eye(9), np.eye(8))
    with pytest.raises(InputError, match="finite numbers"):
        estimated_collisions(np.full((50, 2), np.nan), np.ones((50, 2)))
    with pytest.raises(InputError, match="All items have the same vector"):
        estimated_collisions(np.ones((50, 2)), np.ones((50, 2)))


@pytest.mark.parametrize("width", [1, 3])
def test_few_distinct_vectors_are_no_more_clusters_than_there_are(width):
    items = np.repeat(np.eye(3, width) - 0.1, 40, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = estimated_collisions(items, items)
    assert result.clusters == min(3, width + 1)
    assert result.share.value == pytest.approx(1 / 3 if width == 3 else 5 / 9)


# --- in the verb ``evaluate``


def seen(rows):
    """A model whose vectors are the rows of a table, and whose views the rows with a little noise."""
    noise = 0.02 * np.random.default_rng(1).normal(size=rows.shape[1])
    table, _ = Table.fit(
        rows, DataOptions(views=lambda batch, key: batch + key[:, None] % 3 * torch.tensor(noise).float())
    )
    return Model(torch.nn.Identity(), table)


@pytest.mark.parametrize("sizes", [(200, 200), (60, 60, 60, 60, 60)])
def test_evaluate_says_the_rate_of_all_labels_and_an_estimate_near_it(sizes):
    rows, _, labels = clusters(sizes)
    result = cp.evaluate(seen(rows), rows, labels=labels)
    again = cp.evaluate(seen(rows), rows, labels=labels)["collisions"]
    each = np.asarray(sizes)
    assert result["collisions"]["true"]["value"] == pytest.approx(
        sum(each * (each - 1)) / (sum(each) * (sum(each) - 1))
    )
    assert result["collisions"]["estimated"]["value"] == pytest.approx(1 / len(sizes), rel=0.1)
    assert result["collisions"]["clusters"] == len(sizes)
    assert result["collisions"]["gap"] > 0.05
    assert json.loads(json.dumps(result))["collisions"] == result["collisions"] == again
    assert f"Collisions: {result['collisions']['true']['value']:.1%} (" in table(result)
    assert f"estimated without labels from {len(sizes)} clusters: " in table(result)


def test_a_test_source_has_a_rate_of_its_own():
    rows, others, labels = clusters((60, 60, 60))
    some = labels != 0
    result = cp.evaluate(seen(rows), rows, others[some], labels=(labels, labels[some]))["collisions"]
    assert result["true"]["value"] == pytest.approx(59 / 119)
    assert result["clusters"] == 3


def test_items_in_order_of_class_are_drawn_from_all_of_them():
    rows, _, labels = clusters((1300, 1300))
    model = seen(rows)
    result = collisions(model, model.modality.open(rows), labels)
    assert result["clusters"] == 2
    assert result["estimated"]["value"] == pytest.approx(result["true"]["value"], rel=0.05)


def test_without_views_or_with_few_items_there_is_no_estimate():
    rows, _, labels = clusters((30, 30))
    model = seen(rows)
    blind = Model(model.encoder, Table.from_settings(model.modality.settings()))
    items = model.modality.open(rows)
    sparse = model.modality.open(rows[:20])
    none = {"estimated": None, "clusters": None, "gap": None}
    true = collisions(model, items, labels)["true"]
    assert collisions(blind, items, labels) == {"true": true, **none}
    assert collisions(model, sparse, labels) == {"true": true, **none}
    assert collisions(model, sparse, labels[:1]) == {"true": None, **none}
    assert sentences(collisions(model, sparse, labels[:1])) == ""


def test_a_model_that_has_collapsed_has_no_estimate():
    rows, _, labels = clusters((30, 30))
    collapsed = torch.nn.Linear(rows.shape[1], 4)
    torch.nn.init.zeros_(collapsed.weight)
    modality = seen(rows).modality
    assert collisions(Model(collapsed, modality), modality.open(rows), labels)["estimated"] is None


def about(rate, *, gap=0.2):
    interval = {"value": rate, "low": rate - 0.01, "high": rate + 0.01}
    return {"true": interval, "estimated": {**interval, "value": rate + 0.005}, "clusters": 9, "gap": gap}


def test_advice_stands_where_it_matters_and_a_guess_is_called_one():
    assert sentences(about(0.1)) == (
        "Collisions: 10.0% (9.0% to 11.0%) of pairs of different items are of one class and so false negatives; "
        "estimated without labels from 9 clusters: 10.5% (9.0% to 11.0%)."
    )
    assert sentences(about(0.1, gap=0.04)).endswith(", hardly more than a guess, since clusters are unclear.")
    assert sentences(about(0.25)).splitlines()[1] == (
        "About one negative in 4 is false: compare with --negatives cancelled, with other_labels where some labels "
        'are known, or with --objective "debiased(prior=0.25)"; see docs/which-method.md.'
    )
    assert "Most negatives are false" in sentences(about(0.8))
    assert len(sentences(about(0.25), advise=False).splitlines()) == 1


@pytest.mark.parametrize(
    ("choices", "learned"),
    [
        ({"method": "sup_con"}, True),
        ({"negatives": "other_labels"}, True),
        ({"method": "simclr"}, False),
    ],
)
def test_evaluate_says_whether_the_run_has_learned_from_labels(tmp_path, capsys, choices, learned):
    world = records(count=128)
    np.save(tmp_path / "rows.npy", world.source)
    np.save(tmp_path / "labels.npy", world.labels)
    model = cp.fit(tmp_path / "rows.npy", labels=world.labels, out=tmp_path / "run", **choices, **TINY)
    capsys.readouterr()
    main(["evaluate", str(tmp_path / "run"), "--labels", str(tmp_path / "labels.npy"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["learned_from_labels"] is learned
    assert set(result["collisions"]) == {"true", "estimated", "clusters", "gap"}
    assert (LEARNED in table(result)) is learned
    assert ("About one negative in 4 is false" in table(result)) is not learned
    kept = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    assert kept["collisions"] == result["collisions"]
    assert saw_labels(model) is None
    cp.distill(tmp_path / "run", world.source, out=tmp_path / "student", epochs=1, batch_size=32)
    assert saw_labels(tmp_path / "student") is learned


def test_classifiers_and_pairs_count_as_labels_and_what_is_not_recorded_is_not_known(tmp_path):
    world = records(count=128)
    model = cp.fit(world.source, out=tmp_path / "run", **TINY)
    classifier = cp.finetune(model, world.source, labels=world.labels, epochs=1, out=tmp_path / "few")
    assert saw_labels(classifier) is saw_labels(tmp_path / "few") is True
    path = tmp_path / "run" / "plan.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**plan, "settled": {**plan["settled"], "method": "siamese"}}), encoding="utf-8")
    assert saw_labels(tmp_path / "run") is True
    path.write_text(
        json.dumps({**plan, "settled": {**plan["settled"], "method": "gone.away:Method"}}), encoding="utf-8"
    )
    assert saw_labels(tmp_path / "run") is None
    path.unlink()
    assert saw_labels(tmp_path / "run") is None
