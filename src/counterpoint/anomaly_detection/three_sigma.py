r"""Three sigma: the largest deviation of any feature, in standard deviations of the normal items.

    s(x) = max_f |x_f - m_f| / s_f

Shewhart 1931, "Economic control of quality of manufactured product": a control chart for every feature.

Use when: as a baseline; an alarm at s > 3 is the rule that the name comes from.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Float32, Float64

from counterpoint.anomaly_detection.scorer import Score

FLOOR = 0.01
"""The least deviation of a feature, as a share of the median one: a constant one would divide by zero."""


def three_sigma(normal: Float32[np.ndarray, "n d"]) -> Score:
    """The largest absolute z score.

    >>> score = three_sigma(np.asarray([[-1, 9], [1, 9]], dtype=np.float32))
    >>> score(np.asarray([[0, 9], [3, 9]], dtype=np.float32)).tolist()
    [0.0, 3.0]
    """
    mean, deviation = normal.mean(axis=0, dtype=np.float64), normal.std(axis=0, dtype=np.float64)
    varying = deviation[deviation > 0]
    scale = np.maximum(deviation, FLOOR * float(np.median(varying)) if len(varying) else 1.0)
    return partial(_largest_deviation, mean=mean, scale=scale)


def _largest_deviation(
    vectors: Float32[np.ndarray, "m d"], *, mean: Float64[np.ndarray, " d"], scale: Float64[np.ndarray, " d"]
) -> Float64[np.ndarray, " m"]:
    largest: np.ndarray = (np.abs(vectors - mean) / scale).max(axis=1)
    return largest
