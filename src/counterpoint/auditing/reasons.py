"""Why an item is to be reviewed, in sentences, by each check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterpoint.auditing.findings import Copies, Outlier, SuspiciousLabel
from counterpoint.auditing.leakage import SPLIT, Leak
from counterpoint.auditing.review_queue import Reason

OPINIONS = {True: "", False: ", though its content hash differs", None: ""}


def reasons(
    copies: Sequence[Copies],
    leaking: Sequence[Leak],
    outliers: Sequence[Outlier],
    labels: Sequence[SuspiciousLabel],
    names: Sequence[str],
) -> Iterator[tuple[int, Reason]]:
    """Every reason with the row of its item; of two copies that is the later one, of a leak the training item."""
    for pair in copies:
        first, later = sorted(pair.index)
        equal = "is equal to" if pair.equal else "is nearly a copy of"
        detail = f"{equal} {names[first]}{OPINIONS[pair.confirmed]}"
        yield later, Reason("duplicate", pair.probability or 0.0, detail, first)
    for leak in leaking:
        train, other = sorted(leak.index)
        if leak.between == SPLIT:
            yield train, Reason("leakage", leak.probability or 0.0, f"is in the test set as {names[other]}", other)
    for strange in outliers:
        yield strange.index, Reason("outlier", strange.probability, "is unlike all others")
    for label in labels:
        detail = f"is called {label.given}, and is rather {label.likely}"
        yield label.index, Reason("label", label.probability, detail)
