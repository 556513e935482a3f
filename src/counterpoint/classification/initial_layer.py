r"""The initial last layer of a classifier: a linear probe of the layers below.

    minimise over W and b:   penalty |W|^2 / 2 - mean_i log softmax(W x_i + b)_{y_i}

Kumar et al. 2022, arXiv:2202.10054: a randomly initialised last layer distorts the features before it has adapted.  x
is standardised by the items.  With a penalty of 1 the probe stays uncertain, which leaves gradients; from a confident
one fine-tuning hardly moves.  A pretrained network should change little, and starts from a more confident one.
Multi-label items have one such probe per class.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor, nn

from counterpoint.data.splits import ClassIds, split
from counterpoint.data.subset import spread
from counterpoint.evaluation.linear import fit_on_one_thread

LEAST = 1e-6
"""Standard deviation below which a dimension is constant."""

MOST = 10_000
"""Items, evenly spread, that the probe is trained on: it is only an initialisation."""


class Standard(nn.Module):
    """Standardises every dimension of h below a trained layer, whatever the scale of h."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, h: Float32[Tensor, "n d"]) -> None:
        super().__init__()
        deviation, mean = torch.std_mean(h, dim=0, correction=0)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", torch.where(deviation > LEAST, deviation, 1.0))

    def forward(self, h: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return (h - self.mean) / self.deviation

    def fold_into(self, layer: nn.Module) -> None:
        """Fold the standardisation into a linear layer on it, so that the layer can take h itself."""
        state = layer.state_dict()
        state["weight"].div_(self.deviation)
        state["bias"].sub_(state["weight"] @ self.mean)


def stand_on(
    top: nn.Sequential, h: Float32[np.ndarray, "n d"], class_ids: ClassIds, *, penalty: float, standard: bool = True
) -> None:
    """Initialise the last layer on an encoder with the weights of a probe of these items.

    ``standard`` puts a ``Standard`` of h below it, which ``folded`` removes after training.
    """
    if standard:
        top[0] = Standard(torch.from_numpy(h))
    with torch.no_grad():
        reached = top[0].eval()(torch.from_numpy(h)).numpy()
    begin(top[1], reached, class_ids, penalty=penalty)


def folded(top: nn.Sequential) -> None:
    """The layers on an encoder without the ``Standard`` of their training: the scores are the same."""
    if isinstance(below := top[0], Standard):
        below.fold_into(top[1])
        top[0] = nn.Sequential()


def begin(last: nn.Module, x: Float32[np.ndarray, "n d"], class_ids: ClassIds, *, penalty: float = 1.0) -> None:
    """Initialise a linear layer (d, k) with the weights of a probe of labelled items."""
    if class_ids.ndim == 1 and len(x) > MOST:
        kept, _ = split(class_ids, seed=0, share=0.0, most=MOST)
        x, class_ids = x[kept], class_ids[kept]
    elif len(x) > MOST:
        kept = spread(len(x), MOST)
        x, class_ids = x[kept], class_ids[kept]
    standard = Standard(torch.from_numpy(x))
    weight, bias = _probe(
        standard(torch.from_numpy(x)).numpy(), class_ids, penalty, classes=len(last.state_dict()["bias"])
    )
    last.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    standard.fold_into(last)


def _probe(
    x: Float32[np.ndarray, "n d"], class_ids: ClassIds, penalty: float, *, classes: int
) -> tuple[Float64[np.ndarray, "k d"], Float64[np.ndarray, " k"]]:
    if class_ids.ndim == 2:
        each = [_line(x, column, penalty) for column in class_ids.T]
        return np.stack([weight for weight, _ in each]), np.asarray([bias for _, bias in each])
    there = np.unique(class_ids)
    if len(there) == 1:  # only one class
        return np.zeros((classes, x.shape[1])), np.where(np.arange(classes) == there[0], 1.0, -1.0)
    weight, bias = _fitted(x, class_ids, penalty)
    if len(weight) == 1:  # scikit-learn fits one boundary for two classes, and the layer has a score for each
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    every, level = np.zeros((classes, x.shape[1])), np.full(classes, bias.min() - np.log(len(x) + 1))
    every[there], level[there] = weight, bias  # a class without items is improbable everywhere
    return every, level


def _line(
    x: Float32[np.ndarray, "n d"], column: Int64[np.ndarray, " n"], penalty: float
) -> tuple[Float64[np.ndarray, " d"], float]:
    """The probe of one class; constant, at the usual confidence, where all or no items have it."""
    if len(np.unique(column)) < 2:
        return np.zeros(x.shape[1]), 2.0 * float(column[0]) - 1.0
    weight, bias = _fitted(x, column, penalty)
    return weight[0], float(bias[0])


def _fitted(
    x: Float32[np.ndarray, "n d"], class_ids: Int64[np.ndarray, " n"], penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    result = fit_on_one_thread(LogisticRegression(C=1 / (penalty * len(x)), tol=1e-3, max_iter=300), x, class_ids)
    return result.coef_.astype(np.float64), result.intercept_.astype(np.float64)
