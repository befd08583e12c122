"""A model's folder: configuration and weights come back, and a sentence for every one that is not what it should be."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from vlmcore.checkpoint import FORMAT, config_from, load_model, save_model
from vlmcore.errors import VlmError
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import LanguageConfig
from vlmcore.models.llava import LLaVA, LLaVAConfig
from vlmcore.models.vision import VisionConfig

# -- configurations --------------------------------------------------------------------------------------------------


def test_configurations_survive_json():
    config = LLaVAConfig(
        vision=VisionConfig(
            stem=(4, 8), image=32, mean=(0.1, 0.2, 0.3), transformer=TransformerConfig(rope_theta=None)
        ),
        image_token=7,
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


# -- models ----------------------------------------------------------------------------------------------------------

STACK = TransformerConfig(width=16, layers=1, heads=2, kv_heads=2, intermediate_size=16)
SEEING = replace(STACK, activation="gelu", norm="layer", bias=True, rope_theta=None)


def model(tied: bool = True, **language: object) -> LLaVA:
    torch.manual_seed(0)
    words = LanguageConfig(**{"vocabulary": 30, "transformer": STACK, "tied": tied} | language)
    made = LLaVA(LLaVAConfig(VisionConfig(image=16, stem=(4,), transformer=SEEING), words, image_token=3))
    with torch.no_grad():
        made.language.head.weight += 0.1
    return made


def same(first: LLaVA, second: LLaVA, format: torch.dtype = torch.float32) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name].to(format), theirs[name]) for name in ours)


@pytest.mark.parametrize(
    "options",
    [{}, {"tied": False}, {"transformer": replace(STACK, rope_theta=None), "learned_positions": 12}],
    ids=["tied", "untied", "learned positions"],
)
def test_a_model_comes_back(tmp_path, options):
    """An untied head was once left out of the file, and the word-embedding table put into its place."""
    saved = model(**options)
    save_model(tmp_path, saved, {"objects": 7}, half=False)
    loaded, about = load_model(tmp_path)
    assert about == {"objects": 7} and loaded.config == saved.config and same(saved, loaded)
    head, table = loaded.language.head.weight, loaded.language.embedding.weight
    assert (head is table) == saved.config.language.tied == torch.equal(head, table)


@pytest.mark.parametrize("tied", [True, False])
def test_in_half_precision_and_a_tied_head_once(tmp_path, tied):
    saved = model(tied)
    save_model(tmp_path, saved, {})
    tensors = load_file(tmp_path / "model.safetensors")
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    assert saved.state_dict().keys() - tensors.keys() == ({"language.head.weight"} if tied else set())
    loaded, _ = load_model(tmp_path)
    assert {value.dtype for value in loaded.state_dict().values()} == {torch.float32}
    assert same(saved.half().float(), loaded)


def settings(folder: Path, **changed: object) -> dict:
    file = folder / "config.json"
    told = json.loads(file.read_bytes())
    told = {key: value for key, value in (told | changed).items() if value is not ...}
    file.write_text(json.dumps(told))
    return told


def refused(folder: Path) -> str:
    with pytest.raises(VlmError) as caught:
        load_model(folder)
    sentence = str(caught.value)
    assert str(folder) in sentence and "\n" not in sentence
    return sentence


def test_the_folder_names_its_system_and_its_format(tmp_path):
    save_model(tmp_path, model(), {})
    assert (settings(tmp_path)["system"], settings(tmp_path)["format"]) == ("llava", FORMAT)


@pytest.mark.parametrize("system", ["cogview", None, 3, ...], ids=str)
def test_an_unknown_system_is_told_of(tmp_path, system):
    """A folder of a system to come, read as a LLaVA, would end in a list of weights that do not fit."""
    save_model(tmp_path, model(), {})
    settings(tmp_path, system=system)
    assert "this vlmcore knows llava" in refused(tmp_path)


@pytest.mark.parametrize("format", [1, FORMAT + 1, "2", None, ...], ids=str)
def test_another_format_is_told_of(tmp_path, format):
    """Format 1 had no number: its "hidden" is no longer a name, and "intermediate_size" must not be guessed."""
    save_model(tmp_path, model(), {})
    settings(tmp_path, format=format)
    assert f"this vlmcore reads {FORMAT}" in refused(tmp_path)


def test_other_folders_are_told_of(tmp_path):
    save_model(tmp_path, model(), {})
    whole = (tmp_path / "config.json").read_text()
    for text in ("[]", "3", "{}", '{"model": 3, "about": 3}', '{"model_type": "llama"}'):
        (tmp_path / "config.json").write_text(text)
        assert "was not written by vlmcore" in refused(tmp_path)
    (tmp_path / "config.json").write_text(whole)
    with pytest.raises(VlmError, match=r"config\.json: this is not a configuration of LLaVAConfig"):
        settings(tmp_path, model={"extra": 1})
        load_model(tmp_path)


def test_weights_of_another_model_are_told_of(tmp_path):
    save_model(tmp_path, model(), {})
    save_model(tmp_path / "other", model(vocabulary=31), {})
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    assert r"language.embedding.weight has shape (31, 16)" in refused(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert "there is no" in refused(tmp_path)


def test_what_is_no_system_is_not_saved(tmp_path):
    with pytest.raises(VlmError, match="a Linear is none of the systems"):
        save_model(tmp_path, nn.Linear(2, 2), {})
    assert not list(tmp_path.iterdir())


# -- a part that another folder holds ----------------------------------------------------------------------------------


def test_a_borrowed_part_is_written_once_and_comes_back(tmp_path):
    trained = model()
    save_model(tmp_path / "inside", trained, {}, borrowed={"vision": ".."})
    with pytest.raises(VlmError, match="safetensors"):  # nobody has lent it yet
        load_model(tmp_path / "inside")
    save_model(tmp_path, trained, {})
    written = load_file(tmp_path / "inside" / "model.safetensors")
    assert not any(name.startswith("vision.") for name in written) and written
    back, whole = load_model(tmp_path / "inside")[0].state_dict(), load_model(tmp_path)[0].state_dict()
    assert back.keys() == whole.keys() and all(torch.equal(back[name], whole[name]) for name in whole)


def test_what_another_model_has_cannot_be_borrowed(tmp_path):
    save_model(tmp_path / "lender", model(), {})
    other = model()
    with torch.no_grad():
        next(other.vision.parameters()).add_(1)
    with pytest.raises(VlmError, match=r"another vision\..* than the model that wants to borrow it"):
        save_model(tmp_path / "other", other, {}, borrowed={"vision": "../lender"})


def test_finer_eyes_are_borrowed_of_the_same_encoder(tmp_path):
    """CogVLM takes the patches before they are merged: the lender holds more than it needs."""
    llava = LLaVA(
        replace(model().config, vision=VisionConfig(image=16, stem=(4,), patch=2, merge=2, transformer=SEEING))
    )
    save_model(tmp_path / "llava", llava, {})
    cogvlm = CogVLM.of(load_model(tmp_path / "llava")[0].language, load_model(tmp_path / "llava")[0].vision, 0)
    save_model(tmp_path / "cogvlm", cogvlm, {}, borrowed={"vision": "../llava"})
    back = load_model(tmp_path / "cogvlm")[0]
    for name, weight in back.state_dict().items():
        assert torch.equal(weight, cogvlm.state_dict()[name].half().float()), name
    last = back.language.transformer.blocks[-1]
    assert last.image_mlp is last.mlp and last.attention.image_out is last.attention.out
