"""Recipes of papers: every one is built and learns, has the paper's learning rate, and gives way to what is chosen."""

import dataclasses
import json
import time
from pathlib import Path

import pytest
import torch

import counterpoint as cp
from counterpoint import catalogue
from counterpoint.errors import PlanError, UnknownName
from counterpoint.recipes.recipe import Published, published
from counterpoint.setup.dataset import chosen
from counterpoint.setup.experiment import prepare
from counterpoint.setup.progress import summary_lines
from counterpoint.training.config import TrainConfig
from counterpoint.training.loop import train
from counterpoint.training.optimizers import lars, set_rate, sgd
from counterpoint.training.schedules import constant, in_proportion, linear, steps, unscaled
from tests.worlds import remarks, stripes

RECIPES = catalogue.names("recipe")
PEAKS = {
    "simclr-imagenet-resnet50": 4.8,
    "simclr-cifar10-resnet18": 2.0,
    "simclr_v2-imagenet-resnet50": 6.4,
    "moco_v1-imagenet-resnet50": 0.03,
    "moco_v2-imagenet-resnet50": 0.03,
    "moco_v3-imagenet-resnet50": 4.8,
    "byol-imagenet-resnet50": 3.2,
    "simsiam-imagenet-resnet50": 0.1,
    "simsiam-cifar10-resnet18": 0.06,
    "barlow_twins-imagenet-resnet50": 1.6,
    "vicreg-imagenet-resnet50": 1.6,
    "swav-imagenet-resnet50": 4.8,
    "dino-imagenet-resnet50": 0.3 * 4080 / 256,
    "nnclr-imagenet-resnet50": 4.8,
    "sup_con-cifar10-resnet50": 0.5,
    "simcse-wikipedia-bert_base": 3e-5,
    "simcse-nli-bert_base": 5e-5,
}
"""The highest learning rate at the paper's batch, as the sources of the recipes have it."""

COMPLETE = {
    *("method", "encoder", "views", "view_size", "head_layers", "head_outputs", "batch_size", "epochs"),
    *("optimizer", "learning_rate", "scaling", "schedule", "warmup", "weight_decay"),
}
TINY = {"width": 4, "batch_size": 32, "head_hidden": 16, "head_outputs": 8, "epochs": 1, "precision": "fp32"}


def tiny(name, **choices):
    """A recipe on 64 items of a tiny world, with a tiny network: source, labels, choices."""
    text = catalogue.SHELVES["recipe"][name].only == "text"
    world = remarks(64) if text else stripes(64)
    user_parts = {"encoder": "bag"} if text else {"encoder": "conv2d", "view_size": 16}
    labels = world.labels if name.startswith("sup_con") else None
    return world.source, labels, {"recipe": name, **user_parts, **TINY, **choices}


