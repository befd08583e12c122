"""Which device and which number format, chosen in one place, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Device:
    """Where the models run. ``precision`` is accelerate's name: "no" (float32), "bf16" or "fp16"."""

    device: torch.device
    precision: str
    reason: str

    def __str__(self) -> str:
        return f"{self.device.type}, {'float32' if self.precision == 'no' else self.precision}: {self.reason}"


def cpu_has_bfloat16() -> bool:
    """Can this CPU multiply bfloat16 itself (AVX512-BF16 or AMX)? Others emulate it, slower than float32."""
    with_avx512 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return bool(with_avx512 or getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())


def pick_device() -> Device:
    """The best there is: a CUDA GPU, Apple's GPU, else the CPU."""
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Device(torch.device("cuda"), "bf16", f"{name} computes bfloat16, which needs no loss scaling")
        return Device(torch.device("cuda"), "fp16", f"{name} has no bfloat16 (a T4, say): float16 with loss scaling")
    if torch.backends.mps.is_available():
        return Device(torch.device("mps"), "no", "Apple's GPU; float32 is its safest format")
    if cpu_has_bfloat16():
        return Device(torch.device("cpu"), "bf16", "no GPU; this CPU multiplies bfloat16 faster than float32")
    return Device(torch.device("cpu"), "no", "no GPU; this CPU would only emulate bfloat16")
