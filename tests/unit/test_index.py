"""An index: its contents, results, changes, refusals, and what a killed process leaves."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.cli import main
from counterpoint.embeddings import Embeddings
from counterpoint.errors import InputError, MissingPackage, RunError
from counterpoint.modality import DataOptions
from counterpoint.model import Model
from counterpoint.retrieval.index_queries import preprocessing_of
from counterpoint.retrieval.nearest import search
from counterpoint.retrieval.recall import choose_settings
from counterpoint.storage.files import fingerprint
from tests.kills import chosen_moments, moments
from tests.worlds import pulses, records, stripes

TINY = {"epochs": 1, "batch_size": 16, "width": 8}
WHAT = ("card", "money", "loan", "app")


def questions(count=48, first=0):
    return [f"Where is my {WHAT[row % 4]}, number {row}?" for row in range(first, first + count)]


def write_questions(file, texts, first=0):
    """A file with a column of texts, and what is known of them."""
    rows = [f'"{text}",{row / 2},{WHAT[row % 4]},{"yes" if row % 3 else "no"}' for row, text in enumerate(texts, first)]
    file.write_text("\n".join(["question,price,topic,open", *rows]) + "\n")


def embeddings(count=300, length=8, seed=0, prefix="n"):
    drawn = np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)
    return Embeddings(
        drawn, [f"{prefix}{row}" for row in range(count)], groups=[f"g{row // 10}" for row in range(count)]
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run on texts, another one, their data, and an index of it."""
    folder = tmp_path_factory.mktemp("home")
    write_questions(folder / "all.csv", questions())
    write_questions(folder / "more.csv", questions(6, 48), 48)
    for seed, name in enumerate(("run", "other")):
        cp.fit(folder / "all.csv", column="question", modality="text", out=folder / name, seed=seed, **TINY)
    cp.index(folder / "run", folder / "all.csv", labels="topic", groups="open", out=folder / "idx")
    return folder


@pytest.fixture
def idx(home, tmp_path):
    return Path(shutil.copytree(home / "idx", tmp_path / "idx"))


def shown(capsys, *words):
    capsys.readouterr()
    main([*map(str, words), "--json"])
    return json.loads(capsys.readouterr().out)


def names(hits):
    return [hit.name for hit in hits]


def test_an_index_stores_vectors_and_metadata_of_its_items(home):
    index, z = cp.Index.open(home / "idx"), cp.embed(home / "run", home / "all.csv")
    assert (len(index), index.model, index.length) == (48, z.model, z.vectors.shape[1])
    assert index.items.column("name").to_pylist() == z.names
    assert list(index.columns) == ["question", "price", "topic", "open", "name", "label", "group", "text"]
    known = index.about([3])[0]
    assert (known["label"], known["group"], known["price"], known["text"]) == ("app", "no", 1.5, questions()[3])
    np.testing.assert_allclose(index.vector(3), z.vectors[3], atol=1e-6)
    assert index.record["run"] == str(home / "run")
    assert sorted(path.name for path in (home / "idx").iterdir()) == ["index.json", "segment-000001"]
    index.verify()


def test_results_equal_those_of_a_search_in_the_embeddings(home, capsys):
    index, z = cp.Index.open(home / "idx"), cp.embed(home / "run", home / "all.csv")
    for like in (z.names[5], 5, "5"):
        expected = search(z, like=5, k=4)
        hits = cp.search(index, like=like, k=4)
        assert names(hits) == names(expected)
        np.testing.assert_allclose([hit.similarity for hit in hits], [hit.similarity for hit in expected], atol=1e-5)
        assert hits[0].text == questions()[hits[0].index]
    text = "Where is my loan?"
    expected = search(z, like=cp.embed(home / "run", [text]).vectors[0], k=3)
    for place in ([home / "idx"], [home / "run", home / "idx"]):
        result = shown(capsys, "search", *place, "--like", text, "-k", 3)
        assert [hit["name"] for hit in result["hits"]] == names(expected)
    assert names(cp.search(home / "idx", like=z.vectors[5], k=4))[0] == z.names[5]


