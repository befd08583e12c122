"""The recipe of LLaVA, from nothing to an assistant: four stages, each of which can be killed and taken up again.

::

    tokenizer ─► "language": word maps, facts, English ──────┐
    pictures + captions ─► "vision": contrastive ────────────┼─► "stage1": projector alone
                                                             └─► "stage2": projector + language model
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from vlmcore.assistant import Assistant
from vlmcore.batches.contrastive import ContrastiveBatches
from vlmcore.batches.language import LanguageBatches
from vlmcore.batches.painting import Pictures
from vlmcore.batches.questions import PictureBatches
from vlmcore.batches.word_maps import MapBatches
from vlmcore.device import pick_device
from vlmcore.models.clip import CLIP, CLIPConfig, TextConfig
from vlmcore.models.language import LanguageConfig
from vlmcore.models.llava import LLaVA, LLaVAConfig
from vlmcore.recipes.features import seen, shared_features
from vlmcore.recipes.language import TEXT_WEIGHT, pretrain_language
from vlmcore.recipes.llava_presets import Preset
from vlmcore.recipes.vision import pretrain_vision
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.source import CocoSource, Source
from vlmcore.scenes.world import World
from vlmcore.text.chat import Chat
from vlmcore.text.corpora import tokenizer_corpus
from vlmcore.text.packing import Batch
from vlmcore.text.tokenizer import train_tokenizer
from vlmcore.training.loop import freeze
from vlmcore.training.losses import next_token_loss, word_map_loss
from vlmcore.training.run import Run

STAGES = ("language", "vision", "stage1", "stage2")
AFTER_STAGE1 = "after_stage1"  # this folder of a run holds the assistant as it was before stage 2
CAPTIONS = {"caption": 1.0}  # stage 1 asks for nothing but captions, as LLaVA's does
WORDS_WEIGHT = 100.0  # lifts the word maps' loss, a share of variance far below 1, beside the captions'


class LLaVARecipe:
    """``with LLaVARecipe(preset, folder) as recipe:``; a method a stage, and what the stages share."""

    def __init__(self, preset: Preset, folder: Path, resume: bool = False, coco: Path | None = None) -> None:
        self.preset, self.folder, self.device = preset, folder, pick_device()
        world = World(preset.objects)
        self.source = Source(world) if coco is None else CocoSource(world, coco)
        tokenizer = train_tokenizer(
            tokenizer_corpus(world, preset.seed), preset.vocabulary
        )  # quick: made anew each time
        settings = {
            "preset": dataclasses.asdict(preset),
            "coco": str(coco) if coco else None,
            "texts": sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),  # other words, other ids
        }
        self.run = Run(folder, settings, self.device, resume, inside=(AFTER_STAGE1,))
        self.chat = Chat(tokenizer)
        self.pictures = Pictures(world, preset.vision_model.image)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.run.__exit__(*error)

    def config(self) -> LLaVAConfig:
        """The model's configuration, once the tokenizer is known."""
        language = LanguageConfig(vocabulary=self.preset.vocabulary, transformer=self.preset.language_model)
        return LLaVAConfig(vision=self.preset.vision_model, language=language, image_token=self.chat.image)

    def language(self) -> LLaVA:
        """Stage "language": a LLaVA whose language model is trained, and nothing else."""
        p = self.preset
        torch.manual_seed(p.seed)
        model = LLaVA(self.config()).to(self.device.device)
        batches = LanguageBatches(self.source, self.chat, p.rows, p.length, p.seed, p.facts, p.unread, p.language.steps)
        pretrain_language(self.run, model, self.chat, batches, p.language)
        return model

    def vision(self) -> CLIP:
        """Stage "vision": both towers of CLIP, of which LLaVA takes one."""
        p = self.preset
        torch.manual_seed(p.seed + 1)
        clip = CLIP(CLIPConfig(vision=p.vision_model, text=TextConfig(vocabulary=p.vocabulary)))
        batches = ContrastiveBatches(
            self.source, self.chat, self.pictures, p.vision_model, p.pictures_per_step, clip.config.text.length,
            p.seed,
        )  # fmt: skip
        pretrain_vision(self.run, clip, batches, p.vision)
        return clip

    def join(self, trained: LLaVA, clip: CLIP | LLaVA) -> LLaVA:
        """A LLaVA of two trained parts, a language model and whatever has a vision encoder, and a new projector."""
        model = LLaVA(self.config()).to(self.device.device)
        model.language.load_state_dict(trained.language.state_dict())
        model.vision.load_state_dict(clip.vision.state_dict())
        model.vision.to(memory_format=self.device.memory_format)
        return model

    def features(self, model: LLaVA) -> tuple[list[Scene], Tensor]:
        """The scenes that LLaVA's two stages share, and their Z_v."""
        p = self.preset
        return shared_features(model, self.source, self.pictures, p.scenes, p.seed, self.device.device)

    def stage1(self, model: LLaVA, scenes: Sequence[Scene], features: Tensor) -> None:
        """Feature alignment: the projector alone. Nothing is asked but for a caption.

        LLaVA has captions alone, and the language model's loss on them, which says little about what each H_v should
        have been. We add that: the scene's annotations (names, places and boxes, more than one caption tells) written
        as the word map that the language model can read. With captions alone a run of this length ends far behind.
        """
        freeze(model)
        freeze(model.projector, False)
        p = self.preset
        captions = PictureBatches(self.source, self.chat, scenes, p.stage1_rows, p.length, p.seed, CAPTIONS)
        maps = MapBatches(self.chat, scenes, p.maps_per_step, p.seed)

        def losses(made: tuple[Batch, Batch]) -> dict[str, Tensor]:
            asked, annotated = (batch.to(self.device.device) for batch in made)
            answers = next_token_loss(model, asked, seen(features, asked))
            return {
                "answers": answers,
                "words": WORDS_WEIGHT * word_map_loss(model, annotated, seen(features, annotated)),
            }

        self.run.stage("stage1", model, lambda n: (captions(n), maps(n)), losses, p.stage1, keep=model.projector)

    def stage2(self, model: LLaVA, scenes: Sequence[Scene], features: Tensor) -> None:
        """Visual instruction tuning: projector and language model, on every task, with a little text beside it."""
        freeze(model, False)
        freeze(model.vision)
        p = self.preset
        questions = PictureBatches(self.source, self.chat, scenes, p.rows, p.length, p.seed, p.asked)
        texts = LanguageBatches(self.source, self.chat, p.text_rows, p.length, p.seed + 1, p.facts, p.unread)

        def made(number: int) -> tuple[Batch, ...]:
            return (questions(number), texts.running_text(number)) if p.text_rows else (questions(number),)

        def losses(batches: tuple[Batch, ...]) -> dict[str, Tensor]:
            asked, *text = (batch.to(self.device.device) for batch in batches)
            parts = {"answers": next_token_loss(model, asked, seen(features, asked))}
            if text:
                parts["text"] = TEXT_WEIGHT * next_token_loss(model, *text)
            return parts

        self.run.stage("stage2", model, made, losses, p.stage2, keep=model)

    def connect(
        self, trained: LLaVA, clip: CLIP | LLaVA, encoded: tuple[list[Scene], Tensor] | None = None
    ) -> Assistant:
        """LLaVA's two stages, on what the first two stages made; both assistants are left in the folder.

        encoded: what ``features`` gives for the same scenes and encoder, if it is there already.
        """
        model = self.join(trained, clip)
        scenes, features = encoded or self.features(model)
        self.stage1(model, scenes, features)
        self.assistant(model).save(self.folder / AFTER_STAGE1, borrowed={"vision": ".."})  # the encoder never changes
        self.stage2(model, scenes, features)
        assistant = self.assistant(model)
        assistant.save(self.folder)
        return assistant

    def assistant(self, model: LLaVA) -> Assistant:
        """The model as it answers, with its tokenizer and what it was made from."""
        return Assistant(model, self.chat.tokenizer, {"objects": self.preset.objects, "seed": self.preset.seed})


def train(preset: Preset, folder: Path, resume: bool = False, coco: Path | None = None) -> Assistant:
    """The whole chain; the assistant is left in ``folder``, and in folder/after_stage1 what it was before stage 2.

    Errors: VlmError, as ``Run``: an earlier run in the folder is not touched.
    """
    with LLaVARecipe(preset, folder, resume, coco) as recipe:
        print(f"Training in {folder} on {recipe.device}")
        return recipe.connect(recipe.language(), recipe.vision())
