"""Pictures and captions that belong together, and what every patch shows."""

from random import Random

import pytest
import torch

from vlmcore.batches.contrastive import GROUND, INSIDE, ContrastiveBatches, padded
from vlmcore.batches.painting import Pictures
from vlmcore.models.vision import VisionConfig
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.scene import Scene, Thing, held_out_pair
from vlmcore.scenes.source import CocoSource, Source

GRID = 4
EYES = VisionConfig()  # 4 × 4 patches, each a token
FINE = VisionConfig(patch=1, merge=2)  # 8 × 8 patches, four a token


@pytest.fixture(scope="module")
def batches(world, chat):
    return ContrastiveBatches(Source(world), chat, Pictures(world, 64), EYES, rows=6, limit=40, seed=0)


def test_texts_are_padded_and_their_last_token_is_known(chat):
    texts = ["a dog", "a whale in the sea", "a"]
    ids, last = padded(chat, texts, limit=3)
    for text, row, end in zip(texts, ids.tolist(), last.tolist(), strict=True):
        assert row == [*chat.encode(text)[:3], *[chat.pad] * 2][: ids.shape[1]]
        assert row[end] == chat.encode(text)[:3][-1] and all(token == chat.pad for token in row[end + 1 :])


def test_a_step_is_a_function_of_its_number(batches):
    first, again, other = batches(3), batches(3), batches(4)
    assert all(torch.equal(first[key].nan_to_num(), again[key].nan_to_num()) for key in first)
    assert not torch.equal(first["pictures"], other["pictures"])
    assert first["pictures"].dtype == torch.uint8 and first["pictures"].shape == (6, 64, 64, 3)


def ground(scene):
    return IN_PLACE[scene.place] if scene.place else "nothing"


def shown(scene, grid):
    """By hand, patch by patch: the front thing of those that show there, None where the ground does."""
    found = []
    for row in range(grid):
        for column in range(grid):
            front = None
            for thing in scene.things:
                x0, y0, x1, y1 = relative(thing, scene)
                centre = (int((y0 + y1) / 2 * grid), int((x0 + x1) / 2 * grid)) == (row, column)
                x, y = (column + 0.5) / grid, (row + 0.5) / grid
                edge = (1 - INSIDE) / 2
                inside = x0 + edge * (x1 - x0) <= x <= x1 - edge * (x1 - x0)
                inside &= y0 + edge * (y1 - y0) <= y <= y1 - edge * (y1 - y0)
                front = thing if centre or inside else front
            found.append(front)
    return found


@pytest.mark.parametrize("eyes", [EYES, FINE])
def test_patches_know_what_they_show(batches, world, eyes):
    fine = ContrastiveBatches(batches.source, batches.chat, batches.pictures, eyes, rows=6, limit=40, seed=0)
    random, several = Random(0), 0
    for scene in (world.scene(random, kind) for kind in ("scatter", "sum", "hidden") * 20):
        names, boxes = fine.shown(scene)
        things = shown(scene, eyes.grid)
        expected = [ground(scene) if thing is None else thing.name for thing in things]
        assert [fine.names[number] for number in names.tolist()] == expected
        for thing, box in zip(things, boxes, strict=True):
            assert box.isnan().all() if thing is None else box.tolist() == pytest.approx(relative(thing, scene))
        several += len([thing for thing in things if thing]) > len(scene.things)
    assert several > 5


@pytest.mark.parametrize("eyes", [EYES, FINE])
def test_tokens_know_what_has_its_centre_there(batches, world, eyes):
    fine = ContrastiveBatches(batches.source, batches.chat, batches.pictures, eyes, rows=6, limit=40, seed=0)
    random, grounds = Random(0), set()
    for scene in (world.scene(random, kind) for kind in ("scatter", "sum", "hidden") * 20):
        regions, boxes = fine.regions(scene)
        names = [fine.names[number] for number in regions.tolist()]
        expected = [thing.name for thing in scene.things]
        assert sorted(names) == sorted(expected + [ground(scene)] * (GRID**2 - len(expected)))
        grounds.add(ground(scene))
        for thing in scene.things:
            x, y = (int(value * GRID / side) for value, side in zip(thing.centre, scene.size))
            assert fine.names[regions[y * GRID + x]] == thing.name
            assert boxes[y * GRID + x].tolist() == pytest.approx(relative(thing, scene))
        assert boxes.isnan().all(-1).tolist() == [name == ground(scene) for name in names]
    assert grounds == {"nothing", *IN_PLACE.values()}


