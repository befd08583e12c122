"""Questions about pictures: each row of features belongs to the picture that is asked about."""

from random import Random

import torch

from tests.batches.reading import answers, same
from vlmcore.batches.asking import PATCHES
from vlmcore.batches.questions import PictureBatches
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.questions import NO_PLACE
from vlmcore.scenes.source import Source


def test_every_document_is_about_its_picture(world, chat):
    scenes = [world.scene(Random(n), "scatter") for n in range(9)]
    batch = PictureBatches(Source(world), chat, scenes, rows=4, length=64, seed=0, tasks={"background": 1.0})(0)
    assert set(batch.pictures.tolist()) <= set(range(9)) and len(batch.pictures) == int(batch.document.max()) + 1
    assert int((batch.ids == chat.image).sum()) == PATCHES * len(batch.pictures)
    told = answers(chat, batch)
    assert told == [IN_PLACE.get(scenes[number].place, NO_PLACE) for number in batch.pictures.tolist()]


def test_a_step_is_a_function_of_its_number(world, chat):
    scenes = [world.scene(Random(n)) for n in range(9)]
    first, again, other = (PictureBatches(Source(world), chat, scenes, 4, 128, seed=0)(step) for step in (3, 3, 4))
    assert same(first, again) and not torch.equal(first.ids, other.ids)
