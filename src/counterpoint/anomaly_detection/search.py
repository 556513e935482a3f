"""Scores tested items against normal ones, with p-values, flags, the nearest normal items and the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from counterpoint.anomaly_detection.conformal import false_alarms, flagged, require_alarm
from counterpoint.anomaly_detection.contamination import Contamination, contamination, of_normal
from counterpoint.anomaly_detection.design import Design, Scored
from counterpoint.anomaly_detection.detection import detection, rates
from counterpoint.anomaly_detection.false_discovery import false_discovery_flags
from counterpoint.anomaly_detection.labelled_anomalies import Truth
from counterpoint.anomaly_detection.over_time import events_with_alarm, surface
from counterpoint.anomaly_detection.overlapping_windows import peaks
from counterpoint.anomaly_detection.results import Anomalies, Anomaly, Near, Suspect, verdict
from counterpoint.anomaly_detection.scorer import Scorer, scorer_of
from counterpoint.anomaly_detection.units import Units
from counterpoint.data.window_items import WindowInfo
from counterpoint.plans import AnomalyPlan
from counterpoint.retrieval.nearest import neighbours

NEAREST = 3
"""Normal items that are shown beside an item."""

ALARM = 0.01
"""The rate of false alarms where none is chosen."""


class Side(NamedTuple):
    """Tested or normal items: names, vectors, the id of each one's group, and where they lie if they are windows."""

    names: Sequence[str]
    vectors: Float32[np.ndarray, "n d"]
    groups: Int64[np.ndarray, " n"] | None = None
    windows: WindowInfo | None = None

    def units(self) -> Units:
        """What depends on what among them."""
        return Units.of(len(self.names), self.groups, self.windows)


class Baseline(NamedTuple):
    """Another scorer, and the features of tested and of normal items that it scores."""

    scorer: Scorer
    tested: Float32[np.ndarray, "m f"]
    normal: Float32[np.ndarray, "n f"] | None


