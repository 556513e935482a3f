"""The page of vectors from any source: their scores and a map. There are no curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from counterpoint import __version__
from counterpoint.data.subset import spread
from counterpoint.interfaces import Items
from counterpoint.reports.map import draw_map
from counterpoint.reports.sample import MOST, sample_of
from counterpoint.reports.scores import scores
from counterpoint.reports.template import template
from counterpoint.storage.files import write_text


def write_vectors_report(
    target: Path,
    h: Float32[np.ndarray, "n d"],
    items: Items,
    *,
    labels: Sequence[str] | None,
    evaluation: Mapping[str, Any],
) -> Path:
    """Write the page, atomically, and return its path.

    ``labels``, one per item, colour the map; ``evaluation`` is the result of ``evaluate``, empty without one.
    """
    rows = spread(len(items), MOST)
    page = template("vectors").render(
        name=target.stem,
        count=len(items),
        length=h.shape[1],
        scores=scores(evaluation),
        evaluation=evaluation,
        map=draw_map(None, sample_of(h[rows], items, rows, labels)),
        version=__version__,
    )
    write_text(target, page.encode("utf-8", "backslashreplace").decode("utf-8"))
    return target
