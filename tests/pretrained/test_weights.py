"""Models taken over from memory: everything that ours lacks is refused by name."""

import pytest
import torch
from torch import nn
from transformers import (
    CLIPTextModelWithProjection,
    LlamaForSequenceClassification,
    LlavaConfig,
    LlavaForConditionalGeneration,
    MistralConfig,
    MistralForCausalLM,
    SiglipVisionConfig,
)

from tests import tiny
from vlmcore.errors import VlmError
from vlmcore.pretrained import clip, llama, llava

LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}
PARTIAL = {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.5}


@pytest.mark.parametrize(
    ("make", "convert", "options", "complaint"),
    [
        (tiny.llama, llama.from_transformers, {"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        (tiny.llama, llama.from_transformers, {"attention_bias": True}, "attention_bias True"),
        (tiny.llama, llama.from_transformers, {"mlp_bias": True}, "mlp_bias True"),
        (tiny.llama, llama.from_transformers, {"attention_dropout": 0.1}, "attention_dropout 0.1"),
        (tiny.llama, llama.from_transformers, {"head_dim": 16}, "head_dim 16"),
        (tiny.llama, llama.from_transformers, {"rope_parameters": LINEAR}, "rope_type 'linear'"),
        (tiny.llama, llama.from_transformers, {"rope_parameters": PARTIAL}, "partial_rotary_factor 0.5"),
        (tiny.clip_vision, clip.vision_from_transformers, {"hidden_act": "gelu_new"}, "hidden_act 'gelu_new'"),
        (tiny.clip_vision, clip.vision_from_transformers, {"num_channels": 1}, "num_channels 1"),
        (tiny.clip_vision, clip.vision_from_transformers, {"image_size": 14}, "image_size 14 with patch_size 4"),
        (tiny.clip_text, clip.text_from_transformers, {"hidden_act": "relu"}, "hidden_act 'relu'"),
        (tiny.clip_text, clip.text_from_transformers, {"attention_dropout": 0.1}, "attention_dropout 0.1"),
        (tiny.clip, clip.from_transformers, {"text": {"hidden_act": "relu"}}, "hidden_act 'relu'"),
        (tiny.llava, llava.from_transformers, {"projector_hidden_act": "relu"}, "projector_hidden_act 'relu'"),
        (tiny.llava, llava.from_transformers, {"multimodal_projector_bias": False}, "multimodal_projector_bias False"),
        (
            tiny.llava,
            llava.from_transformers,
            {"vision_feature_select_strategy": "full"},
            "vision_feature_select_strategy 'full'",
        ),
        (tiny.llava, llava.from_transformers, {"vision_feature_layer": -1}, "vision_feature_layer -1"),
        (tiny.llava, llava.from_transformers, {"vision_feature_layer": 3}, "vision_feature_layer 3"),
        (tiny.llava, llava.from_transformers, {"vision_feature_layer": [-2, -1]}, r"vision_feature_layer \[-2, -1\]"),
        (tiny.llava, llava.from_transformers, {"image_token_index": 50}, "image_token_index 50"),
        (
            tiny.llava,
            llava.from_transformers,
            {"language": tiny.llama_config(rope_parameters=LINEAR)},
            "rope_type 'linear'",
        ),
    ],
)
def test_options_that_ours_lack_are_named(make, convert, options, complaint):
    with pytest.raises(VlmError, match=complaint):
        convert(make(**options))


def test_other_architectures_are_refused():
    sizes = tiny.WIDTH | tiny.SPECIAL | {"vocab_size": tiny.WORDS, "num_key_value_heads": 2}
    mistral = MistralConfig(**sizes)
    siglip = SiglipVisionConfig(**tiny.WIDTH, image_size=12, patch_size=4)
    with pytest.raises(VlmError, match="model_type 'mistral'"):
        llama.from_transformers(MistralForCausalLM(mistral))
    for parts in ((tiny.vision_config(), mistral), (siglip, tiny.llama_config())):
        config = LlavaConfig(vision_config=parts[0], text_config=parts[1], image_token_index=tiny.IMAGE)
        with pytest.raises(VlmError, match=r"siglip|mistral"):
            llava.from_transformers(LlavaForConditionalGeneration(config))
    with pytest.raises(VlmError, match="no output head"):
        llama.from_transformers(LlamaForSequenceClassification(tiny.llama_config()))
    with pytest.raises(VlmError, match="model_type 'clip'"):
        clip.vision_from_transformers(tiny.clip())


def test_weights_without_a_place_are_named():
    theirs = tiny.clip_vision()
    theirs.encoder.layers[1].register_parameter("scale", nn.Parameter(torch.ones(32)))
    with pytest.raises(VlmError, match=r"no place for encoder\.layers\.1\.scale"):
        clip.vision_from_transformers(theirs)
    with pytest.raises(VlmError, match="no place for text"):
        clip.text_from_transformers(CLIPTextModelWithProjection(tiny.text_config()))
    theirs = tiny.llama()
    theirs.model.layers[2].self_attn.k_proj = nn.Linear(32, 16, bias=False)
    with pytest.raises(VlmError, match=r"transformer\.blocks\.2\.attention\.qkv\.weight does not fit a LanguageModel"):
        llama.from_transformers(theirs)
