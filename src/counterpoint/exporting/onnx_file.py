"""ONNX: the network in one file that runs without torch, checked against torch before it is kept.

views -> representation h, embeddings h / |h|, and for a classifier probabilities softmax(scores / temperature)
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.classification.classifier import Classifier
from counterpoint.errors import CounterpointError, InputError, MissingPackage
from counterpoint.exporting.contents import KEY, architecture, described
from counterpoint.label_types import LABEL_TYPES
from counterpoint.modality import EncoderInput, encoder_input
from counterpoint.model import Model
from counterpoint.storage.files import replacing

TOLERANCE = 1e-4
"""The tolerance of an output, relative to torch's largest value, or to 1 if that is smaller."""

OPSET = 18
"""The opset of torch's exporter, so that nothing has to be converted."""

TRIED = {2: 64, 1: 49, 7: 100}
"""Batch sizes, and the length of variable axes, that the file is checked with; it is traced with the first."""

LARGEST = 2**31 - 2**24
"""Bytes of weights that fit into one file: protobuf is limited to 2 GB, and the graph takes some of it."""


class ExportedNetwork(nn.Module):
    """From views to all outputs of a model or a classifier."""

    def __init__(self, model: Model, classifier: Classifier | None) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(model.encoder)
        self.top = None if classifier is None else copy.deepcopy(classifier.top)
        self.temperature = 1.0 if classifier is None else classifier.temperature
        self.label_type = LABEL_TYPES["one" if classifier is None else classifier.kind]

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        h = self.encoder(views).float()
        vectors = (functional.normalize(h, dim=1), h)
        return (
            vectors if self.top is None else (*vectors, self.label_type.probabilities(self.top(h) / self.temperature))
        )


def write_onnx(model: Model, classifier: Classifier | None, out: Path) -> dict[str, Any]:
    """Write a model as ONNX; inputs, outputs and the largest deviation from torch.

    Raises:
        MissingPackage: onnx, onnxscript or onnxruntime is not installed.
        InputError: The encoder is too large for one file, or has parts that torch cannot export.
        CounterpointError: The file does not compute what torch does; it is not kept.
    """
    require()
    network = copy.deepcopy(ExportedNetwork(model, classifier)).cpu().eval()  # the caller's stays on its device
    inputs = _given(model, network)
    outputs = ["embeddings", "representation", *([] if classifier is None else ["probabilities"])]
    with quiet():
        written = _translated(network, inputs, outputs, architecture(model))
    entry = written.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(described(model, classifier), ensure_ascii=False)
    with replacing(out) as temporary:
        temporary.write_bytes(written.SerializeToString())
        result = compared(temporary, network, inputs)
        if not result["deviation"] <= TOLERANCE:
            raise CounterpointError(
                f"The ONNX file differs from torch by {result['deviation']:.2g}, more than {TOLERANCE:g}, so it is not "
                "kept. Export the weights with --out=FILE.safetensors, and report the encoder, please."
            )
    return {"out": str(out), "format": "onnx", **result, "bytes": out.stat().st_size, "model": model.fingerprint()}


def require() -> None:
    """Raise ``MissingPackage`` before any work is done."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as missing:
        raise MissingPackage(missing.name or "onnx", "onnx") from None


def compared(file: Path, network: nn.Module, inputs: EncoderInput) -> dict[str, Any]:
    """Shapes of inputs and outputs, by name, and the largest deviation from torch on batches of several sizes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    deviations = []
    for size in TRIED:
        views = example(inputs, size)
        with torch.inference_mode():
            expected = [each.numpy() for each in network(views)]
        got = session.run(None, {"views": views.numpy()})
        deviations += [_deviation(one, other) for one, other in zip(expected, got, strict=True)]
    return {
        "inputs": {each.name: list(each.shape) for each in session.get_inputs()},
        "outputs": {each.name: list(each.shape) for each in session.get_outputs()},
        "deviation": float(np.max(deviations)),
    }


def example(inputs: EncoderInput, size: int) -> Tensor:
    """Random normal values, or token ids, in the shape of a batch of views."""
    generator = torch.Generator().manual_seed(size)
    shape = (size, *(length or TRIED[size] for length in inputs.axes.values()))
    if inputs.words is not None:
        return torch.randint(inputs.words, shape, generator=generator)
    return torch.randn(shape, generator=generator)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress output in the block except exceptions: exporters print, log and warn about every step."""
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _given(model: Model, network: nn.Module) -> EncoderInput:
    """The encoder's input, after checking that a file can hold the network."""
    inputs = encoder_input(model.modality)
    if inputs is None:
        raise InputError(
            f"The modality '{model.modality.name}' does not describe its encoder's input. Add the method "
            "encoder_input to it, or export the weights with --out=FILE.safetensors."
        )
    weigh = sum(each.numel() * each.element_size() for each in network.state_dict().values())
    if weigh > LARGEST:
        raise InputError(
            f"The weights take {weigh / 1e9:.1f} GB, and a file of ONNX holds 2. "
            "Export them with --out=FILE.safetensors."
        )
    return inputs


def _translated(network: nn.Module, inputs: EncoderInput, outputs: list[str], name: str) -> Any:
    """The network as an ``onnx.ModelProto``; the batch and variable axes stay dynamic."""
    axes = enumerate([("batch", None), *inputs.axes.items()])
    moving = {place: axis for place, (axis, length) in axes if length is None}
    views = example(inputs, next(iter(TRIED)))
    try:
        with torch.no_grad():
            written = (_traced if torch.__version__ >= "2.7" else _traced_as_of_old)(network, views, moving, outputs)
    except RuntimeError as wrong:  # torch.onnx raises it for any failure
        why = str(wrong.__cause__ or wrong).strip().splitlines()[0].rstrip(".")
        raise InputError(
            f"torch cannot write the encoder '{name}' as ONNX: {why}. Export its weights with --out=FILE.safetensors."
        ) from wrong
    for part in (written.graph, *written.graph.node, *written.graph.value_info):
        part.ClearField("metadata_props")  # paths of this machine's source files
        part.ClearField("doc_string")
    for part in written.graph.output:  # torch may write the shape in another way
        part.type.tensor_type.shape.dim[0].dim_param = "batch"
    return written


def _traced(network: nn.Module, views: Tensor, moving: Mapping[int, str], outputs: list[str]) -> Any:
    lengths = {place: torch.export.Dim(axis, min=1, max=2**31 - 1) for place, axis in moving.items()}
    program = torch.onnx.export(
        network,
        (views,),
        dynamo=True,
        verbose=False,
        opset_version=OPSET,
        input_names=["views"],
        output_names=outputs,
        dynamic_shapes={"views": lengths},
    )
    return program.model_proto  # type: ignore[union-attr]


def _traced_as_of_old(network: nn.Module, views: Tensor, moving: Mapping[int, str], outputs: list[str]) -> Any:
    """The same with the exporter of torch 2.6, whose new one does not work with any current onnxscript."""
    import onnx

    written = io.BytesIO()
    torch.onnx.export(
        network,
        (views,),
        written,  # type: ignore[arg-type]
        dynamo=False,
        opset_version=OPSET,
        input_names=["views"],
        output_names=outputs,
        dynamic_axes={"views": dict(moving), **{output: {0: "batch"} for output in outputs}},
    )
    return onnx.load_from_string(written.getvalue())


def _deviation(expected: np.ndarray, got: np.ndarray) -> float:
    """The largest difference, relative to the largest value or to 1."""
    return float(np.abs(expected - got).max() / max(1.0, float(np.abs(expected).max())))
