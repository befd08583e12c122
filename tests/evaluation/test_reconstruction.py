"""What a tokenizer keeps, against arithmetic by hand and Pillow's own sizes."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from vlmcore.evaluation.reconstruction import file_bits, measure, perplexity, psnr, reconstruct
from vlmcore.models.dvae import DVAE, DVAEConfig
from vlmcore.models.vector_quantiser import QuantiserConfig
from vlmcore.models.vqvae import VQVAE, VQVAEConfig, to_pixels


def pictures(count: int, side: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, side, side, 3), generator=generator, dtype=torch.uint8)


def test_psnr_by_hand():
    black = torch.zeros(3, 4, 4, 3, dtype=torch.uint8)
    other = black.clone()
    other[0], other[1, 0, 0] = 255, 51  # a fifth of the range in one of sixteen pixels
    expected = [0, 10 * math.log10(25 * 16)]
    assert psnr(black, other)[:2].tolist() == pytest.approx(expected, abs=1e-4)
    assert psnr(black, other)[2] > 100  # the same picture


def test_perplexity_is_how_many_codes_evenly_used_are_as_varied():
    assert perplexity(torch.arange(8).repeat(5), 8) == pytest.approx(8)
    assert perplexity(torch.arange(8).repeat(5), 800) == pytest.approx(8)  # codes that nobody uses do not count
    assert perplexity(torch.zeros(40, dtype=torch.long), 8) == pytest.approx(1)
    assert perplexity(torch.tensor([0, 0, 0, 1]), 2) == pytest.approx(2 ** (0.75 * math.log2(4 / 3) + 0.25 * 2))


@pytest.mark.parametrize("kind", [VQVAE, DVAE])
def test_it_measures_what_the_codes_give_back(kind):
    torch.manual_seed(0)
    shown = pictures(5)
    if kind is VQVAE:
        model = VQVAE(VQVAEConfig(image=16, channels=8, quantiser=QuantiserConfig(codes=12, width=4))).eval()
        model.quantiser.begin(model.vectors(to_pixels(shown)))
    else:
        model = DVAE(DVAEConfig(image=16, codes=12, width=8)).eval()
    codes, back = reconstruct(model, shown, rows=2)  # in parts
    assert torch.equal(codes, model.encode(shown)) and torch.equal(back, model.decode(codes))
    found = measure(model, shown)
    error = ((shown.double() - back.double()) ** 2).mean((1, 2, 3))
    assert found.psnr == pytest.approx(float((10 * torch.log10(255**2 / error)).mean()), abs=1e-3)
    assert found.used == len(set(codes.flatten().tolist())) / 12
    assert 1 <= found.perplexity <= 12 * found.used + 1e-6
    assert found.bits_per_pixel == 4 * math.log2(12) / 256


@pytest.mark.parametrize(
    ("kind", "options", "exact"),
    [("png", {}, True), ("jpeg", {"quality": 50}, False), ("webp", {"quality": 50}, False)],
)
def test_what_a_file_costs(kind, options, exact):
    picture = pictures(1, 32)[0].numpy()
    bits, back = file_bits(picture, kind, **options)
    stored = io.BytesIO()
    Image.fromarray(picture).save(stored, kind, **options)
    assert bits == 8 * len(stored.getvalue()) / 32**2 and back.shape == picture.shape
    assert np.array_equal(back, picture) == exact
