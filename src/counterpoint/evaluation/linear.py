r"""Linear probe: logistic regression on the frozen representation.

    minimise over W and b:   |W|^2 / 2 - C sum_i log softmax(W x_i + b)_{label_i}

x is standardised by the training items.  The protocol of SimCLR, Chen et al. 2020, arXiv:2002.05709, appendix
B.8: multinomial logistic regression by L-BFGS, its regularisation C chosen on a held-out part of the training
items. The test items are not used for any choice.
Use when: the score shall be comparable with the literature, or a classifier will be built on the representation.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64

from counterpoint.data.splits import ClassIds, split
from counterpoint.errors import LabelError
from counterpoint.evaluation.knn import check_labelled

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
MOST = 10_000
"""Training items from which C is chosen; more would rarely change the choice and cost minutes."""


def linear_probe(
    train: Float32[np.ndarray, "n d"],
    train_labels: Int64[np.ndarray, " n"],
    test: Float32[np.ndarray, "m d"],
    *,
    seed: int = 0,
    groups: Int64[np.ndarray, " n"] | None = None,
) -> Int64[np.ndarray, " m"]:
    """The class of every test item. ``seed`` determines the held-out part that chooses C; no group is divided."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    check_labelled(train, train_labels)
    if len(np.unique(train_labels)) < 2:
        raise LabelError(
            f"All {len(train)} training items have the label {train_labels[0]}; "
            "a linear probe needs items of at least two classes."
        )
    scaler = StandardScaler().fit(train)
    x = scaler.transform(train)
    # Each fit starts from the one before: the path from strong to weak regularisation takes fewer steps.
    model = LogisticRegression(tol=1e-3, warm_start=True)
    model.set_params(C=_strength(model, x, train_labels, seed, groups))
    predictions: np.ndarray = fit_on_one_thread(model, x, train_labels).predict(scaler.transform(test))
    return predictions


def linear_probes(
    train: Float32[np.ndarray, "n d"],
    class_ids: ClassIds,
    test: Float32[np.ndarray, "m d"],
    *,
    seed: int = 0,
    groups: Int64[np.ndarray, " n"] | None = None,
) -> Int64[np.ndarray, "m ..."]:
    """The predictions of a linear probe, or of one binary probe per class for multi-label items."""
    if class_ids.ndim == 1:
        return linear_probe(train, class_ids, test, seed=seed, groups=groups)
    each = [
        linear_probe(train, column, test, seed=seed, groups=groups)
        if len(set(column)) > 1
        else column[:1].repeat(len(test))
        for column in class_ids.T
    ]
    return np.stack(each, axis=1)


def _strength(
    model: Any,
    x: Float32[np.ndarray, "n d"],
    labels: Int64[np.ndarray, " n"],
    seed: int,
    groups: Int64[np.ndarray, " n"] | None,
) -> float:
    """The C whose fit on some of the items is most accurate on the others; among equals the middle one."""
    kept, held = split(labels, seed=seed, most=MOST, groups=groups)
    if not held.any():
        return STRENGTHS[len(STRENGTHS) // 2]
    x_kept, x_held = x[kept], x[held]
    correct = []
    for strength in STRENGTHS:
        model.set_params(C=strength)
        correct.append(int(np.sum(fit_on_one_thread(model, x_kept, labels[kept]).predict(x_held) == labels[held])))
    best = [strength for strength, count in zip(STRENGTHS, correct, strict=True) if count == max(correct)]
    return best[len(best) // 2]


def fit_on_one_thread(model: Any, x: Float[np.ndarray, "n d"], labels: Int64[np.ndarray, " n"]) -> Any:
    """A logistic regression of scikit-learn, fitted; reaching its limit of steps is no reason for a warning."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # One thread: the score must not depend on the number of cores, and products this narrow gain little from
    # more. Beside other work, two threads wait for each other and take seven times as long.
    # Accuracy converges long before the weights do.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes")  # one label per class is a budget
        return model.fit(x, labels)
