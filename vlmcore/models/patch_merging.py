"""Patch merging: fine eyes, few tokens (Swin Transformer, Liu et al. 2021; a pixel shuffle in InternVL and SmolVLM).

Neighbouring patches become one vector, their numbers side by side, and a matrix brings that back to the old width. The
transformer sees small patches, the language model reads side² times fewer tokens::

    1  2 │ 3  4
    5  6 │ 7  8          [1 2 5 6] W   [3 4 7 8] W
    ─────┼─────    ──►
    9 10 │ …             [9 10 …] W    …

Shapes: B pictures, P patches, D width.
"""

from __future__ import annotations

from torch import Tensor, nn


def pixel_shuffle(features: Tensor, side: int) -> Tensor:
    """side × side patches side by side: (B, P, D) → (B, P / side², side² · D), both row by row."""
    B, P, D = features.shape
    grid = round(P**0.5)
    assert grid**2 == P and grid % side == 0, f"{P} patches are no square grid that {side} × {side} blocks tile"
    blocks = features.view(B, grid // side, side, grid // side, side, D).transpose(2, 3)
    return blocks.reshape(B, (grid // side) ** 2, side**2 * D)


class PatchMerging(nn.Module):
    """side × side patches become one of the same width: (B, P, D) → (B, P / side², D)."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.reduce = nn.Linear(width * side**2, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, patches: Tensor) -> Tensor:
        return self.norm(self.reduce(pixel_shuffle(patches, self.side)))
