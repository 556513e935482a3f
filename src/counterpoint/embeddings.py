"""Named vectors: the output of a model. Saved as .npz, readable by NumPy without pickle."""

from __future__ import annotations

import dataclasses
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from counterpoint.errors import InputError, SourceError, closest, counted
from counterpoint.output.html import html_table
from counterpoint.storage.files import expanded, is_there, replacing
from counterpoint.storage.limits import require_zip
from counterpoint.storage.reading_errors import door


@dataclass(frozen=True, repr=False)
class Embeddings:
    """Unit vectors (n, d) float32, their names, and the fingerprint of the model that made them.

    >>> z = Embeddings(np.eye(3, dtype=np.float32), ["a", "b", "c"])
    >>> len(z), z["b"].tolist()
    (3, [0.0, 1.0, 0.0])
    """

    vectors: Float32[np.ndarray, "n d"]
    names: Sequence[str]
    model: str = ""
    source: str = ""
    """A hash of the data they were made from, where known: for shards of a source."""
    groups: Sequence[str] | None = None
    """The group of each item, which no split may separate, "" for an item without one; None where unknown."""

    def __post_init__(self) -> None:
        if len(self.vectors) != len(self.names):
            raise InputError(
                f"Got {counted(len(self.vectors), 'vector')} but {counted(len(self.names), 'name')}; give one for each."
            )
        if self.groups is not None and len(self.groups) != len(self.names):
            raise InputError(f"Got {counted(len(self.groups), 'group')} of {counted(len(self.names), 'vector')}.")
        require_finite(self.vectors, self.names)

    def __repr__(self) -> str:
        return f"Embeddings({len(self)} x {self.vectors.shape[1]}, model {self.model[:12]})"

    def _repr_html_(self) -> str:
        shape = f"{len(self):,} x {self.vectors.shape[1]}, float32"
        first = ", ".join(self.names[:3]) + (", ..." if len(self) > 3 else "")
        return html_table("Embeddings", [("vectors", shape), ("names", first), ("model", self.model[:12])])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Float32[np.ndarray, " d"]:
        return self.vectors[self.place(name)]  # type: ignore[no-any-return]

    @cached_property
    def lengths(self) -> Float32[np.ndarray, " n"]:
        """The length of every vector, cached: 1 up to rounding, and 0 for items that could not be embedded."""
        lengths: np.ndarray = np.linalg.norm(self.vectors, axis=1).astype(np.float32)
        return lengths

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The row of every name; of duplicate names the first."""
        return {name: row for row, name in reversed(list(enumerate(self.names)))}

    def place(self, name: str) -> int:
        """The row of the item with this name."""
        try:
            return self.places[name]
        except KeyError:
            raise InputError(f"No item is called '{name}'.{closest(name, self.names)}") from None

    def subset(self, rows: Sequence[int]) -> Embeddings:
        """Some of the items, in this order."""
        groups = None if self.groups is None else [self.groups[row] for row in rows]
        names = [self.names[row] for row in rows]
        return Embeddings(self.vectors[np.asarray(rows)], names, self.model, groups=groups)

    def shortened(self, length: int) -> Embeddings:
        """The first ``length`` entries of each vector, normalised, for a model trained with ``--matryoshka``.

        >>> Embeddings(np.array([[3, 4, 12]], dtype=np.float32), ["a"]).shortened(2).vectors.round(1).tolist()
        [[0.6000000238418579, 0.800000011920929]]
        """
        most = self.vectors.shape[1]
        if not 1 <= length <= most:
            raise InputError(f"The vectors have {most} numbers. Got a length of {length}.")
        return dataclasses.replace(self, vectors=unit(self.vectors[:, :length]))

    def save(self, path: str | Path) -> Path:
        """Write ``vectors``, ``names``, ``model``, ``source`` and ``groups``, where known, as .npz, atomically."""
        target = expanded(path)
        names = np.asarray(self.names, dtype=np.str_)
        more: dict[str, Any] = {} if self.groups is None else {"groups": np.asarray(self.groups, dtype=np.str_)}
        with replacing(target) as temporary, temporary.open("wb") as file:
            np.savez(file, vectors=self.vectors, names=names, model=self.model, source=self.source, **more)
        return target

    @classmethod
    def merge(cls, parts: Mapping[str, Embeddings]) -> Embeddings:
        """The concatenation of several embeddings, whose keys are names for messages.

        Raises:
            InputError: There are none, they are of different models, or two items have the same name.

        >>> one, two = (Embeddings(np.eye(2, dtype=np.float32), list(names)) for names in ("ab", "cd"))
        >>> Embeddings.merge({"one": one, "two": two}).names
        ['a', 'b', 'c', 'd']
        """
        if not parts:
            raise InputError("There are no embeddings to merge. Give at least one part.")
        called, first = next(iter(parts.items()))
        for name, part in parts.items():
            if (part.model, part.vectors.shape[1]) != (first.model, first.vectors.shape[1]):
                raise InputError(f"'{called}' and '{name}' are vectors of different models. Embed all with one model.")
        names = [name for part in parts.values() for name in part.names]
        if len(set(names)) < len(names):
            twice, _ = Counter(names).most_common(1)[0]
            places = [f"'{place}'" for place, part in parts.items() if twice in part.names]
            raise InputError(f"'{twice}' is in {' and in '.join(places[:2])}. Names are unique: leave out one of them.")
        present = [part.groups for part in parts.values() if part.groups is not None]
        groups = [group for each in present for group in each] if len(present) == len(parts) else None
        return cls(np.concatenate([part.vectors for part in parts.values()]), names, first.model, groups=groups)

    @classmethod
    @door
    def load(cls, path: str | Path) -> Embeddings:
        """Read what ``save`` wrote; for a folder, all .npz files in it and its subfolders, sorted by name."""
        path = expanded(path)
        if path.is_dir():
            result = parts_in(path)
            if not result:
                raise SourceError(f"'{path}' holds no embeddings. Make them with 'counterpoint embed'.")
            return cls.merge({str(part): cls.load(part) for part in result})
        with _reading(path) as archive:
            source = str(archive["source"]) if "source" in archive else ""
            groups = archive["groups"].tolist() if "groups" in archive else None
            held = archive["vectors"], archive["names"].tolist(), str(archive["model"]), source, groups
        return cls(*held)


def require_finite(vectors: Float[np.ndarray, "n d"], names: Sequence[str]) -> None:
    """Refuse vectors with NaN or infinite values, whose similarities are meaningless."""
    with np.errstate(all="ignore"):
        doubtful = np.flatnonzero(~np.isfinite(vectors.sum(axis=1)))  # a sum of large finite values may overflow
    lost = doubtful[~np.isfinite(vectors[doubtful]).all(axis=1)]
    if len(lost):
        raise InputError(
            f"{len(lost):,} of {len(vectors):,} vectors hold NaN or infinite numbers, first that of "
            f"'{names[lost[0]]}'. Leave out such items, or train the model anew with a lower learning rate."
        )


def is_saved(source: object) -> bool:
    """Whether this is the path of a file that ``Embeddings.save`` wrote, or of a folder with such files."""
    if not isinstance(source, str | Path):
        return False
    if not is_there(source):
        return False
    path = expanded(source)
    file = next(iter(parts_in(path)), path) if path.is_dir() else path
    if file.suffix != ".npz" or not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return {"vectors.npy", "names.npy", "model.npy"} <= set(archive.namelist())


def origin(path: Path) -> tuple[str, str]:
    """The fingerprints of the model and of the data of saved embeddings, without reading vectors."""
    with _reading(path) as archive:
        return str(archive["model"]), str(archive["source"]) if "source" in archive else ""


def parts_in(folder: Path) -> list[Path]:
    """The files of embeddings in a folder and its subfolders, sorted by their paths without the suffix."""
    result = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.npz")}
    return [path for name, path in sorted(result.items()) if not any(part.startswith(".") for part in name.split("/"))]


@contextmanager
def _reading(path: str | Path) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of an .npz file, read lazily; errors become advice."""
    try:
        with Path(path).open("rb") as file:
            if zipfile.is_zipfile(file):
                require_zip(Path(path))
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it is a single array")
            with archive:
                yield archive
    except SourceError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as wrong:
        raise SourceError(f"'{path}' does not hold embeddings: {wrong}. Make it with 'counterpoint embed'.") from wrong


def unit(vectors: np.ndarray) -> Float32[np.ndarray, "m e"]:
    """Vectors scaled to length 1; zeros stay zeros."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    scaled: Float32[np.ndarray, "m e"] = (vectors / lengths).astype(np.float32, copy=False)
    return scaled
