"""Published models' folders: whole ones come back as the same model, every other gets a sentence."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPImageProcessor, PreTrainedModel

from tests import tiny
from vlmcore.errors import VlmError
from vlmcore.models.clip import CLIP, TextEncoder
from vlmcore.models.language import LanguageModel
from vlmcore.models.llava import LLaVA
from vlmcore.models.vision import VisionEncoder
from vlmcore.pretrained import clip, llama
from vlmcore.pretrained.folder import load_pretrained

CAPTIONS, LAST = torch.tensor([[28, 3, 4, 29, 5], [28, 6, 7, 8, 29]]), torch.tensor([3, 4])
PROMPT = torch.cat([tiny.words(1, 2), torch.full((1, 9), tiny.IMAGE), tiny.words(1, 3)], 1)

Outputs = tuple[Callable[[PreTrainedModel], Tensor], Callable[[nn.Module], Tensor]]
FAMILIES: dict[str, tuple[Callable[..., PreTrainedModel], type[nn.Module], Outputs]] = {
    "llama": (
        lambda: tiny.llama(num_key_value_heads=2),
        LanguageModel,
        (lambda theirs: theirs(tiny.words(2, 7)).logits, lambda ours: ours(tiny.words(2, 7))),
    ),
    "tied llama": (
        lambda: tiny.llama(tie_word_embeddings=True),
        LanguageModel,
        (lambda theirs: theirs(tiny.words(2, 7)).logits, lambda ours: ours(tiny.words(2, 7))),
    ),
    "vision": (
        tiny.clip_vision,
        VisionEncoder,
        (lambda theirs: theirs(tiny.pixels(2)).last_hidden_state, lambda ours: ours(tiny.pixels(2))),
    ),
    "text": (
        tiny.clip_text,
        TextEncoder,
        (lambda theirs: theirs(CAPTIONS).pooler_output, lambda ours: ours(CAPTIONS, LAST)),
    ),
    "clip": (
        tiny.clip,
        CLIP,
        (
            lambda theirs: theirs(input_ids=CAPTIONS, pixel_values=tiny.pixels(2)).logits_per_image,
            lambda ours: ours(tiny.pixels(2), CAPTIONS, LAST),
        ),
    ),
    "llava": (
        tiny.llava,
        LLaVA,
        (
            lambda theirs: theirs(input_ids=PROMPT, pixel_values=tiny.pixels(1)).logits,
            lambda ours: ours(PROMPT, ours.encode_image(tiny.pixels(1))),
        ),
    ),
}


def saved(model: PreTrainedModel, folder: Path, **options: object) -> Path:
    model.save_pretrained(folder, **options)
    return folder


# -- what works ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shards", [False, True])
def test_a_folder_comes_back_as_the_same_model(tmp_path, family, shards):
    make, kind, (their_output, our_output) = FAMILIES[family]
    theirs = make()
    saved(theirs, tmp_path, **{"max_shard_size": "20KB"} if shards else {})
    assert (tmp_path / "model.safetensors.index.json").exists() == shards
    ours = load_pretrained(str(tmp_path))
    assert type(ours) is kind
    tiny.agree(our_output(ours), their_output(theirs))


def test_names_of_published_checkpoints(tmp_path):
    """As they lie on the Hub: one level more in the names of LLaVA's vision tower, tables that everyone computes."""
    theirs = tiny.llava()
    file = saved(theirs, tmp_path / "llava") / "model.safetensors"
    tensors = {
        name.replace("vision_tower.", "vision_tower.vision_model."): tensor for name, tensor in load_file(file).items()
    }
    tensors["vision_tower.vision_model.embeddings.position_ids"] = torch.arange(10)[None]
    assert "language_model.model.embed_tokens.weight" in tensors
    save_file(tensors, file, {"format": "pt"})
    their_output, our_output = FAMILIES["llava"][2]
    tiny.agree(our_output(load_pretrained(tmp_path / "llava")), their_output(theirs))

    theirs = tiny.clip()
    file = saved(theirs, tmp_path / "clip") / "model.safetensors"
    stored = {f"{part}_model.embeddings.position_ids": torch.arange(9)[None] for part in ("text", "vision")}
    save_file(load_file(file) | stored, file, {"format": "pt"})
    their_output, our_output = FAMILIES["clip"][2]
    tiny.agree(our_output(load_pretrained(tmp_path / "clip")), their_output(theirs))

    theirs = tiny.llama(num_key_value_heads=2)
    file = saved(theirs, tmp_path / "llama") / "model.safetensors"
    stored = {f"model.layers.{n}.self_attn.rotary_emb.inv_freq": torch.ones(4) for n in range(3)}
    save_file(load_file(file) | stored, file, {"format": "pt"})
    their_output, our_output = FAMILIES["llama"][2]
    tiny.agree(our_output(load_pretrained(tmp_path / "llama")), their_output(theirs))


