"""A classifier: a model, what stands on its encoder, the names of the classes, and how far to trust its numbers."""

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
    """Says which class an item is of, and how likely."""

    model: Model
    top: nn.Sequential
    """From h to one number per class."""
    built: Mapping[str, Any]
    """What ``stand`` needs to build ``top`` again."""
    classes: Sequence[str]
    temperature: float = 1.0
    """Divides those numbers, so that of all answers given with probability p about a share p is right."""
    kind: str = "one"
    """How it names items: ``one`` class each, or ``any`` number of them."""
    learned: Sequence[str] = ()
    """The names of the items whose labels it knows: they cannot say how good it is."""

    @property
    def label_type(self) -> LabelType:
        """What the scores mean."""
        return LABEL_TYPES[self.kind]

    def scores(self, items: Items) -> Float32[np.ndarray, "n k"]:
        """One number per item and class, before temperature and softmax."""
        return self._scores(self.model.represent(items))

    def probabilities(self, items: Items) -> Float32[np.ndarray, "n k"]:
        """How likely each item is of each class; where each is of one, every row sums to 1."""
        return self.likely(self.model.represent(items))

    def likely(self, h: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n k"]:
        """The same from what the encoder made of the items."""
        return self.scaled(self._scores(h))

    def scaled(self, scores: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n k"]:
        """What scores mean at its temperature."""
        return self.label_type.probabilities(torch.from_numpy(scores / np.float32(self.temperature))).numpy()

    def _scores(self, h: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n k"]:
        self.top.eval()
        device = next(self.top.parameters()).device
        with torch.inference_mode():
            scores: np.ndarray = self.top(torch.from_numpy(h).to(device)).cpu().numpy()
        return scores

    def predict(self, source: object) -> Predictions:
        """The likeliest class of every item of a source, in their order; or its classes, with ``|`` between them.

        What cannot be embedded counts as zeros where order is the key, as in ``Model.embed``.
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
    """What stands on an encoder: the first layers of a projection head, and a linear layer to the classes."""
    head = mlp_head(inputs, hidden=hidden, layers=head_layers + 1)
    return nn.Sequential(first_layers(head, head_layers), nn.Linear(hidden if head_layers else inputs, classes))


def load_classifier(folder: str | Path, *, device: str = "cpu", trust: bool = False) -> Classifier:
    """The classifier that ``finetune`` left in a folder; ``device`` and ``trust`` as for ``load``.

    Raises ``RunError`` where there is none, or its files do not belong together.
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