def test_filtered_searches_return_k_results_where_so_many_are_selected(home, capsys):
    where = "price < 10 and label == 'loan' and group != 'no'"
    result = shown(capsys, "search", home / "idx", "--like", "a question", "-k", 30, "--where", where)
    rows = [row for row in range(48) if row / 2 < 10 and row % 4 == 2 and row % 3]
    assert sorted(hit["index"] for hit in result["hits"]) == rows
    assert cp.search(home / "idx", like=0, where="price > 1000") == []
    with pytest.raises(InputError, match=r"names the column 'prize'.*Did you mean 'price'"):
        cp.search(home / "idx", like=0, where="prize < 3")
    with pytest.raises(InputError, match=r"^where filters the items of an index"):
        cp.search(home / "run", home / "all.csv", like=0, where="price < 3")


def test_several_queries_are_searched_at_once(home, capsys, tmp_path):
    index = cp.Index.open(home / "idx")
    every = cp.search(index, like=["one", 7, index.vector(9), "Where is my card?"], k=3)
    assert [names(each) for each in every] == [
        names(cp.search(index, like=like, k=3)) for like in ("one", 7, index.vector(9), "Where is my card?")
    ]
    (tmp_path / "some.csv").write_text('question\n"Where is my card?"\n"my loan"\n')
    result = shown(capsys, "search", home / "idx", "--like", tmp_path / "some.csv", "-k", 2)
    assert [len(each["hits"]) for each in result["queries"]] == [2, 2]
    assert [each["like"] for each in result["queries"]] == ["0", "1"]
    main(["search", str(home / "idx"), "--like", str(tmp_path / "some.csv"), "-k", "2"])
    assert len(capsys.readouterr().out.splitlines()) == 7
    assert cp.search(index, like=[]) == []


def test_items_are_added_and_deleted(home, idx, capsys, monkeypatch):
    counts, represent = [], cp.Model.represent
    monkeypatch.setattr(
        cp.Model, "represent", lambda self, items, **how: counts.append(len(items)) or represent(self, items, **how)
    )
    with pytest.raises(InputError, match="6 items are already in the index, such as '0'"):
        cp.index(idx, add=home / "more.csv")  # rows of a file are called by their numbers
    more = questions(6, 48)
    frame = {"name": [f"new{row}" for row in range(6)], "question": more, "price": [100.0] * 6}
    before = cp.Index.open(idx)
    counts.clear()
    z = Embeddings(cp.embed(home / "run", more).vectors, frame["name"], before.model)
    index = cp.index(home / "run", add=z, out=idx)
    assert counts == [6]  # nothing is embedded but what is new
    assert (len(index), [len(each) for each in index.segments]) == (54, [48, 6])
    assert names(cp.search(index, like="new0", k=54)) == names(search(joined(before, z), like="new0", k=54))
    result = shown(capsys, "index", idx, "--delete", "new1", "--delete", "3", "4")
    assert (result["items"], result["deleted"]) == (51, 3)
    left = cp.Index.open(idx)
    assert not {"new1", "3", "4"} & set(names(left.search(left.vector(0), k=60)[0]))
    for gone in ("3", "new1"):
        with pytest.raises(InputError, match=f"No item of the index is called '{gone}'"):
            left.row(gone)
    with pytest.raises(InputError, match="The item in row 3 was deleted"):
        cp.search(left, like=3)
    assert len(cp.index(idx, add=z.subset([1]))) == 52  # a name that went may come again
    assert len(cp.search(idx, like=more[2], k=60)) == 52


def joined(index, z):
    old = np.stack([index.vector(row) for row in range(len(index))])
    return Embeddings(np.concatenate([old, z.vectors]), [*index.items.column("name").to_pylist(), *z.names])


