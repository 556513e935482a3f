"""Retrieval scores of the trained and the untrained model, of lexical baselines and of chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.errors import listed
from counterpoint.evaluation.intervals import difference_interval, score_interval
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.model import Model
from counterpoint.output.results import Result
from counterpoint.retrieval.lexical import Find, bm25, tfidf
from counterpoint.retrieval.ranking import ranked
from counterpoint.runs import run_folder
from counterpoint.storage.files import expanded, write_json

ROWS = 256
"""The number of queries whose similarities are computed at once."""

CALLED = {
    "trained": "trained encoder",
    "untrained": "untrained encoder",
    "tfidf": "TF-IDF",
    "bm25": "BM25",
    "chance": "chance",
}

Alike = Callable[[Int64[np.ndarray, " q"]], Float32[np.ndarray, "q n"]]
"""From the indices of some queries to their similarities to the held documents."""

Scorer = Callable[[Int64[np.ndarray, " n"]], Alike]
"""Holds the documents at some indices, to rank them."""

Relevant = Sequence[Mapping[int, float]]
"""For every query the relevant documents, and their grades."""

UNMATCHED = {
    "unknown_documents": "relevant documents that are not among the documents, counted as not found",
    "unknown_queries": "judgements of queries that are not among the queries, left out",
    "unjudged_queries": "queries without a relevant document, left out",
    "incomplete_rows": "rows without a text in each column, left out",
}
"""Data that did not match, as it is reported."""


@dataclass
class Task:
    """Queries, documents, and their relevance, all by index."""

    queries: Int64[np.ndarray, " q"]
    held: Int64[np.ndarray, " n"]
    relevant: Relevant
    missing: Sequence[Sequence[float]]
    """For every query the grades of missing relevant documents."""

    def parts(self) -> Iterator[tuple[Int64[np.ndarray, " b"], np.ndarray]]:
        """For some queries the grades of all documents, then batch after batch; missing documents come last."""
        for start in range(0, len(self.queries), ROWS):
            some, missing = self.relevant[start : start + ROWS], self.missing[start : start + ROWS]
            grades = np.zeros((len(some), len(self.held) + max(map(len, missing))), dtype=np.float32)
            for row, (graded, lost) in enumerate(zip(some, missing, strict=True)):
                grades[row, list(graded)] = list(graded.values())
                grades[row, len(self.held) : len(self.held) + len(lost)] = lost
            yield self.queries[start : start + ROWS], grades


def scored(
    model: Model, texts: list[str], tasks: list[Task], run: object, seed: int, also: Mapping[str, Any]
) -> Result:
    """Every measure of every scorer, together with ``also``; written into the run, where that is a folder."""
    generator = np.random.default_rng(seed)
    for task in tasks:  # shuffled, as ties keep an order that means nothing
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
    """The scorers that are compared."""
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


def _measured(tasks: Sequence[Task], scorer: Scorer) -> dict[str, np.ndarray]:
    """Every measure for every query of all tasks."""
    result = []
    for task in tasks:
        alike = scorer(task.held)
        result += [ranked(alike(query_rows), grades) for query_rows, grades in task.parts()]
    return {measure: np.concatenate([each[measure] for each in result]) for measure in result[0]}


def table(record: Mapping[str, Any]) -> str:
    """The result as plain text."""
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
