r"""How far a score may be trusted that was measured on several draws of the labels: both kinds of luck in one interval.

    a = mean_dj c_dj,    se^2 = var_d(mean_j c_dj) / D  +  var_j(mean_d c_dj) / m,    a +- t_{D-1} se

c_dj says whether draw d of the labels (and of the weights that begin anew) gets test item j right, or how much righter
one way is than another on the same draw and item.  The variances of the two margins each hold a part of the noise of
single cells, so the interval is rather too wide than too narrow: Owen 2007, "The pigeonhole bootstrap",
arXiv:0712.1111, section 3.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped

from counterpoint.evaluation.intervals import Interval


def over_draws(correct: Shaped[np.ndarray, "draws m"], *, level: float = 0.95) -> Interval:
    """The mean of all cells with its interval; of one draw it knows the luck of the test items only.

    >>> value, low, high = over_draws(np.asarray([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 1]]))
    >>> round(value, 2), low < value < high
    (0.83, True)
    """
    from scipy.stats import t

    cells = np.asarray(correct, dtype=np.float64)
    draws, items = cells.shape
    variance = cells.mean(axis=0).var(ddof=1) / items if items > 1 else 0.0
    freedom = items - 1
    if draws > 1:
        variance += cells.mean(axis=1).var(ddof=1) / draws
        freedom = draws - 1
    reach = float(t.ppf((1 + level) / 2, max(1, freedom)) * np.sqrt(variance))
    value = float(cells.mean())
    return Interval(value, value - reach, value + reach)
