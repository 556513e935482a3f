"""The training settings of a classifier that learns from labels or from a teacher."""

from __future__ import annotations

from counterpoint import catalogue
from counterpoint.errors import InputError
from counterpoint.modality import augmentation_of
from counterpoint.model import Model
from counterpoint.plans import DistillPlan, FinetunePlan
from counterpoint.training.config import TrainConfig
from counterpoint.training.devices import choose_device, choose_precision, keep_freed_memory
from counterpoint.training.optimizers import default_rates


def recipe(
    requested: FinetunePlan | DistillPlan, batch_size: int, *, gentle: float = 1.0, wanted: float | None = None
) -> TrainConfig:
    """Training settings, whose number of steps is set later.

    Without a learning rate of the user it is ``wanted``, else the optimiser's default times ``gentle``.
    """
    keep_freed_memory()
    device = choose_device("auto")
    make = catalogue.find("optimizer", requested.optimizer)
    default_rate, decay = default_rates(make)
    usual = gentle * default_rate if wanted is None else wanted
    return TrainConfig(
        steps=1,
        batch_size=batch_size,
        optimizer=make,
        learning_rate=usual if requested.learning_rate is None else requested.learning_rate,
        weight_decay=decay,
        seed=requested.seed,
        device=device,
        precision=choose_precision("auto", device),
    )


def require_views(model: Model) -> None:
    """Refuse a model whose augmentation was not saved: it can embed, but not be trained further."""
    if not augmentation_of(model.modality).available:
        raise InputError("This model was trained with views by a callable, which is not saved: give a model in memory.")
