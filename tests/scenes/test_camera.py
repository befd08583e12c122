"""The camera: each effect does what its name says, changes no shape, and hangs on its seed alone."""

import io
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageFilter

from vlmcore.scenes.camera import EFFECTS, blur, jpeg, light, noise, photograph, resolution
from vlmcore.scenes.world import World

WORLD = World()
PICTURES = [WORLD.paint(WORLD.scene(Random(n))) for n in range(12)]
EVEN = np.full((64, 64, 3), (100, 150, 60), dtype=np.uint8)


class Fixed:
    """Stands for chance: every draw is what it is told to be, in turn."""

    def __init__(self, *values: float) -> None:
        self.values = iter(values)

    def uniform(self, low: float, high: float, size: tuple[int, ...] | None = None) -> float | np.ndarray:
        value = next(self.values)
        assert low <= value <= high, "out of the range that is promised"
        return value if size is None else np.full(size, value)

    def integers(self, *_: int) -> int:
        return int(next(self.values))

    def random(self) -> float:
        return next(self.values)


def always(name: str) -> dict:
    return {name: (1.0, EFFECTS[name][1])}


def steps(picture: np.ndarray) -> float:
    """The mean difference between neighbours: what blurring lowers and noise raises."""
    values = picture.astype(float)
    return abs(np.diff(values, axis=0)).mean() + abs(np.diff(values, axis=1)).mean()


def fine(picture: np.ndarray) -> float:
    """The energy in the upper half of the frequencies, of each colour."""
    spectrum = abs(np.fft.fft2(picture.astype(float), axes=(0, 1))) ** 2
    frequency = abs(np.fft.fftfreq(len(picture)))
    return spectrum[np.maximum.outer(frequency, frequency) > 0.25].sum()


# -- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("size", [32, 64, 128])
def test_an_effect_gives_a_new_picture_of_the_same_kind(name, size):
    picture = np.asarray(Image.fromarray(PICTURES[0]).resize((size, size)))  # read-only
    for seed in range(20):
        after = EFFECTS[name][1](picture, np.random.default_rng(seed))
        assert after.shape == picture.shape and after.dtype == np.uint8
    assert (after != picture).any()


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_are_taken(name, level):
    flat = np.full((64, 64, 3), level, dtype=np.uint8)
    for seed in range(20):
        after = EFFECTS[name][1](flat, np.random.default_rng(seed))
        assert after.shape == flat.shape and after.dtype == np.uint8
        assert name in ("light", "noise") or np.abs(after.astype(int) - flat).max() <= (name == "jpeg")
        assert name != "light" or level or (after == 0).all()  # there is nothing to lighten


@pytest.mark.parametrize("name", EFFECTS)
def test_the_same_seed_gives_the_same_light(name):
    effect = EFFECTS[name][1]
    first, again, other = (effect(PICTURES[1], np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert (first == again).all() and (first != other).any()


def test_nothing_moves():
    """A bright square stays where it is, so that its box stays true."""
    picture = np.full((64, 64, 3), 70, dtype=np.uint8)
    picture[20:36, 8:40] = 220
    for seed in range(100):
        after = photograph(picture, np.random.default_rng(seed)).astype(float).mean(-1)
        bright = after > (after[25:31, 15:33].mean() + after[45:].mean()) / 2
        rows, columns = (np.flatnonzero(bright.mean(axis) > bright.mean(axis).max() / 2) for axis in (1, 0))
        found = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        assert np.abs(np.subtract(found, (8, 20, 40, 36))).max() <= 1


# -- what the names say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("brightness", "contrast", "saturation", "turn", "colour"),
    [(1, 1, 1, 0, 1), (0.5, 1, 1, 0, 1), (1.25, 1, 1, 0, 1), (1, 1, 1, 0, 0.9)],
)
def test_light_multiplies(brightness, contrast, saturation, turn, colour):
    for picture in PICTURES:
        after = light(picture, Fixed(brightness, contrast, saturation, turn, colour)).astype(float)
        expected = (picture * brightness * colour).clip(0, 255)
        assert np.abs(after - expected).max() <= 1.5  # to whole levels, and the chroma axes have three digits


def test_contrast_is_around_the_pictures_own_grey():
    for picture in PICTURES:
        grey = (picture @ np.array([0.299, 0.587, 0.114])).mean()
        after = light(picture, Fixed(1, 0.6, 1, 0, 1)).astype(float)
        assert np.abs(after - (grey + 0.6 * (picture - grey))).max() <= 1.5


def test_saturation_mixes_with_grey_and_turning_hues_keeps_it():
    for picture in PICTURES:
        grey = np.asarray(Image.fromarray(picture).convert("L"), dtype=float)[..., None]
        paler = light(picture, Fixed(1, 1, 0.6, 0, 1)).astype(float)
        assert np.abs(paler - (grey + 0.6 * (picture - grey))).max() <= 2
    other = light(EVEN, Fixed(1, 1, 1, 20, 1))
    assert (other != EVEN).any()
    assert Image.fromarray(other).convert("L").getpixel((0, 0)) == pytest.approx(
        Image.fromarray(EVEN).convert("L").getpixel((0, 0)), abs=1.5
    )
    back = light(other, Fixed(1, 1, 1, -20, 1))
    assert np.abs(back.astype(int) - EVEN).max() <= 3
    hues = [np.degrees(hue(picture[0, 0])) for picture in (EVEN, other)]
    assert abs(hues[0] - hues[1]) == pytest.approx(20, abs=1.5)


def hue(colour: np.ndarray) -> float:
    """The angle of a colour in the plane of YIQ, after colorsys."""
    import colorsys

    _, i, q = colorsys.rgb_to_yiq(*(colour / 255))
    return np.arctan2(q, i)


def test_blur_lowers_high_frequencies_and_is_pillows():
    random = np.random.default_rng(0)
    for picture in PICTURES:
        assert fine(blur(picture, random)) < fine(picture) and steps(blur(picture, random)) <= steps(picture)
        for radius in (0.3, 0.8, 1.2):
            theirs = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))
            assert (blur(picture, Fixed(radius)) == theirs).all()
    assert (blur(EVEN, random) == EVEN).all()


