"""Where scenes come from: what is asked for, and what a source says it never shows."""

from collections import Counter
from random import Random

import pytest

from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.placing import cell
from vlmcore.scenes.scene import any_held_out_pair, held_out_pair
from vlmcore.scenes.source import CROWDS, CocoSource, Source
from vlmcore.scenes.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World(48)


@pytest.fixture(scope="module")
def source(world) -> Source:
    return Source(world)


def test_two_scenes_in_three_for_the_encoder_are_crowds(source):
    scenes = [source.crowded(Random(n)) for n in range(400)]
    usual = [source.scene(Random(n)) for n in range(400)]
    assert not any(any_held_out_pair(scene) for scene in scenes)
    crowds = [scene for scene in scenes if scene.kind == "scatter" and len(scene.things) > 5]
    assert not any(scene.kind == "scatter" and len(scene.things) > 5 for scene in usual)
    assert len(crowds) / len(scenes) == pytest.approx(CROWDS / 2, abs=0.1)  # half of them have four or five things
    assert set(Counter(len(scene.things) for scene in crowds)) == {6, 7}
    for scene in crowds:
        assert len({cell(thing) for thing in scene.things}) == len(scene.things)
        assert all(9 <= thing.sprite.size <= 28 for thing in scene.things)


def test_the_same_random_numbers_give_the_same_crowd(source):
    assert source.crowded(Random(5)) == source.crowded(Random(5)) != source.crowded(Random(6))


def test_what_a_source_never_shows_together(source, world):
    names = [None, "plus", *PLACES, *world.names]
    for first in names:
        for second in names:
            never = source.never_together(first, second)
            assert never == source.never_together(second, first)
            if first == second or {None, "plus"} & {first, second} or {first, second} <= set(PLACES):
                assert not never  # two dogs, any ground that is no place, and sums are seen with everything
            else:
                assert never == held_out_pair(first, second)
    assert any(source.never_together(name, place) for name in world.names for place in PLACES)


def test_a_folder_of_photos_holds_nothing_out_and_has_no_crowds(world):
    source = CocoSource.__new__(CocoSource)  # no files are needed for this
    source.world, source.scenes = world, [world.scene(Random(n)) for n in range(5)]
    assert not any(source.never_together(a, b) for a in world.names for b in (*PLACES, *world.names))
    assert all(source.crowded(Random(n)) == source.scene(Random(n)) in source.scenes for n in range(20))
