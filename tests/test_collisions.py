"""How many negatives are false: exactly from labels, roughly from vectors."""

import itertools

import numpy as np
import pytest

from counterpoint.errors import InputError
from counterpoint.evaluation.collisions import collision_rate, estimated_collisions


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
    found = [collision_rate(random.choice(everyone, 100), seed=seed, draws=500) for seed in range(100)]
    assert np.mean([each.value for each in found]) == pytest.approx(true, abs=0.01)
    assert np.mean([each.low <= true <= each.high for each in found]) > 0.85
    assert all(0 <= each.low <= each.value <= each.high <= 1 for each in found)


@pytest.mark.parametrize("sizes", [(200, 200), (60, 60, 60, 60, 60), (240, 80, 40)])
def test_vectors_of_plain_clusters_tell_the_rate(sizes):
    first, second, labels = clusters(sizes)
    found = estimated_collisions(first, second)
    assert found.clusters == len(sizes)
    assert found.share.value == pytest.approx(collision_rate(labels).value, rel=0.1)
    assert found.share.low <= found.share.value <= found.share.high
    assert found.gap > 0.2


def test_vectors_without_clusters_say_so():
    first, second, _ = clusters((400,), spread=1.0)
    found = estimated_collisions(first, second)
    assert found.gap < 0.05
    again = estimated_collisions(first, second)
    assert found == again


def test_wrong_input_is_met_with_advice():
    with pytest.raises(InputError, match="first pair"):
        collision_rate(np.asarray([3, -1, -1]))
    with pytest.raises(InputError, match="from 40 items on"):
        estimated_collisions(np.eye(9), np.eye(9))
    with pytest.raises(InputError, match="two views of the same items"):
        estimated_collisions(np.eye(9), np.eye(8))
    with pytest.raises(InputError, match="finite numbers"):
        estimated_collisions(np.full((50, 2), np.nan), np.ones((50, 2)))
