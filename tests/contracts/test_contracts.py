"""All parts of the catalogue, and the two toys, keep the contracts of ``counterpoint.testing``."""

import pytest
import torch

from counterpoint import catalogue
from counterpoint.encoders.lookup import Lookup
from counterpoint.testing import BrokenContract, check_method, check_modality, check_objective
from counterpoint.testing.trial import ROWS
from tests.toys.worlds import pairs_of_sides, sets_of_points
from tests.worlds import WORLDS

NEEDS = {
    "sup_con": ("positives",),
    "sup_con_in": ("positives",),
    "spectral": ("positives",),
    "align_uniform": ("positives",),
    "sigmoid": (),
    "margin": (),
}
"""What an anchor must have to have a loss, where it is not both positives and negatives."""

COMPETING = {"sup_con", "triplet_semi_hard"}
"""A positive of ``sup_con`` stands among the rivals of the others; one of ``triplet_semi_hard`` that overtakes a
negative is compared with it from then on."""


def test_every_objective_keeps_its_contract():
    for name in catalogue.names("objective"):
        check_objective(name, needs=NEEDS.get(name, ("positives", "negatives")), monotone=name not in COMPETING)


def test_what_a_contract_leaves_open_is_really_open():
    for name in COMPETING:
        with pytest.raises(BrokenContract, match="more similar raises the loss, from"):
            check_objective(name, monotone=True)
    for name in NEEDS:
        lacking = {"positives", "negatives"} - set(NEEDS[name])
        with pytest.raises(BrokenContract, match="has loss 0 and gradient 0"):
            check_objective(name, needs=lacking, monotone=name not in COMPETING)


def words(number):
    return torch.randint(1, 20, (ROWS, 9), generator=torch.Generator().manual_seed(0))


OF_WORDS = {"encoder": lambda: Lookup(torch.full((20,), 50.0), pad=0, width=8), "view": words}


def test_every_method_keeps_its_contract():
    for name in catalogue.names("method"):
        check_method(name, **(OF_WORDS if name == "skipgram" else {}))


def test_every_modality_keeps_its_contract():
    for name in catalogue.names("modality"):
        check_modality(name, WORLDS[name](count=24).source)
    check_modality("tests.toys.points:Points", sets_of_points(24)[0])
    check_modality("tests.toys.sides:Sides", pairs_of_sides(24)[0])
