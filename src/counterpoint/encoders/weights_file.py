"""Load weights from a file into a network: matched by name and shape, whatever the prefix of the names.

    .safetensors        and .pt, .pth, .bin, .ckpt, of which only tensors are read

Trainers prefix all names (``module.``, ``backbone.``), and networks are nested, so all prefixes that occur are tried.
Where names differ otherwise, tensors are matched by their order, if all kinds and shapes agree from the first to the
last.  A file that leaves a weight of the network unset is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from counterpoint.errors import SourceError, listed
from counterpoint.storage.files import expanded

PICKLED = (".pt", ".pth", ".bin", ".ckpt")

INSIDE = ("state_dict", "model_state_dict", "model", "network", "net", "encoder", "student", "teacher", "backbone")
"""Keys under which trainers save weights."""

DEEP = 3
"""The most prefixes that are tried."""

COUNTER = "num_batches_tracked"
"""A counter of batch norms that older files lack."""


def begin_with(network: nn.Module, path: str | Path) -> str:
    """Load all weights of a network from a file; returns what was matched, in a sentence.

    Raises:
        SourceError: There is no such file, it holds no weights, or those of another network.
    """
    file = expanded(path)
    tensors = read_weights(file)
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith(COUNTER)}
    before, names = _by_name(wanted, tensors)
    how = f"named behind '{before}'" if before else "by their names"
    if len(names) < len(wanted) and (ordered := _by_order(wanted, tensors)) is not None:
        names, how = ordered, "by their order, for the names are others"
    if len(names) < len(wanted):
        raise SourceError(_other(file, wanted, tensors, names, before))
    network.load_state_dict({ours: tensors[theirs] for ours, theirs in names.items()}, strict=False)
    used = set(names.values())
    rest = [name for name in tensors if name not in used and not name.endswith(COUNTER)]
    left = f"; left out: {listed(rest, 4)}" if rest else ""
    return f"'{file}' fills all {len(wanted)} tensors of the encoder, {how}{left}"


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors in a file, by name; no code in it is run.

    Raises:
        SourceError: It cannot be read, or holds none.
    """
    if not file.is_file():
        raise SourceError(f"There is no file of weights '{file}'. Give a .safetensors, .pt or .pth file.")
    if file.suffix.lower() not in (".safetensors", *PICKLED):
        raise SourceError(f"Weights are read from .safetensors, {', '.join(PICKLED)}. Got '{file}'.")
    try:
        if file.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            result: Any = load_file(file)
        else:
            result = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as wrong:  # damaged files may raise anything
        reason = str(wrong).strip().splitlines()[0].rstrip(".") if str(wrong).strip() else type(wrong).__name__
        raise SourceError(
            f"The weights '{file}' cannot be read: {reason}. Save the state_dict of the network, best as .safetensors."
        ) from wrong
    tensors = _tensors(result)
    if not tensors:
        raise SourceError(f"'{file}' holds no weights. Save the state_dict of the network, best as .safetensors.")
    return tensors


def metadata(file: Path) -> Mapping[str, Any]:
    """The description in a file exported by this package; empty for any other file."""
    if file.suffix.lower() != ".safetensors" or not file.is_file():
        return {}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            result = json.loads((opened.metadata() or {}).get("counterpoint", "{}"))
    except (SafetensorError, ValueError):  # ``read_weights`` reports it
        return {}
    return result if isinstance(result, Mapping) else {}


def _tensors(result: Any) -> dict[str, Tensor]:
    """The tensors in a saved object, from the first place that holds some."""
    if not isinstance(result, Mapping):
        return {}
    here = {str(name): each for name, each in result.items() if isinstance(each, Tensor)}
    return here or next((inside for name in INSIDE if (inside := _tensors(result.get(name)))), {})


Names = dict[str, str]
"""For each weight of the network its name in the file."""


def _by_name(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> tuple[str, Names]:
    """The prefix with which most tensors fit, and these; among equals the shortest."""
    words = [name.split(".") for name in tensors]
    befores = sorted({"", *(".".join(each[:deep]) + "." for each in words for deep in range(1, DEEP + 1))}, key=len)
    most: tuple[str, Names] = ("", {})
    for inner in ("", "network."):  # where a network is inside a wrapper of this package
        for before in befores:
            named = {name: before + name.removeprefix(inner) for name in wanted if name.startswith(inner)}
            fitting = {ours: theirs for ours, theirs in named.items() if _fits(wanted[ours], tensors.get(theirs))}
            if len(fitting) > len(most[1]):
                most = (before, fitting)
    return most


def _by_order(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Names | None:
    """Tensors in order, where the last parts of the names and the shapes agree; the file may have more."""
    theirs = [name for name in tensors if not name.endswith(COUNTER)]
    if len(theirs) < len(wanted):
        return None
    pairs = dict(zip(wanted, theirs, strict=False))
    alike = all(
        ours.rpartition(".")[2] == name.rpartition(".")[2] and _fits(wanted[ours], tensors[name])
        for ours, name in pairs.items()
    )
    return pairs if alike else None


def _fits(wanted: Tensor, stored: Tensor | None) -> bool:
    return stored is not None and stored.shape == wanted.shape


def _other(file: Path, wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], names: Names, before: str) -> str:
    """Why a file does not fit, with the first unmatched weight."""
    first = next(name for name in wanted if name not in names)
    stored = tensors.get(before + first)
    has = "none" if stored is None else f"{tuple(stored.shape)}"
    return (
        f"'{file}' holds weights of another network: {len(names)} of {len(wanted)} tensors fit by name and shape; of "
        f"'{first}' {tuple(wanted[first].shape)} it has {has}. Name the --encoder that they are of, with its "
        "--width and --view-size."
    )
