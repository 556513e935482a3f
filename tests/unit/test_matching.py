"""Finding partners and documents: measures by hand, baselines by their formulas, and the verb from a shell."""

import json
import math
import re

import numpy as np
import pytest
from scipy.stats import spearmanr

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.data.frames import raw_columns
from counterpoint.data.relevance import read_collection, read_relevance
from counterpoint.errors import InputError
from counterpoint.retrieval.lexical import bm25, tfidf
from counterpoint.retrieval.ranking import ranked
from counterpoint.verbs.evaluate_retrieval import evaluate_retrieval
from counterpoint.verbs.evaluate_similarity import evaluate_similarity
from counterpoint.verbs.mine import mine
from counterpoint.verbs.retrieval_scores import table
from tests.unit.test_linked_texts import asked

DOCUMENTS = ["the cat sat on the mat", "a dog barked at the cat", "no animals here at all", "a dog and a dog"]


def test_measures_are_those_of_their_formulas():
    random = np.random.default_rng(0)
    alike, grades = random.normal(size=(6, 150)).astype(np.float32), random.integers(0, 4, (6, 150)) * 1.0
    grades[grades < 3] = 0
    grades[0, 5], grades[1, 7] = 1, 2
    result = ranked(alike, grades)
    for row in range(6):
        order = sorted(range(150), key=lambda place: -alike[row, place])
        gains = [grades[row, place] for place in order]
        for k in (1, 10, 100):
            expected = sum(gain > 0 for gain in gains[:k]) / (1 if k == 1 else sum(gain > 0 for gain in gains))
            assert result[f"recall@{k}"][row] == pytest.approx(expected)
        first = next(rank for rank, gain in enumerate(gains, start=1) if gain > 0)
        assert result["mrr"][row] == pytest.approx(1 / first)
        best = sorted(gains, reverse=True)
        dcg, ideal = (
            sum(gain / math.log2(rank + 1) for rank, gain in enumerate(part[:10], start=1)) for part in (gains, best)
        )
        assert result["ndcg@10"][row] == pytest.approx(dcg / ideal)


def test_relevant_documents_that_are_not_there_count_as_not_found():
    alike = np.array([[0.9, 0.8, 0.1], [0.3, 0.2, 0.1]], dtype=np.float32)
    grades = np.array([[0, 2, 0, 3, 1], [0, 0, 0, 1, 0]], dtype=np.float32)  # of three documents and two missing ones
    result = ranked(alike, grades)
    ideal = 3 + 2 / math.log2(3) + 1 / math.log2(4)
    assert result["ndcg@10"].tolist() == pytest.approx([2 / math.log2(3) / ideal, 0])
    assert result["mrr"].tolist() == [0.5, 0]
    assert result["recall@1"].tolist() == [0, 0]
    many = ranked(np.tile(alike, 5), np.concatenate([np.tile(grades[:, :3], 5), grades[:, 3:]], axis=1))
    assert many["recall@10"].tolist() == pytest.approx([5 / 7, 0])  # five of seven relevant, all among the first ten


def test_who_takes_all_for_equal_finds_nothing():
    result = ranked(np.zeros((3, 20), dtype=np.float32), np.eye(20)[:3])
    assert result["recall@1"].tolist() == [0, 0, 0]
    assert (result["mrr"] < 0.1).all()


def test_bm25_is_its_formula():
    words = [document.split() for document in DOCUMENTS]
    mean = np.mean([len(each) for each in words])
    result = bm25(DOCUMENTS)(["dog cat", "unheard of"])
    for row, each in enumerate(words):
        expected = 0.0
        for term in ("dog", "cat"):
            among, times = sum(term in other for other in words), each.count(term)
            idf = math.log(1 + (len(words) - among + 0.5) / (among + 0.5))
            expected += idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * len(each) / mean))
        assert result[0, row] == pytest.approx(expected, rel=1e-5)
    assert not result[1].any()


