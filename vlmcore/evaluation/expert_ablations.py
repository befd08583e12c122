"""What makes the visual expert work? Five models learn the same, from the same pictures, for as long.

Each begins from the language model and the eyes of a trained CogVLM, and has as many weights that learn (within one in
a thousand):

- **CogVLM**, as published: experts for QKV, attention output and MLP, begun as copies;
- **MLP experts**: the MLP alone is there twice, and wider by the weights that this saves;
- **random experts**: begun as any new weights are;
- **running positions**: every patch counts;
- **LLaVA's way**: no experts. The same adapter, and the language model's own layers learn (of the last, as in the
  experts, QKV alone).

The scores are the benchmark's and CogVLM's own tasks; beside them what a token of running text costs, in bits.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vlmcore.assistant import Assistant
from vlmcore.batches.language import LanguageBatches
from vlmcore.batches.one_picture import OnePictureBatches
from vlmcore.batches.painting import Pictures
from vlmcore.batches.word_maps import MapBatches
from vlmcore.device import pick_device
from vlmcore.evaluation import grounding
from vlmcore.evaluation.benchmark import TASKS, benchmark, evaluate, paint_all
from vlmcore.models.cogvlm import CogVLM, PictureColumns
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.llava import LLaVA, LLaVAConfig
from vlmcore.models.mlp import MLP
from vlmcore.models.transformer import Block
from vlmcore.models.visual_expert import routed
from vlmcore.recipes.cogvlm import teach
from vlmcore.recipes.cogvlm_presets import ASKED, CAPTIONS, GROUNDING, CogVLMPreset
from vlmcore.recipes.features import shared_features
from vlmcore.scenes.grounded_questions import GroundedQuestions, grounded_word_map
from vlmcore.scenes.source import Source
from vlmcore.scenes.world import World
from vlmcore.text.packing import Batch
from vlmcore.training.losses import next_token_loss
from vlmcore.training.run import Run

TEXT_ROWS = 64  # of running text that no training has read tell what became of language


class RunningColumns(PictureColumns):
    """boi, every patch, eoi and every word count one."""

    def positions(self, length: int, device: torch.device | str | None = None) -> Tensor:
        return torch.arange(length, device=device)


class LLaVAColumns(RunningColumns):
    """The patches and nothing around them."""

    @property
    def embedding(self) -> slice:
        return slice(self.start, self.start + self.patches)


class RunningCogVLM(CogVLM):
    """A CogVLM whose patches do not share a position."""

    @property
    def columns(self) -> PictureColumns:
        return RunningColumns(0, self.config.vision.patches)


class MLPExpertBlock(Block):
    """A block of which the MLP alone is there twice; attention is the language model's for words and patches."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__(config, layer)
        qkv, out = self.attention.qkv.weight.numel(), self.attention.out.weight.numel()
        saved = qkv + out + qkv // (config.layers - 1)  # and a share of what the last layer's expert has
        self.image_mlp = MLP(replace(config, intermediate_size=config.intermediate_size + saved // (3 * config.width)))

    def forward(self, x: Tensor, context: Context = Context()) -> Tensor:
        """x (B, T, D) → (B, T, D)."""
        x = x + self.attention(self.norm1(x), context)
        return x + routed(self.norm2(x), context.image, self.mlp, self.image_mlp)

    @torch.no_grad()
    def start_expert(self) -> None:
        """Begin as the language model's MLP: what is wider than it adds nothing yet."""
        narrow, wide = self.mlp.down.in_features, self.image_mlp.down.in_features
        for half in (0, 1):  # SwiGLU's gate and up
            self.image_mlp.up.weight[half * wide : half * wide + narrow] = self.mlp.up.weight[half * narrow :][:narrow]
        self.image_mlp.down.weight.zero_()
        self.image_mlp.down.weight[:, :narrow] = self.mlp.down.weight


class LLaVAsWay(LLaVA):
    """A LLaVA with CogVLM's adapter in its projector's place."""

    @classmethod
    def of(cls, fresh: CogVLM) -> LLaVAsWay:
        """The same eyes, adapter and language model as a CogVLM's that has learned nothing yet."""
        config = fresh.config
        model = cls(LLaVAConfig(vision=config.vision, language=config.language, image_token=config.image_token))
        model.projector = copy.deepcopy(fresh.adapter)
        model.vision.load_state_dict(fresh.vision.state_dict())
        own = {name: value for name, value in fresh.language.state_dict().items() if ".image_" not in name}
        model.language.load_state_dict(own)
        return model

    @property
    def columns(self) -> PictureColumns:
        return LLaVAColumns(0, self.config.vision.patches)

    def train_layers(self) -> None:
        """Freeze the eyes, the word table and what CogVLM does not have twice: the last layer's output and MLP."""
        for name, weight in self.named_parameters():
            weight.requires_grad_(name.startswith(("projector.", "language.transformer.")))
        last = self.language.transformer.blocks[-1]
        for part in (last.attention.out, last.mlp):
            part.requires_grad_(False)


# -- the five, each from a trained CogVLM ------------------------------------------------------------------------------


def as_published(trained: CogVLM, kind: type[CogVLM] = CogVLM) -> CogVLM:
    """Experts that begin as copies, a new adapter."""
    model = kind.of(trained.language, trained.vision, trained.config.image_token)
    model.train_experts()
    return model


def mlp_experts(trained: CogVLM) -> CogVLM:
    model, config = as_published(trained), trained.config.language.transformer
    for layer, old in enumerate(model.language.transformer.blocks[:-1]):
        block = MLPExpertBlock(config, layer)
        block.load_state_dict({k: v for k, v in old.state_dict().items() if ".image_" not in f".{k}"}, strict=False)
        block.start_expert()
        model.language.transformer.blocks[layer] = block
    plain = Block(config, config.layers - 1)  # no token reads what its MLP makes of a patch
    last = model.language.transformer.blocks[-1].state_dict()
    plain.load_state_dict({name: last[name] for name in plain.state_dict()})
    model.language.transformer.blocks[-1] = plain
    model.train_experts()
    return model


def random_experts(trained: CogVLM) -> CogVLM:
    model, new = as_published(trained), CogVLM(trained.config).state_dict()
    experts = {name for name, weight in model.named_parameters() if weight.requires_grad and ".image_" in name}
    model.load_state_dict({name: new[name] for name in experts}, strict=False)
    return model


def llavas_way(trained: CogVLM) -> LLaVAsWay:
    model = LLaVAsWay.of(as_published(trained))
    model.train_layers()
    return model


MODELS: dict[str, Callable[[CogVLM], nn.Module]] = {
    "CogVLM": as_published,
    "MLP experts": mlp_experts,
    "random experts": random_experts,
    "running positions": partial(as_published, kind=RunningCogVLM),
    "LLaVA's way": llavas_way,
}


def expert_ablations(
    base: Assistant, preset: CogVLMPreset, folder: Path, per_task: int, seed: int, seeds: Sequence[int] = (0, 1, 2)
) -> dict[str, list[dict[str, float]]]:
    """{model: scores by task, and "bits" a token of text, one for each of ``seeds``}.

    base: a trained CogVLM, whose language model and eyes all begin from. What is trained in ``folder`` is not trained
    again. ``seed`` is that of the held-out scenes, the same for all.
    """
    world, chat, device = World(base.about["objects"]), base.chat, pick_device()
    source = Source(world, questions=GroundedQuestions)
    items = benchmark(world, per_task, seed, tasks=(*TASKS, *grounding.TASKS), questions=GroundedQuestions)
    pictures = paint_all(world, items)
    text = running_text(base)
    painted = Pictures(world, base.model.config.vision.image)
    scenes, features = shared_features(base.model, source, painted, preset.scenes, preset.seed, device.device)
    written = partial(grounded_word_map, side=base.model.config.vision.grid)
    maps = MapBatches(chat, scenes, preset.maps_per_step, preset.seed, written)
    found: dict[str, list[dict[str, float]]] = {}
    for number in seeds:
        for name, build in MODELS.items():
            torch.manual_seed(number)
            model = build(base.model).to(device.device)
            place = folder / f"{name.replace(' ', '-')}-{number}"
            settings: dict[str, Any] = {"preset": repr(preset), "model": name, "seed": number}
            with Run(place, settings, device, resume=True) as run:
                for stage, tasks in (("captions", CAPTIONS), ("grounding", GROUNDING), ("instructions", ASKED)):
                    batches = OnePictureBatches(
                        source, chat, scenes, model.columns, preset.rows, preset.length,
                        f"{number} {stage}", tasks,
                    )  # fmt: skip
                    teach(run, stage, model, batches, features, getattr(preset, stage), maps)
            scores = evaluate(Assistant(model, chat.tokenizer, base.about).answer_all, items, pictures)
            found.setdefault(name, []).append(scores | {"bits": bits(model, text)})
    return found


def running_text(assistant: Assistant) -> Batch:
    """Facts and English in rows that no training has read."""
    source = Source(World(assistant.about["objects"]), questions=GroundedQuestions)
    return LanguageBatches(source, assistant.chat, TEXT_ROWS, 128, seed=909, facts=0.5).running_text(0)


@torch.no_grad()
def bits(model: nn.Module, text: Batch) -> float:
    """What a token of text costs: the loss in bits. Its power of two is the perplexity."""
    device = model.language.embedding.weight.device
    return next_token_loss(model, text.to(device)).item() / math.log(2)


def trained_weights(model: nn.Module) -> int:
    """How many weights learn."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
