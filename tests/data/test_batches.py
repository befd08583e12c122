"""What the models are fed: by step and seed alone, easy before hard, maps that say what the pictures show."""

from functools import cache
from random import Random

import pytest
import torch

from vlmcore.chat import IGNORE, Batch, Chat
from vlmcore.data.batches import LanguageBatches, MapBatches, careless
from vlmcore.data.mix import CURRICULUM
from vlmcore.data.scene import SLOTS, Scene
from vlmcore.data.source import Source
from vlmcore.data.text import tokenizer_corpus, train_tokenizer
from vlmcore.data.wording import box_text, relative
from vlmcore.data.world import World
from vlmcore.errors import VlmError

WORLD = World(24)


@cache
def chat() -> Chat:
    return Chat(train_tokenizer(tokenizer_corpus(WORLD), 1500))


def batches(facts: float = 0.75, curriculum: int = 0) -> LanguageBatches:
    return LanguageBatches(Source(WORLD), chat(), rows=4, length=128, seed=0, facts=facts, curriculum=curriculum)


def answers(batch: Batch) -> list[str]:
    """The supervised texts of a batch, one a turn."""
    told = batch.labels[batch.labels != IGNORE].tolist()
    texts, text = [], []
    for token in told:
        if token == chat().stop:
            texts.append(chat().decode(text))
            text = []
        else:
            text.append(token)
    return texts


def same(one: Batch, other: Batch) -> bool:
    return all(
        torch.equal(value.nan_to_num(), getattr(other, name).nan_to_num())
        for name, value in vars(one).items()
        if value is not None
    )


def test_a_step_is_a_function_of_its_number():
    (maps, text), (maps_again, text_again), (other, _) = batches()(3), batches()(3), batches()(4)
    assert same(maps, maps_again) and same(text, text_again)
    assert not torch.equal(maps.ids, other.ids)


def test_easy_before_hard():
    """Of a training of 100 steps: look-ups alone, then boxes, then counting and describing too, then everything."""
    make = batches(curriculum=100)
    first, boxes, then, last = (
        [text for step in range(start, start + 4) for text in answers(make(step)[0])]
        for start in (0, *(round(100 * share) for share, _ in CURRICULUM))
    )
    things = {f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in [*WORLD.names, "unicycle"]}
    assert all(text in things or text.startswith("the ") for text in first) and len(first) > 20
    assert any("[[" in text for text in boxes) and any(text.endswith("is nowhere: no") for text in boxes)
    assert not any("top-left no" in text or "belongs" in text for text in boxes)  # nobody goes through all places yet
    assert any("top-left no" in text for text in then) and not any("belongs" in text for text in then)
    assert any("[[" in text for text in last) and any("because" in text for text in last)


def test_without_a_curriculum_every_task_comes_from_the_start():
    assert any("[[" in text for step in range(4) for text in answers(batches()(step)[0]))


def test_facts_can_be_left_out_of_the_text():
    with_facts, without = (
        " ".join(answers(batches(facts).running_text(step))[0] for step in range(30)) for facts in (1.0, 0.0)
    )
    assert "belong" in with_facts
    assert not any(f" {name} " in without for name in ("octopus", "teapot", "penguin", "stoplight"))


def test_questions_are_typed_carelessly_but_say_what_they_ask():
    random = Random(1)
    question = "Can you tell me where the teapot is in the picture?"
    typed = {careless(question, random) for _ in range(300)}
    assert question in typed and len(typed) > 20
    assert all("where" in text and "teapot" in text for text in typed)
    assert any(text == text.lower() and not text.endswith("?") for text in typed)
    assert all(careless("Is it there?", random) for _ in range(300))  # something always stays


def test_word_maps_say_what_the_pictures_show():
    random = Random(0)
    scenes = [WORLD.scene(random, "scatter") for _ in range(5)]
    features = torch.arange(5.0)[:, None, None].expand(5, 16, 3)
    batch, seen = MapBatches(chat(), scenes, features, rows=8, seed=0)(0)
    assert batch.cells.shape[:2] == (8, 16) and batch.corners.shape == (8, 16, 4) and seen.shape == (8, 16, 3)
    for which, cells, corners, feature in zip(batch.pictures.tolist(), batch.cells, batch.corners, seen, strict=True):
        scene = scenes[which]
        assert (feature == which).all()
        told = {chat().decode([token for token in cell.tolist() if token >= 0]) for cell in cells}
        assert {f"{thing.name} {SLOTS[thing.slot]}" for thing in scene.things} <= told | {scene.place}
        found = [chat().decode(box.tolist()) for box in corners if box.min() >= 0]
        assert sorted(found) == sorted(box_text([relative(thing, scene)]) for thing in scene.things)


def test_pictures_that_make_no_word_map_end_in_an_error():
    class Shapes(Source):
        def scene(self, random: Random) -> Scene:
            return WORLD.scene(random, "shape")

    with pytest.raises(VlmError, match="add others"):
        LanguageBatches(Shapes(WORLD), chat(), rows=2, length=128, seed=0, facts=0.5)(0)


def test_maps_tell_boxes_only_where_boxes_are_asked_for():
    batches = LanguageBatches(Source(WORLD), chat(), rows=2, length=128, seed=0, facts=0.5, curriculum=100)
    begin = round(100 * CURRICULUM[0][0])
    for step, told in ((0, False), (begin - 1, False), (begin, True), (99, True)):
        assert bool((batches(step)[0].corners >= 0).any()) == told
