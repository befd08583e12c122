"""Scenes by a stranger: the same things and grounds, arranged as no training scene is, and all can still be told."""

from itertools import combinations
from random import Random

import numpy as np
import pytest

from vlmcore.evaluation.benchmark import TASKS as ALL_TASKS
from vlmcore.evaluation.benchmark import benchmark
from vlmcore.evaluation.strangers import SEEN, TASKS, Strangers
from vlmcore.scenes.artwork import UNSEEN_ARTIST
from vlmcore.scenes.placing import ANGLE, SIZES, area, cell, inside, shared
from vlmcore.scenes.scene import SIZE, any_held_out_pair
from vlmcore.scenes.world import World

WORLD = Strangers(48)


@pytest.fixture(scope="module")
def made():
    random = Random(0)
    return [WORLD.scene(random, kind, evaluate=True) for kind in ("scatter", "hidden", "sum", None) * 100]


def test_every_scene_is_scattered_and_for_evaluation(made):
    assert {scene.kind for scene in made} == {"scatter"}
    assert all(any_held_out_pair(scene) for scene in made)
    assert not any(any_held_out_pair(WORLD.scene(Random(n), evaluate=False)) for n in range(50))


def test_enough_of_each_is_seen(made):
    for scene in made:
        for thing in scene.things:
            assert inside(thing, WORLD.item(thing.name)) >= SEEN
            assert SIZES[0] <= thing.sprite.size <= SIZES[1] and abs(thing.sprite.angle) <= ANGLE
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= SIZE and 0 <= y0 < y1 <= SIZE
        for one, other in combinations(scene.things, 2):
            assert shared(one.box, other.box) <= (1 - SEEN) * min(area(one.box), area(other.box)) + 1e-9


def test_they_are_arranged_as_no_training_scene_is(made):
    """Two centres in one cell, more of a thing cut off, every size as likely as another."""
    together = [scene for scene in made if len({cell(thing) for thing in scene.things}) < len(scene.things)]
    assert len(together) > 20
    things = [thing for scene in made for thing in scene.things]
    assert sum(inside(thing, WORLD.item(thing.name)) < 0.65 for thing in things) > 5
    sizes = np.bincount([thing.sprite.size for thing in things], minlength=33)[9:]
    random = Random(0)
    trained = [World(48).scene(random, "scatter") for _ in range(300)]
    usual = np.bincount([thing.sprite.size for scene in trained for thing in scene.things], minlength=33)[9:]
    assert sizes.min() > 0 and sizes.std() / sizes.mean() < 0.6 * usual.std() / usual.mean()


def test_the_same_seed_gives_the_same_scenes():
    assert [WORLD.scene(Random(n)) for n in range(20)] == [WORLD.scene(Random(n)) for n in range(20)]


def test_looks_and_artists_are_the_worlds():
    world = Strangers(48, UNSEEN_ARTIST, look="held_out")
    scene = world.scene(Random(1))
    assert scene.look == "held_out" and {thing.sprite.artist for thing in scene.things} == {UNSEEN_ARTIST}


def test_its_tasks_can_be_asked():
    assert set(TASKS) < set(ALL_TASKS)
    items = benchmark(WORLD, 2, seed=1, tasks=TASKS)
    assert [item.task for item in items] == [task for task in TASKS for _ in range(2)]
