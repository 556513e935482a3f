"""Tables: numbers are standardised, categories become one-hot, views replace features by those of other rows.

Items are rows (b, d) float32, ready for the encoder. Rows of the training data are kept in memory to draw
replacements from; they are not part of the settings, so a restored table looks only after it has opened some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from counterpoint import catalogue
from counterpoint.data import rows
from counterpoint.data.frames import columns_of
from counterpoint.errors import InputError, PlanError, SourceError, listed
from counterpoint.interfaces import Items
from counterpoint.kinds import EncoderInput, Modality, Wishes
from counterpoint.views import draw
from counterpoint.views.strength import strengthened

CATEGORIES = 64
"""Categories with a column of their own; the rest share one."""

POOL = 10_000
"""Training rows that replacements are drawn from."""


@dataclass(frozen=True)
class Number:
    """A column of numbers: how it is standardised, and what stands for a missing one."""

    name: str
    mean: float
    deviation: float
    median: float


@dataclass(frozen=True)
class Category:
    """A column of strings: those with a column of their own, and whether the rest share one."""

    name: str
    values: list[str]
    other: bool


Feature = Number | Category


@dataclass(frozen=True)
class Layout:
    """What the modality learned from its training data.

    ``names`` is the column that names the rows, if there is one; ``width`` the number of columns of an array,
    or None where columns have names.
    """

    features: Sequence[Feature]
    names: str | None
    width: int | None
    views: str


class Table(Modality):
    """Rows of numbers and categories: a 2-D array, or columns with names."""

    name: ClassVar[str] = "table"
    usual_encoder: ClassVar[str] = "mlp"

    def __init__(self, layout: Layout, look: Callable[..., Tensor] | None = None) -> None:
        self.layout = layout
        self._look = look
        self._rows: Tensor | None = None

    @classmethod
    def claims(cls, source: object) -> bool:
        array = rows.array_of(source)
        if array is not None:
            return array.ndim == 2 and array.dtype.kind in "biuf"
        return rows.is_columns(source) and not rows.looks_like_series(source)

    @classmethod
    def learn(cls, source: object, wishes: Wishes) -> tuple[Table, Items]:
        if wishes.view_size is not None:
            raise PlanError(f"view_size is for images; a table has none. Got {wishes.view_size}. Leave it out.")
        columns, names, width = _read(source), None, None
        if rows.is_columns(source):
            columns = rows.without(columns, wishes.data.without)
            names = rows.name_column(columns)
        elif wishes.data.without is not None:
            raise SourceError(f"There is no column '{wishes.data.without}': the columns of an array have no names.")
        else:
            width = len(columns)
        learned = [_learned(name, cells) for name, cells in columns.items() if name != names]
        features = [feature for feature in learned if feature is not None]
        if not features:
            raise SourceError(f"No column tells the rows apart. Columns: {listed(columns)}. Give one that differs.")
        views = wishes.views if isinstance(wishes.views, str) else "callable"
        views = "corrupt" if views == "auto" else views
        layout = Layout(features, names, width, views)
        items = _opened(columns, layout)
        table = cls(layout, wishes.views if callable(wishes.views) else _found(items.values, layout))
        table._rows = items.values
        return table, items

    def open(self, source: object) -> Items:
        columns, width = _read(source), self.layout.width
        named = rows.is_columns(source)
        if named != (width is None) or (width is not None and width != len(columns)):
            wanted = f"the columns {listed(self.uses())}" if width is None else f"arrays of {width} columns"
            got = f"the columns {listed(columns)}" if named else f"an array of {len(columns)} columns"
            raise SourceError(f"The model was trained with {wanted}. Got {got}.")
        items = _opened(columns, self.layout)
        if self._rows is None:  # a restored table draws its replacements from the first data it is given
            self._rows = items.values
        return items

    def uses(self) -> list[str]:
        """The columns that are features: a label among them is no test of the model."""
        return [feature.name for feature in self.layout.features]

    def look(self, batch: Float[Tensor, "b d"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b d"]:
        if self._look is None:
            if self._rows is None:
                raise InputError("This table was restored without rows to draw from. Open some data first.")
            self._look = _found(self._rows, self.layout)
        return self._look(batch, key)

    def strength(self, by: float) -> str:
        return strengthened(self.layout.views, by, only=self.name)

    def looking(self, views: str) -> Table:
        other = Table.restore({**self.settings(), "views": views})
        other._rows = self._rows
        return other

    def can_look(self) -> bool:
        return self._look is not None or self.layout.views != "callable"

    def plain(self, batch: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return batch

    def raw(self, batch: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return batch

    def encoder(self, name: str, width: int | None) -> nn.Module:
        called = "mlp" if name == "auto" else name
        part, columns = catalogue.find("encoder", called, only=self.name), sum(_widths(self.layout))
        network: nn.Module = part(columns) if width is None else part(columns, width=width)
        return network

    def encoder_input(self) -> EncoderInput:
        recipe = (
            "For each of 'features' in their order: a number, or 'median' where it is missing, less 'mean', divided by "
            "'deviation'; of a category one column for each of 'values', 1 where it is that and 0 elsewhere, and one "
            "more for all others if 'other' says so."
        )
        return EncoderInput({"columns": sum(_widths(self.layout))}, recipe)

    def settings(self) -> Mapping[str, Any]:
        return asdict(self.layout)

    @classmethod
    def restore(cls, settings: Mapping[str, Any]) -> Table:
        features = [Category(**each) if "values" in each else Number(**each) for each in settings["features"]]
        return cls(Layout(features, settings["names"], settings["width"], settings["views"]))


def _read(source: object) -> rows.Columns:
    """Columns with names; those of an array are called by their numbers."""
    if rows.is_columns(source):
        return columns_of(source)
    array = rows.array_of(source)
    if array is None or array.ndim != 2:
        got = repr(source) if array is None else f"the shape {array.shape}"
        raise SourceError(f"A table is a 2-D array (n, d), a .csv, .parquet or data frame. Got {got}.")
    return {str(number): column for number, column in enumerate(rows.finite(array, "row, column").T)}


def _opened(columns: rows.Columns, layout: Layout) -> rows.Rows:
    rows.required(columns, [feature.name for feature in layout.features])
    encoded = [_encoded(feature, columns[feature.name]) for feature in layout.features]
    return rows.Rows.of(np.concatenate(encoded, axis=1), rows.names_in(columns, layout.names))


def _learned(name: str, cells: np.ndarray) -> Feature | None:
    """What there is to know of a column, or None if all rows have the same, or each a string of its own."""
    if cells.ndim != 1:
        raise SourceError(f"The column '{name}' holds lists. Open this source as series, or leave the column out.")
    if cells.dtype == object:
        values, counts = np.unique(cells.astype(str), return_counts=True)
        frequent = values[np.argsort(-counts, kind="stable")][:CATEGORIES]
        telling = len(values) > 1 and not rows.unique(cells)
        return Category(name, frequent.tolist(), len(values) > CATEGORIES) if telling else None
    known = cells[~np.isnan(cells)]
    if not len(known) or known.min() == known.max():
        return None
    median = float(np.median(known))
    filled = _filled(name, cells, median)
    return Number(name, float(filled.mean()), float(filled.std()), median)


def _filled(name: str, cells: np.ndarray, median: float) -> np.ndarray:
    """The numbers of a column, with the median for missing ones."""
    infinite = np.isinf(cells)
    if infinite.any():
        raise SourceError(
            f"The column '{name}' holds {int(infinite.sum())} infinite numbers, the first in row "
            f"{int(infinite.argmax())}. Replace them first."
        )
    return np.where(np.isnan(cells), median, cells)


def _encoded(feature: Feature, cells: np.ndarray) -> Float32[np.ndarray, "n d"]:
    """The columns that the encoder sees of one feature."""
    if isinstance(feature, Category):
        same: np.ndarray = _text(cells)[:, None] == np.array(feature.values)
        if feature.other:
            same = np.concatenate([same, ~same.any(axis=1, keepdims=True)], axis=1)
        return same.astype(np.float32)
    if cells.dtype == object:
        row = next((row for row, cell in enumerate(cells.tolist()) if cell), None)
        if row is not None:
            raise SourceError(
                f"The column '{feature.name}' held numbers in training. Got text, first '{cells[row]}' in row {row}."
            )
        cells = np.full(len(cells), np.nan)
    standard = (_filled(feature.name, cells, feature.median) - feature.mean) / feature.deviation
    return np.asarray(standard[:, None], dtype=np.float32)


def _text(cells: np.ndarray) -> np.ndarray:
    """A column as strings: a small source may hold only those categories that read as numbers."""
    if cells.dtype == object:
        return cells.astype(str)
    return np.array(["" if np.isnan(cell) else f"{cell:.15g}" for cell in cells])


def _widths(layout: Layout) -> list[int]:
    """How many columns the encoder sees of each feature."""
    return [len(f.values) + f.other if isinstance(f, Category) else 1 for f in layout.features]


def _found(values: Float32[Tensor, "n d"], layout: Layout) -> Callable[..., Tensor]:
    """A function of a batch and its keys."""
    views = layout.views
    if views == "callable":
        raise InputError("This table was trained with views by a callable; give it again as views=...")
    part: Callable[..., Any] = catalogue.find("views", views, only="table")
    if ":" in views:
        return part
    look = part()
    widths = _widths(layout)
    groups = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths))
    pool = values[draw.permutation(len(values), seed=0, epoch=0)[:POOL]]
    return partial(look, pool=pool, groups=groups)
