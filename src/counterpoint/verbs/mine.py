r"""Hard negatives from the model's own index: what it ranks high but is not an answer.

    of all c that answer another question, with  s(q, c) <= share * s(q, p):  the k with the largest s(q, c)

A candidate nearly as similar to the question as its own answer p is likely a correct answer that is not labelled:
Moreira et al. 2024, arXiv:2407.15831, section 3 (TopK-PercPos, with a share of 0.95).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from counterpoint.data.text_pairs import read_linked
from counterpoint.errors import InputError, counted
from counterpoint.modality import written_as
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.plans.data_options import named_columns
from counterpoint.storage.files import expanded, write_text
from counterpoint.storage.separated_values import separated
from counterpoint.verbs.verb import verb

CELLS = 2**22
"""Similarities held at once: 16 MB of float32."""

NEGATIVE = "negative"


@verb()
def mine(
    model: Model | str | Path,
    source: object,
    out: str | Path,
    *,
    pairs: str | Sequence[str],
    k: int = 1,
    share: float = 0.95,
    spreadsheet_safe: bool = False,
    quiet: bool = False,
) -> Result:
    """Find hard negatives for pairs of texts, and write them beside the pairs, to train on with ``simcse``.

    Args:
        model: A model of text or its run folder.
        source: Columns of questions and answers, as for ``fit``.
        out: A .csv file with these columns and ``negative``, or ``negative_1`` to ``negative_k``.
        pairs: The two columns, such as question,answer.
        k: Negatives of every pair; pairs with fewer are left out.
        share: The largest similarity of a negative to its question, as a share of that of the answer.
        spreadsheet_safe: Put ' before texts that a spreadsheet would read as formulas.
        quiet: Print nothing.

    Returns:
        ``out``, the number of ``rows`` written and ``left_out`` for lack of negatives, and ``similarity``: the mean
        similarity of answers and of negatives to their questions.
    """
    if k < 1 or not 0 < share <= 1:
        raise InputError(f"k must be at least 1 and share in (0, 1]. Got {k} and {share}.")
    out = expanded(out)
    if out.suffix.lower() != ".csv":
        raise InputError(f"Pairs with negatives are written as .csv. Got --out={out}.")
    kept = model if isinstance(model, Model) else load(model)
    columns = named_columns(pairs) if isinstance(pairs, str) else list(pairs)
    read, linked = read_linked(source, columns, written_as(kept.modality))
    if len(columns) != 2:
        raise InputError(
            f"Negatives are mined for two columns, of what asks and what answers. Got {', '.join(columns)}."
        )
    z = kept.directions(kept.open(list(read.texts)))
    result = list(_mined(z, linked, k, share))
    names = [NEGATIVE] if k == 1 else [f"{NEGATIVE}_{place}" for place in range(1, k + 1)]
    rows = [[read.texts[place] for place in (*pair, *others)] for pair, others, _ in result]
    if not rows:
        raise InputError(
            f"No pair has {counted(k, 'negative')} below {share} of its own similarity. Lower k, or raise share."
        )
    write_text(out, separated([[*columns, *names], *rows], spreadsheet_safe=spreadsheet_safe))
    answer_similarity, negative_similarity = np.asarray([how for _, _, how in result]).mean(axis=0).tolist()
    record = {
        "out": str(out),
        "rows": len(rows),
        "left_out": len(linked) - len(rows),
        "similarity": {"answers": answer_similarity, "negatives": negative_similarity},
    }
    return Result(record, _reported)


def _reported(result: Mapping[str, Any]) -> str:
    """The result as plain text."""
    left_out = f", {result['left_out']:,} are left out for want of them" if result["left_out"] else ""
    kept = counted(result["rows"], "pair with negatives is", "pairs with negatives are")
    return f"{kept} in {result['out']}{left_out}"


def _mined(
    z: Float32[np.ndarray, "n d"], linked: Int64[np.ndarray, "r 2"], k: int, share: float
) -> Iterator[tuple[tuple[int, int], list[int], tuple[float, float]]]:
    """Every pair with enough negatives, these, and the similarities of both answer and negatives to the question."""
    answers = np.unique(linked[:, 1])
    column = {int(text): place for place, text in enumerate(answers)}
    answer_columns: dict[int, list[int]] = {}
    for asks, answer in linked.tolist():
        answer_columns.setdefault(asks, []).append(column[answer])
    height = max(1, CELLS // len(answers))
    for start in range(0, len(linked), height):
        block = linked[start : start + height]
        alike = z[block[:, 0]] @ z[answers].T
        for row, (asks, answer) in zip(alike, block.tolist(), strict=True):
            similarity = float(row[column[answer]])
            row[answer_columns[asks]] = -np.inf
            row[row > share * similarity] = -np.inf
            best = np.argsort(-row, kind="stable")[:k]
            if len(best) == k and np.isfinite(row[best]).all():
                yield (asks, answer), answers[best].tolist(), (similarity, float(row[best].mean()))
