r"""Temperature scaling: one parameter that calibrates probabilities without changing predictions.

    T = argmin_T  -sum_i sum_y q_iy log softmax(s_i / T)_y      over m items that were not learned from

Guo et al. 2017, arXiv:1706.04599, section 4.2, where q is 1 for the label.  Here the share 1 / (m + 2) of it is spread
over all classes, as in the rule of succession: ten correct predictions of ten do not prove certainty.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, Int64

from counterpoint.label_types import LABEL_TYPES, LabelType, named

TEMPERATURES = np.geomspace(0.25, 8.0, 81)


def loss_at(scores: Float32[np.ndarray, "n k"], class_ids: Int64[np.ndarray, "n ..."], temperature: float) -> float:
    """The mean loss of the scores at a temperature."""
    logits = torch.from_numpy(scores / np.float32(temperature))
    label_type = LABEL_TYPES[named(class_ids)]
    return float(label_type.loss(logits, torch.from_numpy(class_ids), None, smoothed=1 / (len(class_ids) + 2)).mean())


def fitting_temperature(scores: Float32[np.ndarray, "n k"], class_ids: Int64[np.ndarray, "n ..."]) -> float:
    """The temperature with the least loss, from 1/4 to 8: few items do not justify more.

    >>> scores = np.asarray([[4, 0], [4, 0], [4, 0], [4, 0]], dtype=np.float32)
    >>> round(fitting_temperature(scores, np.asarray([0, 0, 0, 1])), 1)  # three of four are right
    4.6
    """
    return float(min(TEMPERATURES, key=lambda temperature: loss_at(scores, class_ids, temperature)))


def matching_temperature(scores: Float32[np.ndarray, "n k"], sureness: float, label_type: LabelType) -> float:
    """The temperature at which the mean confidence is a given value.

    >>> scores = np.asarray([[1, 0], [0, 1]], dtype=np.float32)
    >>> round(matching_temperature(scores, 0.9, LABEL_TYPES["one"]), 2)
    0.46
    """

    def apart(temperature: float) -> float:
        likely = label_type.probabilities(torch.from_numpy(scores / np.float32(temperature))).numpy()
        return abs(float(label_type.sure(likely).mean()) - sureness)

    return float(min(TEMPERATURES, key=apart))
