"""Boxes in words and back, and how well two boxes agree, by counting pixels."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenes.reading import boxes_of, close
from vlmcore.errors import VlmError
from vlmcore.scenes.grounding import PRECISION, box_text, iou, number, parse_boxes, strict


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


@pytest.mark.parametrize(
    "asked, read",
    [
        ("What is at [[040,080,400,440]]?", "What is at [[040,080,400,440]]?"),
        ("What is at [[41, 80, 400, 433]]?", "What is at [[040,080,400,440]]?"),
        ("[[0,0,1000,1000]]", "[[000,000,960,960]]"),
        ("[[40,80,400,440;120,200,320,400]]", "[[040,080,400,440;120,200,320,400]]"),
        ("[[0,0,40,40]] or [[0,0,80,80]]", "[[000,000,040,040]] or [[000,000,080,080]]"),
        ("What is at [[040,080,400,440", "What is at [[040,080,400,440]]"),
        ("Where is the dog? Answer in [[x0,y0,x1,y1]] format.", "Where is the dog? Answer in [[x0,y0,x1,y1]] format."),
        ("What is in the middle?", "What is in the middle?"), ("a [1] and ]]", "a [1] and ]]"),
    ],
)  # fmt: skip
def test_a_questions_boxes_are_written_as_in_training(asked, read):
    assert strict(asked) == read


@pytest.mark.parametrize(
    "box", ["[[]]", "[[40,80,400]]", "[[a,b,c,d]]", "[[40,80,400,", "[[1,2,3,4;]]", "[[-4,0,9,9]]"]
)
def test_brackets_without_a_box_are_told_of(box):
    with pytest.raises(VlmError, match=r"in the question is no box: write \[\[x0,y0,x1,y1\]\]"):
        strict(f"What is at {box}?")


@pytest.mark.parametrize(
    "box", ["[[0,0,1200,400]]", "[[400,0,40,400]]", "[[0,400,400,400]]", "[[0,0,9,9;0,0,99999,9]]"]
)
def test_a_box_outside_the_picture_is_told_of(box):
    with pytest.raises(VlmError, match="does not lie in the picture"):
        strict(f"What is at {box}?")


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
