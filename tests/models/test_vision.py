"""The vision encoder against CLIP's, and the cutting of pictures against plain loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPImageProcessor

from tests import tiny
from vlmcore.models.config import encoder_config
from vlmcore.models.vision import VisionConfig, VisionEncoder, patchify, unpatchify
from vlmcore.pretrained import clip

SMALL = encoder_config(width=32, layers=2, heads=4, intermediate_size=48)


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_every_layer_of_clip(activation):
    theirs = tiny.clip_vision(hidden_act=activation)
    ours, pixels = clip.vision_from_transformers(theirs), tiny.pixels(2)
    expected = theirs(pixels, output_hidden_states=True)
    assert len(expected.hidden_states) == 4
    for layer, hidden in enumerate(expected.hidden_states):
        tiny.agree(ours(pixels, layers=layer), hidden)
    tiny.agree(ours(pixels), expected.last_hidden_state)
    tiny.agree(ours.norm(ours(pixels)[:, 0]), expected.pooler_output)


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_features_of_an_earlier_layer(skip):
    theirs, pixels = tiny.clip_vision(), tiny.pixels(2)
    ours = clip.vision_from_transformers(theirs).features(pixels, skip)
    assert ours.shape == (2, 9, 32)  # no class token
    tiny.agree(ours, theirs(pixels, output_hidden_states=True).hidden_states[-1 - skip][:, 1:])


def test_features_of_the_last_layer_are_normalised():
    theirs, pixels = tiny.clip_vision(), tiny.pixels(2)
    expected = theirs.post_layernorm(theirs(pixels).last_hidden_state)[:, 1:]
    tiny.agree(clip.vision_from_transformers(theirs).features(pixels), expected)


def test_the_stem_leaves_fewer_patches():
    config = VisionConfig(image=32, patch=2, stem=(8, 16), transformer=SMALL)
    assert (config.grid, config.patches) == (4, 16)
    encoder = VisionEncoder(config)
    pixels = tiny.pixels(2, 32)
    assert encoder.stem(pixels).shape == (2, 16, 8, 8)
    assert encoder.features(pixels).shape == (2, 16, 32)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(AssertionError, match=r"expected \(B, 3, 32, 32\), got \(2, 3, 16, 16\)"):
        VisionEncoder(VisionConfig(image=32, stem=(8,), transformer=SMALL))(tiny.pixels(2, 16))
    with pytest.raises(AssertionError, match="30 pixels cannot be cut into patches of 4"):
        VisionConfig(image=30, patch=2, stem=(8,))


def test_pixels_are_in_the_units_that_the_encoder_knows():
    encoder = VisionEncoder(VisionConfig(image=32, stem=(8,), transformer=SMALL))
    pictures = torch.zeros(1, 2, 2, 3, dtype=torch.uint8)
    pictures[0, 0, 1] = torch.tensor([255, 0, 51])
    pixels = encoder.normalise(pictures)
    assert pixels.shape == (1, 3, 2, 2)
    torch.testing.assert_close(pixels[0, :, 0, 1], torch.tensor([1.0, -1.0, -0.6]))
    assert (pixels[0, :, 1] == -1).all()
    assert pixels.is_contiguous(memory_format=torch.channels_last), "as they came: convolutions are faster so"


def test_clips_pixels_are_those_of_its_preprocessor():
    """Pixels around 0.5 for every encoder let CLIP's see paler pictures than it has learned from."""
    encoder = clip.vision_from_transformers(tiny.clip_vision())
    pictures = torch.randint(0, 256, (2, 12, 12, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    as_it_is = CLIPImageProcessor(do_resize=False, do_center_crop=False)
    theirs = as_it_is(list(pictures.numpy()), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(encoder.normalise(pictures), theirs, atol=1e-5, rtol=0)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
@settings(deadline=None, max_examples=20)
def test_unpatchify_undoes_patchify(grid, patch, channels):
    pixels = torch.rand(2, channels, grid * patch, grid * patch)
    patches = patchify(pixels, patch)
    assert patches.shape == (2, grid**2, channels * patch**2)
    torch.testing.assert_close(unpatchify(patches, patch), pixels, atol=0, rtol=0)


def test_patches_are_read_row_by_row():
    pixels = torch.arange(2 * 6 * 6).view(1, 2, 6, 6).float()
    for row in range(3):
        for column in range(3):
            square = pixels[0, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            assert torch.equal(patchify(pixels, 2)[0, 3 * row + column], square.flatten())


def test_a_patch_embedding_is_a_matrix_product_with_patches():
    encoder = clip.vision_from_transformers(tiny.clip_vision())
    pixels, weight = tiny.pixels(2), encoder.patch_embedding.weight
    tiny.agree(patchify(pixels, 4) @ weight.flatten(1).T, encoder.patch_embedding(pixels).flatten(2).transpose(1, 2))