def test_a_segment_with_many_deleted_rows_is_rewritten(tmp_path):
    z = embeddings()
    cp.index(z, out=tmp_path / "idx")
    index = cp.index(tmp_path / "idx", delete=z.names[:60])
    assert (len(index.items), index.record["deleted"]["rows"]) == (300, 60)
    index = cp.index(tmp_path / "idx", delete=z.names[60:100])
    assert (len(index.items), index.record["deleted"]) == (200, None)
    assert sorted(path.name for path in (tmp_path / "idx").iterdir()) == ["index.json", "segment-000003"]
    assert names(cp.search(index, like="n150", k=9)) == names(search(z.subset(range(100, 300)), like="n150", k=9))
    with pytest.raises(InputError, match="No item would remain"):
        cp.index(tmp_path / "idx", delete=z.names[100:])
    assert len(cp.Index.open(tmp_path / "idx")) == 200


def test_many_small_additions_become_few_segments(tmp_path):
    z = embeddings(24)
    cp.index(z.subset(range(12)), out=tmp_path / "idx")
    lengths = []
    for row in range(12, 24):
        index = cp.index(tmp_path / "idx", add=z.subset([row]))
        lengths.append([len(each) for each in index.segments])
    assert lengths[:4] == [[12, 1], [12, 2], [12, 2, 1], [12, 4]]
    assert lengths[-1] == [12, 8, 4]
    index = cp.index(tmp_path / "idx", add=embeddings(9, seed=1, prefix="m"), delete=["n4", "n14"])
    assert [len(each) for each in index.segments] == [31]
    every = Embeddings.merge({"one": z, "two": embeddings(9, seed=1, prefix="m")})
    left = every.subset([row for row in range(33) if row not in (4, 14)])
    assert names(cp.search(index, like="n20", k=40)) == names(search(left, like="n20", k=40))


@pytest.mark.parametrize("backend", ["exact", "scan", "faiss"])
def test_every_backend_returns_k_results_with_filters_and_deletions(tmp_path, backend, monkeypatch):
    if backend == "faiss":
        pytest.importorskip("faiss")
    monkeypatch.setattr("counterpoint.retrieval.index_segments.EXACT_BELOW", 20)
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, 12))
    vectors = centres[np.arange(1000) % 20] + 0.3 * random.normal(size=(1000, 12))
    z = Embeddings(
        vectors.astype(np.float32), [f"n{row}" for row in range(1000)], groups=[str(r % 20) for r in range(1000)]
    )
    index = cp.index(z, out=tmp_path / "idx", backend=backend)
    assert index.backend == backend
    assert index.recall >= 0.97
    index = cp.index(tmp_path / "idx", delete=["n0", "n20", "n40"])
    assert index.backend == backend
    for where, rows in (
        (None, set(range(1000))),
        ("group == '7'", set(range(7, 1000, 20))),  # all of them far from the query
        ("group in ('0', '7', '9')", set(range(1000))),
        ("name == 'n5'", {5}),
    ):
        hits = index.search(z.vectors[[60, 80]], 30, where)
        expected = min(30, 1 if where and "name" in where else 50)
        assert [len(each) for each in hits] == [expected] * 2
        assert all(hit.index in rows and hit.name not in ("n0", "n20", "n40") for each in hits for hit in each)
    assert hits[0][0].name == "n5"


def test_recall_is_measured_and_stored(tmp_path, capsys, caplog, monkeypatch):
    cp.index(embeddings(2000), out=tmp_path / "idx", backend="scan")
    record = json.loads((tmp_path / "idx" / "index.json").read_text())["segments"][0]
    assert record["recall"] >= 0.97
    assert record["recall_queries"] == 256
    segment = cp.Index.open(tmp_path / "idx").segments[0]
    assert choose_settings(segment.backend, segment.vectors) == (record["recall"], 256)
    assert "Recall@10 is only" not in caplog.text
    cp.index(embeddings(600, length=64), out=tmp_path / "spread", backend="scan")
    assert "Recall@10 is only 0." in caplog.text
    monkeypatch.setattr("counterpoint.retrieval.index_building.MANY", 500)
    assert cp.index(embeddings(600), out=tmp_path / "near").backend == "scan"
    exact = cp.index(embeddings(600, length=64), out=tmp_path / "exact")
    assert (exact.backend, exact.recall) == ("exact", 1)
    exact.verify()
    embeddings(40).save(tmp_path / "z.npz")
    main(["index", str(tmp_path / "z.npz"), "--out", str(tmp_path / "small")])
    assert capsys.readouterr().out.splitlines() == [
        "items      40 of dimension 8",
        "backend    exact",
        "recall@10  1.000 of exact search",
        f"The index is in {tmp_path / 'small'}",
    ]


