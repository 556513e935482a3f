"""The contract of a modality."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from counterpoint import catalogue
from counterpoint.batch import concat, digest, length, split, take
from counterpoint.heads import mlp_head
from counterpoint.interfaces import Items, Method
from counterpoint.methods.byol import BYOL
from counterpoint.methods.simclr import SimCLR
from counterpoint.modality import Dataset, Modality, augmentation_of
from counterpoint.model import Model, load
from counterpoint.objectives.info_nce import info_nce
from counterpoint.plans.data_options import DataOptions
from counterpoint.storage.weights import not_finite
from counterpoint.testing.broken import require, running
from counterpoint.testing.open_dataset import CLOSE, OpenDataset, encoded, first_items, rows_of_numbers
from counterpoint.testing.parts import check_parts
from counterpoint.testing.views import check_views, drawn
from counterpoint.training.config import TrainConfig
from counterpoint.training.loop import train

FEWEST, MOST, WIDTH, STEPS = 8, 12, 8, 3


def check_modality(kind: type[Modality] | str, source: object, *, options: DataOptions | None = None) -> None:
    """Check the contract of a modality, on a small source.

    1. ``accepts`` is true for its source, and false for an object that is no source.
    2. ``fit`` returns a ``Dataset``, or a plain pair of the modality and its items; names are unique, one per item.
    3. ``open`` of the same source returns equal items, and ``take`` returns them in any order that is requested.
    4. A batch can be taken, split and joined again (``counterpoint.batch``) without changing an item's contents.
    5. ``inputs`` is deterministic, independent of the rest of the batch, and does not modify the items.
    6. ``build_encoder`` with ``auto`` and with a small width gives finite vectors (b, d) for inputs and views, which
       are independent of the rest of the batch. So does every baseline.
    7. Views are a function of (item, keys): the same in another order and batch, different for another seed, epoch,
       view or item.
    8. Where they exist, ``scaled``, ``parts``, ``local`` and ``label_preserving`` of the augmentation give views
       that can be encoded; weaker ones change items less. ``with_views`` of its spec gives the same views.
    9. ``settings`` survive JSON, and ``from_settings`` gives the same inputs and views.
    10. It trains for some steps with SimCLR and with BYOL, also in pieces; a gradient reaches every weight of the
        encoder, and all stay finite.
    11. A model that is saved and loaded finds the modality by its ``name``, and embeds bit for bit the same.
    12. Where it ``HasParts``, an item with all parts kept equals ``inputs``, masks change the masked parts only and
        the same way each time, and masked items can be encoded.

    Args:
        kind: The class, or its name as in a plan.
        source: At least 8 items.
        options: The user's options; by default none.

    Raises:
        BrokenContract: A point is broken; the message says which, with the values.
    """
    modality = catalogue.find("modality", kind) if isinstance(kind, str) else kind
    with torch.random.fork_rng(devices=[]):
        dataset = _open_dataset(modality, source, options or DataOptions(kind=modality.name))
        _opens_again(dataset, source)
        _batches(dataset)
        _inputs_and_encoders(dataset)
        check_views(dataset)
        check_parts(dataset)
        _settings(dataset, source)
        for method in (_simclr, _byol):
            for micro_batch in (None, FEWEST // 2):
                _trains(dataset, method(dataset), micro_batch)
        _saved(dataset, modality, source)


def _open_dataset(kind: type[Modality], source: object, options: DataOptions) -> OpenDataset:
    with running("accepts"):
        accepted, refused = kind.accepts(source), not kind.accepts(object())
    require(bool(accepted), "accepts is true of a source of this kind. It refused the one that was given.")
    require(refused, "accepts is false of what is no source, such as object(). It took that for its kind.")
    with running("fit"):
        dataset: Any = kind.fit(source, options)
    pair = isinstance(dataset, tuple) and len(dataset) == 2 and isinstance(dataset[0], Modality)
    require(pair, f"fit gives a Dataset, the modality and its items. Got {type(dataset).__name__}.")
    modality, items = Dataset(*dataset)
    require(isinstance(items, Items), f"Items have names, labels, a length and take. {type(items).__name__} has not.")
    count, names = len(items), list(items.names)
    require(count >= FEWEST, f"A source of at least {FEWEST} items shows whether a contract is kept. Got {count}.")
    named = len(set(names))
    require(
        named == count, f"Names of items are unique and one per item. Got {named} different names of {count} items."
    )
    batch = first_items(items, MOST)
    require(length(batch) == min(MOST, count), f"take gives the items asked for. Got {length(batch)} of {MOST}.")
    with running("build_encoder('auto', None)"):
        encoder = modality.build_encoder("auto", None)
    return OpenDataset(modality, items, batch, encoder)


def _opens_again(dataset: OpenDataset, source: object) -> None:
    with running("open of the source that was fitted"):
        again = dataset.modality.open(source)
    require(list(again.names) == list(dataset.items.names), "open of the same source gives items of the same names.")
    dataset.require_same(dataset.batch, first_items(again, MOST), "open of the same source gives equal items")
    order = np.array([5, 0, 3])
    with running("take of the items"):
        some = dataset.items.take(order)
    promise = "take gives the items at these positions, in this order"
    dataset.require_same(take(dataset.batch, torch.from_numpy(order)), some, promise, tolerance=CLOSE)


def _batches(dataset: OpenDataset) -> None:
    digests = digest(dataset.batch)
    with running("Splitting a batch into three and joining them"):
        joined = digest(concat(split(dataset.batch, 3)))
    require(joined == digests, "A batch that is split and joined again holds the same items. This one does not.")
    index = torch.tensor([4, 4, 0])
    with running("Taking items of a batch"):
        taken = digest(take(dataset.batch, index))
    require(
        taken == [digests[4], digests[4], digests[0]], "Items that are taken from a batch are those of these places."
    )


def _inputs_and_encoders(dataset: OpenDataset) -> None:
    modality, some = dataset.modality, torch.tensor([3, 1, 6])
    before = digest(dataset.batch)
    with running("inputs"):
        shown, again = modality.inputs(dataset.batch), modality.inputs(dataset.batch)
        alone = modality.inputs(take(dataset.batch, some))
    require(digest(dataset.batch) == before, "inputs leaves the items as they are. It writes into its batch.")
    dataset.require_same(shown, again, "inputs gives the same each time")
    dataset.require_same(
        take(shown, some), alone, "inputs of an item do not depend on the rest of the batch", tolerance=CLOSE
    )
    with running(f"build_encoder('auto', {WIDTH})"):
        narrow = modality.build_encoder("auto", WIDTH)
    for encoder in (dataset.encoder, narrow):
        h = encoded(encoder, shown)
        promise = "An encoder in evaluation mode gives an item the same vector whatever else is in the batch"
        dataset.require_same(h[some], encoded(encoder, take(shown, some)), promise, tolerance=10 * CLOSE)
        views = encoded(encoder, drawn(dataset, augmentation_of(modality)))
        require(views.shape == h.shape, f"Views are encoded as {tuple(views.shape)}, and inputs as {tuple(h.shape)}.")
    _baselines(dataset)


def _baselines(dataset: OpenDataset) -> None:
    with running("baselines"):
        baselines = dict(dataset.modality.baselines())
    require(len(baselines) > 0, "A modality names at least one baseline, the plainest features of its kind.")
    for name, function in baselines.items():
        with running(f"The baseline '{name}'"):
            features = function(dataset.batch)
        rows_of_numbers(features, dataset.size, f"The baseline '{name}'")


def _settings(dataset: OpenDataset, source: object) -> None:
    with running("settings as JSON"):
        written: Mapping[str, Any] = json.loads(json.dumps(dict(dataset.modality.settings())))
    with running("from_settings"):
        again = type(dataset.modality).from_settings(written)
        again.open(source)
    promise = "A modality from its settings gives the same"
    dataset.require_same(dataset.modality.inputs(dataset.batch), again.inputs(dataset.batch), f"{promise} inputs")
    usual, other = augmentation_of(dataset.modality), augmentation_of(again)
    if other.available:
        dataset.require_same(drawn(dataset, usual), drawn(dataset, other), f"{promise} views")


def _head(dataset: OpenDataset) -> tuple[torch.nn.Module, torch.nn.Sequential]:
    torch.manual_seed(0)
    encoder = dataset.modality.build_encoder("auto", WIDTH)
    width = encoded(encoder, dataset.modality.inputs(dataset.batch)).shape[1]
    return encoder, mlp_head(width, hidden=WIDTH, outputs=WIDTH)


def _simclr(dataset: OpenDataset) -> Method:
    return SimCLR(*_head(dataset), partial(info_nce, temperature=0.2))


def _byol(dataset: OpenDataset) -> Method:
    return BYOL(*_head(dataset), hidden=WIDTH)


def _trains(dataset: OpenDataset, method: Method, micro_batch: int | None) -> None:
    named = type(method).__name__ + (f" in pieces of {micro_batch}" if micro_batch else "")
    config = TrainConfig(steps=STEPS, batch_size=FEWEST, micro_batch=micro_batch, learning_rate=1e-3)
    with running(f"Training with {named}"):
        state = train(method, dataset.items, dataset.modality, config)
    lost = not_finite(method)
    require(lost is None, f"Training with {named} ends in numbers. After {state.step} steps '{lost}' is not finite.")
    weights = [(name, each) for name, each in method.encoder.named_parameters() if each.requires_grad]
    idle = [name for name, weight in weights if weight.grad is None]
    require(not idle, f"Training with {named} gives every weight of the encoder a gradient. None has {idle[:3]}.")


def _saved(dataset: OpenDataset, kind: type[Modality], source: object) -> None:
    with running(f"Finding a modality by its name, '{kind.name}',"):
        listed = catalogue.find("modality", kind.name)
    promise = f"A saved model finds its modality by name, for one from outside 'package.module:{kind.__name__}'"
    require(listed is kind, f"{promise}. '{kind.name}' is {listed.__module__}:{listed.__qualname__}.")
    encoder, _ = _head(dataset)
    model = Model(encoder, dataset.modality, {"encoder": "auto", "width": WIDTH, "seed": 0})
    with tempfile.TemporaryDirectory(prefix="counterpoint-") as folder, running("Saving and loading a model of it"):
        again = load(model.save(folder), trust=True)
        before, after = (each.embed(source).vectors for each in (model, again))
    require(np.array_equal(before, after), "A model that was saved and loaded embeds the same bits. This one does not.")
