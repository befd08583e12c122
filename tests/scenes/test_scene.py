"""What a scene tells about itself: counts, what covers what, what training must not show."""

from itertools import combinations
from random import Random

import pytest

from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.scene import Scene, Thing, held_out_pair, visible_share
from vlmcore.scenes.world import World

WORLD = World()


def test_held_out_pairs_are_fixed_for_all_time():
    fixed = {("fox", "forest"): True, ("dress", "bedroom"): True, ("pig", "sea"): True, ("fox", "owl"): False}
    assert {pair: held_out_pair(*pair) for pair in fixed} == fixed
    pairs = list(combinations((*WORLD.names, *PLACES), 2))
    assert all(held_out_pair(a, b) == held_out_pair(b, a) for a, b in pairs)
    assert sum(held_out_pair(a, b) for a, b in pairs) / len(pairs) == pytest.approx(1 / 12, abs=0.02)


def test_a_ground_that_is_no_place_holds_nothing_out():
    assert not any(held_out_pair(name, None) for name in WORLD.names)


def test_visible_share_by_counting_pixels():
    random = Random(1)
    for kind in (None, "hidden") * 75:
        scene = WORLD.scene(random, kind)
        for index, thing in enumerate(scene.things):
            x0, y0, x1, y1 = map(round, thing.box)
            covers = [[round(value) for value in other.box] for other in scene.things[index + 1 :]]
            free = [
                not any(a0 <= x < a1 and b0 <= y < b1 for a0, b0, a1, b1 in covers)
                for x in range(x0, x1)
                for y in range(y0, y1)
            ]
            assert visible_share(scene, index) == pytest.approx(sum(free) / len(free))


def test_what_is_small_or_behind_everything_has_a_share_too():
    far, near = Thing("owl", (10.2, 10.2, 10.4, 10.4)), Thing("pig", (0, 0, 64, 64))
    assert visible_share(Scene("scatter", None, (far, near)), 0) in (0, 1)  # it is no whole pixel
    assert visible_share(Scene("scatter", None, (near, far)), 0) == pytest.approx(1, abs=0.01)
    assert visible_share(Scene("scatter", None, (near, near)), 0) == 0


def test_counts_are_in_alphabetical_order():
    things = (Thing("pig", (0, 40, 9, 49)), Thing("owl", (20, 0, 30, 9)), Thing("pig", (0, 0, 9, 9)))
    scene = Scene("scatter", "farm", things)
    assert list(scene.counts().items()) == [("owl", 1), ("pig", 2)]
    assert scene.named("pig") == [things[0], things[2]]