def test_vectors_in_any_file_are_indexed(tmp_path):
    z = embeddings(40)
    (tmp_path / "shards").mkdir()
    for name, rows in (("a", range(20)), ("b", range(20, 40))):
        z.subset(rows).save(tmp_path / f"shards/{name}.npz")
    np.save(tmp_path / "z.npy", z.vectors)
    np.save(tmp_path / "double.npy", z.vectors.astype(np.float64))
    Embeddings(z.vectors[:0], [], groups=[]).save(tmp_path / "shards/0.npz")  # a shard without items
    by_name = cp.index(tmp_path / "shards", out=tmp_path / "one")
    assert names(cp.search(by_name, like="n3", k=5)) == names(search(z, like="n3", k=5))
    assert by_name.about([21])[0] == {"name": "n21", "group": "g2"}
    for place, source in enumerate((tmp_path / "z.npy", tmp_path / "double.npy", z.vectors)):
        index = cp.index(source, out=tmp_path / str(place))
        assert [hit.index for hit in cp.search(index, like="3", k=5)] == [hit.index for hit in search(z, like=3, k=5)]


def test_a_query_of_another_model_is_refused(home, idx, tmp_path):
    with pytest.raises(InputError, match="were made by another model: theirs is"):
        cp.search(home / "other", idx, like="a question")
    with pytest.raises(InputError, match="were made by another model: theirs is"):
        cp.index(home / "other", add=home / "more.csv", out=idx)
    with pytest.raises(InputError, match="were made by another model"):
        cp.index(idx, add=cp.embed(home / "other", ["a question"]))
    model = cp.load(home / "run")
    object.__setattr__(model, "modality", cp.load(home / "other").modality)
    assert preprocessing_of(model) == cp.Index.open(idx).record["preprocessing"]  # it is the same data
    record = json.loads((idx / "index.json").read_text())
    (idx / "index.json").write_text(json.dumps(record | {"preprocessing": "0" * 64}))
    with pytest.raises(InputError, match="same weights, but with another preprocessing"):
        cp.search(home / "run", idx, like="a question")
    cp.index(embeddings(20), out=tmp_path / "plain")
    with pytest.raises(RunError, match=r"has no run to embed 'a question'\. Name the run that made its vectors"):
        cp.search(tmp_path / "plain", like="a question")
    with pytest.raises(InputError, match="theirs is unknown"):
        cp.search(home / "run", tmp_path / "plain", like="a question")


def test_the_run_of_an_index_is_loaded_only_where_this_user_wrote_it(home, idx, tmp_path, monkeypatch):
    assert len(cp.search(idx, like="a question", k=2)) == 2
    record = json.loads((idx / "index.json").read_text())
    (idx / "index.json").write_text(json.dumps(record | {"run": str(home / "other")}))
    with pytest.raises(RunError, match="was built elsewhere, so the run that it names is not loaded"):
        cp.search(idx, like="a question")
    assert len(cp.search(home / "run", idx, like="a question", k=2)) == 2
    assert len(cp.search(idx, like=3, k=2)) == 2
    (idx / "index.json").write_text(json.dumps(record))
    monkeypatch.setenv("COUNTERPOINT_STATE", str(tmp_path / "state"))  # another user
    with pytest.raises(RunError, match="was built elsewhere"):
        cp.search(idx, like="a question")


def test_the_digest_of_the_preprocessing_survives_saving():
    worlds = {"image": stripes(24), "series": pulses(24), "table": records(24)}
    digests = set()
    for name, world in worlds.items():
        kind = catalogue.find("modality", name)
        modality, _ = kind.fit(world.source, DataOptions())
        again = kind.from_settings(json.loads(json.dumps(modality.settings())))
        assert preprocessing_of(Model(nn.Identity(), again)) == preprocessing_of(Model(nn.Identity(), modality))
        digests.add(preprocessing_of(Model(nn.Identity(), modality)))
    assert len(digests) == len(worlds)


