"""The data mix: as many conversations as asked for, by weight, and no answer told twice."""

from collections import Counter
from random import Random

import pytest

from vlmcore.scenes.mix import CURRICULUM, ONCE, SHORT_MIX, TASK_WEIGHTS, conversations
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.world import World

QUESTIONS = QuestionGenerator(World())


def test_conversations_are_as_many_as_asked_for_and_repeat_no_task_that_has_one_answer(scenes):
    for index, scene in enumerate(scenes[:300]):
        made = conversations(QUESTIONS, scene, Random(index), 5)
        assert made == conversations(QUESTIONS, scene, Random(index), 5)
        assert len(made) == 5 or scene.kind in ("sum", "shape")  # of which less can be asked
        tasks = Counter(talk[0].task for talk in made if len(talk) == 1)
        assert all(tasks[t] <= 1 for t in ("caption", "describe", "background", "sum", "unusual", "shape"))


def test_only_the_given_tasks_are_asked_by_their_weight(scenes):
    tasks = {"count": 1, "what": 3}
    talks = [talk for n in range(400) for talk in conversations(QUESTIONS, scenes[0], Random(n), 1, tasks)]
    asked = Counter(talk[0].task for talk in talks)
    assert asked.keys() == tasks.keys()
    assert asked["what"] / asked.total() == pytest.approx(3 / 4, abs=0.08)
    assert {t[0].task for t in conversations(QUESTIONS, scenes[0], Random(0), 9, tasks)} == {*tasks}


def test_every_task_of_every_mix_can_be_asked():
    mixes = [TASK_WEIGHTS, SHORT_MIX, dict.fromkeys(ONCE, 1), *(tasks for _, tasks in CURRICULUM)]
    assert all(callable(getattr(QUESTIONS, task)) for mix in mixes for task in mix)
