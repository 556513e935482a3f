"""The verb ``evaluate_similarity``: rank correlation of cosines with human similarity scores of pairs of texts.

As reported for semantic textual similarity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from counterpoint.data.pairs import read_scores
from counterpoint.data.text_pairs import read_linked
from counterpoint.data.token_items import Written
from counterpoint.errors import InputError, listed
from counterpoint.evaluation.intervals import Interval
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.interfaces import Items
from counterpoint.modalities.text import Text
from counterpoint.modality import written_as
from counterpoint.model import Model, load
from counterpoint.output.results import Result
from counterpoint.plans.data_options import named_columns
from counterpoint.retrieval.lexical import tfidf
from counterpoint.runs import run_folder
from counterpoint.runs.locks import holds_run
from counterpoint.storage.files import expanded, write_json
from counterpoint.verbs.verb import verb

DRAWS = 1000
FEWEST = 10
"""The fewest pairs for a correlation."""

CALLED = {"trained": "trained encoder", "untrained": "untrained encoder", "tfidf": "TF-IDF"}


@verb()
@holds_run
def evaluate_similarity(
    model: Model | str | Path,
    test: object,
    *,
    pairs: str | Sequence[str],
    scores: str,
    seed: int = 0,
    quiet: bool = False,
) -> Result:
    """Spearman correlation of the cosine of two texts' vectors with human similarity scores.

    For a model with a vocabulary of whole words, pairs with a text of unknown words only are left out.

    Args:
        model: A model or a run folder; into the folder the result is also written, as ``likeness.json``.
        test: Columns with texts that the model has not learned from, and with scores.
        pairs: The two columns of texts, such as one,other.
        scores: The column of scores; the higher, the more alike.
        seed: Seed of the intervals.
        quiet: Print nothing.

    Returns:
        ``pairs``, how many; ``unknown``, how many others were left out; ``spearman``: for the trained and the untrained
        encoder and TF-IDF, Spearman's rank correlation with a 95 % interval over the pairs; ``better``: trained minus
        each of the others, with simultaneous intervals.
    """
    kept = model if isinstance(model, Model) else load(model)
    columns = named_columns(pairs) if isinstance(pairs, str) else list(pairs)
    read, linked = read_linked(test, columns[:2], written_as(kept.modality))
    described = read_scores(scores, read.frame, len(linked), read.skipped)
    texts = list(read.texts)
    items = kept.open(texts)
    present = _known(kept, items)[linked].all(axis=1)
    left_out = int((~present).sum())
    described, (first, second) = described[present], linked[present].T
    if len(described) < FEWEST:
        others = f" whose words the model knows, and {left_out} others" if left_out else ""
        raise InputError(f"A correlation needs {FEWEST} pairs. Got {len(described)}{others}.")
    vectors = {"trained": kept.directions(items), "untrained": kept.untrained().directions(items)}
    cosines = {name: (z[first] * z[second]).sum(axis=1) for name, z in vectors.items()}
    find = tfidf(texts)
    cosines["tfidf"] = np.asarray([find([texts[one]])[0, other] for one, other in zip(first, second, strict=True)])
    drawn = np.random.default_rng(seed).integers(0, len(described), (DRAWS, len(described)))
    result = {name: _spearman(each, described, drawn) for name, each in cosines.items()}
    better = {name: (result["trained"][0] - each[0], result["trained"][1] - each[1]) for name, each in result.items()}
    del better["trained"]
    level = familywise_level([drawn for _, drawn in better.values()])
    record = {
        "pairs": len(described),
        "unknown": left_out,
        "spearman": {name: _interval(*each)._asdict() for name, each in result.items()},
        "better": {name: _interval(*each, level=level)._asdict() for name, each in better.items()},
    }
    if isinstance(model, str | Path):
        write_json(expanded(model) / run_folder.LIKENESS, record)
    return Result(record, table)


def _known(model: Model, items: Items) -> Bool[np.ndarray, " n"]:
    """For every text, whether the model knows one of its words; always true with subword tokens."""
    if isinstance(model.modality, Text) and isinstance(items, Written) and model.modality.tokenizer.whole:
        return np.asarray(items.info.lengths) > 0
    return np.ones(len(items), dtype=bool)


def _spearman(one: np.ndarray, other: np.ndarray, drawn: np.ndarray) -> tuple[float, Float[np.ndarray, " k"]]:
    """The correlation over all pairs, and over bootstrap samples."""
    return _correlation(one, other), np.asarray([_correlation(one[rows], other[rows]) for rows in drawn])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation; 0 where all are equal, as there is no order."""
    from scipy.stats import rankdata

    x, y = (ranks - ranks.mean() for ranks in (rankdata(one), rankdata(other)))
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size else 0.0


def _interval(value: float, drawn: Float[np.ndarray, " k"], *, level: float = 0.95) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def table(record: Mapping[str, Any]) -> str:
    """The result as plain text."""
    lines = [f"Spearman's rank correlation with the scores of {record['pairs']:,} pairs"]
    if left_out := record["unknown"]:
        share = left_out / (left_out + record["pairs"])
        lines[0] += f"; {left_out:,} more ({share:.1%}) are left out, for the model knows no word of one of their texts"
    for name, each in record["spearman"].items():
        lines.append(f"  {CALLED[name]:18} {each['value']:6.3f}  ({each['low']:.3f} to {each['high']:.3f})")
    worse = [CALLED[name] for name, each in record["better"].items() if each["low"] <= 0]
    conclusion = f"not shown to be better than {listed(worse)}" if worse else "better than both others"
    return "\n".join([*lines, f"The trained encoder is {conclusion}."])
