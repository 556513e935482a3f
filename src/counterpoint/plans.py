"""Every choice of a run, one flat frozen record. Defaults and help stand here and nowhere else.

``None`` and ``"auto"`` are settled before training from the data and the machine, then printed and saved.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from counterpoint.errors import PlanError, closest, listed, option

LARGEST_SEED, LONGEST = 2**53, 2**16
"""What records of a run may hold as a seed, and as the length of a vector: what could not be read again is refused."""


def choice(default: Any, help: str, *, low: float | None = None, high: float | None = None) -> Any:
    """A field of the plan with its help and the range in which it makes sense."""
    return field(default=default, metadata={"help": help, "low": low, "high": high})


Record = TypeVar("Record", bound="Choices")

WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "text", type(None): "None"}
"""What the types of choices are called."""


@functools.cache
def _kinds(record: type) -> dict[str, Any]:
    """The types of the choices of a record, found once."""
    return typing.get_type_hints(record)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What every record of choices can do: check each against its own kind and range, name them, be written."""

    def __post_init__(self) -> None:
        record: type = type(self)
        kinds = _kinds(record)
        for each in dataclasses.fields(self):
            object.__setattr__(self, each.name, plain(getattr(self, each.name)))
            check(option(each.name), getattr(self, each.name), kinds[each.name], each.metadata)
        if getattr(self, "epochs", None) is not None and getattr(self, "minutes", None) is not None:
            raise PlanError("Give --epochs or --minutes, not both: a time budget plans the epochs.")

    @classmethod
    def of(cls: type[Record], choices: Mapping[str, Any]) -> Record:
        """The record from names and values; an unknown name is met with a suggestion."""
        known = [each.name for each in dataclasses.fields(cls)]
        what = cls.__name__.lower()
        for name in choices:
            if name not in known:
                raise PlanError(f"A {what} has no choice '{name}'.{closest(name, known)} Choices: {listed(known, 40)}.")
        return cls(**{name: plain(value) for name, value in choices.items()})

    def record(self) -> dict[str, Any]:
        """The choices as JSON can hold them."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Plan(Choices):
    """Every choice of a run.

    >>> Plan(temperature=0.5).temperature
    0.5
    >>> Plan(temperature=-1)
    Traceback (most recent call last):
    counterpoint.errors.PlanError: temperature must be at least 0.001. Got -1.
    """

    recipe: str | None = choice(
        None, "Choices of a published run, for whatever is left open here: counterpoint list recipes."
    )
    modality: str = choice("auto", "Kind of data, or auto to recognise it: counterpoint list modalities.")
    method: str = choice("simclr", "Way to learn: counterpoint list methods.")
    objective: str = choice("auto", "Loss of a comparison; auto for the method's own: counterpoint list objectives.")
    negatives: str = choice("auto", "Who is told apart; auto for the method's own: counterpoint list negatives.")
    similarity: str = choice(
        "auto", "How alike two vectors are; auto for the objective's own: counterpoint list similarities."
    )
    temperature: float | str | None = choice(
        None,
        "Sharpness of the comparison; lower looks harder at near items. None for the method's own, mostly 0.1; or one "
        "that changes: counterpoint list temperatures.",
        low=0.001,
    )
    encoder: str = choice("auto", "Network, or timm:NAME, or hf:PATH of text or images: counterpoint list encoders.")
    weights: str | None = choice(
        None, "File of weights that the encoder begins with: .safetensors, .pt or .pth; matched by name and shape."
    )
    width: int | None = choice(None, "Width of the encoder's first stage; None for the encoder's own.", low=1)
    head_layers: int | None = choice(
        None, "Linear layers of the projection head, 0 for none; None for the method's own, mostly 2.", low=0, high=5
    )
    head_hidden: int | None = choice(
        None, "Width of the head's hidden layers; None for the method's own, mostly 512.", low=2, high=LONGEST
    )
    head_outputs: int | None = choice(
        None, "Length of the vectors that are compared; None for the method's own, mostly 128.", low=2, high=LONGEST
    )
    matryoshka: str | None = choice(
        None, "Lengths of vectors that shall serve by themselves, such as 64,128; without a head (Matryoshka)."
    )
    views: str = choice("auto", "How to look at items, or package.module:name: counterpoint list views.")
    view_size: int | None = choice(
        None, "Height and width of an image's view in pixels, or tokens of a text; None to fit the data.", low=4
    )
    local_views: int | None = choice(
        None,
        "Smaller views of each item beside the usual two (multi-crop), for methods that can use them; None for none.",
        low=0,
    )
    epochs: int | None = choice(
        None, "Passes over the data, 0 to take a pretrained encoder as it is; None to fit the size of the data.", low=0
    )
    minutes: float | None = choice(None, "Time for the whole run; plans the epochs.", low=0.01)
    batch_size: int | None = choice(
        None, "Items compared in one step; None for the method's own, mostly 256, and fewer for small data.", low=2
    )
    at_once: int | None = choice(
        None, "Items encoded at once, for batches beyond memory: same gradient; None for all.", low=2
    )
    optimizer: str = choice("auto", "Optimiser; auto for the method's own, mostly adamw: counterpoint list optimizers.")
    learning_rate: float | None = choice(
        None,
        "For a batch of 256; grows with the batch by --scaling. None for the optimiser's own, or the method's.",
        low=0,
    )
    scaling: str = choice(
        "auto",
        "How the learning rate grows with the batch; auto for sqrt, its square root: counterpoint list scalings.",
    )
    schedule: str = choice(
        "auto", "How the learning rate falls behind the rise; auto for cosine: counterpoint list schedules."
    )
    weight_decay: float | None = choice(None, "Decay of weights, not of biases and norms.", low=0)
    warmup: float | None = choice(
        None, "Share of the steps in which the learning rate rises; None for 0.05, more in short runs.", low=0, high=1
    )
    seed: int = choice(0, "Names the random numbers of the run.", low=0, high=LARGEST_SEED)
    device: str = choice("auto", "cpu, cuda, mps, or auto.")
    precision: str = choice("auto", "bf16, fp32, or auto: bf16 where this machine computes it rightly and faster.")
    track: str | None = choice(None, "Where else to write the curves: counterpoint list trackers.")
    save_every: int | None = choice(None, "Steps between saved states; None for about once a minute.", low=1)


@dataclass(frozen=True, kw_only=True)
class Tuning(Choices):
    """Every choice of a fine-tuning.

    >>> Tuning(per_class=10).head_layers
    1
    """

    per_class: int | None = choice(None, "Learn from so many labels of every class; None for all.", low=1)
    fraction: float | None = choice(None, "Learn from this share of every class's labels.", low=0, high=1)
    head_layers: int = choice(1, "Layers of the projection head that are kept: 0 as SimCLR, 1 as SimCLRv2.", low=0)
    frozen: bool = choice(False, "Leave the encoder as it is and learn only what stands on it.")
    epochs: int | None = choice(None, "Passes over the labelled items; None to fit their number.", low=1)
    minutes: float | None = choice(None, "Time for all of it; None for as long as the passes take.", low=0.1)
    deliver: str = choice("best", "What is handed over: best by cross-validation, probe or finetuned.")
    batch_size: int = choice(64, "Labelled items in one step.", low=2)
    optimizer: str = choice("adamw", "Optimiser: counterpoint list optimizers.")
    learning_rate: float | None = choice(
        None, "For a batch of 256; None for a quarter of the optimiser's own, or what a network of hf: wants.", low=0
    )
    seed: int = choice(
        0, "Names the labels that are drawn and the random numbers of the run.", low=0, high=LARGEST_SEED
    )


@dataclass(frozen=True, kw_only=True)
class Distilling(Choices):
    """Every choice of a distillation.

    >>> Distilling(minutes=5).encoder
    'same'
    """

    encoder: str = choice("same", "The student's network; same for the teacher's: counterpoint list encoders.")
    width: int | None = choice(None, "Width of the student's first stage; None for the encoder's own.", low=1)
    match: str = choice("auto", "What is learned of the teacher: answers, vectors, or auto for answers if it has any.")
    temperature: float | None = choice(
        None, "Above 1 what the teacher thinks unlikely counts more; None for 1, and for 0.1 with vectors.", low=0.01
    )
    neighbours: int = choice(
        10, "Items most alike that share their answers with an item while labels are few; 0 for none.", low=0
    )
    teacher_sees: str = choice(
        "auto",
        "What a teacher of vectors sees: views, as the student does, or once all items as they are; "
        "auto for items where the teacher is a network of hf:.",
    )
    start: str | None = choice(None, "A run to begin at, of the student's own network; None to begin anew.")
    label_weight: float = choice(0.0, "Weight of true labels beside the teacher's answers.", low=0, high=1)
    epochs: int | None = choice(None, "Passes over the items; None to fit their number.", low=1)
    minutes: float | None = choice(None, "Time for the training; plans the epochs.", low=0.01)
    batch_size: int | None = choice(None, "Items in one step; None for 256, fewer for small data.", low=2)
    optimizer: str = choice("adamw", "Optimiser: counterpoint list optimizers.")
    learning_rate: float | None = choice(None, "For a batch of 256; None for the optimiser's own.", low=0)
    seed: int = choice(0, "Names the random numbers of the run.", low=0, high=LARGEST_SEED)


@dataclass(frozen=True, kw_only=True)
class Lifecycle(Choices):
    """Every choice of the way from unlabelled data and few labels to a small classifier.

    >>> Lifecycle(per_class=10, minutes=8).deliver
    'best'
    """

    per_class: int | None = choice(
        None, "Learn from so many labels of every class and be asked about others; None for all.", low=1
    )
    fraction: float | None = choice(None, "The same for a share of every class's labels.", low=0, high=1)
    minutes: float | None = choice(None, "Time for all of it; None for 8, unless epochs are given.", low=0.1)
    epochs: int | None = choice(None, "Passes over the data of contrast, and of distillation.", low=1)
    encoder: str = choice("auto", "The teacher's network: counterpoint list encoders.")
    width: int | None = choice(None, "Width of the teacher's first stage; None for the encoder's own.", low=1)
    student: str = choice("same", "The student's network; same for the teacher's: counterpoint list encoders.")
    student_width: int | None = choice(None, "Width of the student's first stage; None for the encoder's own.", low=1)
    batch_size: int | None = choice(None, "Items compared in one step; None for 256, fewer for small data.", low=2)
    deliver: str = choice("best", "What is handed over: best by cross-validation, probe, finetuned or student.")
    draws: int | None = choice(
        None, "How often labels are drawn anew to say what they are worth; None for 3 where minutes allow it.", low=0
    )
    seed: int = choice(
        0, "Names the labels that are drawn and the random numbers of the run.", low=0, high=LARGEST_SEED
    )


@dataclass(frozen=True, kw_only=True)
class Lab(Choices):
    """Every choice of a look at what views do.

    >>> Lab(items=500).seed
    0
    """

    modality: str = choice("auto", "Kind of data, or auto to recognise it: counterpoint list modalities.")
    encoder: str = choice("auto", "Network, never trained, that views are measured by: counterpoint list encoders.")
    width: int | None = choice(None, "Width of its first stage; None for the encoder's own.", low=1)
    view_size: int | None = choice(None, "Height and width of an image's view in pixels; None to fit the data.", low=4)
    items: int = choice(1024, "Items that are looked at, drawn at random; those with labels first.", low=20)
    seed: int = choice(0, "Names the random numbers.", low=0, high=LARGEST_SEED)


def plain(value: Any) -> Any:
    """A number of NumPy or torch as one of Python, which JSON can hold; anything else as it is.

    >>> import numpy
    >>> plain(numpy.int64(3)), plain("3")
    (3, '3')
    """
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def within(name: str, value: Any, low: float, high: float | None = None, *, kind: Any = float) -> None:
    """Raise ``PlanError`` unless a choice is a number in [low, high], whole if its ``kind`` is int.

    >>> within("mirror", 2, 0, 1)
    Traceback (most recent call last):
    counterpoint.errors.PlanError: mirror must be at most 1. Got 2.
    >>> within("k", 1.5, 1, kind=int)
    Traceback (most recent call last):
    counterpoint.errors.PlanError: k must be a whole number. Got 1.5.
    """
    check(name, value, kind, {"low": low, "high": high})


def check(name: str, value: Any, kind: Any, limits: Mapping[str, Any]) -> None:
    """Raise ``PlanError`` unless a choice is of its kind and in its range."""
    value, allowed = plain(value), typing.get_args(kind) or (kind,)
    if float in allowed:
        allowed = (*allowed, int)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        wanted = " or ".join(WORDS[each] for each in typing.get_args(kind) or (kind,))
        raise PlanError(f"{name} must be {wanted}. Got {value!r}.")
    if not isinstance(value, int | float):
        return
    low, high = limits["low"], limits["high"]
    if low is not None and not value >= low:
        raise PlanError(f"{name} must be at least {low}. Got {value!r}.")
    if high is not None and not value <= high:
        raise PlanError(f"{name} must be at most {high}. Got {value!r}.")
