"""The inputs of a verb: choices, parts given as objects, and data that is recognised and opened."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from counterpoint import catalogue
from counterpoint.batch import as_bytes
from counterpoint.catalogue.trust import from_outside
from counterpoint.data.datasets import first_of, holds_pictures, refuse_splits
from counterpoint.data.frames import is_columns
from counterpoint.data.groups import as_requested
from counterpoint.data.paths import require
from counterpoint.data.sheets import read_sheet
from counterpoint.data.subset import spread
from counterpoint.data.unread_files import advice_on_source
from counterpoint.errors import PlanError, SourceError, listed, option
from counterpoint.interfaces import Items
from counterpoint.modality import DataOptions, Dataset, Modality, schema_of
from counterpoint.plans import Plan
from counterpoint.plans.data_options import AS_IT_IS, ReadOptions, joined_columns, named_columns
from counterpoint.recipes.recipe import with_recipe
from counterpoint.setup.capabilities import asks_for, whole
from counterpoint.setup.progress import decoding
from counterpoint.setup.supervision import Supervision
from counterpoint.storage.files import is_file
from counterpoint.training.distributed import ALONE, Processes


@dataclass(frozen=True)
class UserParts:
    """Parts that the user gave as objects instead of names."""

    encoder: nn.Module | None = None
    views: Callable[..., Any] | None = None
    data: ReadOptions = AS_IT_IS
    labels: object = None
    """The classes of the items, for a method that learns from them."""
    pairs: object = None
    """Positive and negative pairs of items, for a method that learns from them."""
    groups: object = None
    """The group of every item, where groups were given as a list."""


@dataclass(frozen=True)
class TrainingData:
    """The data of a run: its modality, its items, and its supervision."""

    modality: Modality
    items: Items
    learned: Supervision


def chosen(choices: Mapping[str, Any], *, labels: object = None, pairs: object = None) -> tuple[Plan, UserParts]:
    """From the arguments of a verb: the plan, how the data is read, and the parts given as objects."""
    named, data = apart(choices)
    encoder = named.pop("encoder") if isinstance(named.get("encoder"), nn.Module) else None
    views = named.pop("views") if callable(named.get("views")) else None
    groups = named.pop("groups", None)
    return _read_by(with_recipe(Plan.of(named))), UserParts(encoder, views, data, labels, pairs, groups)


def apart(choices: Mapping[str, Any]) -> tuple[dict[str, Any], ReadOptions]:
    """Split arguments into a run's choices and reading options; listed groups cannot be saved as an option."""
    of_data = {each.name for each in dataclasses.fields(ReadOptions)}
    if not isinstance(choices.get("groups"), str | None):
        of_data.remove("groups")
    data = ReadOptions.given({name: value for name, value in choices.items() if name in of_data})
    return {name: value for name, value in choices.items() if name not in of_data}, data


def _read_by(plan: Plan) -> Plan:
    """The plan with the encoder and views that its method needs, as the reading of data depends on them."""
    usual = getattr(whole(catalogue.find("method", plan.method)), "usual", {})
    wanted = {name: usual[name] for name in ("encoder", "views") if name in usual and getattr(plan, name) == "auto"}
    return dataclasses.replace(plan, **wanted)


def open_dataset(source: object, requested: Plan, user_parts: UserParts, processes: Processes = ALONE) -> Dataset:
    """Recognise and open the data of a plan."""
    pairs = paired_columns(user_parts.pairs)
    options = DataOptions(
        kind=requested.modality,
        views=user_parts.views or requested.views,
        view_size=requested.view_size,
        data=user_parts.data,
        labels=user_parts.labels,
        groups=user_parts.groups,
        encoder="auto" if user_parts.encoder is not None else requested.encoder,
        weights=requested.weights,
        preprocessing=stated_preprocessing(user_parts.encoder),
        pairs=pairs,
        compares_items=asks_for(catalogue.find("method", requested.method), "objective"),
        progress=decoding(),
    )
    with processes.first_before_others():
        held, kind = recognised(source, options)
        catalogue.find("method", requested.method, only=kind.name)
        if requested.recipe is not None:
            catalogue.find("recipe", requested.recipe, only=kind.name)
        modality, items = kind.fit(held, options)
    return Dataset(modality, as_requested(items, options, held))


def stated_preprocessing(network: nn.Module | None) -> Mapping[str, Any] | None:
    """The preprocessing that a custom network declares, if it does."""
    described = getattr(network, "preprocessing", None)
    return described if isinstance(described, Mapping) else None


