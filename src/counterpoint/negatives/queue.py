r"""Negatives from earlier batches, for methods without a queue: the most recent vectors of other items.

    candidates = [c; queue]      anchor i negative to every column of the queue that is of another item

He et al. 2020, arXiv:1911.05722, section 3.2, but with the encoder itself instead of an EMA encoder: vectors of earlier
batches come from the encoder of a few steps ago.  The last of a method's vectors are stored: the second view of
``simclr``, the keys where there are keys.  The queue starts empty, without random directions.
Use when: the batch is small, and the encoder changes little in the steps that the queue spans. On small data a queue of
more than a few batches did harm (figures in LOG.md).
Relations: ``bank`` keeps one vector of every item; ``moco`` has its own queue, filled by an EMA encoder.
"""

from __future__ import annotations

from torch import nn

from counterpoint.comparison import Comparison
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.negatives.extra_columns import with_extra_columns
from counterpoint.negatives.key_queue import Queue, QueueRelation
from counterpoint.plans import within


class QueueNegatives(nn.Module):
    """The last ``length`` vectors of earlier batches, as additional negatives of a comparison."""

    def __init__(self, width: int, *, length: int = 4096) -> None:
        super().__init__()
        within("length of queue", length, 1, kind=int)
        self.queue = Queue(length, width)

    def fits(self, batch_size: int, micro_batch: int) -> None:
        """Raise ``PlanError`` where the queue cannot hold a batch."""
        if batch_size > len(self.queue.vectors):
            raise PlanError(
                f"A queue of {len(self.queue.vectors)} vectors cannot hold a batch of {batch_size}. Use a longer one, "
                f"queue(length={8 * batch_size}), or a smaller --batch-size."
            )

    def forward(self, comparison: Comparison, items: ItemInfo) -> Comparison:
        """The comparison with the queue as further candidates."""
        if isinstance(comparison.relation, QueueRelation):
            raise PlanError(
                "This method has a queue of its own. Leave out --negatives; make it longer: moco(queue=8192)."
            )
        vectors, ids = self.queue.held()
        return with_extra_columns(comparison, vectors, ids)

    def after_step(self, step: Step) -> None:
        """Replace the oldest vectors by those of this step."""
        self.queue.push(step.vectors[-1], step.items.classes())
