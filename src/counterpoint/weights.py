"""The weights of a network: as a file, as bytes, and whether they are still what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from counterpoint.errors import InputError
from counterpoint.files import fingerprint, replacing

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
        whole = tensor.detach().cpu().contiguous()
        place = whole.untyped_storage().data_ptr()
        held[name] = whole.clone() if place in places else whole
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
