"""Pixel shuffle: fine eyes, few tokens (InternVL, SmolVLM, nanoVLM; the reverse of super-resolution's).

Neighbouring patches become one vector, their numbers side by side. Nothing is lost, as it would be by a mean, and the
language model reads side² times fewer tokens::

    1  2 │ 3  4
    5  6 │ 7  8          [1 2 5 6]  [3 4 7 8]
    ─────┼─────    ──►
    9 10 │ …             [9 10 …]   …

Shapes: N pictures, P patches, D width.
"""

from __future__ import annotations

from torch import Tensor


def pixel_shuffle(features: Tensor, side: int) -> Tensor:
    """side × side patches become one: (N, P, D) → (N, P / side², side² · D), both row by row."""
    N, P, D = features.shape
    grid = round(P**0.5)
    assert grid**2 == P and grid % side == 0, f"{P} patches are no square grid that {side} × {side} blocks tile"
    blocks = features.view(N, grid // side, side, grid // side, side, D).transpose(2, 3)
    return blocks.reshape(N, (grid // side) ** 2, side**2 * D)
