"""Items in memory, one row each: opened from arrays, and from frames for tables and series."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from counterpoint.data.frames import Frame
from counterpoint.data.paths import existing
from counterpoint.data.sheets import Sheet
from counterpoint.errors import SourceError, closest, listed
from counterpoint.interfaces import ItemsInfo
from counterpoint.storage.reading_errors import door


@dataclass(frozen=True)
class Rows:
    """Items in memory: values (n, ...) float32 and the name of each.

    >>> Rows.of(np.eye(3)).take(np.array([2])).tolist()
    [[0.0, 0.0, 1.0]]
    """

    values: Float32[Tensor, "n ..."]
    names: Sequence[str]
    labels: Sequence[str | None] | None = None
    """The labels from the column of labels, None where there is none."""
    rows: Int64[np.ndarray, " n"] | None = None
    """Their indices in the source, where some were left out."""
    steps_of: Int64[np.ndarray, " m"] | None = None
    """The item of every row of the source, where a row is one step of a series; -1 for skipped rows."""
    skipped: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    lengths: Int64[np.ndarray, " n"] | None = None
    """The number of steps of each series, where they differ."""
    frame: Frame | None = field(default=None, repr=False, compare=False)
    """The columns that they are in."""

    @classmethod
    def of(cls, values: np.ndarray, names: Sequence[str] | None = None) -> Rows:
        """Rows with the given names, else named by their indices."""
        rows = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        return cls(rows, [str(row) for row in range(len(rows))] if names is None else names)

    @property
    def info(self) -> ItemsInfo:
        """The metadata of their source."""
        return ItemsInfo(
            lengths=self.lengths,
            source_rows=self.rows,
            steps_of=self.steps_of,
            columns=self.frame,
            skipped=self.skipped,
            notes=self.notes,
        )

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: Int64[np.ndarray, " b"]) -> Float32[Tensor, "b ..."]:
        return self.values[torch.from_numpy(np.asarray(index, dtype=np.int64))]


def of_sheet(values: np.ndarray, sheet: Sheet, notes: Sequence[str] = ()) -> Rows:
    """The rows of a sheet with its metadata: names, labels, and skipped rows."""
    frame = sheet.frame
    rows = Rows.of(values, sheet.names())
    return replace(
        rows,
        labels=sheet.labels(),
        rows=frame.rows,
        skipped=frame.skipped,
        notes=[*frame.notes, *sheet.remarks, *notes],
        frame=frame,
    )


@door
def array_of(source: object) -> np.ndarray | None:
    """The array behind a NumPy array, a tensor, an .npy or .npz file; None for every other kind of source."""
    if isinstance(source, np.ndarray):
        return _plain(source)
    if isinstance(source, Tensor):
        held = source.detach().cpu()
        try:
            return np.asarray((held.float() if held.dtype == torch.bfloat16 else held).numpy())
        except (TypeError, RuntimeError) as wrong:
            raise SourceError(f"A tensor of {held.dtype}, {held.layout}, is not read. Give dense numbers.") from wrong
    if isinstance(source, list | tuple) and source and isinstance(source[0], list | tuple):
        return _nested(source)
    if hasattr(source, "tocsr"):
        raise SourceError("Sparse matrices are not read. Give a dense array: its toarray().")
    if not isinstance(source, str | Path) or Path(source).suffix.lower() not in (".npy", ".npz"):
        return None
    path = existing(source)
    try:
        opened = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(opened, np.ndarray):
            return opened
        with opened as archive:
            return np.asarray(archive[_chosen(archive.files, path)])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as wrong:
        if isinstance(wrong, SourceError):
            raise
        raise SourceError(f"'{source}' cannot be read: {wrong}. Expected numbers saved with numpy.save.") from wrong


def _plain(array: np.ndarray) -> np.ndarray:
    """An array of numbers as NumPy holds them: NaN where masked, and no objects where all are numbers."""
    if isinstance(array, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(array), np.nan, array.data)
    array = np.asarray(array)  # not a matrix
    if array.dtype == object and array.ndim > 1:
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError):
            return array
    return array


def _nested(rows: Sequence[Any]) -> np.ndarray | None:
    """Lists of numbers of equal length as an array; None for any other lists."""
    try:
        array = np.asarray(rows)
    except ValueError:
        return None
    return array if array.dtype.kind in "biuf" and array.ndim > 1 else None


def _chosen(names: Sequence[str], path: Path) -> str:
    """The relevant array of an .npz: the only one, or the one named x."""
    if len(names) == 1 or "x" in names:
        return "x" if "x" in names else names[0]
    raise SourceError(
        f"'{path}' holds {len(names)} arrays: {listed(names)}. Call the one with the items 'x', or save it as .npy."
    )


def finite(values: np.ndarray, axes: str, *, missing: bool = False) -> Float64[np.ndarray, "*shape"]:
    """The values as float64; a ``SourceError`` when some are not finite, or when they are not numbers.

    With ``missing`` some may be NaN, always the same NaN, so that equal items have equal bytes.
    """
    if values.dtype.kind not in "biuf":
        raise SourceError(f"Expected an array of numbers. Got an array of {values.dtype}.")
    if not values.size:
        raise SourceError(
            f"The array is empty: it has the shape {values.shape}. Expected at least one number per item."
        )
    result = values.astype(np.float64)
    bad = ~np.isfinite(result)
    if missing and bad.any():
        result[np.isnan(result)] = np.nan
        bad = np.isinf(result)
    if bad.any():
        first = tuple(int(place) for place in np.argwhere(bad)[0])
        raise SourceError(
            f"{int(bad.sum())} of {bad.size} values are {'' if missing else 'NaN or '}infinite, the first at "
            f"({axes}) = {first}. "
            "Fill them or leave those items out first."
        )
    return result


def required(columns: Iterable[str], wanted: Iterable[str]) -> None:
    """A ``SourceError`` with a suggestion when a column of the training data is missing."""
    there, expected = list(columns), list(wanted)
    missing = [name for name in expected if name not in there]
    if missing:
        raise SourceError(
            f"There is no column '{missing[0]}' ({len(missing)} of {len(expected)} columns are missing)."
            f"{closest(missing[0], there)} The model was trained with {listed(expected)}."
        )