@dataclass(frozen=True)
class Search:
    """What is searched for anomalies: ``truth`` and ``baselines`` are only used together."""

    tested: Side
    normal: Side | None
    plan: AnomalyPlan
    truth: Truth | None = None
    baselines: Mapping[str, Baseline] | None = None
    in_both: Bool[np.ndarray, " m"] | None = None
    """Tested items that are equal to a normal one."""

    @property
    def alarm(self) -> float | None:
        """The rate of false alarms; None without normal items."""
        return None if self.normal is None else alarm_of(self.plan)

    def design(self) -> Design:
        """Which normal items are used for what."""
        normal = None if self.normal is None else self.normal.units()
        return Design(self.tested.units(), normal, self.plan.seed)

    def run(self) -> Anomalies:
        """The result, without warnings that depend on the source.

        Raises:
            InputError: There are too few items.
            PlanError: There are too few normal items for the alarm or the false discovery rate.
        """
        design, scorer = self.design(), scorer_of(self.plan.scorer)
        scored = design.scored(scorer, self.tested.vectors, None if self.normal is None else self.normal.vectors)
        contaminated = self._contamination(scorer, scored, design)
        counts, around = self._counts(design), self.normal if self.normal is not None else self.tested
        warning = contaminated.warning() if self.normal is not None else None
        suspects = [
            Suspect(around.names[row], row, float(contaminated.probability[row])) for row in contaminated.rows.tolist()
        ]
        threshold = spread = None
        if scored.calibration is not None and self.alarm is not None:
            threshold = scored.calibration.threshold(self.alarm)
            grouped = design.normal is not None and design.normal.grouped
            spread = None if grouped else false_alarms(self.alarm, counts["units"])
        return Anomalies(
            items=self._items(scored),
            peaks=None if self.tested.windows is None else peaks(scored.scores, self.tested.windows),
            scorer=self.plan.scorer,
            normal=counts,
            contamination=contaminated.record(),
            suspects=suspects if self.normal is not None else [],
            alarm=self.alarm,
            threshold=threshold,
            false_alarms=spread,
            fdr=self.plan.fdr,
            detection=self._detection(scored, design),
            warnings=[] if warning is None else [warning],
        )

    def _contamination(self, scorer: Scorer, scored: Scored, design: Design) -> Contamination:
        if self.normal is None or design.normal is None:
            return contamination(scored.scores)
        return of_normal(scorer, self.normal.vectors, design.normal, seed=self.plan.seed)

    def _counts(self, design: Design) -> dict[str, int]:
        if self.normal is None:
            return {}
        fitting, calibrating = design.parts()
        sizes = {"fit": len(fitting), "calibration": len(calibrating), "units": design.units()}
        return {"items": len(self.normal.names), **sizes}

    def _items(self, scored: Scored) -> list[Anomaly]:
        """All tested items, the most anomalous first."""
        p = None if scored.calibration is None else scored.calibration.p_values(scored.scores)
        alarm = None if p is None or self.alarm is None else flagged(p, self.alarm)
        discovered = None if p is None or self.plan.fdr is None else false_discovery_flags(p, self.plan.fdr)
        around, itself = (self.tested, range(len(self.tested.names))) if self.normal is None else (self.normal, None)
        rows, similarity = neighbours(around.vectors, self.tested.vectors, k=NEAREST, skip=itself)
        return [
            Anomaly(
                self.tested.names[row],
                row,
                float(scored.scores[row]),
                None if p is None else float(p[row]),
                None if alarm is None else bool(alarm[row]),
                None if discovered is None else bool(discovered[row]),
                [
                    Near(around.names[near], near, float(cosine))
                    for near, cosine in zip(rows[row].tolist(), similarity[row], strict=True)
                ],
            )
            for row in np.argsort(-scored.scores, kind="stable").tolist()
        ]

    def _detection(self, scored: Scored, design: Design) -> dict[str, Any] | None:
        """How well labelled anomalies are detected; items that are equal to a normal one are left out."""
        if self.truth is None:
            return None
        used = self.truth.labelled if self.in_both is None else self.truth.labelled & ~self.in_both
        anomalous = self.truth.anomalous[used]
        result: dict[str, Any] = {
            "normal_label": self.truth.normal,
            "labelled": int(used.sum()),
            "anomalies": int(anomalous.sum()),
            "baselines": {},
        }
        groups = (
            design.tested.groups[used] if self.tested.windows is not None or self.tested.groups is not None else None
        )
        others = {
            name: design.scored(each.scorer, each.tested, each.normal) for name, each in (self.baselines or {}).items()
        }
        result |= self._rates(scored, used, anomalous, groups)
        for name, each in others.items():
            result["baselines"][name] = self._rates(each, used, anomalous, groups)
        if not 0 < result["anomalies"] < len(anomalous):
            return result
        scores = {name: each.scores[used] for name, each in others.items()}
        measured = detection(scored.scores[used], scores, anomalous, groups, seed=self.plan.seed)
        sentence = verdict(measured["roc_auc"]["differences"])
        return {**result, **measured, **({"sentence": sentence} if sentence else {})}

    def _rates(
        self,
        scored: Scored,
        used: Bool[np.ndarray, " m"],
        anomalous: Bool[np.ndarray, " k"],
        groups: Int64[np.ndarray, " k"] | None,
    ) -> dict[str, Any]:
        windows, events = self.tested.windows, None if self.truth is None else self.truth.events
        result = {} if windows is None or events is None else surface(scored.scores, windows, events)
        if scored.calibration is None or self.alarm is None or not len(anomalous):
            return result
        p: Float64[np.ndarray, " m"] = scored.calibration.p_values(scored.scores)
        flags = flagged(p, self.alarm)
        result |= {name: each for name, each in rates(flags[used], anomalous, groups).items() if each}
        if windows is not None and events is not None:
            result["events"] = events_with_alarm(flags, windows, events)
        return result


def alarm_of(plan: AnomalyPlan) -> float:
    """The rate of false alarms of a plan."""
    return ALARM if plan.alarm is None else plan.alarm


def require_units(plan: AnomalyPlan, design: Design) -> None:
    """Refuse an alarm or a false discovery rate that the normal items cannot support, before they are embedded.

    Raises:
        PlanError: There are too few.
    """
    normal, what = design.normal, "item"
    if normal is not None and normal.grouped:
        what = "window length" if normal.in_time else "group"
    for name, rate in (("alarm", alarm_of(plan)), ("fdr", plan.fdr)):
        if rate is not None:
            require_alarm(rate, design.units(), name=name, what=what)
