"""From another layout's weights to ours: renamed, concatenated, and put into a model that was never initialised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from vlmcore.errors import VlmError
from vlmcore.models.config import TransformerConfig

Model = TypeVar("Model", bound=nn.Module)
Weights = dict[str, Tensor]
Rules = dict[str, tuple[str, ...]]  # our name: their names, concatenated in this order


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


def expect(options: dict[str, Any], **allowed: Sequence) -> None:
    """Every named option has one of the values that ours can have, or VlmError."""
    for name, values in allowed.items():
        if options[name] not in values:
            known = " or ".join(map(repr, values))
            raise VlmError(f"a {options['model_type']} model with {name} {options[name]!r}: ours can only have {known}")


def stack_config(config: PreTrainedConfig, **rest: Any) -> TransformerConfig:
    """What Llama's and CLIP's configurations call alike."""
    width, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    inner = config.intermediate_size
    return TransformerConfig(width=width, layers=layers, heads=heads, intermediate_size=inner, **rest)
