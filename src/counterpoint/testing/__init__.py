"""The contracts of parts, as checks that can be run on custom parts.

Each raises ``BrokenContract``, an ``AssertionError`` whose sentence says which point is broken and by how much; none
needs pytest or a network connection.

>>> from counterpoint.objectives.info_nce import info_nce
>>> check_objective(info_nce)
>>> check_objective(lambda tile: tile.similarity)
Traceback (most recent call last):
counterpoint.testing.broken.BrokenContract: An objective returns one loss per anchor, a tensor (12,). Got (12, 9).
"""

from counterpoint.testing.broken import BrokenContract as BrokenContract
from counterpoint.testing.method import check_method as check_method
from counterpoint.testing.modality import check_modality as check_modality
from counterpoint.testing.objective import check_objective as check_objective
from counterpoint.testing.processes import check_processes as check_processes
