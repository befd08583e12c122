"""A trained model in a folder: config.json, which names its system and its format, model.safetensors, its tokenizer.

Configurations are frozen dataclasses; they go to JSON and back by their fields. A tied head is written once.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from vlmcore.errors import VlmError
from vlmcore.files import read_json, write, write_json
from vlmcore.models.codegeex import CodeGeeX
from vlmcore.models.cogvlm import CogVLM, CogVLMConfig
from vlmcore.models.language import LanguageConfig
from vlmcore.models.llava import LLaVA, LLaVAConfig
from vlmcore.tensors import load_weights, read_tensors, write_tensors

Config = TypeVar("Config")

FORMAT = 2  # counts the versions of what this file writes: 1 had no system and other names in its configuration
SYSTEMS = {
    "llava": (LLaVAConfig, LLaVA),
    "cogvlm": (CogVLMConfig, CogVLM),
    "codegeex": (LanguageConfig, CodeGeeX),
}  # config.json's "system": its configuration and its model


def config_from(kind: type[Config], values: dict[str, Any]) -> Config:
    """A (nested) frozen dataclass from its JSON. Errors: VlmError for unknown or impossible values."""
    hints = typing.get_type_hints(kind)
    fields = {}
    try:
        for name, value in values.items():
            nested = dataclasses.is_dataclass(hints[name])
            fields[name] = (
                config_from(hints[name], value) if nested else tuple(value) if isinstance(value, list) else value
            )
        return kind(**fields)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError) as error:
        raise VlmError(
            f"this is not a configuration of {kind.__name__}: {error}. Was it written by `vlmcore train`?"
        ) from error


def save_model(
    folder: Path,
    model: nn.Module,
    about: dict[str, Any],
    half: bool = True,
    borrowed: dict[str, str] | None = None,
) -> None:
    """Write config.json and model.safetensors (half precision; weights that are one, such as a tied head, once).

    borrowed: a part of the model → the folder, seen from this one, that holds its weights: they are not repeated.

    Errors: VlmError where that folder holds other weights.
    """
    system = next((name for name, (_, kind) in SYSTEMS.items() if type(model) is kind), None)
    if system is None:
        raise VlmError(f"a {type(model).__name__} is none of the systems that a folder holds: {', '.join(SYSTEMS)}")
    borrowed, weights, seen = borrowed or {}, {}, set()
    for name, value in model.state_dict().items():
        if name.split(".")[0] in borrowed:
            continue
        if value.data_ptr() not in seen:
            weights[name] = value.half() if half else value
        seen.add(value.data_ptr())
    for part, other in borrowed.items():
        lender = (folder / other).resolve() / "model.safetensors"
        if lender.exists():  # a run writes the part before the whole
            check_lent(model, part, lender)
    config = {"format": FORMAT, "system": system, "model": dataclasses.asdict(model.config), "about": about}
    if borrowed:
        config["borrowed"] = borrowed
    write_json(folder / "config.json", config)
    write_tensors(folder / "model.safetensors", weights)


def check_lent(model: nn.Module, part: str, file: Path) -> None:
    """Does ``file`` hold a part's weights? It may hold more. Errors: VlmError."""
    lent, _ = read_tensors(file)
    for name, value in model.state_dict().items():
        if name.startswith(f"{part}.") and not (name in lent and torch.equal(lent[name].float(), value.half().float())):
            raise VlmError(f"{file} has another {name} than the model that wants to borrow it: name its own folder")


def load_model(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The model that ``save_model`` left in a folder, in float32, and what was noted about it. Errors: VlmError."""
    file = folder / "config.json"
    settings = read_json(file)
    if not isinstance(settings, dict) or "model" not in settings or not isinstance(settings.get("about", {}), dict):
        raise VlmError(f"{file} was not written by vlmcore: name a folder made by `vlmcore train`")
    if settings.get("format", 1) != FORMAT:
        older = settings.get("format", 1)
        raise VlmError(
            f"{file} has format {older}, this vlmcore reads {FORMAT}: train again, or take the vlmcore it needs"
        )
    if settings.get("system") not in SYSTEMS:
        known = ", ".join(SYSTEMS)
        raise VlmError(f"{file} names the system {settings.get('system')!r}, this vlmcore knows {known}: copy it again")
    config, kind = SYSTEMS[settings["system"]]
    try:
        model = kind(config_from(config, settings["model"]))
    except VlmError as error:
        raise VlmError(f"{file}: {error}") from error
    except (RuntimeError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise VlmError(f"{file} describes no model that can be built ({error}): copy it again") from error
    tensors, _ = read_tensors(folder / "model.safetensors")
    for part, other in settings.get("borrowed", {}).items():
        lent, _ = read_tensors(folder / other / "model.safetensors")
        tensors |= {name: lent[name] for name in model.state_dict().keys() & lent if name.startswith(f"{part}.")}
    tensors = {name: value.float() for name, value in tensors.items()}
    first: dict[int, str] = {}  # where a weight lies in memory: its first name, under which it was written
    for name, value in model.state_dict().items():
        once = first.setdefault(value.data_ptr(), name)
        if once in tensors:
            tensors.setdefault(name, tensors[once])
    load_weights(model, tensors, folder / "model.safetensors")
    return model, settings.get("about", {})


def save_tokenizer(folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write a tokenizer's files, each whole or not at all."""
    with TemporaryDirectory() as beside:
        tokenizer.save_pretrained(beside)
        for file in Path(beside).iterdir():
            write(folder / file.name, file.read_bytes())


def load_tokenizer(folder: Path, vocabulary: int, special: Sequence[str]) -> PreTrainedTokenizerFast:
    """The tokenizer of a model with ``vocabulary`` tokens, ``special`` among them. Errors: VlmError."""
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises plain ones
        raise VlmError(
            f"the tokenizer in {folder} is missing or damaged: train again or copy the folder again"
        ) from error
    if len(tokenizer) > vocabulary or None in tokenizer.convert_tokens_to_ids(list(special)):
        raise VlmError(f"the tokenizer in {folder} belongs to another model: copy the whole folder again")
    return tokenizer
