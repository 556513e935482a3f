"""Device, precision (bf16 where it is correct and faster) and the reuse of freed memory."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import time
from contextlib import AbstractContextManager

import torch
from torch import Tensor
from torch.nn import functional

from counterpoint.errors import PlanError


def choose_device(name: str) -> torch.device:
    """The device with this name; ``auto`` takes cuda, then mps, then cpu."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and torch.cuda.is_available():
        name = f"cuda:{torch.cuda.current_device()}"  # of several, the one assigned to this process
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(name.partition(":")[0], False):
        here = ", ".join(kind for kind, there in available.items() if there)
        raise PlanError(f"This machine has no device '{name}'. It has: {here}.")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """``bf16`` or ``fp32``; ``auto`` takes bf16 where convolutions are correct and at least as fast."""
    if name not in ("auto", "bf16", "fp32"):
        raise PlanError(f"precision must be auto, bf16 or fp32. Got '{name}'.")
    if name != "auto":
        return name
    return "bf16" if device.type != "mps" and bf16_is_right(device) and bf16_is_faster(device) else "fp32"


def precise(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """The autocast context in which networks run."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def bf16_is_right(device: torch.device) -> bool:
    """Whether bf16 convolutions and their gradients agree with fp32 within 8 bits; on some builds they do not."""
    shapes = [(3, 16, 3, 1), (16, 32, 3, 2), (32, 64, 1, 1), (32, 32, 3, 1)]
    return all(_gap(*shape, device) < 0.05 for shape in shapes)


def _gap(inputs: int, outputs: int, kernel: int, stride: int, device: torch.device) -> float:
    """The largest relative difference between bf16 and fp32 for one convolution and its two gradients."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(4, inputs, 16, 16, generator=generator).to(device, memory_format=torch.channels_last)
    weight = torch.randn(outputs, inputs, kernel, kernel, generator=generator).to(device)

    def everything(precision: str) -> list[Tensor]:
        x, w = image.clone().requires_grad_(), weight.clone().requires_grad_()
        with precise(precision, device):
            y = functional.conv2d(x, w, stride=stride, padding=kernel // 2)
        y.float().square().mean().backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        assert w.grad is not None
        return [y.detach().float(), x.grad, w.grad]

    pairs = zip(everything("fp32"), everything("bf16"), strict=True)
    return max(float((exact - rough).norm() / exact.norm()) for exact, rough in pairs)


@functools.cache
def bf16_is_faster(device: torch.device) -> bool:
    """Measured on a typical convolution: the best of many runs each, as other processes only slow it down.

    Measured once per process, so that the result, and with it the precision, does not change with the machine's load.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    image = torch.ones(64, 64, 16, 16, device=device).to(memory_format=torch.channels_last)
    weight = torch.ones(64, 64, 3, 3, device=device)

    def seconds(precision: str) -> float:
        start = time.perf_counter()
        with torch.no_grad(), precise(precision, device):
            functional.conv2d(image, weight, padding=1)
        return time.perf_counter() - start

    turns = [(seconds("bf16"), seconds("fp32")) for _ in range(20)]
    return min(rough for rough, _ in turns) < min(exact for _, exact in turns)


def memory(device: torch.device) -> int:
    """The total memory for tensors, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 4 * 2**30  # where it cannot be read: a small machine


def keep_freed_memory() -> None:
    """Ask glibc to keep freed blocks: fresh pages for every large tensor cost up to half of a step on a CPU."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, map_threshold = -1, -3
        if mallopt(map_threshold, 1 << 30) or mallopt(map_threshold, 32 << 20):  # older ones accept only the second
            mallopt(trim_threshold, (1 << 31) - 1)