def paired_columns(pairs: object) -> tuple[str, ...]:
    """The columns of pairs, if ``pairs`` names columns: "question,answer", or a tuple of names.

    >>> paired_columns("question, answer"), paired_columns("turns"), paired_columns("pairs.csv")
    (('question', 'answer'), ('turns',), ())
    """
    if isinstance(pairs, str) and not Path(pairs).suffix and not is_file(pairs):
        return tuple(name.strip() for name in pairs.split(","))
    if isinstance(pairs, tuple) and all(isinstance(name, str) for name in pairs):
        return pairs
    return ()


def open_source(source: object, options: DataOptions) -> Dataset:
    """Recognise and open training data."""
    held, kind = recognised(source, options)
    modality, items = kind.fit(held, options)
    return Dataset(modality, as_requested(items, options, held))


def without_column(data: ReadOptions, labels: object, modality: Modality) -> ReadOptions:
    """The options that read the same data without the column of the labels."""
    schema = schema_of(modality)
    if not isinstance(labels, str) or schema is None or labels not in [each.name for each in schema.columns]:
        return data
    left_out = dict.fromkeys([*named_columns(data.without), labels])
    return dataclasses.replace(data, without=joined_columns(left_out))


def recognised(source: object, options: DataOptions) -> tuple[object, type[Modality]]:
    """The source, with its columns read if it has any, and its modality."""
    name = options.kind
    if name == "auto" and (options.pairs or options.data.window is not None):  # no other kinds have those
        name = "text" if options.pairs else "windows"
    if isinstance(source, str | Path) and not str(source).startswith("sample:"):
        require(source)
    if hasattr(source, "tocsr"):
        raise SourceError("Sparse matrices are not read. Give a dense array: its toarray().")
    if type(source).__name__ == "LazyFrame":
        raise SourceError("A LazyFrame has no rows yet. Give a data frame: its collect().")
    refuse_splits(source)
    if from_outside(name) or name == "windows":
        return source, _heeding(catalogue.find("modality", name), options.data)
    if is_columns(source) and not holds_pictures(source):
        sheet = read_sheet(source, options, name)
        return sheet, _heeding(catalogue.find("modality", sheet.kind), options.data)
    data = options.data
    column_option = next((each for each in ("label_first", "time", "id") if getattr(data, each)), None)
    if column_option is not None:
        raise SourceError(
            f"{option(column_option)} is of columns, and {_shown(source)} is no file of columns. Where it is one, "
            "with commas, tabs or blanks between its cells, give it a name that ends in .csv."
        )
    return source, _heeding(_recognise(source, name), data)


def _heeding(kind: type[Modality], data: ReadOptions) -> type[Modality]:
    """The modality, once it is checked that it uses each of the options.

    Raises:
        PlanError: It does not use one of them.
    """
    kinds: list[type[Modality]] = [catalogue.find("modality", each) for each in catalogue.names("modality")]
    for name in sorted(set().union(*(each.only_here for each in kinds)) - kind.only_here):
        if getattr(data, name) != getattr(AS_IT_IS, name):
            meant = listed([each.name for each in kinds if name in each.only_here])
            raise PlanError(
                f"{option(name)} is for {meant}, and this is read as {kind.name}. Leave it out, or name the --modality."
            )
    return kind


def _recognise(source: object, name: str) -> type[Modality]:
    """The modality of a source, by name or by asking each modality whether it accepts it."""
    if name != "auto":
        named: type[Modality] = catalogue.find("modality", name)
        return named
    for each in catalogue.names("modality"):
        kind: type[Modality] = catalogue.find("modality", each)
        if kind.accepts(source):
            return kind
    advice = advice_on_source(str(source)) if isinstance(source, str | Path) else None
    if advice is not None:
        raise SourceError(f"{_shown(source)}: {advice}.")
    raise SourceError(
        f"It is not plain what kind of data {_shown(source)} is. Say it with --modality, one of "
        f"{listed(catalogue.names('modality'))}."
    )


UNCOUNTED = ("schema", "options", "steps")
"""Settings that follow from the data and from others, and that runs of earlier versions do not have."""


def identity(items: Items, modality: Modality, encoder: str, answers: np.ndarray | None) -> str:
    """A fingerprint of data, of how it is read, and of its labels, where those are learned from."""
    sample = as_bytes(items.take(spread(len(items), 16)))
    kept = {name: value for name, value in modality.settings().items() if name not in UNCOUNTED}
    described = [list(items.names), kept, encoder]
    named = b"" if answers is None else answers.tobytes()
    return hashlib.sha256(json.dumps(described).encode() + sample + named).hexdigest()


def _shown(source: object) -> str:
    shape = getattr(source, "shape", None)
    if shape is not None:
        return f"an array of shape {tuple(shape)}"
    return f"'{source}'" if isinstance(source, Path) else first_of(source) or repr(source)[:80]
