"""The comparison of n anchors with m candidates: positives, negatives, similarities; and its loss."""

from counterpoint.comparison.relations import Relation as Relation
from counterpoint.comparison.relations import SameItem as SameItem
from counterpoint.comparison.relations import SparsePairs as SparsePairs
from counterpoint.comparison.relations import same_item as same_item
from counterpoint.comparison.similarity import Inner as Inner
from counterpoint.comparison.similarity import Similarity as Similarity
from counterpoint.comparison.similarity import cosine as cosine
from counterpoint.comparison.similarity import dot as dot
from counterpoint.comparison.similarity import euclidean as euclidean
from counterpoint.comparison.similarity import unit as unit
from counterpoint.comparison.similarity import wide as wide
from counterpoint.comparison.table import Comparison as Comparison
from counterpoint.comparison.table import Objective as Objective
from counterpoint.comparison.table import Sieve as Sieve
from counterpoint.comparison.table import Tile as Tile
