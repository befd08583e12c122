"""A picture a row: where it stands, how it is counted, who sees it, and that the questions are about it."""

from functools import partial
from random import Random

import pytest
import torch

from tests.batches.reading import answers, same
from vlmcore.batches.one_picture import OnePictureBatches
from vlmcore.errors import VlmError
from vlmcore.models.cogvlm import PictureColumns, picture_columns
from vlmcore.recipes.cogvlm_presets import ASKED, GROUNDING
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.grounded_questions import GroundedQuestions
from vlmcore.scenes.questions import NO_PLACE
from vlmcore.scenes.source import Source
from vlmcore.text.chat import IGNORE

ROWS, PATCHES, LENGTH = 6, 16, 120
TAKEN = PATCHES + 2


@pytest.fixture(scope="module")
def scenes(world):
    return [world.scene(Random(n)) for n in range(30)]


@pytest.fixture(scope="module")
def batches(world, chat, scenes):
    source = Source(world, questions=GroundedQuestions)
    how = {"columns": PictureColumns(0, PATCHES), "rows": ROWS, "length": LENGTH, "seed": 0, "tasks": ASKED}
    return partial(OnePictureBatches, source, chat, scenes, **how)


@pytest.fixture(scope="module")
def batch(batches):
    return batches()(0)


class RunningColumns(PictureColumns):
    """Every patch counts."""

    def positions(self, length, device=None):
        return torch.arange(length, device=device)


def segments(batch, row) -> list[slice]:
    """Where a row's segments stand, the picture's left out."""
    numbers, real = batch.segment[row].tolist(), int((batch.document[row] >= 0).sum())
    starts = [n for n in range(1, real) if numbers[n] != numbers[n - 1]]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], real])]


def test_a_step_is_a_function_of_its_number(batches):
    first, again, other, seeded = (batches(seed=seed)(step) for seed, step in ((0, 3), (0, 3), (0, 4), (1, 3)))
    assert same(first, again)
    assert not torch.equal(first.ids, other.ids) and not torch.equal(first.ids, seeded.ids)


def test_every_row_begins_with_its_picture_and_has_no_other(batch, chat):
    assert batch.ids.shape == (ROWS, LENGTH) and batch.pictures.shape == (ROWS,)
    assert (batch.ids[:, :TAKEN] == chat.image).all() and (batch.ids[:, TAKEN:] != chat.image).all()
    assert (batch.document[:, :TAKEN] == torch.arange(ROWS)[:, None]).all() and not batch.segment[:, :TAKEN].any()
    assert picture_columns(batch.ids, chat.image, PATCHES) == PictureColumns(0, PATCHES)
    with pytest.raises(ValueError, match="must stand"):
        picture_columns(batch.ids, chat.image, PATCHES - 1)


def test_all_patches_count_as_one(batch):
    """boi 0, patches 1, eoi 2; every segment goes on at 3, as if it were the first."""
    assert batch.positions[:, :TAKEN].tolist() == [[0, *[1] * PATCHES, 2]] * ROWS
    for row in range(ROWS):
        for where in segments(batch, row):
            assert batch.positions[row, where].tolist() == [*range(3, 3 + where.stop - where.start)]


def test_patches_can_be_counted_one_by_one(batches, batch):
    counted = batches(columns=RunningColumns(0, PATCHES))(0)
    assert counted.positions[:, :TAKEN].tolist() == [[*range(TAKEN)]] * ROWS
    for row in range(ROWS):
        for where in segments(counted, row):
            assert counted.positions[row, where].tolist() == [*range(TAKEN, TAKEN + where.stop - where.start)]
    counted.positions = batch.positions
    assert same(counted, batch)  # and nothing else differs


def test_every_segment_sees_the_picture_and_no_other_segment(batch):
    several = 0
    for row in range(ROWS):
        mask, parts = batch.mask[row, 0], segments(batch, row)
        assert torch.equal(mask[:TAKEN], torch.ones(TAKEN, LENGTH, dtype=torch.bool).tril())  # the picture is causal
        for where in parts:
            length = where.stop - where.start
            assert mask[where, :TAKEN].all()
            assert torch.equal(mask[where, where], torch.ones(length, length, dtype=torch.bool).tril())
            seen = torch.zeros(LENGTH, dtype=torch.bool)
            seen[:TAKEN] = seen[where] = True
            assert not mask[where][:, ~seen].any()
        several += len(parts) > 1
    assert several > 1


def test_answers_alone_are_labelled(batch, chat):
    """All from <assistant> to <stop>, and nothing else; nor is padding."""
    labelled = 0
    for row in range(ROWS):
        answering, places = False, []
        for token in batch.ids[row].tolist():
            places.append(answering and token != chat.user)
            answering = token == chat.assistant or (answering and token != chat.stop)
        expected = [token if place else IGNORE for token, place in zip(batch.ids[row].tolist(), places)]
        assert batch.labels[row].tolist() == expected
        labelled += sum(places)
        assert (batch.ids[row, batch.document[row] < 0] == chat.pad).all()
    assert labelled > 5 * ROWS and (batch.document < 0).any()


def test_the_questions_are_about_the_rows_picture(batches, scenes, chat):
    for step in range(3):
        batch = batches(tasks={"background": 1.0})(step)
        told = [IN_PLACE.get(scenes[number].place, NO_PLACE) for number in batch.pictures.tolist()]
        assert answers(chat, batch) == told
    assert len({number for step in range(9) for number in batches()(step).pictures.tolist()}) > 20


def test_only_the_given_tasks_are_asked(batches, chat):
    assert all("[[" in text for step in range(3) for text in answers(chat, batches(tasks={"find": 1.0})(step)))
    told = [text for step in range(9) for text in answers(chat, batches(tasks=GROUNDING)(step))]
    assert any(text.startswith("a ") and "[[" in text for text in told) and not any("hidden" in text for text in told)


def test_a_scene_that_is_asked_nothing_is_left_out(batches, scenes):
    """Only sums are asked to be worked out."""
    kinds = {scenes[number].kind for step in range(20) for number in batches(tasks={"sum": 1.0})(step).pictures}
    assert kinds == {"sum"} and {scene.kind for scene in scenes} > kinds


def test_rows_are_as_long_as_they_are_said_to_be(batches, chat):
    """What no longer fits is not asked; the picture and one question are always there."""
    for length in (TAKEN + 40, 200):
        batch = batches(tasks={"what": 1.0, "background": 1.0, "exists": 1.0}, length=length)(0)
        assert batch.ids.shape[1] == length and all(segments(batch, row) for row in range(ROWS))
        ends = batch.ids[torch.arange(ROWS), (batch.document >= 0).sum(1) - 1]
        assert (ends == chat.stop).all()


def test_pictures_that_nobody_can_be_asked_about_are_told_of(world, chat):
    shapes = [world.scene(Random(n), "shape") for n in range(3)]
    batches = OnePictureBatches(Source(world), chat, shapes, PictureColumns(0, 4), 1, 60, seed=0, tasks={"count": 1.0})
    with pytest.raises(VlmError, match="about count"):
        batches(0)
