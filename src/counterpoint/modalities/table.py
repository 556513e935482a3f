"""Tables: numbers are standardised, categories become one-hot, views replace features by those of other rows.

Items are rows (b, d) float32, ready for the encoder. Rows of the training data are kept in memory to draw
replacements from; they are not part of the settings, so a loaded table makes views only after it has opened some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn

from counterpoint import catalogue, rng
from counterpoint.data import memory_items
from counterpoint.data.features import Category, Cells, Feature, Meaning, Number, decoded, encoded, feature_of, width_of
from counterpoint.data.frames import is_columns, read_frame
from counterpoint.data.schema import BOOLEAN, NO_COLUMNS, Column, Schema
from counterpoint.data.sheets import LEARNED, Sheet, later_sheet, read_sheet, sheet_of
from counterpoint.errors import InputError, PlanError, SourceError, listed
from counterpoint.interfaces import Items, Parts, Views
from counterpoint.modality import Baseline, DataOptions, Dataset, EncoderInput, Modality
from counterpoint.plans.data_options import ReadOptions
from counterpoint.storage.typed_json import Misfit, conform, made
from counterpoint.views import near_copies, table_parts
from counterpoint.views.named import Named

POOL = 10_000
"""Training rows that replacements are drawn from."""


@dataclass(frozen=True)
class Layout:
    """What the modality learned from its training data.

    ``width`` is the number of columns of an array, or None where columns have names; then ``schema`` describes them.
    """

    features: Sequence[Feature]
    width: int | None
    views: str
    schema: Schema
    options: ReadOptions


class Table(Modality):
    """Rows of numbers and categories: a 2-D array, or columns with names."""

    name: ClassVar[str] = "table"
    usual_encoder: ClassVar[str] = "mlp"

    def __init__(self, layout: Layout, augmentation: Callable[..., Tensor] | None = None) -> None:
        self.layout = layout
        self._augmentation = augmentation
        self._rows: Tensor | None = None

    @classmethod
    def accepts(cls, source: object) -> bool:
        array = memory_items.array_of(source)
        if array is not None:
            return array.ndim == 2 and array.dtype.kind in "biuf"
        sheet = sheet_of(source)
        return sheet is not None and sheet.kind == cls.name

    @classmethod
    def fit(cls, source: object, options: DataOptions) -> Dataset:
        if options.view_size is not None:
            raise PlanError(f"view_size is for images; a table has none. Got {options.view_size}. Leave it out.")
        sheet, width = None, None
        if is_columns(source):
            sheet = read_sheet(source, options, cls.name)
            columns = _columns(sheet, sheet.schema.of_role(*LEARNED[cls.name]))
        else:
            columns = _of_array(source, options.data)
            width = len(columns)
        learned = [feature_of(name, cells) for name, cells in columns.items()]
        features = [feature for feature in learned if feature is not None]
        if not features:
            lists = (
                [] if sheet is None else [each.name for each in sheet.schema.columns if each.type.startswith("list")]
            )
            if lists:
                raise SourceError(
                    f"The column '{lists[0]}' holds lists. Of strings, say --column={lists[0]} to learn from them as "
                    "text; of numbers, open this source as series; or leave it out."
                )
            held = listed(columns if sheet is None else sheet.frame.columns)
            raise SourceError(f"No column differs between rows. Columns: {held}. Give one that differs.")
        views = options.views if isinstance(options.views, str) else "callable"
        views = "corrupt" if views == "auto" else views
        schema = NO_COLUMNS if sheet is None else sheet.schema
        layout = Layout(features, width, views, schema, options.data)
        items = _open_columns(columns, layout, sheet)
        table = cls(layout, options.views if callable(options.views) else _changes(items.values, layout))
        table._rows = items.values
        return Dataset(table, items)

    def open(self, source: object) -> Items:
        width = self.layout.width
        if is_columns(source) != (width is None):
            wanted = f"the columns {listed(self.uses())}" if width is None else f"arrays of {width} columns"
            got = f"the columns {listed(read_frame(source).columns)}" if is_columns(source) else _described(source)
            raise SourceError(f"The model was trained with {wanted}. Got {got}.")
        if width is None:
            sheet = later_sheet(source, self.layout.schema, self.name, self.layout.options)
            memory_items.required(sheet.frame.columns, self.uses())
            items = _open_columns(_columns(sheet, self.uses()), self.layout, sheet)
        else:
            columns = _of_array(source, self.layout.options)
            if len(columns) != width:
                raise SourceError(
                    f"The model was trained with arrays of {width} columns. Got an array of {len(columns)} columns."
                )
            items = _open_columns(columns, self.layout, None)
        if self._rows is None:  # a loaded table draws replacements from the first data that it opens
            self._rows = items.values
        return items

    def schema(self) -> Schema:
        return self.layout.schema

    def uses(self) -> list[str]:
        """The columns that are features: a label among them would leak into the evaluation."""
        return [feature.name for feature in self.layout.features]

    @property
    def augmentation(self) -> Named:
        views = self.layout.views
        return Named(
            views,
            self._view,
            self.name,
            another=lambda spec: self.with_views(spec).augmentation,
            lost=self._augmentation is None and views == "callable",
        )

    def _view(self, batch: Float[Tensor, "b d"], key: Int64[Tensor, " b"]) -> Float[Tensor, "b d"]:
        if self._augmentation is None:
            self._augmentation = _changes(self._known(), self.layout)
        return self._augmentation(batch, key)

    def _known(self) -> Tensor:
        """The rows that replacements are drawn from."""
        if self._rows is None:
            raise InputError("This table was restored without rows to draw from. Open some data first.")
        return self._rows

    def parts(self, item: Float[Tensor, "1 d"]) -> Parts:
        (cells,) = self.cells(item)
        names = [name if self.layout.width is None else f"column {name}" for name in cells]
        return table_parts.groups_of_columns(names, list(cells.values()))

    def with_parts(
        self, item: Float[Tensor, "1 d"], kept: Bool[Tensor, "m n"], key: Int64[Tensor, " m"]
    ) -> Float[Tensor, "m d"]:
        return table_parts.with_columns(item, kept, key, **_marginals(self._known(), self.layout))

    def with_views(self, spec: str) -> Table:
        other = Table.from_settings({**self.settings(), "views": spec})
        other._rows = self._rows
        return other

    def inputs(self, batch: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return batch

    def cells(self, batch: Float[Tensor, "b d"]) -> list[dict[str, str]]:
        features = self.layout.features
        parts = np.split(batch.cpu().numpy(), np.cumsum([width_of(each) for each in features])[:-1], axis=1)
        meanings: dict[str, Meaning] = dict.fromkeys(self.layout.schema.of_role("time"), "time")
        meanings |= {column.name: "boolean" for column in self.layout.schema.columns if column.form == BOOLEAN}
        columns = [
            decoded(each, part, meaning=meanings.get(each.name, "number"))
            for each, part in zip(features, parts, strict=True)
        ]
        return [dict(zip(self.uses(), row, strict=True)) for row in zip(*columns, strict=True)]

    def near_copies(self, batch: Float[Tensor, "b d"], key: Int64[Tensor, " b"]) -> Views:
        """Change numbers, not categories."""
        number = torch.cat([torch.tensor([isinstance(each, Number)] * width_of(each)) for each in self.layout.features])
        changed = near_copies.numbers(batch, key)
        return tuple(torch.where(number.to(batch.device), each, batch) for each in changed)

    def baselines(self) -> dict[str, Baseline]:
        return {"raw features": lambda batch: batch}

    def build_encoder(self, name: str, width: int | None) -> nn.Module:
        called = "mlp" if name == "auto" else name
        part, columns = catalogue.find("encoder", called, only=self.name), sum(map(width_of, self.layout.features))
        network: nn.Module = part(columns) if width is None else part(columns, width=width)
        return network

    def encoder_input(self) -> EncoderInput:
        recipe = (
            "For each of 'features' in their order: a number, or 'median' where it is missing, less 'mean', divided by "
            "'deviation'; of a category one column for each of 'values', 1 where it is that and 0 elsewhere, and one "
            "more for all others if 'other' says so."
        )
        return EncoderInput({"columns": sum(map(width_of, self.layout.features))}, recipe)

    def settings(self) -> Mapping[str, Any]:
        layout = self.layout
        return {
            "features": [asdict(feature) for feature in layout.features],
            "width": layout.width,
            "views": layout.views,
            "schema": layout.schema.settings(),
            "options": layout.options.record(),
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Table:
        features = conform(settings["features"], list[Feature], "features")
        schema = (
            Schema.from_settings(settings["schema"]) if "schema" in settings else _before_schemas(features, settings)
        )
        fields = {name: settings[name] for name in ("width", "views")}
        layout = made(
            Layout, {**fields, "features": features, "schema": schema, "options": settings.get("options", {})}
        )
        if not features or (layout.width is not None and layout.width < len(features)):
            raise Misfit(f"it has {layout.width} columns, and {len(features)} of them are features")
        return cls(layout)


def _before_schemas(features: Sequence[Feature], settings: Mapping[str, Any]) -> Schema:
    """The schema of a model that was saved before schemas existed."""
    columns = [
        Column(each.name, "category" if isinstance(each, Category) else "number", "string")
        for each in (features if settings["width"] is None else ())
    ]
    return Schema.before(columns, settings.get("names"))


def _of_array(source: object, options: ReadOptions) -> dict[str, Cells]:
    """The columns of an array, named by their indices."""
    if options.column or options.without or options.schema:
        raise SourceError("Columns of an array have no names. Give columns with names, or cut the array first.")
    array = memory_items.array_of(source)
    if array is None or array.ndim != 2:
        got = repr(source) if array is None else f"the shape {array.shape}"
        raise SourceError(f"A table is a 2-D array (n, d), a .csv, .parquet or data frame. Got {got}.")
    masked = isinstance(source, np.ma.MaskedArray)  # masked entries are missing values
    values = array if masked else memory_items.finite(array, "row, column")
    return {str(number): column for number, column in enumerate(values.T)}


def _columns(sheet: Sheet, names: Sequence[str]) -> dict[str, Cells]:
    """Some columns of a sheet: numbers and times as numbers, all others as strings."""
    categories = sheet.schema.of_role("category")
    return {name: sheet.words(name) if name in categories else sheet.numbers(name) for name in names}


def _described(source: object) -> str:
    array = memory_items.array_of(source)
    return repr(source)[:80] if array is None else f"an array of shape {array.shape}"


def _open_columns(columns: Mapping[str, Cells], layout: Layout, sheet: Sheet | None) -> memory_items.Rows:
    values = np.concatenate([encoded(each, columns[each.name]) for each in layout.features], axis=1)
    return (
        memory_items.Rows.of(values)
        if sheet is None
        else memory_items.of_sheet(values, sheet, _unseen(columns, layout))
    )


def _unseen(columns: Mapping[str, Cells], layout: Layout) -> list[str]:
    """Notes on categories that did not occur in training."""
    notes = []
    for feature in layout.features:
        if isinstance(feature, Category) and not feature.other:
            new = set(columns[feature.name]) - set(feature.values)
            if new:
                notes.append(f"{feature.name} has categories that training had not: {listed(sorted(new), 5)}")
    return notes


def _changes(values: Float32[Tensor, "n d"], layout: Layout) -> Callable[..., Tensor]:
    """The augmentation as a function of a batch and its keys."""
    views = layout.views
    if views == "callable":
        raise InputError("This table was trained with views by a callable; give it again as views=...")
    part: Callable[..., Any] = catalogue.find("views", views, only="table")
    if ":" in views:
        return part
    return partial(part(), **_marginals(values, layout))


def _marginals(values: Float32[Tensor, "n d"], layout: Layout) -> dict[str, Tensor]:
    """The rows to draw from, and the number of the feature of every column."""
    groups = torch.repeat_interleave(torch.tensor([width_of(feature) for feature in layout.features]))
    return {"pool": values[rng.permutation(len(values), seed=0, epoch=0)[:POOL]], "groups": groups}
