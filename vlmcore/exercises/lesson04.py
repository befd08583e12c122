"""Lesson 04: patches, the vision transformer's input, the contrastive loss, recall, light, zero-shot labels."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.models import clip, vision
from vlmcore.scenes.camera import GREY

# -- the references ----------------------------------------------------------------------------------------------------


def patchify(pixels: Tensor, patch: int) -> Tensor:
    """Cut pictures into square patches, row by row: (B, C, S, S) → (B, P, C·patch·patch)."""
    return vision.patchify(pixels, patch)


def embed(patches: Tensor, weight: Tensor, class_token: Tensor, positions: Tensor) -> Tensor:
    """What a vision transformer reads: patches to width D, the class token in front, positions added.

    patches (B, P, N), weight (D, N), class_token (D,), positions (P + 1, D) → (B, P + 1, D).
    """
    x = patches @ weight.T  # (B, P, D)
    x = torch.cat([class_token.expand(len(x), 1, -1), x], dim=1)
    return x + positions


def contrastive_loss(pictures: Tensor, captions: Tensor, scale: Tensor) -> Tensor:
    """CLIP's loss of vectors (B, E) and (B, E) of which row i and row i belong together."""
    return clip.contrastive_loss(scale * cosines(pictures, captions))


def recall(similarity: Tensor, k: int) -> float:
    """Share of the rows whose own column (row i, column i) is among the k most similar. similarity (N, N)."""
    better = (similarity > similarity.diagonal()[:, None]).sum(dim=1)  # (N,) how many columns stand before its own
    return (better < k).float().mean().item()


def relight(picture: np.ndarray, brightness: float, contrast: float, saturation: float) -> np.ndarray:
    """A picture, bytes (S, S, 3), in another light: numbers from 0 to 255, (S, S, 3). Factors of 1 change nothing."""
    return lit(picture, brightness, contrast, saturation).clip(0, 255)


def lit(
    picture: np.ndarray,
    brightness: float,
    contrast: float,
    saturation: float,
    grey: np.ndarray | float | None = None,
    middle: np.ndarray | float | None = None,
) -> np.ndarray:
    """The same before it is cut to 0 … 255; ``grey`` of each pixel and ``middle`` of the contrast may be others."""
    pixels = picture.astype(float)
    grey = eyes_grey(pixels) if grey is None else grey
    middle = eyes_grey(pixels).mean() if middle is None else middle
    pixels = grey + saturation * (pixels - grey)
    return brightness * (middle + contrast * (pixels - middle))


def zero_shot(pictures: Tensor, prompts: Tensor) -> Tensor:
    """The class of each picture. pictures (N, E), prompts (K, M, E): K classes in M wordings each → (N,)."""
    classes = F.normalize(prompts, dim=-1).mean(dim=1)  # (K, E)
    return (F.normalize(pictures, dim=-1) @ F.normalize(classes, dim=-1).T).argmax(dim=-1)


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def cosines(pictures: Tensor, captions: Tensor) -> Tensor:
    return F.normalize(pictures, dim=-1) @ F.normalize(captions, dim=-1).T


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some_pictures() -> list[tuple]:
    return [(numbers(2, 3, 8, 8), 2), (numbers(1, 3, 12, 12), 4)]


def split(pixels: Tensor, patch: int, *order: int, grid_first: bool = True) -> Tensor:
    """Both sides split in two, (B, C, grid, patch, grid, patch), brought into ``order``, made rows of patches."""
    B, C, S, _ = pixels.shape
    grid = S // patch
    parts = (grid, patch) if grid_first else (patch, grid)
    return pixels.reshape(B, C, *parts, *parts).permute(order).reshape(B, grid * grid, -1)


def some_patches() -> list[tuple]:
    return [
        (numbers(2, 4, 12), numbers(5, 12, seed=1), numbers(5, seed=2), numbers(5, 5, seed=3)),
        (numbers(3, 9, 6, seed=4), numbers(8, 6, seed=5), numbers(8, seed=6), numbers(10, 8, seed=7)),
    ]


def some_pairs() -> list[tuple]:
    return [
        (numbers(6, 4).requires_grad_(), (2 * numbers(6, 4, seed=1)).requires_grad_(), torch.tensor(3.0)),
        ((3 * numbers(5, 7, seed=2)).requires_grad_(), numbers(5, 7, seed=3).requires_grad_(), torch.tensor(14.0)),
    ]


def one_way(similarity: Tensor) -> Tensor:
    return F.cross_entropy(similarity, torch.arange(len(similarity)))


def softmax_twice(pictures: Tensor, captions: Tensor, scale: Tensor) -> Tensor:
    similarity = scale * cosines(pictures, captions)
    return (one_way(similarity.softmax(1)) + one_way(similarity.T.softmax(1))) / 2