def experiment(name, **choices):
    source, labels, choices = tiny(name, **choices)
    plan, user_parts = chosen(choices, labels=labels)
    return prepare(source, plan, user_parts, began=time.monotonic())


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_its_method_and_takes_a_step(name):
    ready = experiment(name)
    before = [weight.clone() for weight in ready.method.parameters() if weight.requires_grad]
    train(ready.method, ready.items, ready.modality, dataclasses.replace(ready.recipe, steps=2, warmup=0.0))
    after = [weight for weight in ready.method.parameters() if weight.requires_grad]
    assert any(not torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_every_recipe_is_complete_and_has_the_learning_rate_of_its_paper():
    assert set(PEAKS) == set(RECIPES)
    for name in RECIPES:
        recipe = published(name)
        assert set(recipe.choices) >= COMPLETE, name
        assert recipe.source
        assert recipe.figure
        assert recipe.peak == pytest.approx(PEAKS[name]), name
        plan, _ = chosen({"recipe": name})
        assert {each: getattr(plan, each) for each in recipe.choices} == dict(recipe.choices)


def test_the_page_says_what_every_recipe_reached_and_departs_from():
    page = (Path(__file__).parent.parent / "docs/recipes.md").read_text(encoding="utf-8")
    for name in RECIPES:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        recipe = published(name)
        for said in (recipe.figure, recipe.source, recipe.departs):
            assert said in row, (name, said)


def test_the_rate_follows_a_smaller_batch_by_the_papers_scaling():
    assert experiment("byol-imagenet-resnet50").recipe.peak == pytest.approx(0.2 * 32 / 256)
    assert experiment("simclr-imagenet-resnet50").recipe.peak == pytest.approx(0.075 * 32**0.5)
    assert experiment("simcse-wikipedia-bert_base").recipe.peak == pytest.approx(3e-5)


def test_what_a_person_chooses_stays_and_is_said_beside_what_was_published():
    source, _, choices = tiny("simclr-cifar10-resnet18", temperature=0.2)
    summary = cp.plan(source, **choices)
    assert (summary["recipe"], summary["plan"]["recipe"]) == ("simclr-cifar10-resnet18",) * 2
    assert summary["departures"]["temperature"] == [0.5, 0.2]
    assert "weight_decay" not in summary["departures"]
    lines = [line.strip() for line in summary_lines(summary)]
    assert "recipe    simclr-cifar10-resnet18" in lines
    assert "temperature 0.2 instead of 0.5" in lines


def test_a_run_keeps_its_recipe_and_goes_on_with_it(tmp_path):
    source, _, choices = tiny("simsiam-cifar10-resnet18")
    cp.fit(source, out=tmp_path / "run", **choices)
    kept = json.loads((tmp_path / "run/plan.json").read_text(encoding="utf-8"))
    assert kept["settled"]["recipe"] == "simsiam-cifar10-resnet18"
    assert kept["summary"]["departures"]["batch_size"] == [512, 32]
    assert kept["settled"]["schedule"] == "cosine"
    cp.fit(source, out=tmp_path / "run", resume=True, **choices)


def test_minutes_take_the_place_of_the_papers_epochs():
    plan, _ = chosen({"recipe": "byol-imagenet-resnet50", "minutes": 3.0})
    assert (plan.epochs, plan.minutes) == (None, 3.0)


def test_local_views_of_a_recipe_can_be_left_out():
    assert experiment("swav-imagenet-resnet50").recipe.local_views == 6
    assert experiment("swav-imagenet-resnet50", local_views=0).recipe.local_views == 0


def test_a_recipe_that_is_none_or_of_something_else_is_met_with_advice(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'simclr-cifar10-resnet18'"):
        chosen({"recipe": "simclr-cifar-resnet18"})
    with pytest.raises(PlanError, match="no options"):
        chosen({"recipe": "simclr-cifar10-resnet18(batch_size=64)"})
    with pytest.raises(PlanError, match="of the method 'byol'"):
        chosen({"recipe": "byol-imagenet-resnet50", "method": "moco"})
    with pytest.raises(PlanError, match="is for image data, not for text"):
        cp.plan(remarks(64).source, recipe="byol-imagenet-resnet50")
    with pytest.raises(PlanError, match="is no recipe"):
        chosen({"recipe": "tests.worlds:stripes"})
    with pytest.raises(PlanError, match="A recipe is of one method"):
        cp.compare("photos", out=tmp_path / "compared", methods=["byol"], recipe="byol-imagenet-resnet50")


MINE = Published(
    source="ours",
    figure="none",
    choices={"method": "moco(queue=64)", "learning_rate": 0.5, "batch_size": 64, "scaling": "none"},
)


def test_a_recipe_can_be_ones_own():
    plan, _ = chosen({"recipe": "tests.test_recipes:MINE", "method": "moco(queue=128)"})
    assert (plan.method, plan.learning_rate) == ("moco(queue=128)", 0.5)


def test_schedules_and_scalings():
    rates = [
        TrainConfig(steps=10, learning_rate=1.0, warmup=0.0, schedule=part).rate(9, 10) for part in (steps, constant)
    ]
    assert rates == pytest.approx([0.01, 1.0])
    assert TrainConfig(steps=10, learning_rate=1.0, warmup=0.0, schedule=linear).rate(5, 10) == pytest.approx(5 / 9)
    for scaling, peak in ((in_proportion, 4.0), (unscaled, 1.0)):
        assert TrainConfig(steps=1, batch_size=1024, learning_rate=1.0, scaling=scaling).peak == peak
    for progress, share in ((0.0, 1.0), (0.25, 0.8), (1.0, 0.2)):
        assert linear(progress, end=0.2) == pytest.approx(share)


def test_biases_can_be_given_a_share_of_the_rate():
    optimizer = lars(torch.nn.Linear(2, 2), biases=0.25)
    set_rate(optimizer, 2.0)
    assert [group["lr"] for group in optimizer.param_groups] == [2.0, 0.5]
    assert not sgd(torch.nn.Linear(2, 2), nesterov=False).param_groups[0]["nesterov"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"optimizer": "sgd(momentum=1.5)"},
        {"optimizer": "adamw(betas=0.9)"},
        {"optimizer": "lars(trust=-1)"},
        {"schedule": "cosine(end=2)"},
        {"schedule": "steps(at=0.5)"},
        {"schedule": "cosin"},
        {"scaling": "cubic"},
    ],
    ids=str,
)
def test_what_no_step_can_be_taken_with_is_refused_before_anything_is_written(wrong, tmp_path):
    with pytest.raises((PlanError, UnknownName)):
        cp.fit(stripes(64).source, out=tmp_path / "run", **TINY, **wrong)
    assert not (tmp_path / "run").exists()
