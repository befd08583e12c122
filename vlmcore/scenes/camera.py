"""Light and camera: what happens to a scene between the world and the pixels, in training and not in the benchmark.

Design choices:
- a scene painted by a simulator always has the same light, no noise and sharp edges; a model that has seen nothing else
  fails as soon as a picture is a quarter darker. So most training pictures go through this camera;
- each effect is one function and stands in EFFECTS with how often it happens: leave one out and see what it was for;
- nothing here moves a thing, so boxes stay true; turning, cutting and size are the world's own (placing.py).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageFilter

Effect = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # picture uint8 (S, S, 3) → the same

# The weights of red, green and blue in what the eye takes for brightness (ITU-R BT.601).
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# The plane of colours, across grey: turning it turns every hue (the chroma axes I and Q of YIQ, and the way back).
CHROMA = np.array([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], dtype=np.float32)
BACK = np.array([[0.956, 0.621], [-0.272, -0.647], [-1.106, 1.703]], dtype=np.float32)


def light(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Brightness 0.5 to 1.3, contrast 0.25 to 1.4, saturation 0.2 to 1.8, hues turned up to 20°, each colour ±10 %."""
    brightness, contrast, saturation = random.uniform(0.5, 1.3), random.uniform(0.25, 1.4), random.uniform(0.2, 1.8)
    turn = np.radians(random.uniform(-20, 20))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], dtype=np.float32)
    colours = np.ones((3, 1), dtype=np.float32) * GREY + saturation * BACK @ turned @ CHROMA  # (3, 3)
    colours *= random.uniform(0.9, 1.1, (3, 1)).astype(np.float32) * brightness * contrast  # the colour of the light
    pixels = picture.reshape(-1, 3).astype(np.float32)
    middle = brightness * (pixels @ GREY).mean() * (1 - contrast)  # contrast is around the picture's own grey
    return (pixels @ colours.T + middle).clip(0, 255).astype(np.uint8).reshape(picture.shape)


def resolution(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Taken with 32 to 60 pixels a side and enlarged again."""
    size, image = picture.shape[0], Image.fromarray(picture)
    fewer = round(size * random.uniform(0.5, 0.95))
    way = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX)[random.integers(3)]
    return np.asarray(image.resize((fewer, fewer), way).resize((size, size), Image.Resampling.BILINEAR))


def blur(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Out of focus by 0.3 to 1.2 pixels."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2))))


def noise(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Sensor noise of 2 to 20 levels of 255."""
    grains = random.standard_normal(picture.shape, dtype=np.float32) * np.float32(random.uniform(2, 20))
    return (picture + grains).clip(0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Stored as JPEG of quality 30 to 90."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=int(random.integers(30, 91)))
    return np.asarray(Image.open(file))


EFFECTS: dict[str, tuple[float, Effect]] = {  # how often, and what; in the order in which they happen
    "light": (0.8, light),
    "resolution": (0.15, resolution),
    "blur": (0.2, blur),
    "noise": (0.35, noise),
    "jpeg": (0.15, jpeg),
}


def photograph(
    picture: np.ndarray, random: np.random.Generator, effects: Mapping[str, tuple[float, Effect]] = EFFECTS
) -> np.ndarray:
    """A picture, uint8 (S, S, 3), as a camera might have taken it; one in ten comes as it is."""
    if random.random() < 0.1:
        return picture
    for often, effect in effects.values():
        if random.random() < often:
            picture = effect(picture, random)
    return picture
