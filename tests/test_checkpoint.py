"""Files whole or not at all, and a sentence for every file that is not what it should be."""

import dataclasses
import errno
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import vlmcore
from vlmcore.checkpoint import config_from, load_weights, read_json, read_tensors, write, write_json, write_tensors
from vlmcore.errors import VlmError
from vlmcore.llava import LLaVAConfig
from vlmcore.transformer import TransformerConfig
from vlmcore.vision import VisionConfig

PACKAGE = Path(vlmcore.__file__).parent


# -- writing ---------------------------------------------------------------------------------------------------------


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Full(io.BytesIO):
    """A file on a disk that is full: half of what is written arrives."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def write(self, content: bytes) -> int:
        with open(self.path, "wb") as file:  # Path.open is ours here
            file.write(content[: len(content) // 2])
        full_disk()


@pytest.mark.parametrize("moment", ["open", "sync", "move"])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, moment):
    file = tmp_path / "weights"
    write(file, b"old and whole")
    with monkeypatch.context() as patch:
        if moment == "open":
            patch.setattr(Path, "open", lambda path, *_: full_disk())
        patch.setattr(os, "fsync", full_disk if moment == "sync" else os.fsync)
        patch.setattr(Path, "replace", full_disk if moment == "move" else Path.replace)
        with pytest.raises(VlmError, match="No space left on device"):
            write(file, b"new")
    assert file.read_bytes() == b"old and whole"
    assert list(tmp_path.iterdir()) == [file]


def test_half_a_write_is_removed(tmp_path, monkeypatch):
    file = tmp_path / "weights"
    write(file, b"old and whole")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, *_: Full(path))
        with pytest.raises(VlmError, match="No space left"):
            write(file, b"new" * 100)
    assert file.read_bytes() == b"old and whole" and list(tmp_path.iterdir()) == [file]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "weights"
    write(file, b"old and whole")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(file, b"new")
    assert file.read_bytes() == b"old and whole" and list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_a_file_is_told_of(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VlmError, match="cannot write"):
        write(tmp_path / "file" / "weights", b"x")


# -- reading ---------------------------------------------------------------------------------------------------------

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([True, False]), "c": torch.zeros((), dtype=torch.half)}


def test_tensors_come_back(tmp_path):
    write_tensors(tmp_path / "t", TENSORS, {"note": "Ω"})
    back, about = read_tensors(tmp_path / "t")
    assert about == {"note": "Ω"} and back.keys() == TENSORS.keys()
    assert all(torch.equal(back[name], TENSORS[name]) and back[name].dtype == TENSORS[name].dtype for name in TENSORS)


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how == "missing":
        file.unlink()
    elif how == "folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {"empty": b"", "truncated": content[: len(content) // 2], "garbage": bytes(range(255, 127, -1))}[how]
        )


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "garbage", "folder"])
def test_damaged_files_are_told_of(tmp_path, how):
    write_tensors(tmp_path / "t.safetensors", TENSORS)
    write_json(tmp_path / "j.json", {"a": [1, 2, 3]})
    for file, read in (("t.safetensors", read_tensors), ("j.json", read_json)):
        damage(tmp_path / file, how)
        with pytest.raises(VlmError, match=file):
            read(tmp_path / file)


def test_json_as_deep_as_a_well_is_told_of(tmp_path):
    (tmp_path / "j.json").write_text("[" * 200_000)
    with pytest.raises(VlmError, match="damaged"):
        read_json(tmp_path / "j.json")


# -- configurations --------------------------------------------------------------------------------------------------


def test_configurations_survive_json():
    config = LLaVAConfig(
        vision=VisionConfig(stem=(4, 8), image=32, transformer=TransformerConfig(rope_theta=None)), image_token=7
    )
    back = config_from(LLaVAConfig, json.loads(json.dumps(dataclasses.asdict(config))))
    assert back == config and hash(back) == hash(config)  # tuples, not lists
    assert back != replace(config, image_token=0)


def changed(path: str, value: object) -> dict:
    """The default configuration as JSON with one value changed."""
    values = json.loads(json.dumps(dataclasses.asdict(LLaVAConfig())))
    *parents, last = path.split(".")
    inner = values
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return values


CHANGES = [
    ("vision", 3), ("vision", None), ("vision.image", 63), ("vision.image", "large"), ("vision.patch", 0),
    ("language.transformer.heads", 5), ("language.transformer.heads", 0), ("language.transformer.kv_heads", 4),
    ("language.transformer.activation", "relu"), ("language.transformer.norm", ["rms"]), ("language.vocabulary", 0),
    ("language.extra", 1),
]  # fmt: skip
FOREIGN = [["a", "list"], "text", 3, None, {"model_type": "llava"}, *(changed(*change) for change in CHANGES)]


@pytest.mark.parametrize("values", FOREIGN, ids=lambda values: str(values)[:30])
def test_foreign_configurations_are_told_of(values):
    with pytest.raises(VlmError, match="configuration"):
        config_from(LLaVAConfig, values)


# -- weights ---------------------------------------------------------------------------------------------------------


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


def test_nothing_is_pickled():
    bad = re.compile(r"torch\.(save|load)\(|\bpickle\b(?!,)|\bshelve\b|joblib|np\.load\(|allow_pickle")
    sources = [*PACKAGE.rglob("*.py")]
    assert len(sources) > 15
    for source in sources:
        code = re.sub(r'""".*?"""|#.*', "", source.read_text("utf-8"), flags=re.S)
        assert not bad.search(code), f"{source.name} pickles"
