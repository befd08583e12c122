"""DALL·E's dVAE: the encoder against transformers' FlavaImageCodebook with copied weights, codes there and back."""

import re

import pytest
import torch
from transformers import FlavaImageCodebook, FlavaImageCodebookConfig

from vlmcore.models.dvae import DVAE, DVAEConfig, DVAEEncoder, squeeze, stretch

SMALL = DVAEConfig(image=32, codes=20, width=8, code_width=6, blocks=2)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(count: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (count, 32, 32, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def ours(name: str) -> str:
    """What we call a weight of theirs."""
    name = name.replace("blocks.input.", "first.").replace("blocks.output.conv.", "last.")
    name = re.sub(
        r"blocks\.group_(\d)\.group\.block_(\d)\.", lambda m: f"groups.{int(m[1]) - 1}.{int(m[2]) - 1}.", name
    )
    name = re.sub(r"res_path\.path\.conv_(\d)\.", lambda m: f"convolutions.{int(m[1]) - 1}.", name)
    return name.replace("id_path.", "skip.")


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_encoder_is_dall_es(blocks):
    torch.manual_seed(0)
    theirs = FlavaImageCodebook(
        FlavaImageCodebookConfig(num_blocks_per_group=blocks, hidden_size=8, vocab_size=20, freeze=True)
    )
    with torch.no_grad():  # as they begin, all that happens is too small to compare
        for number, weight in enumerate(theirs.parameters()):
            weight.copy_(random(*weight.shape, seed=number) * (0.3 if weight.ndim > 1 else 0.1))
    encoder = DVAEEncoder(DVAEConfig(image=32, codes=20, width=8, blocks=blocks))
    encoder.load_state_dict({ours(name): weight for name, weight in theirs.state_dict().items()})
    pixels = random(2, 3, 32, 32).sigmoid()
    with torch.no_grad():
        expected = theirs(pixels)
        torch.testing.assert_close(encoder(pixels), expected, atol=1e-4, rtol=1e-5)
        assert expected.std() > 0.1 and len(expected.argmax(1).unique()) > 1


def test_the_decoder_has_the_published_shape():
    """Kernels 1, 3, 3, 3; a small change in each block; six numbers a pixel."""
    decoder = DVAE(SMALL).decoder
    assert decoder.codebook.weight.shape == (6, 20, 1, 1)  # a code's vector is a column of it
    kernels = [[c.kernel_size[0] for c in block.convolutions] for group in decoder.groups for block in group]
    assert kernels == [[1, 3, 3, 3]] * 8 and {block.gain for group in decoder.groups for block in group} == {1 / 64}
    assert decoder(random(2, 20, 4, 4)).shape == (2, 6, 32, 32)


def test_codes_there_and_back():
    torch.manual_seed(0)
    model = DVAE(SMALL)
    codes = model.encode(pictures())
    assert codes.shape == (2, SMALL.grid**2) == (2, 16) and codes.max() < 20
    back = model.decode(codes)
    assert back.shape == (2, 32, 32, 3) and back.dtype == torch.uint8
    one_hot = torch.zeros(2, 20, 4, 4)
    for b in range(2):
        for place, code in enumerate(codes[b].tolist()):
            one_hot[b, code, place // 4, place % 4] = 1
    assert torch.equal(back, stretch(model.decoder(one_hot)))


def test_a_low_temperature_is_nearly_one_code():
    torch.manual_seed(0)
    model = DVAE(SMALL)
    seen = []
    model.decoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for temperature in (1 / 16, 4.0):
        said, logits = model(squeeze(pictures()), temperature)
        assert said.shape == (2, 6, 32, 32) and logits.shape == (2, 20, 4, 4)
    sharp, soft = seen
    torch.testing.assert_close(sharp.sum(1), torch.ones(2, 4, 4))
    assert sharp.max(1).values.mean() > 0.9 > 0.3 > soft.max(1).values.mean()
    said.mean().backward()  # gradients reach the encoder through the mixture
    assert model.encoder.first.weight.grad.abs().sum() > 0


def test_squeezed_pixels_come_back():
    told = torch.cat([torch.logit(squeeze(pictures())), torch.zeros(2, 3, 32, 32)], dim=1)
    assert torch.equal(stretch(told), pictures())
    assert squeeze(pictures()).min() >= 0.1 - 1e-6 and squeeze(pictures()).max() <= 0.9 + 1e-6
    beyond = stretch(torch.full((1, 6, 4, 4), 50.0))
    assert (beyond == 255).all()  # a mean past the margin is white, and no overflow


def test_bits_per_pixel():
    assert DVAEConfig(image=64, codes=8192).bits_per_pixel == pytest.approx(64 * 13 / 4096)
    assert DVAEConfig(image=256, codes=8192, groups=4).grid == 32  # the published size


@pytest.mark.parametrize("values", [{"image": 60}, {"width": 6}], ids=str)
def test_impossible_sizes_are_told_of(values):
    with pytest.raises(AssertionError, match=r"halved|multiple of 4"):
        DVAEConfig(**values)
