"""Finding partners and documents: measures by hand, baselines by their formulas, and the verb from a shell."""

import json
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.data.frames import raw_columns
from counterpoint.errors import InputError
from counterpoint.likeness import agree
from counterpoint.matching import match, retrieve, table
from counterpoint.mining import mine
from counterpoint.retrieval.lexical import bm25, tfidf
from counterpoint.retrieval.ranking import ranked
from tests.test_linked_texts import asked

DOCUMENTS = ["the cat sat on the mat", "a dog barked at the cat", "no animals here at all", "a dog and a dog"]


def test_measures_are_those_of_their_formulas():
    random = np.random.default_rng(0)
    alike, grades = random.normal(size=(6, 150)).astype(np.float32), random.integers(0, 4, (6, 150)) * 1.0
    grades[grades < 3] = 0
    grades[0, 5], grades[1, 7] = 1, 2
    found = ranked(alike, grades)
    for row in range(6):
        order = sorted(range(150), key=lambda place: -alike[row, place])
        gains = [grades[row, place] for place in order]
        for k in (1, 10, 100):
            expected = sum(gain > 0 for gain in gains[:k]) / (1 if k == 1 else sum(gain > 0 for gain in gains))
            assert found[f"recall@{k}"][row] == pytest.approx(expected)
        first = next(rank for rank, gain in enumerate(gains, start=1) if gain > 0)
        assert found["mrr"][row] == pytest.approx(1 / first)
        best = sorted(gains, reverse=True)
        dcg, ideal = (
            sum(gain / math.log2(rank + 1) for rank, gain in enumerate(part[:10], start=1)) for part in (gains, best)
        )
        assert found["ndcg@10"][row] == pytest.approx(dcg / ideal)


def test_who_takes_all_for_equal_finds_nothing():
    found = ranked(np.zeros((3, 20), dtype=np.float32), np.eye(20)[:3])
    assert found["recall@1"].tolist() == [0, 0, 0]
    assert (found["mrr"] < 0.1).all()


def test_bm25_is_its_formula():
    words = [document.split() for document in DOCUMENTS]
    mean = np.mean([len(each) for each in words])
    found = bm25(DOCUMENTS)(["dog cat", "unheard of"])
    for row, each in enumerate(words):
        expected = 0.0
        for term in ("dog", "cat"):
            among, times = sum(term in other for other in words), each.count(term)
            idf = math.log(1 + (len(words) - among + 0.5) / (among + 0.5))
            expected += idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * len(each) / mean))
        assert found[0, row] == pytest.approx(expected, rel=1e-5)
    assert not found[1].any()


def test_tfidf_finds_a_document_by_itself():
    found = tfidf(DOCUMENTS)(DOCUMENTS)
    np.testing.assert_allclose(np.diag(found), 1, atol=1e-6)
    assert found.argmax(axis=1).tolist() == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matching")
    source = asked(300)
    choices = {"epochs": 25, "batch_size": 50, "width": 32, "learning_rate": 1e-2, "precision": "fp32"}
    cp.fit(source, pairs="question,answer", method="clip", modality="text", out=folder / "run", **choices)
    return folder / "run"


def test_answers_are_found_better_than_by_their_words(run):
    new = asked(100, seed=1)
    among_all, among_few = (
        match(run, new, pairs=["question", "answer"]),
        match(run, new, pairs=["question", "answer"], among=20),
    )
    assert (among_all["documents"], among_few["documents"], among_few["queries"]) == (100, 20, 100)
    for found in (among_all, among_few):
        for other in ("untrained", "tfidf", "bm25", "chance"):
            assert found["better"][other]["mrr"]["low"] > 0, other
    assert among_few["scores"]["chance"]["recall@1"]["low"] <= 0.05 <= among_few["scores"]["chance"]["recall@1"]["high"]
    assert "better than all others" in table(among_all)
    assert json.loads((run / "retrieval.json").read_text())["documents"] == 20


def test_several_answers_to_a_question_are_all_relevant(run):
    new = asked(20, seed=2)
    new["question"][:3] = new["question"][0]
    found = match(run, new, pairs=["question", "answer"])
    assert (found["queries"], found["documents"]) == (18, 20)


