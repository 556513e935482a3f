"""Vectors with names: what a model makes of items. Saved as an .npz that any NumPy reads, without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from counterpoint.errors import InputError, SourceError, closest
from counterpoint.files import replacing


@dataclass(frozen=True, repr=False)
class Embeddings:
    """Unit vectors (n, d) float32, the name of each, and the fingerprint of the model that made them.

    >>> z = Embeddings(np.eye(3, dtype=np.float32), ["a", "b", "c"])
    >>> len(z), z["b"].tolist()
    (3, [0.0, 1.0, 0.0])
    """

    vectors: Float32[np.ndarray, "n d"]
    names: Sequence[str]
    model: str = ""

    def __post_init__(self) -> None:
        if len(self.vectors) != len(self.names):
            raise InputError(f"There are {len(self.vectors)} vectors but {len(self.names)} names; give one for each.")

    def __repr__(self) -> str:
        return f"Embeddings({len(self)} x {self.vectors.shape[1]}, model {self.model[:12]})"

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Float32[np.ndarray, " d"]:
        return self.vectors[self.place(name)]  # type: ignore[no-any-return]

    def place(self, name: str) -> int:
        """The row of the item with this name."""
        try:
            return list(self.names).index(name)
        except ValueError:
            raise InputError(f"No item is called '{name}'.{closest(name, self.names)}") from None

    def subset(self, rows: Sequence[int]) -> Embeddings:
        """Some of the items, in this order."""
        return Embeddings(self.vectors[np.asarray(rows)], [self.names[row] for row in rows], self.model)

    def save(self, path: str | Path) -> Path:
        """Write ``vectors``, ``names`` and ``model`` as .npz, whole or not at all."""
        target = Path(path)
        with replacing(target) as temporary, temporary.open("wb") as file:
            np.savez(file, vectors=self.vectors, names=np.asarray(self.names, dtype=np.str_), model=self.model)
        return target

    @classmethod
    def load(cls, path: str | Path) -> Embeddings:
        """Read what ``save`` wrote."""
        try:
            archive = np.load(path, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it is a single array")
            with archive:
                return cls(archive["vectors"], archive["names"].tolist(), str(archive["model"]))
        except (OSError, ValueError, KeyError, EOFError) as wrong:
            raise SourceError(
                f"'{path}' does not hold embeddings: {wrong}. Make it with 'counterpoint embed'."
            ) from wrong
