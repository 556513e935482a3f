"""The checks of an audit, each on vectors with planted issues, and the queue that they end in."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from counterpoint.auditing.audit import Collection, run_checks
from counterpoint.auditing.balance import coverage
from counterpoint.auditing.leakage import leaks
from counterpoint.auditing.outliers import outlier_probability, outlier_scores
from counterpoint.auditing.review_queue import Reason, review_queue
from counterpoint.auditing.second_opinion import second_opinion
from counterpoint.auditing.shortcuts import shortcuts
from counterpoint.auditing.stopping_rule import certified_recall, reviews_needed, updated
from counterpoint.auditing.suspicious_labels import label_scores
from counterpoint.data.labels import Labels
from counterpoint.data.perceptual_hash import perceptual_hash
from counterpoint.data.shingles import shingle_vectors
from counterpoint.data.vectors import Rows
from counterpoint.errors import InputError, LabelError
from counterpoint.retrieval.duplicate_results import Pair
from counterpoint.retrieval.planted_copies import Evidence, Planted

CLASSES = 5


def clusters(count=600, seed=0, size=16, width=1.0):
    """Vectors in a cluster for every class, and the classes."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(0, 1.3, (CLASSES, size))
    labels = np.arange(count) % CLASSES
    return (centres[labels] + width * random.normal(size=(count, size))).astype(np.float32), labels


def flipped(labels, share=0.05, seed=1):
    random, wrong = np.random.default_rng(seed), np.zeros(len(labels), dtype=bool)
    wrong[random.permutation(len(labels))[: round(share * len(labels))]] = True
    return np.where(wrong, (labels + random.integers(1, CLASSES, len(labels))) % CLASSES, labels), wrong


def test_wrong_labels_come_first_and_are_as_many_as_their_probabilities_say():
    vectors, labels = clusters()
    written, wrong = flipped(labels)
    result = label_scores(vectors, written, np.arange(len(labels)), classes=CLASSES)
    assert roc_auc_score(wrong, result.score) > 0.97
    assert 0.6 * wrong.sum() < result.probability.sum() < 1.5 * wrong.sum()
    assert (result.likely[wrong] == labels[wrong]).mean() > 0.9
    clean = label_scores(vectors, labels, np.arange(len(labels)), classes=CLASSES)
    assert clean.probability.sum() < 0.2 * wrong.sum()
    noise = np.random.default_rng(0).normal(size=vectors.shape).astype(np.float32)
    assert (label_scores(noise, labels, np.arange(len(labels)), classes=CLASSES).probability < 0.5).all()


def test_copies_do_not_confirm_their_own_label_error():
    vectors, labels = clusters(200)
    copies = np.repeat(vectors[:1], 12, axis=0)  # all of them with a wrong label
    every, written = np.concatenate([vectors, copies]), np.concatenate([labels, np.full(12, labels[0] + 1)])
    apart, together = np.arange(212), np.concatenate([np.arange(200), np.zeros(12, dtype=np.int64)])
    alone, whole = (label_scores(every, written, groups, classes=CLASSES).score[200] for groups in (apart, together))
    assert whole > 0.9 > alone


def test_items_that_cannot_be_cross_validated_have_no_score():
    vectors, labels = clusters(60)
    some = labels.copy()
    some[3] = -1
    result = label_scores(vectors, np.append(some, CLASSES)[:60], np.arange(60), classes=CLASSES)
    assert np.isnan(result.score[3])
    assert result.likely[3] == -1
    with pytest.raises(LabelError, match="of at least two"):
        label_scores(vectors, np.zeros(60, dtype=np.int64), np.arange(60), classes=1)
    with pytest.raises(LabelError, match="cross-validation cannot test any"):
        label_scores(vectors, labels, labels, classes=CLASSES)


def test_a_small_cluster_of_its_own_is_off_topic_and_so_are_lone_items():
    vectors, _ = clusters()
    random = np.random.default_rng(5)
    foreign = random.normal(0, 6, 16) + random.normal(0, 0.5, (25, 16))
    lone = random.normal(0, 8, (5, 16))
    score = outlier_scores(np.concatenate([vectors, foreign, lone]).astype(np.float32))
    strange = np.arange(630) >= 600
    assert average_precision_score(strange, score) > 0.9
    assert 15 < outlier_probability(score).sum() < 60


