r"""Negatives from earlier batches, for methods without a queue: the last vectors of other items.

    candidates = [c; queue]      anchor i negative to every column of the queue that shows another item

He et al. 2020, arXiv:1911.05722, section 3.2, but with the encoder itself in place of a slow copy: vectors of earlier
batches are those of an encoder a few steps ago.  Of a method's vectors the last are kept: the second view of
``simclr``, the keys where there are keys.  The queue begins empty, with no random directions in it.
Use when: the batch is small, and the encoder moves little in the steps that the queue spans. On small data a queue of
more than a few batches did harm (figures in LOG.md).
Relations: ``bank`` keeps one vector of every item; ``moco`` has a queue of its own, with a slow copy to fill it.
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
    """The last ``length`` vectors of the batches before, as negatives beside those of a comparison."""

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
        """The comparison with the queue beside it."""
        if isinstance(comparison.relation, QueueRelation):
            raise PlanError(
                "This method has a queue of its own. Leave out --negatives; make it longer: moco(queue=8192)."
            )
        vectors, ids = self.queue.held()
        return with_extra_columns(comparison, vectors, ids)

    def after_step(self, step: Step) -> None:
        """Let the oldest vectors go for those of this step."""
        self.queue.push(step.vectors[-1], step.items.classes())
