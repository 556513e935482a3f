"""Types of the JSON files of a run folder, by which every reader validates them. Files may hold further fields.

Each is as narrow as its readers require, so that a foreign file is refused in a sentence and not in a traceback. Names
of parts are strings here, and are looked up as ``trust`` allows.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from counterpoint.storage.typed_json import Between, Count, Digest, Length, Size

Value = str | int | float | bool | None
"""Of a choice."""

Share = Annotated[float, Between(0, 1)]
Level = Literal["good", "warning", "bad"]


class Ends(TypedDict):
    """A value and its interval."""

    value: float
    low: float
    high: float


class Head(TypedDict):
    """The projection head in ``config.json``."""

    inputs: Length
    hidden: Size
    outputs: Length
    layers: Annotated[int, Between(1, 5)]
    weights: Digest


class Config(TypedDict):
    """``config.json``: how the encoder is built, and its modality."""

    format: NotRequired[Literal[1]]
    modality: str
    settings: dict[str, object]
    weights: Digest
    apart: NotRequired[dict[str, Digest]]
    encoder: NotRequired[str | None]
    width: NotRequired[Size | None]
    seed: NotRequired[Count]
    initial_weights: NotRequired[str | None]
    adopted: NotRequired[bool]
    head: NotRequired[Head | None]


class Stand(TypedDict):
    """The arguments of ``stand``."""

    inputs: Length
    hidden: Size
    head_layers: Annotated[int, Between(0, 5)]
    classes: Size


class Top(TypedDict):
    """``classifier.json``: the layers on an encoder."""

    built: Stand
    classes: list[str]
    temperature: Annotated[float, Between(1e-6, 1e6)]
    kind: NotRequired[Literal["one", "any"]]
    learned: NotRequired[list[str]]
    weights: Digest
    model: Digest


class Plan(TypedDict):
    """``plan.json``: every choice, as requested and as resolved, and the data."""

    source: str
    source_path: NotRequired[str | None]
    source_seal: NotRequired[str | None]
    asked: dict[str, Value]
    settled: dict[str, Value]
    command: NotRequired[str | None]
    verb: NotRequired[str]
    data: NotRequired[dict[str, Value]]
    identity: NotRequired[str]
    items: NotRequired[Count]
    steps_per_epoch: NotRequired[Count]
    classes: NotRequired[dict[str, Count]]
    started: NotRequired[str]
    machine: NotRequired[dict[str, Value]]
    learned_from_labels: NotRequired[bool | None]


class Sentence(TypedDict):
    """One finding of a verdict."""

    level: Level
    kind: NotRequired[str]
    sentence: str


class Verdict(TypedDict):
    """``verdict.json``: whether it learned."""

    verdicts: list[Sentence]
    steps: NotRequired[Count]
    seconds: NotRequired[float]


class Measured(TypedDict):
    """A line of ``metrics.jsonl``; measured values may be NaN."""

    step: Count
    steps: Count
    seconds: float
    effective_rank_z: NotRequired[float]
    effective_rank_z_limit: NotRequired[float]
    compared: NotRequired[float]


class Answered(TypedDict):
    """An item and its prediction."""

    name: str
    answer: str
    probability: Share
    second: str
    label: NotRequired[str]


class Classified(Ends):
    """The scores of a classifier, in ``evaluation.json``."""

    items: Count
    chance: float
    calibration: float
    calibration_expected: float
    kind: NotRequired[Literal["one", "any"]]
    classes: NotRequired[list[str]]
    confusion: NotRequired[list[list[Count]]]
    most_wrong: NotRequired[list[Answered]]


class Score(Ends):
    """One kind of score beside its baselines."""

    level: Level
    sentence: str
    baselines: dict[str, Ends]
    differences: dict[str, Ends]


class Evaluation(TypedDict, total=False):
    """``evaluation.json``: scores, and the data they are for."""

    headline: Sentence
    knn: Score
    linear: Score
    classifier: Classified
    rehearsal: bool
    train: str | None
    train_path: str | None
    train_seal: str | None
    test: str | None
    test_path: str | None
    test_seal: str | None


class Tried(Ends):
    """A classifier in cross-validation."""

    loss: NotRequired[float]


class Judgement(TypedDict):
    """The choice among several classifiers."""

    delivered: str
    candidates: NotRequired[dict[str, Tried | None]]
    baselines: NotRequired[dict[str, Tried | None]]


class Tuned(TypedDict, total=False):
    """``tuned.json``: the number of labels, and the scores."""

    conclusion: str
    level: Level
    judgement: Judgement
    least_certain: list[Answered]


class Student(Ends):
    """The accuracy of a student at a budget."""

    labels: Annotated[int, Between(1, 1e12)]


class Row(TypedDict):
    """The accuracy at a budget, for several uses of the labels."""

    labels: Annotated[int, Between(1, 1e12)]
    budget: str
    ways: Annotated[dict[Literal["scratch", "linear", "tuned", "distilled"], Ends], Between(1, 4)]
    differences: dict[str, Ends]


class LeftOut(TypedDict):
    """A budget that was not tried."""

    budget: str
    reason: str


class Budget(TypedDict):
    """``budget.json``: accuracy by number of labels."""

    rows: list[Row]
    asked: Count
    draws: Count
    comparisons: Count
    student: NotRequired[Student]
    left_out: NotRequired[list[LeftOut]]


class Verification(TypedDict):
    """``verification.json``: the threshold between same and different."""

    model: Digest
    space: str
    threshold: float
    steepness: float
