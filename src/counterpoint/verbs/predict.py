"""The verb ``predict``: the most probable class of every item."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from counterpoint.classification.classifier import Classifier, load_classifier
from counterpoint.classification.predictions import Prediction, Predictions
from counterpoint.errors import InputError
from counterpoint.storage.files import expanded, write_text
from counterpoint.storage.separated_values import separated
from counterpoint.verbs.verb import verb


@verb()
def predict(
    model: Classifier | str | Path,
    source: object,
    *,
    out: str | Path | None = None,
    spreadsheet_safe: bool = False,
    quiet: bool = False,
) -> Predictions:
    """Predict the class of every item of a source, with its probability and those of all classes.

    Args:
        model: A classifier or its folder, from ``finetune``, ``distill`` or ``semi``.
        source: As for ``fit``.
        out: A .csv file to write as well, with the columns name, label and probability.
        spreadsheet_safe: Put ' before names and labels in the file that a spreadsheet would read as formulas.
        quiet: Print nothing.

    Raises:
        InputError: The classifier, the source or the name of the file cannot be used.
    """
    path = None if out is None else expanded(out)
    if path is not None and path.suffix != ".csv":
        raise InputError(f"Predictions are written as .csv. Got --out={path}.")
    kept = model if isinstance(model, Classifier) else load_classifier(model)
    predictions = kept.predict(source)
    if path is not None:
        write_predictions(predictions, path, spreadsheet_safe=spreadsheet_safe)
    return predictions


def write_predictions(predictions: Sequence[Prediction], path: str | Path, *, spreadsheet_safe: bool = False) -> None:
    """Write a table with the columns name, label and probability, atomically.

    With ``spreadsheet_safe``, names and labels that a spreadsheet would read as formulas get a leading '.
    """
    rows = [(each.name, each.label, f"{each.probability:.6f}") for each in predictions]
    table = separated([("name", "label", "probability"), *rows], spreadsheet_safe=spreadsheet_safe)
    write_text(expanded(path), table)