def test_many_small_things_are_not_told_one_by_one(batches, world):
    scene = world.scene(Random(0), "shape")
    for names, boxes in (batches.regions(scene), batches.shown(scene)):
        assert set(names.tolist()) == {batches.names.index(ground(scene)), -100} and boxes.isnan().all()


def test_in_one_patch_the_front_thing_counts(batches):
    back, front = Thing("dog", (0.0, 0.0, 12.0, 12.0)), Thing("cat", (2.0, 2.0, 20.0, 20.0))
    scene = Scene("scatter", None, (back, front))
    for names, boxes in (batches.regions(scene), batches.shown(scene)):
        assert batches.names[names[0]] == "cat"
        assert boxes[0].tolist() == pytest.approx([2 / 64, 2 / 64, 20 / 64, 20 / 64])
    names, _ = batches.regions(Scene("scatter", None, (Thing("dog", (60.0, 60.0, 64.0, 64.0)),)))
    assert batches.names[names[-1]] == "dog" and set(names[:-1].tolist()) == {0}


def test_grounds_weigh_less_than_things(batches, world):
    """Four patches in five show none: at full weight they would drown the others."""
    names, weights = batches.name_ids[0], batches(0)["weights"]
    assert len(names) == len(weights) == len(batches.names) == 1 + len(IN_PLACE) + len(batches.source.names)
    told = dict(zip(batches.names, weights.tolist(), strict=True))
    assert {told[name] for name in ("plus", *world.names)} == {1.0}
    assert [told[name] for name in ("nothing", *IN_PLACE.values())] == pytest.approx([GROUND] * (1 + len(IN_PLACE)))


def test_what_is_held_out_is_no_wrong_answer(batches, world):
    """Names that training never shows in such a picture are left out of the choice; all that it shows can be chosen."""
    scenes = [world.scene(Random(n)) for n in range(60)]
    left_out = 0
    for scene in scenes:
        possible = dict(zip(batches.names, batches.possible(scene).tolist(), strict=True))
        things = {thing.name for thing in scene.things} - {"plus"}
        assert all(possible[name] for name in (*things, ground(scene), "plus", "nothing"))
        for name in world.names:
            assert possible[name] != any(held_out_pair(name, other) for other in {scene.place, *things} - {name})
        for place, words in IN_PLACE.items():
            assert possible[words] != any(held_out_pair(name, place) for name in things)
        left_out += list(possible.values()).count(False)
    assert left_out > 60
    batch = batches(2)
    assert batch["possible"].shape == (6, len(batches.names))
    chosen = [row[targets[targets >= 0]] for row, targets in zip(batch["possible"], batch["regions"], strict=True)]
    assert torch.cat(chosen).all()


def test_photos_hold_nothing_out(batches):
    class Photos(Source):
        never_together = CocoSource.never_together

    photos = ContrastiveBatches(Photos(batches.source.world), batches.chat, batches.pictures, EYES, 2, 40, seed=0)
    assert all(photos.possible(batches.source.world.scene(Random(n))).all() for n in range(10))


def test_each_caption_tells_of_its_picture_and_the_picture_went_through_the_camera(batches, world, chat):
    batch, random = batches(5), Random("pictures and captions 0 5")
    scenes = [batches.source.crowded(random) for _ in range(6)]
    for scene, ids in zip(scenes, batch["captions"].tolist(), strict=True):
        told = chat.decode([token for token in ids if token != chat.pad])
        whole = batches.source.questions.captions(scene)
        assert any(caption.startswith(told) for caption in whole)  # cut at the limit
    plain = Pictures(world, 64)(scenes)
    assert not torch.equal(batch["pictures"], plain)
    assert torch.equal(batch["pictures"], Pictures(world, 64).photographs(scenes, (0, 5)))