def test_resolution_lowers_high_frequencies_and_keeps_the_mean():
    for picture in PICTURES:
        for way in (0, 1, 2):
            after = resolution(picture, Fixed(0.5, way))
            assert fine(after) < 0.6 * fine(picture)
            assert after.mean((0, 1)) == pytest.approx(picture.mean((0, 1)), abs=1.5)
    assert (resolution(EVEN, np.random.default_rng(0)) == EVEN).all()


def test_noise_has_the_deviation_that_was_drawn_and_no_colour_of_its_own():
    for seed in range(10):
        off = noise(EVEN, np.random.default_rng(seed)).astype(float) - EVEN
        assert 1.8 < off.std() < 20.5 and np.abs(off.mean((0, 1)) + 0.5).max() < 0.8  # levels are cut, not rounded
        values = off.reshape(-1, 3)
        assert np.abs(np.corrcoef(values.T) - np.eye(3)).max() < 0.1  # each colour by itself
        assert abs((off[:, 1:] * off[:, :-1]).mean() - 0.25) < 0.1 * off.var()  # each pixel by itself
        assert steps(noise(PICTURES[0], np.random.default_rng(seed))) > steps(PICTURES[0])


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_jpeg_is_pillows(quality):
    for picture in PICTURES:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "jpeg", quality=quality)
        assert (jpeg(picture, Fixed(quality)) == np.asarray(Image.open(file))).all()
    worse, better = (np.abs(jpeg(PICTURES[0], Fixed(q)).astype(int) - PICTURES[0]).mean() for q in (30, 90))
    assert worse > better


# -- the camera ------------------------------------------------------------------------------------------------------


def test_each_effect_happens_as_often_as_it_says():
    happened: dict[str, int] = dict.fromkeys(EFFECTS, 0)

    def counting(name):
        def effect(picture, random):
            happened[name] += 1
            return EFFECTS[name][1](picture, random)

        return effect

    effects = {name: (often, counting(name)) for name, (often, _) in EFFECTS.items()}
    random = np.random.default_rng(0)
    as_it_is = sum(photograph(EVEN, random, effects) is EVEN for _ in range(3000))
    untouched = 0.1 + 0.9 * np.prod([1 - often for often, _ in EFFECTS.values()])
    assert as_it_is / 3000 == pytest.approx(untouched, abs=0.02)
    for name, (often, _) in EFFECTS.items():
        assert happened[name] / 3000 == pytest.approx(0.9 * often, abs=0.03)


def test_the_same_seed_gives_the_same_photograph():
    for number, picture in enumerate(PICTURES):
        first, again = (photograph(picture, np.random.default_rng((3, number))) for _ in range(2))
        assert (first == again).all()
        assert first.shape == picture.shape and first.dtype == np.uint8
    many = {photograph(PICTURES[0], np.random.default_rng(seed)).tobytes() for seed in range(60)}
    assert len(many) > 40


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_can_be_left_out_and_can_stand_alone(name):
    rest = {other: effect for other, effect in EFFECTS.items() if other != name}
    assert len(rest) == len(EFFECTS) - 1
    alone = [photograph(PICTURES[0], np.random.default_rng(seed), always(name)) for seed in range(100)]
    touched = [(picture != PICTURES[0]).any() for picture in alone]
    assert 0.8 < np.mean(touched) < 1
    without = [photograph(PICTURES[0], np.random.default_rng(seed), rest) for seed in range(30)]
    assert any((a != b).any() for a, b in zip(without, alone))


def test_without_effects_there_is_no_camera():
    assert all((photograph(picture, np.random.default_rng(0), {}) == picture).all() for picture in PICTURES)


def test_the_picture_that_is_given_stays_as_it_is():
    for picture in PICTURES:
        before = picture.copy()
        for seed in range(10):
            photograph(picture, np.random.default_rng(seed))
        assert (picture == before).all()