def first_column(pictures: Tensor, captions: Tensor, scale: Tensor) -> Tensor:
    similarity = scale * cosines(pictures, captions)
    zeros = torch.zeros(len(similarity), dtype=torch.long)
    return (F.cross_entropy(similarity, zeros) + F.cross_entropy(similarity.T, zeros)) / 2


def some_similarities() -> list[tuple]:
    mild = torch.eye(12) + numbers(12, 12, seed=3)
    return [(mild, 1), (mild, 3), (numbers(30, 30, seed=4), 10)]


def some_lights() -> list[tuple]:
    """Small pictures, dark and bright, in lights of which some are cut off at 0 or at 255."""
    random = np.random.default_rng(0)
    dark, bright = (random.integers(*levels, (6, 6, 3), dtype=np.uint8) for levels in ((0, 120), (90, 256)))
    return [
        (dark, 0.5, 1.0, 1.0),
        (dark, 1.3, 1.4, 0.6),
        (bright, 1.3, 1.4, 1.4),
        (bright, 0.7, 0.6, 0.0),
        (dark, 1.0, 3.0, 1.0),
        (bright, 0.5, 3.0, 1.2),
    ]


def eyes_grey(pixels: np.ndarray) -> np.ndarray:
    """How bright the eye finds each pixel, (S, S, 1)."""
    return (pixels.astype(float) @ GREY.astype(float))[..., None]


def one_after_the_other(picture: np.ndarray, *steps: tuple[float, float, float]) -> np.ndarray:
    """Several lights, each cut to 0 … 255 before the next."""
    for factors in steps:
        picture = relight(picture, *factors)
    return picture


def as_bytes(pixels: np.ndarray) -> np.ndarray:
    """Whole numbers, those outside a byte wrapped round: 260 becomes 4, and −10 becomes 246."""
    return pixels.astype(int).astype(np.uint8)


def some_prompts() -> list[tuple]:
    """Wordings of one class differ in length, and agree with each other more or less."""
    tried = []
    for seed in (0, 10):
        lengths = 1 + 3 * numbers(5, 3, 1, seed=seed + 1).abs()
        tried.append((numbers(300, 6, seed=seed), lengths * numbers(5, 3, 6, seed=seed + 2)))
    return tried


def by_classes(pictures: Tensor, classes: Tensor) -> Tensor:
    return (pictures @ classes.T).argmax(dim=-1)


