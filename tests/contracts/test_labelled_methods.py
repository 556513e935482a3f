"""Methods that learn from labels or pairs: their formulas, what stands in their batches, and wrong input."""

import math

import numpy as np
import pytest
import torch

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.comparison.loss import loss_of
from counterpoint.errors import LabelError, PlanError
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.methods.joint import Joint
from counterpoint.methods.siamese import Siamese
from counterpoint.methods.sup_con import SupCon
from counterpoint.methods.triplet import Triplet
from counterpoint.plans import Plan
from counterpoint.setup.defaults import completed
from counterpoint.setup.experiment import chosen, prepare
from tests.worlds import records

TINY = {"epochs": 1, "batch_size": 16, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}
LABELLED = [name for name in catalogue.names("method") if catalogue.find("method", name).needs_labels]


def vectors(count, seed=0, width=5):
    return torch.randn(count, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def info(labels=None, same=None, count=6):
    return ItemInfo(
        torch.arange(count),
        None if labels is None else torch.tensor(labels),
        None if same is None else torch.tensor(same),
    )


def networks():
    return torch.nn.Linear(4, 6), torch.nn.Sequential(torch.nn.Linear(6, 5, bias=False))


def test_siamese_is_the_loss_of_hadsell_over_pairs():
    method = Siamese(*networks(), catalogue.find("objective", "margin(margin=2.0)"))
    first, second, same = vectors(6), vectors(6, seed=1), [True, False, True, True, False, False]
    table = method.compare((first, second), info(same=same))
    expected = 0.0
    for a, b, alike in zip(first.tolist(), second.tolist(), same, strict=True):
        distance, y = math.dist(a, b), 0 if alike else 1
        expected += (1 - y) * distance**2 + y * max(2.0 - distance, 0) ** 2
    for height in (None, 1, 4):
        assert float(loss_of(table, method.objective, height=height)) == pytest.approx(expected)


def test_sup_con_and_triplet_take_the_items_of_a_class_for_positives_and_strangers_for_nobody():
    labels = [0, 0, 1, -1, -1, 1]
    tile = (
        SupCon(*networks(), catalogue.find("objective", "sup_con"))
        .compare((vectors(6), vectors(6, seed=1)), info(labels))
        .tile(slice(0, 12))
    )
    assert tile.positive[0].nonzero()[:, 0].tolist() == [1, 6, 7]
    assert tile.positive[3].nonzero()[:, 0].tolist() == [9]
    assert not bool((tile.positive & tile.negative).any())
    alone = (
        Triplet(*networks(), catalogue.find("objective", "triplet"))
        .compare((vectors(6),), info(labels))
        .tile(slice(0, 6))
    )
    assert alone.positive.sum(dim=1).tolist() == [1, 1, 1, 0, 0, 1]
    assert alone.negative[3].tolist() == [True, True, True, False, True, True]


def test_joint_is_contrast_and_the_mean_cross_entropy_of_labelled_views():
    method = Joint(*networks(), catalogue.find("objective", "info_nce"), classes=3, weight=0.5).double()
    z, scores, labels = (vectors(6), vectors(6, seed=1)), (vectors(6, 2, 3), vectors(6, 3, 3)), [0, -1, 2, -1, -1, 1]
    table, losses = method.compare((*z, *scores), info(labels))
    assert len(table.anchors) == 12
    known = [(row, label) for row, label in enumerate(labels) if label >= 0]
    entropy = [-float(view[row].log_softmax(dim=0)[label]) for view in scores for row, label in known]
    assert float(losses.mean()) == pytest.approx(0.5 * sum(entropy) / len(entropy))
    nobody = method.compare((*z, *scores), info([-1] * 6))[1]
    assert nobody.tolist() == [0.0] * 6


@pytest.mark.parametrize("name", LABELLED)
def test_a_run_learns_from_labels_and_resumes_with_the_same_ones_only(name, tmp_path):
    world = records(count=64)
    labels = world.labels.copy()
    labels[::5] = -1
    model = cp.fit(world.source, method=name, labels=labels, out=tmp_path, **TINY)
    again = cp.fit(world.source, method=name, labels=labels, **TINY)
    assert model.fingerprint() == again.fingerprint()
    assert model.fingerprint() != cp.fit(world.source, method=name, labels=labels[::-1].copy(), **TINY).fingerprint()
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(cp.InputError, match="not the same data"):
        cp.fit(world.source, method=name, labels=labels[::-1].copy(), out=tmp_path, resume=True)


@pytest.mark.parametrize("name", LABELLED)
def test_without_labels_the_methods_that_need_none_are_named(name):
    with pytest.raises(LabelError, match=r"give labels=.*These methods need none: simclr, moco"):
        cp.fit(records(count=64).source, method=name, **TINY)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["a"] * 64, "needs two classes"),
        (list(range(64)), "no two belong together"),
        (["a|b", "b"] * 32, "one class for each item"),
        (["a", "b"] * 31, "62 labels for 64 items"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels, match):
    with pytest.raises(LabelError, match=match):
        cp.fit(records(count=64).source, method="sup_con", labels=labels, **TINY)


def experiment(count=64, **choices):
    labels, pairs = choices.pop("labels", None), choices.pop("pairs", None)
    return prepare(records(count=count).source, *chosen(choices, labels=labels, pairs=pairs), began=0.0)


