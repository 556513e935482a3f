"""CSI: the loss as slow loops, turned views, and what it refuses."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.comparison.loss import loss_of
from counterpoint.errors import PlanError
from counterpoint.interfaces import ItemInfo, Step
from counterpoint.negatives.bank import Bank
from counterpoint.objectives.info_nce import info_nce
from counterpoint.setup.experiment import chosen, prepare
from counterpoint.testing import check_method
from counterpoint.training.batches import make_batch
from tests.worlds import records, stripes

BATCH, WIDTH, T, WEIGHT = 3, 5, 0.3, 0.7


def build(spec):
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(6, WIDTH))
    return catalogue.find("method", spec)(nn.Identity(), head, partial(info_nce, temperature=T)).double()


def slow_contrast(z):
    """Views 2s and 2s + 1 of an item are each other's positive; all others, also of the item, are negatives."""
    rows = {(view, item): z[view][item].tolist() for view in range(8) for item in range(BATCH)}

    def e(one, other):
        a, b = rows[one], rows[other]
        return math.exp(sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b) / T)

    losses = [
        -math.log(e(row, (row[0] ^ 1, row[1])) / sum(e(row, other) for other in rows if other != row)) for row in rows
    ]
    return sum(losses) / len(losses)


def slow_classifier(scores):
    losses = []
    for view in range(8):
        for item in range(BATCH):
            row = scores[view][item].tolist()
            losses.append(math.log(sum(math.exp(x) for x in row)) - row[view // 2])
    return sum(losses) / len(losses)


def test_the_loss_is_the_formula_of_the_paper():
    method = build(f"csi(weight={WEIGHT})")
    vectors = method.project(tuple(torch.randn(8, BATCH, 6, dtype=torch.float64)))
    assert len(vectors) == 16
    contrast, classifier = method.outcomes(vectors, ItemInfo(torch.tensor([4, 9, 2])))
    found = float((loss_of(contrast, method.objective) / len(contrast.anchors)).detach())
    assert found == pytest.approx(slow_contrast(vectors[8:]), rel=1e-9)
    assert float(classifier.mean().detach()) == pytest.approx(WEIGHT * slow_classifier(vectors[:8]), rel=1e-9)


def test_a_bank_has_the_numbers_of_the_items_whose_vectors_it_keeps():
    method = build("csi")
    vectors, info = method.project(tuple(torch.randn(8, BATCH, 6, dtype=torch.float64))), ItemInfo(torch.arange(BATCH))
    bank = Bank(BATCH, WIDTH).double()
    bank.after_step(Step(1, 2, vectors, info))
    contrast = bank(method.compare(vectors, info)[0], info)
    positive, negative = contrast.relation.masks(slice(None))
    last, kept = slice(7 * BATCH, None), slice(8 * BATCH, None)
    assert torch.equal(contrast.candidates[kept], contrast.anchors[last])
    assert not positive[:, kept].any()
    assert torch.equal(negative[last, kept], ~torch.eye(BATCH, dtype=torch.bool))


def test_without_a_classifier_it_is_contrast_alone():
    check_method("csi(weight=0)")
    assert build("csi(weight=0)").top is None
    with pytest.raises(PlanError, match="weight"):
        build("csi(weight=-1)")


def test_views_of_a_shift_are_turned_and_the_first_ones_are_as_of_other_methods():
    source = np.zeros((20, 8, 8), dtype=np.uint8)
    source[:, 0, :] = 200  # bright at the top
    views = "grey(scale=1, ratio=1, mirror=0, colour=0, erase=0)"
    parts = prepare(source, *chosen({"method": "csi", "views": views, "epochs": 1}), began=0.0)
    batch = partial(make_batch, parts.items, parts.modality, parts.recipe, step=0)
    drawn = batch(count=8, shifts=4)[1]
    edges = [(view[0, 0, 0, 4], view[0, 0, 4, 0], view[0, 0, -1, 4], view[0, 0, 4, -1]) for view in drawn]
    brightest = [int(torch.stack(each).argmax()) for each in edges]
    assert brightest == [0, 0, 1, 1, 2, 2, 3, 3]  # top, left, bottom, right: against the clock
    plain = batch(count=8)[1]
    assert all(torch.equal(one, other) for one, other in zip(drawn[:2], plain[:2], strict=True))


def test_it_trains_on_pictures_with_batches_of_its_own_and_refuses_data_that_cannot_be_shifted():
    pictures = stripes(count=400).source
    parts = prepare(pictures, *chosen({"method": "csi", "width": 8}), began=0.0)
    assert (parts.plan.batch_size, parts.plan.epochs) == (64, 188)  # of 512 views; 600,000 views in all
    model = cp.fit(pictures[:24], method="csi", epochs=1, width=4, head_hidden=8, head_outputs=4, quiet=True)
    assert model.embed(pictures[:4]).vectors.shape == (4, 512)
    with pytest.raises(PlanError, match="'csi' is for image data, not for table"):
        cp.fit(records(count=40).source, method="csi", epochs=1, quiet=True)
    with pytest.raises(PlanError, match="cannot do without a head"):
        cp.fit(pictures[:24], method="csi", head_layers=0, epochs=1, quiet=True)
