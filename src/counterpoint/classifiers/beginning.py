r"""Where the last layer of a classifier begins: at a linear probe of what the layers below know already.

    minimise over W and b:   |W|^2 / 2 - mean_i log softmax(W x_i + b)_{y_i}

Kumar et al. 2022, arXiv:2202.10054: a last layer that begins anywhere pulls features out of shape before it has found
its place.  x is standardised by the items.  So strong a penalty leaves the probe unsure, and something to learn; from a
sure one fine-tuning hardly moves.  Items that may be of several classes have one such probe for each.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import nn

from counterpoint.data.splits import Codes
from counterpoint.data.subset import spread

MOST = 10_000
"""Items, evenly spread, that the probe learns from: it only has to begin."""


def begin(last: nn.Module, x: Float32[np.ndarray, "n d"], codes: Codes) -> None:
    """Give a linear layer (d, k) the weights of a probe of labelled items."""
    some = spread(len(x), MOST)
    x, codes = x[some], codes[some]
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation = np.where(deviation > 1e-6, deviation, 1.0)
    weight, bias = _probe((x - mean) / deviation, codes)
    weight = weight / deviation
    begun = {"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias - weight @ mean)}
    last.load_state_dict(begun)


def _probe(x: Float32[np.ndarray, "n d"], codes: Codes) -> tuple[Float64[np.ndarray, "k d"], Float64[np.ndarray, " k"]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    asked = [codes] if codes.ndim == 1 else list(codes.T)
    # One thread, so that the result does not depend on the number of cores.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = [LogisticRegression(C=1 / len(x), tol=1e-3, max_iter=300).fit(x, each) for each in asked]
    weight = np.concatenate([each.coef_ for each in found]).astype(np.float64)
    bias = np.concatenate([each.intercept_ for each in found]).astype(np.float64)
    if codes.ndim == 1 and len(weight) == 1:  # two classes share one line, and the layer has a score for each
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias
