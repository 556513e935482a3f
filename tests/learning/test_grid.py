"""Every method with every kind of data: training beats not training, and the promises of both halves hold.

In ``make check`` every method learns once, and every kind of data is learned of; the rest is in ``make check-slow``.
"""

import itertools

import numpy as np
import pytest
import torch

from counterpoint import catalogue
from counterpoint.evaluation.knn import weighted_knn
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.model import Model
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.training.loop import RunOptions, train
from tests.worlds import CLASSES, WORLDS, scored

SHORT = {
    "moco": "moco(queue=256, momentum=0.9)",
    "byol": "byol(momentum=0.9, hidden=64)",
    "moco_v3": "moco_v3(momentum=0.9, hidden=64)",
    "nnclr": "nnclr(queue=256, hidden=64)",
}
"""What a method needs to learn within some hundred steps."""

EPOCHS = {"moco": 50, "moco_v3": 50, "nnclr": 50, "byol": 50, "simsiam": 50, "joint": 50, "siamese": 40, "csi": 4}
"""A queue begins with random directions or empty; a predictor, or a classifier beside contrast, distracts at first; a
pair says less than a batch; eight views say more than two."""

WIDE = {"width": 32, "head_hidden": 512, "head_outputs": 128}
"""What learns of pictures in so few steps on every machine; an eighth of it does on some."""

COLOURS_FIRST = {"byol", "simsiam", "barlow_twins", "vicreg", "moco_v3", "nnclr", "swav", "dino"}
"""Of pictures these learn first the colours that two views share; for hundreds of steps they are worse than nothing."""

OWN = {"skipgram": {"learning_rate": None}}
"""A method with an optimiser of its own has rates of its own."""

LONGER = {"epochs": 300, "learning_rate": 3e-3}

GRID = [
    (method, kind)
    for method, row in catalogue.SHELVES["method"].items()
    for kind in catalogue.names("modality")
    if row.only in ("", kind)
]


def canaries():
    """One kind of data for every method, in turn; pictures only for those that learn of them quickly."""
    kinds = itertools.cycle(catalogue.names("modality"))
    result = {}
    for method, row in catalogue.SHELVES["method"].items():
        allowed = {kind for each, kind in GRID if each == method} - ({"image"} if method in COLOURS_FIRST else set())
        result[method] = row.only or next(kind for kind in kinds if kind in allowed)
    return result


CANARIES = canaries()
LEARNING = [
    pytest.param(method, kind, marks=() if CANARIES[method] == kind else pytest.mark.slow) for method, kind in GRID
]


def experiment(method, kind, **choices):
    part = catalogue.find("method", method)
    world = scored() if part.needs_scores else WORLDS[kind]()
    learned = "score" if part.needs_scores else world.labels if part.needs_labels else None
    asked, user_parts = chosen(
        {
            **world.choices,
            "method": SHORT.get(method, method),
            "batch_size": 64,
            "precision": "fp32",
            "width": 8,
            "head_hidden": 64,
            "head_outputs": 32,
            **OWN.get(method, {}),
            **choices,
        },
        labels=learned,
        pairs="one,other" if part.needs_scores else None,
    )
    return world, prepare(world.source, asked, user_parts, began=0.0)


def accuracy(model, items, labels):
    h = model.represent(items)
    known = np.random.default_rng(0).random(len(labels)) < 0.5
    guessed = weighted_knn(h[known], labels[known], h[~known], classes=CLASSES, k=5)
    return float((guessed == labels[~known]).mean())


def test_every_kind_of_data_has_a_world():
    assert set(WORLDS) == set(catalogue.names("modality")) == set(CANARIES.values())


@pytest.mark.parametrize(("method", "kind"), LEARNING)
def test_training_beats_not_training(method, kind):
    wide = WIDE if kind == "image" else {}
    longer = LONGER if kind == "image" and method in COLOURS_FIRST else {}
    world, parts = experiment(method, kind, **{"epochs": EPOCHS.get(method, 25), **wide, **longer})
    model = Model(parts.method.encoder, parts.modality, parts.built)
    before = accuracy(model.untrained(), parts.items, world.labels)
    train(parts.method, parts.items, parts.modality, parts.recipe, RunOptions())
    after = accuracy(model, parts.items, world.labels)
    assert after > before + 0.05, (before, after)


def test_the_queue_takes_turns_and_the_slow_copy_follows():
    _, parts = experiment("moco", "table", epochs=1)
    method = parts.method
    keys = torch.nn.functional.normalize(torch.randn(300, 32), dim=1)

    def push(count):
        method.after_step(Step(1, 9, (keys[:count], keys[:count]), ItemInfo(torch.arange(count))))

    push(300)
    assert torch.equal(method.queue.vectors, keys[-256:])
    assert method.queue.items.tolist() == list(range(44, 300))
    push(200)
    push(100)
    assert torch.equal(method.queue.vectors[:44], keys[56:100])
    assert torch.equal(method.queue.vectors[44:200], keys[44:200])
    assert torch.equal(method.queue.vectors[200:], keys[:56])
    with torch.no_grad():
        for weight in method.encoder.parameters():
            weight.add_(1.0)
    push(300)
    fast = dict(method.encoder.named_parameters())
    for name, weight in method.slow[0].named_parameters():
        assert float((fast[name] - weight).detach().abs().max()) == pytest.approx(0.9, abs=0.05), name


def test_moco_compares_each_query_with_its_own_key_and_the_queue_only():
    _, parts = experiment("moco", "table", epochs=1)
    vectors = torch.randn(4, 32), torch.randn(4, 32)
    tile = parts.method.compare(vectors, ItemInfo(torch.arange(4))).tile(slice(1, 3))
    assert tile.positive.nonzero().tolist() == [[0, 1], [1, 2]]
    assert tile.negative.sum(dim=1).tolist() == [256, 256]
    assert not bool(tile.negative[:, :4].any())


def test_earlier_keys_of_an_item_are_no_negatives_of_it():
    _, parts = experiment("moco", "table", epochs=1)
    keys = torch.randn(3, 32)
    parts.method.after_step(Step(1, 9, (keys, keys), ItemInfo(torch.tensor([7, 8, 9]))))
    tile = parts.method.compare((torch.randn(2, 32), torch.randn(2, 32)), ItemInfo(torch.tensor([8, 5]))).tile(
        slice(0, 2)
    )
    assert (~tile.negative[:, 2:]).nonzero().tolist() == [[0, 1]]
