"""Inverted lists of faiss (``IndexIVFFlat``), for ``--backend faiss``: Douze et al. 2024, arXiv:2401.08281.

Its file is read only where the same user wrote it: faiss does not claim to be safe against manipulated files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from counterpoint.errors import MissingPackage, RunError
from counterpoint.retrieval.coarse_lists import list_count, trained_centroids
from counterpoint.retrieval.exact_scan import Nearest
from counterpoint.retrieval.index_record import REMEDY
from counterpoint.storage.mapped_arrays import MappedArray

FILE = "faiss.index"
BLOCK = 2**16


class FaissLists:
    """The backend that holds the vectors of a segment in memory, in an index of faiss."""

    name = "faiss"

    def __init__(self, folder: Path, vectors: MappedArray, settings: Mapping[str, int]) -> None:
        faiss = imported()
        try:
            self._index = faiss.read_index(str(folder / FILE))
        except RuntimeError as wrong:
            raise RunError(f"'{folder / FILE}' cannot be read by faiss. {REMEDY}") from wrong
        if (self._index.ntotal, self._index.d) != vectors.array.shape:
            raise RunError(f"'{folder / FILE}' does not hold the vectors of its segment. {REMEDY}")
        self.probes = settings["probes"]

    def settings(self) -> dict[str, int]:
        """The settings of ``__init__``, as they are now."""
        return {"lists": int(self._index.nlist), "probes": self.probes}

    def grid(self) -> Iterator[dict[str, int]]:
        """Settings, from the fastest to the most thorough."""
        lists = int(self._index.nlist)
        yield from ({"probes": min(lists, 2**power)} for power in range(lists.bit_length() + 1))

    def apply(self, settings: Mapping[str, int]) -> None:
        """Search with these settings from now on."""
        self.probes = settings["probes"]

    def nearest(self, queries: Float32[np.ndarray, "q d"], k: int, allowed: Bool[np.ndarray, " n"] | None) -> Nearest:
        """As ``exact_nearest``, except for vectors in lists that are not probed."""
        faiss = imported()
        chosen = {} if allowed is None else {"sel": faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))}
        parameters = faiss.SearchParametersIVF(nprobe=self.probes, **chosen)
        similarities, rows = self._index.search(np.ascontiguousarray(queries), k, params=parameters)
        similarities = np.where(rows < 0, np.float32(-np.inf), similarities)
        return Nearest(rows.astype(np.int64), similarities.astype(np.float32))


def write_faiss_lists(folder: Path, vectors: MappedArray, *, seed: int = 0) -> dict[str, int]:
    """Write an index of faiss over the vectors of a folder; returns settings, not yet the best ones."""
    faiss = imported()
    rows, length = vectors.array.shape
    lists = list_count(rows)
    quantizer = faiss.IndexFlatIP(length)
    quantizer.add(trained_centroids(vectors, lists, seed=seed))
    index = faiss.IndexIVFFlat(quantizer, length, lists, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    for start in range(0, rows, BLOCK):
        block = np.ascontiguousarray(vectors.array[start : start + BLOCK])
        index.add(block)
        vectors.touched(block.nbytes)
    faiss.write_index(index, str(folder / FILE))
    return {"lists": lists, "probes": 1}


def imported() -> Any:
    """The module ``faiss``.

    Raises:
        MissingPackage: It is not installed.
    """
    if find_spec("faiss") is None:
        raise MissingPackage("faiss-cpu", "index")
    import faiss

    return faiss