LESSON = Lesson(
    "04",
    {
        "patchify": Exercise(
            patchify,
            some_pictures,
            mistakes={
                "A reshape alone cuts the picture into stripes: split both sides in two first, "
                "(B, C, grid, patch, grid, patch), then permute.": lambda x, patch: x.reshape(
                    len(x), (x.shape[-1] // patch) ** 2, -1
                ),
                "The patches come column by column: the second patch is the one to the right of the first, "
                "not the one below.": lambda x, patch: split(x, patch, 0, 4, 2, 1, 3, 5),
                "Inside a patch rows and columns are swapped: each patch is transposed.": (
                    lambda x, patch: split(x, patch, 0, 2, 4, 1, 5, 3)
                ),
                "The whole picture is transposed: rows and columns are swapped, of the grid and inside the patches.": (
                    lambda x, patch: vision.patchify(x.transpose(2, 3), patch)
                ),
                "The channels come last inside your patches, they belong first: (C, patch, patch), flattened.": (
                    lambda x, patch: split(x, patch, 0, 2, 4, 3, 5, 1)
                ),
                "Each side is (grid, patch), in this order: yours takes pixels that stand far apart, not neighbours.": (
                    lambda x, patch: split(x, patch, 0, 3, 5, 1, 2, 4, grid_first=False)
                ),
                "The last two dimensions are swapped: a patch is a row of the result, (B, P, C·patch·patch).": (
                    lambda x, patch: vision.patchify(x, patch).transpose(1, 2)
                ),
            },
            hints=(
                "A side of S pixels is grid × patch pixels, with grid = S // patch: reshape can split it in two.",
                "pixels.reshape(B, C, grid, patch, grid, patch): which of the six count the patches, which lie inside?",
                "Bring them to (B, grid, grid, C, patch, patch) with permute(0, 2, 4, 1, 3, 5), then flatten.",
            ),
            cpu_only=True,
        ),
        "embed": Exercise(
            embed,
            some_patches,
            mistakes={
                "The class token stands at place 0, before the patches; yours stands behind them.": (
                    lambda p, w, c, e: torch.cat([p @ w.T, c.expand(len(p), 1, -1)], dim=1) + e
                ),
                "The positions are missing: without them the transformer cannot tell where a patch was.": (
                    lambda p, w, c, e: torch.cat([c.expand(len(p), 1, -1), p @ w.T], dim=1)
                ),
                "The class token has a position too: put it in front first, then add all P + 1 positions.": (
                    lambda p, w, c, e: torch.cat([c.expand(len(p), 1, -1), p @ w.T + e[1:]], dim=1)
                ),
                "The positions are off by one: position 0 belongs to the class token, position 1 to the first patch.": (
                    lambda p, w, c, e: torch.cat([c.expand(len(p), 1, -1) + e[-1], p @ w.T + e[:-1]], dim=1)
                ),
                "The class token is a token of its own, put in front of the patches, not added to each of them.": (
                    lambda p, w, c, e: p @ w.T + c + e[1:]
                ),
                "Positions are added to the tokens, not multiplied with them.": (
                    lambda p, w, c, e: torch.cat([c.expand(len(p), 1, -1), p @ w.T], dim=1) * e
                ),
            },
            hints=(
                "Three steps: patches to width D, the class token in front, positions added.",
                "patches @ weight.T is (B, P, D). class_token.expand(B, 1, -1) is the class token once a picture.",
                "torch.cat([class_token.expand(len(x), 1, -1), x], dim=1) + positions",
            ),
            cpu_only=True,
        ),
        "contrastive_loss": Exercise(
            contrastive_loss,
            some_pairs,
            mistakes={
                "This is one direction only, from pictures to captions: each caption must find its picture too. "
                "Take the mean of both.": lambda p, c, s: one_way(s * cosines(p, c)),
                "This is one direction only, from captions to pictures: each picture must find its caption too. "
                "Take the mean of both.": lambda p, c, s: one_way(s * cosines(c, p)),
                "The vectors are not brought to length 1: CLIP compares directions, F.normalize(…, dim=-1).": (
                    lambda p, c, s: clip.contrastive_loss(s * p @ c.T)
                ),
                "Normalised over the batch instead of each vector: it must be dim=-1.": (
                    lambda p, c, s: clip.contrastive_loss(s * F.normalize(p, dim=0) @ F.normalize(c, dim=0).T)
                ),
                "Divided by the scale instead of multiplied: the scale is 1 / temperature.": (
                    lambda p, c, s: clip.contrastive_loss(cosines(p, c) / s)
                ),
                "The scale is missing: cosines lie between −1 and 1, far too close together for a softmax.": (
                    lambda p, c, s: clip.contrastive_loss(cosines(p, c))
                ),
                "The two directions are added; CLIP takes their mean.": lambda p, c, s: 2 * contrastive_loss(p, c, s),
                "The labels are wrong: row i belongs to column i, so they are 0, 1, 2, …, B − 1.": first_column,
                "The softmax is taken twice: cross_entropy does it itself and wants the similarities as they are.": (
                    softmax_twice
                ),
            },
            hints=(
                "Three steps: length 1 for each vector, all similarities as a (B, B) matrix, cross-entropy both ways.",
                "F.normalize(pictures, dim=-1) @ F.normalize(captions, dim=-1).T, times scale. "
                "Row i is picture i; its label is i.",
                "labels = torch.arange(B, device=pictures.device). One direction is F.cross_entropy(similarity, "
                "labels), the other takes similarity.T. Return their mean.",
            ),
        ),
        "recall": Exercise(
            recall,
            some_similarities,
            mistakes={
                "You look down the columns: a row is what is searched for, its columns are what may be found.": (
                    lambda similarity, k: recall(similarity.T, k)
                ),
                "One too many is let in: the own column counts when fewer than k are more similar.": (
                    lambda similarity, k: recall(similarity, k + 1)
                ),
                "One too few is let in: with k = 1 the most similar column must count.": (
                    lambda similarity, k: recall(similarity, k - 1)
                ),
                "You look at the most similar column alone: with k = 3 the own one may be third.": (
                    lambda similarity, k: recall(similarity, 1)
                ),
                "You take the k least similar: the larger, the more similar.": lambda similarity, k: recall(
                    -similarity, k
                ),
                "This is a number of rows, not a share of them.": lambda similarity, k: (
                    recall(similarity, k) * len(similarity)
                ),
            },
            hints=(
                "similarity.diagonal() are the similarities of what belongs together.",
                "In how many columns of row i is the similarity larger than at column i?",
                "(similarity > similarity.diagonal()[:, None]).sum(dim=1) < k is true for each row that found its own; "
                "their mean, with .item(), is the share.",
            ),
            cpu_only=True,
        ),
        "relight": Exercise(
            relight,
            some_lights,
            mistakes={
                "Nothing is cut off: light cannot be less than 0, nor a byte more than 255, so clip in the end.": lit,
                "The fractions are lost: give back the numbers as they are, bytes are made of them later.": (
                    lambda p, b, c, s: relight(p, b, c, s).astype(np.uint8)
                ),
                "Bytes wrap round, 260 becomes 4: clip to 0 … 255 before anything is a byte again.": (
                    lambda p, b, c, s: as_bytes(lit(p, b, c, s))
                ),
                "You clip after each change: what is cut off there is lost, though the next change would have "
                "brought it back. Clip once, in the end.": (
                    lambda p, b, c, s: one_after_the_other(p, (1, 1, s), (1, c, 1), (b, 1, 1))
                ),
                "You clip after each change: what is cut off after brightness is lost, though less contrast would have "
                "brought it back. Clip once, in the end.": (
                    lambda p, b, c, s: one_after_the_other(p, (b, 1, 1), (1, c, 1), (1, 1, s))
                ),
                "Contrast is around the picture's own mean grey, not around 128: else it changes the brightness too.": (
                    lambda p, b, c, s: lit(p, b, c, s, middle=128.0).clip(0, 255)
                ),
                "Contrast is around one number, the mean grey; yours is around the mean of each colour, and so turns "
                "the picture's colours.": (
                    lambda p, b, c, s: lit(p, b, c, s, middle=lit(p, 1, 1, s).mean(axis=(0, 1))).clip(0, 255)
                ),
                "The middle of the contrast is the mean of the grey, in which green counts most, not of all numbers.": (
                    lambda p, b, c, s: lit(p, b, c, s, middle=lit(p, 1, 1, s).mean()).clip(0, 255)
                ),
                "Red, green and blue count alike in your grey. To the eye they do not: weigh them by GREY.": (
                    lambda p, b, c, s: lit(p, b, c, s, p.mean(axis=-1, keepdims=True), p.mean()).clip(0, 255)
                ),
                "Saturation goes from each pixel's own grey; yours goes from the grey of the whole picture, which is "
                "contrast once more.": (lambda p, b, c, s: lit(p, b, c, s, grey=eyes_grey(p).mean()).clip(0, 255)),
                "Brightness is a factor: a dark room takes from bright things more than from dark ones.": (
                    lambda p, b, c, s: (lit(p, 1, c, s) + 255 * (b - 1)).clip(0, 255)
                ),
            },
            hints=(
                "Three lines and a clip: saturation, contrast, brightness. Each of the first two pushes numbers away "
                "from a grey, or towards it.",
                "grey = (picture @ GREY)[..., None] is each pixel's grey, (S, S, 1); contrast needs grey.mean() alone.",
                "pixels = grey + saturation * (picture - grey); then the same with contrast and grey.mean(); then "
                "times brightness; then .clip(0, 255).",
            ),
            cpu_only=True,
        ),
        "zero_shot": Exercise(
            zero_shot,
            some_prompts,
            mistakes={
                "The wordings are averaged as they are: bring each to length 1 before the mean, or the long ones "
                "decide alone.": lambda v, p: by_classes(v, F.normalize(p.mean(1), dim=-1)),
                "The mean of several vectors of length 1 is shorter than 1: bring each class to length 1 again, or "
                "classes whose wordings agree win too often.": lambda v, p: by_classes(
                    v, F.normalize(p, dim=-1).mean(1)
                ),
                "Nothing is brought to length 1: neither the wordings before the mean nor the classes after it.": (
                    lambda v, p: by_classes(v, p.mean(1))
                ),
                "You use the first wording alone: the class is the mean of all its wordings.": (
                    lambda v, p: by_classes(v, F.normalize(p[:, 0], dim=-1))
                ),
                "The best wording decides alone; here the class is the mean of its wordings.": lambda v, p: (
                    torch.einsum("ne,kme->nkm", v, F.normalize(p, dim=-1)).amax(-1).argmax(-1)
                ),
                "You answer with the class that is least similar.": lambda v, p: zero_shot(-v, p),
                "The softmax or argmax runs over the pictures: it must run over the classes, the last dimension.": (
                    lambda v, p: (v @ F.normalize(F.normalize(p, dim=-1).mean(1), dim=-1).T).argmax(0)
                ),
                "The mean runs over the classes: the wordings are dimension 1.": lambda v, p: by_classes(
                    v, F.normalize(F.normalize(p, dim=-1).mean(0), dim=-1)
                ),
            },
            hints=(
                "One vector a class first: length 1, mean over the wordings, length 1 again.",
                "prompts is (K, M, E): the mean over its wordings is .mean(dim=1), what is left is (K, E).",
                "(pictures @ classes.T) is (N, K): argmax(dim=-1). The length of the pictures does not matter to it.",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
