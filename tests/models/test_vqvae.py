"""CogView's VQ-VAE: its published shape, codes there and back, what learns from what."""

import pytest
import torch
from torch import nn

from vlmcore.models.vector_quantiser import QuantiserConfig
from vlmcore.models.vqvae import VQVAE, VQVAEConfig, to_pictures, to_pixels

SMALL = VQVAEConfig(image=16, channels=8, quantiser=QuantiserConfig(codes=12, width=4))


def pictures(count: int = 2, side: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, side, side, 3), generator=generator, dtype=torch.uint8)


@pytest.fixture
def model() -> VQVAE:
    """Its codes begin as vectors of pictures: else one of them is nearest to all."""
    torch.manual_seed(0)
    model = VQVAE(SMALL).eval()
    model.quantiser.begin(model.vectors(to_pixels(pictures(8, seed=1))))
    return model


def test_it_has_the_published_shape():
    """Three convolutions of 4 × 4 pixels that halve, a 1 × 1 to the codes' width, and back; no residual blocks."""
    model = VQVAE(VQVAEConfig())
    down = [layer for layer in model.encoder if not isinstance(layer, nn.ReLU)]
    up = [layer for layer in model.decoder if not isinstance(layer, nn.ReLU)]
    told = [(layer.kernel_size[0], layer.stride[0], layer.out_channels) for layer in down]
    assert told == [(4, 2, 64)] * 3 + [(1, 1, 32)]
    assert [(layer.kernel_size[0], layer.stride[0]) for layer in up] == [(4, 2)] * 3 + [(1, 1)]
    assert [type(layer) for layer in up] == [nn.ConvTranspose2d] * 3 + [nn.Conv2d]
    assert up[-1] is model.decoder[-1]  # no ReLU behind it: pixels may be dark


def test_codes_there_and_back(model):
    shown = pictures()
    codes = model.encode(shown)
    assert codes.shape == (2, 4) and codes.dtype == torch.int64 and len(codes.unique()) > 1
    vectors = model.vectors(to_pixels(shown)).reshape(8, 4)
    nearest = [int((model.quantiser.codebook - vector).square().sum(1).argmin()) for vector in vectors]
    assert codes.flatten().tolist() == nearest  # row by row
    back = model.decode(codes)
    assert back.shape == shown.shape and back.dtype == torch.uint8
    told, chosen, _ = model(to_pixels(shown))
    assert torch.equal(chosen.flatten(1), codes)
    torch.testing.assert_close(back.int(), to_pictures(told).int(), atol=1, rtol=0)


def test_each_place_has_its_own_code(model):
    """What changes far away in a picture changes no code here."""
    shown = pictures()
    other = shown.clone()
    other[:, 15:, 15:] = 255 - other[:, 15:, 15:]
    moved = (model.vectors(to_pixels(shown)) - model.vectors(to_pixels(other))).abs().amax((0, 3))
    assert moved[0, 0] == 0 and moved[1, 1] > 0


def test_both_halves_learn_from_the_picture(model):
    """The encoder through the codes; the codebook only moves with what chose it."""
    model.train()
    told, _, commitment = model(to_pixels(pictures()))
    before = model.quantiser.codebook.clone()
    (told - to_pixels(pictures())).square().mean().backward()
    assert all(weight.grad is not None and bool(weight.grad.any()) for weight in model.parameters())
    assert torch.equal(model.quantiser.codebook, before) and commitment > 0


def test_pixels_there_and_back():
    shown = pictures()
    pixels = to_pixels(shown)
    assert pixels.shape == (2, 3, 16, 16) and float(pixels.min()) >= -1 and float(pixels.max()) <= 1
    assert torch.equal(to_pictures(pixels), shown)
    bright = torch.full((1, 3, 2, 2), 1.7)
    assert to_pictures(bright).unique().tolist() == [255] and to_pictures(-bright).unique().tolist() == [0]


def test_what_a_picture_costs():
    assert VQVAEConfig(quantiser=QuantiserConfig(codes=65_536)).bits_per_pixel == 0.25
    assert SMALL.grid == 2 and VQVAEConfig().grid == 8
    with pytest.raises(AssertionError, match="60 pixels"):
        VQVAEConfig(image=60)
