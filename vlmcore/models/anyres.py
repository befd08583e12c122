"""AnyRes (LLaVA-NeXT, Liu et al. 2024): pictures of any shape for an encoder that takes one size only.

Design choices, all LLaVA-NeXT's:
- of a few grids of tiles the one that keeps most of the picture's pixels, and of several such the smallest;
- the picture is resized into the grid without distortion, black fills the rest, each tile is a picture of its own;
- the whole picture in one tile (the base view) goes in front, so that the tiles are seen in their context;
- patches of padding alone are dropped again, and one learned vector, the newline, ends each row of patches.

Sizes and grids are (width, height) in pixels, as Pillow gives them; a layout is (rows, columns) of tiles.
Shapes: n tiles, P patches of one view, D width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vlmcore.pictures import FILTER, to_square

Size = tuple[int, int]


def pinpoints(tile: int) -> list[Size]:
    """LLaVA-NeXT's grids for an encoder of ``tile`` pixels: 1×2, 2×1, 2×2, 3×1 and 1×3 tiles."""
    return [(columns * tile, rows * tile) for columns, rows in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))]


def select_best_resolution(size: Size, grids: Sequence[Size]) -> Size:
    """The grid that keeps most pixels of a picture of ``size``; among equals the one with fewest empty pixels.

    Resized into a grid without distortion, a picture never has more effective pixels than it had before.
    """

    def worth(grid: Size) -> tuple[int, int]:
        scale = min(grid[0] / size[0], grid[1] / size[1])
        effective = min(int(size[0] * scale) * int(size[1] * scale), size[0] * size[1])
        return effective, effective - grid[0] * grid[1]

    return max(grids, key=worth)


def fit_into(picture: np.ndarray, grid: Size) -> np.ndarray:
    """A picture (H, W, 3) resized as large as fits, in the middle of a black one of the grid's size."""
    height, width = picture.shape[:2]
    scale = min(grid[0] / width, grid[1] / height)
    size = min(math.ceil(width * scale), grid[0]), min(math.ceil(height * scale), grid[1])
    fitted = Image.new("RGB", grid)
    fitted.paste(Image.fromarray(picture).resize(size, FILTER), ((grid[0] - size[0]) // 2, (grid[1] - size[1]) // 2))
    return np.array(fitted)


def views(picture: np.ndarray, tile: int, grids: Sequence[Size] | None = None) -> tuple[np.ndarray, tuple[int, int]]:
    """A picture (H, W, 3) as the encoder gets it: the base view, then the tiles row by row, (1 + n, tile, tile, 3).

    Beside them the tiles' layout, (rows, columns).
    """
    grid = select_best_resolution((picture.shape[1], picture.shape[0]), grids or pinpoints(tile))
    columns, rows = grid[0] // tile, grid[1] // tile
    tiles = fit_into(picture, grid).reshape(rows, tile, columns, tile, 3).swapaxes(1, 2).reshape(-1, tile, tile, 3)
    return np.concatenate([to_square(Image.fromarray(picture), tile)[None], tiles]), (rows, columns)


def unpad(patches: Tensor, size: Size) -> Tensor:
    """Patches of a whole grid (R, C, D) without the rows or columns that the picture of ``size`` left empty."""
    R, C = patches.shape[:2]
    width, height = size
    if width * R > height * C:  # wider than the grid: what is empty lies above and below
        spare = (R - int(round(height * C / width, 7))) // 2
        return patches[spare : R - spare]
    spare = (C - int(round(width * R / height, 7))) // 2
    return patches[:, spare : C - spare]


def join(features: Tensor, layout: tuple[int, int], size: Size, newline: Tensor) -> Tensor:
    """What the encoder (and projector) made of the views, (1 + n, P, D), as one row of tokens for the language model.

    The base view's patches, then the tiles' in reading order of the whole picture, ``newline`` (D,) after each row.
    """
    side = math.isqrt(features.shape[1])
    tiles = features[1:].unflatten(1, (side, side)).unflatten(0, layout)  # (rows, columns, side, side, D)
    patches = unpad(tiles.transpose(1, 2).flatten(2, 3).flatten(0, 1), size)  # (R, C, D)
    rows = torch.cat([patches, newline.expand(len(patches), 1, -1)], dim=1)
    return torch.cat([features[0], rows.flatten(0, 1)])
