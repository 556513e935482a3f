from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.embeddings import Embeddings, is_saved
from counterpoint.errors import InputError
from counterpoint.retrieval.nearest import Hit, nearest, search
from tests.unit.test_linked_texts import asked


def embeddings(count: int, width: int = 5, seed: int = 0) -> Embeddings:
    drawn = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return Embeddings(drawn, [f"item {n}" for n in range(count)])


def ranked_slowly(z: Embeddings, query: np.ndarray, k: int, skip: int | None) -> list[int]:
    def alike(row: int) -> float:
        x, q = z.vectors[row].astype(np.float64), query.astype(np.float64)
        return float(x @ q / np.linalg.norm(x) / np.linalg.norm(q))

    return sorted((row for row in range(len(z)) if row != skip), key=alike, reverse=True)[:k]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 40), st.integers(1, 50), st.integers(0, 1000))
def test_nearest_is_a_sort_of_cosines(count, k, seed):
    z, queries = embeddings(count, seed=seed), 7 * embeddings(4, seed=seed + 1).vectors
    skip = [0, None, count - 1, 1]
    index, similarity = nearest(z, queries, k=k, skip=skip)
    k = min(k, count - 1)
    assert index.tolist() == [ranked_slowly(z, q, k, row) for q, row in zip(queries, skip, strict=True)]
    expected = np.take_along_axis(queries @ z.vectors.T / 7, index, axis=1)
    np.testing.assert_allclose(similarity, expected, atol=1e-5)


def test_nearest_agrees_with_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    z, queries = embeddings(200), embeddings(30, seed=1).vectors
    far, index = NearestNeighbors(n_neighbors=9, metric="cosine").fit(z.vectors).kneighbors(queries)
    result, similarity = nearest(z, queries, k=9)
    assert result.tolist() == index.tolist()
    np.testing.assert_allclose(similarity, 1 - far, atol=1e-5)


def test_vectors_of_any_length_are_compared_by_direction():
    z = embeddings(20)
    longer = Embeddings(z.vectors * np.linspace(0.1, 100, 20, dtype=np.float32)[:, None], z.names)
    queries = embeddings(3, seed=1).vectors
    assert nearest(z, queries, k=20)[0].tolist() == nearest(longer, queries, k=20)[0].tolist()


def test_blocks_do_not_change_what_is_found(monkeypatch):
    z = embeddings(30)
    rows = list(range(30))
    whole = nearest(z, z.vectors, k=4, skip=rows)[0]
    monkeypatch.setattr("counterpoint.retrieval.nearest.CELLS", 100)
    assert nearest(z, z.vectors, k=4, skip=rows)[0].tolist() == whole.tolist()


def test_k_is_cut_to_what_there_is():
    z = embeddings(3)
    assert nearest(z, z.vectors, k=10)[0].shape == (3, 3)
    assert nearest(z, z.vectors, k=10, skip=[None, 1, None])[0].shape == (3, 2)
    assert nearest(embeddings(1), z.vectors[:1], k=10, skip=[0])[0].shape == (1, 0)
    assert nearest(embeddings(0), z.vectors, k=10)[0].shape == (3, 0)


def test_an_item_finds_itself_unless_it_is_skipped():
    z = embeddings(12)
    rows = list(range(12))
    assert nearest(z, z.vectors, k=1)[0][:, 0].tolist() == rows
    assert not (nearest(z, z.vectors, k=11, skip=rows)[0] == np.arange(12)[:, None]).any()


def test_searching_by_name_by_row_and_by_vector_finds_the_same():
    z = embeddings(12)
    by_name, by_row = search(z, like="item 4", k=3), search(z, like=4, k=3)
    by_vector = search(z, like=z.vectors[4].astype(np.float64), k=4)
    assert by_name == by_row
    assert [hit.index for hit in by_name] == ranked_slowly(z, z.vectors[4], 3, 4)
    assert [hit.index for hit in by_vector] == [4, *(hit.index for hit in by_name)]
    assert by_vector[0].similarity == pytest.approx(1)
    assert [hit.name for hit in by_name] == [z.names[hit.index] for hit in by_name]


