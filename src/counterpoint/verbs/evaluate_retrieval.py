"""Are partners found? Answers by questions, documents by queries, beside what counting words would find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.data.relevance import CORPUS, QUERIES, read_collection, read_relevance
from counterpoint.data.text_pairs import read_linked
from counterpoint.errors import InputError, listed
from counterpoint.evaluation.intervals import difference_interval, score_interval
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.interfaces import info_of
from counterpoint.modality import parse_query, written_as
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.retrieval.lexical import Find, bm25, tfidf
from counterpoint.retrieval.ranking import ranked
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.setup.progress import may_be_quiet
from counterpoint.storage.files import expanded, write_json

ROWS = 256
"""Queries whose similarities are held at once."""

CALLED = {
    "trained": "trained encoder",
    "untrained": "untrained encoder",
    "tfidf": "TF-IDF",
    "bm25": "BM25",
    "chance": "chance",
}

Alike = Callable[[Int64[np.ndarray, " q"]], Float32[np.ndarray, "q n"]]
"""From the places of some texts to how alike they are to those that are held."""

Scorer = Callable[[Int64[np.ndarray, " n"]], Alike]
"""Holds the texts at some places, to find others among them."""

Relevant = Sequence[Mapping[int, float]]
"""Of every query the documents that answer it, and how well."""

UNMATCHED = {
    "unknown_documents": "relevant documents that are not among the documents, counted as not found",
    "unknown_queries": "judgements of queries that are not among the queries, left out",
    "unjudged_queries": "queries without a relevant document, left out",
    "incomplete_rows": "rows without a text in each column, left out",
}
"""What did not fit together, as people are told of it."""


@may_be_quiet
@holds_run
def match(
    model: Model | str | Path,
    test: object,
    *,
    pairs: Sequence[str],
    among: int | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Result:
    """How well a model finds the partners of texts, each among so many others or among all there are.

    Args:
        model: A model or a run folder; into the folder the scores are also written, as ``retrieval.json``.
        test: Columns with texts that the model has not learned from.
        pairs: The column of what is asked and the column of what answers it.
        among: Every text looks for its partners among so many different ones, drawn at random; None for among all.
        seed: Names the draws.
        quiet: Print nothing.

    All partners of a text are right, and rows with the same text are one.

    Returns:
        ``queries``, ``documents`` (among how many), ``incomplete_rows``, which lack a text, and ``scores``: for the
        trained and the untrained encoder, TF-IDF, BM25 and chance every measure with its interval; ``better`` is
        trained minus each of the others, with intervals that all hold together.
    """
    kept = model if isinstance(model, Model) else load(model)
    read, linked = read_linked(test, list(pairs)[:2], written_as(kept.modality))
    answers = np.unique(linked[:, 1])
    groups = [answers]
    if among is not None:
        if not 2 <= among <= len(answers):
            raise InputError(
                f"among must be at least 2 and at most the {len(answers)} different answers there are. Got {among}."
            )
        drawn = np.random.default_rng(seed).permutation(answers)[: len(answers) // among * among]
        groups = list(drawn.reshape(-1, among))
    return _scored(kept, list(read.texts), _linked(linked, groups), model, seed, {"incomplete_rows": len(read.skipped)})


def _linked(linked: Int64[np.ndarray, "r v"], groups: Sequence[np.ndarray]) -> list[_Task]:
    """In every group of texts, all that is answered by some of them looks for each of its answers there."""
    place = {text: (group, number) for group, held in enumerate(groups) for number, text in enumerate(held.tolist())}
    relevant: list[dict[int, dict[int, float]]] = [{} for _ in groups]
    for one, other in linked[:, :2].tolist():
        if other in place:
            group, number = place[other]
            relevant[group].setdefault(one, {})[number] = 1.0
    return [
        _Task(np.asarray(list(each), dtype=np.int64), held, list(each.values()), [[]] * len(each))
        for held, each in zip(groups, relevant, strict=True)
    ]


@may_be_quiet
@holds_run
def retrieve(
    model: Model | str | Path,
    queries: object,
    documents: object,
    relevance: object,
    *,
    seed: int = 0,
    quiet: bool = False,
) -> Result:
    """How well a model finds the documents that are relevant to queries.

    Args:
        model: A model or a run folder; into the folder the scores are also written, as ``retrieval.json``.
        queries: Texts, as for ``fit``, a folder as BEIR publishes it, or topics of TREC; those that nothing is relevant
            to are left out.
        documents: Texts, or a folder of BEIR.
        relevance: Columns with the names of a query and of a document, and perhaps a grade; qrels of TREC, or a folder
            of BEIR. A relevant document that is not among the documents counts as not found, a query that is not among
            the queries is left out.
        seed: Names the draws.
        quiet: Print nothing.

    Returns:
        As ``match``, with ``unknown_documents``, the judgements of relevant documents that are not there,
        ``unknown_queries``, the judgements of queries that are not, ``unjudged_queries``, the queries without a
        relevant document, and ``notes``, how files without a line of names were read.

    Raises:
        InputError: Relevance cannot be read, names none of the queries, or nothing is relevant.
    """
    kept = model if isinstance(model, Model) else load(model)
    if parse_query(kept.modality, "a text") is None:
        raise InputError(f"Queries and documents are texts, and this model is of {kept.modality.name}.")
    (query_texts, one), (answers, other) = read_collection(queries, QUERIES), read_collection(documents, CORPUS)
    sought, held = kept.open(query_texts), kept.open(answers)
    texts = [text for items in (sought, held) for text in info_of(items).texts or ()]
    judged = read_relevance(relevance)
    relevant, missing, counts = _placed(judged.grades, list(sought.names), list(held.names))
    rows = sorted(relevant)
    task = _Task(
        np.asarray(rows, dtype=np.int64),
        len(sought) + np.arange(len(held)),
        [relevant[row] for row in rows],
        [missing.get(row, []) for row in rows],
    )
    return _scored(kept, texts, [task], model, seed, {**counts, "notes": [*one, *other, *judged.notes]})


@dataclass
class _Task:
    """Texts that are asked, texts among which the answers are, and which those are; all by their places."""

    queries: Int64[np.ndarray, " q"]
    held: Int64[np.ndarray, " n"]
    relevant: Relevant
    missing: Sequence[Sequence[float]]
    """Of every query the grades of documents that are not there."""

    def parts(self) -> Iterator[tuple[Int64[np.ndarray, " b"], np.ndarray]]:
        """Some of those asked and the grades of all documents for them, then some others; missing ones come last."""
        for start in range(0, len(self.queries), ROWS):
            some, missing = self.relevant[start : start + ROWS], self.missing[start : start + ROWS]
            grades = np.zeros((len(some), len(self.held) + max(map(len, missing))), dtype=np.float32)
            for row, (graded, lost) in enumerate(zip(some, missing, strict=True)):
                grades[row, list(graded)] = list(graded.values())
                grades[row, len(self.held) : len(self.held) + len(lost)] = lost
            yield self.queries[start : start + ROWS], grades


def _scored(
    model: Model, texts: list[str], tasks: list[_Task], run: object, seed: int, also: Mapping[str, Any]
) -> Result:
    generator = np.random.default_rng(seed)
    for task in tasks:  # those as alike as others stand in an order that says nothing
        order = generator.permutation(len(task.held))
        place = np.argsort(order)
        task.held, task.relevant = (
            task.held[order],
            [{int(place[each]): grade for each, grade in graded.items()} for graded in task.relevant],
        )
    result = {name: _measured(tasks, scorer) for name, scorer in _scorers(model, texts, seed).items()}
    trained = result["trained"]
    others = {name: each for name, each in result.items() if name != "trained"}
    better = {name: {measure: trained[measure] - each[measure] for measure in each} for name, each in others.items()}
    level = familywise_level([values for each in better.values() for values in each.values()])
    record = {
        "queries": sum(len(task.queries) for task in tasks),
        "documents": len(tasks[0].held),
        "scores": {
            name: {measure: score_interval(values)._asdict() for measure, values in each.items()}
            for name, each in result.items()
        },
        "better": {
            name: {measure: difference_interval(values, level=level)._asdict() for measure, values in each.items()}
            for name, each in better.items()
        },
        **also,
    }
    if isinstance(run, str | Path):
        write_json(expanded(run) / run_folder.RETRIEVAL, record)
    return Result(record, table)


def _scorers(model: Model, texts: list[str], seed: int) -> dict[str, Scorer]:
    """By what partners are looked for."""
    items = model.open(texts)
    generator = np.random.default_rng(seed)

    def by_vectors(vectors: Float32[np.ndarray, "n d"]) -> Scorer:
        return lambda held: lambda query_rows: vectors[query_rows] @ vectors[held].T

    def by_words(find: Callable[[Sequence[str]], Find]) -> Scorer:
        def scorer(held: Int64[np.ndarray, " n"]) -> Alike:
            result = find([texts[row] for row in held])
            return lambda query_rows: result([texts[row] for row in query_rows])

        return scorer

    return {
        "trained": by_vectors(model.directions(items)),
        "untrained": by_vectors(model.untrained().directions(items)),
        "tfidf": by_words(tfidf),
        "bm25": by_words(bm25),
        "chance": lambda held: lambda query_rows: generator.random((len(query_rows), len(held)), dtype=np.float32),
    }


def _measured(tasks: Sequence[_Task], scorer: Scorer) -> dict[str, np.ndarray]:
    """Every measure for every query of all tasks."""
    result = []
    for task in tasks:
        alike = scorer(task.held)
        result += [ranked(alike(query_rows), grades) for query_rows, grades in task.parts()]
    return {measure: np.concatenate([each[measure] for each in result]) for measure in result[0]}


def _placed(
    grades: Mapping[tuple[str, str], float], queries: Sequence[str], documents: Sequence[str]
) -> tuple[dict[int, dict[int, float]], dict[int, list[float]], dict[str, int]]:
    """By the place of every query that something is relevant to: the documents, by their places, and their grades; the
    grades of relevant documents that are not there; and how much did not fit together.
    """
    one, other = ({name: row for row, name in enumerate(names)} for names in (queries, documents))
    known = {pair: grade for pair, grade in grades.items() if pair[0] in one}
    if grades and not known:
        name = next(iter(grades))[0]
        raise InputError(f"Relevance names none of the queries: it has '{name}', they are called {listed(queries, 3)}.")
    relevant: dict[int, dict[int, float]] = {}
    missing: dict[int, list[float]] = {}
    for (query, document), grade in known.items():
        if grade > 0:
            graded = relevant.setdefault(one[query], {})
            if document in other:
                graded[other[document]] = grade
            else:
                missing.setdefault(one[query], []).append(grade)
    if not relevant:
        raise InputError("Nothing is relevant to any query. Give at least one grade above 0.")
    counts = {
        "unknown_documents": sum(map(len, missing.values())),
        "unknown_queries": len(grades) - len(known),
        "unjudged_queries": len(queries) - len(relevant),
    }
    return relevant, missing, counts


def table(record: Mapping[str, Any]) -> str:
    """What was found, as plain text for people."""
    measures = list(record["scores"]["trained"])
    lines = [f"{record['queries']:,} texts, each looking among {record['documents']:,}"]
    lines += [f"{what}: {record[name]:,}" for name, what in UNMATCHED.items() if record.get(name)]
    lines += record.get("notes", [])
    lines.append(f"  {'':18}" + "".join(f"{measure:>26}" for measure in measures))
    for name, result in record["scores"].items():
        cells = [
            f"{100 * each['value']:5.1f} ({100 * each['low']:.1f} to {100 * each['high']:.1f})"
            for each in result.values()
        ]
        lines.append(f"  {CALLED[name]:18}" + "".join(f"{cell:>26}" for cell in cells))
    worse = [CALLED[name] for name, each in record["better"].items() if each[measures[-2]]["low"] <= 0]
    lines.append(
        f"By {measures[-2]} the trained encoder is better than all others."
        if not worse
        else f"By {measures[-2]} the trained encoder is not shown to be better than {listed(worse)}."
    )
    return "\n".join(lines)
