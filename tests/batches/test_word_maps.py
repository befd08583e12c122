"""Word maps of pictures say what the pictures show."""

from random import Random

from tests.batches.reading import same
from vlmcore.batches.word_maps import MapBatches
from vlmcore.scenes.grounding import box_text, relative
from vlmcore.scenes.position import POSITIONS, position
from vlmcore.scenes.word_map import NOTHING


def test_word_maps_say_what_the_pictures_show(world, chat):
    random = Random(0)
    scenes = [world.scene(random, "scatter") for _ in range(5)]
    batch = MapBatches(chat, scenes, rows=8, seed=0)(0)
    assert batch.cells.shape[:2] == (8, 16) and batch.corners.shape == (8, 16, 4) and batch.pictures.shape == (8,)
    for which, cells, corners in zip(batch.pictures.tolist(), batch.cells, batch.corners, strict=True):
        scene = scenes[which]
        told = {chat.decode([token for token in cell.tolist() if token >= 0]) for cell in cells}
        things = {f"{thing.name} {POSITIONS[position(thing, scene)]}" for thing in scene.things}
        assert told == things | {scene.place or NOTHING}
        found = [chat.decode(box.tolist()) for box in corners if box.min() >= 0]
        assert sorted(found) == sorted(box_text([relative(thing, scene)]) for thing in scene.things)


def test_a_step_is_a_function_of_its_number(world, chat):
    scenes = [world.scene(Random(n), "scatter") for n in range(5)]
    first, again, other = (MapBatches(chat, scenes, rows=8, seed=0)(step) for step in (3, 3, 4))
    assert same(first, again) and first.pictures.tolist() != other.pictures.tolist()
