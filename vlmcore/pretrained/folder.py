"""A published model's folder, as ``save_pretrained`` writes it and the Hub serves it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import transformers
from torch import nn

from vlmcore.errors import VlmError
from vlmcore.models.clip import CLIP, TextEncoder
from vlmcore.models.language import LanguageModel
from vlmcore.models.llava import LLaVA
from vlmcore.models.vision import VisionEncoder
from vlmcore.pretrained import clip, llama, llava

Model = TypeVar("Model", bound=nn.Module)

FAMILIES = {  # config.json's model_type: their class, and how it becomes ours
    "llama": (transformers.LlamaForCausalLM, llama.from_transformers),
    "clip_vision_model": (transformers.CLIPVisionModel, clip.vision_from_transformers),
    "clip_text_model": (transformers.CLIPTextModel, clip.text_from_transformers),
    "clip": (transformers.CLIPModel, clip.from_transformers),
    "llava": (transformers.LlavaForConditionalGeneration, llava.from_transformers),
}
COMPUTED = ("position_ids", "inv_freq")  # are dropped: older checkpoints stored these tables, which everyone computes


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
    return with_pixels(ours(hf), folder / "preprocessor_config.json")


def with_pixels(model: Model, file: Path) -> Model:
    """The model with the mean and deviation of pixels that its folder's preprocessor names, where it names any."""
    encoder = model if isinstance(model, VisionEncoder) else getattr(model, "vision", None)
    if encoder is None or not file.is_file():
        return model
    named = {"mean": "image_mean", "deviation": "image_std"}
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        assert isinstance(said, dict), "not an object of settings"
        values = {ours: tuple(map(float, said[theirs])) for ours, theirs in named.items() if theirs in said}
        assert all(len(value) == 3 for value in values.values()) and all(values.get("deviation", (1.0,)))
    except (OSError, ValueError, TypeError, AssertionError) as error:
        raise VlmError(f"{file} is damaged ({error!r}): copy or download it again") from error
    encoder.config = replace(encoder.config, **values)
    if model is not encoder:
        model.config = replace(model.config, vision=encoder.config)
    return model
