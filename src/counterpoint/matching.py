"""Are partners found? Answers by questions, documents by queries, beside what counting words would find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint import runs
from counterpoint.data.frames import columns_of
from counterpoint.data.texts import read_linked
from counterpoint.errors import InputError, closest, listed
from counterpoint.evaluation.intervals import bootstrap, paired
from counterpoint.files import expanded, write_json
from counterpoint.model import Model, load
from counterpoint.retrieval.lexical import Find, bm25, tfidf
from counterpoint.retrieval.ranking import ranked

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

Way = Callable[[Int64[np.ndarray, " n"]], Alike]
"""Holds the texts at some places, to find others among them."""

Relevant = Sequence[Mapping[int, float]]
"""Of every query the documents that answer it, and how well."""


def match(
    run: Model | str | Path, source: object, *, pairs: Sequence[str], among: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """How well a model finds the partners of texts, each among so many others or among all there are.

    Args:
        run: A model or a run folder; into the folder the scores are also written, as ``retrieval.json``.
        source: Columns with texts that the model has not learned from.
        pairs: The column of what is asked and the column of what answers it.
        among: Every text looks for its partner among so many, drawn at random; None for among all.
        seed: Names the draws.

    Returns:
        ``queries``, ``documents`` (among how many), and ``scores``: for the trained and the untrained encoder, TF-IDF,
        BM25 and chance every measure with its interval; ``better`` is trained minus each of the others.
    """
    model = run if isinstance(run, Model) else load(run)
    read, linked = read_linked(source, list(pairs)[:2])
    asked, answers = np.unique(linked[:, 0]), np.unique(linked[:, 1])
    if among is not None:
        if not 2 <= among <= len(linked):
            raise InputError(f"among must be at least 2 and at most the {len(linked)} rows there are. Got {among}.")
        rows = np.random.default_rng(seed).permutation(len(linked))[: len(linked) // among * among]
        groups = [linked[part] for part in rows.reshape(-1, among)]
        tasks = [_Task(group[:, 0], group[:, 1], [{place: 1.0} for place in range(among)]) for group in groups]
    else:
        place = {int(text): number for number, text in enumerate(answers)}
        relevant: dict[int, dict[int, float]] = {int(text): {} for text in asked}
        for one, other in linked.tolist():
            relevant[one][place[other]] = 1.0
        tasks = [_Task(asked, answers, list(relevant.values()))]
    return _scored(model, list(read.texts), tasks, run, seed)


def retrieve(
    run: Model | str | Path, queries: object, documents: object, relevance: object, *, seed: int = 0
) -> dict[str, Any]:
    """How well a model finds the documents that are relevant to queries.

    Args:
        run: A model or a run folder; into the folder the scores are also written, as ``retrieval.json``.
        queries: Texts, as for ``fit``; those that nothing is relevant to are left out.
        documents: Texts.
        relevance: Columns with the names of a query and of a document, and a third, if there is one, with a grade.
        seed: Names the draws.

    Returns:
        As ``match``.
    """
    model = run if isinstance(run, Model) else load(run)
    sought, held = model.modality.open(queries), model.modality.open(documents)
    texts = [*_texts(sought), *_texts(held)]
    judged = _judged(relevance, list(sought.names), list(held.names))
    rows = np.asarray(sorted(judged), dtype=np.int64)
    task = _Task(rows, len(sought) + np.arange(len(held)), [judged[int(row)] for row in rows])
    return _scored(model, texts, [task], run, seed)


class _Task:
    """Texts that are asked, texts among which the answers are, and which those are; all by their places."""

    def __init__(self, asked: Int64[np.ndarray, " q"], held: Int64[np.ndarray, " n"], relevant: Relevant) -> None:
        self.asked, self.held, self.relevant = asked, held, relevant

    def parts(self) -> Iterator[tuple[Int64[np.ndarray, " b"], np.ndarray]]:
        """Some of those asked and the grades of all documents for them, then some others."""
        for start in range(0, len(self.asked), ROWS):
            some = self.relevant[start : start + ROWS]
            grades = np.zeros((len(some), len(self.held)), dtype=np.float32)
            for row, graded in enumerate(some):
                grades[row, list(graded)] = list(graded.values())
            yield self.asked[start : start + ROWS], grades


def _scored(model: Model, texts: list[str], tasks: list[_Task], run: object, seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    for task in tasks:  # those as alike as others stand in an order that says nothing
        order = generator.permutation(len(task.held))
        place = np.argsort(order)
        task.held, task.relevant = (
            task.held[order],
            [{int(place[each]): grade for each, grade in graded.items()} for graded in task.relevant],
        )
    found = {name: _measured(tasks, way) for name, way in _ways(model, texts, seed).items()}
    trained = found["trained"]
    others = {name: each for name, each in found.items() if name != "trained"}
    record = {
        "queries": sum(len(task.asked) for task in tasks),
        "documents": len(tasks[0].held),
        "scores": {
            name: {measure: bootstrap(values, seed=seed)._asdict() for measure, values in each.items()}
            for name, each in found.items()
        },
        "better": {
            name: {measure: paired(trained[measure], each[measure], seed=seed)._asdict() for measure in each}
            for name, each in others.items()
        },
    }
    if isinstance(run, str | Path):
        write_json(expanded(run) / runs.RETRIEVAL, record)
    return record


def _ways(model: Model, texts: list[str], seed: int) -> dict[str, Way]:
    """By what partners are looked for."""
    items = model.modality.open(texts)
    generator = np.random.default_rng(seed)

    def by_vectors(vectors: Float32[np.ndarray, "n d"]) -> Way:
        return lambda held: lambda asked: vectors[asked] @ vectors[held].T

    def by_words(find: Callable[[Sequence[str]], Find]) -> Way:
        def way(held: Int64[np.ndarray, " n"]) -> Alike:
            found = find([texts[row] for row in held])
            return lambda asked: found([texts[row] for row in asked])

        return way

    return {
        "trained": by_vectors(model.directions(items)),
        "untrained": by_vectors(model.untrained().directions(items)),
        "tfidf": by_words(tfidf),
        "bm25": by_words(bm25),
        "chance": lambda held: lambda asked: generator.random((len(asked), len(held)), dtype=np.float32),
    }


def _measured(tasks: Sequence[_Task], way: Way) -> dict[str, np.ndarray]:
    """Every measure for every query of all tasks."""
    found = []
    for task in tasks:
        alike = way(task.held)
        found += [ranked(alike(asked), grades) for asked, grades in task.parts()]
    return {measure: np.concatenate([each[measure] for each in found]) for measure in found[0]}


def _texts(items: object) -> Sequence[str]:
    texts: Sequence[str] | None = getattr(items, "texts", None)
    if texts is None:
        raise InputError("Queries and documents are texts. Use a model of text.")
    return texts


def _judged(relevance: object, queries: list[str], documents: list[str]) -> dict[int, dict[int, float]]:
    """Of every query that something is relevant to, the documents and their grades, by places."""
    columns = columns_of(relevance)
    if len(columns) < 2:
        raise InputError(f"Relevance has columns for query and document, and perhaps a grade. Got {listed(columns)}.")
    asked, answers, *grades = (cells.tolist() for cells in columns.values())
    one, other = ({name: row for row, name in enumerate(names)} for names in (queries, documents))
    judged: dict[int, dict[int, float]] = {}
    for query, document, grade in zip(asked, answers, grades[0] if grades else [1.0] * len(asked), strict=True):
        for name, place, what in ((query, one, "queries"), (document, other, "documents")):
            if str(name) not in place:
                raise InputError(f"Relevance names '{name}', which is none of the {what}.{closest(str(name), place)}")
        if float(grade) > 0:
            judged.setdefault(one[str(query)], {})[other[str(document)]] = float(grade)
    if not judged:
        raise InputError("Nothing is relevant to any query. Give at least one grade above 0.")
    return judged


def table(record: Mapping[str, Any]) -> str:
    """What was found, as plain text for people."""
    measures = list(record["scores"]["trained"])
    lines = [f"{record['queries']:,} texts, each looking among {record['documents']:,}"]
    lines.append(f"  {'':18}" + "".join(f"{measure:>26}" for measure in measures))
    for name, found in record["scores"].items():
        cells = [
            f"{100 * each['value']:5.1f} ({100 * each['low']:.1f} to {100 * each['high']:.1f})"
            for each in found.values()
        ]
        lines.append(f"  {CALLED[name]:18}" + "".join(f"{cell:>26}" for cell in cells))
    worse = [CALLED[name] for name, each in record["better"].items() if each[measures[-2]]["low"] <= 0]
    lines.append(
        f"By {measures[-2]} the trained encoder is better than all others."
        if not worse
        else f"By {measures[-2]} the trained encoder is not shown to be better than {listed(worse)}."
    )
    return "\n".join(lines)
