"""Lesson 04's light does what Pillow's does."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from vlmcore.exercises.lesson04 import relight
from vlmcore.scenes.camera import GREY

PILLOW = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)  # in the order of relight's factors


@pytest.mark.parametrize("factor", (0.0, 0.5, 1.0, 1.4))
@pytest.mark.parametrize("which", range(3))
def test_one_factor_at_a_time_as_pillow_has_it(which, factor):
    picture = np.random.default_rng(which).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    factors = [1.0, 1.0, 1.0]
    factors[which] = factor
    theirs = np.asarray(PILLOW[which](Image.fromarray(picture)).enhance(factor), dtype=float)
    assert np.abs(relight(picture, *factors) - theirs).max() < 2  # Pillow rounds its greys to whole numbers


def test_the_order_of_the_changes_is_all_one_where_nothing_is_cut():
    picture = np.random.default_rng(0).integers(80, 150, (24, 24, 3), dtype=np.uint8)
    brightness, contrast, saturation = 0.9, 1.2, 0.7
    pixels = brightness * picture.astype(float)  # the other way round: brightness, contrast, saturation
    middle = (pixels @ GREY).mean()
    pixels = middle + contrast * (pixels - middle)
    grey = (pixels @ GREY)[..., None]
    np.testing.assert_allclose(
        relight(picture, brightness, contrast, saturation), grey + saturation * (pixels - grey), atol=1e-3
    )
