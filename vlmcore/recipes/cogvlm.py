"""The recipe of CogVLM: four stages, each of which can be killed and taken up again.

::

    tokenizer ─► "language": word maps, facts, English ─────┐ frozen from here on
    a trained assistant's vision encoder, 8 × 8 patches ────┤ frozen
                                                            └─► "captions" ─► "grounding" ─► "instructions":
                                                                adapter, boi, eoi and visual experts
                                                                (in each the adapter also writes word maps)

Published: captions (1.5 billion pairs), then captions and boxes, then instructions; the last trains the language model
too, at a tenth of the rate. Here it never changes, so that every word of it comes out unharmed. The eyes are trained
beforehand there too (EVA2-CLIP-E).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from vlmcore.assistant import Assistant, load
from vlmcore.batches.language import LanguageBatches
from vlmcore.batches.one_picture import OnePictureBatches
from vlmcore.batches.painting import Pictures
from vlmcore.batches.word_maps import MapBatches
from vlmcore.device import Device, pick_device
from vlmcore.models.cogvlm import CogVLM, PictureColumns
from vlmcore.models.language import LanguageConfig
from vlmcore.models.llava import LLaVA, LLaVAConfig
from vlmcore.models.vision import VisionEncoder
from vlmcore.recipes.cogvlm_presets import ASKED, CAPTIONS, GROUNDING, CogVLMPreset
from vlmcore.recipes.features import seen, shared_features
from vlmcore.recipes.language import pretrain_language
from vlmcore.recipes.llava import WORDS_WEIGHT
from vlmcore.scenes.grounded_questions import GroundedQuestions, grounded_word_map
from vlmcore.scenes.grounding import Box
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.source import Source
from vlmcore.scenes.world import World
from vlmcore.text.chat import Chat
from vlmcore.text.corpora import tokenizer_corpus
from vlmcore.text.packing import Batch
from vlmcore.text.tokenizer import train_tokenizer
from vlmcore.training.losses import next_token_loss, word_map_loss
from vlmcore.training.run import Run
from vlmcore.training.schedule import Schedule

EASY = 1000  # steps of which the first are easier (scenes/mix.CURRICULUM), however many follow


class CogVLMRecipe:
    """``with CogVLMRecipe(preset, folder) as recipe:``; a method a stage, and what the stages share."""

    def __init__(self, preset: CogVLMPreset, folder: Path, vision: VisionEncoder, resume: bool = False) -> None:
        self.preset, self.folder, self.vision, self.device = preset, folder, vision, pick_device()
        world = World(preset.objects)
        self.source = Source(world, questions=GroundedQuestions)
        tokenizer = train_tokenizer(
            tokenizer_corpus(world, preset.seed, self.source.questions, ASKED), preset.vocabulary
        )  # quick: made anew each time
        settings = {
            "preset": dataclasses.asdict(preset),
            "eyes": digest(vision),
            "texts": sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),  # other words, other ids
        }
        self.run = Run(folder, settings, self.device, resume)
        self.chat = Chat(tokenizer)
        self.pictures = Pictures(world, vision.config.image)
        self.written = partial(grounded_word_map, side=vision.config.grid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.run.__exit__(*error)

    def language(self) -> LLaVA:
        """Stage "language". LLaVA is there to put word maps where its pictures would stand; its eyes are not used."""
        p = self.preset
        torch.manual_seed(p.seed)
        language = LanguageConfig(vocabulary=p.vocabulary, transformer=p.language_model)
        model = LLaVA(LLaVAConfig(language=language, image_token=self.chat.image)).to(self.device.device)
        made = LanguageBatches(
            self.source, self.chat, p.rows, p.length, p.seed, p.facts, curriculum=EASY, asked=ASKED,
            written=self.framed,
        )  # fmt: skip
        positions = PictureColumns(0, self.vision.config.patches).positions(p.length)

        def batches(step: int) -> tuple[Batch, Batch]:
            maps, texts = made(step)
            maps.positions = positions[maps.positions]  # a map's cells share one, as patches will
            return maps, texts

        pretrain_language(self.run, model, self.chat, batches, p.language)
        return model

    def framed(self, scene: Scene) -> tuple[list[list[str]], list[Box | None]]:
        """A word map between a boi and an eoi without words: as many columns as a picture has."""
        cells, boxes = self.written(scene)
        return [[], *cells, []], [None, *boxes, None]

    def join(self, trained: LLaVA) -> CogVLM:
        """A CogVLM of two trained parts; adapter, boi, eoi and experts are left to learn."""
        torch.manual_seed(self.preset.seed + 2)
        model = CogVLM.of(trained.language, self.vision, self.chat.image).to(self.device.device)
        model.vision.to(memory_format=self.device.memory_format)
        model.train_experts()
        return model

    def features(self, model: CogVLM) -> tuple[list[Scene], Tensor]:
        """The scenes that the experts' stages share, and their Z_v."""
        p = self.preset
        return shared_features(model, self.source, self.pictures, p.scenes, p.seed, self.device.device)

    def experts(
        self,
        name: str,
        model: CogVLM,
        scenes: Sequence[Scene],
        features: Tensor,
        tasks: dict[str, float],
        schedule: Schedule,
        maps: MapBatches,
    ) -> None:
        """One of the experts' stages: the same weights learn from other questions."""
        p = self.preset
        batches = OnePictureBatches(
            self.source, self.chat, scenes, model.columns, p.rows, p.length, f"{p.seed} {name}", tasks
        )
        teach(self.run, name, model, batches, features, schedule, maps)

    def connect(self, trained: LLaVA) -> Assistant:
        """The experts' three stages; the assistant is left in the folder."""
        p, model = self.preset, self.join(trained)
        scenes, features = self.features(model)
        maps = MapBatches(self.chat, scenes, p.maps_per_step, p.seed, self.written)
        self.experts("captions", model, scenes, features, CAPTIONS, p.captions, maps)
        self.experts("grounding", model, scenes, features, GROUNDING, p.grounding, maps)
        self.experts("instructions", model, scenes, features, ASKED, p.instructions, maps)
        assistant = Assistant(model, self.chat.tokenizer, {"objects": p.objects, "seed": p.seed})
        assistant.save(self.folder)
        return assistant


