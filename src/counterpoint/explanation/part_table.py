r"""What each part of an item does to its vector: one table per item, from which every pair of items is explained.

    f(S)   unit vector (d,) of the item of which the parts S are kept
    a_i  = E[f(S) | i in S] - E[f(S) | i not in S],       every other part in S with probability 1/2

is the Banzhaf value of part i (Banzhaf 1965, "Weighted voting doesn't work"; Wang & Jia 2023, arXiv:2205.15466), with a
vector for a value.  For a second item with parts T the masks are independent, so the Banzhaf interaction (Grabisch &
Roubens 1999; for two encoders FIxLIP, Baniecki et al. 2025, arXiv:2508.05430) of part i of the one and part j of the
other in the game g(S, T) = f(S) . f'(T) is exactly

    E[D_i f(S) . D_j f'(T)] = E[D_i f(S)] . E[D_j f'(T)] = a_i . b_j,       D_i f(S) = f(S + i) - f(S - i).

It is estimated by least squares.  With z = +1 for parts that are kept and -1 for the others, and pairs k of opposite
masks, whose half difference is y_k = (f(S_k) - f(not S_k)) / 2,

    a = 2 (Z^T Z)^{-1} Z^T Y,       e = Y - Z a / 2,
    var(a_i . b) = sum_k G_ik^2 (e_k . b)^2 / (1 - l_k)^2,     G = 2 (Z^T Z)^{-1} Z^T,  l_k = z_k (Z^T Z)^{-1} z_k^T

the last as it is known as HC3 (MacKinnon & White 1985), to which a bootstrap over the pairs of masks tends.  Where all
masks can be tried they are, and nothing is estimated.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64
from torch import Tensor

from counterpoint.errors import InputError, SourceError
from counterpoint.explanation import masks
from counterpoint.explanation.masked_vectors import MaskedItem
from counterpoint.storage.files import expanded, replacing
from counterpoint.storage.limits import require_zip

FRESH = 256
"""Masks on which a table is tested: none of those it was made from."""

FEWEST, MOST = 16, 2**16
"""Masks that a table can be made from; and for each part at least four."""


@dataclass(frozen=True)
class PartTable:
    """What the parts of an item do to its vector; a table of another item, with other masks, makes a pair of it."""

    model: str
    """The fingerprint of the model."""
    stream: int
    """Which random masks it was made from; a pair of items needs two that are different."""
    names: np.ndarray
    """What the parts are called (n,)."""
    values: Float64[np.ndarray, "n d"]
    """Row i is a_i."""
    mean: Float64[np.ndarray, " d"]
    """E f(S)."""
    whole: Float64[np.ndarray, " d"]
    """f of all parts."""
    weights: Float64[np.ndarray, "n k"]
    """The G of the formula, divided by 1 - l; no columns where all masks were tried."""
    residuals: Float64[np.ndarray, "k d"]
    """The e of the formula."""
    fresh: Bool[np.ndarray, "q n"]
    """Masks to test it on."""
    fresh_vectors: Float64[np.ndarray, "q d"]
    """f of those."""

    def predicted(self, kept: Bool[np.ndarray, "m n"]) -> Float64[np.ndarray, "m d"]:
        """The surrogate of f: mean + sum_i (s_i - 1/2) a_i."""
        return self.mean + (kept - 0.5) @ self.values

    def save(self, path: str | Path) -> Path:
        """Write all of it as .npz, whole or not at all."""
        target = expanded(path)
        with replacing(target) as temporary, temporary.open("wb") as file:
            np.savez(file, **{each.name: getattr(self, each.name) for each in fields(self)})
        return target

    @classmethod
    def load(cls, path: str | Path) -> PartTable:
        """Read what ``save`` wrote.

        Raises:
            SourceError: The file holds something else.
        """
        file = expanded(path)
        try:
            require_zip(file)
            with np.load(file, allow_pickle=False) as archive:
                held = {each.name: archive[each.name] for each in fields(cls)}
                table = cls(**{**held, "model": str(held["model"]), "stream": int(held["stream"])})
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as wrong:
            raise SourceError(f"'{file}' holds no table of parts: {wrong}. Make it anew.") from wrong
        table._require_shapes(file)
        return table

    def _require_shapes(self, file: Path) -> None:
        n, d, k, q = len(self.names), *self.whole.shape[-1:], len(self.residuals), len(self.fresh)
        wanted = {
            "names": (n,),
            "values": (n, d),
            "mean": (d,),
            "whole": (d,),
            "weights": (n, k),
            "residuals": (k, d),
            "fresh": (q, n),
            "fresh_vectors": (q, d),
        }
        for name, shape in wanted.items():
            held = getattr(self, name)
            kind = {"names": "U", "fresh": "b"}.get(name, "f")
            if held.shape != shape or held.dtype.kind != kind:
                raise SourceError(
                    f"'{file}' holds no table of parts: '{name}' is {held.dtype}{held.shape}. Make it anew."
                )


def part_table(item: MaskedItem, *, count: int, seed: int, stream: int) -> PartTable:
    """The table of an item, from so many masks or from all there are.

    Tables of two items are independent, as a pair needs it, if they have different streams.

    Raises:
        InputError: There are too few masks for its parts, or too many.
    """
    parts = len(item.parts.names)
    complete = item.parts.draws == 1 and parts <= FEWEST and 2**parts <= count
    if not complete and not max(FEWEST, 4 * parts) <= count <= MOST:
        raise InputError(
            f"An item of {parts} parts is explained from {max(FEWEST, 4 * parts)} to {MOST} masks. Got masks={count}."
        )
    kept = masks.every(parts) if complete else masks.antithetic(parts, count, seed=seed, stream=2 * stream)
    vectors = item.vectors(kept, masks.keys(len(kept), seed=seed, stream=2 * stream))
    values, weights, residuals = regressed(kept, vectors)
    if complete:
        weights, residuals = weights[:, :0], residuals[:0]
    fresh = masks.independent(parts, FRESH, seed=seed, stream=2 * stream + 1)
    return PartTable(
        model=item.model.fingerprint(),
        stream=stream,
        names=np.asarray(item.parts.names, dtype=np.str_),
        values=values,
        mean=vectors.mean(axis=0),
        whole=item.whole,
        weights=weights,
        residuals=residuals,
        fresh=fresh.numpy(),
        fresh_vectors=item.vectors(fresh, masks.keys(FRESH, seed=seed, stream=2 * stream + 1)),
    )


def regressed(
    kept: Bool[Tensor, "m n"], vectors: Float64[np.ndarray, "m d"]
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n k"], Float64[np.ndarray, "k d"]]:
    """The values a, the weights G / (1 - l) and the residuals e of masks, the second half opposites of the first.

    >>> import torch
    >>> regressed(torch.tensor([[True, True], [True, False], [False, False], [False, True]]),
    ...     np.array([[7.0], [4.0], [0.0], [3.0]]))[0].tolist()
    [[4.0], [3.0]]
    """
    half = len(kept) // 2
    z = 2.0 * kept[:half].numpy() - 1
    y = (vectors[:half] - vectors[half:]) / 2
    solved: np.ndarray = np.linalg.pinv(z)
    leverage = np.einsum("kn,nk->k", z, solved)
    return 2 * solved @ y, 2 * solved / np.maximum(1 - leverage, 1e-9), y - z @ (solved @ y)
