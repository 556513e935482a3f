"""The reasons to review an item, by each check, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterpoint.auditing.findings import Copies, Outlier, SuspiciousLabel
from counterpoint.auditing.leakage import SPLIT, Leak
from counterpoint.auditing.review_queue import Reason

DOUBTS = {True: "", False: ", but their contents differ more than those of planted copies", None: ""}
"""What is added to a pair by ``Copies.confirmed``."""


def reasons(
    copies: Sequence[Copies],
    leaking: Sequence[Leak],
    outliers: Sequence[Outlier],
    labels: Sequence[SuspiciousLabel],
    names: Sequence[str],
) -> Iterator[tuple[int, Reason]]:
    """Every reason with the row of its item: the later one of two copies, the training item of a leak."""
    for pair in copies:
        first, later = sorted(pair.index)
        relation = "equal to" if pair.equal else "near-duplicate of"
        detail = f"{relation} {names[first]}{DOUBTS[pair.confirmed]}"
        yield later, Reason("duplicate", pair.probability or 0.0, detail, first)
    for leak in leaking:
        train, other = sorted(leak.index)
        if leak.between == SPLIT:
            yield train, Reason("leakage", leak.probability or 0.0, f"in the test set as {names[other]}", other)
    for outlier in outliers:
        yield outlier.index, Reason("outlier", outlier.probability, "far from most other items")
    for label in labels:
        detail = f"labelled {label.given}, predicted {label.likely}"
        yield label.index, Reason("label", label.probability, detail)
