"""Lesson 09: routing by hand, CogVLM's three masks and its positions, the visual expert's block, boxes read back."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.models.cogvlm import PictureColumns
from vlmcore.models.config import TransformerConfig
from vlmcore.models.context import Context
from vlmcore.models.masks import causal
from vlmcore.models.rotary import rotary_table
from vlmcore.models.visual_expert import VisualExpertBlock, routed
from vlmcore.scenes.grounding import Box, parse_boxes

# -- the references ----------------------------------------------------------------------------------------------------


def route(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    """The columns ``image`` of x (B, T, D) through ``picture``, all others through ``words``."""
    return routed(x, image, words, picture)


def three_masks(patches: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of a row boi, patches, eoi, words: which columns are no words, which the expert takes, which share a position."""
    columns, row = PictureColumns(0, patches), torch.arange(patches + 2 + words)
    return tuple(
        (row >= part.start) & (row < part.stop) for part in (columns.embedding, columns.expert, columns.rotary)
    )


def shared_positions(patches: int, words: int) -> Tensor:
    """The position of each column of the same row (T,)."""
    return PictureColumns(0, patches).positions(patches + 2 + words)


def expert_block(
    x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple[Tensor, Tensor], mask: Tensor
) -> Tensor:
    """One layer of CogVLM's language model, x (B, T, D) → (B, T, D)."""
    return block(x, Context(rotary=rotary, mask=mask, image=image))


def read_boxes(answer: str) -> list[Box]:
    """Every box in an answer, from thousandths to 0 … 1; what is no box is passed over."""
    return parse_boxes(answer)


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_linear(seed: int) -> nn.Linear:
    layer = nn.Linear(4, 6, bias=False)
    layer.weight = nn.Parameter(torch.randn(6, 4, generator=seeded(seed)), requires_grad=False)
    return layer


def some_rows() -> list[tuple]:
    x = torch.randn(2, 7, 4, generator=seeded(0))
    layers = some_linear(1), some_linear(2)
    return [(x, slice(0, 4), *layers), (x, slice(2, 5), *layers), (x, None, *layers)]


