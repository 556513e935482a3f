"""The backends of an index: exact search in blocks, sign bits, inverted lists; and arrays on disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.errors import RunError
from counterpoint.retrieval import exact_scan, sign_bits, sign_scan
from counterpoint.retrieval.coarse_lists import nearest_lists, trained_centroids
from counterpoint.retrieval.exact_scan import exact_nearest
from counterpoint.retrieval.recall import choose_settings
from counterpoint.retrieval.sign_scan import SignScan, write_sign_scan
from counterpoint.storage import mapped_arrays
from counterpoint.storage.mapped_arrays import MappedArray, write_array, write_rows


def unit(random, count, length):
    drawn = random.normal(size=(count, length)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def clustered(count=2000, length=24, seed=0):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count // 50, length))
    drawn = centres[random.integers(len(centres), size=count)] + 0.5 * random.normal(size=(count, length))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def mapped(tmp_path):
    def write(vectors):
        write_array(tmp_path / "vectors.npy", vectors)
        return MappedArray(tmp_path / "vectors.npy", "<f4", vectors.shape)

    return write


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    folder, vectors = tmp_path_factory.mktemp("scan"), clustered()
    write_array(folder / "vectors.npy", vectors)
    held = MappedArray(folder / "vectors.npy", "<f4", vectors.shape)
    return SignScan(folder, held, write_sign_scan(folder, held))


def sorted_slowly(vectors, queries, k, allowed):
    similar = queries @ vectors.T
    similar[:, ~allowed] = -np.inf
    order = np.argsort(-similar, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(similar, order, axis=1)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 700), st.integers(1, 40), st.integers(1, 5), st.floats(0, 1), st.integers(0, 99))
def test_exact_search_is_a_sort_whatever_the_blocks_and_the_filter(tmp_path_factory, count, k, queries, share, seed):
    random = np.random.default_rng(seed)
    vectors, sought = unit(random, count, 6), unit(random, queries, 6)
    allowed = random.random(count) < share
    file = tmp_path_factory.mktemp("exact") / "v.npy"
    write_array(file, vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_scan, "ROWS", 130)
        patch.setattr(exact_scan, "GROUP", 8)
        rows, similarities = exact_nearest(MappedArray(file, "<f4", vectors.shape), sought, k, allowed)
    order, similar = sorted_slowly(vectors, sought, k, allowed)
    assert rows.shape == (queries, k)
    there = min(k, int(allowed.sum()))
    assert (rows[:, there:] == -1).all()
    np.testing.assert_allclose(similarities[:, :there], similar[:, :there], atol=1e-6)
    assert rows[:, :there].tolist() == order[:, :there].tolist()


def test_equal_vectors_are_distinct_results(mapped):
    vectors = np.tile(unit(np.random.default_rng(0), 1, 8), (500, 1))
    rows, similarities = exact_nearest(mapped(vectors), vectors[:1], 20)
    assert sorted(set(rows[0].tolist())) == sorted(rows[0].tolist())
    np.testing.assert_allclose(similarities, 1, atol=1e-6)


def test_sign_bits_estimate_similarities(scan):
    queries = clustered(seed=1)[:20]
    to_centroids = queries @ scan.centroids.T
    candidates = scan._candidates(to_centroids, None)
    estimated = scan._estimated(queries, to_centroids, candidates)
    rows = scan.order[candidates.places]
    right = np.einsum("md,md->m", queries[candidates.queries[candidates.pair]], scan.vectors.array[rows])
    by_list = to_centroids[candidates.queries, candidates.lists][candidates.pair]
    assert np.corrcoef(estimated, right)[0, 1] > max(0.75, 0.2 + np.corrcoef(by_list, right)[0, 1])
    assert abs(float((estimated - right).mean())) < 0.02


def test_the_scan_reaches_the_recall_that_its_settings_were_chosen_for(scan):
    recall, queries = choose_settings(scan, scan.vectors)
    assert recall >= 0.97
    assert queries == 256
    assert scan.scanned < len(scan.order) // 4
    sought = clustered()[:100] + 0.1 * unit(np.random.default_rng(5), 100, 24)
    exact, near = exact_nearest(scan.vectors, sought, 10), scan.nearest(sought, 10, None)
    assert (near.rows[:, :, None] == exact.rows[:, None, :]).any(axis=1).mean() > 0.9
    assert (np.diff(near.similarities, axis=1) <= 0).all()


def test_scanning_everything_is_exact(scan):
    scan.apply({"scanned": len(scan.order), "reranked": len(scan.order)})
    queries = clustered(seed=2)[:7]
    for allowed in (None, np.random.default_rng(0).random(len(scan.order)) < 0.3):
        exact, near = exact_nearest(scan.vectors, queries, 15, allowed), scan.nearest(queries, 15, allowed)
        assert near.rows.tolist() == exact.rows.tolist()
        np.testing.assert_allclose(near.similarities, exact.similarities, atol=1e-6)


def test_a_filter_that_selects_only_distant_items_has_results(scan):
    scan.apply({"scanned": 50, "reranked": 64})
    queries = clustered()[:1]
    allowed = (scan.vectors.array @ queries[0]) < 0  # nothing of the nearest lists
    near = scan.nearest(queries, 10, allowed)
    assert (near.rows >= 0).all()
    assert allowed[near.rows].all()


def test_blocks_of_queries_do_not_change_results(scan, monkeypatch):
    scan.apply({"scanned": 300, "reranked": 64})
    queries = clustered(seed=3)[:30]
    whole = scan.nearest(queries, 5, None)
    monkeypatch.setattr(sign_scan, "CANDIDATES", 1000)
    assert scan.nearest(queries, 5, None).rows.tolist() == whole.rows.tolist()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 200))
def test_bits_are_counted_with_and_without_numpy_2(width):
    words = np.random.default_rng(width).integers(0, 2**64, size=(5, width), dtype=np.uint64)
    expected = [sum(int(word).bit_count() for word in row) for row in words]
    assert sign_bits.bit_counts(words).tolist() == expected
    assert sign_bits._counted(words).sum(axis=1).tolist() == expected


def test_a_rotation_preserves_lengths():
    turned = sign_bits.rotated(24, 64, np.random.default_rng(0))
    np.testing.assert_allclose(turned @ turned.T, np.eye(24), atol=1e-5)


def test_centroids_are_those_of_the_clusters(mapped):
    random = np.random.default_rng(0)
    centres = unit(random, 8, 16)
    vectors = np.repeat(centres, 40, axis=0) + 0.01 * unit(random, 320, 16)
    centroids = trained_centroids(mapped(vectors), 8)
    assert (vectors @ centroids.T).max(axis=1).mean() > 0.9
    assert nearest_lists(vectors, centres).tolist() == np.repeat(np.arange(8), 40).tolist()
    assert np.isfinite(trained_centroids(mapped(np.tile(centres[:1], (50, 1))), 8)).all()  # lists that stay empty


def test_arrays_are_written_by_rows_and_mapped(tmp_path, monkeypatch):
    file, blocks = tmp_path / "a.npy", [np.arange(6).reshape(3, 2), np.arange(4).reshape(2, 2)]
    assert write_rows(file, np.dtype("<f4"), (2,), blocks) == 5
    assert np.load(file).tolist() == np.concatenate(blocks).tolist()
    monkeypatch.setattr(mapped_arrays, "HELD", 8)
    held = MappedArray(file, "<f4", (None, 2))
    before = held.array.tolist()
    rows = np.array([4, 0, -1, 4])
    read = held.take(rows)  # the array is large here
    monkeypatch.setattr(mapped_arrays, "HELD", 2**20)
    assert read.tolist() == held.take(rows).tolist() == [before[row] for row in rows]
    monkeypatch.setattr(mapped_arrays, "HELD", 8)
    held.touched(100)  # the pages are released, and read again
    assert held.array.tolist() == before == np.load(file).tolist()


@pytest.mark.parametrize("spoilt", ["cut", "longer", "none", "type", "shape", "pickled", "huge", "missing"])
def test_a_damaged_or_unexpected_array_is_refused(tmp_path, spoilt):
    file = tmp_path / "a.npy"
    np.save(file, np.zeros((4, 2), dtype=np.float32))
    if spoilt in ("cut", "longer"):
        file.write_bytes(file.read_bytes()[:-1] if spoilt == "cut" else file.read_bytes() + b"x")
    elif spoilt == "none":
        file.write_bytes(b"")
    elif spoilt == "type":
        np.save(file, np.zeros((4, 2)))
    elif spoilt == "shape":
        np.save(file, np.zeros((4, 3), dtype=np.float32))
    elif spoilt == "pickled":
        np.save(file, np.array([{}, 1], dtype=object), allow_pickle=True)
    elif spoilt == "huge":
        file.write_bytes(file.read_bytes().replace(b"(4, 2)", b"(10**9, 2)"[:6].ljust(6)))
    else:
        file.unlink()
    with pytest.raises(RunError, match="is damaged or missing"):
        MappedArray(file, "<f4", (None, 2))
