"""Questions as people type them, and as many of them as fit."""

from random import Random

from vlmcore.batches.asking import PATCHES, QUESTIONS, ask, careless
from vlmcore.scenes.questions import QuestionGenerator


def test_questions_are_typed_carelessly_but_say_what_they_ask():
    random = Random(1)
    question = "Can you tell me where the teapot is in the picture?"
    typed = {careless(question, random) for _ in range(300)}
    assert question in typed and len(typed) > 20
    assert all("where" in text and "teapot" in text for text in typed)
    assert any(text == text.lower() and not text.endswith("?") for text in typed)
    assert all(careless("Is it there?", random) for _ in range(300))  # something always stays


def test_what_is_asked_fits_and_follows_the_picture(world, chat):
    random, questions = Random(0), QuestionGenerator(world)
    for limit in (20, 60, 128, 1000):
        document = ask(chat, questions, world.scene(random, "scatter"), random, limit)
        assert document.patches == PATCHES and PATCHES <= len(document) <= limit
        assert len(document.segments) <= QUESTIONS
        for ids, _ in document.segments:
            assert (ids[0], ids[-1]) == (chat.user, chat.stop)
    assert len(document.segments) == QUESTIONS


def test_only_the_given_tasks_are_asked(world, chat):
    random, questions = Random(0), QuestionGenerator(world)
    document = ask(chat, questions, world.scene(random, "scatter"), random, 200, {"background": 1.0})
    assert len(document.segments) == 1
