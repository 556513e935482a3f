"""Lists and records in cells are read as what they are, dialogues or lists of texts, or refused; never as code."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import counterpoint as cp
from counterpoint.data.datasets import gives_pictures
from counterpoint.data.frames import is_columns, raw_columns, read_frame
from counterpoint.data.pairs import read_scores
from counterpoint.data.relevance import CORPUS, QUERIES, read_collection, read_relevance
from counterpoint.data.sheets import read_sheet
from counterpoint.data.text_pairs import read_linked
from counterpoint.data.texts import may_be_texts, read_texts
from counterpoint.errors import CounterpointError, SourceError
from counterpoint.modality import DataOptions
from counterpoint.plans.data_options import ReadOptions

SAID = ["Where is my card?", "On its way.", "Since when?", "Since Monday.", "Thank you."]

ROLES = ["user", "assistant"] * 3

SHAPES = {
    "OpenAI": [{"role": role, "content": text} for role, text in zip(ROLES, SAID, strict=False)],
    "ShareGPT": [{"from": role, "value": text} for role, text in zip(ROLES, SAID, strict=False)],
    "speakers": [{"speaker": role, "text": text} for role, text in zip(ROLES, SAID, strict=False)],
    "users": [{"user": role, "utterance": text} for role, text in zip(ROLES, SAID, strict=False)],
    "authors": [{"author": role, "message": text, "at": 3} for role, text in zip(ROLES, SAID, strict=False)],
    "pairs": [[role, text] for role, text in zip(ROLES, SAID, strict=False)],
    "parts": [{"role": "user", "content": [{"type": "text", "text": text}]} for text in SAID],
    "strings": SAID,
}


def texts(source, column=None):
    read = read_texts(source, ReadOptions(column=column))
    return list(read.texts), list(read.skipped), list(read.notes)


def rows(source, pairs):
    read, linked = read_linked(source, pairs.split(","))
    return [[read.texts[place] for place in row] for row in linked], list(read.skipped), list(read.notes)


def schema(source, **options):
    return read_sheet(source, DataOptions(data=ReadOptions(**options))).schema.lines()


def written(path, columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    return path


ANSWERED = [
    [SAID[0], SAID[1]],
    [" ".join(SAID[:2]), SAID[2]],
    [" ".join(SAID[:3]), SAID[3]],
    [" ".join(SAID[1:4]), SAID[4]],
]


def test_every_shape_of_a_dialogue_is_one_text_or_turns_that_answer_those_before():
    for name, dialogue in SHAPES.items():
        between = " " if name == "strings" else "\n"
        assert texts({"messages": [dialogue]}, "messages") == ([between.join(SAID)], [], []), name
        assert rows({"messages": [dialogue]}, "messages") == (ANSWERED, [], []), name


def test_dialogues_are_read_from_every_kind_of_file(tmp_path):
    for name, dialogue in SHAPES.items():
        lines = json.dumps({"messages": dialogue}) + "\n"
        (tmp_path / "a.jsonl").write_text(lines * 2)
        (tmp_path / "a.json").write_text(json.dumps([{"messages": dialogue}] * 2))
        parquet.write_table(pa.table({"messages": [dialogue] * 2}), tmp_path / "a.parquet")
        written(tmp_path / "a.csv", {"messages": [json.dumps(dialogue)] * 2})
        written(tmp_path / "a.tsv", {"messages": [repr(dialogue)] * 2}).write_text(
            "messages\n" + "\n".join(['"' + repr(dialogue).replace('"', '""') + '"'] * 2)
        )
        for suffix in ("jsonl", "json", "parquet", "csv", "tsv"):
            assert rows(tmp_path / f"a.{suffix}", "messages")[0] == ANSWERED * 2, (name, suffix)


def test_dialogues_in_nested_fields_have_dotted_names(tmp_path):
    talk = {"data": {"conversations": SHAPES["ShareGPT"], "from": "a forum"}}
    (tmp_path / "a.jsonl").write_text(json.dumps(talk))
    assert rows(tmp_path / "a.jsonl", "data.conversations")[0] == ANSWERED
    other = {"data": {"conversations": [{"from": "human", "value": ["Hello."]}], "from": "a forum"}}
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(talk)}\n{json.dumps(other)}")  # arrow has no type for both
    assert texts(tmp_path / "a.jsonl", "data.conversations")[0] == ["\n".join(SAID), "Hello."]
    assert raw_columns(tmp_path / "a.jsonl")["data.from"] == ["a forum"] * 2


def test_gaps_in_dialogues_are_left_out_and_dialogues_of_nothing_skipped():
    talk = [
        None,
        {"role": "user", "content": "Hi."},
        {"role": "user", "content": None},
        {"role": "user", "content": ""},
    ]
    source = {"messages": [talk, None, [], [None], [*talk, {"role": "bot", "content": "Hello."}, None]]}
    read, skipped, _ = texts(source, "messages")
    assert read == ["Hi.", "Hi.\nHello."]
    assert skipped == [("1", "it is empty"), ("2", "it is empty"), ("3", "it is empty")]
    read, skipped, _ = rows(source, "messages")
    assert read == [["Hi.", "Hello."]]
    assert skipped == [
        ("row 0", "no turn answers another"),
        ("row 1", "nothing is said"),
        ("row 2", "nothing is said"),
        ("row 3", "nothing is said"),
    ]


def test_parts_of_messages_that_are_no_text_are_left_out_and_counted():
    content = [
        {"type": "text", "text": "What is"},
        {"type": "image_url", "image_url": {"url": "data:"}},
        {"type": "text", "text": "this?"},
    ]
    source = {"messages": [[{"role": "user", "content": content}, {"role": "bot", "content": "A cat."}]] * 2}
    note = ["'messages': parts that are no text are left out: 2 (image_url)"]
    assert texts(source, "messages") == (["What is this?\nA cat."] * 2, [], note)
    assert rows(source, "messages") == ([["What is this?", "A cat."]] * 2, [], note)


def test_what_a_system_says_stands_before_but_is_not_answered():
    system = {"role": "system", "content": "Be kind."}
    source = {"messages": [[system, *SHAPES["OpenAI"][:3]], [system, SHAPES["OpenAI"][0]]]}
    read, skipped, _ = rows(source, "messages")
    assert read == [["Be kind. " + SAID[0], SAID[1]], [f"Be kind. {SAID[0]} {SAID[1]}", SAID[2]]]
    assert skipped == [("row 1", "no turn answers another")]
    assert texts(source, "messages")[0][1] == f"Be kind.\n{SAID[0]}"


@pytest.mark.parametrize(
    ("cell", "result"),
    [
        ([{"docid": "7", "score": 1}], "records with the fields docid, score"),
        ([["a", ["b"]]], r"\['a', \['b'\]\]"),
        (["a", 5], "5"),
        ([{"role": "user", "content": 5}], "5"),
        ([["a", "b", "c"]], r"\['a', 'b', 'c'\]"),
        ({"x": 1}, "a record with the fields x"),
    ],
)
def test_what_is_no_dialogue_is_refused_with_column_row_and_what_was_found(cell, result):
    source = {"messages": ["hello there", SHAPES["OpenAI"], cell]}
    with pytest.raises(SourceError, match=rf"'messages' of The dictionary holds {result}.* in row 2. Expected a text"):
        texts(source, "messages")
    with pytest.raises(SourceError, match=r"'messages' .* in row (0|2)"):
        rows(source, "messages")


def test_a_column_of_lists_of_strings_is_joined_by_a_space_where_it_is_named():
    source = {"n": [1, 2, 3], "tags": [["red", "round"], None, ["blue", None]]}
    assert texts(source, "tags") == (["red round", "blue"], [("1", "it is empty")], [])
    assert schema(source, column="tags") == [
        "n     ignored: number, not learned from",
        "tags  text, lists of 2 strings on average, joined by a space, 1 missing",
    ]
    assert read_sheet(source).kind == "table"
    with pytest.raises(SourceError, match="say column='tags' to learn from them as text"):
        cp.fit({"tags": source["tags"]}, epochs=1)


def test_a_column_of_dialogues_is_text_without_being_named_and_said_so(tmp_path):
    for source in (
        {"id": [7, 8], "messages": [SHAPES["OpenAI"], SHAPES["OpenAI"]]},
        {"id": [7, 8], "messages": [SHAPES["pairs"], None]},
        written(tmp_path / "a.csv", {"id": [7, 8], "messages": [json.dumps(SHAPES["ShareGPT"]), ""]}),
    ):
        result = read_sheet(source)
        assert result.kind == "text"
        assert result.schema.lines()[1].startswith("messages  text, dialogues of 5 turns on average")
        assert texts(source)[0][0] == "\n".join(SAID)
        assert read_texts(source).names[0] == "7"


def test_every_positive_makes_a_row_with_its_query():
    source = {
        "query": ["one", "two", "three", None],
        "positives": [["a", "b", "c"], [], [None, "d"], ["e"]],
    }
    assert rows(source, "query,positives") == (
        [["one", "a"], ["one", "b"], ["one", "c"], ["three", "d"]],
        [("row 1", "there is no text in 'positives'"), ("row 3", "there is no text in 'query'")],
        ["'positives' holds 5 texts in 3 rows; each makes a pair with its 'query'"],
    )


def test_every_row_gets_as_many_negatives_as_most_rows_have():
    source = {
        "query": ["q1", "q2", "q3", "q4", "q5", "q6"],
        "pos": [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]],
        "neg": [["n1", "n2"], None, ["n3"], ["n4", "n5", "n6"], ["n7", None, "n8"], []],
    }
    read, skipped, notes = rows(source, "query,pos,neg")
    assert [row[2:] for row in read] == [
        ["n1", "n2"],
        ["n3", "n3"],
        ["n3", "n3"],
        ["n4", "n5"],
        ["n7", "n8"],
        ["n1", "n2"],
    ]
    assert skipped == []
    cases = "1 had more and are cut; 1 had fewer and repeat theirs; 2 had none and take those of the next that has some"
    assert notes == [f"'neg': 2 others in every row; {cases}"]
    many = {"query": ["q"], "pos": ["a"], "neg": [[str(number) for number in range(30)]]}
    assert len(rows(many, "query,pos,neg")[0][0]) == 10
    with pytest.raises(SourceError, match="'neg' holds no text"):
        rows({"query": ["q"], "pos": ["a"], "neg": [[]]}, "query,pos,neg")


def test_passages_are_read_as_they_are_published(tmp_path):
    record = {
        "query_id": "5",
        "query": "why do cats sleep",
        "positive_passages": [{"docid": "3", "title": "Cats", "text": "They hunt at night."}],
        "negative_passages": [{"docid": "4", "title": "", "text": "Dogs."}, {"docid": "6", "text": "Birds."}],
    }
    other = {**record, "negative_passages": []}
    (tmp_path / "train.jsonl").write_text(f"{json.dumps(record)}\n{json.dumps(other)}\n")
    pairs = "query,positive_passages,negative_passages"
    assert (
        rows(tmp_path / "train.jsonl", pairs)[0]
        == [["why do cats sleep", "Cats They hunt at night.", "Dogs.", "Birds."]] * 2
    )
    record["positive_passages"] = [{"docid": "3", "score": 1}]
    (tmp_path / "train.jsonl").write_text(json.dumps(record))
    with pytest.raises(
        SourceError, match=r"'positive_passages' .* holds records with the fields docid, score in row 0"
    ):
        rows(tmp_path / "train.jsonl", pairs)


def test_cells_of_strings_and_of_lists_may_be_mixed(tmp_path):
    lines = [{"q": "one", "p": "a"}, {"q": "two", "p": ["b", "c"]}, {"q": "three", "p": None}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    wanted = [["one", "a"], ["two", "b"], ["two", "c"]]
    assert rows(tmp_path / "a.jsonl", "q,p")[0] == wanted
    written(tmp_path / "a.csv", {"q": ["one", "two", "three"], "p": ["a", '["b", "c"]', ""]})
    assert rows(tmp_path / "a.csv", "q,p")[0] == wanted
    plain = written(tmp_path / "b.csv", {"q": ["one", "[sic] two"], "p": ["[1] a", "[so]"]})
    assert rows(plain, "q,p")[0] == [["one", "[1] a"], ["[sic] two", "[so]"]]


def test_a_dialogue_beside_a_prompt_is_one_text():
    source = {"prompt": ["Hi."], "chosen": [SHAPES["OpenAI"][:2]], "rejected": [SHAPES["OpenAI"][:1]]}
    assert rows(source, "prompt,chosen,rejected")[0] == [["Hi.", "\n".join(SAID[:2]), SAID[0]]]


def test_scores_are_those_of_the_rows_that_are_left(tmp_path):
    (tmp_path / "a.csv").write_text("one,two,score\na,b,1\nbroken\nc,,2\ne,f,3\ng,h,4\n")
    read, linked = read_linked(tmp_path / "a.csv", ["one", "two"])
    assert [name for name, _ in read.skipped] == ["row 1", "row 2"]
    assert read_scores("score", tmp_path / "a.csv", len(linked), read.skipped).tolist() == [0, 1, 2]
    several = {"q": ["one", "two"], "p": [["a", "b"], ["c"]], "score": [1, 2]}
    with pytest.raises(SourceError, match=r"one score for every row, and row 0 has 2 texts in 'p'"):
        cp.fit(several, pairs="q,p", labels="score", method="cosent", epochs=1)


def test_models_learn_from_dialogues_and_from_lists_of_negatives():
    form = {"width": 8, "epochs": 1, "batch_size": 4, "modality": "text"}
    talks = {"messages": [[["Ann", f"{text} {number}"] for text in SAID] for number in range(8)]}
    model = cp.fit(talks, pairs="messages", method="clip", **form)
    assert len(model.embed(talks)) == 8
    assert len(cp.fit(talks, **{**form, "modality": "auto"}).embed(talks)) == 8
    source = {
        "q": [f"question {number}" for number in range(8)],
        "p": [[f"answer {number}"] * (1 + number % 2) for number in range(8)],
        "n": [[f"wrong {number}", "other"][: number % 3] for number in range(8)],
    }
    model = cp.fit(source, pairs="q,p,n", method="simcse", **form)
    assert len(model.embed(source)) == 8


class Dataset:
    """What Hugging Face calls a dataset: an arrow table behind an order of its rows."""

    def __init__(self, table, features=None, order=None):
        self.data, self.features = table, features or dict.fromkeys(table.column_names)
        self.order = range(len(table)) if order is None else order
        self.column_names = table.column_names
        self.arrow = False

    def with_format(self, name):
        assert name == "arrow"
        other = Dataset(self.data, self.features, self.order)
        other.arrow = True
        return other

    def __len__(self):
        return len(self.order)

    def __getitem__(self, key):
        if isinstance(key, str):
            return Column(self.data.column(key).take(pa.array(self.order)).to_pylist())
        rows = self.data.take(pa.array(np.arange(len(self.data))[list(self.order)][key]))
        return rows if self.arrow else rows.to_pylist()


class Column(Sequence):
    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, key):
        return self.values[key]


class ClassLabel:
    names: Sequence[str] = ["no", "yes"]


class Image:
    pass


def test_a_dataset_of_columns_is_read_as_one_and_its_classes_by_name():
    table = pa.table({"text": ["where is it", "who was that", "why me of all"], "label": [0, 1, -1]})
    source = Dataset(table, {"text": None, "label": ClassLabel()}, order=[2, 0, 1])
    assert is_columns(source)
    assert raw_columns(source) == {
        "text": ["why me of all", "where is it", "who was that"],
        "label": [None, "no", "yes"],
    }
    assert texts(source)[0] == ["why me of all", "where is it", "who was that"]
    assert texts(source["text"]) == texts(source)
    assert may_be_texts(source["text"])
    pictures = Dataset(table, {"text": None, "label": Image()})
    assert not is_columns(pictures)
    assert not gives_pictures(source)


def test_splits_are_refused_with_what_to_choose():
    table = pa.table({"text": ["where is it", "who was that"]})
    for part in (Dataset(table), table, {"text": ["where is it"]}, Dataset(table, {"text": Image()})):
        with pytest.raises(SourceError, match=r"holds splits: train, test. Choose one: source\['train'\]"):
            read_frame({"train": part, "test": part})
    assert raw_columns({"a": table.column("text")}) == {"a": ["where is it", "who was that"]}


def test_gaps_in_a_list_of_strings_are_skipped_with_their_places():
    pandas = pytest.importorskip("pandas")
    for missing in (None, float("nan"), pandas.NA):
        source = ["where is it", missing, "", "who was that"]
        assert may_be_texts(source)
        assert texts(source) == (["where is it", "who was that"], [("1", "it is empty"), ("2", "it is empty")], [])
    assert texts(pandas.Series(["one word", None]))[0] == ["one word"]
    for wrong in (5, 5.0, ["a"], {"text": "a"}):
        with pytest.raises(SourceError, match=r"Item 1 is .*, which is no string"):
            texts(["a", wrong])
    assert not may_be_texts([None, None])
    with pytest.raises(SourceError, match="every line or cell is empty"):
        texts([None, float("nan")])


def test_collections_as_beir_and_trec_publish_them_hold_no_lists(tmp_path):
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "007", "title": "Cats", "text": "They sleep.", "metadata": {"tags": ["a"]}}\n'
        '{"_id": "8", "title": "", "text": "Dogs.", "metadata": {}}\n'
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "who sleeps", "metadata": {}}\n')
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\t007\t1\n")
    corpus, _ = read_collection(tmp_path, CORPUS)
    assert corpus == {"_id": ["007", "8"], "text": ["Cats They sleep.", "Dogs."]}
    assert read_collection(tmp_path, QUERIES)[0] == {"_id": ["q1"], "text": ["who sleeps"]}
    assert read_relevance(tmp_path).grades == {("q1", "007"): 1.0}
    (tmp_path / "topics.txt").write_text("301\tinternational crime\n")
    assert read_collection(tmp_path / "topics.txt", QUERIES)[0] == {"id": ["301"], "text": ["international crime"]}
    (tmp_path / "qrels.txt").write_text("301 0 FR94-1 1\n301 0 FR94-2 0\n")
    assert read_relevance(tmp_path / "qrels.txt").grades == {("301", "FR94-1"): 1.0, ("301", "FR94-2"): 0.0}
    assert read_collection({"id": [7.0], "text": [["one", "two"]]}, CORPUS)[0]["text"] == [["one", "two"]]
    with pytest.raises(CounterpointError, match=r"one document in every row. Got \['a'\]"):
        read_relevance({"query-id": ["q"], "corpus-id": [["a"]], "score": [1]})
