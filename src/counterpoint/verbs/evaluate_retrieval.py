"""The verb ``evaluate_retrieval``: retrieval of answers by questions, or of documents by queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from counterpoint.data.relevance import CORPUS, QUERIES, is_beir, read_collection, read_relevance
from counterpoint.data.text_pairs import read_linked
from counterpoint.errors import InputError, listed
from counterpoint.interfaces import info_of
from counterpoint.modality import parse_query, written_as
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.plans.data_options import named_columns
from counterpoint.runs.locks import holds_run
from counterpoint.verbs.retrieval_scores import Task, scored
from counterpoint.verbs.verb import verb


@verb()
@holds_run
def evaluate_retrieval(
    model: Model | str | Path,
    queries: object,
    documents: object = None,
    relevance: object = None,
    *,
    pairs: str | Sequence[str] | None = None,
    among: int | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Result:
    """How well a model retrieves the partners of texts, or the documents relevant to queries, beside lexical baselines.

    Either ``pairs`` names two columns of ``queries``: the second is retrieved from the first, all partners of a text
    are relevant, and rows with the same text are one query. Or queries, documents and relevance are three sources, or
    one folder in BEIR's format.

    Args:
        model: A model or a run folder; into the folder the scores are also written, as ``retrieval.json``.
        queries: With ``pairs``, columns with texts that the model has not learned from. Without, texts, as for ``fit``,
            a folder of BEIR, or topics of TREC; those without a relevant document are left out.
        documents: Texts to retrieve from, or a folder of BEIR; that of the queries when left out.
        relevance: Columns with the names of a query and of a document, and optionally a grade; qrels of TREC, or a
            folder of BEIR. A relevant document that is not among the documents counts as not retrieved; a query that is
            not among the queries is left out.
        pairs: The columns of questions and of answers, such as question,answer.
        among: With ``pairs``, the number of different answers, drawn at random, that each text is ranked against; all
            when left out.
        seed: Seed of the draws.
        quiet: Print nothing.

    Returns:
        ``queries``, ``documents`` (how many are ranked), and ``scores``: for the trained and the untrained encoder,
        TF-IDF, BM25 and chance every measure with its interval; ``better`` is trained minus each of the others, with
        simultaneous intervals. With ``pairs`` also ``incomplete_rows``, which lack a text; else ``unknown_documents``,
        the judgements of missing documents, ``unknown_queries``, the judgements of missing queries,
        ``unjudged_queries``, the queries without a relevant document, and ``notes``, how files without a header
        were read.

    Raises:
        InputError: Pairs and a collection are mixed, a source cannot be read, relevance names none of the queries, or
            no document is relevant.
    """
    if pairs is not None:
        if documents is not None or relevance is not None:
            raise InputError(
                "With --pairs a text is looked for among its column: leave out --documents and --relevance, or --pairs."
            )
        columns = named_columns(pairs) if isinstance(pairs, str) else list(pairs)
        return _of_pairs(model, queries, columns, among, seed)
    if among is not None:
        raise InputError("--among is about columns of pairs. Name them with --pairs, or leave out --among.")
    beir = queries if is_beir(queries) else None
    documents, relevance = (beir if each is None else each for each in (documents, relevance))
    for name, each in (("documents", documents), ("relevance", relevance)):
        if each is None:
            raise InputError(f"Say --{name} as well, or name the columns of texts that belong together with --pairs.")
    return _of_collection(model, queries, documents, relevance, seed)


def _of_pairs(model: Model | str | Path, source: object, pairs: Sequence[str], among: int | None, seed: int) -> Result:
    """Score the retrieval of texts of the second column by those of the first."""
    kept = model if isinstance(model, Model) else load(model)
    read, linked = read_linked(source, pairs[:2], written_as(kept.modality))
    answers = np.unique(linked[:, 1])
    groups = [answers]
    if among is not None:
        if not 2 <= among <= len(answers):
            raise InputError(
                f"among must be at least 2 and at most the {len(answers)} different answers there are. Got {among}."
            )
        drawn = np.random.default_rng(seed).permutation(answers)[: len(answers) // among * among]
        groups = list(drawn.reshape(-1, among))
    return scored(kept, list(read.texts), _linked(linked, groups), model, seed, {"incomplete_rows": len(read.skipped)})


def _linked(linked: Int64[np.ndarray, "r v"], groups: Sequence[np.ndarray]) -> list[Task]:
    """In every group of texts, those with answers in the group are queries for these."""
    place = {text: (group, number) for group, held in enumerate(groups) for number, text in enumerate(held.tolist())}
    relevant: list[dict[int, dict[int, float]]] = [{} for _ in groups]
    for one, other in linked[:, :2].tolist():
        if other in place:
            group, number = place[other]
            relevant[group].setdefault(one, {})[number] = 1.0
    return [
        Task(np.asarray(list(each), dtype=np.int64), held, list(each.values()), [[]] * len(each))
        for held, each in zip(groups, relevant, strict=True)
    ]


def _of_collection(
    model: Model | str | Path, queries: object, documents: object, relevance: object, seed: int
) -> Result:
    """Score the retrieval of relevant documents by queries."""
    kept = model if isinstance(model, Model) else load(model)
    if parse_query(kept.modality, "a text") is None:
        raise InputError(f"Queries and documents are texts, and this model is of {kept.modality.name}.")
    (query_texts, one), (answers, other) = read_collection(queries, QUERIES), read_collection(documents, CORPUS)
    sought, held = kept.open(query_texts), kept.open(answers)
    texts = [text for items in (sought, held) for text in info_of(items).texts or ()]
    judged = read_relevance(relevance)
    relevant, missing, counts = _placed(judged.grades, list(sought.names), list(held.names))
    rows = sorted(relevant)
    task = Task(
        np.asarray(rows, dtype=np.int64),
        len(sought) + np.arange(len(held)),
        [relevant[row] for row in rows],
        [missing.get(row, []) for row in rows],
    )
    return scored(kept, texts, [task], model, seed, {**counts, "notes": [*one, *other, *judged.notes]})


def _placed(
    grades: Mapping[tuple[str, str], float], queries: Sequence[str], documents: Sequence[str]
) -> tuple[dict[int, dict[int, float]], dict[int, list[float]], dict[str, int]]:
    """By the index of every query with a relevant document: the indices of documents and their grades; the grades of
    missing relevant documents; and counts of what did not match.
    """
    one, other = ({name: row for row, name in enumerate(names)} for names in (queries, documents))
    usable = {pair: grade for pair, grade in grades.items() if pair[0] in one}
    if grades and not usable:
        name = next(iter(grades))[0]
        raise InputError(f"Relevance names none of the queries: it has '{name}', they are called {listed(queries, 3)}.")
    relevant: dict[int, dict[int, float]] = {}
    missing: dict[int, list[float]] = {}
    for (query, document), grade in usable.items():
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
        "unknown_queries": len(grades) - len(usable),
        "unjudged_queries": len(queries) - len(relevant),
    }
    return relevant, missing, counts