def test_documents_are_found_by_queries_from_a_shell(run, tmp_path, capsys):
    new = asked(30, seed=3)
    for name in ("question", "answer"):
        lines = [f"{name[0]}{row},{text}" for row, text in enumerate(new[name])]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"doc_id,{name}", *lines]))
    judged = [f"q{row},a{row},1" for row in range(20)]
    (tmp_path / "judged.tsv").write_text("\n".join(["query,doc,grade", *judged]).replace(",", "\t"))
    files = [str(tmp_path / name) for name in ("question.csv", "answer.csv", "judged.tsv")]
    main(["evaluate", str(run), "--queries", files[0], "--documents", files[1], "--relevance", files[2], "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["queries"], found["documents"]) == (20, 30)
    assert found["better"]["bm25"]["ndcg@10"]["low"] > 0
    assert found == retrieve(run, *files)


@pytest.mark.parametrize(
    ("relevance", "message"),
    [
        ({"query": ["0"], "doc": ["77"]}, "names '77', which is none of the documents"),
        ({"query": ["0"], "doc": ["1"], "grade": [0]}, "Nothing is relevant"),
        ({"query": ["0"]}, "columns for query and document"),
    ],
)
def test_relevance_that_cannot_be_used_is_refused(run, relevance, message):
    with pytest.raises(InputError, match=message):
        retrieve(run, ["a question"], ["one", "two"], relevance)


def scored(seed=4):
    """Questions beside their answers, some words of which are another's: the fewer, the more alike."""
    source = asked(60, seed=seed)
    random = np.random.default_rng(seed)
    kept = random.integers(0, 7, 60)
    other = np.roll(source["answer"], 1)
    mixed = [
        " ".join([*own.split()[:count], *strange.split()[count:]])
        for own, strange, count in zip(source["answer"], other, kept, strict=True)
    ]
    return {"one": source["question"], "two": np.array(mixed, dtype=object), "score": kept.astype(float)}


def test_pairs_are_as_alike_as_people_say(run, tmp_path, capsys):
    source = scored()
    found = agree(run, source, pairs=["one", "two"], scores="score")
    assert found["pairs"] == 60
    assert found["better"]["untrained"]["low"] > 0
    assert abs(found["spearman"]["tfidf"]["value"]) < 0.3
    z = cp.load(run).embed(list(source["one"])).vectors * cp.load(run).embed(list(source["two"])).vectors
    assert found["spearman"]["trained"]["value"] == pytest.approx(
        float(spearmanr(z.sum(axis=1), source["score"]).statistic), abs=1e-3
    )
    rows = [f"{one},{two},{score}" for one, two, score in zip(*source.values(), strict=True)]
    (tmp_path / "scored.csv").write_text("\n".join(["one,two,score", *rows]))
    file = str(tmp_path / "scored.csv")
    main(["evaluate", str(run), "--test", file, "--pairs", "one,two", "--scores", "score", "--json"])
    assert json.loads(capsys.readouterr().out)["spearman"] == found["spearman"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": "scor"}, "Did you mean 'score'"),
        ({"scores": "one"}, "one number in every row"),
        ({"few": 5}, "needs 10 pairs"),
    ],
)
def test_scores_that_cannot_be_used_are_refused(run, change, message):
    source = {name: cells[: change.get("few", 60)] for name, cells in scored().items()}
    with pytest.raises(InputError, match=message):
        agree(run, source, pairs=["one", "two"], scores=change.get("scores", "score"))


def test_too_large_a_company_is_refused(run):
    with pytest.raises(InputError, match=r"at most the 10 rows there are\. Got 11"):
        match(run, asked(10), pairs=["question", "answer"], among=11)


def test_negatives_are_the_most_alike_that_are_no_answers(run, tmp_path, capsys):
    new = asked(60, seed=6)
    new["question"][1] = new["question"][0]  # then the answer of each is an answer of the other
    found = mine(run, new, tmp_path / "mined.csv", pairs=["question", "answer"], k=2)
    columns = raw_columns(tmp_path / "mined.csv")
    assert list(columns) == ["question", "answer", "negative_1", "negative_2"]
    assert found["rows"] + found["left_out"] == 60
    model = cp.load(run)
    answers = list(dict.fromkeys(new["answer"].tolist()))
    q, a = model.embed(columns["question"]).vectors, model.embed(answers).vectors
    for row, similar in enumerate(q @ a.T):
        own = {x for y, x in zip(new["question"], new["answer"], strict=True) if y == columns["question"][row]}
        limit = 0.95 * similar[answers.index(columns["answer"][row])]
        allowed = [place for place, text in enumerate(answers) if text not in own and similar[place] <= limit]
        best = sorted(allowed, key=lambda place: -similar[place])[:2]
        assert [answers[place] for place in best] == [columns["negative_1"][row], columns["negative_2"][row]]
    rows = [f"{one},{two}" for one, two in zip(new["question"], new["answer"], strict=True)]
    (tmp_path / "pairs.csv").write_text("\n".join(["question,answer", *rows]))
    out = str(tmp_path / "one.csv")
    main(["mine", str(run), str(tmp_path / "pairs.csv"), "--pairs", "question,answer", "--out", out, "--json"])
    assert json.loads(capsys.readouterr().out)["rows"] >= found["rows"]
    cp.fit(out, pairs="question,answer,negative", method="simcse", epochs=1, batch_size=8, width=8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"share": 0.0}, "share in"),
        ({"pairs": ["question", "answer", "wrong"]}, "mined for two columns"),
        ({"out": "mined.txt"}, r"written as \.csv"),
        ({"k": 500}, "No pair has 500 negatives"),
    ],
)
def test_negatives_that_cannot_be_mined_are_refused(run, tmp_path, change, message):
    wanted = {"pairs": ["question", "answer"], **change}
    with pytest.raises(InputError, match=message):
        mine(run, asked(20), tmp_path / wanted.pop("out", "mined.csv"), **wanted)
    assert not list(tmp_path.iterdir())
