"""Which device is picked, in which number formats, and whether the reason says so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import vlmcore
from vlmcore import device as module
from vlmcore.device import Device, pick_device
from vlmcore.errors import VlmError

PACKAGE = Path(vlmcore.__file__).parent
TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading "
    "and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx."
)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No override, no GPU, a CPU without bfloat16: each test adds what it is about."""
    monkeypatch.delenv("VLMCORE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(module, "cpu_has_bfloat16", lambda: False)


@pytest.fixture
def h100(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)


@pytest.fixture
def t4(h100, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)


@pytest.fixture
def old_driver(monkeypatch):
    """A PyTorch that was built for CUDA on a machine whose driver it cannot use."""

    def refuse() -> None:
        raise RuntimeError(TOO_OLD)

    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", refuse)


def formats(found: Device) -> tuple[str, torch.dtype, torch.dtype]:
    return found.device.type, found.compute, found.weights


# -- what is picked --------------------------------------------------------------------------------------------------


def test_a_cpu_trains_in_the_format_that_it_multiplies_itself(monkeypatch):
    found = pick_device()
    assert formats(found) == ("cpu", torch.float32, torch.float32)
    assert str(found) == "cpu, float32: no GPU; this CPU would only emulate bfloat16"
    monkeypatch.setattr(module, "cpu_has_bfloat16", lambda: True)
    found = pick_device()
    assert formats(found) == ("cpu", torch.bfloat16, torch.float32)  # what answers is exact
    assert str(found) == "cpu, bfloat16: no GPU; this CPU multiplies bfloat16 faster than float32"


def test_a_gpu_with_bfloat16(h100):
    """Weights in float32 once made each token twice as long: reading them is what it costs."""
    found = pick_device()
    assert formats(found) == ("cuda", torch.bfloat16, torch.bfloat16) and not found.scaled
    assert found.reason == "NVIDIA H100 computes bfloat16, which needs no loss scaling"


def test_a_gpu_that_would_only_emulate_bfloat16(t4):
    found = pick_device()
    assert formats(found) == ("cuda", torch.float16, torch.float16) and found.scaled
    assert found.reason == "Tesla T4 has no bfloat16 (a T4, say): float16 with loss scaling"


def test_apples_gpu(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    found = pick_device()
    assert formats(found) == ("mps", torch.float32, torch.float32) and "Apple's GPU" in found.reason
    assert found.memory_format == torch.contiguous_format, "its channels-last kernels err"


def test_only_float16_is_scaled_and_only_mps_wants_planes():
    for format in (torch.float32, torch.bfloat16, torch.float16):
        assert Device(torch.device("cuda"), format).scaled == (format == torch.float16)
    for kind in ("cpu", "cuda"):
        assert Device(torch.device(kind)).memory_format == torch.channels_last


# -- what a person asks for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["cpu", " CPU "])
def test_the_cpu_may_be_asked_for(h100, monkeypatch, asked):
    monkeypatch.setenv("VLMCORE_DEVICE", asked)
    found = pick_device()
    assert formats(found) == ("cpu", torch.float32, torch.float32)
    assert found.reason == "VLMCORE_DEVICE says cpu; this CPU would only emulate bfloat16"


def test_cuda_may_be_asked_for(t4, monkeypatch):
    monkeypatch.setenv("VLMCORE_DEVICE", "cuda")
    found = pick_device()
    assert formats(found) == ("cuda", torch.float16, torch.float16)
    assert found.reason.startswith("VLMCORE_DEVICE says cuda; Tesla T4 has no bfloat16")


def test_mps_may_be_asked_for(h100, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setenv("VLMCORE_DEVICE", "mps")
    found = pick_device()
    assert found.device.type == "mps" and found.reason.startswith("VLMCORE_DEVICE says mps; Apple's GPU")


@pytest.mark.parametrize("asked", ["tpu", "cuda:1", "gpu", "nonsense"])
def test_other_names_are_refused(monkeypatch, asked):
    monkeypatch.setenv("VLMCORE_DEVICE", asked)
    with pytest.raises(VlmError, match=f"VLMCORE_DEVICE is '{asked}': set it to cpu, cuda or mps, or leave it out"):
        pick_device()


@pytest.mark.parametrize("asked", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(monkeypatch, asked):
    """Running on the CPU instead would take an hour where a minute was expected."""
    monkeypatch.setenv("VLMCORE_DEVICE", asked)
    with pytest.raises(VlmError, match=f"asks for {asked}, which this machine cannot use: set it to cpu"):
        pick_device()


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_override_is_none(monkeypatch, empty):
    monkeypatch.setenv("VLMCORE_DEVICE", empty)
    assert pick_device().reason.startswith("no GPU; ")


# -- why not the GPU -------------------------------------------------------------------------------------------------


def test_why_cuda_cannot_be_used_is_said(old_driver):
    """ "No GPU", on a machine with one, sent people to look for the card instead of the driver."""
    found = pick_device()
    why = "no GPU that CUDA can use (The NVIDIA driver on your system is too old (found version 11040)); "
    assert found.device.type == "cpu" and found.reason == f"{why}this CPU would only emulate bfloat16"


def test_also_to_those_who_ask_for_it(old_driver, monkeypatch):
    monkeypatch.setenv("VLMCORE_DEVICE", "cuda")
    with pytest.raises(VlmError, match=r"cannot use \(The NVIDIA driver on your system is too old") as caught:
        pick_device()
    assert "\n" not in str(caught.value)


def test_a_build_without_cuda_says_so_by_an_assertion(monkeypatch):
    def refuse() -> None:
        raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", refuse)
    assert "(Torch not compiled with CUDA enabled)" in pick_device().reason


def test_of_a_cpu_that_was_asked_for_no_gpu_has_to_be_explained(old_driver, monkeypatch):
    monkeypatch.setenv("VLMCORE_DEVICE", "cpu")
    assert "driver" not in pick_device().reason


# -- TPUs ------------------------------------------------------------------------------------------------------------


def test_nobody_imports_accelerate():
    """It once chose the device for us: on Colab's TPU runtime it moved the model where our tensors were not."""
    sources = [*PACKAGE.rglob("*.py")]
    assert len(sources) > 50
    for source in sources:
        assert not re.search(r"^\s*(import|from) (accelerate|torch_xla)", source.read_text("utf-8"), re.M), source.name


@pytest.mark.skipif(sys.platform == "darwin", reason="there the GPU is picked")
def test_a_tpu_runtime_changes_nothing(tmp_path):
    """With a TPU's variables and its torch_xla at hand, training takes the CPU, and asks neither."""
    for name in ("torch_xla", "accelerate"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('asked for')")
    code = (
        "import torch; from vlmcore.device import pick_device; from vlmcore.training.loop import fit\n"
        "from vlmcore.training.schedule import Schedule\n"
        "model, device = torch.nn.Linear(2, 1), pick_device()\n"
        "fit(model, lambda n: {'loss': model(torch.ones(3, 2)).square().mean()}, Schedule(steps=2), device)\n"
        "print(device.device.type, model.weight.device.type)"
    )
    runtime = {"PJRT_DEVICE": "TPU", "TPU_NAME": "local", "COLAB_TPU_ADDR": "10.0.0.2:8470", "VLMCORE_DEVICE": ""}
    path = os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])
    environment = os.environ | runtime | {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": ""}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert told.stdout.split()[-2:] == ["cpu", "cpu"]
