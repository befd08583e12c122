"""Batches for RegionCLIP: pictures, a caption each, and what every patch shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import torch
from torch import Tensor

from vlmcore.batches.painting import Pictures
from vlmcore.models.vision import VisionConfig
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.source import Source
from vlmcore.scenes.word_map import cell_of
from vlmcore.text.chat import Chat

INSIDE = 0.7  # of a box's sides: a patch whose middle lies in this inner part shows the thing
GROUND = 0.2  # weighs a patch without a thing against one with: most show none, and would drown the others


def padded(chat: Chat, texts: Sequence[str], limit: int) -> tuple[Tensor, Tensor]:
    """Texts → ids (N, T) and the index of each one's last token (N,)."""
    encoded = [chat.encode(text)[:limit] for text in texts]
    ids = torch.full((len(encoded), max(map(len, encoded))), chat.pad)
    for row, tokens in zip(ids, encoded, strict=True):
        row[: len(tokens)] = torch.tensor(tokens)
    return ids, torch.tensor([len(tokens) - 1 for tokens in encoded])


class ContrastiveBatches:
    """number → a batch for RegionCLIP, its pictures still uint8 (B, S, S, 3) under "pictures"."""

    def __init__(
        self, source: Source, chat: Chat, pictures: Pictures, eyes: VisionConfig, rows: int, limit: int, seed: int
    ) -> None:
        self.source, self.chat, self.pictures, self.eyes = source, chat, pictures, eyes
        self.rows, self.limit, self.seed = rows, limit, seed
        self.names = ["nothing", *IN_PLACE.values(), *source.names]  # what a patch may show: a ground, or a thing
        self.index = {name: number for number, name in enumerate([None, *IN_PLACE, *source.names])}
        self.name_ids = padded(chat, self.names, limit)
        self.weights = torch.ones(len(self.names))
        self.weights[: 1 + len(IN_PLACE)] = GROUND
        self.never = torch.tensor([[source.never_together(a, b) for a in self.index] for b in self.index])  # (N, N)

    def __call__(self, step: int) -> dict[str, Tensor]:
        random = Random(f"pictures and captions {self.seed} {step}")
        scenes = [self.source.crowded(random) for _ in range(self.rows)]
        captions = [random.choice(self.source.questions.captions(scene)) for scene in scenes]
        ids, last = padded(self.chat, captions, self.limit)
        regions, boxes = zip(*(self.regions(scene) for scene in scenes), strict=True)
        shown, shown_boxes = zip(*(self.shown(scene) for scene in scenes), strict=True)
        return {
            "pictures": self.pictures.photographs(scenes, (self.seed, step)),
            "captions": ids,
            "captions_last": last,
            "weights": self.weights,
            "regions": torch.stack(regions),
            "possible": torch.stack([self.possible(scene) for scene in scenes]),
            "boxes": torch.stack(boxes),
            "shown": torch.stack(shown),
            "shown_boxes": torch.stack(shown_boxes),
        }

    def possible(self, scene: Scene) -> Tensor:
        """Which names a scene with these things in this place might hold (N,).

        Whole pairs are held out of training. Were their names among the wrong answers, the encoder would learn from
        every kitchen that no hippo is ever in one, and it would not believe the first that it meets.
        """
        present = [self.index[name] for name in {scene.place, *(thing.name for thing in scene.things)}]
        return ~self.never[present].any(dim=0)

    def regions(self, scene: Scene) -> tuple[Tensor, Tensor]:
        """Which name's thing has its centre where each token looks (K,), and its box (K, 4); the front one counts.

        Where no thing has its centre there is the place, as in the cells of a word map.
        """
        side = self.eyes.token_grid
        return self.marked(scene, side, lambda thing: torch.tensor([cell_of(thing, scene, side)]))

    def shown(self, scene: Scene) -> tuple[Tensor, Tensor]:
        """Which name's thing each patch shows (P,), and its box (P, 4); the front one counts.

        A patch shows a thing when its middle lies well inside the thing's box, or the thing's centre in the patch; any
        other shows the place. In a trial of 500 steps with 8 × 8 patches and 139 names such labels let the patches at
        things' centres name 67 % of them right, labels at the centres alone 52 % (one run each).
        """
        side = self.eyes.grid
        middles = (torch.arange(side) + 0.5) / side

        def patches(thing: Thing) -> Tensor:
            x0, y0, x1, y1 = relative(thing, scene)
            columns = (middles - (x0 + x1) / 2).abs() <= INSIDE * (x1 - x0) / 2
            rows = (middles - (y0 + y1) / 2).abs() <= INSIDE * (y1 - y0) / 2
            inside = (rows[:, None] & columns).flatten()  # (P,)
            inside[cell_of(thing, scene, side)] = True
            return inside.nonzero().flatten()

        return self.marked(scene, side, patches)

    def marked(self, scene: Scene, side: int, where: Callable[[Thing], Tensor]) -> tuple[Tensor, Tensor]:
        """A side × side grid of names and boxes: from back to front, each thing is put ``where`` it belongs."""
        names = torch.full((side**2,), self.index[scene.place])
        boxes = torch.full((side**2, 4), torch.nan)
        for thing in scene.things:
            here = where(thing)
            if scene.kind == "shape":  # too small and too many to be told one by one
                names[here] = -100
            else:
                names[here], boxes[here] = self.index[thing.name], torch.tensor(relative(thing, scene))
        return names, boxes
