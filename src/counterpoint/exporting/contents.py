"""What is exported, and the description in the file: enough to run the network without this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counterpoint import __version__
from counterpoint.classification.classifier import RECORD, Classifier, load_classifier
from counterpoint.errors import InputError
from counterpoint.modality import encoder_input
from counterpoint.model import CONFIG, Model, load
from counterpoint.runs import run_folder
from counterpoint.storage.files import expanded
from counterpoint.storage.weights import require_finite_weights

KEY = "counterpoint"
"""The key of a file's description, as JSON."""


def load_any(source: Model | Classifier | str | Path) -> tuple[Model, Classifier | None]:
    """A model, and the classifier around it if there is one: given as objects, or as a folder of either."""
    if isinstance(source, Model):
        require_finite_weights(source.encoder)
        return source, None
    if not isinstance(source, Classifier):
        if not (expanded(source) / RECORD).exists():
            return load(source), None
        source = load_classifier(source)
    require_finite_weights(source.model.encoder, source.top)
    return source.model, source


def described(model: Model, classifier: Classifier | None) -> dict[str, Any]:
    """The origin of the weights, the encoder's input, and the meaning of its output, as JSON values."""
    inputs = encoder_input(model.modality)
    record: dict[str, Any] = {
        "counterpoint": __version__,
        "modality": model.modality.name,
        "settings": dict(model.modality.settings()),
        "encoder": architecture(model),
        "width": model.built.get("width"),
        "model": model.fingerprint(),
    }
    if inputs is not None:
        record["input"] = {"axes": dict(inputs.axes), "recipe": inputs.recipe}
    if classifier is not None:
        record |= {
            "classes": [str(name) for name in classifier.classes],
            "kind": classifier.kind,
            "temperature": classifier.temperature,
        }
    return record


def architecture(model: Model) -> str:
    """The name of the encoder, or the class of a custom module."""
    return model.built.get("encoder") or type(model.encoder).__name__


def check(out: Path) -> None:
    """Refuse a path that a file may not be written to, before anything is opened."""
    if out.is_dir():
        raise InputError(f"'{out}' is a folder. Give a file that ends in .onnx or .safetensors for --out.")
    if out.name in run_folder.FILES and (out.parent / CONFIG).exists():
        raise InputError(f"'{out}' is a part of the run in that folder. Choose another --out.")