def test_tfidf_finds_a_document_by_itself():
    result = tfidf(DOCUMENTS)(DOCUMENTS)
    np.testing.assert_allclose(np.diag(result), 1, atol=1e-6)
    assert result.argmax(axis=1).tolist() == [0, 1, 2, 3]


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
        evaluate_retrieval(run, new, pairs=["question", "answer"]),
        evaluate_retrieval(run, new, pairs=["question", "answer"], among=20),
    )
    assert (among_all["documents"], among_few["documents"], among_few["queries"]) == (100, 20, 100)
    for result in (among_all, among_few):
        for other in ("untrained", "tfidf", "bm25", "chance"):
            assert result["better"][other]["mrr"]["low"] > 0, other
    assert among_few["scores"]["chance"]["recall@1"]["low"] <= 0.05 <= among_few["scores"]["chance"]["recall@1"]["high"]
    assert "better than all others" in table(among_all)
    assert json.loads((run / "retrieval.json").read_text())["documents"] == 20


def test_several_answers_to_a_question_are_all_relevant(run):
    new = asked(20, seed=2)
    new["question"][:3] = new["question"][0]
    result = evaluate_retrieval(run, new, pairs=["question", "answer"])
    assert (result["queries"], result["documents"]) == (18, 20)


def test_among_few_equal_answers_are_one_document_and_all_right_ones_count(run):
    new = asked(40, seed=2)
    new["answer"][:10] = new["answer"][0]
    new["question"][10:13] = new["question"][10]
    result = evaluate_retrieval(run, new, pairs=["question", "answer"], among=31)
    assert (result["documents"], result["queries"]) == (31, 38)
    best, rank = cp.load(run), []
    answers = list(dict.fromkeys(new["answer"].tolist()))
    similar = best.embed(new["question"].tolist()).vectors @ best.embed(answers).vectors.T
    for question in dict.fromkeys(new["question"].tolist()):
        rows = [row for row, each in enumerate(new["question"]) if each == question]
        right = max(similar[rows[0], answers.index(new["answer"][row])] for row in rows)
        rank.append(1 + (similar[rows[0]] > right).sum())
    assert result["scores"]["trained"]["mrr"]["value"] == pytest.approx(np.mean(1 / np.array(rank)), abs=1e-6)


def test_rows_without_a_text_are_left_out_and_said(run):
    new = asked(20, seed=2)
    new["answer"][4] = ""
    result = evaluate_retrieval(run, new, pairs=["question", "answer"])
    assert (result["documents"], result["incomplete_rows"]) == (19, 1)
    assert "rows without a text in each column, left out: 1" in table(result)


def test_judgements_that_match_nothing_do_not_end_an_evaluation(run, tmp_path):
    new = asked(30, seed=3)
    queries, documents = (
        {"id": [f"{name[0]}{row}" for row in range(30)], name: new[name]} for name in ("question", "answer")
    )
    judged = [("q0", "a0", 1), ("q0", "lost", 2), ("q1", "gone", 1), ("q2", "a2", 1), ("q2", "a3", 0), ("who", "a1", 1)]
    judged += [("who", "a2", 1), ("q3", "a3", -1)]
    relevance = dict(zip(("query", "doc", "grade"), map(list, zip(*judged, strict=True)), strict=True))
    result = evaluate_retrieval(run, queries, documents, relevance)
    counts = {name: result[name] for name in ("queries", "unknown_documents", "unknown_queries", "unjudged_queries")}
    assert counts == {"queries": 3, "unknown_documents": 2, "unknown_queries": 2, "unjudged_queries": 27}
    model = cp.load(run)
    similar = model.embed(new["question"].tolist()).vectors[[0, 2]] @ model.embed(new["answer"].tolist()).vectors.T
    ranks = [1 + int((row > row[place]).sum()) for row, place in zip(similar, (0, 2), strict=True)]
    gains = [1 / math.log2(rank + 1) if rank <= 10 else 0 for rank in ranks]
    scores = {measure: each["value"] for measure, each in result["scores"]["trained"].items()}
    assert scores["ndcg@10"] == pytest.approx((gains[0] / (2 + 1 / math.log2(3)) + gains[1]) / 3, abs=1e-6)
    assert scores["recall@10"] == pytest.approx(((ranks[0] <= 10) / 2 + (ranks[1] <= 10)) / 3)
    assert scores["mrr"] == pytest.approx((1 / ranks[0] + 1 / ranks[1]) / 3, abs=1e-6)
    for line in (
        "counted as not found: 2",
        "not among the queries, left out: 2",
        "without a relevant document, left out: 27",
    ):
        assert line in table(result)
    assert json.loads((run / "retrieval.json").read_text())["unknown_queries"] == 2