def test_without_foreign_items_few_are_called_off_topic():
    vectors, _ = clusters()
    assert outlier_probability(outlier_scores(vectors)).sum() < 30


def test_many_items_are_judged_by_some_of_them(monkeypatch):
    vectors, _ = clusters()
    foreign = np.random.default_rng(5).normal(0, 8, (10, 16)).astype(np.float32)
    monkeypatch.setattr("counterpoint.auditing.outliers.MOST", 200)
    score = outlier_scores(np.concatenate([vectors, foreign]))
    assert average_precision_score(np.arange(610) >= 600, score) > 0.8


def test_metadata_that_tells_the_label_is_a_shortcut_and_other_is_none():
    vectors, labels = clusters()
    random = np.random.default_rng(3)
    metadata = {f"noise {each}": random.normal(size=600) for each in range(8)}
    metadata["site"] = np.where(random.random(600) < 0.8, labels, 0).astype(str)
    metadata["brightness"] = (labels * 0.5 + random.normal(size=600)).tolist()
    metadata["same"] = ["yes"] * 600
    result = shortcuts(metadata, vectors, labels, np.arange(600))
    assert [each.column for each in result if each.predicts] == ["site", "brightness"]
    assert "same" not in [each.column for each in result]
    assert result[0].embedding.low > 0  # the vectors predict the class, and so the site
    assert all(each.embedding.low < 0 for each in result if each.column.startswith("noise"))
    assert all(each.accuracy is None for each in shortcuts(metadata, vectors, None, np.arange(600)))


def test_content_on_both_sides_of_a_split_and_in_two_groups_leaks():
    pairs = [Pair("a", "b", (0, 1), 0.9, 0.8), Pair("b", "t", (1, 4), 0.9, 0.9), Pair("c", "d", (2, 3), 1, 1.0)]
    result = leaks(pairs, 4, ["x", "y", "z", "z"])
    assert [(each.items, each.between) for each in result] == [(("b", "t"), "train and test"), (("a", "b"), "groups")]
    assert result[1].groups == ["x", "y"]


def test_test_items_of_another_kind_are_not_covered():
    vectors, _ = clusters()
    more, _ = clusters(200, seed=7)
    assert coverage(vectors, more)["low"] < 0.1
    assert coverage(vectors, more[:, ::-1].copy())["low"] > 0.3


def test_hashes_of_copies_are_similar_and_others_are_not():
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (4, 3, 6, 6), dtype=np.uint8))
    large = torch.nn.functional.interpolate(pictures.float(), (40, 40), mode="bilinear").to(torch.uint8)
    small = torch.nn.functional.interpolate(large.float(), (20, 20), mode="bilinear", antialias=True).to(torch.uint8)
    signs, smaller = perceptual_hash(large), perceptual_hash(small)
    assert ((signs == smaller).mean(axis=1) > 0.85).all()
    assert (signs[:1] == signs[1:]).mean() < 0.75
    texts = shingle_vectors(["Where is my new card?", "where is my new card", "Where is my old card?", "", "!"])
    assert (texts[0] == texts[1]).all()
    assert 0.6 < texts[0] @ texts[2] < 0.95
    assert (texts[3] == texts[4]).all()


@pytest.mark.parametrize("hashed", [True, False])
def test_contents_confirm_copies_and_no_other_pairs(hashed):
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 8)).astype(np.float32)
    copies = features + random.normal(0, 0.01, (40, 8)).astype(np.float32)
    both = np.concatenate([features, copies])
    signs = np.sign(both) if hashed else None
    planted = Planted(np.arange(40), copies, copies, None if signs is None else signs[40:])
    evidence = Evidence(np.arange(80), both, planted, signs)
    one, other = np.arange(40), np.arange(40, 80)
    assert second_opinion(evidence, one, other).mean() >= 0.85
    assert not second_opinion(evidence, one, np.roll(other, 1)).any()
    assert second_opinion(evidence._replace(planted=None), one, other) is None


