"""Scenes as pictures: painted by the world, or opened where a scene is a file; and the light they are seen in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vlmcore.pictures import open_picture, to_square
from vlmcore.scenes.camera import EFFECTS, Effect, photograph
from vlmcore.scenes.scene import SIZE, Scene
from vlmcore.scenes.world import World


class Pictures:
    """Scenes → pictures of ``size`` pixels a side, as an encoder takes them."""

    def __init__(self, world: World, size: int) -> None:
        self.world, self.size = world, size

    def __call__(self, scenes: Sequence[Scene]) -> Tensor:
        """uint8 (N, S, S, 3); the encoder normalises them by its own mean and deviation."""
        return torch.from_numpy(np.stack([self.picture(scene) for scene in scenes]))

    def picture(self, scene: Scene) -> np.ndarray:
        if scene.file is not None:
            return to_square(open_picture(scene.file), self.size)
        painted = self.world.paint(scene, -(-self.size // SIZE))
        return painted if len(painted) == self.size else to_square(Image.fromarray(painted), self.size)

    def photographs(
        self, scenes: Sequence[Scene], seed: Sequence[int], effects: Mapping[str, tuple[float, Effect]] = EFFECTS
    ) -> Tensor:
        """The same through the camera, uint8 (N, S, S, 3): the same ``seed`` gives the same light."""
        random = np.random.default_rng(seed)
        return torch.from_numpy(np.stack([photograph(self.picture(scene), random, effects) for scene in scenes]))