def teach(
    run: Run,
    name: str,
    model: nn.Module,
    batches: OnePictureBatches,
    features: Tensor,
    schedule: Schedule,
    maps: MapBatches,
) -> None:
    """A stage: what of ``model`` learns answers questions about pictures, features (N, P, D_v).

    maps: the same pictures' word maps, which the adapter learns to write beside. CogVLM's first stage has captions
    alone, 1.5 billion of them. Here the experts begin as copies of a language model that can read such maps: as soon
    as the adapter writes them, it reads pictures. Without them in a later stage it unlearns them again: answers are
    then likelier, word by word, and fewer of them right.
    """

    def made(step: int) -> tuple[Batch, Batch]:
        return batches(step), maps(step)

    def losses(made: tuple[Batch, Batch]) -> dict[str, Tensor]:
        asked, annotated = (batch.to(run.device.device) for batch in made)
        return {
            "answers": next_token_loss(model, asked, seen(features, asked)),
            "words": WORDS_WEIGHT * word_map_loss(model, annotated, seen(features, annotated)),
        }

    run.stage(name, model, made, losses, schedule, keep=model)


def digest(module: nn.Module) -> str:
    """What tells a trained module from any other."""
    found = sha256()
    for name, weight in module.state_dict().items():
        found.update(name.encode() + weight.float().cpu().numpy().tobytes())
    return found.hexdigest()


def train(preset: CogVLMPreset, folder: Path, resume: bool = False, eyes: str | Path | None = None) -> Assistant:
    """The whole chain; the assistant is left in ``folder``.

    eyes: the assistant whose vision encoder it takes, as ``load`` takes it; the shipped LLaVA's, if left out.
    Errors: VlmError, as ``Run`` and ``load``.
    """
    vision = load(eyes, Device(torch.device("cpu"))).model.vision
    with CogVLMRecipe(preset, folder, vision, resume) as recipe:
        print(f"Training in {folder} on {recipe.device}")
        return recipe.connect(recipe.language())
