"""The radar chart, the bars, and the sheet of pictures with questions and answers."""

from random import Random

import pytest
from PIL import Image

from vlmcore.assistant import Answer
from vlmcore.errors import VlmError
from vlmcore.evaluation.benchmark import TASKS
from vlmcore.evaluation.charts import answer_sheet, bars, radar, wrap


def test_the_radar_is_a_picture(tmp_path):
    scores = {name: dict(zip(TASKS, Random(name).choices((0.2, 0.5, 1.0), k=len(TASKS)))) for name in "ab"}
    figure = radar(scores, tmp_path / "new" / "radar.png")
    with Image.open(tmp_path / "new" / "radar.png") as image:
        assert image.format == "PNG" and min(image.size) > 500 and len(set(image.convert("L").tobytes())) > 20
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list(TASKS)
    line = figure.axes[0].get_lines()[0]
    assert list(line.get_ydata()) == pytest.approx([100 * v for v in [*scores["a"].values(), scores["a"][TASKS[0]]]])
    with pytest.raises(VlmError, match="cannot save the chart"):
        radar(scores, tmp_path / "radar.nonsense")


def test_bars_stand_beside_the_clean_one(tmp_path):
    scores = {"clean": 0.9, "fog": 0.25, "noise": 1.0}
    figure = bars(scores, tmp_path / "new" / "bars.png")
    with Image.open(tmp_path / "new" / "bars.png") as image:
        assert image.format == "PNG" and min(image.size) > 200
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([90, 25, 100])
    assert [label.get_text() for label in axes.get_yticklabels()] == list(scores)
    assert list(axes.get_lines()[0].get_xdata()) == pytest.approx([90, 90])
    with pytest.raises(VlmError, match="cannot save the chart"):
        bars(scores, tmp_path / "bars.nonsense")


class Parrot:
    """Stands for an assistant: it remembers what it was asked, and always says the same."""

    def __init__(self):
        self.about, self.asked = {"objects": 48}, []

    def ask(self, picture, question, history):
        self.asked.append((question, len(history)))
        return Answer("in the sea", boxes=((10, 10, 60, 60),))


def test_the_answer_sheet_asks_every_kind_of_question_and_saves_a_picture(tmp_path):
    parrot = Parrot()
    answer_sheet(parrot, tmp_path / "new" / "answers.png")
    with Image.open(tmp_path / "new" / "answers.png") as image:
        assert image.format == "PNG" and min(image.size) > 800
    talk = len(parrot.asked) - 7 * 3  # seven pictures with three questions, one with a conversation
    assert talk in (2, 3) and [earlier for _, earlier in parrot.asked].count(0) == 7 * 3 + 1
    assert max(earlier for _, earlier in parrot.asked) == talk - 1  # whose later questions know the earlier answers


def test_long_lines_are_wrapped_and_answers_stand_further_in():
    question, answer, *_ = wrap("What is it?\n    → " + "a very long answer " * 5).splitlines()
    assert question == "What is it?" and answer.startswith("    →") and len(answer) <= 52
