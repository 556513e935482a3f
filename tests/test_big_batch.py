"""Encoding in pieces changes nothing but memory, and says what it does to batch normalisation and dropout."""

import copy
import dataclasses
import itertools

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.interfaces import ItemInfo
from counterpoint.setup.capabilities import asks_for
from counterpoint.training.config import TrainConfig
from counterpoint.training.loop import train_step
from counterpoint.training.optimizers import sgd

BATCH = 24
INFO = ItemInfo(torch.arange(BATCH), labels=torch.arange(BATCH) % 5, same=torch.arange(BATCH) % 2 == 0)
FORMS = {"moco": "moco(queue=32, groups=1)"}


def build(name, *middle):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(6, 16), *middle, nn.ReLU(), nn.Linear(16, 12))
    objective = catalogue.find("objective", "info_nce")
    make = catalogue.find("method", FORMS.get(name, name))
    offered = {"objective": objective, "classes": 5, "items": 40}
    given = {each: part for each, part in offered.items() if asks_for(make, each)}
    return make(encoder, nn.Sequential(nn.Linear(12, 8, bias=False)), **given).double().train()


def without_batch_statistics(method):
    """The method without the normalisations of its own networks, which see one piece at a time."""
    for parent in list(method.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(parent, name, nn.Identity())
    return method


def views(method):
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(method.views, BATCH, 6, dtype=torch.float64, generator=generator))


def step(method, micro_batch, number=0):
    recipe = TrainConfig(steps=1, batch_size=BATCH, micro_batch=micro_batch)
    loss, _ = train_step(method, sgd(method, learning_rate=0.0), views(method), INFO, recipe, step=number)
    return loss, {name: weight.grad.clone() for name, weight in method.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("micro_batch", [1, 5, 12])
@pytest.mark.parametrize("name", [name for name, row in catalogue.SHELVES["method"].items() if not row.only])
def test_pieces_give_the_loss_and_gradient_of_the_undivided_step(name, micro_batch):
    micro_batch = max(micro_batch, 2) if name == "moco" else micro_batch
    divided, whole = (step(without_batch_statistics(build(name)), each) for each in (micro_batch, None))
    torch.testing.assert_close(divided, whole, rtol=1e-10, atol=1e-12)


def test_with_dropout_the_gradient_is_that_of_the_loss_that_was_computed():
    method = build("simclr", nn.Dropout(0.5))
    loss, result = step(method, 8)
    weight = method.encoder[0].weight
    direction = torch.randn(weight.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    moved = []
    for side in (1e-5, -1e-5):
        other = copy.deepcopy(method)
        with torch.no_grad():
            other.encoder[0].weight.add_(side * direction)
        moved.append(step(other, 8)[0])
    assert (moved[0] - moved[1]) / 2e-5 == pytest.approx(
        float((result["encoder.0.weight"] * direction).sum()), rel=1e-5
    )
    assert step(method, 8)[0] == loss
    assert step(method, 8, number=1)[0] != loss


def test_batch_normalisation_sees_pieces_and_remembers_each_once():
    method = build("simclr", nn.BatchNorm1d(16))
    whole = build("simclr", nn.BatchNorm1d(16))
    step(method, 8)
    step(whole, None)
    norm, undivided = method.encoder[1], whole.encoder[1]
    assert int(norm.num_batches_tracked) == 3
    assert int(undivided.num_batches_tracked) == 1
    assert norm.track_running_stats
    inputs = method.encoder[0](torch.cat([view[:8] for view in views(method)]))
    alone = nn.BatchNorm1d(16).double().train()
    alone(inputs)
    later = [method.encoder[0](torch.cat([view[at : at + 8] for view in views(method)])) for at in (8, 16)]
    for each in later:
        alone(each)
    torch.testing.assert_close(norm.running_mean, alone.running_mean)
    torch.testing.assert_close(norm.running_var, alone.running_var)


def test_normalisation_that_keeps_no_statistics_keeps_none_afterwards():
    norm = nn.BatchNorm1d(16, track_running_stats=False)
    method = build("simclr", norm)
    step(method, 8)
    assert not norm.track_running_stats
    assert norm.running_mean is None


def test_every_piece_has_dropout_of_its_own():
    method = build("simclr", nn.Dropout(0.5))
    alike = tuple(torch.ones(2, BATCH, 6, dtype=torch.float64))
    recipe = TrainConfig(steps=1, batch_size=BATCH, micro_batch=8)
    _, (z, _) = train_step(method, sgd(method, learning_rate=0.0), alike, INFO, recipe, step=0)
    pieces = z.split(8)
    assert not any(torch.equal(*pair) for pair in itertools.combinations(pieces, 2))


def test_a_run_in_pieces_resumes_and_is_a_choice_of_the_plan(tmp_path):
    from tests.worlds import records

    tiny = {"epochs": 2, "batch_size": 64, "width": 8, "head_hidden": 16, "head_outputs": 8, "precision": "fp32"}
    first, again = (cp.fit(records().source, micro_batch=16, **tiny).fingerprint() for _ in range(2))
    assert first == again
    assert first != cp.fit(records().source, **tiny).fingerprint()
    assert {each.name for each in dataclasses.fields(cp.Plan)} >= {"micro_batch"}