def test_a_tenth_of_what_siamese_is_given_is_kept_to_verify_with():
    parts = experiment(200, method="siamese", labels=records(count=200).labels, **TINY)
    kept = {*parts.learned.kept.first.tolist(), *parts.learned.kept.second.tolist()}
    assert kept
    assert not kept & set(np.flatnonzero(parts.class_ids >= 0).tolist())
    pairs = [(str(row), str(row + 1), row % 2) for row in range(60)]
    parts = experiment(method="siamese", pairs=pairs, **TINY)
    assert len(parts.learned.sampling) + len(parts.learned.kept.same) == 60


@pytest.mark.parametrize(
    ("pairs", "match"),
    [
        ([("0", "99", 1)], "names '99', which is none of the items"),
        ([("0", "0", 1)], "paired with itself"),
        ([("0", "1", 2)], "1 or 0, yes or no"),
        ([], "no pairs"),
        ("nowhere.csv", "nowhere.csv"),
    ],
)
def test_pairs_that_cannot_be_used_are_refused(pairs, match):
    with pytest.raises(cp.InputError, match=match):
        experiment(method="siamese", pairs=pairs, **TINY)


def test_pairs_come_from_a_table(tmp_path):
    from counterpoint.data.memory_items import Rows
    from counterpoint.data.pairs import read_pairs

    items = Rows.of(np.zeros((3, 1)), ["a", "b", "c"])
    (tmp_path / "pairs.csv").write_text("first,second,same\na,b,yes\nb,c,no\n")
    pairs = read_pairs(tmp_path / "pairs.csv", items)
    assert [part.tolist() for part in pairs] == [[0, 1], [1, 2], [True, False]]
    (tmp_path / "wrong.csv").write_text("first,other\na,b\n")
    with pytest.raises(LabelError, match="columns first, second, same"):
        read_pairs(tmp_path / "wrong.csv", items)
    with pytest.raises(PlanError, match="does not learn from pairs"):
        experiment(method="simclr", pairs=tmp_path / "pairs.csv", **TINY)


@pytest.mark.parametrize(
    ("choices", "match"),
    [
        ({"method": "siamese", "objective": "info_nce"}, "cannot use the objective 'info_nce'.*margin, sigmoid"),
        ({"objective": "margin", "similarity": "cosine"}, "cannot use the similarity 'cosine'.*euclidean"),
        ({"objective": "margin", "temperature": 0.5}, "has no temperature"),
        ({"objective": "margin(margin=-1)"}, "margin must be at least 0"),
        ({"method": "joint(weight=-1)"}, "weight of at least 0"),
        ({"temperature": 0}, "temperature must be at least 0.001"),
        ({"temperature": "learnt"}, "Did you mean 'learned'"),
        ({"temperature": "learned(start=0.0)"}, "0 < low <= start <= high"),
        ({"temperature": "scheduled(low=2.0)"}, "0 < low <= high"),
        ({"method": "moco(queue=8)"}, "A queue of 8 keys cannot hold a batch of 16"),
        ({"negatives": "hardest(k=0)"}, "k of hardest must be at least 1"),
    ],
)
def test_choices_that_exclude_each_other_are_refused_before_anything_is_written(choices, match, tmp_path):
    labels = records(count=64).labels
    with pytest.raises(cp.InputError, match=match):
        cp.fit(records(count=64).source, labels=labels, out=tmp_path / "run", **{**TINY, **choices})
    assert not (tmp_path / "run").exists()


def test_a_plan_is_completed_by_method_and_objective():
    assert completed(Plan(objective="margin")).similarity == "euclidean"
    assert completed(Plan(method="sup_con")).objective == "sup_con"
    assert completed(Plan(method="siamese", head_layers=2)).head_layers == 2
    assert completed(Plan(method="siamese")).head_layers == 1
    assert completed(Plan(method="siamese")).similarity == "euclidean"


def test_a_learned_temperature_moves_and_a_scheduled_one_swings():
    moved = experiment(temperature="learned(start=0.2)", **TINY).method
    assert float(moved.objective.formula().keywords["temperature"].detach()) == pytest.approx(0.2)
    loss = loss_of(moved.compare((vectors(6, width=8).float(), vectors(6, 1, 8).float()), info()), moved.objective)
    (slope,) = torch.autograd.grad(loss, moved.objective.log_temperature)
    assert float(slope.detach()) != 0
    assert "objective.log_temperature" in moved.state_dict()
    swinging = experiment(temperature="scheduled(low=0.1, high=0.5, turns=1)", **TINY).method
    result = []
    for number in (0, 25, 50, 100):
        swinging.remember(Step(number, 100, (), info()))
        result.append(swinging.objective.formula().keywords["temperature"])
    assert result == pytest.approx([0.5, 0.3, 0.1, 0.5])


def test_the_bias_of_the_sigmoid_loss_is_learned_beside_its_temperature():
    method = experiment(temperature="learned", objective="sigmoid", **TINY).method
    assert float(method.objective.bias.detach()) == -10
    assert {"objective.bias", "objective.log_temperature"} <= {name for name, _ in method.named_parameters()}


def test_an_uncertain_similarity_gives_each_anchor_a_temperature_of_its_own():
    similarity = catalogue.find("similarity", "uncertain")
    z = torch.tensor([[3.0, 4.0, 0.0], [0.0, 1.0, 2.0]])
    expected = [[0.5 * 1.0, 0.5 * 0.8], [torch.sigmoid(torch.tensor(2.0)) * 0.8, torch.sigmoid(torch.tensor(2.0))]]
    torch.testing.assert_close(similarity(z, z), torch.tensor(expected))
