"""CLIP while it trains: beside whole pictures and captions, each patch against the names of all things.

Design choices:
- the contrastive game one size smaller (RegionCLIP, Zhong et al. 2022): telling whole pictures apart is solved long
  before the patches know what they show;
- four numbers a patch, the box of the thing whose centre it holds: boxes come with the data;
- both extra losses leave the encoder's layout as it was.

Shapes: B batch, P patches, N names, T tokens, D width, E width of the shared space.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vlmcore.models.clip import CLIP, contrastive_loss

BOXES = 5.0  # weighs the boxes' loss, a share of the picture's side far below 1, beside the names' and the pictures'


class BoxHead(nn.Linear):
    """Four numbers from a patch: an output head, which the optimiser treats as it treats embeddings."""


class RegionCLIP(nn.Module):
    """The two towers plus the heads that ask each patch what it shows and where that ends."""

    def __init__(self, clip: CLIP) -> None:
        super().__init__()
        self.clip = clip
        width = clip.config.vision.transformer.width
        self.region_projection = nn.Linear(width, clip.config.width, bias=False)
        self.box = BoxHead(width, 4)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name, for a batch of

        - pictures (B, S, S, 3) uint8, captions (B, T) and captions_last (B,);
        - names (N, T) and names_last (N,): every name there is, of things and of grounds;
        - weights (N,): of each name in the loss;
        - regions (B, P): which name's thing has its centre in the patch, −100 where nobody can say;
        - boxes (B, P, 4): that thing's box relative to the picture, 0 to 1; NaN where there is none.
        """
        clip, scale = self.clip, self.clip.log_scale.exp().clamp(max=100)
        patches = clip.vision.norm(clip.vision(clip.vision.normalise(batch["pictures"])))  # (B, P, D)
        pictures = F.normalize(clip.picture_projection(patches.mean(1)), dim=-1)
        captions = clip.encode_text(batch["captions"], batch["captions_last"])
        names = clip.encode_text(batch["names"], batch["names_last"])
        regions = F.normalize(self.region_projection(patches), dim=-1)  # (B, P, E)
        known = ~batch["boxes"].isnan()
        distances = (self.box(patches) - batch["boxes"].nan_to_num()).abs() * known
        return {
            "pictures": contrastive_loss(scale * pictures @ captions.T),
            "regions": F.cross_entropy(
                (scale * regions @ names.T).flatten(0, 1).float(), batch["regions"].flatten(), batch["weights"]
            ),
            "boxes": BOXES * distances.sum() / known.sum().clamp(min=1),
        }
