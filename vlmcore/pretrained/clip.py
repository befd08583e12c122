"""CLIP: CLIPModel and its two towers as ours."""

from __future__ import annotations

from transformers import PreTrainedConfig, PreTrainedModel

from vlmcore.errors import VlmError
from vlmcore.models.clip import CLIP, CLIPConfig, TextConfig, TextEncoder
from vlmcore.models.config import TransformerConfig
from vlmcore.models.vision import VisionConfig, VisionEncoder
from vlmcore.pretrained.weights import Rules, Weights, build, expect, rename, rename_stack, stack_config, under

MEAN = (0.48145466, 0.4578275, 0.40821073)  # CLIP subtracts its own data's mean from pixels (openai/CLIP, clip.py)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)  # and divides by how far its colours stray

CLIP_BLOCK: Rules = {
    "norm1": ("layer_norm1",),
    "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.out": ("self_attn.out_proj",),
    "norm2": ("layer_norm2",),
    "mlp.up": ("mlp.fc1",),
    "mlp.down": ("mlp.fc2",),
}
CLIP_VISION: Rules = {
    "patch_embedding": ("embeddings.patch_embedding",),
    "class_embedding": ("embeddings.class_embedding",),
    "positions": ("embeddings.position_embedding.weight",),
    "norm_first": ("pre_layrnorm",),  # sic
    "norm": ("post_layernorm",),
}
CLIP_TEXT: Rules = {
    "embedding": ("embeddings.token_embedding",),
    "positions": ("embeddings.position_embedding.weight",),
    "norm": ("final_layer_norm",),
}


def from_transformers(hf: PreTrainedModel) -> CLIP:
    """A ``CLIPModel`` as ours. Errors: VlmError for what ours lacks."""
    return build(CLIP, *clip(hf))


def vision_from_transformers(hf: PreTrainedModel) -> VisionEncoder:
    """A ``CLIPVisionModel``, or the one inside a ``CLIPModel``, as ours. Errors: VlmError for what ours lacks."""
    return build(VisionEncoder, *vision(hf))


def text_from_transformers(hf: PreTrainedModel) -> TextEncoder:
    """A ``CLIPTextModel`` as ours. Errors: VlmError for what ours lacks."""
    return build(TextEncoder, *text(hf))


def tower(config: PreTrainedConfig, kind: str) -> TransformerConfig:
    """One of CLIP's two towers."""
    expect(config.to_dict(), model_type=[kind], hidden_act=["quick_gelu", "gelu"], attention_dropout=[0])
    heads, eps, activation = config.num_attention_heads, config.layer_norm_eps, config.hidden_act
    return stack_config(
        config, kv_heads=heads, eps=eps, activation=activation, norm="layer", bias=True, rope_theta=None
    )


def vision(hf: PreTrainedModel) -> tuple[VisionConfig, Weights]:
    """CLIPVisionModel."""
    transformer = tower(hf.config, "clip_vision_model")
    expect(hf.config.to_dict(), num_channels=[3])
    image, patch = hf.config.image_size, hf.config.patch_size
    if not isinstance(image, int) or not isinstance(patch, int) or image % patch:
        raise VlmError(f"our pictures are squares of whole patches: image_size {image} with patch_size {patch} is not")
    config = VisionConfig(image, patch, (), MEAN, DEVIATION, class_token=True, norm_first=True, transformer=transformer)
    return config, rename_stack(hf, CLIP_VISION, "encoder.layers", CLIP_BLOCK)


def text(hf: PreTrainedModel) -> tuple[TextConfig, Weights]:
    """CLIPTextModel."""
    transformer = tower(hf.config, "clip_text_model")
    config = TextConfig(hf.config.vocab_size, hf.config.max_position_embeddings, transformer)
    return config, rename_stack(hf, CLIP_TEXT, "encoder.layers", CLIP_BLOCK)


def clip(hf: PreTrainedModel) -> tuple[CLIPConfig, Weights]:
    """CLIPModel."""
    expect(hf.config.to_dict(), model_type=["clip"])
    (vision_config, vision_weights), (text_config, text_weights) = vision(hf.vision_model), text(hf.text_model)
    weights = under("vision", vision_weights) | under("text", text_weights)
    weights |= under("picture_projection", rename(hf.visual_projection, {"weight": ("weight",)}))
    weights |= under("text_projection", rename(hf.text_projection, {"weight": ("weight",)}))
    weights["log_scale"] = hf.logit_scale.detach().clone()
    return CLIPConfig(vision_config, text_config, hf.config.projection_dim), weights
