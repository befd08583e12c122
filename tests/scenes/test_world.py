"""The world keeps its promises: same seed same bytes, nothing held out is ever shown, boxes and pixels agree."""

import os
import subprocess
import sys
from collections import Counter
from itertools import combinations
from random import Random

import numpy as np
import pytest
from PIL import Image

from vlmcore.errors import VlmError
from vlmcore.scenes.artwork import artwork
from vlmcore.scenes.backgrounds import PLACES, background
from vlmcore.scenes.objects import load_objects
from vlmcore.scenes.scene import SIZE, Scene, any_held_out_pair, held_out_pair, visible_share
from vlmcore.scenes.world import World

WORLD = World()
KINDS = ("scatter", "hidden", "sum", "unusual", "shape")
HELD_OUT = {item.name for item in load_objects().values() if item.unusual == "held_out"}


def scenes(count: int, seed: int, kind: str | None = None, evaluate: bool = False) -> list[Scene]:
    random = Random(seed)
    return [WORLD.scene(random, kind, evaluate) for _ in range(count)]


def names(scene: Scene) -> set[str]:
    return {thing.name for thing in scene.things} - {"plus"}


@pytest.fixture(scope="module")
def training() -> list[Scene]:
    return scenes(20_000, seed=0)


@pytest.fixture(scope="module")
def laid_out() -> list[Scene]:
    return scenes(3000, seed=1) + scenes(1000, seed=2, kind="hidden") + scenes(1000, seed=3, evaluate=True)


# -- the same seed ---------------------------------------------------------------------------------------------------

HASH = """
import hashlib
from random import Random
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.mix import conversations
from vlmcore.scenes.word_map import word_map
from vlmcore.scenes.world import World

world, random, seen = World(), Random(7), hashlib.sha256()
questions = QuestionGenerator(world)
for number in range(150):
    scene = world.scene(random, evaluate=number % 3 == 0)
    seen.update(repr(scene).encode() + world.paint(scene, 1 + number % 2).tobytes())
    seen.update(repr((word_map(scene), conversations(questions, scene, random, 4))).encode())
print(seen.hexdigest())
"""