@pytest.mark.parametrize("family", ["vision", "clip", "llava"])
def test_pixels_are_in_the_units_of_the_folders_preprocessor(tmp_path, family):
    """A checkpoint with a mean of its own (SigLIP's 0.5, say) would look at pictures in CLIP's colours."""
    saved(FAMILIES[family][0](), tmp_path)
    plain = load_pretrained(tmp_path)
    encoder = plain if family == "vision" else plain.vision
    assert (encoder.config.mean, encoder.config.deviation) == (clip.MEAN, clip.DEVIATION)
    theirs = CLIPImageProcessor(
        image_mean=[0.5, 0.4, 0.3], image_std=[0.25, 0.5, 1.0], do_resize=False, do_center_crop=False
    )
    theirs.save_pretrained(tmp_path)
    ours = load_pretrained(tmp_path)
    encoder = ours if family == "vision" else ours.vision
    assert family == "vision" or ours.config.vision is encoder.config, "saved with the model, it comes back"
    pictures = torch.randint(0, 256, (2, 12, 12, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = theirs(list(pictures.numpy()), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(encoder.normalise(pictures), expected, atol=1e-5, rtol=0)


DAMAGED = [
    "",
    "[",
    "[]",
    '{"image_mean": 3}',
    '{"image_mean": [1, 2]}',
    '{"image_std": [0, 1, 1]}',
    '{"image_std": null}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_preprocessor_is_told_of(tmp_path, text):
    saved(tiny.clip_vision(), tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(text)
    assert "preprocessor_config.json is damaged" in refused(tmp_path)


def test_weights_are_copies_in_their_own_format_and_can_be_trained(tmp_path):
    theirs = tiny.llama(tie_word_embeddings=True).bfloat16().requires_grad_(False)
    for ours in (llama.from_transformers(theirs), load_pretrained(saved(theirs, tmp_path))):
        weights = dict(ours.named_parameters())
        assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
        assert all(weight.requires_grad and weight.device.type == "cpu" for weight in weights.values())
        assert "head.weight" not in weights and ours.head.weight is ours.embedding.weight
        before = theirs.lm_head.weight.clone()
        with torch.no_grad():
            ours.embedding.weight.zero_()
        assert torch.equal(theirs.lm_head.weight, before)


# -- folders that cannot be read -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved(tiny.llama(), tmp_path / "model", max_shard_size="20KB")


def refused(folder: Path) -> str:
    with pytest.raises(VlmError) as caught:
        load_pretrained(folder)
    sentence = str(caught.value)
    assert str(folder) in sentence and "\n" not in sentence
    return sentence


def change(folder: Path, **options: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | options))


def test_a_folder_without_a_model(tmp_path):
    assert "there is no" in refused(tmp_path)
    assert "there is no" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"model_type": []}', '{"model_type": "bert"}', "\x00"])
def test_a_folder_with_another_configuration(folder, text):
    (folder / "config.json").write_text(text)
    assert "names no model of llama, " in refused(folder)


@pytest.mark.parametrize("damage", ["gone", "cut", "garbage"])
def test_a_damaged_shard(folder, damage):
    shard = sorted(folder.glob("*.safetensors"))[1]
    whole = shard.read_bytes()
    if damage == "gone":
        shard.unlink()
    else:
        shard.write_bytes(whole[: len(whole) // 2] if damage == "cut" else os.urandom(100))
    assert "cannot read" in refused(folder)


def test_pickled_weights_are_not_opened(folder):
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    torch.save(tiny.llama().state_dict(), folder / "pytorch_model.bin")
    assert "cannot read" in refused(folder)


@pytest.mark.parametrize("options", [{"hidden_size": 64}, {"hidden_size": "wide"}, {"num_attention_heads": 5}])
def test_sizes_that_do_not_fit(folder, options):
    change(folder, **options)
    assert "cannot read" in refused(folder)


def test_too_few_and_too_many_weights(folder):
    change(folder, num_hidden_layers=4)
    assert "layers.3.input_layernorm.weight is missing" in refused(folder)
    change(folder, num_hidden_layers=2)
    assert "layers.2.input_layernorm.weight is one too many" in refused(folder)


def test_options_in_a_folder(folder):
    change(folder, rope_parameters={"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0})
    with pytest.raises(VlmError, match="rope_type 'linear'"):
        load_pretrained(folder)
