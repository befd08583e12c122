"""Corruptions: ImageNet-C's families of damage (Hendrycks & Dietterich 2019), for pictures of 64 pixels.

Design choices:
- written anew with NumPy and Pillow (filters.py), after the authors' script for Tiny ImageNet and with its parameters
  (github.com/hendrycks/robustness, make_tinyimagenet_c.py): the tests compare the statistics of both;
- the parameters count pixels of a picture 64 pixels a side: larger pictures are taken, but damaged less;
- what is odd in the script is kept, since it is in the published figures: glass blur copies neighbours where it meant
  to swap them; a saturated grey turns red, for its hue is stored as 0. But whole levels are rounded to, not cut to;
- frost is missing: it needs the authors' photographs of frost. Nor is anything stored as JPEG of quality 85 at the end,
  as the published pictures are;
- inside, pictures are floats from 0 to 1; each function takes and gives uint8 (S, S, 3), and draws all chance from
  ``random``.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from vlmcore.errors import VlmError
from vlmcore.evaluation.filters import (
    bell,
    boxed,
    distances,
    enlarged,
    equalised,
    filtered,
    levels,
    outlines,
    plasma,
    sample,
    smooth,
    streaked,
)
from vlmcore.scenes.camera import GREY

Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]  # (picture, severity, random) → picture

SEVERITIES = (1, 2, 3, 4, 5)
PARAMETERS: dict[str, tuple] = {  # the published values, one for each severity
    "gaussian_noise": (0.04, 0.08, 0.12, 0.15, 0.18),  # standard deviation
    "shot_noise": (250, 100, 50, 30, 15),  # photons that make white
    "impulse_noise": (0.01, 0.02, 0.05, 0.08, 0.14),  # share of values hit
    "speckle_noise": (0.15, 0.2, 0.25, 0.3, 0.35),  # standard deviation, as a share of the value
    "defocus_blur": ((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),  # the disc's radius, its soft rim
    "glass_blur": ((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),  # sigma, farthest move, rounds
    "motion_blur": ((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),  # radius, sigma
    "zoom_blur": (1.06, 1.11, 1.16, 1.21, 1.26),  # the largest zoom, approached in steps of 0.01
    "gaussian_blur": (0.5, 0.75, 1, 1.25, 1.5),  # sigma
    "snow": (  # the flakes' mean, deviation, size, threshold, streak's radius and sigma; what is left of the picture
        (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
    ),
    "fog": ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),  # thickness, how much smoother small clouds are
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),  # added to the value in HSV
    "spatter": (  # the drops' mean, deviation, sigma, threshold; opacity of water or the rim's sigma of mud; is it mud?
        (0.62, 0.1, 0.7, 0.7, 0.6, False),
        (0.65, 0.1, 0.8, 0.7, 0.6, False),
        (0.65, 0.3, 1, 0.69, 0.6, False),
        (0.65, 0.1, 0.7, 0.68, 0.6, True),
        (0.65, 0.1, 0.5, 0.67, 0.6, True),
    ),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),  # what is left of it
    "elastic": ((0, 0, 0.08), (0.05, 0.3, 0.06), (0.1, 0.08, 0.06), (0.1, 0.03, 0.03), (0.16, 0.03, 0.02)),
    # shares of the side: how far pixels move, sigma of that motion, how far the whole is skewed
    "pixelate": (0.9, 0.8, 0.7, 0.6, 0.5),  # pixels left a side, as a share
    "jpeg": (65, 58, 50, 40, 25),  # quality
    "saturate": ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)),  # factor, and what is added to the saturation
}
WATER = np.array([175, 238, 238]) / 255  # pale turquoise
MUD = np.array([63, 42, 20]) / 255
EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])  # light from one corner


# Noise


def gaussian_noise(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Each value moves by itself: a sensor in poor light."""
    deviation = PARAMETERS["gaussian_noise"][severity - 1]
    return levels(picture / 255 + random.normal(0, deviation, picture.shape))