def test_a_file_of_faiss_that_was_written_elsewhere_is_not_read(tmp_path, monkeypatch, caplog):
    pytest.importorskip("faiss")
    z = embeddings()
    cp.index(z, out=tmp_path / "idx", backend="faiss")
    monkeypatch.setenv("COUNTERPOINT_STATE", str(tmp_path / "state"))
    index = cp.Index.open(tmp_path / "idx")
    assert "was written elsewhere and is not read" in caplog.text
    assert index.backend == "exact"
    assert names(cp.search(index, like="n3", k=5)) == names(search(z, like="n3", k=5))


def test_bad_input_is_refused_and_nothing_is_lost(home, idx, tmp_path, monkeypatch):
    z = embeddings(20)
    files = {path: path.stat().st_mtime_ns for path in idx.rglob("*")}
    nan = Embeddings(np.eye(3, dtype=np.float32), ["a", "b", "c"])
    nan.vectors[1, 1] = np.nan
    one = cp.Index.open(idx)
    refusals = [
        (lambda: cp.index(home / "run", home / "all.csv", out=idx), "holds an index already"),
        (lambda: cp.index(home / "run", home / "all.csv", out=home), "holds other files"),
        (lambda: cp.index(home / "run", home / "all.csv"), "Name a folder for the index"),
        (
            lambda: cp.index(home / "run", out=tmp_path / "new"),
            "Give a run with its data, or embeddings.*Got only",
        ),
        (lambda: cp.index(z, home / "all.csv", out=tmp_path / "new"), "indexed without a source"),
        (lambda: cp.index(z, out=tmp_path / "new", backend="fais"), "Did you mean 'faiss'"),
        (lambda: cp.index(idx), "Name what to add= or delete="),
        (lambda: cp.index(one, z, delete="3"), "give items with add="),
        (lambda: cp.index(home / "run", delete="3"), "Name the index to change"),
        (lambda: cp.index(tmp_path / "none", out=tmp_path / "none", delete="3"), "There is no index in"),
        (lambda: cp.index(idx, delete=["3", "3x"]), "No item of the index is called '3x'"),
        (
            lambda: cp.index(idx, add=Embeddings(z.vectors[:, :6], z.names, one.model)),
            "have 6 dimensions, and those of the index",
        ),
        (lambda: cp.index(nan, out=tmp_path / "new"), "The vector of 'b' holds NaN"),
        (lambda: cp.index(z.subset([1, 2, 1]), out=tmp_path / "new"), "Two items are called 'n1'"),
        (lambda: cp.index(Embeddings(np.zeros((0, 3), np.float32), []), out=tmp_path / "new"), "no vectors"),
        (lambda: cp.search(one, like=0, k=0), "an integer of at least 1. Got 0"),
        (lambda: one.search(np.full(one.length, np.nan)), "holds NaN or infinity"),
        (lambda: one.search(np.zeros((2, 3))), r"dimension of the index, \d+. Got an array of shape \(2, 3\)"),
        (lambda: cp.search(one, like=np.zeros(3)), r"Got an array of shape \(3,\)"),
        (lambda: cp.search(one, like=48), "Rows are numbered 0 to 47. Got 48"),
        (lambda: cp.search(one, like="a", column="question"), "An index is searched without"),
        (lambda: cp.search(z, home / "idx", like="a"), "Give a model or a run first"),
        (lambda: cp.search(idx, idx, like="a"), "Give a model or a run first"),
        (lambda: cp.search(one, like={"a": 1}), "the name or the row of an item, a file, a text or a vector. Got dict"),
        (lambda: one.search("abc"), "A query is a vector of numbers, of the dimension"),
        (lambda: cp.index(z, add=z, out=idx), "give it or the run that made it first. Got Embeddings"),
        (lambda: one.search(np.ones(one.length), skip=[1, 2]), "There are 1 queries but 2 rows to skip"),
        (lambda: cp.index(idx, delete=[3]), "Items are named by strings, such as '3'. Got int"),
        (lambda: cp.index(z, out=tmp_path / "new", labels=[1] * 20), "are for data that a run embeds"),
        (lambda: one.about([0, -1]), "Rows are numbered 0 to 47. Got -1"),
        (lambda: cp.index(idx, delete="3", out=tmp_path / "new"), "An index is changed in place"),
        (lambda: cp.Index.open(tmp_path), "There is no index in"),
    ]
    for refused, message in refusals:
        with pytest.raises(InputError, match=message):
            pytest.fail(f"{message}: {refused()}")
    assert not (tmp_path / "new").exists()
    assert files == {path: path.stat().st_mtime_ns for path in idx.rglob("*")}
    monkeypatch.setattr("counterpoint.retrieval.faiss_lists.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"pip install \"counterpoint\[index\]\""):
        cp.index(embeddings(), out=tmp_path / "new", backend="faiss")
    assert not (tmp_path / "new").exists()


