"""Scenes as pictures of any size, painted or opened."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from vlmcore.batches.painting import Pictures
from vlmcore.models.vision import VisionConfig, VisionEncoder
from vlmcore.scenes.camera import photograph


@pytest.mark.parametrize("size", [32, 64, 96, 128])
def test_a_picture_size_of_any_kind_is_painted(world, size):
    scene = world.scene(Random(0))
    picture = Pictures(world, size).picture(scene)
    assert picture.shape == (size, size, 3)
    if size == 32:
        large = world.paint(scene).astype(float)
        assert np.abs(large.reshape(32, 2, 32, 2, 3).mean((1, 3)) - picture).mean() < 8
    elif size != 96:
        assert np.array_equal(picture, world.paint(scene, size // 64))


def test_pictures_are_bytes_as_they_were_painted(world, tmp_path):
    scene = world.scene(Random(0))
    Image.fromarray(world.paint(scene)).save(tmp_path / "picture.png")
    painted, opened = Pictures(world, 64)([scene, replace(scene, file=str(tmp_path / "picture.png"))])
    assert painted.dtype == torch.uint8 and torch.equal(painted, opened)
    assert np.array_equal(painted.numpy(), world.paint(scene))


# -- through the camera ------------------------------------------------------------------------------------------------


def test_photographs_are_the_cameras_and_hang_on_their_seed(world):
    scenes = [world.scene(Random(n)) for n in range(8)]
    pictures = Pictures(world, 64)
    first, again, other = (pictures.photographs(scenes, seed) for seed in ((1, 2), (1, 2), (2, 1)))
    assert first.dtype == torch.uint8 and first.shape == (8, 64, 64, 3)
    assert torch.equal(first, again) and not torch.equal(first, other)
    random = np.random.default_rng((1, 2))
    expected = np.stack([photograph(picture.numpy(), random) for picture in pictures(scenes)])
    assert np.array_equal(first.numpy(), expected)


def test_without_effects_a_photograph_is_the_painting(world):
    scenes = [world.scene(Random(n)) for n in range(20)]
    pictures = Pictures(world, 64)
    assert torch.equal(pictures.photographs(scenes, (0, 0), {}), pictures(scenes))
    darker = {"dark": (1.0, lambda picture, random: picture // 2)}
    halved = (pictures.photographs(scenes, (0, 0), darker) == pictures(scenes) // 2).flatten(1).all(1)
    assert 0 < int((~halved).sum()) < 8  # one in ten comes as it is


def test_files_go_through_the_camera_too(world, tmp_path):
    scene = world.scene(Random(0))
    Image.fromarray(world.paint(scene)).save(tmp_path / "picture.png")
    opened = replace(scene, file=str(tmp_path / "picture.png"))
    pictures = Pictures(world, 64)
    assert torch.equal(pictures.photographs([scene], (3, 0)), pictures.photographs([opened], (3, 0)))


def test_our_own_encoder_takes_bytes_to_the_bit_as_it_was_trained():
    """From −1 to 1; another encoder's mean and deviation give other pixels."""
    pictures = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).expand(1, 16, 16, 3)
    own, other = VisionConfig(), VisionConfig(mean=(0.4, 0.5, 0.6), deviation=(0.5, 0.25, 0.5))
    exact = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    assert torch.equal(VisionEncoder(own).normalise(pictures), exact)
    pixels = VisionEncoder(other).normalise(pictures)
    for colour, (mean, deviation) in enumerate(zip(other.mean, other.deviation)):
        expected = (pictures[..., colour].float() / 255 - mean) / deviation
        torch.testing.assert_close(pixels[:, colour], expected, atol=1e-5, rtol=0)
