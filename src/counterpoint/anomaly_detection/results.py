"""The result of ``anomalies``: every item with its score, p-value and flags, and how far they can be relied on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from counterpoint.errors import conjunction, counted
from counterpoint.output.html import html_table
from counterpoint.output.results import excerpt, filled
from counterpoint.output.tables import columns
from counterpoint.reports.anomalies import CALLED, without_overlaps

HEADS = {"roc_auc": "ROC-AUC", "average_precision": "average precision", "vus_pr": "VUS-PR"}

SHOWN = 10
"""Items that ``str`` shows."""


@dataclass(frozen=True)
class Near:
    """A normal item near to a tested one: its name, its row, its cosine similarity."""

    name: str
    index: int
    similarity: float


@dataclass(frozen=True)
class PartEffect:
    """How much a part of an item changes its similarity to its nearest normal item."""

    part: str
    effect: float
    clear: bool
    """Whether the interval of the effect excludes zero."""


@dataclass(frozen=True)
class Anomaly:
    """A tested item."""

    name: str
    index: int
    score: float
    """Larger is more anomalous."""
    p_value: float | None
    """How often a normal item scores as high; None without normal items."""
    flag: bool | None
    """Whether the p-value is at most ``alarm``."""
    flag_fdr: bool | None
    """Whether it is flagged at the false discovery rate."""
    nearest: Sequence[Near]
    """The most similar normal items, or other items where there are none."""
    label: str | None = None
    parts: Sequence[PartEffect] | None = None
    """The parts that make it unlike its nearest normal item, where an explanation was requested."""


@dataclass(frozen=True)
class Suspect:
    """A normal item that looks anomalous, and the probability that it is."""

    name: str
    index: int
    probability: float


@dataclass(frozen=True)
class Anomalies:
    """All items, the most anomalous first; ``str`` is a table."""

    items: Sequence[Anomaly]
    scorer: str
    normal: Mapping[str, int]
    """Numbers of normal ``items``, for ``fit`` and ``calibration``, and of calibration ``units``, groups or items."""
    contamination: Mapping[str, float] | None
    """The estimated ``share`` of anomalies among the normal items, or all without those, and its ``noise``."""
    suspects: Sequence[Suspect]
    """Normal items that look anomalous."""
    alarm: float | None = None
    threshold: float | None = None
    """The score above which there is an alarm."""
    false_alarms: Sequence[float] | None = None
    """The interval of the share of false alarms with these normal items; None with groups."""
    fdr: float | None = None
    detection: Mapping[str, Any] | None = None
    """Where there are labels: ``roc_auc``, ``average_precision``, ``detection_rate`` and ``false_alarms``."""
    warnings: Sequence[str] = ()
    peaks: Sequence[int] | None = None
    """Where items are windows, the indices of those that share no step with a more anomalous one that is listed."""

    def flagged(self) -> list[Anomaly]:
        """The items with an alarm."""
        return [each for each in self.items if each.flag]

    def summary(self) -> str:
        """A summary in a few sentences."""
        count = counted(len(self.items), "item")
        if self.alarm is None:
            head = f"{count}, ranked by how unlike the others they are."
        else:
            alarms = counted(len(self.flagged()), "alarm")
            head = f"{alarms} among {count}: a normal item has one with a probability of at most {self.alarm:g}."
        if self.fdr is not None:
            flags = sum(bool(each.flag_fdr) for each in self.items)
            head += f" {flags:,} flagged at a false discovery rate of {self.fdr:g}."
        if self.normal:
            units = self.normal["units"]
            of_groups = f" of {units:,} groups" if units != self.normal["calibration"] else ""
            head += (
                f" The score {self.scorer} is fitted to {self.normal['fit']:,} normal items and calibrated with "
                f"{self.normal['calibration']:,}{of_groups}."
            )
        return head + self._contamination()

    def _contamination(self) -> str:
        if self.contamination is None:
            return ""
        among = "the normal ones" if self.normal else "them"
        share, noise = self.contamination["share"], self.contamination["noise"]
        return f" Estimated share of anomalies among {among}: {share:.1%}; up to {noise:.1%} may be chance."

    def __str__(self) -> str:
        lines = [*self.warnings, self.summary(), ""]
        listed = self.listed()
        lines += columns([("score", "p-value", "flags", "item", "nearest"), *_rows(listed[:SHOWN])])
        if len(listed) > SHOWN:
            lines.append(f"... and {counted(len(listed) - SHOWN, 'item')} more")
        for each in self.items:
            if each.parts:
                lines += ["", f"{excerpt(each.name)} is unlike its nearest because of:", *map(_effect, each.parts)]
        if self.detection is not None:
            lines += ["", *detection_lines(self.detection)]
        return "\n".join(lines)

    def listed(self) -> list[Anomaly]:
        """The items, the most anomalous first; of overlapping windows the most anomalous one only."""
        return without_overlaps(self.items, [each.index for each in self.items], self.peaks)

    def _repr_html_(self) -> str:
        return html_table(self.summary(), _rows(self.listed()), ("score", "p-value", "flags", "item", "nearest"))

    def record(self) -> dict[str, Any]:
        """As JSON values; fields without a value are left out."""
        kept = filled({name: value for name, value in vars(self).items() if name not in ("items", "suspects")})
        return {
            "summary": self.summary(),
            **kept,
            "suspects": [asdict(each) for each in self.suspects],
            "items": [filled(asdict(each)) for each in self.items],
        }


def _rows(items: Sequence[Anomaly]) -> Iterator[tuple[str, ...]]:
    for each in items:
        flags = " ".join(name for name, on in (("alarm", each.flag), ("fdr", each.flag_fdr)) if on)
        near = f"{excerpt(each.nearest[0].name)} ({each.nearest[0].similarity:.3f})" if each.nearest else ""
        yield f"{each.score:.4g}", _p(each.p_value), flags, excerpt(each.name), near


def detection_lines(detection: Mapping[str, Any]) -> list[str]:
    """How well labelled anomalies are detected, beside the baselines, as a table."""
    counts = f"{counted(detection['anomalies'], 'anomaly', 'anomalies')} among {detection['labelled']:,} labelled items"
    measured = [name for name in ("roc_auc", "average_precision") if name in detection]
    over_time = "vus_pr" in detection
    heads = [HEADS[name] for name in (*measured, *(["vus_pr"] if over_time else []))]
    lines = [("", *heads, "detected", "false alarms", *(["events"] if over_time else []))]
    for name, called in CALLED.items():
        known = detection if name == "" else detection["baselines"].get(name)
        if known is not None:
            ends = [known[each] if name == "" else detection[each]["baselines"][name] for each in measured]
            ends += [known["vus_pr"]] if over_time else []
            rates = [known.get(each) for each in ("detection_rate", "false_alarms", *(["events"] if over_time else []))]
            cells = ["" if each is None else f"{each['value']:.1%}" for each in rates]
            lines.append((called, *map(_ends, ends), *cells))
    if measured:
        blank = [""] * (len(heads) - len(measured) + 2 + over_time)
        lines.append(("chance", *(f"{detection[name]['chance']:.3f}" for name in measured), *blank))
    return [counts, "", *columns(lines), *([detection["sentence"]] if "sentence" in detection else [])]


def verdict(differences: Mapping[str, Mapping[str, float]]) -> str:
    """Which baselines the trained encoder beats by ROC-AUC.

    >>> verdict({"raw_knn": {"value": 0.1, "low": 0.05, "high": 0.2}})
    'By ROC-AUC the trained encoder beats kNN of raw features.'
    """
    better = [CALLED[name] for name, each in differences.items() if each["low"] > 0]
    worse = [CALLED[name] for name, each in differences.items() if each["high"] < 0]
    same = [CALLED[name] for name, each in differences.items() if each["low"] <= 0 <= each["high"]]
    parts = [
        *([f"beats {conjunction(better)}"] if better else []),
        *([f"is worse than {conjunction(worse)}"] if worse else []),
        *([f"is not significantly different from {conjunction(same)}"] if same else []),
    ]
    return f"By ROC-AUC the trained encoder {'; it '.join(parts)}." if parts else ""


def _ends(each: Mapping[str, float]) -> str:
    return f"{each['value']:.3f}" + (f" ({each['low']:.3f} to {each['high']:.3f})" if "low" in each else "")


def _effect(each: PartEffect) -> str:
    return f"  {each.effect:+.4f}{'' if each.clear else ' (not significant)'}  {each.part}"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
