"""The result of a comparison of methods: scores, simultaneous differences, and the best method, if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float64, Shaped

from counterpoint.data.overlap import note_on_shared, note_on_shared_groups
from counterpoint.errors import conjunction
from counterpoint.evaluation.group_variance import GroupIds, Variance
from counterpoint.evaluation.multiple_comparisons import familywise_level
from counterpoint.evaluation.probe import note_on_groups
from counterpoint.evaluation.repeats import difference_over_draws, pooled, score_over_draws, total
from counterpoint.output.tables import columns, gain, percent

KINDS = ("linear", "knn")

Cells = Mapping[str, Shaped[np.ndarray, "_ kinds m"]]
"""For every method or baseline, by seed, the test items that either probe predicts correctly."""

BEATEN = ("untrained", "raw")
"""Baselines that a method has to beat."""

ONE_SEED = "With one seed the intervals know the luck of the test items only, not that of training."


def standings(methods: Cells, baselines: Cells, *, groups: GroupIds | None = None) -> dict[str, Any]:
    """``methods``, best first, and ``baselines`` with their scores, and a verdict, as JSON values.

    Every method has ``differences``, itself minus each baseline, and except the first ``best_minus``, the first minus
    itself; all are ``value``, ``low`` and ``high`` for each probe. The intervals of one probe are simultaneous, over
    all pairs of methods and of methods and baselines: ``comparisons`` is their number. Which method comes first is
    random, too, and so every pair counts. ``groups`` are those of the test items.
    """
    order = sorted(methods, key=lambda name: -float(methods[name][:, 0].mean()))
    ranked = {name: methods[name] for name in order}
    minus = {
        kind: _differences(_of_kind(ranked, place), _of_kind(baselines, place), groups)
        for place, kind in enumerate(KINDS)
    }
    rows = [
        {
            "method": name,
            **_scores(methods[name], groups),
            "differences": {other: {kind: minus[kind][name, other] for kind in KINDS} for other in baselines},
            "best_minus": {kind: minus[kind][order[0], name] for kind in KINDS} if name != order[0] else None,
        }
        for name in order
    ]
    seeds = len(next(iter(methods.values())))
    level, sentence = verdict(rows)
    return {
        "methods": rows,
        "baselines": {name: _scores(cells, groups) for name, cells in baselines.items()},
        "comparisons": len(methods) * (len(methods) - 1) // 2 + len(methods) * len(baselines),
        "seeds": seeds,
        "level": level,
        "sentence": f"{sentence} {ONE_SEED}" if seeds == 1 else sentence,
    }


def verdict(rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The best method by a linear probe, if that is shown, and which methods beat the baselines."""
    best, *others = rows
    alike = [row["method"] for row in others if row["best_minus"]["linear"]["low"] <= 0]
    behind = [row for row in others if row["best_minus"]["linear"]["low"] > 0]
    name, score = best["method"], f"{best['linear']['value']:.1%} by a linear probe"
    if alike:
        like_it = conjunction(alike)
        sentences = [
            f"No method is shown to be the best: {name}, {score}, is not significantly different from {like_it}."
        ]
    elif behind:
        by = gain(behind[0]["best_minus"]["linear"])
        sentences = [f"{name} is the best: {score}, {by} points above the next, {behind[0]['method']}."]
    else:
        sentences = [f"{name} has {score}."]
    better = [row["method"] for row in rows if all(row["differences"][each]["linear"]["low"] > 0 for each in BEATEN)]
    worse = [row["method"] for row in rows if any(row["differences"][each]["linear"]["high"] < 0 for each in BEATEN)]
    unsure = [row["method"] for row in rows if row["method"] not in (*better, *worse)]
    for claim, names in (
        ("Better than", better),
        ("Worse than one of", worse),
        ("Not shown to be better than", unsure),
    ):
        if names:
            sentences.append(f"{claim} raw features and the untrained encoder: {', '.join(names)}.")
    return ("good" if name in better and not alike and not worse else "warning"), " ".join(sentences)


def contest_table(result: Mapping[str, Any]) -> str:
    """The result of ``compare`` as plain text."""
    heads = (
        "method",
        "linear probe",
        "kNN",
        "best minus it",
        "minus untrained",
        "minus raw",
        "epochs",
        "verdict",
    )
    lines = [heads]
    for row in result["methods"]:
        lines.append(
            (
                row["method"] + (" (labels)" if row["labels"] else ""),
                *(percent(row[kind]) for kind in KINDS),
                gain(row["best_minus"]["linear"]) if row["best_minus"] else "",
                *(gain(row["differences"][name]["linear"]) for name in BEATEN),
                f"{row['epochs']:g}",
                ", ".join(row["verdicts"]),
            )
        )
    for name, each in result["baselines"].items():
        lines.append((name, *(percent(each[kind]) for kind in KINDS), "", "", "", "", ""))
    luck = "seeds and items" if result["seeds"] > 1 else "items"
    note = (
        f"Accuracy on {result['items']['asked']:,} test items, probe trained on {result['items']['known']:,}, mean of "
        f"{result['seeds']} seed{'s' * (result['seeds'] > 1)} with 95 % intervals over {luck}. Differences are paired, "
        f"of the linear probe; the intervals of all {result['comparisons']} hold together."
    )
    twice = result["items"]["shared"]
    on_shared = [note_on_shared(twice, result["items"]["asked"])] if twice else []
    on_groups = [note_on_groups(result["items"]["groups"])] if result.get("items", {}).get("groups") else []
    if result.get("items", {}).get("shared_groups"):
        on_groups.append(note_on_shared_groups(result["items"]["shared_groups"]))
    return "\n".join([result["sentence"], "", *columns(lines), note, *on_shared, *on_groups])


def _of_kind(cells: Cells, place: int) -> dict[str, Float64[np.ndarray, "seeds m"]]:
    return {name: each[:, place].astype(np.float64) for name, each in cells.items()}


def _scores(cells: Shaped[np.ndarray, "seeds kinds m"], groups: GroupIds | None) -> dict[str, dict[str, float]]:
    return {kind: score_over_draws(cells[:, place], groups=groups)._asdict() for place, kind in enumerate(KINDS)}


def _differences(
    methods: Mapping[str, Float64[np.ndarray, "seeds m"]],
    baselines: Mapping[str, Float64[np.ndarray, "_ m"]],
    groups: GroupIds | None,
) -> dict[tuple[str, str], dict[str, float]]:
    """For every two methods, and every method and baseline, the first minus the second."""
    luck = pooled(list(methods.values()))
    of_two = luck and Variance(2 * luck.value, luck.freedom)
    pairs = [(a, b, methods[a] - methods[b], of_two) for a, b in combinations(methods, 2)]
    for b, cells in baselines.items():
        parts = [each for each in (luck, pooled([cells])) if each]
        variance = total(*parts) if parts else None
        pairs += [(a, b, methods[a] - cells, variance) for a in methods]
    level = familywise_level([each.mean(axis=0) for _, _, each, _ in pairs], groups=groups)
    return {
        (a, b): difference_over_draws(each, level=level, luck=variance, groups=groups)._asdict()
        for a, b, each, variance in pairs
    }
