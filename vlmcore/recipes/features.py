"""What a frozen vision encoder makes of the scenes that later stages share: computed once, used many times."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor

from vlmcore.batches.painting import Pictures
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.llava import LLaVA
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.source import Source
from vlmcore.text.packing import Batch


def shared_features(
    model: LLaVA | CogVLM, source: Source, pictures: Pictures, count: int, seed: int, device: torch.device
) -> tuple[list[Scene], Tensor]:
    """``count`` scenes, and their Z_v (count, P, D_v) in half precision: the encoder runs on photographs of them."""
    scenes = [source.scene(Random(f"scene {seed} {n}")) for n in range(count)]
    features = []
    for start in range(0, count, 256):
        photographs = pictures.photographs(scenes[start : start + 256], (seed, start))
        features.append(model.encode_image(model.vision.normalise(photographs.to(device))).half())
    return scenes, torch.cat(features)


def seen(features: Tensor, batch: Batch) -> Tensor:
    """Z_v of a batch's pictures (N, P, D_v), in float32, from those of all scenes."""
    return features[batch.pictures].float()
