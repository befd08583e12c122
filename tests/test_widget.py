"""The chat widget without a browser: every control does what it says, bad input is answered with a sentence."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from vlmcore.assistant import Answer, Assistant
from vlmcore.models.cogvlm import CogVLM
from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.position import position
from vlmcore.widget import COLOURS, GROUNDED, LATE, NOTHING, QUESTIONS, SIDE, ChatWidget, names_of_boxes, uploaded


@pytest.fixture
def widget(tiny_assistant) -> ChatWidget:
    return ChatWidget(tiny_assistant)


def png(size: tuple[int, int] = (30, 20)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(file, "PNG")
    return file.getvalue()


def shown(widget: ChatWidget) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(widget.view.value)))


def test_it_begins_with_a_picture(widget):
    assert shown(widget).shape == (SIDE, SIDE, 3) and shown(widget).std() > 0


def test_another_picture_is_another(widget):
    before = widget.picture
    widget.another.click()
    assert not np.array_equal(widget.picture, before)


def test_a_scene_is_composed_of_what_was_chosen(widget, monkeypatch):
    painted = []
    monkeypatch.setattr(widget.world, "paint", lambda scene, scale: painted.append(scene) or np.zeros((8, 8, 3), "u1"))
    name = widget.world.names[0]
    widget.place.value, widget.slots[4].value = PLACES[2], name
    widget.paint.click()
    widget.slots[4].value = NOTHING
    widget.paint.click()  # an empty place is a picture too
    things = [[(thing.name, position(thing, scene)) for thing in scene.things] for scene in painted]
    assert things == [[(name, 4)], []] and {scene.place for scene in painted} == {PLACES[2]}
    assert widget.picture.shape == (8, 8, 3)


def test_an_answer_comes_piece_by_piece_and_is_kept(widget, monkeypatch):
    pieces = []
    widget.talk.observe(lambda change: pieces.append(change["new"]), "value")
    monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter(["on the ", "left ", "[[250,500,750,960]]"]))
    widget.question.value = "Where is <it>?"
    widget.ask.click()
    assert len(pieces) == 3 and "&lt;it&gt;" in pieces[-1] and "750,960" in pieces[-1]
    ((question, answer),) = widget.history
    assert question == "Where is <it>?" and answer.boxes == ((64, 128, 192, 246),)
    assert not widget.ask.disabled
    plain = np.asarray(Image.fromarray(widget.picture).resize((SIDE, SIDE), Image.Resampling.NEAREST))
    changed = (shown(widget) != plain).any(-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), columns.min()) == (160, 80)  # the box, in pixels of the picture shown
    assert not changed[170:300, 90:230].any()  # and nothing inside it
    assert len(widget.word.options) == 1 + len(widget.heat) > 4


def test_each_word_shows_where_the_model_looked(widget, monkeypatch):
    monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter(["a dog"]))
    widget.question.value = "What is it?"
    widget.ask.click()
    before = shown(widget)
    widget.word.index = 1
    assert shown(widget).mean() < before.mean()
    widget.word.index = 0
    assert np.array_equal(shown(widget), before)


def test_an_answer_without_words_is_shown_as_one(widget, monkeypatch):
    monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter([]))
    widget.question.value = "What is it?"
    widget.ask.click()
    assert "What is it?" in widget.talk.value and "(no words)" in widget.talk.value


def test_a_new_picture_begins_a_new_conversation(widget, monkeypatch):
    monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter(["a dog"]))
    widget.question.value = "What is it?"
    widget.ask.click()
    widget.another.click()
    assert (widget.history, widget.heat, widget.talk.value, len(widget.word.options)) == ([], [], "", 1)


def press_enter(widget: ChatWidget) -> None:
    """What the browser sends, in ipywidgets 7 and 8."""
    widget.question._handle_custom_msg({"event": "submit"}, [])


def test_enter_asks(widget, monkeypatch):
    monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter(["a dog"]))
    widget.question.value = "What is it?"
    widget.question._handle_custom_msg({"event": "something else"}, [])
    assert widget.history == []
    press_enter(widget)
    assert [question for question, _ in widget.history] == ["What is it?"]


def test_letters_that_arrive_after_enter_belong_to_the_question(widget, monkeypatch):
    monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter(["three"]))

    async def in_a_kernel() -> None:
        widget.question.value = "How many do"
        press_enter(widget)
        widget.question.value = "How many dogs are there?"
        assert widget.history == []
        await asyncio.sleep(LATE + 0.1)

    asyncio.run(in_a_kernel())
    assert [question for question, _ in widget.history] == ["How many dogs are there?"]


def test_start_again_keeps_the_picture(widget, monkeypatch):
    before, picture = shown(widget), widget.picture
    monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter(["on the left [[250,500,750,960]]"]))
    widget.question.value = "Where is it?"
    widget.ask.click()
    assert not np.array_equal(shown(widget), before)
    widget.again.click()
    assert (widget.history, widget.said, widget.heat, widget.talk.value) == ([], [], [], "")
    assert widget.picture is picture and np.array_equal(shown(widget), before) and len(widget.word.options) == 1


@pytest.mark.parametrize("control", ["ask", "another", "paint"])
def test_any_fault_is_told_in_the_conversation(widget, monkeypatch, control):
    def broken(*_, **__):
        raise RuntimeError("out of <memory>")

    for where, name in ((widget.assistant, "stream"), (widget.world, "scene"), (widget.world, "arrange")):
        monkeypatch.setattr(where, name, broken)
    widget.question.value = "What is it?"
    getattr(widget, control).click()
    assert widget.talk.value == "<i>That went wrong. RuntimeError: out of &lt;memory&gt;</i>"
    assert not widget.ask.disabled and widget.history == []


@pytest.mark.parametrize("question", ["", "   ", "dog " * 500])
def test_a_bad_question_is_answered_with_a_sentence(widget, question):
    widget.question.value = question
    widget.ask.click()
    assert "<i>" in widget.talk.value and "question" in widget.talk.value
    assert widget.history == [] and not widget.ask.disabled


def test_an_example_fills_the_question_in(widget):
    widget.example.value = QUESTIONS[1]
    assert widget.question.value == QUESTIONS[1]
    widget.example.value = "Examples …"
    assert widget.question.value == QUESTIONS[1]


def test_a_grounded_caption_is_drawn_with_its_names(widget, monkeypatch):
    dog, cat = "a dog [[040,040,400,400]]", "an apple [[480,480,960,960]]"
    plain = np.asarray(Image.fromarray(widget.picture).resize((SIDE, SIDE), Image.Resampling.NEAREST))

    def painted(said: str, colour: str) -> np.ndarray:
        """Where the picture shows a colour after this answer."""
        monkeypatch.setattr(widget.assistant, "stream", lambda *_: iter([said]))
        widget.question.value = "Describe the picture and give a box for each thing."
        widget.ask.click()
        return (shown(widget) == ImageColor.getrgb(colour)).all(-1) & (shown(widget) != plain).any(-1)

    caption = f"{dog} and {cat} in the forest"
    first, second = painted(caption, COLOURS[0]), painted(caption, COLOURS[1])
    rows, columns = np.nonzero(first)
    assert abs(rows.min() - 13) < 3 and abs(columns.max() - 128) < 3 and rows.max() < 140  # the dog's box alone
    assert np.nonzero(second)[0].min() > 140
    assert first[16:28, 18:40].mean() > 0.2  # its name, white on the box's colour
    bare = painted("[[040,040,400,400]]", COLOURS[0])
    assert bare.any() and not bare[18:100, 18:100].any()
    assert painted("a dog [[040,040,400,400]] and a dog [[480,480,960,960]]", COLOURS[0])[150:].any()  # alike
    assert not painted("a dog [[]] and a cat [[]]", COLOURS[0]).any()


def test_names_stand_at_boxes_of_things_alone():
    assert names_of_boxes(Answer("a dog [[0]] and an ice cream [[0]]", ((0, 0, 9, 9),) * 2)) == ["", ""]
    said = "a dog [[000,040,360,960]] and on the left [[000,040,360,960]] and an ice cream [[000,040,360,960]]"
    assert names_of_boxes(Answer(said, ((0, 0, 9, 9),) * 3)) == ["dog", "", "ice cream"]
    assert names_of_boxes(Answer("one", ((0, 0, 9, 9),), "a dog [[000,040,360,960]]")) == [""]


def test_cogvlm_has_examples_of_its_own(widget, tiny_assistant):
    assert not set(GROUNDED) & set(widget.example.options)
    llava = tiny_assistant.model
    cogvlm = CogVLM.of(llava.language, llava.vision, llava.config.image_token)
    own = ChatWidget(Assistant(cogvlm, tiny_assistant.chat.tokenizer, tiny_assistant.about))
    assert set(GROUNDED) <= set(own.example.options)
    own.example.value = GROUNDED[0]
    assert own.question.value == GROUNDED[0]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda content: {"my.png": {"metadata": {"name": "my.png"}, "content": content}},  # ipywidgets 7
        lambda content: ({"name": "my.png", "content": memoryview(content)},),  # ipywidgets 8
    ],
)
def test_uploads_of_both_versions(widget, wrap):
    assert uploaded(wrap(png())) == png()
    widget.take(wrap(png((30, 20))))
    assert widget.picture.shape == (20, 30, 3) and (widget.picture == (10, 200, 30)).all()
    before = widget.picture
    for bad in (b"", b"not a picture", png()[:60]):
        widget.safely(widget.take, wrap(bad))
        assert "the file is" in widget.talk.value and widget.picture is before
        widget.restart()
    widget.take(wrap(b"")[:0] if isinstance(wrap(b""), tuple) else {})  # an emptied field


def test_the_newest_of_several_uploads_counts():
    files = {name: {"content": name.encode()} for name in ("first", "second")}
    assert uploaded(files) == b"second"
