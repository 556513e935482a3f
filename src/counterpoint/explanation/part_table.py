r"""The effect of each part of an item on its vector: one table per item, from which every pair of items is explained.

    f(S)   unit vector (d,) of the item of which the parts S are kept
    a_i  = E[f(S) | i in S] - E[f(S) | i not in S],       every other part in S with probability 1/2

is the Banzhaf value of part i (Banzhaf 1965, "Weighted voting doesn't work"; Wang & Jia 2023, arXiv:2205.15466) of a
vector-valued game.  For a second item with parts T the masks are independent, so the Banzhaf interaction (Grabisch &
Roubens 1999; for two encoders FIxLIP, Baniecki et al. 2025, arXiv:2508.05430) of part i of one and part j of the other
in the game g(S, T) = f(S) . f'(T) is exactly

    E[D_i f(S) . D_j f'(T)] = E[D_i f(S)] . E[D_j f'(T)] = a_i . b_j,       D_i f(S) = f(S + i) - f(S - i).

It is estimated by least squares.  With z = +1 for parts that are kept and -1 for the others, and pairs k of
complementary masks, whose half difference is y_k = (f(S_k) - f(not S_k)) / 2,

    a = 2 (Z^T Z)^{-1} Z^T Y,       e = Y - Z a / 2,
    var(a_i . b) = sum_k G_ik^2 (e_k . b)^2 / (1 - l_k)^2,     G = 2 (Z^T Z)^{-1} Z^T,  l_k = z_k (Z^T Z)^{-1} z_k^T

which is HC3 (MacKinnon & White 1985), the limit of a bootstrap over the pairs of masks.  Where the number of masks
allows all of them, the values are exact.
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

HELD_OUT = 256
"""Random masks that a table is tested on."""

FEWEST, MOST = 16, 2**16
"""Masks that a table is estimated from; and at least four for each part."""


@dataclass(frozen=True)
class PartTable:
    """The effects of the parts of one item; with the table of another item they explain the pair."""

    model: str
    """The fingerprint of the model."""
    stream: int
    """The stream of random masks it is estimated from; the two tables of a pair have different ones."""
    names: np.ndarray
    """The names of the parts (n,)."""
    values: Float64[np.ndarray, "n d"]
    """Row i is a_i."""
    mean: Float64[np.ndarray, " d"]
    """E f(S)."""
    unmasked: Float64[np.ndarray, " d"]
    """f of all parts."""
    weights: Float64[np.ndarray, "n k"]
    """G / (1 - l); no columns where the values are exact."""
    residuals: Float64[np.ndarray, "k d"]
    """e."""
    held_out: Bool[np.ndarray, "q n"]
    """Masks that the values are not estimated from."""
    held_out_vectors: Float64[np.ndarray, "q d"]
    """f of those."""

    def predicted(self, kept: Bool[np.ndarray, "m n"]) -> Float64[np.ndarray, "m d"]:
        """The surrogate of f: mean + sum_i (s_i - 1/2) a_i."""
        result: np.ndarray = self.mean + (kept - 0.5) @ self.values
        return result

    def save(self, path: str | Path) -> Path:
        """Write the table as .npz, atomically."""
        target = expanded(path)
        with replacing(target) as temporary, temporary.open("wb") as file:
            np.savez(file, **{each.name: getattr(self, each.name) for each in fields(self)})
        return target

    @classmethod
    def load(cls, path: str | Path) -> PartTable:
        """Read what ``save`` wrote.

        Raises:
            SourceError: The file is something else, or damaged.
        """
        file = expanded(path)
        try:
            require_zip(file)
            with np.load(file, allow_pickle=False) as archive:
                values = {each.name: archive[each.name] for each in fields(cls)}
                table = cls(**{**values, "model": str(values["model"]), "stream": int(values["stream"])})
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as wrong:
            raise SourceError(f"'{file}' is no table of parts: {wrong}. Delete it; it is computed again.") from wrong
        table._require_shapes(file)
        return table

    def _require_shapes(self, file: Path) -> None:
        n, d, k, q = len(self.names), *self.unmasked.shape[-1:], len(self.residuals), len(self.held_out)
        expected = {
            "names": (n,),
            "values": (n, d),
            "mean": (d,),
            "unmasked": (d,),
            "weights": (n, k),
            "residuals": (k, d),
            "held_out": (q, n),
            "held_out_vectors": (q, d),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            kind = {"names": "U", "held_out": "b"}.get(name, "f")
            if array.shape != shape or array.dtype.kind != kind:
                raise SourceError(
                    f"'{file}' is no table of parts: '{name}' is {array.dtype}{array.shape}. Delete it; it is computed "
                    "again."
                )


def part_table(item: MaskedItem, *, count: int, seed: int, stream: int) -> PartTable:
    """The table of an item, from ``count`` masks, or from all masks where there are at most ``count``.

    Raises:
        InputError: There are too few masks for its parts, or too many.
    """
    parts = len(item.parts.names)
    exact = item.parts.draws == 1 and parts <= FEWEST and 2**parts <= count
    if not exact and not max(FEWEST, 4 * parts) <= count <= MOST:
        raise InputError(
            f"An item of {parts} parts is explained from {max(FEWEST, 4 * parts)} to {MOST} masks. Got masks={count}."
        )
    kept = masks.every(parts) if exact else masks.antithetic(parts, count, seed=seed, stream=2 * stream)
    vectors = item.vectors(kept, masks.keys(len(kept), seed=seed, stream=2 * stream))
    values, weights, residuals = regressed(kept, vectors)
    if exact:
        weights, residuals = weights[:, :0], residuals[:0]
    held_out = masks.independent(parts, HELD_OUT, seed=seed, stream=2 * stream + 1)
    return PartTable(
        model=item.model.fingerprint(),
        stream=stream,
        names=np.asarray(item.parts.names, dtype=np.str_),
        values=values,
        mean=vectors.mean(axis=0),
        unmasked=item.unmasked,
        weights=weights,
        residuals=residuals,
        held_out=held_out.numpy(),
        held_out_vectors=item.vectors(held_out, masks.keys(HELD_OUT, seed=seed, stream=2 * stream + 1)),
    )


def regressed(
    kept: Bool[Tensor, "m n"], vectors: Float64[np.ndarray, "m d"]
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n k"], Float64[np.ndarray, "k d"]]:
    """The values a, the weights G / (1 - l) and the residuals e; the second half of the masks are complements.

    >>> import torch
    >>> regressed(torch.tensor([[True, True], [True, False], [False, False], [False, True]]),
    ...     np.array([[7.0], [4.0], [0.0], [3.0]]))[0].round(6).tolist()
    [[4.0], [3.0]]
    """
    half = len(kept) // 2
    z = 2.0 * kept[:half].numpy() - 1
    y = (vectors[:half] - vectors[half:]) / 2
    solved: np.ndarray = np.linalg.pinv(z)
    leverage = np.einsum("kn,nk->k", z, solved)
    return 2 * solved @ y, 2 * solved / np.maximum(1 - leverage, 1e-9), y - z @ (solved @ y)
