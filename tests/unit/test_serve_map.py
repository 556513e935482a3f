"""The layout of the map and its categories."""

import numpy as np

from counterpoint.serving import layout


def test_a_map_of_other_vectors_is_not_taken(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    first = layout.cached_layout(vectors, tmp_path)
    assert (layout.cached_layout(vectors, tmp_path).places == first.places).all()
    assert not (layout.cached_layout(vectors[::-1].copy(), tmp_path).places == first.places).all()
    (tmp_path / layout.FILE).write_bytes(b"damaged")
    assert (layout.cached_layout(vectors, tmp_path).places == first.places).all()


def test_items_between_landmarks_lie_among_those_that_they_are_like(monkeypatch):
    monkeypatch.setattr(layout, "MOST", 60)
    random = np.random.default_rng(0)
    label = np.arange(600) % 3
    vectors = np.eye(3, 8, dtype=np.float32)[label] + random.normal(0, 0.05, (600, 8)).astype(np.float32)
    places = layout.compute_layout(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).places
    middle = np.stack([np.median(places[label == each], axis=0) for each in range(3)])
    nearest = np.linalg.norm(places[:, None] - middle, axis=2).argmin(axis=1)
    assert (nearest == label).mean() > 0.99
    assert 0 <= places.min() <= places.max() <= 1
