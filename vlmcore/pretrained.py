"""Published checkpoints in our layout: Llama, CLIP and LLaVA as ``transformers`` keeps them.

Design choices:
- our block fuses what theirs keeps apart (queries, keys and values; gate and up), so a model is taken over by renaming
  and concatenating: the tables below are the whole translation;
- every option that our block lacks is an error, never a silent difference, and so is a weight without a place;
- the weights are copied, in their own number format, onto a model that was never initialised: a large model costs its
  size twice for a moment, and no time;
- reading files is left to ``transformers``, which knows every older naming. Nothing is downloaded, no pickle is opened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from vlmcore.clip import CLIP, CLIPConfig, TextConfig, TextEncoder
from vlmcore.errors import VlmError
from vlmcore.language import LanguageConfig, LanguageModel
from vlmcore.llava import LLaVA, LLaVAConfig
from vlmcore.transformer import TransformerConfig
from vlmcore.vision import VisionConfig, VisionEncoder

Model = TypeVar("Model", bound=nn.Module)
Weights = dict[str, Tensor]
Rules = dict[str, tuple[str, ...]]  # our name: their names, concatenated in this order

LLAMA: Rules = {"embedding": ("embed_tokens",), "norm": ("norm",)}
LLAMA_BLOCK: Rules = {
    "norm1": ("input_layernorm",),
    "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.out": ("self_attn.o_proj",),
    "norm2": ("post_attention_layernorm",),
    "mlp.up": ("mlp.gate_proj", "mlp.up_proj"),
    "mlp.down": ("mlp.down_proj",),
}
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
PROJECTOR: Rules = {"first": ("linear_1",), "second": ("linear_2",)}


# -- weights ---------------------------------------------------------------------------------------------------------


def rename(module: nn.Module, rules: Rules) -> Weights:
    """A module's weights under our names, as copies. Errors: VlmError for weights that no rule mentions."""
    theirs, ours = module.state_dict(), {}
    for name, sources in rules.items():
        for suffix in ("", ".weight", ".bias"):
            found = [theirs.pop(source + suffix) for source in sources if source + suffix in theirs]
            if found:
                ours[name + suffix] = torch.cat(found)
    if theirs:
        raise VlmError(f"our model has no place for {min(theirs)}, one of the weights of this {type(module).__name__}")
    return ours


def stack_rules(rules: Rules, layers: str, block: Rules, count: int) -> Rules:
    """Rules for a tower: those outside its blocks, and those of one block for each. ``layers``: their name for them."""
    for n in range(count):
        for ours, theirs in block.items():
            rules = rules | {f"transformer.blocks.{n}.{ours}": tuple(f"{layers}.{n}.{name}" for name in theirs)}
    return rules


def rename_stack(module: PreTrainedModel, rules: Rules, layers: str, block: Rules) -> Weights:
    """``rename`` for a tower, by ``stack_rules``."""
    return rename(module, stack_rules(rules, layers, block, module.config.num_hidden_layers))


def under(part: str, weights: Weights) -> Weights:
    """A part's weights as the whole model names them."""
    return {f"{part}.{name}": weight for name, weight in weights.items()}


def build(kind: type[Model], config: Any, weights: Weights) -> Model:
    """A model with exactly these weights. Errors: VlmError that names the first one that does not fit."""
    with torch.device("meta"):  # takes no memory and no time: every weight is replaced below
        model = kind(config)
    own = model.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        if name not in own or name not in weights or own[name].shape != weights[name].shape:
            raise VlmError(f"the weight {name} does not fit a {kind.__name__} of this configuration")
    once = {id(weight): nn.Parameter(weight) for weight in weights.values()}  # tied weights stay one
    model.load_state_dict({name: once[id(weight)] for name, weight in weights.items()}, assign=True)
    return model


# -- models: theirs in, our configuration and weights out, for ``build`` ---------------------------------------------


def expect(options: dict[str, Any], **allowed: Sequence) -> None:
    """Every named option has one of the values that ours can have, or VlmError."""
    for name, values in allowed.items():
        if options[name] not in values:
            known = " or ".join(map(repr, values))
            raise VlmError(f"a {options['model_type']} model with {name} {options[name]!r}: ours can only have {known}")


def stack_config(config: PreTrainedConfig, **rest: Any) -> TransformerConfig:
    """What Llama's and CLIP's configurations call alike."""
    width, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    return TransformerConfig(width=width, layers=layers, heads=heads, hidden=config.intermediate_size, **rest)


