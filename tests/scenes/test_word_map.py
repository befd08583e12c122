"""A word map says what its scene shows, each thing in the cell where its centre is."""

from collections import Counter

from tests.scenes.reading import where
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.position import POSITIONS
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.word_map import CELLS, NOTHING, cell_of, word_map


def test_word_map_agrees_with_the_scene(scenes):
    for scene in scenes:
        cells, boxes = word_map(scene)
        assert len(cells) == len(boxes) == CELLS * CELLS
        ground = [scene.place or NOTHING]
        assert all((box is None) == (words == ground) for words, box in zip(cells, boxes))
        things = [words for words in cells if words != ground]
        if scene.kind == "shape":  # of those that share a cell the one in front
            assert {words[0] for words in things} == {scene.things[0].name}
            continue
        assert Counter(words[0] for words in things) == Counter(thing.name for thing in scene.things)
        for thing in scene.things:
            x, y = (value * CELLS / side for value, side in zip(thing.centre, scene.size))
            name, *rest = cells[int(y) * CELLS + int(x)]
            assert name == thing.name
            assert rest == [POSITIONS[where(thing, scene)]]
            assert boxes[int(y) * CELLS + int(x)] == relative(thing, scene)


def test_a_finer_map_says_the_same_in_more_cells(scenes):
    for scene in (scene for scene in scenes if scene.kind != "shape"):
        (coarse, coarse_boxes), (fine, fine_boxes) = word_map(scene), word_map(scene, 8)
        ground = [scene.place or NOTHING]
        assert len(fine) == len(fine_boxes) == 64
        assert sorted(words for words in fine if words != ground) == sorted(
            words for words in coarse if words != ground
        )
        for thing in scene.things:
            assert fine_boxes[cell_of(thing, scene, 8)] == coarse_boxes[cell_of(thing, scene)] == relative(thing, scene)


def test_a_photo_without_annotations_is_a_map_of_nothing():
    assert word_map(Scene("coco", None, (), (640, 480))) == ([["nothing"]] * CELLS**2, [None] * CELLS**2)


def test_a_things_cell_is_where_its_centre_is():
    """Row by row, in a grid of any size, of a picture of any shape; the far edges are in the last cells."""
    for x, y in ((0, 0), (100, 0), (319, 90), (320, 90), (639, 239), (640, 240)):
        for cells in (1, 4, 8):
            scene = Scene("coco", None, (Thing("dog", (x, y, x, y)),), (640, 240))
            expected = min(y * cells // 240, cells - 1) * cells + min(x * cells // 640, cells - 1)
            assert cell_of(scene.things[0], scene, cells) == expected
    assert cell_of(scene.things[0], scene) == CELLS**2 - 1
