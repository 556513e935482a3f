"""The verb ``export``: a model for other runtimes, its weights for other libraries, word vectors for word2vec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.classification.classifier import Classifier
from counterpoint.data.word2vec import SUFFIXES
from counterpoint.errors import InputError, counted
from counterpoint.exporting import contents
from counterpoint.exporting.onnx_file import require, write_onnx
from counterpoint.exporting.state import write_state
from counterpoint.exporting.words import write_words
from counterpoint.model import Model
from counterpoint.output.results import Result
from counterpoint.storage.files import expanded
from counterpoint.verbs.verb import verb


@verb()
def export(
    model: Model | Classifier | str | Path,
    out: str | Path,
    *,
    quiet: bool = False,
) -> Result:
    """Write a model or a classifier in a format that does not need this package. See ``docs/export.md``.

    Args:
        model: A model, a classifier, or the folder of either; it is left as it is.
        out: ``.onnx``: the network for any runtime, from views to ``embeddings``, ``representation`` and, for a
            classifier, ``probabilities``; compared with torch before it is kept. ``.safetensors``: the encoder's
            weights under the names of torchvision or timm. ``.txt``, ``.vec`` and ``.bin``: the vectors of a model of
            words, in word2vec's format. An existing file is replaced.
        quiet: Print nothing.

    Returns:
        What was written, with ``out``, ``format``, ``bytes`` and ``model``, the fingerprint; for ONNX ``inputs`` and
        ``outputs`` with their shapes and the largest ``deviation`` from torch; for weights the ``architecture``, the
        number of ``tensors``, and the name of the ``classifier`` among them or None; for words their number ``words``
        and the ``length`` of their vectors.

    Raises:
        InputError: The name of the file, the folder, or the encoder cannot be used; the message says what to do.
        CounterpointError: The ONNX file does not compute what torch does; it is not kept.
    """
    path = expanded(out)
    if path.suffix not in (".onnx", ".safetensors", *SUFFIXES):
        raise InputError(
            "Models are exported as .onnx, their weights as .safetensors, and vectors of words as .txt, .vec or .bin. "
            f"Got --out={path}."
        )
    contents.check(path)
    if path.suffix in SUFFIXES:
        return Result(write_words(contents.load_any(model)[0], path), _words)
    if path.suffix == ".safetensors":
        return Result(write_state(*contents.load_any(model), path), _weights)
    require()
    return Result(write_onnx(*contents.load_any(model), path), _network)


def _network(result: Mapping[str, Any]) -> str:
    deviation = f"It differs from torch by at most {result['deviation']:.1e}, on batches of 1, 2 and 7."
    shapes = f"takes  {_shapes(result['inputs'])}\ngives  {_shapes(result['outputs'])}"
    return f"The model is in {result['out']}\n{shapes}\n{deviation}"


def _shapes(named: Mapping[str, Sequence[int | str]]) -> str:
    """Names and shapes on one line.

    >>> _shapes({"views": ["batch", 3, 32, 32], "more": ["batch", 1]})
    'views (batch, 3, 32, 32), more (batch, 1)'
    """
    return ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in named.items())


def _weights(result: Mapping[str, Any]) -> str:
    top = f"with the classifier '{result['classifier']}'" if result["classifier"] else "without a classifier"
    return f"The {result['tensors']} tensors of {result['architecture']}, {top}, are in {result['out']}"


def _words(result: Mapping[str, Any]) -> str:
    words, length = counted(result["words"], "word"), counted(result["length"], "number")
    return f"The vectors of {words}, {length} each, are in {result['out']}"
