"""Items that lie in memory, one row each: opened from arrays, and from frames for tables and series."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from counterpoint.data.frames import columns_of, glance, is_frame, suffix_of
from counterpoint.data.paths import existing
from counterpoint.errors import SourceError, closest, listed

Columns = Mapping[str, np.ndarray]
"""Columns with names, as ``frames.columns_of`` gives them."""

INDEX_NAMES = ("id", "series", "index", "name", "key", "", "unnamed: 0")
"""What people and pandas call the column that names the rows."""

SERIES_NAMES = ("id", "series")
TIME_NAME = "time"


@dataclass(frozen=True)
class Rows:
    """Items in memory: values (n, ...) float32 and the name of each.

    >>> Rows.of(np.eye(3)).take(np.array([2])).tolist()
    [[0.0, 0.0, 1.0]]
    """

    values: Float32[Tensor, "n ..."]
    names: Sequence[str]
    labels: None = None

    @classmethod
    def of(cls, values: np.ndarray, names: Sequence[str] | None = None) -> Rows:
        """Rows called by the given names, else by their numbers."""
        rows = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        return cls(rows, [str(row) for row in range(len(rows))] if names is None else names)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: Int64[np.ndarray, " b"]) -> Float32[Tensor, "b ..."]:
        return self.values[torch.from_numpy(np.asarray(index, dtype=np.int64))]


def is_columns(source: object) -> bool:
    """Whether the source has columns with names: a dictionary, a data frame or a file of columns."""
    return isinstance(source, Mapping) or is_frame(source)


def array_of(source: object) -> np.ndarray | None:
    """The array behind a NumPy array, a tensor, an .npy or .npz file; None for every other kind of source."""
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, Tensor):
        return np.asarray(source.detach().cpu().numpy())
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


def _chosen(names: Sequence[str], path: Path) -> str:
    """The array that is meant in an .npz: the only one, or the one called x."""
    if len(names) == 1 or "x" in names:
        return "x" if "x" in names else names[0]
    raise SourceError(
        f"'{path}' holds {len(names)} arrays: {listed(names)}. Call the one with the items 'x', or save it as .npy."
    )


def finite(values: np.ndarray, axes: str) -> Float64[np.ndarray, "*shape"]:
    """The numbers as float64; a ``SourceError`` when some are not finite, or when they are no numbers."""
    if values.dtype.kind not in "biuf":
        raise SourceError(f"Expected an array of numbers. Got an array of {values.dtype}.")
    if not values.size:
        raise SourceError(
            f"The array is empty: it has the shape {values.shape}. Expected at least one number per item."
        )
    numbers = values.astype(np.float64)
    bad = ~np.isfinite(numbers)
    if bad.any():
        first = tuple(int(place) for place in np.argwhere(bad)[0])
        raise SourceError(
            f"{int(bad.sum())} of {bad.size} values are NaN or infinite, the first at ({axes}) = {first}. "
            "Fill them or leave those items out first."
        )
    return numbers


def required(columns: Columns, wanted: Iterable[str]) -> None:
    """A ``SourceError`` with a suggestion when a column that the model was trained with is missing."""
    expected = list(wanted)
    missing = [name for name in expected if name not in columns]
    if missing:
        raise SourceError(
            f"There is no column '{missing[0]}' ({len(missing)} of {len(expected)} columns are missing)."
            f"{closest(missing[0], columns)} The model was trained with {listed(expected)}."
        )


def without(columns: Columns, label: str | None) -> Columns:
    """The columns but for the one that holds labels, which must be there if it is named."""
    if label is not None and label not in columns:
        raise SourceError(f"There is no column '{label}'.{closest(label, columns)} Columns: {listed(columns)}.")
    return {name: cells for name, cells in columns.items() if name != label}


def unique(cells: np.ndarray) -> bool:
    """Whether several rows have a different string or whole number each."""
    return cells.ndim == 1 and cells.dtype.kind in "Oi" and 1 < len(cells) == len(set(cells.tolist()))


def name_column(columns: Columns) -> str | None:
    """The column that names the items, different in every row: called like an index, or the first of strings.

    >>> name_column({"age": np.array([31, 42]), "who": np.array(["Ann", "Bob"], dtype=object)})
    'who'
    """
    differing = [name for name, cells in columns.items() if unique(cells)]
    called = [name for name in differing if name.lower() in INDEX_NAMES]
    return next(iter(called + [name for name in differing if columns[name].dtype == object]), None)


def names_in(columns: Columns, name: str | None) -> list[str] | None:
    """The names that a column gives to the items, or None where it is missing or repeats itself."""
    if name is None or name not in columns or len(set(columns[name].tolist())) < len(columns[name]):
        return None
    return [str(cell) for cell in columns[name].tolist()]


def column_kinds(source: Any) -> dict[str, bool]:
    """The name of every column, and whether it holds lists; a file is not read beyond its head."""
    if not isinstance(source, str | Path):
        some = source if isinstance(source, Mapping) else columns_of(source[:1])
        return {str(name): np.ndim(cells) == 2 for name, cells in some.items()}
    path = existing(source)
    if suffix_of(path) == ".parquet":
        return _parquet_kinds(path)
    return {name: cells.ndim == 2 for name, cells in glance(path).items()}


def _parquet_kinds(path: Path) -> dict[str, bool]:
    import pyarrow as pa
    from pyarrow import parquet, types

    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowException, OSError) as wrong:
        raise SourceError(f"'{path}' cannot be read: {wrong}. Expected a Parquet file.") from wrong
    several = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return {field.name: any(kind(field.type) for kind in several) for field in schema}


def looks_like_series(source: object) -> bool:
    """Whether a source with columns plainly holds series: a column of lists, or a repeated id beside a time.

    Beyond its head a source is read only if columns with these names are there.
    """
    kinds = column_kinds(source)
    called = [name.lower() for name in kinds]
    long = bool(time_columns(kinds)) and any(name in called for name in SERIES_NAMES)
    return any(kinds.values()) or (long and series_column(columns_of(source)) is not None)


def series_column(columns: Columns) -> str | None:
    """The column of a long frame that says whose step a row is: called id or series, with repeats."""
    for name, cells in columns.items():
        if name.lower() in SERIES_NAMES and cells.ndim == 1 and len(set(cells.tolist())) < len(cells):
            return name
    return None


def time_columns(columns: Iterable[str]) -> list[str]:
    """The columns that are called time, in any case of letters."""
    return [name for name in columns if name.lower() == TIME_NAME]


def long_series(columns: Columns, channels: Sequence[str]) -> tuple[Float64[np.ndarray, "n c t"], list[str]]:
    """Series from a frame with one row per step: grouped by id as they appear, sorted by time if it is there.

    >>> time, heat = np.array([2, 1, 1, 2]), np.array([0.2, 0.1, 0.3, 0.4])
    >>> frame = {"id": np.array([7, 7, 5, 5]), "time": time, "heat": heat}
    >>> values, names = long_series(frame, ["heat"])
    >>> values.tolist(), names
    ([[[0.1, 0.2]], [[0.3, 0.4]]], ['7', '5'])
    """
    series = series_column(columns)
    if series is None:
        raise SourceError(f"Expected a column 'id' or 'series' with one row per step. Columns: {listed(columns)}.")
    cells = columns[series].astype(str)
    called, first, which, steps = np.unique(cells, return_index=True, return_inverse=True, return_counts=True)
    if steps.min() != steps.max():
        short, long = int(steps.argmin()), int(steps.argmax())
        raise SourceError(
            f"The series are ragged: '{called[short]}' has {steps[short]} steps, "
            f"'{called[long]}' has {steps[long]}. Expected equally many in each; cut or pad them first."
        )
    time = next((columns[name] for name in time_columns(columns)), np.arange(len(cells)))
    order = np.lexsort((time.astype(str) if time.dtype == object else time, first[which]))
    values = np.stack([columns[name][order] for name in channels], axis=1)
    shaped = values.reshape(len(called), int(steps[0]), len(channels)).transpose(0, 2, 1)
    return shaped.astype(np.float64), called[np.argsort(first)].tolist()
