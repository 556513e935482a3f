r"""Weighted kNN: the class with the largest vote of the k nearest training items.

    class of x = argmax_c  sum_{i in the k nearest of x, label_i = c} e^{s_i/t},     s_i = cosine(x, x_i)

Wu et al. 2018, arXiv:1805.01978, section 3.4; with k = 20 and t = 0.07 as DINO reports it, Caron et al. 2021,
arXiv:2104.14294.
Use when: you want to evaluate the representation itself. Nothing is trained and nothing is tuned.

One very near item outvotes two that are less similar; with a high temperature the majority wins:

>>> train = np.asarray([[1, 0], [1, 1], [1, 1]], dtype=np.float32)
>>> test = np.asarray([[1, 0]], dtype=np.float32)
>>> weighted_knn(train, np.asarray([0, 1, 1]), test, classes=2, k=3).tolist()
[0]
>>> weighted_knn(train, np.asarray([0, 1, 1]), test, classes=2, k=3, temperature=1.0).tolist()
[1]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor
from torch.nn import functional

from counterpoint.errors import InputError, LabelError, counted

CELLS = 2**22
"""Similarities computed at once: 16 MB of float32."""


def check_labelled(x: Shaped[np.ndarray, "_ _"], labels: Shaped[np.ndarray, " _"], *, role: str = "training") -> None:
    """Refuse vectors that cannot be scored: none, not finite, or without exactly one label each."""
    if len(x) == 0:
        raise InputError(f"There are no {role} items. A score needs some, with known labels.")
    if len(x) != len(labels):
        raise LabelError(
            f"Got {counted(len(x), f'{role} item')} but {counted(len(labels), 'label')}; give one for each."
        )
    if not np.isfinite(x).all():
        raise InputError(
            f"Some vectors of the {role} items hold NaN or infinity. If an encoder made them, its training "
            "diverged: train again with a lower learning_rate or with precision fp32."
        )


def weighted_knn(
    train: Float32[np.ndarray, "n d"],
    train_labels: Int64[np.ndarray, " n"],
    test: Float32[np.ndarray, "m d"],
    *,
    classes: int,
    k: int = 20,
    temperature: float = 0.07,
) -> Int64[np.ndarray, " m"]:
    """The class of every test item, voted by its ``k`` nearest training items.

    Labels are 0 to ``classes`` - 1. Equal votes go to the lower class; of fewer than ``k`` items, all vote.
    """
    votes = _votes(train, train_labels, test, classes=classes, k=k, temperature=temperature)
    return torch.cat([each.argmax(dim=1) for each in votes]).numpy()


def knn_shares(
    train: Float32[np.ndarray, "n d"],
    train_labels: Int64[np.ndarray, " n"],
    test: Float32[np.ndarray, "m d"],
    *,
    classes: int,
    k: int = 20,
    temperature: float = 0.07,
) -> Float32[np.ndarray, "m {classes}"]:
    """The share of the votes of ``weighted_knn`` for every class."""
    votes = _votes(train, train_labels, test, classes=classes, k=k, temperature=temperature)
    return torch.cat([each / each.sum(dim=1, keepdim=True) for each in votes]).numpy()


def _votes(
    train: Float32[np.ndarray, "n d"],
    train_labels: Int64[np.ndarray, " n"],
    test: Float32[np.ndarray, "m d"],
    *,
    classes: int,
    k: int,
    temperature: float,
) -> Iterator[Float32[Tensor, "_ {classes}"]]:
    """The votes for every class, block by block of the test items."""
    check_labelled(train, train_labels)
    if train_labels.min() < 0 or train_labels.max() >= classes:
        result = f"{train_labels.min()} to {train_labels.max()}"
        raise LabelError(f"Labels must lie in 0 to {classes - 1} for {classes} classes. Got {result}.")
    if k < 1 or temperature <= 0:
        raise InputError(f"k must be at least 1 and temperature above 0. Got k={k}, temperature={temperature}.")
    vectors, labels = _tensor(train), _tensor(train_labels)
    lengths = vectors.norm(dim=1).clamp(min=1e-12)
    rows = max(1, CELLS // len(vectors))
    for block in torch.split(_tensor(test), rows):
        similarity = (functional.normalize(block, dim=1) @ vectors.T).div_(lengths)
        nearest, places = similarity.topk(min(k, len(vectors)), dim=1)
        # Only ratios of votes matter, so the nearest has weight 1 and small temperatures cannot overflow.
        weights = torch.exp((nearest - nearest[:, :1]) / temperature)
        yield torch.zeros(len(block), classes).scatter_add_(1, labels[places], weights)


def _tensor(array: np.ndarray) -> Tensor:
    """The same memory as a tensor; read-only arrays are copied, as torch requires."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
