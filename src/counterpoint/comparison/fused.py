r"""The log-sum-exp of every row of a table of inner products, and its gradient, without the table.

    l_i = log sum_{j not blank} e^{<a_i, c_j>},      dl_i = sum_j e^{<a_i, c_j> - l_i} (<da_i, c_j> + <a_i, dc_j>)

Blocks of the table are made, used and overwritten; only one number per row is kept.  When a set is compared with
itself, the table is symmetric: each block above the diagonal serves its mirror image too, forwards and backwards,

    dz_i = sum_j e^{<z_i, z_j>} (g_i e^{-l_i} + g_j e^{-l_j}) z_j

which costs two products of the size of the full table instead of four.  These sums need no running maximum as long as
all exponents are bounded in float32.  Otherwise, and between two sets of vectors, every row keeps its running maximum
(Milakov & Gimelshein 2018, arXiv:1805.02867).

>>> z = torch.tensor([[1.0], [2.0]])
>>> diagonal = torch.arange(2), torch.arange(2)
>>> log_sum_exp(z, z, diagonal).tolist()  # each row has one product left, 1 x 2
[2.0, 2.0]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.autograd.function import once_differentiable

Made = TypeVar("Made")
Pairs = tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]

SIDE = 512
"""Rows and columns of a block on a CPU: with its scratch it stays in the cache of a core."""

GPU_SIDE = 4096
"""The same on an accelerator, where only large products are fast."""

EXPONENT = 40.0
"""The largest exponent that is summed without a running maximum: e^40 times a billion still fits float32."""

KEPT = 1 << 22
"""Entries of a symmetric table up to which its blocks are kept for the gradient rather than recomputed."""


ENOUGH = 16
"""Blocks per thread from which on the blocks are divided among threads."""


@dataclass(frozen=True, eq=False)
class Block:
    """A part of the table, and the flat indices in it that are left out."""

    rows: slice
    columns: slice
    blank: Int64[Tensor, " k"]


def log_sum_exp(
    anchors: Float[Tensor, "n d"], candidates: Float[Tensor, "m d"], blank: Pairs, *, side: int | None = None
) -> Float[Tensor, " n"]:
    """One value per anchor, differentiable in both sets; minus infinity where every candidate is left out.

    Args:
        anchors: Vectors (n, d) in 32 or 64 bits.
        candidates: Vectors (m, d). If they are the very tensor ``anchors``, each block serves its mirror image.
        blank: Pairs (anchor, candidate) that are left out; within one set, each pair together with its mirror image.
        side: Rows and columns of a block; by default what suits the device.
    """
    side = side or (SIDE if anchors.device.type == "cpu" else GPU_SIDE)
    if candidates is anchors and float(anchors.detach().square().sum(dim=1).max()) <= EXPONENT:
        blocks = list(_cut(blank, len(anchors), len(anchors), side, mirrored=True))
        return _Among.apply(anchors, blocks)  # type: ignore[no-any-return]
    blocks = list(_cut(blank, len(anchors), len(candidates), side, mirrored=False))
    return _Across.apply(anchors, candidates, blocks)  # type: ignore[no-any-return]


def _cut(blank: Pairs, rows: int, columns: int, side: int, *, mirrored: bool) -> Iterator[Block]:
    """The blocks of a table, each with the pairs that are left out; if mirrored, those on and above the diagonal."""
    across = -(-columns // side)
    number = blank[0] // side * across + blank[1] // side
    order = torch.argsort(number)
    width = (columns - blank[1] // side * side).clamp(max=side)
    flat = (blank[0] % side * width + blank[1] % side)[order]
    down = -(-rows // side)
    ends = torch.searchsorted(number[order], torch.arange(down * across, device=number.device), right=True).tolist()
    for above in range(down):
        for left in range(above if mirrored else 0, across):
            place = above * across + left
            start = ends[place - 1] if place else 0
            row, column = above * side, left * side
            yield Block(
                slice(row, min(row + side, rows)), slice(column, min(column + side, columns)), flat[start : ends[place]]
            )


def _products(anchors: Tensor, candidates: Tensor, block: Block, scratch: Tensor) -> Tensor:
    """One block of inner products, written into ``scratch``."""
    a, c = anchors[block.rows], candidates[block.columns]
    return torch.mm(a, c.T, out=scratch[: len(a) * len(c)].view(len(a), len(c)))


def _without(table: Tensor, block: Block, value: float) -> Tensor:
    """The block with the pairs that are left out set to ``value``."""
    table.view(-1).index_fill_(0, block.blank, value)
    return table


def _scratch(vectors: Tensor, blocks: list[Block]) -> Tensor:
    size = max(((b.rows.stop - b.rows.start) * (b.columns.stop - b.columns.start) for b in blocks), default=0)
    return vectors.new_empty(size)


def _in_threads(work: Callable[[list[Block]], Made], blocks: list[Block], device: torch.device) -> list[Made]:
    """The results of ``work`` for all blocks, in parts: on a CPU, thread k of n takes every n-th block.

    Threads that share each small product synchronise at every one of them, which beside any other process takes many
    times as long; threads with blocks of their own do not wait. The assignment of blocks is fixed, so sums are always
    added in the same order.
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    if threads == 1 or len(blocks) < ENOUGH * threads:
        return [work(blocks)]

    def alone(start: int) -> Made:
        with torch.no_grad():
            return work(blocks[start::threads])

    try:
        return list(_pool(threads, os.getpid()).map(alone, range(threads)))
    finally:
        torch.set_num_threads(threads)  # threads that start later inherit the last setting


