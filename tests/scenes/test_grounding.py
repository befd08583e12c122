"""Boxes in words and back, and how well two boxes agree, by counting pixels."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenes.reading import boxes_of, close
from vlmcore.scenes.grounding import PRECISION, box_text, iou, number, parse_boxes


def test_box_text_parses_back_to_within_rounding():
    random = Random(5)
    for _ in range(500):
        boxes = [tuple(random.random() for _ in range(4)) for _ in range(random.randint(1, 4))]
        assert close(boxes_of(box_text(boxes)), boxes)
        assert close(parse_boxes(box_text(boxes)), boxes)
    assert box_text([(0.341, 0, 0.5, 1)]) == "[[360,000,480,960]]"
    assert {int(number(value / 997)) % PRECISION for value in range(998)} == {0}
    assert all(len(number(value / 997)) == 3 for value in range(998))


@pytest.mark.parametrize(
    "text, boxes",
    [
        ("[[000,020,340,980]]", [(0.0, 0.02, 0.34, 0.98)]),
        ("[[000,020,340,980;100,200,300,400]]", [(0.0, 0.02, 0.34, 0.98), (0.1, 0.2, 0.3, 0.4)]),
        ("dog [[100,200,300,400]], cat [[500,600,700,800]] on snow", [(0.1, 0.2, 0.3, 0.4), (0.5, 0.6, 0.7, 0.8)]),
        ("[[100,200,300,1000]]", [(0.1, 0.2, 0.3, 1.0)]),
        ("", []), ("no box", []), ("[[100,200,300]]", []), ("[[1,2,3,4]]", []), ("100 200 300 400", []),
    ],
)  # fmt: skip
def test_boxes_are_found(text, boxes):
    assert np.array(parse_boxes(text)) == pytest.approx(np.array(boxes))


corners = st.tuples(*[st.integers(0, 12)] * 4)


def pixels(box):
    grid = np.zeros((12, 12), dtype=bool)
    grid[box[1] : box[3], box[0] : box[2]] = True
    return grid


@given(corners, corners)
@settings(deadline=None, max_examples=300)
def test_overlap_is_what_counting_pixels_gives(first, second):
    a, b = pixels(first), pixels(second)
    expected = (a & b).sum() / max((a | b).sum(), 1)
    assert iou(first, second) == pytest.approx(expected)
    assert iou([v / 12 for v in first], [v / 12 for v in second]) == pytest.approx(expected)