def llama(base: PreTrainedModel, head: nn.Module) -> tuple[LanguageConfig, Weights]:
    """A LlamaModel and the head over it, which may be the word-embedding table."""
    config, tied = base.config, head.weight is base.get_input_embeddings().weight
    rope = getattr(config, "rope_parameters", None) or {}
    expect(
        {"partial_rotary_factor": 1, **config.to_dict(), **rope},
        model_type=["llama"],
        hidden_act=["silu", "swish"],
        attention_bias=[False],
        mlp_bias=[False],
        attention_dropout=[0],
        head_dim=[config.hidden_size // config.num_attention_heads],
        rope_type=["default"],
        partial_rotary_factor=[1],
    )
    kv_heads, eps, theta = config.num_key_value_heads, config.rms_norm_eps, rope["rope_theta"]
    transformer = stack_config(config, kv_heads=kv_heads, eps=eps, rope_theta=theta)
    weights = rename_stack(base, LLAMA, "layers", LLAMA_BLOCK)
    weights["head.weight"] = weights["embedding.weight"] if tied else head.weight.detach().clone()
    return LanguageConfig(config.vocab_size, transformer, tied), weights


def language(hf: PreTrainedModel) -> tuple[LanguageConfig, Weights]:
    """LlamaForCausalLM."""
    if hf.get_output_embeddings() is None:
        raise VlmError(f"a {type(hf).__name__} has no output head: pass a LlamaForCausalLM")
    return llama(hf.model, hf.lm_head)


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
    config = VisionConfig(image, patch, stem=(), class_token=True, norm_first=True, transformer=transformer)
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


def llava(hf: PreTrainedModel) -> tuple[LLaVAConfig, Weights]:
    """LlavaForConditionalGeneration. Its ``vision_feature_layer`` -2, what the last block reads, is our skip=1."""
    config, layers = hf.config, hf.config.vision_config.num_hidden_layers
    expect(
        config.to_dict(),
        model_type=["llava"],
        projector_hidden_act=["gelu"],
        multimodal_projector_bias=[True],
        vision_feature_select_strategy=["default"],
        vision_feature_layer=[*range(-1 - layers, -1), *range(layers)],  # after the last block only ours normalises
        image_token_index=range(config.text_config.vocab_size),
    )
    vision_config, weights = vision(hf.model.vision_tower)
    language_config, words = llama(hf.model.language_model, hf.lm_head)
    weights = under("vision", weights) | under("language", words)
    weights |= under("projector", rename(hf.model.multi_modal_projector, PROJECTOR))
    skip = -1 - config.vision_feature_layer if config.vision_feature_layer < 0 else layers - config.vision_feature_layer
    return LLaVAConfig(vision_config, language_config, config.image_token_index, skip), weights


# -- folders ---------------------------------------------------------------------------------------------------------

FAMILIES = {  # config.json's model_type: their class and ours
    "llama": (transformers.LlamaForCausalLM, LanguageModel),
    "clip_vision_model": (transformers.CLIPVisionModel, VisionEncoder),
    "clip_text_model": (transformers.CLIPTextModel, TextEncoder),
    "clip": (transformers.CLIPModel, CLIP),
    "llava": (transformers.LlavaForConditionalGeneration, LLaVA),
}
COMPUTED = ("position_ids", "inv_freq")  # tables that older checkpoints stored although everyone computes them


def load_pretrained(folder: Path | str) -> LLaVA | CLIP | LanguageModel | VisionEncoder | TextEncoder:
    """A folder as ``save_pretrained`` writes it and the Hub serves it: config.json and safetensors, in shards or not.

    Errors: VlmError for a missing, damaged or incomplete folder, and for models and options that ours lack.
    """
    folder, settings = Path(folder), Path(folder) / "config.json"
    if not settings.is_file():
        raise VlmError(f"there is no {settings}: name the folder of a model that you have downloaded")
    try:
        theirs, ours = FAMILIES[json.loads(settings.read_text(encoding="utf-8"))["model_type"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise VlmError(f"{settings} names no model of {', '.join(FAMILIES)} ({error!r}): choose another") from error
    options = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
    try:
        hf, report = theirs.from_pretrained(folder, **options)
    except Exception as error:  # transformers, safetensors and their validators each raise their own
        raise VlmError(f"cannot read {folder} ({' '.join(str(error).split())}): copy or download it again") from error
    unknown = {key for key in report["unexpected_keys"] if not key.endswith(COMPUTED)}
    for key in sorted(unknown | set(report["missing_keys"]))[:1]:
        problem = f"{key} is {'one too many' if key in unknown else 'missing'}"
        raise VlmError(f"the weights in {folder} do not fit its config.json ({problem}): copy or download it again")
    return ours.from_transformers(hf)
