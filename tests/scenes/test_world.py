"""The world keeps its promises: same seed same bytes, nothing held out is ever shown, boxes and pixels agree."""

import os
import subprocess
import sys
from collections import Counter
from itertools import combinations
from random import Random

import numpy as np
import pytest

from tests.scenes.painting import laid_over
from vlmcore.errors import VlmError
from vlmcore.scenes.artwork import ARTISTS, TRAINING_ARTISTS, UNSEEN_ARTIST, extent
from vlmcore.scenes.backgrounds import PLACES, background
from vlmcore.scenes.objects import load_objects
from vlmcore.scenes.placing import ANGLE, COVERED, CUT, SIZES, area, inside, shared
from vlmcore.scenes.position import position, settled
from vlmcore.scenes.scene import SIZE, Scene, any_held_out_pair, held_out_pair, visible_share
from vlmcore.scenes.world import NO_PLACE, SHAPES, World

WORLD = World()
KINDS = ("scatter", "hidden", "sum", "unusual", "shape")
HELD_OUT = {item.name for item in load_objects().values() if item.unusual == "held_out"}


def scenes(count: int, seed: int, kind: str | None = None, evaluate: bool = False) -> list[Scene]:
    random = Random(seed)
    return [WORLD.scene(random, kind, evaluate) for _ in range(count)]


def names(scene: Scene) -> set[str]:
    return {thing.name for thing in scene.things} - {"plus"}


def pairs(scene: Scene) -> set[tuple[str, str]]:
    """What meets here: things, and the place if it is one."""
    return set(combinations(sorted(names(scene) | ({scene.place} if scene.place else set())), 2))


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
    seen = {pair for scene in training for pair in pairs(scene)}
    assert [pair for pair in seen if held_out_pair(*pair)] == []
    allowed = {tuple(sorted((n, p))) for n in WORLD.names for p in PLACES if not held_out_pair(n, p)}
    assert allowed <= seen


@pytest.mark.parametrize("kind", [None, *KINDS, "unusual new"])
def test_evaluation_always_shows_a_held_out_pair(kind):
    for scene in scenes(300, seed=4, kind=kind, evaluate=True):
        assert any(held_out_pair(*pair) for pair in pairs(scene))
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
        if scene.kind != "unusual" and scene.place:
            for name in names(scene):
                group, home = name in HELD_OUT, WORLD.objects[name].found
                at_home[group] += scene.place == home
                allowed = [place for place in PLACES if not held_out_pair(name, place)]
                expected[group] += (home in allowed) / len(allowed)
    assert expected[True] > 300
    assert at_home[True] / expected[True] == pytest.approx(1, abs=0.12)
    assert at_home[True] / expected[True] == pytest.approx(at_home[False] / expected[False], abs=0.12)


def test_what_is_odd_is_the_one_thing_away_from_home(laid_out):
    unusual = [scene for scene in laid_out if scene.kind == "unusual"]
    assert {scene.odd is None for scene in unusual} == {True, False}
    for scene in unusual:
        away = [thing.name for thing in scene.things if WORLD.objects[thing.name].found != scene.place]
        assert away == ([scene.odd] if scene.odd else [])


# -- grounds and artists ---------------------------------------------------------------------------------------------


def test_a_quarter_stands_nowhere_where_the_kind_allows_it(training):
    for kind in KINDS:
        places = Counter(scene.place for scene in training if scene.kind == kind)
        assert places[None] / places.total() == pytest.approx(0 if kind == "unusual" else NO_PLACE, abs=0.03)
        assert set(places) - {None} == set(PLACES)
    assert len({(scene.place, scene.ground) for scene in training}) > 700  # of 12 × 64


def test_training_paints_training_looks_by_artists_who_may(training):
    assert {scene.look for scene in training} == {"training"}
    seen: dict[str, set[str]] = {}
    for thing in (thing for scene in training for thing in scene.things):
        seen.setdefault(thing.name, set()).add(thing.sprite.artist)
    assert seen.pop("plus") == set(TRAINING_ARTISTS)
    assert seen == {name: set(item.training_artists) for name, item in WORLD.objects.items()}
    assert UNSEEN_ARTIST not in set().union(*seen.values())
    kept_back = [name for name, artists in seen.items() if artists != set(TRAINING_ARTISTS)]
    assert len(kept_back) / len(seen) == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize("artist", ARTISTS)
def test_a_world_can_be_painted_by_one_artist(artist):
    world, random = World(artist=artist), Random(0)
    made = [world.scene(random, kind, evaluate=True) for kind in (*KINDS, "unusual new") * 10]
    assert {thing.sprite.artist for scene in made for thing in scene.things} == {artist}
    assert all(world.paint(scene).shape == (SIZE, SIZE, 3) for scene in made)


