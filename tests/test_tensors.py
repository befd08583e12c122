"""Tensors that come back as they were, and a sentence for every file or weight that is not what it should be."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.test_files import damage
from vlmcore.errors import VlmError
from vlmcore.tensors import load_weights, read_tensors, write_tensors

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([True, False]), "c": torch.zeros((), dtype=torch.half)}


def test_tensors_come_back(tmp_path):
    write_tensors(tmp_path / "t", TENSORS, {"note": "Ω"})
    back, about = read_tensors(tmp_path / "t")
    assert about == {"note": "Ω"} and back.keys() == TENSORS.keys()
    assert all(torch.equal(back[name], TENSORS[name]) and back[name].dtype == TENSORS[name].dtype for name in TENSORS)


def test_they_are_the_tensors_that_safetensors_reads(tmp_path):
    turned = torch.arange(12.0).view(3, 4).T  # not contiguous, as weights laid out for decoding are
    write_tensors(tmp_path / "t", TENSORS | {"turned": turned, "trained": nn.Parameter(torch.ones(2))})
    theirs, (ours, about) = load_file(tmp_path / "t"), read_tensors(tmp_path / "t")
    assert about == {} and ours.keys() == theirs.keys() == TENSORS.keys() | {"turned", "trained"}
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs) and torch.equal(ours["turned"], turned)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc")
def test_a_file_that_was_read_is_let_go(tmp_path):
    """It once stayed mapped as long as its tensors lived: Windows refuses to replace such a file, as a resumed run
    must, and elsewhere a file changed in place changed the tensors."""
    file = tmp_path / "t.safetensors"
    write_tensors(file, {"large": torch.ones(300_000)})
    tensors, _ = read_tensors(file)
    assert str(file) not in Path("/proc/self/maps").read_text()
    file.write_bytes(b"\0" * file.stat().st_size)
    assert (tensors["large"] == 1).all()


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "garbage", "folder"])
def test_damaged_files_are_told_of(tmp_path, how):
    write_tensors(tmp_path / "t.safetensors", TENSORS)
    damage(tmp_path / "t.safetensors", how)
    with pytest.raises(VlmError, match=r"t\.safetensors"):
        read_tensors(tmp_path / "t.safetensors")


def test_the_first_misfit_is_named():
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    good = {name: torch.ones_like(value) for name, value in module.state_dict().items()}
    before = [value.clone() for value in module.state_dict().values()]
    cases = {
        r"0\.weight has shape \(2, 3\)": good | {"0.weight": torch.ones(2, 3), "1.weight": torch.ones(1)},
        r"1\.bias is missing": {name: value for name, value in good.items() if name != "1.bias"},
        r"0\.extra does not belong": good | {"0.extra": torch.ones(1)},
        r"damaged: 1\.weight": good | {"1.weight": torch.full((2, 3), torch.nan)},
        r"damaged: 0\.bias": good | {"0.bias": torch.tensor([1.0, torch.inf, 1.0])},
    }
    for message, tensors in cases.items():
        with pytest.raises(VlmError, match=message):
            load_weights(module, tensors, Path("x.safetensors"))
        assert all(torch.equal(a, b) for a, b in zip(before, module.state_dict().values()))
    load_weights(module, good, Path("x.safetensors"))
    assert all((value == 1).all() for value in module.state_dict().values())
