"""How often intervals hold, and how often a table claims a difference where there is none, in made-up worlds.

python benchmarks/intervals.py

Nothing is trained: which items a model gets right is drawn.  The tests assert the same of fewer simulations.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from counterpoint.evaluation.intervals import paired_interval, score_interval
from counterpoint.evaluation.probe import Probe, compare
from counterpoint.evaluation.repeats import difference_over_draws
from counterpoint.tuning.standings import standings
from counterpoint.verbs.label_budgets import compared

GAIN = 0.1
"""By how much the first of two models is better where there is a difference."""


class World:
    """Items that all models find more or less hard; draws of a model agree on 89 % of them, models on 85 %."""

    def __init__(self, items: int, generator: np.random.Generator) -> None:
        self.difficulty, self.generator = generator.normal(-1.5, 2.5, items), generator

    def answers(self, *, draws: int = 1, luck: float = 0.0, skill: float = 0.0) -> np.ndarray:
        """Which items a new model gets right (draws, items); ``luck`` is the spread of the skill of its draws."""
        own = skill + self.generator.normal(0, 0.7, len(self.difficulty))
        noise = self.generator.normal(0, 0.8, (draws, len(self.difficulty)))
        return own + noise + self.generator.normal(0, luck, (draws, 1)) > self.difficulty


def coverage(items: int, share: float, *, runs: int) -> tuple[float, float]:
    """How often the interval of a share holds, and that of the paired difference of two models."""
    generator = np.random.default_rng(items)
    shares, gains = [], []
    for _ in range(runs):
        ease = generator.normal(size=items)
        first, second = (
            ease + generator.normal(size=items) < np.sqrt(2) * norm.ppf(each) for each in (share, share - GAIN)
        )
        shares.append(score_interval(first))
        gains.append(paired_interval(first, second))
    return tuple(
        float(np.mean([low <= truth <= high for _, low, high in result]))
        for result, truth in ((shares, share), (gains, GAIN))
    )


def coverage_of_ranks(items: int, *, runs: int) -> float:
    """How often the interval of a mean reciprocal rank holds, of ranks that are geometric with 1/2."""
    generator = np.random.default_rng(items)
    result = [score_interval(1 / generator.geometric(0.5, items)) for _ in range(runs)]
    return float(np.mean([low <= np.log(2) <= high for _, low, high in result]))


def power(draws: int, luck: float, *, runs: int, items: int = 300) -> tuple[float, float]:
    """How often a gain of about 6 points is seen, and how often one that is none."""
    generator = np.random.default_rng(draws)
    seen, false = 0, 0
    for _ in range(runs):
        world = World(items, generator)
        best, first, second = (world.answers(draws=draws, luck=luck, skill=skill) * 1.0 for skill in (0.5, 0, 0))
        seen += difference_over_draws(best - first).low > 0
        false += accepts(difference_over_draws(second - first)._asdict())
    return seen / runs, false / runs


def false_tables(items: int, *, runs: int) -> float:
    """How many results of ``evaluate`` claim a difference, of three baselines and two kinds of probe."""

    def claimed(world: World) -> bool:
        each = [Probe(*(world.answers()[0] for _ in range(2))) for _ in range(3)]
        labels = np.where(world.answers()[0], 0, 1)  # the most frequent class is right as often as a model
        baselines = {"raw": each[1], "untrained": each[2]}
        result = compare(each[0], baselines, train_labels=np.zeros(2, dtype=int), test_labels=labels)
        return any("beats" in each["sentence"] or "worse" in each["sentence"] for each in result.values())

    return share(claimed, items, runs)


def false_standings(methods: int, seeds: int, luck: float, *, runs: int, items: int = 500) -> float:
    """How many comparisons of methods name a better one, or claim a difference from a baseline."""

    def claimed(world: World) -> bool:
        def cells(draws: int, luck: float) -> np.ndarray:
            return np.stack([world.answers(draws=draws, luck=luck) for _ in range(2)], axis=1)

        baselines = {"untrained": cells(seeds, luck), "raw": cells(1, 0.0), "chance": cells(1, 0.0)}
        result = standings({str(name): cells(seeds, luck) for name in range(methods)}, baselines)
        behind = any(row["best_minus"] and row["best_minus"]["linear"]["low"] > 0 for row in result["methods"])
        return behind or "Better than" in result["sentence"] or "Worse than" in result["sentence"]

    return share(claimed, items, runs)


def false_budgets(draws: int, luck: float, *, runs: int, items: int = 500) -> float:
    """How many results of ``label_efficiency`` claim a difference, of three budgets and three ways."""

    def claimed(world: World) -> bool:
        rows = [
            {
                finetune_settings: world.answers(draws=draws, luck=luck)
                for finetune_settings in ("scratch", "linear", "tuned")
            }
            for _ in range(3)
        ]
        return any(accepts(each) for row in compared(rows) for each in row.values())

    return share(claimed, items, runs)


def accepts(difference: dict[str, float]) -> bool:
    """Whether an interval lies on one side of zero."""
    return not difference["low"] <= 0 <= difference["high"]


def share(claimed: Callable[[World], bool], items: int, runs: int) -> float:
    """How many of so many worlds claim something."""
    generator = np.random.default_rng(items)
    return sum(claimed(World(items, generator)) for _ in range(runs)) / runs


def main() -> None:
    print("coverage of a share, and of a paired difference")
    for items in (10, 20, 50, 200):
        cells = [coverage(items, each, runs=4000) for each in (0.5, 0.8, 0.97)]
        print(f"  n = {items}: " + ", ".join(f"{one:.3f} and {two:.3f}" for one, two in cells))
        print(f"  n = {items}, reciprocal rank: {coverage_of_ranks(items, runs=4000):.3f}")
    print("a gain of 6 points on 300 items is seen, and one of none")
    for luck in (0.0, 0.1):
        for draws in (1, 2, 3, 5, 10):
            print("  luck {}, draws {}: {:.3f}, {:.3f}".format(luck, draws, *power(draws, luck, runs=1000)))
    print("claims where there is no difference")
    for items in (20, 100, 1000):
        print(f"  evaluate, {items} items: {false_tables(items, runs=1000):.3f}")
    for methods in (2, 4):
        for seeds, luck in ((1, 0.0), (2, 0.2), (3, 0.0), (3, 0.2)):
            rate = false_standings(methods, seeds, luck, runs=1000)
            print(f"  compare, {methods} methods, {seeds} seeds, luck {luck}: {rate:.3f}")
    for draws, luck in ((1, 0.0), (2, 0.2), (3, 0.0), (3, 0.2)):
        print(f"  evaluate --budget, {draws} draws, luck {luck}: {false_budgets(draws, luck, runs=1000):.3f}")


if __name__ == "__main__":
    main()
