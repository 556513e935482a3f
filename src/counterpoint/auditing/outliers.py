r"""Off-topic items: alone, or with few others, far from everything else.

    m_ij = max(|u_i - u_j|, c_i, c_j),     c_i = the distance from i to its fifth neighbour
    h_i  = the least m at which chains of such links join i to more than a tenth of all items

The distance to the nearest items misses what is foreign in numbers: of five hundred digits among pictures of clothes
each has digits around it.  So items are joined by single linkage, and it counts at what height a small cluster becomes
a part of a large one: the rule for off-topic items of SelfClean, Groeger et al. 2024, arXiv:2305.17048.  Links are
mutual reachability distances, which keep lone items from making chains: Campello, Moulavi & Sander 2013, "Density-based
clustering based on hierarchical density estimates".

Of many items some are linked, and each other item is joined to those by the lowest of its links.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from counterpoint.data.subset import spread
from counterpoint.embeddings import Embeddings
from counterpoint.retrieval.local_scaling import LEAST, unit
from counterpoint.retrieval.mixture import copy_probability
from counterpoint.retrieval.nearest import nearest

MOST = 20_000
"""Items that are linked with one another."""

LINKS, CORE = 15, 5
"""Of each item, to those nearest to it; and the one whose distance says how dense it is there."""

LARGE = 0.1
"""Share of the items above which a cluster is no small one."""


def outlier_scores(vectors: Float32[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """How isolated every item is: log h; the larger, the more."""
    z = unit(vectors - vectors.mean(axis=0))
    linked = spread(len(z), MOST)
    items = Embeddings(z[linked], [""] * len(linked))
    rows, similarity = nearest(items, z[linked], k=LINKS, skip=range(len(linked)))
    distance = _distance(similarity)
    core = distance[:, min(CORE, distance.shape[1]) - 1]
    reach = np.maximum(np.maximum(core[:, None], core[rows]), distance)
    height = _heights(z[linked], core, rows, reach)
    others = np.setdiff1d(np.arange(len(z)), linked)
    whole = np.empty(len(z))
    whole[linked] = height
    if len(others):
        rows, similarity = nearest(items, z[others], k=LINKS)
        distance = _distance(similarity)
        links = np.maximum(distance, distance[:, min(CORE, distance.shape[1]) - 1 :][:, :1])
        whole[others] = np.maximum(np.maximum(links, core[rows]), height[rows]).min(axis=1)
    return np.log(whole)


def outlier_probability(score: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """How probable it is that each item is foreign: beyond the tail that most items have (``retrieval.mixture``)."""
    return copy_probability(score, None)(score)


def _distance(similarity: Float32[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    distance: np.ndarray = np.sqrt(np.maximum(2.0 - 2.0 * similarity.astype(np.float64), LEAST**2))
    return distance


def _heights(
    z: Float32[np.ndarray, "n d"],
    core: Float64[np.ndarray, " n"],
    rows: Int64[np.ndarray, "n k"],
    reach: Float64[np.ndarray, "n k"],
) -> Float64[np.ndarray, " n"]:
    """At what height each item becomes a part of a large cluster, along the minimum spanning tree of the links."""
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
    for alone in members.values():  # that no link leads out of
        if len(alone) <= large:
            height[alone] = _outside(z, core, np.asarray(alone))
    return height


def _outside(z: Float32[np.ndarray, "n d"], core: Float64[np.ndarray, " n"], rows: Int64[np.ndarray, " m"]) -> float:
    """The lowest link from some items to all others."""
    others = np.setdiff1d(np.arange(len(z)), rows)
    index, similarity = nearest(Embeddings(z[others], [""] * len(others)), z[rows], k=1)
    links = np.maximum(np.maximum(_distance(similarity)[:, 0], core[rows]), core[others][index[:, 0]])
    return float(links.min())
