"""The lessons' figures show what they are given: every bar its height, every curve its mean, every picture its text."""

import numpy as np
import pytest

from vlmcore.exercises.figures import grouped, llava_diagram, smoothed, with_texts

PICTURE = np.zeros((8, 8, 3), dtype=np.uint8)


def test_a_bar_for_each_series_and_group():
    figure = grouped({"before": {"count": 0.25, "box": 0.5}, "after": {"count": 1.0, "box": 0.75}}, "title")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [25, 50, 100, 75]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["count", "box"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["before", "after"]
    lefts = [bar.get_x() for bar in axes.patches]
    assert lefts[0] < lefts[2] < lefts[1] < lefts[3], "series stand side by side within a group"


def test_a_curve_is_drawn_as_it_is_and_smoothed():
    (axes,) = smoothed({"loss": [4.0, 2.0, 0.0, 2.0]}, "title", over=2).axes
    plain, mean = axes.lines
    assert list(plain.get_ydata()) == [4, 2, 0, 2] and list(mean.get_ydata()) == [3, 1, 1]
    assert list(mean.get_xdata()) == [1, 2, 3], "a mean stands at the last of its steps"


def test_each_picture_has_its_text():
    figure = with_texts([PICTURE, PICTURE], ["one\ntwo", "words " * 9], "title", width=20)
    first, second = (axes.get_xlabel() for axes in figure.axes)
    assert first == "one\ntwo" and max(map(len, second.split("\n"))) <= 20
    with pytest.raises(ValueError):
        with_texts([PICTURE], [], "title")


def test_the_diagram_names_every_size(tmp_path):
    shapes = {"X_v": "8 × 8 × 3", "Z_v": "16 × 5", "H_v": "16 × 7", "H_q": "9 × 7"}
    figure = llava_diagram(PICTURE, "Where is a dog?", shapes)
    text = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert all(size in text for size in shapes.values()) and "Where is a dog?" in text
    figure.savefig(tmp_path / "drawn.png")
