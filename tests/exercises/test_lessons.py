"""Every exercise of every lesson: its own answer passes, and each listed mistake is rejected in its own words."""

from importlib import import_module
from pkgutil import iter_modules

import pytest
import torch

from vlmcore import exercises
from vlmcore.exercises.check import elsewhere, examine

MODULES = sorted(module.name for module in iter_modules(exercises.__path__) if module.name.startswith("lesson"))
LESSONS = [import_module(f"vlmcore.exercises.{name}").LESSON for name in MODULES]
EXERCISES = [(lesson.number, name, exercise) for lesson in LESSONS for name, exercise in lesson.exercises.items()]
MISTAKES = [(*which, message) for *which, exercise in EXERCISES for message in exercise.mistakes]
BY_NAME = {(number, name): exercise for number, name, exercise in EXERCISES}


@pytest.mark.parametrize(("number", "name"), BY_NAME)
def test_the_reference_passes_and_three_mistakes_are_known(number, name):
    exercise = BY_NAME[number, name]
    assert examine(exercise, exercise.reference) is None
    assert exercise.cpu_only or elsewhere(exercise, exercise.reference, torch.device("meta")) is None
    assert len(exercise.mistakes) >= 3 and len(exercise.hints) >= 2


@pytest.mark.parametrize(("number", "name", "message"), MISTAKES)
def test_each_mistake_is_told_in_its_own_words(number, name, message):
    exercise = BY_NAME[number, name]
    assert examine(exercise, exercise.mistakes[message]).startswith(message)


def test_every_lesson_is_numbered_like_its_file():
    assert [f"lesson{lesson.number}" for lesson in LESSONS] == MODULES != []
