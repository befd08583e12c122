"""A painted rectangle and its box are moved each by its own path; they have to arrive at the same place."""

import numpy as np
import pytest

from vlmcore.evaluation.geometry import GEOMETRY, Geometry

SIZE = 64
GROUND, COLOUR = (90, 90, 90), (250, 90, 90)
GREY = np.full((SIZE, SIZE, 3), GROUND, dtype=np.uint8)


def painted(x0, y0, x1, y1):
    """A rectangle on grey and its relative box."""
    picture = GREY.copy()
    picture[y0:y1, x0:x1] = COLOUR
    return picture, tuple(value / SIZE for value in (x0, y0, x1, y1))


def random_rectangle(random):
    """Two pixels of grey at least are left around it: the border is continued, and so would a thing on it be."""
    width, height = random.integers(6, 40, 2)
    x0, y0 = random.integers(2, SIZE - 2 - width), random.integers(2, SIZE - 2 - height)
    return x0, y0, x0 + width, y0 + height


def seen_box(picture):
    """Around the pixels that are at least half of the colour, in pixels; None where there are none."""
    y, x = np.nonzero(picture[..., 0] >= (GROUND[0] + COLOUR[0]) / 2)
    return (x.min(), y.min(), x.max() + 1, y.max() + 1) if len(x) else None


@pytest.mark.parametrize("name", GEOMETRY)
@pytest.mark.parametrize("seed", range(40))
def test_a_box_stays_around_its_thing(name, seed):
    picture, box = painted(*random_rectangle(np.random.default_rng(seed)))
    moved, [moved_box] = GEOMETRY[name](picture, [box])
    assert moved.shape == picture.shape and moved.dtype == np.uint8
    assert np.array(moved_box) * SIZE == pytest.approx(seen_box(moved), abs=1)


@pytest.mark.parametrize(
    ("name", "x0", "y0", "x1", "y1"),
    [
        ("shift 2", 22, 12, 42, 22),
        ("shift 6", 26, 16, 46, 26),
        ("zoom in 1.15", 18.2, 6.7, 41.2, 18.2),
        ("zoom out 0.85", 21.8, 13.3, 38.8, 21.8),
        ("rotate 10", 22.27, 8.25, 43.70, 21.57),
        ("narrow 0.8", 22.4, 10, 38.4, 20),
        ("wide 1.25", 17, 10, 42, 20),
        ("down 32", 20, 10, 40, 20),
        ("up 96", 20, 10, 40, 20),
    ],
)
def test_where_a_box_goes(name, x0, y0, x1, y1):
    """From (20, 10, 40, 20), worked out by hand: about the middle, (32, 32); 20 zoomed is 32 - 12 × 1.15."""
    _, [box] = GEOMETRY[name](GREY, [(20 / SIZE, 10 / SIZE, 40 / SIZE, 20 / SIZE)])
    assert np.array(box) * SIZE == pytest.approx((x0, y0, x1, y1), abs=0.01)


def test_a_box_is_clipped_where_the_picture_ends():
    _, boxes = GEOMETRY["shift 6"](GREY, [(0.5, 0.5, 1, 1), (0.95, 0.2, 1, 0.3)])
    assert boxes[0] == pytest.approx((0.5 + 6 / SIZE, 0.5 + 6 / SIZE, 1, 1))
    x0, _, x1, _ = boxes[1]
    assert x0 == x1 == 1  # it has left


def test_the_border_is_continued():
    picture = GREY.copy()
    picture[:, 0] = COLOUR
    moved, _ = GEOMETRY["shift 6"](picture, [])
    assert (moved[:, :7] == COLOUR).all() and (moved[:, 7:] == GROUND).all()


@pytest.mark.parametrize("name", GEOMETRY)
def test_an_even_picture_stays_as_it_is_and_no_boxes_stay_none(name):
    moved, boxes = GEOMETRY[name](GREY, [])
    assert (moved == GREY).all() and boxes == []


def test_nothing_is_changed_by_the_map_that_changes_nothing_nor_in_what_is_given():
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    before, boxes = picture.copy(), [(0.1, 0.2, 0.3, 0.4)]
    moved, same = Geometry()(picture, boxes)
    assert (moved == before).all() and same[0] == pytest.approx(boxes[0])
    for move in GEOMETRY.values():
        changed, _ = move(picture, boxes)
        assert (picture == before).all() and boxes == [(0.1, 0.2, 0.3, 0.4)] and (changed != before).any()
