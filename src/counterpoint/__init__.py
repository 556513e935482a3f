"""Counterpoint learns, without labels, what makes things alike, tells you whether it worked, and puts it to use.

>>> import counterpoint as cp
>>> cp.Plan(epochs=3).epochs
3
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from counterpoint.storage import renamed

__version__ = "0.1.0"

renamed.install()

if TYPE_CHECKING:
    from counterpoint.anomaly_detector import AnomalyDetector as AnomalyDetector
    from counterpoint.api import analogies as analogies
    from counterpoint.api import anomalies as anomalies
    from counterpoint.api import audit as audit
    from counterpoint.api import compare as compare
    from counterpoint.api import distill as distill
    from counterpoint.api import duplicates as duplicates
    from counterpoint.api import embed as embed
    from counterpoint.api import embed_shards as embed_shards
    from counterpoint.api import evaluate as evaluate
    from counterpoint.api import evaluate_retrieval as evaluate_retrieval
    from counterpoint.api import evaluate_similarity as evaluate_similarity
    from counterpoint.api import explain as explain
    from counterpoint.api import export as export
    from counterpoint.api import finetune as finetune
    from counterpoint.api import fit as fit
    from counterpoint.api import index as index
    from counterpoint.api import lab as lab
    from counterpoint.api import label_efficiency as label_efficiency
    from counterpoint.api import mine as mine
    from counterpoint.api import plan as plan
    from counterpoint.api import predict as predict
    from counterpoint.api import report as report
    from counterpoint.api import search as search
    from counterpoint.api import semi as semi
    from counterpoint.api import serve as serve
    from counterpoint.api import tune as tune
    from counterpoint.api import verification as verification
    from counterpoint.api import verify as verify
    from counterpoint.api import words as words
    from counterpoint.catalogue.trust import trusting as trusting
    from counterpoint.classification.classifier import Classifier as Classifier
    from counterpoint.classification.classifier import load_classifier as load_classifier
    from counterpoint.embeddings import Embeddings as Embeddings
    from counterpoint.errors import CounterpointError as CounterpointError
    from counterpoint.errors import InputError as InputError
    from counterpoint.estimator import Contrast as Contrast
    from counterpoint.estimator import ContrastClassifier as ContrastClassifier
    from counterpoint.model import Model as Model
    from counterpoint.model import load as load
    from counterpoint.plans import Plan as Plan
    from counterpoint.retrieval.index import Index as Index
    from counterpoint.training.custom_loop import contrastive_loss as contrastive_loss
    from counterpoint.views.standalone import image_views as image_views

PUBLIC = {
    "AnomalyDetector": "counterpoint.anomaly_detector",
    "Classifier": "counterpoint.classification.classifier",
    "Contrast": "counterpoint.estimator",
    "ContrastClassifier": "counterpoint.estimator",
    "CounterpointError": "counterpoint.errors",
    "Embeddings": "counterpoint.embeddings",
    "Index": "counterpoint.retrieval.index",
    "InputError": "counterpoint.errors",
    "Model": "counterpoint.model",
    "Plan": "counterpoint.plans",
    "analogies": "counterpoint.api",
    "anomalies": "counterpoint.api",
    "audit": "counterpoint.api",
    "compare": "counterpoint.api",
    "contrastive_loss": "counterpoint.training.custom_loop",
    "distill": "counterpoint.api",
    "duplicates": "counterpoint.api",
    "embed": "counterpoint.api",
    "embed_shards": "counterpoint.api",
    "evaluate": "counterpoint.api",
    "evaluate_retrieval": "counterpoint.api",
    "evaluate_similarity": "counterpoint.api",
    "explain": "counterpoint.api",
    "export": "counterpoint.api",
    "finetune": "counterpoint.api",
    "fit": "counterpoint.api",
    "image_views": "counterpoint.views.standalone",
    "index": "counterpoint.api",
    "lab": "counterpoint.api",
    "label_efficiency": "counterpoint.api",
    "load": "counterpoint.model",
    "load_classifier": "counterpoint.classification.classifier",
    "mine": "counterpoint.api",
    "plan": "counterpoint.api",
    "predict": "counterpoint.api",
    "report": "counterpoint.api",
    "search": "counterpoint.api",
    "semi": "counterpoint.api",
    "serve": "counterpoint.api",
    "trusting": "counterpoint.catalogue.trust",
    "tune": "counterpoint.api",
    "verification": "counterpoint.api",
    "verify": "counterpoint.api",
    "words": "counterpoint.api",
}
"""Where each public name is defined; it is loaded on first access, so that importing the package costs nothing."""

DEPRECATED = {"agree": "evaluate_similarity", "match": "evaluate_retrieval", "retrieve": "evaluate_retrieval"}
"""Old names that keep working for one version, and their new names."""

__all__ = ["__version__", *sorted(PUBLIC)]


def __getattr__(name: str) -> Any:
    if name in DEPRECATED:
        renamed.warn(f"{__name__}.{name}", f"{__name__}.{DEPRECATED[name]}")
        return getattr(importlib.import_module(PUBLIC[DEPRECATED[name]]), DEPRECATED[name])
    if name not in PUBLIC:
        raise AttributeError(f"module 'counterpoint' has no attribute '{name}'")
    value = getattr(importlib.import_module(PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *PUBLIC])
