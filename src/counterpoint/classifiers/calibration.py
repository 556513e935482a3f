r"""Temperature scaling: one number that makes probabilities honest and changes no answer.

    T = argmin_T  -sum_i log softmax(s_i / T)_{y_i}      over items that were not learned from

Guo et al. 2017, arXiv:1706.04599, section 4.2.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch.nn import functional

TEMPERATURES = np.geomspace(0.25, 8.0, 81)


def loss_at(scores: Float32[np.ndarray, "n k"], codes: Int64[np.ndarray, " n"], temperature: float) -> float:
    """The mean log loss of the scores at a temperature."""
    given = torch.from_numpy(scores / np.float32(temperature))
    return float(functional.cross_entropy(given, torch.from_numpy(codes)))


def fitting_temperature(scores: Float32[np.ndarray, "n k"], codes: Int64[np.ndarray, " n"]) -> float:
    """The temperature with the least loss, from 1/4 to 8: few items cannot tell more.

    >>> scores = np.asarray([[4, 0], [4, 0], [4, 0], [4, 0]], dtype=np.float32)
    >>> round(fitting_temperature(scores, np.asarray([0, 0, 0, 1])), 1)  # three in four are right
    3.7
    """
    return float(min(TEMPERATURES, key=lambda temperature: loss_at(scores, codes, temperature)))