def test_reviews_stop_where_enough_is_found():
    probability = np.sort(np.random.default_rng(0).beta(0.2, 1.0, 500))[::-1]
    needed = reviews_needed(probability)
    assert probability[:needed].sum() > 0.94 * probability.sum()
    assert needed < 500
    assert reviews_needed(np.zeros(0)) == 0
    half = np.where(np.arange(500) < 100, 0.0, np.nan)
    assert reviews_needed(updated(probability, half)) > 0
    assert updated(probability, half)[100] < probability[100]  # a hundred reviews without an issue lower the rest


def test_a_random_control_bounds_what_was_missed():
    assert certified_recall(100, rest=1000, sample=50, hits=0) < certified_recall(100, rest=1000, sample=500, hits=0)
    assert certified_recall(100, rest=1000, sample=500, hits=5) < certified_recall(100, rest=1000, sample=500, hits=0)
    assert certified_recall(0, rest=0, sample=0, hits=0) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("power", [1.0, 0.3])
def test_the_rules_keep_their_promise_in_simulations(power):
    """The first where probabilities hold; the second whatever they are worth: here the true ones are its powers."""
    random, enough, bound = np.random.default_rng(0), [], []
    for _ in range(300):
        probability = np.sort(random.beta(0.1, 1.5, 2000))[::-1]
        issue = random.random(2000) < probability**power
        stop = reviews_needed(probability, seed=int(random.integers(1000)))
        enough.append(issue[:stop].sum() >= 0.95 * issue.sum())
        rest = np.arange(stop, 2000)
        sample = random.permutation(rest)[:50]
        sure = certified_recall(int(issue[:stop].sum()), len(rest), 50, int(issue[sample].sum()))
        bound.append((issue[:stop].sum() + issue[sample].sum()) / issue.sum() >= sure)
    assert np.mean(bound) > 0.87
    assert (np.mean(enough) > 0.87) == (power == 1.0)


def test_all_checks_meet_in_one_queue():
    vectors, labels = clusters(400)
    written, wrong = flipped(labels)
    every = np.concatenate([vectors, vectors[:8] + 1e-3, np.random.default_rng(4).normal(0, 8, (6, 16))])
    names = [f"item {row}" for row in range(414)]
    read = Labels(np.concatenate([written, written[:8], np.zeros(6, dtype=np.int64)]), list("abcde"))
    items = Rows(names, groups=["g" if row % 2 else "h" for row in range(414)])
    collection = Collection.of(Rows(names), every.astype(np.float32), names, labels=read)
    result = run_checks(collection, {})
    top = {entry.item for entry in result.queue[:30]}
    assert {f"item {row}" for row in range(400, 408)} <= top
    assert len({f"item {row}" for row in np.flatnonzero(wrong)} & {entry.item for entry in result.queue[:60]}) >= 15
    assert [entry.probability for entry in result.queue] == sorted(
        (each.probability for each in result.queue), reverse=True
    )
    assert result.review["more"] <= len(result.queue)
    decided = {entry.item: entry.item in top for entry in result.queue}
    again = run_checks(collection, decided)
    assert (again.review["more"], again.review["issues"]) == (0, 30)
    assert "of the issues are found" in str(again)
    assert {"duplicates", "outliers", "labels", "leakage", "shortcuts", "queue"} <= set(result.record())
    grouped = run_checks(Collection.of(items, every.astype(np.float32), names), {})
    assert {leak.between for leak in grouped.leakage} <= {"groups"}
    assert grouped.labels == []
    with pytest.raises(InputError, match=r"at least 20\. Got 3"):
        Collection.of(Rows(names[:3]), vectors[:3], names[:3])


def test_equally_probable_items_are_queued_as_their_check_ranks_them():
    ranked = [(row, Reason("outlier", 0.25, "far from most other items")) for row in (7, 2, 5)]
    queue = review_queue([*ranked, (3, Reason("label", 0.5, "predicted shoe"))], "abcdefgh")
    assert [entry.index for entry in queue] == [3, 7, 2, 5]
