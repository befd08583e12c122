"""Lesson 05: reading vectors as words, the projection, the splice, the distance from a word map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.models.llava import splice as llava_splice  # by name: the lesson puts the student's in llava's place

# -- the references ----------------------------------------------------------------------------------------------------


def nearest_words(vectors: Tensor, table: Tensor, count: int) -> Tensor:
    """The words that point most nearly the same way, best first. (N, D), (V, D) → (N, count) rows of the table."""
    likeness = F.normalize(vectors, dim=-1) @ F.normalize(table, dim=-1).T  # (N, V)
    return likeness.topk(count, dim=-1).indices


def project(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Every patch's vector times the matrix, plus the bias. (N, P, D_v), (D, D_v), (D,) → (N, P, D)."""
    return F.linear(features, weight, bias)


def splice(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    """H_v in the places of <image>, in order. (B, T, D), (B, T), (N, P, D) → (B, T, D)."""
    return llava_splice(embeddings, places, visual)


def unlike(visual: Tensor, words: Tensor) -> Tensor:
    """How far H_v is from the words' vectors, in units of how much those vary. Both (N, P, D) → a number."""
    return F.mse_loss(visual, words) / words.var()


# -- what is tried, and what goes wrong --------------------------------------------------------------------------------


def some_vectors() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    table = torch.randn(40, 6, generator=random) * torch.linspace(0.2, 3.0, 40)[:, None]  # words of many lengths
    vectors = table[[3, 11, 17, 30]] * torch.tensor([[5.0], [2.0], [0.1], [1.0]])
    vectors = vectors + 0.1 * vectors.norm(dim=-1, keepdim=True) * torch.randn(4, 6, generator=random)
    return [(vectors, table, 3), (vectors[:1], table, 1), (torch.randn(5, 6, generator=random), table, 2)]


def nearest_by_distance(vectors: Tensor, table: Tensor, count: int) -> Tensor:
    return torch.cdist(vectors, table).topk(count, largest=False).indices


def nearest_by_length(vectors: Tensor, table: Tensor, count: int) -> Tensor:
    return (vectors @ table.T).topk(count).indices


def nearest_over_the_wrong_axis(vectors: Tensor, table: Tensor, count: int) -> Tensor:
    return (F.normalize(vectors, dim=0) @ F.normalize(table, dim=0).T).topk(count).indices


def furthest_words(vectors: Tensor, table: Tensor, count: int) -> Tensor:
    return nearest_words(-vectors, table, count)


def worst_first(vectors: Tensor, table: Tensor, count: int) -> Tensor:
    return nearest_words(vectors, table, count).flip(-1)


def some_features() -> list[tuple]:
    random = torch.Generator().manual_seed(1)

    def case(N: int, P: int, before: int, after: int) -> tuple:
        shapes = ((N, P, before), (after, before), (after,))
        return tuple(torch.randn(shape, generator=random) for shape in shapes)

    return [case(2, 4, 6, 6), case(3, 2, 5, 5)]  # as wide before as after, so that a transposed matrix fits too


def project_transposed(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return features @ weight + bias


def project_without_bias(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return features @ weight.T


def project_the_mean(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return project(features.mean(dim=1, keepdim=True), weight, bias)


def project_the_mean_everywhere(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return project_the_mean(features, weight, bias).expand(-1, features.shape[1], -1)


def project_a_biased_input(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return (features + bias) @ weight.T


def some_sequences() -> list[tuple]:
    random = torch.Generator().manual_seed(2)
    layouts = (["IIItt", "IIItt"], ["ttIItIIt", "tIIttttt"], ["IItttt", "tttttt", "ttIItt"])
    patches = (3, 2, 2)
    cases = []
    for rows, P in zip(layouts, patches):
        places = torch.tensor([[mark == "I" for mark in row] for row in rows])
        embeddings = torch.randn(*places.shape, 4, generator=random)
        cases.append((embeddings, places, torch.randn(int(places.sum()) // P, P, 4, generator=random)))
    return cases


def splice_pictures_reversed(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    return splice(embeddings, places, visual.flip(0))


def splice_patches_reversed(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    return splice(embeddings, places, visual.flip(1))


def splice_one_place_late(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    return splice(embeddings, places.roll(1, dims=1), visual)


def splice_first_picture_everywhere(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    return splice(embeddings, places, visual[:1].expand_as(visual))


def splice_each_row_from_the_start(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    flat = visual.flatten(0, 1)
    rows = [flat[: int(row.sum())] for row in places]
    return splice(embeddings, places, torch.cat(rows).view_as(visual))


def splice_in_front(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    front = places.sum(dim=1, keepdim=True) > torch.arange(places.shape[1])  # as many places, all at the start
    return splice(embeddings, front, visual)


def splice_added(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    return embeddings + splice(torch.zeros_like(embeddings), places, visual)


def splice_nothing(embeddings: Tensor, places: Tensor, visual: Tensor) -> Tensor:
    return embeddings.clone()


def some_maps() -> list[tuple]:
    """Words around a mean that is not 0, and vectors that stray further than they do. Large: n or n − 1 is one here."""
    random = torch.Generator().manual_seed(3)
    cases = []
    for shape in ((16, 16, 96), (8, 16, 200)):
        words = 0.5 + torch.randn(shape, generator=random)
        cases.append((words + 2 * torch.rand(shape, generator=random).square(), words))
    return cases


def unlike_not_divided(visual: Tensor, words: Tensor) -> Tensor:
    return F.mse_loss(visual, words)


def unlike_by_vectors(visual: Tensor, words: Tensor) -> Tensor:
    return F.mse_loss(visual, words) / visual.var()


def unlike_by_deviation(visual: Tensor, words: Tensor) -> Tensor:
    return F.mse_loss(visual, words) / words.std()


def unlike_by_squares(visual: Tensor, words: Tensor) -> Tensor:
    return F.mse_loss(visual, words) / words.square().mean()


def unlike_not_squared(visual: Tensor, words: Tensor) -> Tensor:
    return (visual - words).abs().mean() / words.var()


def unlike_summed(visual: Tensor, words: Tensor) -> Tensor:
    return F.mse_loss(visual, words, reduction="sum") / words.var()


def alike(visual: Tensor, words: Tensor) -> Tensor:
    return 1 - unlike(visual, words)


def unlike_one_by_one(visual: Tensor, words: Tensor) -> Tensor:
    return (visual - words).square() / words.var()


LESSON = Lesson(
    "05",
    {
        "nearest_words": Exercise(
            nearest_words,
            some_vectors,
            mistakes={
                "Long words win here, whatever they mean: divide the rows of the table by their lengths too.": (
                    nearest_by_length
                ),
                "This is the distance, which depends on length. What is asked is the direction: the cosine.": (
                    nearest_by_distance
                ),
                "Each vector is to have length 1: normalise over the last axis (dim=-1), not over the first.": (
                    nearest_over_the_wrong_axis
                ),
                "These are the words least alike: take the largest cosines.": furthest_words,
                "The most alike comes first.": worst_first,
            },
            hints=(
                "The cosine of two vectors is the product of both after each was divided by its length.",
                "F.normalize(vectors, dim=-1) has rows of length 1; so has F.normalize(table, dim=-1).",
                "Their product, (N, D) @ (D, V), holds all cosines; .topk(count, dim=-1).indices are the best.",
            ),
        ),
        "project": Exercise(
            project,
            some_features,
            mistakes={
                "The matrix lies the other way: weight is (D, D_v) as in nn.Linear, so multiply by weight.T.": (
                    project_transposed
                ),
                "The bias is missing: add it after the product.": project_without_bias,
                "The patches were averaged into one: each of the P vectors is projected by itself.": project_the_mean,
                "Every patch got the picture's mean: each of the P vectors is projected by itself.": (
                    project_the_mean_everywhere
                ),
                "The bias comes after the product, not before: it lives in the language model's space.": (
                    project_a_biased_input
                ),
            },
            hints=(
                "@ works on the last two axes and repeats itself over those before: no loop is needed.",
                "features @ weight.T has the shape (N, P, D). What is missing?",
            ),
        ),
        "splice": Exercise(
            splice,
            some_sequences,
            mistakes={
                "The pictures are in the wrong order: the first picture belongs to the first <image> places.": (
                    splice_pictures_reversed
                ),
                "The patches of each picture are in the wrong order: patch 0 comes first.": splice_patches_reversed,
                "Everything stands one place too late: look at `places` itself, position by position.": (
                    splice_one_place_late
                ),
                "Every picture has become the first one.": splice_first_picture_everywhere,
                "Each row begins again with the first picture: go on where the row before stopped.": (
                    splice_each_row_from_the_start
                ),
                "H_v was put at the front of each row: it belongs where `places` is True, also amid text.": (
                    splice_in_front
                ),
                "H_v was added to the embedding of <image>: it takes its place.": splice_added,
                "The embeddings came back as they were: the places of <image> are to hold H_v.": splice_nothing,
            },
            hints=(
                "Begin with a copy, spliced = embeddings.clone(): what you are given stays as it is.",
                "spliced[places] names all <image> places of all rows, in reading order: (N·P, D).",
                "visual.flatten(0, 1) is (N·P, D) in the same order.",
            ),
        ),
        "unlike": Exercise(
            unlike,
            some_maps,
            mistakes={
                "This is the mean squared difference alone: divide it by the variance of the words' numbers.": (
                    unlike_not_divided
                ),
                "Divided by the variance of H_v: a projector could shrink its loss by shouting. Take the words'.": (
                    unlike_by_vectors
                ),
                "Divided by the standard deviation: squares are compared with squares, so take the variance.": (
                    unlike_by_deviation
                ),
                "Divided by the mean square of the words: variance is counted from their mean, not from 0.": (
                    unlike_by_squares
                ),
                "The differences are not squared.": unlike_not_squared,
                "The differences are summed up: it must be their mean, or large batches look worse.": unlike_summed,
                "This is 1 minus what is asked (statisticians call it R²): 0 is to mean equal.": alike,
                "One number for all is asked, not one for each number of H_v: take the mean.": unlike_one_by_one,
            },
            hints=(
                "Two numbers, one divided by the other: the mean squared difference, and the variance of the words.",
                "F.mse_loss(visual, words) is the first, words.var() the second.",
            ),
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
