"""Published models taken over, from memory and from folders; everything that ours lacks refused by name."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    CLIPTextModelWithProjection,
    LlamaForSequenceClassification,
    LlavaConfig,
    LlavaForConditionalGeneration,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    SiglipVisionConfig,
)

from tests import tiny
from vlmcore.clip import CLIP, TextEncoder
from vlmcore.errors import VlmError
from vlmcore.language import LanguageModel
from vlmcore.llava import LLaVA
from vlmcore.pretrained import load_pretrained
from vlmcore.vision import VisionEncoder

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
            lambda ours: ours(PROMPT, ours.see(tiny.pixels(1))),
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


def test_the_vision_model_inside_clip():
    theirs = tiny.clip()
    expected = theirs.vision_model(tiny.pixels(2)).last_hidden_state
    tiny.agree(VisionEncoder.from_transformers(theirs.vision_model)(tiny.pixels(2)), expected)
    expected = theirs.text_model(CAPTIONS).pooler_output
    tiny.agree(TextEncoder.from_transformers(theirs.text_model)(CAPTIONS, LAST), expected)


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


def test_weights_are_copies_in_their_own_format_and_can_be_trained(tmp_path):
    theirs = tiny.llama(tie_word_embeddings=True).bfloat16().requires_grad_(False)
    for ours in (LanguageModel.from_transformers(theirs), load_pretrained(saved(theirs, tmp_path))):
        weights = dict(ours.named_parameters())
        assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
        assert all(weight.requires_grad and weight.device.type == "cpu" for weight in weights.values())
        assert "head.weight" not in weights and ours.head.weight is ours.embedding.weight
        before = theirs.lm_head.weight.clone()
        with torch.no_grad():
            ours.embedding.weight.zero_()
        assert torch.equal(theirs.lm_head.weight, before)


def test_the_configuration_is_translated():
    config = LLaVA.from_transformers(tiny.llava(vision_feature_layer=1)).config
    assert (config.image_token, config.skip) == (tiny.IMAGE, 2)
    assert (config.vision.image, config.vision.patch, config.vision.patches, config.vision.stem) == (12, 4, 9, ())
    stack = config.language.transformer
    assert (stack.width, stack.layers, stack.heads, stack.kv_heads, stack.hidden) == (32, 3, 4, 2, 48)
    assert (stack.eps, stack.rope_theta) == (1e-6, 10_000.0)


# -- what ours lacks -------------------------------------------------------------------------------------------------

LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}
PARTIAL = {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.5}


@pytest.mark.parametrize(
    ("make", "kind", "options", "complaint"),
    [
        (tiny.llama, LanguageModel, {"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        (tiny.llama, LanguageModel, {"attention_bias": True}, "attention_bias True"),
        (tiny.llama, LanguageModel, {"mlp_bias": True}, "mlp_bias True"),
        (tiny.llama, LanguageModel, {"attention_dropout": 0.1}, "attention_dropout 0.1"),
        (tiny.llama, LanguageModel, {"head_dim": 16}, "head_dim 16"),
        (tiny.llama, LanguageModel, {"rope_parameters": LINEAR}, "rope_type 'linear'"),
        (tiny.llama, LanguageModel, {"rope_parameters": PARTIAL}, "partial_rotary_factor 0.5"),
        (tiny.clip_vision, VisionEncoder, {"hidden_act": "gelu_new"}, "hidden_act 'gelu_new'"),
        (tiny.clip_vision, VisionEncoder, {"num_channels": 1}, "num_channels 1"),
        (tiny.clip_vision, VisionEncoder, {"image_size": 14}, "image_size 14 with patch_size 4"),
        (tiny.clip_text, TextEncoder, {"hidden_act": "relu"}, "hidden_act 'relu'"),
        (tiny.clip_text, TextEncoder, {"attention_dropout": 0.1}, "attention_dropout 0.1"),
        (tiny.clip, CLIP, {"text": {"hidden_act": "relu"}}, "hidden_act 'relu'"),
        (tiny.llava, LLaVA, {"projector_hidden_act": "relu"}, "projector_hidden_act 'relu'"),
        (tiny.llava, LLaVA, {"multimodal_projector_bias": False}, "multimodal_projector_bias False"),
        (tiny.llava, LLaVA, {"vision_feature_select_strategy": "full"}, "vision_feature_select_strategy 'full'"),
        (tiny.llava, LLaVA, {"vision_feature_layer": -1}, "vision_feature_layer -1"),
        (tiny.llava, LLaVA, {"vision_feature_layer": 3}, "vision_feature_layer 3"),
        (tiny.llava, LLaVA, {"vision_feature_layer": [-2, -1]}, r"vision_feature_layer \[-2, -1\]"),
        (tiny.llava, LLaVA, {"image_token_index": 50}, "image_token_index 50"),
        (tiny.llava, LLaVA, {"language": tiny.llama_config(rope_parameters=LINEAR)}, "rope_type 'linear'"),
    ],
)
def test_options_that_ours_lack_are_named(make, kind, options, complaint):
    with pytest.raises(VlmError, match=complaint):
        kind.from_transformers(make(**options))


def test_other_architectures_are_refused():
    sizes = tiny.WIDTH | tiny.SPECIAL | {"vocab_size": tiny.WORDS, "num_key_value_heads": 2}
    mistral = MistralConfig(**sizes)
    siglip = SiglipVisionConfig(**tiny.WIDTH, image_size=12, patch_size=4)
    with pytest.raises(VlmError, match="model_type 'mistral'"):
        LanguageModel.from_transformers(MistralForCausalLM(mistral))
    for parts in ((tiny.vision_config(), mistral), (siglip, tiny.llama_config())):
        config = LlavaConfig(vision_config=parts[0], text_config=parts[1], image_token_index=tiny.IMAGE)
        with pytest.raises(VlmError, match=r"siglip|mistral"):
            LLaVA.from_transformers(LlavaForConditionalGeneration(config))
    with pytest.raises(VlmError, match="no output head"):
        LanguageModel.from_transformers(LlamaForSequenceClassification(tiny.llama_config()))
    with pytest.raises(VlmError, match="model_type 'clip'"):
        VisionEncoder.from_transformers(tiny.clip())


def test_weights_without_a_place_are_named():
    theirs = tiny.clip_vision()
    theirs.encoder.layers[1].register_parameter("scale", nn.Parameter(torch.ones(32)))
    with pytest.raises(VlmError, match=r"no place for encoder\.layers\.1\.scale"):
        VisionEncoder.from_transformers(theirs)
    with pytest.raises(VlmError, match="no place for text"):
        TextEncoder.from_transformers(CLIPTextModelWithProjection(tiny.text_config()))
    theirs = tiny.llama()
    theirs.model.layers[2].self_attn.k_proj = nn.Linear(32, 16, bias=False)
    with pytest.raises(VlmError, match=r"transformer\.blocks\.2\.attention\.qkv\.weight does not fit a LanguageModel"):
        LanguageModel.from_transformers(theirs)


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
    change(folder, rope_parameters=LINEAR)
    with pytest.raises(VlmError, match="rope_type 'linear'"):
        load_pretrained(folder)
