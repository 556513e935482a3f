"""A classifier: a model, its classification layers, the names of the classes, and a temperature for calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from counterpoint.classification.predictions import Predictions
from counterpoint.errors import RunError
from counterpoint.heads import first_layers, mlp_head
from counterpoint.interfaces import Items
from counterpoint.label_types import LABEL_TYPES, LabelType
from counterpoint.model import WEIGHTS as MODEL
from counterpoint.model import Model, load
from counterpoint.storage.files import expanded, fingerprint, write_json
from counterpoint.storage.schemas import Top
from counterpoint.storage.typed_json import read_json
from counterpoint.storage.weights import REMEDY, filled, read_weights, require_finite_weights, unchanged, write_weights

WEIGHTS, RECORD = "classifier.safetensors", "classifier.json"


@dataclass(frozen=True)
class Classifier:
    """Predicts the class of items, with probabilities."""

    model: Model
    top: nn.Sequential
    """The layers from h to one score per class."""
    built: Mapping[str, Any]
    """The arguments of ``stand`` to build ``top`` again."""
    classes: Sequence[str]
    temperature: float = 1.0
    """Divides the scores, so that probabilities are calibrated."""
    kind: str = "one"
    """Single-label (``one``) or multi-label (``any``)."""
    learned: Sequence[str] = ()
    """The names of the items whose labels it was trained on: they cannot be used to evaluate it."""

    @property
    def label_type(self) -> LabelType:
        """The type of its labels."""
        return LABEL_TYPES[self.kind]

    def scores(self, items: Items) -> Float32[np.ndarray, "n k"]:
        """One score per item and class, before temperature and softmax."""
        return self._scores(self.model.represent(items))

    def probabilities(self, items: Items) -> Float32[np.ndarray, "n k"]:
        """The probability of each class for each item; single-label rows sum to 1."""
        return self.likely(self.model.represent(items))

    def likely(self, h: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n k"]:
        """The same from the encoder's outputs h."""
        return self.scaled(self._scores(h))

    def scaled(self, scores: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n k"]:
        """Probabilities of scores at its temperature."""
        return self.label_type.probabilities(torch.from_numpy(scores / np.float32(self.temperature))).numpy()

    def _scores(self, h: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n k"]:
        self.top.eval()
        device = next(self.top.parameters()).device
        with torch.inference_mode():
            scores: np.ndarray = self.top(torch.from_numpy(h).to(device)).cpu().numpy()
        return scores

    def predict(self, source: object) -> Predictions:
        """The most probable class of every item of a source, in order; or its classes, separated by ``|``.

        Items that cannot be embedded count as zeros, as in ``Model.embed``.
        """
        h, names = self.model.represent_source(source)
        likely = self.likely(h)
        labels = [self.label_type.name_of(code, self.classes) for code in self.label_type.decided(likely)]
        return Predictions(names, np.asarray(labels, dtype=np.str_), likely, self.classes, self.label_type.sure(likely))

    def save(self, folder: str | Path) -> Path:
        """Write the model, and beside it ``classifier.safetensors`` and ``classifier.json``."""
        require_finite_weights(self.top)
        target = self.model.save(folder)
        record = {
            "built": dict(self.built),
            "classes": list(self.classes),
            "temperature": self.temperature,
            "kind": self.kind,
            "learned": list(self.learned),
            "weights": write_weights(target / WEIGHTS, self.top),
            "model": fingerprint(target / MODEL),
        }
        write_json(target / RECORD, record)
        return target


def stand(*, inputs: int, hidden: int, head_layers: int, classes: int) -> nn.Sequential:
    """The layers on an encoder: the first layers of a projection head, and a linear layer to the classes."""
    head = mlp_head(inputs, hidden=hidden, layers=head_layers + 1)
    return nn.Sequential(first_layers(head, head_layers), nn.Linear(hidden if head_layers else inputs, classes))


def load_classifier(folder: str | Path, *, device: str = "cpu", trust: bool = False) -> Classifier:
    """The classifier that ``finetune`` saved in a folder; ``device`` and ``trust`` as for ``load``.

    Raises ``RunError`` where there is none, or its files do not match.
    """
    path = expanded(folder)
    model = load(path, device=device, trust=trust)
    try:
        record = read_json(path / RECORD, Top, REMEDY)
    except FileNotFoundError:
        raise RunError(
            f"'{path}' holds no classifier. Make one with: counterpoint finetune {path} SOURCE --labels FILE --out DIR"
        ) from None
    built = record["built"]
    if len(record["classes"]) != built["classes"]:
        raise RunError(
            f"'{path / RECORD}' is damaged: it names {len(record['classes'])} of {built['classes']} classes. {REMEDY}"
        )
    unchanged(path / MODEL, record["model"])
    top = filled(lambda: stand(**built), read_weights(path / WEIGHTS, record["weights"]), path)
    top.to(model.device)
    kind, learned = record.get("kind", "one"), record.get("learned", [])
    return Classifier(model, top.eval(), built, record["classes"], record["temperature"], kind, learned)
