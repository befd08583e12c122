"""Llama: LlamaForCausalLM as our LanguageModel, and the way back."""

from __future__ import annotations

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from vlmcore.errors import VlmError
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.pretrained.weights import Rules, Weights, build, expect, rename_stack, stack_config, stack_rules

LLAMA: Rules = {"embedding": ("embed_tokens",), "norm": ("norm",)}
LLAMA_BLOCK: Rules = {
    "norm1": ("input_layernorm",),
    "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.out": ("self_attn.o_proj",),
    "norm2": ("post_attention_layernorm",),
    "mlp.up": ("mlp.gate_proj", "mlp.up_proj"),
    "mlp.down": ("mlp.down_proj",),
}


def from_transformers(hf: PreTrainedModel) -> LanguageModel:
    """A ``LlamaForCausalLM`` as ours. Errors: VlmError for what ours lacks."""
    if hf.get_output_embeddings() is None:
        raise VlmError(f"a {type(hf).__name__} has no output head: pass a LlamaForCausalLM")
    return build(LanguageModel, *base_and_head(hf.model, hf.lm_head))


def base_and_head(base: PreTrainedModel, head: nn.Module) -> tuple[LanguageConfig, Weights]:
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


def to_transformers(model: LanguageModel) -> LlamaForCausalLM:
    """Our language model as a ``LlamaForCausalLM``, its weights copied. Errors: VlmError for what theirs lacks."""
    c = model.config.transformer
    if (c.norm, c.activation, c.bias) != ("rms", "swiglu", False) or c.rope_theta is None:
        raise VlmError("transformers' Llama has RMSNorm, SwiGLU, rotary positions and no biases: this model has others")
    config = LlamaConfig(
        vocab_size=model.config.vocabulary,
        hidden_size=c.width,
        intermediate_size=c.intermediate_size,
        num_hidden_layers=c.layers,
        num_attention_heads=c.heads,
        num_key_value_heads=c.kv_heads,
        rms_norm_eps=c.eps,
        rope_parameters={"rope_type": "default", "rope_theta": c.rope_theta},
        tie_word_embeddings=model.config.tied,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    hf = LlamaForCausalLM(config).eval()
    own, theirs = model.state_dict(), hf.model.state_dict()
    with torch.no_grad():
        for name, sources in stack_rules(LLAMA, "layers", LLAMA_BLOCK, c.layers).items():
            targets = [theirs[f"{source}.weight"] for source in sources]
            parts = own[f"{name}.weight"].split([len(target) for target in targets])
            for target, part in zip(targets, parts, strict=True):
                target.copy_(part)
        hf.lm_head.weight.copy_(model.head.weight)
    return hf