@lru_cache(maxsize=1)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Single-threaded workers; a forked process needs its own pool."""
    return ThreadPoolExecutor(threads, "counterpoint", torch.set_num_threads, (1,))


class _Among(torch.autograd.Function):
    """One set of vectors compared with itself: each block is used for both halves of the table."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, blocks: list[Block]) -> Tensor:
        kept: dict[Block, Tensor] = {}
        keep = ctx.needs_input_grad[0] and len(z) ** 2 <= KEPT

        def sums(diagonal: list[Block]) -> Tensor:
            total, scratch = z.new_zeros(len(z)), z.new_empty(0) if keep else _scratch(z, diagonal)
            for block in diagonal:
                table = _exponentials(z, block, _scratch(z, [block]) if keep else scratch)
                total[block.rows] += table.sum(dim=1)
                if block.rows != block.columns:
                    total[block.columns] += table.sum(dim=0)
                if keep:
                    kept[block] = table
            return total

        total = torch.stack(_in_threads(sums, blocks, z.device)).sum(dim=0)
        ctx.save_for_backward(z, total)
        ctx.blocks, ctx.kept = blocks, kept
        return total.log()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        z, total = ctx.saved_tensors
        weight = torch.where(total > 0, gradient / total, 0.0)

        def slopes(diagonal: list[Block]) -> Tensor:
            made, scratch, factor = torch.zeros_like(z), _scratch(z, diagonal), _scratch(z, diagonal)
            for block in diagonal:
                table = ctx.kept[block] if ctx.kept else _exponentials(z, block, scratch)
                both = factor[: table.numel()].view_as(table)
                torch.add(weight[block.rows, None], weight[None, block.columns], out=both)
                both.mul_(table)
                made[block.rows].addmm_(both, z[block.columns])
                if block.rows != block.columns:
                    made[block.columns].addmm_(both.T, z[block.rows])
            return made

        return torch.stack(_in_threads(slopes, ctx.blocks, z.device)).sum(dim=0), None


def _exponentials(z: Tensor, block: Block, scratch: Tensor) -> Tensor:
    return _without(_products(z, z, block, scratch).exp_(), block, 0.0)


class _Across(torch.autograd.Function):
    """Anchors against other candidates, with a running maximum per row."""

    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, blocks: list[Block]) -> Tensor:

        def sums(diagonal: list[Block]) -> Tensor:
            scratch = _scratch(anchors, diagonal)
            top = anchors.new_full((len(anchors),), -torch.inf)
            total = anchors.new_zeros(len(anchors))
            for block in diagonal:
                table = _without(_products(anchors, candidates, block, scratch), block, -torch.inf)
                before = top[block.rows]
                higher = torch.maximum(before, table.amax(dim=1))
                shift = torch.where(higher.isneginf(), 0.0, higher)
                fresh = table.sub_(shift[:, None]).exp_().sum(dim=1)
                total[block.rows] = total[block.rows] * torch.exp(before - shift) + fresh
                top[block.rows] = higher
            return top + total.log()

        result = torch.stack(_in_threads(sums, blocks, anchors.device)).logsumexp(dim=0)
        ctx.save_for_backward(anchors, candidates, result)
        ctx.blocks = blocks
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        anchors, candidates, result = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        shift = torch.where(result.isneginf(), 0.0, result)

        def slopes(diagonal: list[Block]) -> tuple[Tensor, Tensor]:
            made, passed, scratch = torch.zeros_like(anchors), torch.zeros_like(candidates), _scratch(anchors, diagonal)
            for block in diagonal:
                table = _without(_products(anchors, candidates, block, scratch), block, -torch.inf)
                table.sub_(shift[block.rows, None]).exp_().mul_(gradient[block.rows, None])
                if wanted[0]:
                    made[block.rows].addmm_(table, candidates[block.columns])
                if wanted[1]:
                    passed[block.columns].addmm_(table.T, anchors[block.rows])
            return made, passed

        made, passed = zip(*_in_threads(slopes, ctx.blocks, anchors.device), strict=True)
        return sum(made[1:], made[0]), sum(passed[1:], passed[0]), None