def test_documents_are_found_by_queries_from_a_shell(run, tmp_path, capsys):
    new = asked(30, seed=3)
    for name in ("question", "answer"):
        lines = [f"{name[0]}{row},{text}" for row, text in enumerate(new[name])]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"doc_id,{name}", *lines]))
    judged = [f"q{row},a{row},1" for row in range(20)]
    (tmp_path / "judged.tsv").write_text("\n".join(["query,doc,grade", *judged]).replace(",", "\t"))
    files = [str(tmp_path / name) for name in ("question.csv", "answer.csv", "judged.tsv")]
    main(["evaluate", str(run), "--queries", files[0], "--documents", files[1], "--relevance", files[2], "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (result["queries"], result["documents"]) == (20, 30)
    assert result["better"]["bm25"]["ndcg@10"]["low"] > 0
    assert result == evaluate_retrieval(run, *files)


def published(folder):
    """The same collection as BEIR and as TREC publish theirs; ids begin with zeros, a title is missing."""
    new = asked(12, seed=3)
    (folder / "beir/qrels").mkdir(parents=True)
    heads = [new["answer"][row].split(" ", 2) for row in range(12)]
    documents = [
        {"_id": f"{row:03}", "title": " ".join(head[:2]), "text": head[2], "metadata": {}}
        for row, head in enumerate(heads)
    ]
    documents[5] = {"_id": "005", "text": new["answer"][5], "metadata": {"url": "x"}}
    queries = [{"_id": f"0{row}", "text": text, "metadata": {}} for row, text in enumerate(new["question"])]
    for name, records in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        (folder / "beir" / name).write_text("\n".join(map(json.dumps, records)) + "\n")
    judged = [(f"0{row}", f"{row:03}", 1) for row in range(10)] + [("03", "004", 0), ("03", "777", 2)]
    rows = ["\t".join(map(str, each)) for each in judged]
    (folder / "beir/qrels/test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]))
    (folder / "beir/qrels/dev.tsv").write_text("query-id\tcorpus-id\tscore\n00\t000\t1\n")
    for name, texts, digits in (("topics.tsv", new["question"], "0"), ("collection.tsv", new["answer"], "00")):
        lines = [f"{digits if row < 10 else digits[1:]}{row}\t{text}" for row, text in enumerate(texts)]
        (folder / name).write_text("\n".join(lines).replace("\n10\t", "\n010\t").replace("\n11\t", "\n011\t"))
    (folder / "qrels.txt").write_text("".join(f"{q} 0\t{d}  {grade}\n" for q, d, grade in judged))
    (folder / "qrels.tsv").write_text("".join(f"{q}\t0\t{d}\t{grade}\r\n" for q, d, grade in judged))
    return folder


def test_collections_are_read_as_beir_and_trec_publish_them(run, tmp_path, capsys):
    folder = published(tmp_path)
    beir = folder / "beir"
    expected = evaluate_retrieval(run, beir / "queries.jsonl", beir / "corpus.jsonl", beir / "qrels/test.tsv")
    assert (expected["queries"], expected["documents"], expected["unknown_documents"]) == (10, 12, 1)
    assert (expected["unknown_queries"], expected["unjudged_queries"], expected["notes"]) == (0, 2, [])
    files = [str(beir / "queries.jsonl"), str(beir), str(beir / "qrels/test.tsv")]
    for words in (
        ["--test", str(beir)],
        ["--queries", files[0], "--documents", files[1], "--relevance", files[2]],
    ):
        main(["evaluate", str(run), *words, "--json"])
        assert json.loads(capsys.readouterr().out) == expected
    for qrels in ("qrels.txt", "qrels.tsv"):
        result = evaluate_retrieval(run, folder / "topics.tsv", folder / "collection.tsv", folder / qrels)
        assert {**result, "notes": []} == expected
        assert (
            "relevance has no line of column names: its columns are query, what is not used, document, grade"
            in table(result)
        )
        assert "'topics.tsv' has no line of column names: each line is a name, a tab and a text" in table(result)


def test_a_document_of_beir_says_its_title_and_its_text_and_keeps_its_name(tmp_path):
    documents, _ = read_collection(published(tmp_path) / "beir", "corpus.jsonl")
    assert documents["_id"][:2] == ["000", "001"]
    assert documents["text"] == asked(12, seed=3)["answer"].tolist()


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("r.tsv", ["query-id\tcorpus-id\tscore", "007\t0010\t1", "007\t9\t0"]),
        ("r.csv", ["score,docid,qid", "1,0010,007", "0,9,007"]),
        ("r.csv", ["label;document;query", "1;0010;007", "0;9;007"]),
        ("r.csv", ["007,0010,1", "007,9,0"]),
        ("r.tsv", ["007\t0010\t1", "007\t9\t0"]),
        ("r.tsv", ["one\tother\thow well", "007\t0010\t1", "007\t9\t0"]),
        ("r.tsv", ["qid doc_id relevance", "007 0010 1", "007 9 0"]),
        ("qrels.dl19", ["007 Q0 0010 1", "", "007 Q0 9 0"]),
        ("r.txt", ["query_id iteration doc_id grade", "007 0 0010 1", "007 0 9 0"]),
        (
            "r.jsonl",
            [
                '{"query-id": "007", "corpus-id": "0010", "score": 1}',
                '{"query-id": "007", "corpus-id": "9", "score": 0}',
            ],
        ),
    ],
)
def test_relevance_is_read_by_the_names_of_its_columns_or_by_their_order(tmp_path, name, lines):
    (tmp_path / name).write_text("\n".join(lines))
    assert read_relevance(tmp_path / name).grades == {("007", "0010"): 1.0, ("007", "9"): 0.0}


def test_files_that_are_no_qrels_are_refused_with_their_line(tmp_path):
    (tmp_path / "qrels").write_text("1 0 a 1\n2 0 b\n")
    with pytest.raises(InputError, match=r"Line 2 of '.*qrels' has 3 columns and the first 4"):
        read_relevance(tmp_path / "qrels")
    (tmp_path / "empty.tsv").write_text("\n")
    with pytest.raises(InputError, match="it has no lines"):
        read_relevance(tmp_path / "empty.tsv")
    (tmp_path / "topics.tsv").write_text("1\tone text\n1\tother text\n")
    with pytest.raises(InputError, match="calls two texts '1'"):
        read_collection(tmp_path / "topics.tsv", "queries.jsonl")
    (tmp_path / "beir/qrels").mkdir(parents=True)
    (tmp_path / "beir/corpus.jsonl").write_text('{"_id": "1", "text": "a b"}')
    with pytest.raises(InputError, match="Say with relevance="):
        read_relevance(tmp_path / "beir")
    with pytest.raises(InputError, match=r"but no queries\.jsonl"):
        read_collection(tmp_path / "beir", "queries.jsonl")


@pytest.mark.parametrize(
    ("relevance", "message"),
    [
        ({"query": ["77"], "doc": ["1"]}, "names none of the queries: it has '77', they are called 0"),
        ({"query": ["0"], "doc": ["1"], "grade": ["good"]}, "Row 0 of relevance has the grade 'good'"),
        ({"query": ["0", ""], "doc": ["1", "1"]}, "Row 1 of relevance lacks the name"),
        ({"query": ["0"], "doc": ["1"], "kind": ["x"], "day": ["y"]}, "no column called 'score' or 'grade'"),
        ({"query": ["0"], "doc": ["1"], "grade": [0]}, "Nothing is relevant"),
        ({"query": ["0"]}, "columns for query and document"),
    ],
)
def test_relevance_that_cannot_be_used_is_refused(run, relevance, message):
    with pytest.raises(InputError, match=message):
        evaluate_retrieval(run, ["a question"], ["one", "two"], relevance)


def scored(seed=4):
    """Questions beside their answers, some words of which are another's: the fewer, the more alike."""
    source = asked(60, seed=seed)
    random = np.random.default_rng(seed)
    kept = random.integers(0, 7, 60)
    other = np.roll(source["answer"], 1)
    mixed = [
        " ".join([*user_parts.split()[:count], *strange.split()[count:]])
        for user_parts, strange, count in zip(source["answer"], other, kept, strict=True)
    ]
    return {"one": source["question"], "two": np.array(mixed, dtype=object), "score": kept.astype(float)}


def test_pairs_are_as_alike_as_people_say(run, tmp_path, capsys):
    source = scored()
    result = evaluate_similarity(run, source, pairs=["one", "two"], scores="score")
    assert result["pairs"] == 60
    assert result["better"]["untrained"]["low"] > 0
    assert abs(result["spearman"]["tfidf"]["value"]) < 0.3
    z = cp.load(run).embed(list(source["one"])).vectors * cp.load(run).embed(list(source["two"])).vectors
    assert result["spearman"]["trained"]["value"] == pytest.approx(
        float(spearmanr(z.sum(axis=1), source["score"]).statistic), abs=1e-3
    )
    rows = [f"{one},{two},{score}" for one, two, score in zip(*source.values(), strict=True)]
    (tmp_path / "scored.csv").write_text("\n".join(["one,two,score", *rows]))
    file = str(tmp_path / "scored.csv")
    main(["evaluate", str(run), "--test", file, "--pairs", "one,two", "--scores", "score", "--json"])
    assert json.loads(capsys.readouterr().out)["spearman"] == result["spearman"]


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
        evaluate_similarity(run, source, pairs=["one", "two"], scores=change.get("scores", "score"))


def test_a_model_of_no_texts_is_refused_before_anything_is_read():
    table = cp.fit({"a": np.arange(40.0)}, modality="table", epochs=1, batch_size=8, width=8)
    with pytest.raises(InputError, match="this model is of table"):
        evaluate_retrieval(table, {"a": [1.0]}, {"a": [2.0]}, {"query": ["0"], "doc": ["0"]})


def test_too_large_a_company_is_refused(run):
    with pytest.raises(InputError, match=r"at most the 10 different answers there are\. Got 11"):
        evaluate_retrieval(run, asked(10), pairs=["question", "answer"], among=11)


def test_partners_and_a_collection_are_not_mixed(run):
    columns = {"question": ["one"], "answer": ["two"]}
    for given, sentence in (
        ({"documents": ["a"], "pairs": "question,answer"}, "leave out documents= and relevance=, or pairs="),
        ({"relevance": columns, "pairs": "question,answer"}, "leave out documents= and relevance=, or pairs="),
        ({"among": 3}, "among is about columns of pairs"),
        ({}, "Say documents= as well"),
        ({"documents": ["a"]}, "Say relevance= as well"),
    ):
        with pytest.raises(InputError, match=re.escape(sentence)):
            evaluate_retrieval(run, columns, **given)


def test_negatives_are_the_most_alike_that_are_no_answers(run, tmp_path, capsys):
    new = asked(60, seed=6)
    new["question"][1] = new["question"][0]  # then the answer of each is an answer of the other
    result = mine(run, new, tmp_path / "mined.csv", pairs=["question", "answer"], k=2)
    columns = raw_columns(tmp_path / "mined.csv")
    assert list(columns) == ["question", "answer", "negative_1", "negative_2"]
    assert result["rows"] + result["left_out"] == 60
    model = cp.load(run)
    answers = list(dict.fromkeys(new["answer"].tolist()))
    q, a = model.embed(columns["question"]).vectors, model.embed(answers).vectors
    for row, similar in enumerate(q @ a.T):
        user_parts = {x for y, x in zip(new["question"], new["answer"], strict=True) if y == columns["question"][row]}
        limit = 0.95 * similar[answers.index(columns["answer"][row])]
        allowed = [place for place, text in enumerate(answers) if text not in user_parts and similar[place] <= limit]
        best = sorted(allowed, key=lambda place: -similar[place])[:2]
        assert [answers[place] for place in best] == [columns["negative_1"][row], columns["negative_2"][row]]
    rows = [f"{one},{two}" for one, two in zip(new["question"], new["answer"], strict=True)]
    (tmp_path / "pairs.csv").write_text("\n".join(["question,answer", *rows]))
    out = str(tmp_path / "one.csv")
    main(["mine", str(run), str(tmp_path / "pairs.csv"), "--pairs", "question,answer", "--out", out, "--json"])
    assert json.loads(capsys.readouterr().out)["rows"] >= result["rows"]
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
