r"""Label spreading: a teacher's predictions, averaged with those of the nearest items, before distillation.

    P <- a W P + (1 - a) P_0,    W_ij = e^{z_i . z_j / t} / sum of the same over the k items nearest to i

Zhou et al. 2004, "Learning with local and global consistency", eq. 1, for a few rounds; Iscen et al. 2019,
arXiv:1904.04717, train a network with it.  The fewer labels a teacher was trained on, the more neighbours add to its
prediction: a = 1 / (1 + l / 30) for l labels per class.
Use when: labels are few.   Relations: with a = 0 predictions are unchanged.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from counterpoint.data.subset import spread

ROUNDS = 2
"""More rounds spread mistakes too."""

SHARPNESS = 0.1
"""t: the temperature of the weights of neighbours."""

EVEN = 30
"""Labels per class at which a teacher's own prediction has the same weight as those of its neighbours."""

MOST = 65_536
"""Items among which neighbours are searched, evenly spread where there are more."""

BLOCK = 1024


def share_of_neighbours(labels: int, classes: int) -> float:
    """The weight of the neighbours' predictions, by the number of labels that the teacher was trained on; 0 where
    that is unknown.

    >>> [round(share_of_neighbours(count, 10), 2) for count in (10, 300, 60_000)]
    [0.97, 0.5, 0.0]
    """
    return 1 / (1 + labels / classes / EVEN) if labels else 0.0


def spread_answers(
    likely: Float32[np.ndarray, "n k"], vectors: Float32[np.ndarray, "n d"], *, neighbours: int, share: float
) -> Float32[np.ndarray, "n k"]:
    """The averaged predictions; ``vectors`` have length 1, ``share`` is the weight of the neighbours.

    >>> likely = np.asarray([[1, 0], [1, 0], [0.4, 0.6]], dtype=np.float32)
    >>> vectors = np.asarray([[1, 0], [1, 0], [1, 0]], dtype=np.float32)
    >>> [f"{first:.2f}" for first, second in spread_answers(likely, vectors, neighbours=2, share=0.5)]
    ['0.89', '0.89', '0.62']
    """
    test = spread(len(vectors), MOST)
    near, weight = nearest(vectors, test, min(neighbours, len(test) - 1))
    initial = torch.from_numpy(likely)
    answers = initial
    for _ in range(ROUNDS):
        train = answers[torch.from_numpy(test)]
        shared = torch.zeros_like(initial)
        for place in range(near.shape[1]):  # one neighbour at a time, to avoid a table of items, neighbours and classes
            shared += weight[:, place, None] * train[near[:, place]]
        answers = share * shared + (1 - share) * initial
    return answers.numpy()


def nearest(
    vectors: Float32[np.ndarray, "n d"], test: Int64[np.ndarray, " m"], count: int
) -> tuple[Int64[Tensor, "n c"], Float32[Tensor, "n c"]]:
    """For each item its nearest neighbours among the candidates, by index, without itself; and their weights."""
    every = torch.from_numpy(vectors)
    others = every[test].T
    near, weight = [], []
    place = torch.full((len(every),), -1)
    place[test] = torch.arange(len(test))
    for start in range(0, len(every), BLOCK):
        alike = every[start : start + BLOCK] @ others
        here = place[start : start + BLOCK]
        (rows,) = torch.nonzero(here >= 0, as_tuple=True)
        alike[rows, here[rows]] = -torch.inf
        result = alike.topk(count, dim=1)
        near.append(result.indices)
        weight.append((result.values / SHARPNESS).softmax(dim=1))
    return torch.cat(near), torch.cat(weight)