def changes(folder, z):
    """What is done to an index, one after another, and how many items it has then."""
    yield lambda: cp.index(z.subset(range(30)), out=folder), 30
    yield lambda: cp.index(folder, add=z.subset(range(30, 40)), delete=["n1", "n2"]), 38
    yield lambda: cp.index(folder, delete=z.names[3:20]), 21


def killed(tmp_path, count, seed):
    """Every change is killed at some moments: what is there is the index before it or after it, and it can go on."""
    z, folder, before = embeddings(40), tmp_path / "idx", 0
    for place, (work, after) in enumerate(changes(folder, z)):
        kept = tmp_path / f"kept{place}"
        if folder.exists():
            shutil.copytree(folder, kept)

        def restored(kept=kept):
            shutil.rmtree(folder, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, folder)

        chosen = chosen_moments(folder, work, count=count, seed=seed)
        for moment in chosen:
            restored()
            moments(folder, work, last=moment)
            if before == 0 and not (folder / "index.json").exists():
                with pytest.raises(RunError, match=r"an unfinished index|There is no index"):
                    cp.Index.open(folder)
                if (folder / "segment-000001").exists():
                    with pytest.raises(RunError, match=r"an unfinished index"):
                        cp.search(folder, like="n1")
                work()
                assert len(cp.Index.open(folder)) == after
                continue
            there = cp.Index.open(folder)
            there.verify()
            assert len(there) in (before, after)
            if len(there) == before:
                work()
            assert len(cp.Index.open(folder)) == after
        restored()
        work()
        before = after


def test_a_killed_process_leaves_the_index_before_or_after_its_change(tmp_path):
    killed(tmp_path, count=2, seed=0)


@pytest.mark.slow
def test_that_holds_at_every_moment(tmp_path):
    killed(tmp_path, count=1000, seed=0)


def test_a_second_writer_is_refused_and_readers_continue(tmp_path):
    from counterpoint.runs.locks import locked

    z = embeddings(40)
    index = cp.index(z, out=tmp_path / "idx")
    with locked(tmp_path / "idx"), pytest.raises(RunError, match="is being written by process"):
        cp.index(tmp_path / "idx", delete="n1")
    changed = cp.index(tmp_path / "idx", delete=z.names[:20])
    assert (len(index), len(changed)) == (40, 20)
    assert names(cp.search(index, like="n1", k=5)) == names(search(z, like="n1", k=5))  # its files are gone, but open


def test_damaged_files_are_refused(tmp_path):
    index = cp.index(embeddings(), out=tmp_path / "idx", backend="scan")
    segment = tmp_path / "idx" / "segment-000001"
    for file in sorted(segment.iterdir()):
        held = file.read_bytes()
        for spoilt in (held[:-1], held[: len(held) // 2], b"", held[:-5] + bytes([held[-5] ^ 1]) + held[-4:], None):
            file.unlink() if spoilt is None else file.write_bytes(spoilt)
            with pytest.raises(RunError, match=r"is missing|was changed|is damaged"):
                cp.Index.open(tmp_path / "idx")
        file.write_bytes(held)
    assert fingerprint(segment / "vectors.npy") == index.record["segments"][0]["files"]["vectors.npy"]
    assert len(cp.Index.open(tmp_path / "idx")) == 300
