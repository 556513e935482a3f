"""The verb that takes a model elsewhere: export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoint.cli.app import AsJson, Place, Run, app, say, trusts
from counterpoint.cli.help import USE, example
from counterpoint.errors import counted


@app.command(group=USE, help_epilogue=example("counterpoint export runs/photos --out model.onnx"))
@trusts
def export(run: Run, *, out: Place, as_json: AsJson = False) -> None:
    """Write the model in RUN so that it works without Counterpoint: for any runtime, or for torchvision and timm.

    Args:
        run: The folder of a model or of a classifier.
        out: An .onnx file with the whole network, checked against torch; a .safetensors file with the encoder's weights
            under the names of torchvision or timm; or, of words, a .txt or .bin file as of word2vec.
        as_json: Print one JSON object and nothing else.
    """
    from counterpoint import api

    result = api.export(run, out)
    said = {"onnx": _network, "safetensors": _weights, "word2vec": _words}[result["format"]]
    say(result, said(result), as_json=as_json)


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
