r"""Outliers: items that are isolated from most others, alone or in a small cluster.

    m_ij    = max(|u_i - u_j|, c_i, c_j),     c_i = the distance from i to its fifth neighbour
    h_i     = the least m such that chains of links of at most m join i to more than a tenth of all items
    score_i = sum over spaces of log(h_i / h) / b,     h the median, b log 2 = the median of log(h_i / h) above zero

The distance to the nearest items misses off-topic items that are numerous: each of five hundred digits among images of
clothes has digits around it.  So items are joined by single linkage, and the score is the height at which a small
cluster joins a large one: the rule of SelfClean, Groeger et al. 2024, arXiv:2305.17048.  Mutual reachability distances
prevent chains of lone items: Campello, Moulavi & Sander 2013, "Density-based clustering based on hierarchical density
estimates".  The spaces are whitened vectors and, where there is data, plain features: a model is trained to ignore some
of what outliers differ in.  b is the width of an exponential tail, which brings the spaces to one scale.

Of many items a sample is linked; every other item joins it by its lowest link.

    P_i = 1 - 1 / g(S(score_i)),     S(s) = 1/2 exp(-log 5 (s / x)^1.5) for s > 0,     x the ninth decile of the scores

S is the survival function of items that are no outliers, and g the decreasing density of all S(score_i) (Grenander's
estimator): the local false discovery rate of Strimmer 2008, "A unified approach to false discovery rate estimation".
The exponent is between those of an exponential and a normal tail, as it is of images, texts, series and tables.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from counterpoint.data.subset import spread
from counterpoint.retrieval.local_scaling import centred, distances, whitened
from counterpoint.retrieval.nearest import neighbours

MOST = 20_000
"""The most items that are linked with each other."""

LINKS, CORE = 15, 5
"""Nearest neighbours that every item is linked to, and the one whose distance is c."""

LARGE = 0.1
"""Share of the items above which a cluster is large."""

TAIL, SHAPE = 0.9, 1.5
"""The quantile that scales the null distribution of scores, and its exponent."""


def outlier_scores(
    vectors: Float32[np.ndarray, "n d"], features: Float32[np.ndarray, "n f"] | None = None
) -> Float[np.ndarray, " n"]:
    """How isolated every item is; larger is more.

    Args:
        vectors: One for every item.
        features: Plain features of every item, where there is data.
    """
    score = _standardised(_isolation(whitened(vectors).unit))
    return score if features is None else score + _standardised(_isolation(centred(features).unit))


def outlier_probability(score: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """P of every item: one less the local false discovery rate, with the tail of most items as the null distribution.

    Few outliers raise no quantile up to the ninth decile much, so x is estimated from all items.
    """
    from sklearn.isotonic import IsotonicRegression

    excess = np.maximum(score - np.median(score), 0)
    x = max(float(np.quantile(excess, TAIL)), 1e-9)
    null = np.where(excess > 0, 0.5 * np.exp(np.log(2 * (1 - TAIL)) * (excess / x) ** SHAPE), 1.0)
    p, place, count = np.unique(null, return_inverse=True, return_counts=True)
    gap = np.maximum(np.diff(p, prepend=0), 1e-300)
    g = IsotonicRegression(increasing=False).fit_transform(p, count / (len(score) * gap), sample_weight=gap)
    probability: np.ndarray = np.where(excess > 0, 1 - 1 / np.maximum(g, 1)[place.reshape(-1)], 0)
    return probability


def _standardised(log_height: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """In widths of the tail above the median."""
    excess = log_height - np.median(log_height)
    width = float(np.median(excess[excess > 0])) / np.log(2) if (excess > 0).any() else 1.0
    result: np.ndarray = excess / width
    return result


def _isolation(z: Float32[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """The logarithm of h of every item."""
    linked = spread(len(z), MOST)
    rows, similarity = neighbours(z[linked], z[linked], k=LINKS, skip=range(len(linked)))
    distance = distances(similarity.astype(np.float64))
    core = distance[:, min(CORE, distance.shape[1]) - 1]
    reach = np.maximum(np.maximum(core[:, None], core[rows]), distance)
    height = np.empty(len(z))
    height[linked] = _heights(z[linked], core, rows, reach)
    others = np.setdiff1d(np.arange(len(z)), linked)
    if len(others):
        rows, similarity = neighbours(z[linked], z[others], k=LINKS)
        distance = distances(similarity.astype(np.float64))
        links = np.maximum(distance, distance[:, [min(CORE, distance.shape[1]) - 1]])
        height[others] = np.maximum(np.maximum(links, core[rows]), height[linked][rows]).min(axis=1)
    return np.log(height)


def _heights(
    z: Float32[np.ndarray, "n d"],
    core: Float64[np.ndarray, " n"],
    rows: Int64[np.ndarray, "n k"],
    reach: Float64[np.ndarray, "n k"],
) -> Float64[np.ndarray, " n"]:
    """The height h of every item, along the minimum spanning tree of the links."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    count, large = len(z), LARGE * len(z)
    one = np.repeat(np.arange(count), rows.shape[1])
    tree = minimum_spanning_tree(csr_array((reach.reshape(-1), (one, rows.reshape(-1))), shape=(count, count))).tocoo()
    cluster, members, height = np.arange(count), {row: [row] for row in range(count)}, np.full(count, np.nan)
    for link in np.argsort(tree.data, kind="stable"):
        a, b = (int(cluster[end[link]]) for end in (tree.row, tree.col))
        a, b = (a, b) if len(members[a]) >= len(members[b]) else (b, a)
        if len(members[a]) + len(members[b]) > large:
            for each in (a, b):
                if len(members[each]) <= large:
                    height[members[each]] = tree.data[link]
        cluster[members[b]] = a
        members[a] += members.pop(b)
    for isolated in members.values():  # clusters without a link to others
        if len(isolated) <= large:
            height[isolated] = _lowest_link(z, core, np.asarray(isolated))
    return height


def _lowest_link(
    z: Float32[np.ndarray, "n d"], core: Float64[np.ndarray, " n"], rows: Int64[np.ndarray, " m"]
) -> float:
    """The lowest link from some items to the others."""
    others = np.setdiff1d(np.arange(len(z)), rows)
    index, similarity = neighbours(z[others], z[rows], k=1)
    links = np.maximum(
        np.maximum(distances(similarity.astype(np.float64))[:, 0], core[rows]), core[others][index[:, 0]]
    )
    return float(links.min())
