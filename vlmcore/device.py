"""Which device and which number formats, chosen in one place, with the reason.

Three things have a number format, and all are decided here:

- what trains is kept in float32, whatever the device; its products are made in ``compute`` (autocast);
- what answers has its weights in ``weights``: half precision on an NVIDIA GPU, where reading weights is what a token
  costs, float32 elsewhere;
- the KV cache has the format of the weights that fill it.

VLMCORE_DEVICE=cpu, cuda or mps overrides the choice of the device.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from vlmcore.errors import VlmError

OVERRIDE = "VLMCORE_DEVICE"  # this environment variable names a device where the best one is not wanted


@dataclass(frozen=True)
class Device:
    """Where the models run, in which number formats, and why."""

    device: torch.device
    compute: torch.dtype = torch.float32  # of the products of a training step
    weights: torch.dtype = torch.float32  # of a model that answers, and of its KV cache
    reason: str = ""

    @property
    def scaled(self) -> bool:
        """Must losses be scaled, because small gradients would vanish? float16 alone has so little room."""
        return self.compute == torch.float16

    @property
    def memory_format(self) -> torch.memory_format:
        """Of convolutions: channels last where we know it to be faster, plain on MPS, where we could not try it."""
        return torch.contiguous_format if self.device.type == "mps" else torch.channels_last

    def __str__(self) -> str:
        return f"{self.device.type}, {str(self.compute).removeprefix('torch.')}: {self.reason}"


def cpu_has_bfloat16() -> bool:
    """Can this CPU multiply bfloat16 itself (AVX512-BF16 or AMX)? Others emulate it, slower than float32."""
    with_avx512 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return bool(with_avx512 or getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())


def why_no_cuda() -> str:
    """Why a PyTorch that was built for CUDA cannot use it, in its own words: no GPU, or too old a driver."""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return " ".join(str(error).split(".")[0].split())
    return "torch.cuda.is_available() says no"


def pick_device() -> Device:
    """The best there is, or what VLMCORE_DEVICE says: a CUDA GPU, Apple's GPU, else the CPU. Errors: VlmError."""
    asked = os.environ.get(OVERRIDE, "").strip().lower()
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if asked and asked not in there:
        raise VlmError(f"{OVERRIDE} is {asked!r}: set it to cpu, cuda or mps, or leave it out")
    if asked and not there[asked]():
        why = f" ({why_no_cuda()})" if asked == "cuda" and torch.backends.cuda.is_built() else ""
        raise VlmError(
            f"{OVERRIDE} asks for {asked}, which this machine cannot use{why}: set it to cpu or leave it out"
        )
    kind = asked or next(name for name, usable in there.items() if usable())
    because = f"{OVERRIDE} says {asked}; " if asked else ""
    return {"cuda": on_cuda, "mps": on_mps, "cpu": on_cpu}[kind](because)


def on_cuda(because: str) -> Device:
    """An NVIDIA GPU in half precision: bfloat16 where it has that, else float16 with loss scaling."""
    name = torch.cuda.get_device_name()
    if torch.cuda.is_bf16_supported(including_emulation=False):
        half, why = torch.bfloat16, f"{because}{name} computes bfloat16, which needs no loss scaling"
    else:
        half, why = torch.float16, f"{because}{name} has no bfloat16 (a T4, say): float16 with loss scaling"
    return Device(torch.device("cuda"), half, half, why)


def on_mps(because: str) -> Device:
    """Apple's GPU, in float32."""
    return Device(torch.device("mps"), reason=f"{because}Apple's GPU; float32 is its safest format")


def on_cpu(because: str) -> Device:
    """The CPU: training in bfloat16 where it multiplies that itself, answers in float32."""
    if not because:
        because = "no GPU; "
        if torch.backends.cuda.is_built() and not torch.cuda.is_available():
            because = f"no GPU that CUDA can use ({why_no_cuda()}); "
    if cpu_has_bfloat16():
        why = f"{because}this CPU multiplies bfloat16 faster than float32"
        return Device(torch.device("cpu"), torch.bfloat16, reason=why)
    return Device(torch.device("cpu"), reason=f"{because}this CPU would only emulate bfloat16")