def test_same_seed_gives_the_same_bytes_in_every_process():
    def run(hash_seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        return subprocess.run([sys.executable, "-c", HASH], env=environment, capture_output=True, check=True).stdout

    assert run("1") == run("2") != b""


def test_another_seed_gives_other_scenes():
    assert scenes(5, seed=0) == scenes(5, seed=0) != scenes(5, seed=1)


# -- what is held out ------------------------------------------------------------------------------------------------


def test_training_never_shows_a_held_out_pair_and_shows_all_others(training):
    seen = {pair for scene in training for pair in combinations(sorted({*names(scene), scene.place}), 2)}
    assert [pair for pair in seen if held_out_pair(*pair)] == []
    allowed = {tuple(sorted((n, p))) for n in WORLD.names for p in PLACES if not held_out_pair(n, p)}
    assert allowed <= seen


@pytest.mark.parametrize("kind", [None, *KINDS, "unusual new"])
def test_evaluation_always_shows_a_held_out_pair(kind):
    for scene in scenes(300, seed=4, kind=kind, evaluate=True):
        pairs = combinations(sorted({*names(scene), scene.place}), 2)
        assert any(held_out_pair(*pair) for pair in pairs)
        assert any_held_out_pair(scene)


def test_unusual_scenes_of_training_show_no_object_known_from_text_alone(training):
    unusual = [scene for scene in training if scene.kind == "unusual"]
    assert len(unusual) > 2000
    assert set().union(*map(names, unusual)) == set(WORLD.names) - HELD_OUT


@pytest.mark.parametrize("evaluate", [False, True])
def test_unusual_new_scenes_show_those_alone(evaluate):
    new = scenes(1000, seed=5, kind="unusual new", evaluate=evaluate)
    assert set().union(*map(names, new)) == HELD_OUT
    assert all(scene.odd for scene in new)


def test_the_place_does_not_tell_where_held_out_objects_belong(training):
    """Away from "unusual" scenes, which hold none of them, their home is a background like any other."""
    at_home, expected = Counter(), Counter()
    for scene in training:
        if scene.kind != "unusual":
            for name in names(scene):
                group, home = name in HELD_OUT, WORLD.objects[name].found
                at_home[group] += scene.place == home
                allowed = [place for place in PLACES if not held_out_pair(name, place)]
                expected[group] += (home in allowed) / len(allowed)
    assert expected[True] > 500
    assert at_home[True] / expected[True] == pytest.approx(1, abs=0.12)
    assert at_home[True] / expected[True] == pytest.approx(at_home[False] / expected[False], abs=0.12)


def test_what_is_odd_is_the_one_thing_away_from_home(laid_out):
    unusual = [scene for scene in laid_out if scene.kind == "unusual"]
    assert {scene.odd is None for scene in unusual} == {True, False}
    for scene in unusual:
        away = [thing.name for thing in scene.things if WORLD.objects[thing.name].found != scene.place]
        assert away == ([scene.odd] if scene.odd else [])


# -- where things are ------------------------------------------------------------------------------------------------


def test_boxes_lie_in_the_picture_and_are_the_visible_part_of_the_artwork(laid_out):
    for thing in (thing for scene in laid_out for thing in scene.things):
        x0, y0, x1, y1 = thing.box
        left, top, size = thing.sprite
        assert 0 <= x0 < x1 <= SIZE and 0 <= y0 < y1 <= SIZE
        assert {*range(x0, x1)} == {*range(left, left + size)} & {*range(SIZE)}
        assert {*range(y0, y1)} == {*range(top, top + size)} & {*range(SIZE)}


def test_centres_lie_in_their_third_and_in_cells_of_their_own(laid_out):
    checked = 0
    for scene in laid_out:
        if scene.kind != "shape":
            centres = [thing.centre for thing in scene.things]
            thirds = [int(y * 3 / SIZE) * 3 + int(x * 3 / SIZE) for x, y in centres]
            assert thirds == [thing.slot for thing in scene.things]
            assert len({(int(x * 4 / SIZE), int(y * 4 / SIZE)) for x, y in centres}) == len(scene.things)
            checked += 1
    assert checked > 4000


def test_hidden_scenes_hide_something():
    shares = [visible_share(scene, i) for scene in scenes(300, 6, "hidden") for i in range(len(scene.things))]
    assert np.mean(np.array(shares) < 0.9) > 0.3


# -- painting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 3])
def test_painted_pixels_differ_from_the_background_inside_boxes_only(laid_out, scale):
    for scene in laid_out[:100]:
        picture = WORLD.paint(scene, scale)
        assert picture.shape == (SIZE * scale, SIZE * scale, 3) and picture.dtype == np.uint8
        changed = (picture != background(scene.place, scene.texture, SIZE * scale)).any(-1)
        for thing in scene.things:
            x0, y0, x1, y1 = (value * scale for value in thing.box)
            assert changed[y0:y1, x0:x1].any()
        for thing in scene.things:
            x0, y0, x1, y1 = (value * scale for value in thing.box)
            changed[y0:y1, x0:x1] = False
        assert not changed.any()


def test_painting_agrees_with_pillow(laid_out):
    """Artwork scaled, mirrored and laid over the background in order, as Pillow does it; off by rounding alone."""
    for scene in laid_out[:150]:
        canvas = Image.fromarray(background(scene.place, scene.texture, SIZE)).convert("RGBA")
        for thing in scene.things:
            left, top, size = thing.sprite
            image = artwork(WORLD.pictures[thing.name]).resize((size, size), Image.Resampling.LANCZOS)
            if thing.flipped:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            layer = Image.new("RGBA", canvas.size)
            layer.paste(image, (left, top))
            canvas = Image.alpha_composite(canvas, layer)
        expected = np.asarray(canvas.convert("RGB")).astype(int)
        assert np.abs(WORLD.paint(scene) - expected).max() <= 1 + len(scene.things)


def test_the_background_is_not_painted_over():
    scene = scenes(1, seed=8)[0]
    before = background(scene.place, scene.texture, SIZE).copy()
    WORLD.paint(scene)
    assert (background(scene.place, scene.texture, SIZE) == before).all()
    with pytest.raises(ValueError, match="read-only"):
        background(scene.place, scene.texture, SIZE)[0] = 0


def test_half_of_the_things_are_mirrored_and_a_plus_never_is(laid_out):
    flipped = Counter(thing.flipped for scene in laid_out for thing in scene.things if thing.name != "plus")
    assert flipped[True] / flipped.total() == pytest.approx(0.5, abs=0.05)
    assert not any(thing.flipped for scene in laid_out for thing in scene.named("plus"))


def test_shapes_are_made_of_one_thing(laid_out):
    for scene in laid_out:
        assert (scene.kind == "shape") == (scene.shape is not None)
        if scene.shape:
            assert len(names(scene)) == 1 and len(scene.things) > 9
            assert len({thing.flipped for thing in scene.things}) == 1


def test_few_objects_still_make_scenes_and_too_few_say_so():
    random = Random(0)
    few = World(17)  # one of them is held out
    scenes = [few.scene(random, "unusual new", evaluate=True) for _ in range(40)]
    assert {scene.odd for scene in scenes} == {name for name in few.names if few.held_out(name)}
    with pytest.raises(VlmError, match="at least 17"):
        World(16).scene(random, "unusual new", evaluate=True)
