"""Weights of a network: as a file, as bytes, change detection, and building a network for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from counterpoint.errors import CounterpointError, InputError, RunError
from counterpoint.storage.files import fingerprint, replacing
from counterpoint.storage.typed_json import reason

Network = TypeVar("Network", bound=nn.Module)

SAMPLED = 16
"""Entries of every tensor that are sampled to detect changes."""


def write_weights(file: Path, network: nn.Module) -> str:
    """Write the weights of a network atomically, and return the hash of the file."""
    with replacing(file) as temporary:
        temporary.write_bytes(as_bytes(network))
    return fingerprint(file)


def require_finite_weights(*networks: nn.Module | None, of: str = "the model") -> None:
    """Refuse weights that are not finite, before any of them is written or kept."""
    lost = next(filter(None, (not_finite(each) for each in networks if each is not None)), None)
    if lost is not None:
        raise InputError(
            f"The weights '{lost}' of {of} hold NaN or infinite numbers, so it is of no use. Train anew with a lower "
            "--learning-rate, or with --precision fp32."
        )


@torch.no_grad()
def not_finite(network: nn.Module) -> str | None:
    """The first weight of a network that is NaN or infinite, or buffer that is NaN; None where there is none.

    A buffer may contain infinity, such as the mask of an attention.
    """
    weights = {name for name, _ in network.named_parameters()}
    for name, held in network.state_dict().items():
        if isinstance(held, Tensor) and not (held.isfinite().all() if name in weights else ~held.isnan().any()):
            return name
    return None


def tensors(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network by name, on the CPU, each in its own memory as safetensors requires."""
    held: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, tensor in network.state_dict().items():
        contiguous = tensor.detach().cpu().contiguous()
        place = contiguous.untyped_storage().data_ptr()
        held[name] = contiguous.clone() if place in places else contiguous
        places.add(place)
    return held


def as_bytes(network: nn.Module) -> bytes:
    """The weights of a network as they are saved."""
    from safetensors.torch import save

    return save(tensors(network))


def stamp(network: nn.Module) -> tuple[Any, ...]:
    """A stamp that changes with the weights, without reading all of them.

    It consists of their addresses, torch's version counters, and some entries, as torch does not count writes through
    ``.data`` or NumPy. Of those, a change of very few entries may go unnoticed.
    """
    held = [tensor.detach() for tensor in network.state_dict().values()]
    places = [(each.data_ptr(), tuple(each.shape), 0 if each.is_inference() else each._version) for each in held]
    some = [each.reshape(-1)[:: max(1, each.numel() // SAMPLED)].double().cpu() for each in held]
    return (*places, torch.cat(some).numpy().tobytes() if some else b"")


SPARE, TIMES, EACH = 2**22, 8, 256
"""Limits on building a network: entries for any network, per entry of its weights, and the minimum count per
operation. Initialisation needs more than is kept: for a vocabulary, a vector for every character n-gram."""

REMEDY = "Train again with --overwrite."


def read_weights(file: Path, digest: str) -> dict[str, Tensor]:
    """The tensors in a safetensors file, if it is the one that was saved.

    Raises:
        RunError: It is missing, truncated, or was changed since.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as parse

    try:
        return parse(unchanged(file, digest).read_bytes())
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as wrong:
        if isinstance(wrong, CounterpointError):
            raise
        raise RunError(f"'{file}' is damaged: {reason(wrong)}. {REMEDY}") from wrong


def unchanged(file: Path, digest: str) -> Path:
    """The file, if it is the one that was saved."""
    if not file.is_file():
        raise RunError(f"'{file}' is missing. {REMEDY}")
    if fingerprint(file) != digest:
        raise RunError(f"'{file}' is not what was saved: cut off or changed since. {REMEDY}")
    return file


def filled(make: Callable[[], Network], weights: Mapping[str, Tensor], path: Path) -> Network:
    """A network built as a record says, with these weights; building it takes no more memory than fits them.

    Raises:
        RunError: No such network can be built, or the weights belong to another.
    """
    try:
        with _Bounded(SPARE + TIMES * sum(each.numel() for each in weights.values())):
            network = make()
    except CounterpointError:
        raise
    except Exception as wrong:  # a record is untrusted data, and libraries may raise anything for it
        raise RunError(f"No network can be built as '{path}' says: {reason(wrong)}. {REMEDY}") from wrong
    fill(network, weights, path)
    return network


def fill(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load the weights of a network; those of another architecture are refused before anything changes."""
    here = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    if differing:
        raise RunError(
            f"The weights in '{path}' are of another architecture: {len(differing)} tensors differ, the first is "
            f"'{differing[0]}', {there.get(differing[0], 'absent')} saved and {here.get(differing[0], 'absent')} built."
        )
    network.load_state_dict(dict(weights))
    require_finite_weights(network, of=f"the model in '{path}'")


class _Bounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses to allocate more than ``most`` entries within the block, before memory is allocated."""

    def __init__(self, most: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = most

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        first = args[0] if args else ()
        if isinstance(first, Tensor):  # a copy is as large
            count = first.numel() if func is torch.ops.aten.clone.default else 0
        else:  # a size, where something is made
            count = math.prod(each for each in first if isinstance(each, int)) if isinstance(first, list) else 0
        self.most -= max(count, EACH)
        if self.most < 0:
            raise MemoryError("it would be far larger than its weights")
        return func(*args, **(kwargs or {}))
