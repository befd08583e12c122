"""Pictures and captions that belong together, and what every patch shows."""

from random import Random

import pytest
import torch

from vlmcore.batches.contrastive import ContrastiveBatches, padded
from vlmcore.batches.painting import Pictures
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.source import Source

GRID = 4


@pytest.fixture(scope="module")
def batches(world, chat):
    return ContrastiveBatches(Source(world), chat, Pictures(world, 64), GRID, rows=6, limit=40, seed=0)


def test_texts_are_padded_and_their_last_token_is_known(chat):
    texts = ["a dog", "a whale in the sea", "a"]
    ids, last = padded(chat, texts, limit=3)
    for text, row, end in zip(texts, ids.tolist(), last.tolist(), strict=True):
        assert row == [*chat.encode(text)[:3], *[chat.pad] * 2][: ids.shape[1]]
        assert row[end] == chat.encode(text)[:3][-1] and all(token == chat.pad for token in row[end + 1 :])


def test_a_step_is_a_function_of_its_number(batches):
    first, again, other = batches(3), batches(3), batches(4)
    assert all(torch.equal(first[key].nan_to_num(), again[key].nan_to_num()) for key in first)
    assert not torch.equal(first["pictures"], other["pictures"])
    assert first["pictures"].dtype == torch.uint8 and first["pictures"].shape == (6, 64, 64, 3)


def test_patches_know_what_stands_in_them(batches, world):
    random = Random(0)
    for scene in (world.scene(random, kind) for kind in ("scatter", "sum", "hidden") * 10):
        regions, boxes = batches.regions(scene)
        things = [number for number in regions.tolist() if number]
        assert sorted(batches.names[number] for number in things) == sorted(thing.name for thing in scene.things)
        for thing in scene.things:
            x, y = (int(value * GRID / side) for value, side in zip(thing.centre, scene.size))
            assert batches.names[regions[y * GRID + x]] == thing.name
            assert boxes[y * GRID + x].tolist() == pytest.approx(relative(thing, scene))
        assert (boxes.isnan().all(-1) == (regions == 0)).all()


def test_many_small_things_are_not_told_one_by_one(batches, world):
    regions, boxes = batches.regions(world.scene(Random(0), "shape"))
    assert set(regions.tolist()) == {0, -100} and boxes.isnan().all()
