"""AnyRes against cases worked by hand and against transformers' LLaVA-NeXT."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import image_processing_utils
from transformers.models.llava_next import modeling_llava_next

from vlmcore.models.anyres import fit_into, join, pinpoints, select_best_resolution, unpad, views

GRIDS = pinpoints(64)
sizes = st.tuples(st.integers(1, 700), st.integers(1, 700))


def swapped(sizes):
    return [(height, width) for width, height in sizes]


def picture(width, height, seed=0):
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), dtype=np.uint8)


# -- which grid ------------------------------------------------------------------------------------------------------


def test_the_grids_are_llava_nexts():
    assert pinpoints(336) == [(336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008)]


@pytest.mark.parametrize(
    "size, best",
    [
        ((128, 128), (128, 128)),  # fits exactly
        ((1000, 1000), (128, 128)),  # 128×128 stay; 64×64 in every other grid
        ((300, 100), (192, 64)),  # 192×64 = 12,288 stay; of 128×128 only 128×42 would
        ((100, 300), (64, 192)),
        ((200, 100), (128, 64)),  # 128×64 = 8,192 stay in (128, 64), (128, 128) and (192, 64): the smallest
        ((50, 40), (64, 128)),  # small: all of it stays anywhere; the smallest grid, of two the first
        ((1000, 420), (192, 64)),  # 152×64 stay; of (128, 64) and (128, 128) only 128×53 would
    ],
)
def test_worked_by_hand(size, best):
    assert select_best_resolution(size, GRIDS) == best


@given(sizes, st.lists(sizes, min_size=1, max_size=6))
@settings(deadline=None, max_examples=300)
def test_the_choice_is_transformers(size, grids):
    theirs = image_processing_utils.select_best_resolution(size[::-1], swapped(grids))
    if theirs is not None:  # a picture of which nothing is left in any grid
        assert select_best_resolution(size, grids) == theirs[::-1]


# -- tiles -----------------------------------------------------------------------------------------------------------


def test_a_picture_of_the_grids_size_is_cut_and_nothing_else():
    original = picture(128, 128)
    shown, layout = views(original, 64)
    assert layout == (2, 2) and shown.shape == (5, 64, 64, 3) and shown.dtype == np.uint8
    assert (shown[1] == original[:64, :64]).all() and (shown[2] == original[:64, 64:]).all()
    assert (shown[3] == original[64:, :64]).all() and (shown[4] == original[64:, 64:]).all()
    assert abs(shown[0].mean() - original.mean()) < 2  # the base view: all of it, smaller


@pytest.mark.parametrize("size, layout", [((300, 100), (1, 3)), ((100, 300), (3, 1)), ((640, 480), (2, 2))])
def test_every_shape_has_its_layout(size, layout):
    shown, found = views(picture(*size), 64)
    assert found == layout and len(shown) == 1 + layout[0] * layout[1]


def test_it_stands_in_the_middle_of_black():
    fitted = fit_into(picture(100, 50), (128, 128))  # 128×64, 32 rows above and below
    assert fitted.shape == (128, 128, 3)
    assert not fitted[:32].any() and not fitted[96:].any() and fitted[32:96].any(axis=-1).mean() > 0.99


# -- one row of tokens -----------------------------------------------------------------------------------------------


@given(sizes, st.integers(1, 30), st.integers(1, 30))
@settings(deadline=None, max_examples=300)
def test_padding_is_dropped_as_in_transformers(size, rows, columns):
    patches = torch.arange(rows * columns).view(rows, columns, 1)
    theirs = modeling_llava_next.unpad_image(patches.permute(2, 0, 1), size[::-1])
    assert torch.equal(unpad(patches, size), theirs.permute(1, 2, 0))


@pytest.mark.parametrize("size", [(128, 128), (300, 100), (100, 300), (640, 480), (50, 40), (200, 120)])
def test_tokens_are_transformers(size):
    shown, layout = views(picture(*size), 64)
    features = torch.randn(len(shown), 16, 3, generator=torch.Generator().manual_seed(0))
    newline = torch.tensor([7.0, 8.0, 9.0])
    vision = SimpleNamespace(image_size=64, patch_size=16)
    model = SimpleNamespace(config=SimpleNamespace(vision_config=vision, image_grid_pinpoints=swapped(GRIDS)))
    theirs, _ = modeling_llava_next.LlavaNextModel.pack_image_features(
        model, [features], torch.tensor([size[::-1]]), "default", newline
    )
    theirs = theirs[0] if isinstance(theirs, list | tuple) else theirs
    assert torch.equal(join(features, layout, size, newline), theirs)


def test_tokens_worked_by_hand():
    """A wide picture, 2 tiles side by side, 2×2 patches each: base view 0-3, then rows of four with a newline."""
    features = torch.arange(12.0).view(3, 4, 1)
    tokens = join(features, (1, 2), (128, 64), torch.tensor([-1.0]))
    assert tokens.flatten().tolist() == [0, 1, 2, 3, 4, 5, 8, 9, -1, 6, 7, 10, 11, -1]