def route_swapped(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    return routed(x, image, picture, words)


def route_all(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    return picture(x) if image is not None else words(x)


def route_none(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    return words(x)


def route_picture_first(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    if image is None:
        return words(x)
    return torch.cat([picture(x[:, image]), words(x[:, : image.start]), words(x[:, image.stop :])], dim=1)


def route_rows(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    return (
        words(x) if image is None else torch.cat([words(x[: image.start]), picture(x[image]), words(x[image.stop :])])
    )


def route_added(x: Tensor, image: slice | None, words: nn.Module, picture: nn.Module) -> Tensor:
    y = words(x)
    if image is not None:
        y[:, image] = y[:, image] + picture(x[:, image])
    return y


def some_counts() -> list[tuple]:
    return [(4, 3), (9, 5), (1, 2)]


def masks_expert_with_eoi(patches: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    embedding, _, rotary = three_masks(patches, words)
    return embedding, embedding, rotary


def masks_expert_without_boi(patches: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    embedding, _, rotary = three_masks(patches, words)
    return embedding, rotary, rotary


def masks_of_patches(patches: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    _, _, rotary = three_masks(patches, words)
    return rotary, rotary, rotary


def masks_of_expert(patches: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    embedding, expert, _ = three_masks(patches, words)
    return embedding, expert, expert


def masks_turned_round(patches: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(~mask for mask in three_masks(patches, words))


def positions_running(patches: int, words: int) -> Tensor:
    return torch.arange(patches + 2 + words)


def positions_without_boi(patches: int, words: int) -> Tensor:
    return (shared_positions(patches, words) - 1).clamp(min=0)


def positions_with_gap(patches: int, words: int) -> Tensor:
    positions = torch.arange(patches + 2 + words)
    positions[1 : patches + 1] = 1
    return positions


def positions_eoi_too(patches: int, words: int) -> Tensor:
    positions = shared_positions(patches, words)
    positions[patches + 1 :] -= 1
    return positions


def some_blocks() -> list[tuple]:
    config = TransformerConfig(width=16, layers=1, heads=2, kv_heads=2, intermediate_size=24, rope_theta=100.0)
    block = VisualExpertBlock(config, 0).requires_grad_(False)
    with torch.no_grad():
        for number, weight in enumerate(block.parameters()):
            weight.copy_(torch.randn(weight.shape, generator=seeded(number)) * 0.3 + (weight.ndim == 1))
    x = torch.randn(2, 9, 16, generator=seeded(99))
    columns = PictureColumns(0, 4)
    rotary = rotary_table(columns.positions(9), config.head_width, config.rope_theta)
    text = rotary_table(torch.arange(9), config.head_width, config.rope_theta)
    return [(x, columns.expert, block, rotary, causal(9)), (x, None, block, text, causal(9))]


def block_mlp_alone(x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor) -> Tensor:
    x = x + block.attention(block.norm1(x), Context(rotary=rotary, mask=mask))
    return x + routed(block.norm2(x), image, block.mlp, block.image_mlp)


def block_attention_alone(
    x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor
) -> Tensor:
    x = x + block.attention(block.norm1(x), Context(rotary=rotary, mask=mask, image=image))
    return x + block.mlp(block.norm2(x))


def block_shared_out(x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor) -> Tensor:
    a, context = block.attention, Context(rotary=rotary, mask=mask)
    x = x + a.out(a.mix(*a.split(routed(block.norm1(x), image, a.qkv, a.image_qkv), context), context))
    return x + routed(block.norm2(x), image, block.mlp, block.image_mlp)


def block_apart(x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor) -> Tensor:
    """Picture and words each attend among themselves."""
    if image is not None:
        kind = torch.zeros(x.shape[1], dtype=torch.bool, device=x.device)
        kind[image] = True
        mask = mask & (kind[:, None] == kind[None, :])
    return expert_block(x, image, block, rotary, mask)


def block_unturned(x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor) -> Tensor:
    cos, sin = rotary
    return expert_block(x, image, block, (torch.ones_like(cos), torch.zeros_like(sin)), mask)


def block_unmasked(x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor) -> Tensor:
    return expert_block(x, image, block, rotary, torch.ones_like(mask))


def block_without_stream(
    x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor
) -> Tensor:
    x = block.attention(block.norm1(x), Context(rotary=rotary, mask=mask, image=image))
    return routed(block.norm2(x), image, block.mlp, block.image_mlp)


def block_without_norms(
    x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor
) -> Tensor:
    x = x + block.attention(x, Context(rotary=rotary, mask=mask, image=image))
    return x + routed(x, image, block.mlp, block.image_mlp)


def block_without_picture(
    x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor
) -> Tensor:
    return block(x, Context(rotary=rotary, mask=mask))


def block_unscaled(x: Tensor, image: slice | None, block: VisualExpertBlock, rotary: tuple, mask: Tensor) -> Tensor:
    """Without the division by √d: the queries are larger by just that."""
    a, context = block.attention, Context(rotary=rotary, mask=mask, image=image)
    query, key, value = a.heads(block.norm1(x), context)
    mixed = a.mix(query * a.config.head_width**0.5, key, value, context)
    x = x + routed(mixed, image, a.out, a.image_out)
    return x + routed(block.norm2(x), image, block.mlp, block.image_mlp)


def some_boxes() -> list[tuple]:
    return [
        ("[[120,040,360,280]]",),
        ("on the left [[000,040,360,280;400,400,960,1000]] and at the top [[080,120,200,240]]",),
        ("there is none",),
        ("a dog [[120,040]] and a cat [[040,080,120,160",),
    ]


def boxes_as_thousandths(answer: str) -> list[Box]:
    return [tuple(1000 * value for value in box) for box in parse_boxes(answer)]


def boxes_first_of_each(answer: str) -> list[Box]:
    return [box for part in re.findall(r"\[\[.*?\]\]", answer) for box in parse_boxes(part)[:1]]


def boxes_closed_alone(answer: str) -> list[Box]:
    return [box for part in re.findall(r"\[\[.*?\]\]", answer) for box in parse_boxes(part)]


def boxes_of_three_digits(answer: str) -> list[Box]:
    return parse_boxes(re.sub(r"\d{4}", "", answer))


def boxes_first_alone(answer: str) -> list[Box]:
    return parse_boxes(answer)[:1]


LESSON = Lesson(
    "09",
    {
        "route": Exercise(
            route,
            some_rows,
            mistakes={
                "The two are swapped: the picture's columns belong to `picture`, all others to `words`.": route_swapped,
                "Every column went through `picture`: only those of the slice `image` do.": route_all,
                "Every column went through `words`: those of the slice `image` go through `picture`.": route_none,
                "The columns have changed places: what stands before the picture must come out before it.": (
                    route_picture_first
                ),
                "The slice cut rows out of the batch: columns are the second axis, x[:, image].": route_rows,
                "The picture's columns went through both: `picture` replaces `words` there, it is not added.": (
                    route_added
                ),
            },
            hints=(
                "Three pieces: what stands before the picture, the picture, what stands after. Without one: all words.",
                "x[:, : image.start], x[:, image], x[:, image.stop :], each through its layer.",
                "torch.cat([...], dim=1) puts them side by side again.",
            ),
        ),
        "three_masks": Exercise(
            three_masks,
            some_counts,
            mistakes={
                "The expert does not take eoi: it is there for the words, and goes through their weights.": (
                    masks_expert_with_eoi
                ),
                "The expert takes boi too.": masks_expert_without_boi,
                "All three are the patches: of what is no word, and of the expert's columns, there are more.": (
                    masks_of_patches
                ),
                "boi has a position of its own: the patches alone share one.": masks_of_expert,
                "True and False are swapped.": masks_turned_round,
            },
            hints=(
                "The row is boi, then the patches, then eoi, then the words: columns 0, 1 … P, P + 1, P + 2 …",
                "column = torch.arange(patches + 2 + words); each mask is a comparison, such as column <= patches.",
            ),
        ),
        "shared_positions": Exercise(
            shared_positions,
            some_counts,
            mistakes={
                "Every column has a position of its own: all patches are to share one.": positions_running,
                "boi stands at 0, the patches come after it, at 1.": positions_without_boi,
                "eoi goes on where the patches' position stopped, at 2: nothing is skipped.": positions_with_gap,
                "eoi has a position of its own, after the patches'.": positions_eoi_too,
            },
            hints=(
                "boi 0, every patch 1, eoi 2, the words 3, 4, …",
                "torch.arange counts them one by one. Which columns come too late, and by how much?",
                "column.clamp(max=1) is right up to the last patch; after it subtract patches - 1.",
            ),
        ),
        "expert_block": Exercise(
            expert_block,
            some_blocks,
            mistakes={
                "The MLP alone is there twice in yours: QKV and the attention's output have experts too.": (
                    block_mlp_alone
                ),
                "The MLP of the picture's columns is block.image_mlp.": block_attention_alone,
                "QKV is routed, the attention's output is not: there is an image_out.": block_shared_out,
                "Picture and words must look at one another: one attention over all columns.": block_apart,
                "Queries and keys are not turned: rotate(query, *rotary), rotate(key, *rotary).": block_unturned,
                "Tokens look ahead: apply the mask before the softmax.": block_unmasked,
                "The scores are not divided by the square root of a head's width.": block_unscaled,
                "Both halves are added to the stream: x = x + …, twice.": block_without_stream,
                "The norms are missing: norm1 before the attention, norm2 before the MLP.": block_without_norms,
                "Nothing is routed: the picture's columns have weights of their own.": block_without_picture,
            },
            hints=(
                "Lesson 02's block, with your route() in three places: QKV, the attention's output, the MLP.",
                "route(block.norm1(x), image, a.qkv, a.image_qkv) is (B, T, 3·D): first all queries, then all keys, "
                "then all values, each H heads of d numbers. .view(B, T, 3, H, d) tells them apart.",
                "Heads come before tokens for the product: (B, H, T, d). query @ key.transpose(-1, -2) / d**0.5, "
                "masked_fill(~mask, -torch.inf), softmax(-1), @ value; then back to (B, T, D).",
                "x = x + route(mixed, image, a.out, a.image_out), and the same with norm2, mlp and image_mlp.",
            ),
        ),
        "read_boxes": Exercise(
            read_boxes,
            some_boxes,
            mistakes={
                "These are thousandths: divide by 1000.": boxes_as_thousandths,
                "Several boxes may stand in one pair of brackets, with ; between them.": boxes_first_of_each,
                "An answer that was cut off has no closing brackets; its whole boxes count all the same.": (
                    boxes_closed_alone
                ),
                "An answer may give several boxes: return them all.": boxes_first_alone,
                "1000, the far edge, has four digits.": boxes_of_three_digits,
            },
            hints=(
                r"A box is four numbers with commas between them: re.findall with (\d+) four times finds them all.",
                r"re.findall(r'(\d{3,4}),(\d{3,4}),(\d{3,4}),(\d{3,4})', answer) gives four texts a box.",
            ),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