def test_held_out_looks_are_shown_where_they_are_asked_for():
    world, scene = World(look="held_out"), WORLD.scene(Random(3), "scatter")
    other = world.scene(Random(3), "scatter")
    assert (scene.look, other.look) == ("training", "held_out") and scene.things == other.things
    assert not np.array_equal(WORLD.paint(scene), world.paint(other))
    assert np.array_equal(WORLD.paint(other), world.paint(other))  # the scene knows its look


# -- where things are ------------------------------------------------------------------------------------------------


def test_boxes_lie_in_the_picture_and_are_what_the_drawings_fill(laid_out):
    for thing in (thing for scene in laid_out for thing in scene.things):
        x0, y0, x1, y1 = thing.box
        sprite, picture = thing.sprite, WORLD.item(thing.name).picture
        assert 0 <= x0 < x1 <= SIZE and 0 <= y0 < y1 <= SIZE
        whole = np.array(extent(picture, sprite.artist, sprite.angle, sprite.flipped)) * sprite.size
        whole += np.array(sprite.middle * 2)
        assert thing.box == pytest.approx(np.clip(whole, 0, SIZE))


def test_sizes_and_angles_have_their_limits(laid_out):
    by_kind: dict[str, set[int]] = {kind: set() for kind in KINDS}
    for scene in laid_out:
        by_kind[scene.kind] |= {thing.sprite.size for thing in scene.things if thing.name != "plus"}
        assert all(abs(thing.sprite.angle) <= ANGLE for thing in scene.things)
    assert (min(by_kind["scatter"]), max(by_kind["scatter"])) == pytest.approx(SIZES, abs=1)
    assert all(SIZES[0] <= size <= SIZES[1] for sizes in by_kind.values() for size in sizes)
    assert by_kind["shape"] == {9}
    angles = Counter(thing.sprite.angle for scene in laid_out if scene.kind == "scatter" for thing in scene.things)
    assert set(angles) == set(range(-ANGLE, ANGLE + 1)) and 0.45 < angles[0] / angles.total() < 0.6


def test_nothing_is_cut_or_covered_so_far_that_it_cannot_be_told(laid_out):
    cut = covered = 0
    for scene in (scene for scene in laid_out if scene.kind in ("scatter", "unusual", "hidden")):
        for thing in scene.things:
            share = inside(thing, WORLD.item(thing.name))
            assert share >= CUT
            cut += share < 0.95
        for one, other in combinations(scene.things, 2):
            share = shared(one.box, other.box) / min(area(one.box), area(other.box))
            assert share <= (COVERED if scene.kind != "hidden" else 0.55) + 1e-9
            covered += share > 0.1
    assert cut > 100 and covered > 100


def test_centres_lie_in_cells_of_their_own(laid_out):
    for scene in laid_out:
        if scene.kind != "shape":
            cells = {tuple(int(value * 4 / SIZE) for value in thing.centre) for thing in scene.things}
            assert len(cells) == len(scene.things)


def test_more_than_half_of_the_scattered_scenes_are_settled_and_all_unusual_ones(laid_out):
    shares = {}
    for kind in ("scatter", "unusual"):
        shares[kind] = np.mean([all(settled(t, s) for t in s.things) for s in laid_out if s.kind == kind])
    assert shares["unusual"] == 1 and 0.6 < shares["scatter"] < 0.85


def test_a_sum_has_its_terms_on_both_sides_of_the_plus(laid_out):
    for scene in (scene for scene in laid_out if scene.kind == "sum"):
        (plus,) = scene.named("plus")
        columns = Counter(position(thing, scene) % 3 for thing in scene.things if thing.name != "plus")
        assert position(plus, scene) % 3 == 1 and set(columns) == {0, 2} and max(columns.values()) <= 3


def test_hidden_scenes_hide_something():
    shares = [visible_share(scene, i) for scene in scenes(300, 6, "hidden") for i in range(len(scene.things))]
    assert np.mean(np.array(shares) < 0.9) > 0.2


# -- a scene of your own ---------------------------------------------------------------------------------------------


def test_things_can_be_arranged_as_one_likes():
    for seed in range(50):
        wanted = {0: "dog", 4: "cat", 5: "dog", 8: "banana"}
        scene = WORLD.arrange(Random(seed), "sea", wanted)
        assert scene.kind == "scatter" and scene.place == "sea" and scene.look == WORLD.look
        assert {position(thing, scene): thing.name for thing in scene.things} == wanted
        assert all(thing.sprite.artist in WORLD.artists(thing.name) for thing in scene.things)
        assert scene == WORLD.arrange(Random(seed), "sea", wanted) != WORLD.arrange(Random(seed), None, wanted)


