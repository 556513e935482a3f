from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.data.splits import split
from counterpoint.errors import InputError, LabelError
from counterpoint.evaluation import knn, linear
from counterpoint.evaluation.geometry import alignment, effective_rank, uniformity
from counterpoint.evaluation.intervals import Interval, paired_interval, score_interval
from counterpoint.evaluation.knn import check_labelled, weighted_knn
from counterpoint.evaluation.linear import STRENGTHS, linear_probe
from counterpoint.evaluation.probe import Probe, compare, probe, table
from counterpoint.evaluation.verdict import headline


def vectors(count: int, width: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def integers(count: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, classes, count)


def clouds(count: int, seed: int = 0, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Well separated clouds, one for each class, and their labels."""
    labels = np.arange(count) % classes
    centres = 10 * np.eye(classes, 6, dtype=np.float32)
    return centres[labels] + vectors(count, seed=seed), labels


def unit(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)


def voted_slowly(train, labels, test, classes, k, temperature):
    answers = []
    for x in unit(test):
        alike = [(float(x @ y), int(label)) for y, label in zip(unit(train), labels, strict=True)]
        votes = [0.0] * classes
        for s, label in sorted(alike, reverse=True)[:k]:
            votes[label] += math.exp(s / temperature)
        answers.append(votes.index(max(votes)))
    return answers


# --- nearest neighbours


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 50), st.floats(0.05, 2), st.integers(0, 1000))
def test_weighted_knn_is_the_formula_in_loops(count, k, temperature, seed):
    train, labels, test = vectors(count, seed=seed), integers(count, 4, seed), vectors(7, seed=seed + 1)
    result = weighted_knn(train, labels, test, classes=4, k=k, temperature=temperature)
    assert result.tolist() == voted_slowly(train, labels, test, 4, k, temperature)


def test_weighted_knn_agrees_with_scikit_learn():
    from sklearn.neighbors import KNeighborsClassifier

    train, labels, test = vectors(300), integers(300, 5), vectors(100, seed=1)
    model = KNeighborsClassifier(20, metric="cosine", weights=lambda far: np.exp((1 - far) / 0.07))
    expected = model.fit(train, labels).predict(test)
    assert weighted_knn(train, labels, test, classes=5).tolist() == expected.tolist()


def test_blocks_do_not_change_the_votes(monkeypatch):
    train, labels, test = vectors(50), integers(50, 3), vectors(23, seed=1)
    whole = weighted_knn(train, labels, test, classes=3)
    monkeypatch.setattr(knn, "CELLS", 200)
    assert weighted_knn(train, labels, test, classes=3).tolist() == whole.tolist()


def test_more_training_items_than_are_compared_at_once_are_compared_all_the_same(monkeypatch):
    train, labels, test = vectors(50), integers(50, 3), vectors(7, seed=1)
    whole = weighted_knn(train, labels, test, classes=3)
    monkeypatch.setattr(knn, "CELLS", 20)
    assert weighted_knn(train, labels, test, classes=3).tolist() == whole.tolist()


def test_a_training_item_without_a_direction_is_like_nothing():
    train = np.asarray([[0, 0], [1, 0], [0, 1]], dtype=np.float32)
    test = np.asarray([[1, 0.1], [0.1, 1]], dtype=np.float32)
    assert weighted_knn(train, np.asarray([0, 1, 2]), test, classes=3, k=1).tolist() == [1, 2]


def test_knn_compares_directions_and_not_lengths():
    train, labels, test = vectors(50), integers(50, 3), vectors(23, seed=1)
    longer = train * np.linspace(0.1, 1000, 50, dtype=np.float32)[:, None]
    answers = [weighted_knn(each, labels, test, classes=3).tolist() for each in (train, longer)]
    assert answers[0] == answers[1]


def test_a_tiny_temperature_listens_to_the_nearest_alone():
    train, labels, test = vectors(50), integers(50, 3), vectors(23, seed=1)
    nearest = labels[(unit(test) @ unit(train).T).argmax(axis=1)]
    assert weighted_knn(train, labels, test, classes=3, temperature=1e-6).tolist() == nearest.tolist()


def test_knn_takes_arrays_that_may_not_be_written_to():
    train, labels = clouds(30)
    test = train.copy()
    for each in (train, labels, test):
        each.setflags(write=False)
    assert weighted_knn(train, labels, test, classes=3).tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("labels", "choices", "message"),
    [
        ([0, 3], {"classes": 3}, r"Labels must lie in 0 to 2 for 3 classes. Got 0 to 3\."),
        ([-1, 1], {"classes": 3}, r"Got -1 to 1\."),
        ([0, 1], {"classes": 2, "k": 0}, r"k must be at least 1 .* Got k=0, temperature=0.07\."),
        ([0, 1], {"classes": 2, "temperature": 0.0}, r"temperature above 0. Got k=20, temperature=0.0\."),
    ],
)
def test_knn_refuses_choices_out_of_range(labels, choices, message):
    with pytest.raises(InputError, match=message):
        weighted_knn(vectors(2), np.asarray(labels), vectors(1), **choices)


# --- linear probe


def test_linear_probe_separates_clouds():
    train, labels = clouds(150)
    test, truth = clouds(60, seed=1)
    assert linear_probe(train, labels, test).tolist() == truth.tolist()


def test_linear_probe_is_scikit_learn_at_its_best_strength():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    labels = integers(400, 3)
    train = vectors(400) + 0.8 * np.eye(3, 6, dtype=np.float32)[labels]
    test = vectors(200, seed=1) + 0.8 * np.eye(3, 6, dtype=np.float32)[labels[:200]]
    scaler = StandardScaler().fit(train)
    x, y = scaler.transform(train), scaler.transform(test)
    shares = [
        np.mean(linear_probe(train, labels, test) == LogisticRegression(C=c).fit(x, labels).predict(y))
        for c in STRENGTHS
    ]
    assert max(shares) >= 0.99


def test_linear_probe_does_not_mind_the_scale_of_a_feature():
    train, labels = clouds(90)
    test, truth = clouds(30, seed=1)
    scale = np.asarray([1e-3, 1e3, 1, 1, 1, 1], dtype=np.float32)
    assert linear_probe(train * scale + 5, labels, test * scale + 5).tolist() == truth.tolist()


def test_linear_probe_bears_features_that_never_change():
    train, labels = clouds(90)
    train[:, 5] = 0.1
    assert linear_probe(train, labels, train).tolist() == labels.tolist()


@pytest.mark.parametrize("labels", [[0, 1], [9, 4, 7], [7, 7, 7, 3, 3, 3]])
def test_linear_probe_learns_from_few_items(labels):
    train = 5 * np.eye(10, dtype=np.float32)[labels]
    assert linear_probe(train, np.asarray(labels), train).tolist() == labels


def test_linear_probe_bears_a_class_with_one_item():
    labels = np.asarray([7, 7, 7, 7, 3, 3, 3, 3, 9])
    train = 5 * np.eye(10, dtype=np.float32)[labels]
    assert linear_probe(train, labels, train)[:8].tolist() == labels[:8].tolist()


def test_where_nothing_can_be_held_out_the_strength_is_the_middle_one():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    train, test = vectors(8), vectors(200, seed=1)
    scaler = StandardScaler().fit(train)
    middle = LogisticRegression(C=0.1).fit(scaler.transform(train), np.arange(8))
    same = linear_probe(train, np.arange(8), test) == middle.predict(scaler.transform(test))
    assert same.mean() >= 0.97


def test_of_equally_good_strengths_the_middle_one_is_taken(monkeypatch):
    class Fitted:
        """Is right for as many items as its strength says."""

        def __init__(self, right):
            self.counts = right

        def set_params(self, C):  # noqa: N803
            self.right = self.counts[STRENGTHS.index(C)]

        def predict(self, held):
            return np.where(np.arange(len(held)) < self.right, labels[:1].repeat(len(held)), -1)

    monkeypatch.setattr("counterpoint.evaluation.linear.fit_on_one_thread", lambda model, x, labels: model)
    labels = np.zeros(50, dtype=np.int64)
    for right, place in (
        ([5, 5, 5, 5, 5], 2),
        ([4, 5, 5, 5, 3], 2),
        ([5, 5, 5, 1, 1], 1),
        ([0, 0, 5, 5, 5], 3),
        ([5, 5, 0, 0, 0], 1),  # of two the weaker regularisation
        ([5, 0, 0, 0, 5], 4),
        ([5, 4, 4, 4, 4], 0),
    ):
        assert linear._strength(Fitted(right), vectors(50), labels, 0, None) == STRENGTHS[place]


def test_linear_probe_answers_the_same_for_the_same_seed():
    train, labels, test = vectors(200), integers(200, 3), vectors(200, seed=1)
    first, second = (linear_probe(train, labels, test, seed=4) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_linear_probe_keeps_its_steps_to_itself():
    train, labels = vectors(300, width=60), integers(300, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(linear_probe(train, labels, train)) <= {0, 1, 2}


def test_linear_probe_refuses_a_single_class():
    with pytest.raises(LabelError, match="All 4 training items have the label 2; a linear probe needs"):
        linear_probe(vectors(4), np.full(4, 2), vectors(1))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(1, 300), st.floats(0.01, 1))
def test_split_keeps_every_class_and_no_item_twice(labels, most, share):
    labels = np.asarray(labels)
    kept, held = split(labels, seed=0, share=share, most=most)
    assert not (kept & held).any()
    assert set(labels[kept]) == set(labels)
    assert kept.sum() <= most + len(set(labels))
    for label in set(labels):
        user_parts = labels == label
        assert held[user_parts].sum() == min(user_parts.sum() - 1, max(1, round(share * user_parts.sum())))
    assert (split(labels, seed=0, share=share)[0] == ~held).all()


def test_split_depends_on_its_seed():
    labels = integers(200, 3)
    assert (split(labels, seed=0)[1] != split(labels, seed=1)[1]).any()


# --- what both refuse


@pytest.mark.parametrize(
    ("x", "labels", "kind", "message"),
    [
        (np.zeros((0, 3)), np.zeros(0), InputError, "There are no test items. A score needs some"),
        (np.zeros((3, 3)), np.zeros(2), LabelError, "Got 3 test items but 2 labels; give one for each"),
        (np.full((3, 3), np.nan), np.zeros(3), InputError, "the test items hold NaN or infinity"),
        (
            np.full((3, 3), np.inf),
            np.zeros(3),
            InputError,
            "with a lower learning_rate or with precision fp32",
        ),
    ],
)
def test_vectors_without_a_score_are_refused(x, labels, kind, message):
    with pytest.raises(kind, match=message):
        check_labelled(x, labels, role="test")


@pytest.mark.parametrize("fit", [lambda *data: weighted_knn(*data, classes=2), linear_probe])
def test_both_probes_check_what_they_learn_from(fit):
    diverged = np.full((2, 6), np.nan, dtype=np.float32)
    with pytest.raises(InputError, match="the training items hold NaN"):
        fit(diverged, np.asarray([0, 1]), vectors(1))


# --- geometry


def test_alignment_by_hand():
    x = np.asarray([[2, 0], [0, 1]], dtype=np.float32)
    y = np.asarray([[0, 3], [0, -1]], dtype=np.float32)
    assert alignment(x, y) == pytest.approx((2 + 4) / 2)


def test_uniformity_by_hand():
    x = np.asarray([[1, 0], [0, 5], [-1, 0]], dtype=np.float32)
    assert uniformity(x) == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3), rel=1e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 30), st.integers(0, 1000))
def test_uniformity_is_the_formula_in_loops(count, seed):
    x = vectors(count, seed=seed)
    pairs = [
        math.exp(-2 * float(np.square(a - b).sum()))
        for i, a in enumerate(unit(x))
        for j, b in enumerate(unit(x))
        if i != j
    ]
    assert uniformity(x) == pytest.approx(math.log(sum(pairs) / len(pairs)), abs=1e-4)


def test_blocks_do_not_change_the_geometry(monkeypatch):
    x = vectors(50)
    whole = uniformity(x), effective_rank(x)
    monkeypatch.setattr("counterpoint.evaluation.geometry.ROWS", 7)
    assert (uniformity(x), effective_rank(x)) == pytest.approx(whole)


def test_some_items_speak_for_the_uniformity_of_all():
    x = vectors(2000)
    assert uniformity(x, most=500) == pytest.approx(uniformity(x), abs=0.1)
    assert uniformity(x, most=500) != uniformity(x)


def test_collapse_shows_in_the_geometry():
    x = np.tile(vectors(1), (20, 1))
    assert uniformity(x) == pytest.approx(0, abs=1e-5)
    assert effective_rank(x) == pytest.approx(1, abs=1e-3)


def test_the_effective_rank_of_an_orthonormal_basis_is_its_size():
    basis, _ = np.linalg.qr(vectors(9, width=9).astype(np.float64))
    assert effective_rank(basis.astype(np.float32)) == pytest.approx(9, abs=1e-3)
    assert effective_rank(basis[:4].astype(np.float32)) == pytest.approx(4, abs=1e-3)


@pytest.mark.parametrize("shape", [(40, 5), (5, 40), (8, 8)])
def test_the_effective_rank_is_that_of_the_singular_values(shape):
    x = vectors(*shape) + 1
    sigma = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    p = sigma / sigma.sum() + 1e-7
    assert effective_rank(x) == pytest.approx(math.exp(-float(np.sum(p * np.log(p)))), rel=1e-6)


def test_geometry_refuses_what_has_none():
    with pytest.raises(InputError, match=r"The geometry of vectors shows from 2 of them on\. Got 1\."):
        uniformity(vectors(1))
    with pytest.raises(InputError, match=r"shows from 1 of them on\. Got 0\."):
        alignment(vectors(0), vectors(0))
    with pytest.raises(InputError, match="Some vectors hold NaN or infinity"):
        effective_rank(np.full((3, 2), np.nan, dtype=np.float32))
    with pytest.raises(InputError, match="All vectors are zero, so they have no rank"):
        effective_rank(np.zeros((3, 2), dtype=np.float32))


# --- both scores together


def test_a_probe_says_which_items_are_right():
    train, labels = clouds(90)
    test, truth = clouds(30, seed=1)
    truth = np.where(np.arange(30) == 4, 99, truth)
    result = probe(train, labels, test, truth, classes=3)
    assert result.knn.tolist() == result.linear.tolist() == [n != 4 for n in range(30)]


def test_a_probe_checks_its_test_items():
    train, labels = clouds(9)
    with pytest.raises(LabelError, match="Got 9 test items but 0 labels"):
        probe(train, labels, train, np.zeros(0, dtype=np.int64), classes=3)


def compared() -> dict:
    place = np.arange(200)
    good, fair, poor = place % 10 != 0, place % 10 > 2, place % 10 > 7
    return compare(
        Probe(good, fair),
        {"raw": Probe(fair, good), "untrained": Probe(poor, fair)},
        train_labels=np.asarray([0, 1, 1, 2]),
        test_labels=place % 4,
    )


def test_a_comparison_holds_values_intervals_and_differences():
    place = np.arange(200)
    good, fair, chance = place % 10 != 0, place % 10 > 2, place % 4 == 1
    scores = compared()
    assert list(scores) == ["knn", "linear"]
    assert Interval(*(scores["knn"][name] for name in ("value", "low", "high"))) == score_interval(good)
    shares = {name: each["value"] for name, each in scores["linear"]["baselines"].items()}
    assert shares == pytest.approx({"raw": 0.9, "untrained": 0.7, "chance": 0.25})
    assert scores["knn"]["baselines"]["chance"] == score_interval(chance)._asdict()
    alone = paired_interval(good, fair)
    together = scores["knn"]["differences"]["raw"]
    assert (scores["knn"]["comparisons"], together["value"]) == (6, alone.value)
    assert together["low"] < alone.low < alone.high < together["high"]
    assert json.loads(json.dumps(scores)) == scores


def test_the_table_says_whether_training_helped():
    geometry = {"alignment": 0.25, "uniformity": -2.5, "effective_rank_h": 31.4}
    scores = {**compared(), "geometry": geometry}
    lines = table({**scores, "headline": headline(scores)}).splitlines()
    assert lines[0].startswith("Worse than raw features by 20.0 points (")
    assert lines[2].split("  ")[0] == "kNN"
    assert lines[3].startswith("  trained encoder")
    assert "90.0%" in lines[3]
    assert "+20.0 (" in lines[4]
    assert lines[7] == "The trained encoder beats raw features, the untrained encoder and chance."
    assert lines[14] == (
        "The trained encoder beats chance; it is worse than raw features; "
        "it is not significantly different from the untrained encoder."
    )
    assert lines[16] == "The intervals of all 6 differences hold together in 95 % of tables."
    assert lines[-1] == (
        "Geometry: alignment 0.250 (0 is perfect), uniformity -2.50 (0 is collapse), effective rank of h 31.4."
    )


def test_the_table_is_aligned():
    first, *rest = table(compared()).splitlines()[:5]
    ends = {line.index("%") for line in rest}
    assert len(ends) == 1
    assert first.index("accuracy") + len("accuracy") == ends.pop() + 1
    assert len({line.index(" to ") for line in rest}) == 1


def test_the_table_shows_baselines_of_other_names():
    right = np.arange(40) % 4 == 0
    scores = compare(
        Probe(right, right),
        {"last month": Probe(right, right)},
        train_labels=np.zeros(3, int),
        test_labels=np.zeros(40, int),
    )
    assert "is not significantly different from last month." in table(scores)
