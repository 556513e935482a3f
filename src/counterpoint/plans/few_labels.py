"""The choices of the verbs that learn from few labels: ``finetune``, ``distill`` and ``semi``."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.plans.choices import LARGEST_SEED, Choices, choice


@dataclass(frozen=True, kw_only=True)
class FinetunePlan(Choices):
    """Every choice of a fine-tuning.

    >>> FinetunePlan(per_class=10).head_layers
    1
    """

    per_class: int | None = choice(None, "Labels per class to learn from; None for all.", low=1)
    fraction: float | None = choice(None, "Share of every class's labels to learn from.", low=0, high=1)
    head_layers: int = choice(1, "Layers of the projection head that are kept: 0 as SimCLR, 1 as SimCLRv2.", low=0)
    frozen: bool = choice(False, "Freeze the encoder and train only the layers on top of it.")
    epochs: int | None = choice(None, "Passes over the labelled items; None to fit their number.", low=1)
    minutes: float | None = choice(None, "Time for all of it; None for as long as the passes take.", low=0.1)
    deliver: str = choice("best", "The classifier to keep: best by cross-validation, probe or finetuned.")
    batch_size: int = choice(64, "Labelled items in one step.", low=2)
    optimizer: str = choice("adamw", "Optimiser: counterpoint list optimizers.")
    learning_rate: float | None = choice(
        None, "For a batch of 256; None for a quarter of the optimiser's own, or what a network of hf: wants.", low=0
    )
    seed: int = choice(0, "Random seed: of the labels that are drawn, and of the run.", low=0, high=LARGEST_SEED)


@dataclass(frozen=True, kw_only=True)
class DistillPlan(Choices):
    """Every choice of a distillation.

    >>> DistillPlan(minutes=5).encoder
    'same'
    """

    encoder: str = choice("same", "The student's network; same for the teacher's: counterpoint list encoders.")
    width: int | None = choice(None, "Width of the student's first stage; None for the encoder's own.", low=1)
    match: str = choice("auto", "What to match of the teacher: answers, vectors, or auto for answers if it has any.")
    temperature: float | None = choice(
        None,
        "Softmax temperature; above 1 unlikely classes count more. None for 1, and for 0.1 with vectors.",
        low=0.01,
    )
    neighbours: int = choice(
        10, "Nearest neighbours whose answers are averaged with an item's while labels are few; 0 for none.", low=0
    )
    teacher_sees: str = choice(
        "auto",
        "Input of a teacher of vectors: views, as for the student, or items without augmentation, encoded once; "
        "auto for items where the teacher is a network of hf:.",
    )
    start: str | None = choice(None, "A run of the student's network to start from; None for new weights.")
    label_weight: float = choice(0.0, "Weight of true labels relative to the teacher's answers.", low=0, high=1)
    epochs: int | None = choice(None, "Passes over the items; None to fit their number.", low=1)
    minutes: float | None = choice(None, "Time for the training; plans the epochs.", low=0.01)
    batch_size: int | None = choice(None, "Items in one step; None for 256, fewer for small data.", low=2)
    optimizer: str = choice("adamw", "Optimiser: counterpoint list optimizers.")
    learning_rate: float | None = choice(None, "For a batch of 256; None for the optimiser's own.", low=0)
    seed: int = choice(0, "Random seed of the run.", low=0, high=LARGEST_SEED)


@dataclass(frozen=True, kw_only=True)
class SemiPlan(Choices):
    """Every choice of ``semi``, from unlabelled data and few labels to a small classifier.

    >>> SemiPlan(per_class=10, minutes=8).deliver
    'best'
    """

    per_class: int | None = choice(None, "Labels per class to learn from; others are for testing. None for all.", low=1)
    fraction: float | None = choice(None, "The same as a share of every class's labels.", low=0, high=1)
    minutes: float | None = choice(None, "Time for all of it; None for 8, unless epochs are given.", low=0.1)
    epochs: int | None = choice(None, "Passes over the data in pretraining, and in distillation.", low=1)
    modality: str = choice("auto", "Modality, or auto to recognise it: counterpoint list modalities.")
    encoder: str = choice("auto", "The teacher's network: counterpoint list encoders.")
    width: int | None = choice(None, "Width of the teacher's first stage; None for the encoder's own.", low=1)
    student: str = choice("same", "The student's network; same for the teacher's: counterpoint list encoders.")
    student_width: int | None = choice(None, "Width of the student's first stage; None for the encoder's own.", low=1)
    batch_size: int | None = choice(None, "Items compared in one step; None for 256, fewer for small data.", low=2)
    deliver: str = choice("best", "The classifier to keep: best by cross-validation, probe, finetuned or student.")
    draws: int | None = choice(
        None, "Random draws of the labels, to measure what they are worth; None for 3 where minutes allow it.", low=0
    )
    seed: int = choice(0, "Random seed: of the labels that are drawn, and of the run.", low=0, high=LARGEST_SEED)
