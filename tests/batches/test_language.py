"""What the language model is fed: by step and seed alone, easy before hard, boxes only where they are asked for."""

import re
from functools import partial
from random import Random

import pytest
import torch

from tests.batches.reading import answers, same
from vlmcore.batches.language import LanguageBatches
from vlmcore.errors import VlmError
from vlmcore.scenes.grounded_questions import GroundedQuestions
from vlmcore.scenes.mix import CURRICULUM
from vlmcore.scenes.position import clear, settled
from vlmcore.scenes.scene import Scene
from vlmcore.scenes.source import Source
from vlmcore.scenes.wording import a
from vlmcore.text.corpora import english

SAID = ([["a", "word", "map"], *[["of", "our", "own"]] * 15], [None] * 16)


class Clear(Source):
    """Scenes that hold something whose position nobody disputes: all others are asked what is left, hard or easy."""

    def scene(self, random: Random) -> Scene:
        while True:
            scene = super().scene(random)
            if scene.kind != "shape" and any(settled(thing, scene) for thing in scene.things if thing.name != "plus"):
                return scene


class Disputed(Source):
    def scene(self, random: Random) -> Scene:
        while True:
            scene = super().scene(random)
            if scene.kind == "scatter" and not any(clear(thing, scene) for thing in scene.things):
                return scene


@pytest.fixture
def batches(world, chat):
    return partial(LanguageBatches, source=Clear(world), chat=chat, rows=4, length=128, seed=0, facts=0.75)


def test_a_step_is_a_function_of_its_number(batches):
    (maps, text), (maps_again, text_again), (other, _) = batches()(3), batches()(3), batches()(4)
    assert same(maps, maps_again) and same(text, text_again)
    assert not torch.equal(maps.ids, other.ids)


def test_easy_before_hard(batches, world, chat):
    """Of a training of 100 steps: look-ups alone, then boxes, then counting and describing too, then everything."""
    make = batches(curriculum=100)
    first, boxes, then, last = (
        [text for step in range(start, start + 4) for text in answers(chat, make(step)[0])]
        for start in (0, *(round(100 * share) for share, _ in CURRICULUM))
    )
    things = {a(name) for name in world.names}
    assert all(text in things or re.match("the .* (is|are) (in|on|at) the ", text) for text in first)
    assert len(first) > 20
    assert any("[[" in text for text in boxes) and any(text.endswith("is nowhere: no") for text in boxes)
    assert not any("top-left no" in text or "belongs" in text for text in boxes)  # nobody goes through all places yet
    assert any("top-left no" in text for text in then) and not any("belongs" in text for text in then)
    assert any("[[" in text for text in last) and any("because" in text for text in last)


def test_after_the_curriculum_it_asks_what_it_is_told_to(batches, world, chat):
    """Other questions, and other word maps; while it is easy, the easy ones."""
    grounded = Clear(world, questions=GroundedQuestions)
    make = batches(source=grounded, curriculum=100, asked={"explain": 1.0}, written=lambda scene: SAID)
    told = [text for step in (99, 100, 1000) for text in answers(chat, make(step)[0])]
    first = answers(chat, make(0)[0])
    assert any("in full view" in text for text in told) and not any("in full view" in text for text in first)
    cells = {tuple(token for token in cell if token >= 0) for cell in make(0)[0].cells.flatten(0, 1).tolist()}
    assert {chat.decode(cell) for cell in cells} == {"a word map", "of our own"}


@pytest.mark.parametrize("task", ["find", "grounded_caption", "region", "kind"])
def test_whoever_asks_for_boxes_alone_is_told_boxes(batches, world, task):
    batch = batches(source=Clear(world, questions=GroundedQuestions), asked={task: 1.0})(0)[0]
    assert (batch.corners >= 0).all(-1).any(-1).all()


def test_where_nothing_easy_can_be_asked_boxes_are_told_with_the_rest(world, chat):
    """A question for a box whose numbers the map does not hold could not be answered."""
    batch = LanguageBatches(Disputed(world), chat, rows=4, length=128, seed=0, facts=0.5, curriculum=100)(0)[0]
    assert any("[[" in text for text in answers(chat, batch))
    assert (batch.corners >= 0).all(-1).any(-1).all()


def test_without_a_curriculum_every_task_comes_from_the_start(batches, chat):
    assert any("[[" in text for step in range(4) for text in answers(chat, batches()(step)[0]))


def test_facts_can_be_left_out_of_the_text(batches, chat):
    with_facts, without = (
        " ".join(answers(chat, batches(facts=facts).running_text(step))[0] for step in range(30))
        for facts in (1.0, 0.0)
    )
    assert "at home" in with_facts and "is Vietnamese for" in with_facts and "at home" not in without
    assert not any(f" {name} " in without for name in ("elephant", "banana", "snowman", "zebra"))


def test_the_facts_of_held_out_objects_can_be_left_out_alone(batches, chat, world):
    held_out = [item for item in world.objects.values() if world.held_out(item.name)]
    assert held_out
    texts = {
        unread: " ".join(
            text for step in range(150) for text in answers(chat, batches(facts=1.0, unread=unread).running_text(step))
        )
        for unread in (False, True)
    }
    for item in held_out:
        assert item.does in texts[False] and item.does not in texts[True] and item.vietnamese not in texts[True]
    others = [item for item in world.objects.values() if not world.held_out(item.name)]
    assert all(item.does in texts[True] for item in others)


def test_a_paragraph_that_does_not_fit_is_not_taught_to_stop(batches, chat):
    """English alone: <stop> is learned at the end of a paragraph, and nowhere else."""
    whole, texts = set(english()), set()
    for step in range(40):
        batch = batches(facts=0.0).running_text(step)
        ends = (batch.labels == chat.stop).nonzero().tolist()
        for row, end in ends:
            document = batch.document[row] == batch.document[row, end]
            texts.add(chat.decode(batch.ids[row][document].tolist()))
    assert texts and texts <= whole
    assert any(len(chat.encode(text)) > 128 for text in whole)  # and some were too long


def test_pictures_that_make_no_word_map_end_in_an_error(world, chat):
    class Shapes(Source):
        def scene(self, random: Random) -> Scene:
            return world.scene(random, "shape")

    with pytest.raises(VlmError, match="add others"):
        LanguageBatches(Shapes(world), chat, rows=2, length=128, seed=0, facts=0.5)(0)


def test_maps_tell_boxes_only_where_boxes_are_asked_for(batches):
    make = batches(rows=2, curriculum=100)
    begin = round(100 * CURRICULUM[0][0])
    for step, told in ((0, False), (begin - 1, False), (begin, True), (99, True)):
        assert bool((make(step)[0].corners >= 0).any()) == told
