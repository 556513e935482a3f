"""Tables and figures as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def columns(lines: Sequence[Sequence[str]]) -> list[str]:
    """Cells under each other.

    >>> columns([("plan", "score"), ("as usual", "61%")])
    ['plan      score', 'as usual  61%']
    """
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def gain(difference: Mapping[str, float]) -> str:
    """A difference of shares in points, with its interval.

    >>> gain({"value": 0.041, "low": -0.012, "high": 0.07})
    '+4.1 (-1.2 to +7.0)'
    """
    value, low, high = (100 * difference[end] for end in ("value", "low", "high"))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def percent(score: Mapping[str, float]) -> str:
    """A share with its interval.

    >>> percent({"value": 0.5, "low": 0.25, "high": 0.75})
    '50.0% (25.0 to 75.0)'
    """
    return f"{score['value']:.1%} ({100 * score['low']:.1f} to {100 * score['high']:.1f})"
