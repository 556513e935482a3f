"""The weights of a network: as a file, as bytes, whether they are still what they were, and a network around them."""

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
"""Numbers of every tensor that are looked at to see whether it changed."""


def write_weights(file: Path, network: nn.Module) -> str:
    """Write the weights of a network, whole or not at all, and return the digest of the file."""
    with replacing(file) as temporary:
        temporary.write_bytes(as_bytes(network))
    return fingerprint(file)


def require_finite_weights(*networks: nn.Module | None, of: str = "the model") -> None:
    """Refuse weights that are no numbers, before anything of them is written or kept."""
    lost = next(filter(None, (not_finite(each) for each in networks if each is not None)), None)
    if lost is not None:
        raise InputError(
            f"The weights '{lost}' of {of} hold NaN or infinite numbers, so it is of no use. Train anew with a lower "
            "--learning-rate, or with --precision fp32."
        )


@torch.no_grad()
def not_finite(network: nn.Module) -> str | None:
    """The first weight of a network that is NaN or infinite, or what it remembers that is NaN; None where none is.

    Infinity may stand in a buffer for good, as in the mask of an attention.
    """
    weights = {name for name, _ in network.named_parameters()}
    for name, held in network.state_dict().items():
        if isinstance(held, Tensor) and not (held.isfinite().all() if name in weights else ~held.isnan().any()):
            return name
    return None


def tensors(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network by their names, on the processor, each in memory of its own as safetensors wants."""
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
    """What changes when weights do, without a look at all of them.

    It is where each lies, how often torch has written to it, and some of its numbers, for torch does not count what is
    written through ``.data`` or NumPy. Of these, a change of very few numbers may go unnoticed.
    """
    held = [tensor.detach() for tensor in network.state_dict().values()]
    places = [(each.data_ptr(), tuple(each.shape), 0 if each.is_inference() else each._version) for each in held]
    some = [each.reshape(-1)[:: max(1, each.numel() // SAMPLED)].double().cpu() for each in held]
    return (*places, torch.cat(some).numpy().tobytes() if some else b"")


SPARE, TIMES, EACH = 2**22, 8, 256
"""Numbers that the building of any network may take, how often those of its weights, and what every step counts at
least. What is drawn to begin with is more than what is kept: of a vocabulary, a vector for every run of letters."""

REMEDY = "Train again with --overwrite."


def read_weights(file: Path, digest: str) -> dict[str, Tensor]:
    """The tensors in a file of safetensors, if it is what was saved.

    Raises:
        RunError: It is missing, cut off, or was changed since.
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
    """The file, if it is what was saved."""
    if not file.is_file():
        raise RunError(f"'{file}' is missing. {REMEDY}")
    if fingerprint(file) != digest:
        raise RunError(f"'{file}' is not what was saved: cut off or changed since. {REMEDY}")
    return file


def filled(make: Callable[[], Network], weights: Mapping[str, Tensor], path: Path) -> Network:
    """A network that is made as a record says, with these weights; making it takes no more memory than fits them.

    Raises:
        RunError: No network can be made so, or the weights are of another.
    """
    try:
        with _Bounded(SPARE + TIMES * sum(each.numel() for each in weights.values())):
            network = make()
    except CounterpointError:
        raise
    except Exception as wrong:  # what a record says is no more than data, and libraries raise anything over that
        raise RunError(f"No network can be built as '{path}' says: {reason(wrong)}. {REMEDY}") from wrong
    fill(network, weights, path)
    return network


def fill(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Give a network its weights; those of another architecture are refused before anything changes."""
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
    """Refuses to make more numbers than ``most`` as long as it lasts, before there is memory for them."""

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