def test_a_hit_is_a_plain_record_that_stays_as_it_is():
    hit = search(embeddings(3), like=0, k=1)[0]
    assert [type(value) for value in dataclasses.astuple(hit)] == [str, int, float, type(None)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        hit.name = "other"
    assert Hit("a", 0, 1.0) == Hit("a", 0, 1.0)


def test_search_takes_arrays_that_may_not_be_written_to():
    z = embeddings(5)
    z.vectors.setflags(write=False)
    assert len(search(z, like="item 0")) == 4


@pytest.mark.parametrize(
    ("like", "k", "message"),
    [
        ("itme 4", 3, r"No item is called 'itme 4'. Did you mean 'item 4'\?"),
        (12, 3, r"Rows are numbered 0 to 11. Got 12\."),
        (-1, 3, r"Rows are numbered 0 to 11. Got -1\."),
        (np.zeros(4), 3, r"must have the length of the embeddings, 5. Got an array of shape \(4,\)\."),
        (np.full(5, np.nan), 3, r"holds NaN or infinity; give finite numbers only\."),
        (0, 0, r"k, the number of neighbours, must be at least 1. Got 0\."),
    ],
)
def test_search_advises_on_what_it_cannot_find(like, k, message):
    with pytest.raises(InputError, match=message):
        search(embeddings(12), like=like, k=k)


def test_nearest_refuses_rows_to_skip_that_do_not_fit():
    z = embeddings(3)
    with pytest.raises(InputError, match="There are 3 queries but 1 rows to skip; give one for each"):
        nearest(z, z.vectors, k=1, skip=[0])
    with pytest.raises(InputError, match=r"Rows are numbered 0 to 2\. Got 3\."):
        nearest(z, z.vectors, k=1, skip=[0, 1, 3])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A run that learned from questions and answers, and a file of those."""
    folder = tmp_path_factory.mktemp("pairs")
    source = asked(40)
    rows = [f"{one},{two}" for one, two in zip(source["question"], source["answer"], strict=True)]
    (folder / "pairs.csv").write_text("\n".join(["question,answer", *rows]))
    choices = {"modality": "text", "epochs": 1, "batch_size": 8, "width": 8}
    for seed in (0, 1):
        cp.fit(folder / "pairs.csv", pairs="question,answer", out=folder / f"run{seed}", seed=seed, **choices)
    return folder


def hits_of(capsys, *words):
    capsys.readouterr()
    main(["search", *map(str, words), "--json"])
    return json.loads(capsys.readouterr().out)["hits"]


def test_a_run_of_pairs_searches_in_either_column(pairs, capsys):
    run, source, texts = pairs / "run0", pairs / "pairs.csv", asked(40)
    for column in ("question", "answer"):
        words = ["--like", texts["question"][7], "-k", 3, "--column", column]
        hits = hits_of(capsys, run, source, *words)
        z = cp.embed(run, list(texts[column]))
        expected = search(z, like=cp.embed(run, [texts["question"][7]]).vectors[0], k=3)
        assert [(hit["index"], hit["text"]) for hit in hits] == [(e.index, texts[column][e.index]) for e in expected]
    assert hits_of(capsys, run, source, "--like", texts["question"][7], "-k", 1)[0]["text"] == texts["question"][7]


def test_a_source_that_holds_the_other_column_only_is_searched_in_it(pairs):
    texts = asked(40)
    for column in (None, "answer"):
        hits = cp.search(pairs / "run0", {"answer": texts["answer"]}, like=texts["answer"][3], k=1, column=column)
        assert (hits[0].index, hits[0].text) == (3, texts["answer"][3])


def test_an_index_of_vectors_is_searched_by_a_text(pairs, tmp_path, capsys, monkeypatch):
    run, source, texts = pairs / "run0", pairs / "pairs.csv", asked(40)
    main(["embed", str(run), str(source), "--column", "answer", "--out", str(tmp_path / "answers.npz")])
    z = Embeddings.load(tmp_path / "answers.npz")
    np.testing.assert_allclose(z.vectors, cp.embed(run, list(texts["answer"])).vectors, atol=1e-6)
    expected = hits_of(capsys, run, source, "--like", texts["question"][7], "--column", "answer")
    (tmp_path / "shards").mkdir()
    for name, rows in (("a", range(20)), ("b", range(20, 40))):
        z.subset(rows).save(tmp_path / f"shards/{name}.npz")
    counts = []
    represent = cp.Model.represent
    monkeypatch.setattr(
        cp.Model, "represent", lambda self, items, **how: counts.append(len(items)) or represent(self, items, **how)
    )
    for index in (tmp_path / "answers.npz", tmp_path / "shards"):
        result = hits_of(capsys, run, index, "--like", texts["question"][7])
        assert [hit["index"] for hit in result] == [hit["index"] for hit in expected]
    assert counts == [1, 1]  # nothing is embedded but the query
    model = cp.load(run)
    for hits in (cp.search(model, z, like=texts["question"][7]), cp.search(run, tmp_path / "answers.npz", like="7")):
        assert len(hits) == 10
    assert cp.search(model, z, like="7", k=3) == cp.search(model, z, like=7, k=3) == cp.search(z, like=7, k=3)


def test_short_vectors_are_searched_by_a_text_of_their_length(pairs):
    texts = asked(40)
    z = cp.embed(pairs / "run0", list(texts["answer"]), length=4)
    assert cp.search(pairs / "run0", z, like=texts["answer"][5], k=1)[0].index == 5


def test_vectors_of_another_model_and_columns_that_cannot_be_are_refused(pairs, tmp_path):
    texts = asked(40)
    z = cp.embed(pairs / "run0", list(texts["answer"]))
    with pytest.raises(InputError, match=f"made by another model: theirs is '{z.model[:12]}'"):
        cp.search(pairs / "run1", z, like="a text")
    with pytest.raises(InputError, match="Vectors have no columns"):
        cp.search(pairs / "run0", z, like="a text", column="answer")
    with pytest.raises(InputError, match=r"no column 'answers'\. Did you mean 'answer'"):
        cp.search(pairs / "run0", texts, like="a text", column="answers")
    with pytest.raises(InputError, match="Give the model first"):
        cp.search(z, texts, like="a text")
    with pytest.raises(InputError, match="embed the data first"):
        cp.search(pairs / "run0", like="a text")
    table = cp.fit(np.random.default_rng(0).normal(size=(40, 3)), modality="table", epochs=1, batch_size=8, width=8)
    with pytest.raises(InputError, match="this model is of table"):
        cp.embed(table, {"a": [1.0]}, column="a")
    with pytest.raises(SystemExit) as ended:
        main(
            ["embed", str(pairs / "run0"), str(pairs / "pairs.csv"), "--column", "answer", "--out", str(tmp_path / "o")]
        )
    assert ended.value.code == 2


def test_only_what_embed_wrote_is_an_index(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.eye(3))
    (tmp_path / "text.npz").write_text("no archive")
    embeddings(3).save(tmp_path / "index.npz")
    result = {name: is_saved(tmp_path / name) for name in ("other.npz", "text.npz", "index.npz", "missing.npz")}
    assert result == {"other.npz": False, "text.npz": False, "index.npz": True, "missing.npz": False}
    assert not is_saved(["a", "b"])


def test_lengths_and_places_are_found_once(monkeypatch):
    z = Embeddings(np.eye(3, dtype=np.float32), ["a", "b", "a"])
    assert z.lengths is z.lengths
    assert z.lengths.tolist() == [1, 1, 1]
    assert [z.place("b"), z.place("a")] == [1, 0]
    monkeypatch.setattr(np.linalg, "norm", None)
    assert [hit.name for hit in search(z, like="b", k=2)] == ["a", "a"]


ESTIMATORS = ("estimator.py", "anomaly_detector.py")


def test_nothing_but_the_estimators_loads_scikit_learn_before_it_is_used():
    source = Path(cp.__file__).parent
    for file in source.rglob("*.py"):
        for statement in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.Import | ast.ImportFrom) and file.name not in ESTIMATORS:
                assert "sklearn" not in ast.unparse(statement), file


def test_saved_vectors_are_known_by_a_path_from_home_and_in_folders_of_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "parts" / "inner").mkdir(parents=True)
    saved = Embeddings(np.eye(3, dtype=np.float32), ["a", "b", "c"])
    saved.save(tmp_path / "parts" / "inner" / "z.npz")
    assert is_saved("~/parts/inner/z.npz")
    assert is_saved("~/parts")
    assert not is_saved("")
    assert not is_saved("~nobody says hello")


def test_several_queries_are_each_searched_as_alone(pairs):
    run, texts = pairs / "run0", asked(40)
    queries = [texts["answer"][3], 5, cp.embed(run, texts["answer"][7]).vectors[0], "7"]
    hits = cp.search(run, list(texts["answer"]), like=queries, k=3)
    assert hits == [cp.search(run, list(texts["answer"]), like=each, k=3) for each in queries]
    assert all(hit.text == texts["answer"][hit.index] for each in hits for hit in each)
    z = embeddings(9)
    assert cp.search(z, like=[2, "item 4"], k=2) == [search(z, like=2, k=2), search(z, like="item 4", k=2)]
    assert cp.search(z, like=[]) == []


def test_hits_print_as_in_the_shell_and_are_a_data_frame(pairs, capsys):
    run, source = pairs / "run0", pairs / "pairs.csv"
    hits = cp.search(run, source, like=0, k=2)
    capsys.readouterr()
    main(["search", str(run), str(source), "--like", "0", "-k", "2"])
    assert capsys.readouterr().out == f"{hits}\n"
    frame = hits.to_frame()
    assert frame.index.tolist() == [hit.name for hit in hits]
    assert frame["text"].tolist() == [hit.text for hit in hits]
    assert list(search(embeddings(3), like=0).to_frame().columns) == ["index", "similarity"]
