"""How large the batch is and how many epochs there are, where a plan names neither: by the size of the data."""

from __future__ import annotations

from counterpoint.errors import SourceError

USUAL_BATCH = 256

VIEWS_WANTED = 600_000
"""Views that a run without epochs or minutes looks at: a few minutes for small images on two cores."""


def fitting_batch(wanted: int | None, items: int, *, usual: int = USUAL_BATCH) -> int:
    """The batch size: what was asked for, or the usual one, or what gives small data two steps per epoch.

    >>> fitting_batch(None, 60_000), fitting_batch(None, 100), fitting_batch(64, 100)
    (256, 50, 64)
    """
    if items < 4:
        raise SourceError(f"Contrast needs at least 4 items to tell apart. Got {items}.")
    return wanted or min(usual, items // 2)


def fitting_epochs(items: int, *, views: int = VIEWS_WANTED) -> int:
    """Epochs for a run that names neither epochs nor minutes.

    >>> fitting_epochs(60_000), fitting_epochs(6_000), fitting_epochs(100)
    (5, 50, 200)
    """
    return max(1, min(200, round(views / 2 / items)))
