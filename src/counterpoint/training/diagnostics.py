r"""A verdict in sentences: whether a run is learning, judged from its metrics.

Measured on one tile of a step: contrastive accuracy, the entropy of the comparison, the similarities of positives and
negatives, and the effective rank of the compared vectors,

    rank(Z) = exp( -sum_k p_k log p_k ),   p_k = s_k / sum s,   s the singular values of Z

Garrido et al. 2022, arXiv:2210.02885, eq. 1.  Dimensional collapse: Jing et al. 2021, arXiv:2110.09348.  Entropy as a
guide to the temperature: Chen et al. 2020, arXiv:2002.05709, table 5, where the best run has about half of log N.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from counterpoint.comparison import Comparison, Tile, euclidean
from counterpoint.errors import counted

SHORT = 100
"""Steps below which a run says nothing about its choices."""

Level = Literal["good", "warning", "bad"]


@dataclass(frozen=True)
class Verdict:
    """One finding on a run: what is wrong, why, and what to change."""

    level: Level
    kind: str
    sentence: str

    def record(self) -> dict[str, str]:
        """As JSON values."""
        return asdict(self)


def effective_rank(vectors: Float[Tensor, "n d"]) -> float:
    """The effective number of directions that the vectors use, between 1 and min(n, d)."""
    strengths = torch.linalg.svdvals(vectors.float())
    share = strengths / strengths.sum().clamp(min=1e-12) + 1e-12
    return float(torch.exp(-(share * share.log()).sum()))


@torch.no_grad()
def measure(comparison: Comparison, temperature: float, *, rows: int = 256) -> dict[str, float]:
    """Metrics of some anchors of a comparison, for ``metrics.jsonl`` and for ``judge``."""
    tile = comparison.tile(slice(0, min(rows, len(comparison.anchors))))
    compared = tile.positive | tile.negative
    score = tile.similarity.masked_fill(~compared, -torch.inf)
    share = torch.softmax(score / temperature, dim=1)
    entropy = -torch.xlogy(share, share).sum(dim=1).mean()
    z = comparison.anchors.float()
    if comparison.similarity is euclidean:  # which does not depend on the distance from the origin
        z = z - z.mean(dim=0)
    unit = functional.normalize(z, dim=1)
    to_mean = unit @ unit.mean(dim=0)
    return {
        "accuracy": _accuracy(tile, score),
        "entropy": float(entropy) / math.log(max(2, int(compared[0].sum()))),
        **_likeness(tile),
        "sameness": float(to_mean.mean()),
        "effective_rank_z": effective_rank(unit),
        "effective_rank_z_limit": float(min(unit.shape)),
        "compared": float(compared[0].sum()),
        "positives": float(tile.positive.sum(dim=1).float().mean()),
    }


def _accuracy(tile: Tile, score: Float[Tensor, "b m"]) -> float:
    """How often a positive ranks first among its anchor's candidates; or, where an anchor has one candidate, as with
    pairs, how often a positive pair is more similar than a negative one.
    """
    if int((tile.positive | tile.negative).sum(dim=1).max()) > 1:
        return float(tile.positive.gather(1, score.argmax(dim=1, keepdim=True)).float().mean())
    positives, others = tile.similarity[tile.positive], tile.similarity[tile.negative]
    return float((positives[:, None] > others).float().mean()) if len(positives) and len(others) else 0.0


def _likeness(tile: Tile) -> dict[str, float]:
    """The mean similarities of positives and of negatives, where there are any."""
    sides = {"positive": tile.similarity[tile.positive], "negative": tile.similarity[tile.negative]}
    return {name: float(side.mean()) for name, side in sides.items() if len(side)}


@torch.no_grad()
def view_difference(first: Tensor, second: Tensor) -> float:
    """The difference between two views of an item relative to that between different items; 0 for identical views.

    NaN, a missing value, counts as 0.
    """
    first, second = (
        each.masked_fill(each.isnan(), 0.0) for each in (first.flatten(1).float(), second.flatten(1).float())
    )
    within = (first - second).square().sum(dim=1).mean()
    other = (first - second.roll(1, dims=0)).square().sum(dim=1).mean()
    return float(within / other.clamp(min=1e-12))


def judge(records: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """The findings on the records of a run, the worst first; one of level ``good`` when nothing is wrong."""
    measured = [record for record in records if "effective_rank_z" in record]
    if not measured:
        return []
    last, done = measured[-1], measured[-1]["step"] / max(1, measured[-1]["steps"])
    result = [*_views(measured[0]), *_collapse(last, done), *_learning(last, done), *_temperature(last, done)]
    if not result:
        result = [Verdict("good", "healthy", _healthy(last))]
    return sorted(result, key=lambda verdict: ("bad", "warning", "good").index(verdict.level))


def _healthy(last: Mapping[str, Any]) -> str:
    result = f"{last['accuracy']:.0%} of anchors find their positive among {last['compared']:.0f}"
    if last["compared"] < 2:
        result = f"a positive pair is more similar than a negative one in {last['accuracy']:.0%} of cases"
    return (
        f"Learning is healthy: {result}, and z uses {last['effective_rank_z']:.0f} of "
        f"{last['effective_rank_z_limit']:.0f} directions."
    )


def _views(first: Mapping[str, Any]) -> list[Verdict]:
    if first.get("view_difference", 1.0) >= 0.02:
        return []
    sentence = (
        "The two views of an item are nearly identical, so there is nothing to learn from their agreement: "
        "use stronger views."
    )
    return [Verdict("bad", "identical views", sentence)]


def _collapse(last: Mapping[str, Any], done: float) -> list[Verdict]:
    if last["step"] < 20:
        return []
    if last["sameness"] > 0.98:
        sentence = (
            "Total collapse: all items get almost the same vector. Lower the learning rate, enlarge the batch, "
            "or check that the items differ at all."
        )
        return [Verdict("bad", "total collapse", sentence)]
    if done >= 0.3 and last["effective_rank_z"] < max(2.0, 0.08 * last["effective_rank_z_limit"]):
        sentence = (
            f"Dimensional collapse: z uses only {last['effective_rank_z']:.1f} of {last['effective_rank_z_limit']:.0f} "
            "directions. "
            f"Lower the learning rate or the weight decay{', or raise the temperature' * ('temperature' in last)}."
        )
        return [Verdict("warning", "dimensional collapse", sentence)]
    return []


def _learning(last: Mapping[str, Any], done: float) -> list[Verdict]:
    most = math.log(max(2.0, last["compared"]))
    if last["steps"] < SHORT:
        sentence = (
            f"The run is short: {counted(last['steps'], 'step is', 'steps are')} not enough to learn from, so its "
            "scores say little. Give it more epochs or minutes."
        )
        return [Verdict("warning", "short", sentence)]
    if done >= 0.3 and last["compared"] >= 2 and last["accuracy"] < min(0.5, 3 / last["compared"]):
        sentence = (
            f"Nothing is being learned: anchors find their positive no more often than by guessing among "
            f"{last['compared']:.0f}. Try a learning rate three times lower, then weaker views."
        )
        return [Verdict("bad", "not learning", sentence)]
    if done >= 0.3 and last.get("objective") == "info_nce" and last["loss"] < 0.02 * most:
        sentence = (
            f"InfoNCE is saturated: it has measured {most - last['loss']:.2f} of at most {most:.2f} nats, so the task "
            "is too easy to learn more from it. Use stronger views, a larger batch or a queue."
        )
        return [Verdict("warning", "saturated", sentence)]
    return []


def _temperature(last: Mapping[str, Any], done: float) -> list[Verdict]:
    several = last.get("positives", 1.0) > 1.5  # then the entropy is high at any temperature
    if done < 0.3 or several or last["compared"] < 2 or "temperature" not in last:
        return []
    if last["entropy"] > 0.97:
        sentence = "The temperature is too high: all candidates weigh nearly the same. Halve it."
        return [Verdict("warning", "temperature too high", sentence)]
    if last["entropy"] < 0.01 and last["accuracy"] < 0.9:
        sentence = "The temperature is too low: only the single nearest candidate counts. Double it."
        return [Verdict("warning", "temperature too low", sentence)]
    return []