def test_nothing_can_be_arranged_too_and_what_there_is_not_cannot():
    empty = WORLD.arrange(Random(0), None, {})
    assert empty.things == () and np.array_equal(WORLD.paint(empty), background(None, empty.ground, SIZE))
    with pytest.raises(KeyError):
        WORLD.arrange(Random(0), "sea", {0: "unicorn"})


# -- painting --------------------------------------------------------------------------------------------------------


def ground(scene: Scene, scale: int = 1) -> np.ndarray:
    return background(scene.place, scene.ground, SIZE * scale, scene.look)


@pytest.mark.parametrize("scale", [1, 3])
def test_painted_pixels_differ_from_the_background_inside_boxes_only(laid_out, scale):
    for scene in laid_out[:100]:
        picture = WORLD.paint(scene, scale)
        assert picture.shape == (SIZE * scale, SIZE * scale, 3) and picture.dtype == np.uint8
        changed = np.abs(picture.astype(int) - ground(scene, scale)).max(-1)
        for thing in scene.things:
            x0, y0, x1, y1 = (round(value * scale) for value in thing.box)
            assert changed[y0:y1, x0:x1].any()
        for thing in scene.things:
            x0, y0, x1, y1 = thing.box
            around = (
                slice(max(int(y0 * scale) - 2, 0), int(y1 * scale) + 3),
                slice(max(int(x0 * scale) - 2, 0), int(x1 * scale) + 3),
            )
            changed[around] = 0
        assert not changed.any()


def test_painting_agrees_with_pillow(laid_out):
    """Drawings mirrored, scaled and turned by Pillow at eight times the size, laid over the ground in order."""
    for scene in [scene for scene in laid_out if scene.kind != "shape"][:40]:
        canvas = ground(scene)
        for thing in scene.things:
            canvas = laid_over(canvas, WORLD.item(thing.name).picture, thing.sprite)
        off = np.abs(WORLD.paint(scene).astype(int) - canvas)
        assert off.mean() < 5 and np.abs(ground(scene).astype(int) - canvas).mean() > 2 * off.mean()


def test_what_is_in_front_hides_what_is_behind():
    scene = WORLD.arrange(Random(0), None, {4: "dog"})
    back, front = scene.things[0], WORLD.arrange(Random(1), None, {4: "house"}).things[0]
    one, other, alone, elsewhere = (
        WORLD.paint(Scene("scatter", place, things), scale=4)
        for place, things in ((None, (back, front)), (None, (front, back)), (None, (front,)), ("sea", (front,)))
    )
    opaque = (alone == elsewhere).all(-1)
    assert opaque.sum() > 500 and np.mean(np.abs(one[opaque].astype(int) - alone[opaque]).max(-1) <= 2) > 0.98
    assert (other[opaque] != alone[opaque]).any(-1).mean() > 0.3


def test_the_background_is_not_painted_over():
    scene = scenes(1, seed=8)[0]
    before = ground(scene).copy()
    WORLD.paint(scene)
    assert (ground(scene) == before).all()


def test_half_of_the_things_are_mirrored_and_a_plus_never_is(laid_out):
    loose = [thing.sprite for scene in laid_out if scene.kind in ("scatter", "unusual") for thing in scene.things]
    assert np.mean([sprite.flipped for sprite in loose]) == pytest.approx(0.5, abs=0.05)
    signs = [thing.sprite for scene in laid_out for thing in scene.named("plus")]
    assert signs and not any(sprite.flipped or sprite.angle for sprite in signs)


def test_shapes_are_made_of_one_thing(laid_out):
    for scene in laid_out:
        assert (scene.kind == "shape") == (scene.shape is not None)
        if scene.shape:
            assert len(names(scene)) == 1 and len(scene.things) > 9
            assert len({(t.sprite.flipped, t.sprite.artist, t.sprite.angle) for t in scene.things}) == 1
            assert len(scene.things) == SHAPES[scene.shape].count("#")


def test_few_objects_still_make_scenes_and_too_few_say_so():
    random = Random(0)
    first = next(number for number, name in enumerate(WORLD.names, 1) if WORLD.held_out(name))
    few = World(first)  # one of them is held out
    made = [few.scene(random, "unusual new", evaluate=True) for _ in range(40)]
    assert {scene.odd for scene in made} == {few.names[-1]}
    with pytest.raises(VlmError, match="at least 48"):
        World(first - 1).scene(random, "unusual new", evaluate=True)
    assert all(World(first - 1).scene(random, kind).things for kind in KINDS)
