"""A picture made of words, as a language model reads it before it has ever seen a picture.

A word map is a grid of cells; each holds a few words ("dog top-left") and perhaps the four numbers of a box. A cell
becomes one vector in the place of one image token. After pretraining on such maps a language model reads a grid of
vectors; LLaVA's projector then only has to speak the same language.

Shapes: N maps, P cells, W words of the longest cell, D width.
"""

from __future__ import annotations

from torch import Tensor, nn

CORNER = 0.4  # a box's numbers count CORNER each beside the thing's name, which counts 1


def embed_word_map(embedding: nn.Embedding, cells: Tensor, corners: Tensor) -> Tensor:
    """Each cell's words and the four numbers of its box added into one vector.

    cells (N, P, W) ids, corners (N, P, 4) ids of the words for x0, y0, x1, y1; −1 = none → (N, P, D).
    """
    words, numbers = (
        (embedding(ids.clamp(min=0)) * (ids >= 0).unsqueeze(-1)).sum(dim=2)  # (N, P, D)
        for ids in (cells, corners)
    )
    return words + CORNER * numbers
