"""The chain that makes an assistant, each step a function that can be run alone and taken up again.

::

    tokenizer ─► language model (word maps, facts, English) ─┐
    pictures + captions ─► vision encoder (contrastive) ─────┼─► stage 1: projector alone
                                                             └─► stage 2: projector + language model

A step writes its result into the run's folder; with ``resume`` a finished step is read back, an unfinished one goes on
from its last saved state, and on a CPU the result is the same to the bit (a GPU adds in changing order).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from vlmcore.assistant import Assistant
from vlmcore.chat import IGNORE, Batch, Chat
from vlmcore.checkpoint import as_read, load_weights, read_json, read_tensors, write_json, write_tensors
from vlmcore.clip import CLIP, CLIPConfig, RegionCLIP, TextConfig
from vlmcore.data.batches import ContrastiveBatches, LanguageBatches, MapBatches, PictureBatches, Pictures
from vlmcore.data.source import CocoSource, Source
from vlmcore.data.text import tokenizer_corpus, train_tokenizer
from vlmcore.data.world import World
from vlmcore.device import pick_device
from vlmcore.errors import VlmError
from vlmcore.language import LanguageConfig, LanguageModel, start_in_order
from vlmcore.llava import LLaVA, LLaVAConfig
from vlmcore.presets import Preset
from vlmcore.train import Schedule, fit, freeze

STEPS = ("language", "vision", "stage1", "stage2")
RESULTS = ("safetensors", "state.safetensors", "json")  # what a step may leave
HALF_WRITTEN = (".*.safetensors.[0-9]*", ".*.json.[0-9]*", ".*.jinja.[0-9]*")  # checkpoint.write's, and nothing else
AFTER_STAGE1 = "after_stage1"  # the folder of what a run was before stage 2
CAPTIONS = {"caption": 1.0}  # what stage 1 is trained on
TEXT_WEIGHT = 0.25  # of running text beside the word maps
WORDS_WEIGHT = 100.0  # of the words themselves beside the captions' loss, in stage 1


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the supervised tokens. logits (N, V) at the places before them, labels (N,)."""
    return F.cross_entropy(logits.float(), labels) if len(labels) else logits.float().sum()  # 0, not NaN, for no token


def supervised(batch: Batch) -> tuple[Tensor, Tensor]:
    """Where logits are needed (B, T), and what should stand after each of those places (N,).

    Ignored places fill N up to a multiple of 256: the CPU's library keeps code for every size of product that it meets,
    and a new size each step would cost a gigabyte.
    """
    following = F.pad(batch.labels[:, 1:], (0, 1), value=IGNORE)
    at = following != IGNORE
    spare = (~at).flatten().nonzero().flatten()[: -int(at.sum()) % 256]
    at.view(-1)[spare] = True
    return at, following[at]


