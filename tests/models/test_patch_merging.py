"""Patch merging: which four become one, in which order; PyTorch's own shuffle as an oracle."""

import pytest
import torch
import torch.nn.functional as F

from vlmcore.models.config import encoder_config
from vlmcore.models.patch_merging import PatchMerging, pixel_shuffle
from vlmcore.models.vision import VisionConfig, VisionEncoder


def test_neighbours_come_together_row_by_row():
    numbered = torch.arange(16).view(1, 16, 1)
    assert pixel_shuffle(numbered, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


@pytest.mark.parametrize("side", [1, 2, 3])
def test_it_is_pytorchs_pixel_unshuffle_but_for_the_order_of_the_numbers(side):
    features = torch.randn(2, 36, 5, generator=torch.Generator().manual_seed(0))
    picture = features.transpose(1, 2).view(2, 5, 6, 6)  # (N, D, grid, grid)
    oracle = F.pixel_unshuffle(picture, side)  # (N, D·side², …), channels before places in the block
    oracle = oracle.view(2, 5, side**2, -1).permute(0, 3, 2, 1).flatten(2)
    assert torch.equal(pixel_shuffle(features, side), oracle)


def test_one_patch_a_token_changes_nothing():
    features = torch.randn(2, 9, 4)
    assert torch.equal(pixel_shuffle(features, 1), features)


@pytest.mark.parametrize(("patches", "side"), [(9, 2), (12, 2)])
def test_what_does_not_tile_is_refused(patches, side):
    with pytest.raises(AssertionError, match="no square grid"):
        pixel_shuffle(torch.zeros(1, patches, 2), side)


def test_a_matrix_brings_the_neighbours_back_to_the_old_width():
    merging = PatchMerging(4, 2).requires_grad_(False)
    features = torch.randn(2, 16, 4, generator=torch.Generator().manual_seed(0))
    block = features.view(2, 4, 4, 4)[:, 2:4, 0:2].flatten(1)  # the lower left quarter
    torch.testing.assert_close(merging(features)[:, 2], merging.norm(block @ merging.reduce.weight.T))
    assert merging(features).shape == (2, 4, 4)


def test_an_encoder_merges_after_its_last_block():
    eyes = VisionConfig(image=16, patch=1, merge=2, stem=(4,), transformer=encoder_config(16, 1, 2, 16))
    encoder = VisionEncoder(eyes).requires_grad_(False)
    assert (eyes.grid, eyes.patches, eyes.token_grid, eyes.tokens) == (8, 64, 4, 16)
    pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert encoder(pixels).shape == (2, 64, 16)
    assert torch.equal(encoder.features(pixels), encoder.merge(encoder.norm(encoder(pixels))))
    with pytest.raises(AssertionError, match="merged"):
        VisionConfig(image=16, patch=1, merge=3, stem=(4,))