def shot_noise(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Light comes in single photons (Poisson): fewer of them, rougher values."""
    photons = PARAMETERS["shot_noise"][severity - 1]
    return levels(random.poisson(picture / 255 * photons) / photons)


def impulse_noise(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Salt and pepper: some values, each colour by itself, are lost to 0 or 255."""
    hit = random.random(picture.shape) < PARAMETERS["impulse_noise"][severity - 1]
    return levels(np.where(hit, random.integers(0, 2, picture.shape), picture / 255))


def speckle_noise(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Noise that grows with the value."""
    deviation = PARAMETERS["speckle_noise"][severity - 1]
    return levels(picture / 255 * (1 + random.normal(0, deviation, picture.shape)))


# Blur


def defocus_blur(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Out of focus: each point becomes a disc, its rim softened a little."""
    radius, rim = PARAMETERS["defocus_blur"][severity - 1]
    y, x = np.mgrid[-4:5, -4:5]
    disc = (y**2 + x**2 <= radius**2).astype(float)
    soft = bell(np.arange(-1, 2), rim)
    return levels(filtered(picture / 255, filtered(disc / disc.sum(), np.outer(soft, soft))))


def glass_blur(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Through frosted glass: each pixel, from the last to the first, takes a near one's colour; soft before and after.

    Where pixels move farther than one, they may take what has moved already: hence a loop, over places and not colours.
    """
    sigma, farthest, rounds = PARAMETERS["glass_blur"][severity - 1]
    size = len(picture)
    inner = np.arange(size - farthest, farthest, -1)
    here = inner[:, None] * size + inner
    source = list(range(size * size))
    for _ in range(rounds):
        down, right = random.integers(-farthest, farthest, (2, *here.shape))
        for place, near in zip(here.ravel().tolist(), (here + down * size + right).ravel().tolist()):
            source[place] = source[near]
    moved = smooth(picture / 255, sigma).reshape(-1, 3)[source].reshape(picture.shape)
    return levels(smooth(moved, sigma))


def motion_blur(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """The camera moves, up to 45° from the horizontal."""
    radius, sigma = PARAMETERS["motion_blur"][severity - 1]
    return levels(streaked(picture / 255, radius, sigma, random.uniform(-45, 45)))


def zoom_blur(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """The camera moves towards the scene: the mean over many zooms, the clean picture among them twice."""
    clean = picture / 255
    zooms = np.arange(1, PARAMETERS["zoom_blur"][severity - 1], 0.01)
    return levels((clean + sum(enlarged(clean, zoom) for zoom in zooms)) / (len(zooms) + 1))


def gaussian_blur(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Softened evenly."""
    return levels(smooth(picture / 255, PARAMETERS["gaussian_blur"][severity - 1]))


# Weather


def snow(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """A whitened picture under flakes that fall as streaks, in two layers: one and the same, turned by half."""
    mean, deviation, size, threshold, radius, sigma, left = PARAMETERS["snow"][severity - 1]
    flakes = enlarged(random.normal(mean, deviation, picture.shape[:2]), size)
    flakes = np.where(flakes < threshold, 0, flakes).clip(0, 1)
    flakes = streaked(flakes, radius, sigma, random.uniform(-135, -45))[..., None]
    clean = picture / 255
    white = np.maximum(clean, (clean @ GREY)[..., None] * 1.5 + 0.5)
    return levels(left * clean + (1 - left) * white + flakes + flakes[::-1, ::-1])


def fog(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Clouds are added, and the whole is darkened until its lightest value could not have risen."""
    thickness, smoothness = PARAMETERS["fog"][severity - 1]
    size, clean = len(picture), picture / 255
    clouds = plasma(1 << (size - 1).bit_length(), smoothness, random)[:size, :size, None]
    return levels((clean + thickness * clouds) * clean.max() / (clean.max() + thickness))


def brightness(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Value added in HSV, that is to the strongest of the three colours; hue and saturation stay."""
    clean = picture / 255
    value = clean.max(-1, keepdims=True)
    lighter = (value + PARAMETERS["brightness"][severity - 1]).clip(0, 1)
    return levels(np.where(value > 0, clean / np.where(value > 0, value, 1), 1) * lighter)  # black turns grey


def spatter(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Drops on the lens: of water, which adds light where its surface is embossed, or from severity 4 of mud."""
    mean, deviation, sigma, threshold, share, is_mud = PARAMETERS["spatter"][severity - 1]
    clean = picture / 255
    drops = smooth(random.normal(mean, deviation, picture.shape[:2]), sigma)
    if is_mud:
        cover = smooth((drops > threshold).astype(float), share)[..., None]
        cover = np.where(cover < 0.8, 0, cover)
        return levels(clean * (1 - cover) + MUD * cover)
    drops = levels(np.where(drops < threshold, 0, drops)).astype(float)
    depth = equalised(boxed(np.minimum(distances(outlines(drops)), 20)).astype(np.uint8))
    shine = drops * boxed(filtered(depth, EMBOSS).clip(0, 255)).round()
    return levels(clean + WATER * (share * shine / max(shine.max(), 1))[..., None])


# Digital


def contrast(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Each colour is drawn towards its mean."""
    clean = picture / 255
    mean = clean.mean((0, 1))
    return levels((clean - mean) * PARAMETERS["contrast"][severity - 1] + mean)


def elastic(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Skewed as a whole, by three points that move at random; then each place is pulled somewhere, near ones alike.

    As published, the skew shrinks with severity while the ripples grow: pixels change less, shapes more.
    """
    strength, sigma, skew = (share * len(picture) for share in PARAMETERS["elastic"][severity - 1])
    middle, arm = len(picture) // 2, len(picture) // 3
    before = middle + arm * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + random.uniform(-skew, skew, before.shape)
    back = np.linalg.solve(np.c_[after, np.ones(3)], before)  # (y, x, 1) @ back: where the colour comes from
    y, x = np.indices(picture.shape[:2])
    skewed = sample(picture / 255, *np.moveaxis(np.stack([y, x, np.ones_like(y)], -1) @ back, -1, 0))
    if not strength:
        return levels(skewed)
    down, right = (strength * smooth(random.uniform(-1, 1, y.shape), sigma) for _ in range(2))
    return levels(sample(skewed, y + down, x + right))


def pixelate(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Fewer pixels, then as many as before: both times by area."""
    size = len(picture)
    fewer = int(size * PARAMETERS["pixelate"][severity - 1])
    small = Image.fromarray(picture).resize((fewer, fewer), Image.Resampling.BOX)
    return np.array(small.resize((size, size), Image.Resampling.BOX))


def jpeg(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Stored as JPEG."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=PARAMETERS["jpeg"][severity - 1])
    return np.array(Image.open(file))


def saturate(picture: np.ndarray, severity: int, random: np.random.Generator) -> np.ndarray:
    """Paler colours at severities 1 and 2, stronger ones from 3: saturation changed in HSV, hue and value kept."""
    factor, more = PARAMETERS["saturate"][severity - 1]
    clean = picture / 255
    value = clean.max(-1, keepdims=True)
    lacks = value - clean  # saturation is the most that a colour lacks, as a share of the value
    most = lacks.max(-1, keepdims=True)
    saturation = most / np.where(value > 0, value, 1)
    hue = np.where(most > 0, lacks / np.where(most > 0, most, 1), [0, 1, 1])  # grey counts as red
    return levels(value * (1 - hue * (saturation * factor + more).clip(0, 1)))


FAMILIES: dict[str, tuple[str, ...]] = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "fog", "brightness", "spatter"),
    "digital": ("contrast", "elastic", "pixelate", "jpeg", "saturate"),
}
CORRUPTIONS: dict[str, Corruption] = {name: globals()[name] for names in FAMILIES.values() for name in names}
# Kinds that the training camera (camera.py) applies too, if with other parameters; training applies no other. Its
# "resolution" is pixelate's nearest relative, but enlarges smoothly; its noise is that of no kind but the first.
SEEN_IN_TRAINING = frozenset({"gaussian_noise", "gaussian_blur", "brightness", "contrast", "saturate", "jpeg"})


def corrupt(picture: np.ndarray, name: str, severity: int, seed: int) -> np.ndarray:
    """A picture, uint8 (S, S, 3), damaged; the same for the same arguments. Errors: VlmError for what there is not."""
    if name not in CORRUPTIONS:
        raise VlmError(f"there is no corruption {name!r}: choose one of {', '.join(CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise VlmError(f"there is no severity {severity!r}: choose one of {', '.join(map(str, SEVERITIES))}")
    if picture.dtype != np.uint8 or picture.shape != (len(picture), len(picture), 3):
        raise VlmError(f"{picture.dtype} {picture.shape} is no square picture, uint8 (S, S, 3): use pictures.to_square")
    return CORRUPTIONS[name](picture, severity, np.random.default_rng(seed))


def light(picture: np.ndarray, factor: float) -> np.ndarray:
    """The picture in other light: every value times the factor, clipped."""
    return (picture * factor).clip(0, 255).astype(np.uint8)