class Run:
    """One training run: a preset, a folder, and what the steps share."""

    def __init__(self, preset: Preset, folder: Path, resume: bool = False, coco: Path | None = None) -> None:
        self.preset, self.folder, self.resume = preset, folder, resume
        self.device = pick_device()
        world = World(preset.objects)
        self.source = Source(world) if coco is None else CocoSource(world, coco)
        tokenizer = self.tokenizer()
        settings = {
            "preset": dataclasses.asdict(preset),
            "coco": str(coco) if coco else None,
            "texts": sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),  # other words, other ids
        }
        described = folder / "run.json"
        begun = resume and described.exists()
        if begun and read_json(described) != as_read(settings):
            raise VlmError(f"{folder} holds a run with other settings or texts: choose another --out, or remove it")
        self.clear(results=not begun)
        if not begun:
            write_json(described, settings)
        self.chat = Chat(tokenizer)
        self.pictures = Pictures(world, preset.vision.image)

    def clear(self, results: bool) -> None:
        """Remove what a killed run left half written; with ``results`` an older run's as well."""
        folders = self.folder, self.folder / AFTER_STAGE1
        old = [file for pattern in HALF_WRITTEN for folder in folders for file in folder.glob(pattern)]
        old += [self.folder / f"{name}.{end}" for name in STEPS for end in RESULTS] if results else []
        for file in old:
            if file.exists():
                file.unlink()

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """Step 0: a byte-level BPE of the world's texts. Fast enough to be made anew each time."""
        return train_tokenizer(tokenizer_corpus(self.source.world, self.preset.seed), self.preset.vocabulary)

    def step(
        self,
        name: str,
        model: nn.Module,
        losses: Callable[[int], dict[str, Tensor]],
        schedule: Schedule,
        keep: nn.Module,
    ) -> None:
        """Train ``model``, keep the weights of its part ``keep`` as name.safetensors."""
        result, state = self.folder / f"{name}.safetensors", self.folder / f"{name}.state.safetensors"
        if self.resume and result.exists():
            load_weights(keep, read_tensors(result)[0], result)
            state.unlink(missing_ok=True)
            return
        began = time.perf_counter()
        history = fit(model, losses, schedule, self.device, name=f"{name:9}", state=state, resume=self.resume)
        write_json(self.folder / f"{name}.json", {"seconds": time.perf_counter() - began, "losses": history})
        write_tensors(result, {key: value.clone() for key, value in keep.state_dict().items()})  # last: it says "done"
        state.unlink(missing_ok=True)

    # -- the steps ---------------------------------------------------------------------------------------------------

    def pretrain_language(self) -> LanguageModel:
        """Next-token prediction on word maps with questions, facts and English."""
        p = self.preset
        torch.manual_seed(p.seed)
        model = LLaVA(self.config()).to(self.device.device)
        for scale in self.chat.scales:
            start_in_order(model.language.embedding, scale)
        freeze(model)
        freeze(model.language, False)
        batches = LanguageBatches(self.source, self.chat, p.rows, p.length, p.seed, p.facts, curriculum=p.reading.steps)

        def losses(step: int) -> dict[str, Tensor]:
            maps, texts = (batch.to(self.device.device) for batch in batches(step))
            return {"maps": self.loss(model, maps), "text": TEXT_WEIGHT * self.loss(model, texts)}

        self.step("language", model, losses, self.preset.reading, model.language)
        return model.language

    def pretrain_vision(self) -> CLIP:
        """Contrastive: pictures and captions, patches and names."""
        torch.manual_seed(self.preset.seed + 1)
        clip = CLIP(CLIPConfig(vision=self.preset.vision, text=TextConfig(vocabulary=self.preset.vocabulary)))
        model = RegionCLIP(clip).to(self.device.device, memory_format=torch.channels_last)
        grid, limit = self.preset.vision.grid, clip.config.text.length
        batches = ContrastiveBatches(
            self.source, self.chat, self.pictures, grid, self.preset.pictures_per_step, limit, self.preset.seed
        )

        def losses(step: int) -> dict[str, Tensor]:
            batch = {key: value.to(self.device.device) for key, value in batches(step).items()}
            batch["pixels"] = batch["pixels"].contiguous(memory_format=torch.channels_last)
            return model(batch)

        self.step("vision", model, losses, self.preset.eyes, clip)
        return clip

    def look(self, model: LLaVA) -> tuple[list, Tensor]:
        """The scenes that LLaVA's two stages share, and their features: the frozen encoder runs once."""
        scenes = [self.source.scene(Random(f"scene {self.preset.seed} {n}")) for n in range(self.preset.scenes)]
        features = []
        for start in range(0, len(scenes), 256):
            pixels = self.pictures(scenes[start : start + 256]).to(
                self.device.device, memory_format=torch.channels_last
            )
            features.append(model.see(pixels).half())
        return scenes, torch.cat(features)

    def align(self, model: LLaVA, scenes: list, features: Tensor) -> None:
        """Stage 1: the projector alone. Nothing is asked but for a caption.

        LLaVA has captions alone, and the language model's loss on them, which says little about what each H_v should
        have been. We add that: the scene's annotations (names, places and boxes, more than one caption tells) written
        as the word map that the language model can read. With captions alone a run of this length ends far behind.
        """
        freeze(model)
        freeze(model.projector, False)
        p = self.preset
        batches = PictureBatches(self.source, self.chat, scenes, features, p.caption_rows, p.length, p.seed, CAPTIONS)
        maps = MapBatches(self.chat, scenes, features, p.pictures_per_step, p.seed)

        def losses(step: int) -> dict[str, Tensor]:
            return self.answers(model, batches(step)) | {"words": WORDS_WEIGHT * self.unlike(model, *maps(step))}

        self.step("stage1", model, losses, p.align, model.projector)

    def tune(self, model: LLaVA, scenes: list, features: Tensor) -> None:
        """Stage 2: projector and language model, on every task."""
        freeze(model, False)
        freeze(model.vision)
        p = self.preset
        batches = PictureBatches(self.source, self.chat, scenes, features, p.rows, p.length, p.seed, p.asked)
        texts = LanguageBatches(self.source, self.chat, p.text_rows, p.length, p.seed + 1, p.facts)

        def losses(step: int) -> dict[str, Tensor]:
            text = texts.running_text(step).to(self.device.device)
            return self.answers(model, batches(step)) | {"text": TEXT_WEIGHT * self.loss(model, text)}

        self.step("stage2", model, losses, p.tune, model)

    def answers(self, model: LLaVA, made: tuple[Batch, Tensor]) -> dict[str, Tensor]:
        batch, seen = made
        return {"answers": self.loss(model, batch.to(self.device.device), seen.to(self.device.device))}

    def unlike(self, model: LLaVA, batch: Batch, features: Tensor) -> Tensor:
        """How far H_v is from the word maps, as a share of how far these are from their mean (1 − R²)."""
        batch = batch.to(self.device.device)
        target = model.language.read_map(batch.cells, batch.corners)
        return F.mse_loss(model.projector(features.to(self.device.device)).float(), target) / target.var()

    def loss(self, model: LLaVA, batch: Batch, features: Tensor | None = None) -> Tensor:
        at, labels = supervised(batch)
        maps = {"cells": batch.cells, "corners": batch.corners}
        logits = model(batch.ids, features, **maps, positions=batch.positions, mask=batch.mask, at=at)
        return answer_loss(logits, labels)

    def join(self, language: LanguageModel, clip: CLIP) -> LLaVA:
        """A LLaVA of two trained parts and a new projector between them."""
        model = LLaVA(self.config()).to(self.device.device)
        model.language.load_state_dict(language.state_dict())
        model.vision.load_state_dict(clip.vision.state_dict())
        model.vision.to(memory_format=torch.channels_last)
        return model

    def config(self) -> LLaVAConfig:
        language = LanguageConfig(vocabulary=self.preset.vocabulary, transformer=self.preset.language)
        return LLaVAConfig(vision=self.preset.vision, language=language, image_token=self.chat.image)

    def assistant(self, model: LLaVA) -> Assistant:
        about = {"objects": self.preset.objects, "seed": self.preset.seed}
        return Assistant(model, self.chat.tokenizer, about)


def train(preset: Preset, folder: Path, resume: bool = False, coco: Path | None = None) -> Assistant:
    """The whole chain; the assistant is left in ``folder``, and in folder/after_stage1 what it was before stage 2."""
    run = Run(preset, folder, resume, coco)
    print(f"Training in {folder} on {run.device}")
    language = run.pretrain_language()
    clip = run.pretrain_vision()
    model = run.join(language, clip)
    scenes, features = run.look(model)
    run.align(model, scenes, features)
    run.assistant(model).save(folder / AFTER_STAGE1)
    run.tune(model, scenes, features)
    assistant = run.assistant(model)
    assistant.save(folder)
    return assistant
