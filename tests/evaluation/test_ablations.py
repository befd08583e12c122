"""The ablations of the claim: five trainings a seed, seven columns, their spread, and nothing trained twice."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch

from tests.killing import bits
from tests.one_tokenizer import one_tokenizer
from tests.tiny_run import TINY
from vlmcore.assistant import Assistant, load
from vlmcore.evaluation.ablations import WHOLE, ablations, stood, variants
from vlmcore.evaluation.benchmark import CLAIM
from vlmcore.evaluation.report import spread_table
from vlmcore.models.llava import LLaVA, LLaVAConfig
from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.mix import CLAIM_MIX
from vlmcore.scenes.scene import Scene, Thing, held_out_pair
from vlmcore.scenes.world import World

SHORT = replace(TINY, asked=CLAIM_MIX)
EYES = LLaVA(LLaVAConfig(vision=TINY.vision_model))


@pytest.fixture(scope="module")
def seen():
    """What any assistant is asked: a set for each call, True for a picture that is all grey. Answers are cut short."""
    asked, answer_all = [], Assistant.answer_all

    def listen(self, questions):
        asked.append({picture.std() == 0 for picture, *_ in questions})
        return answer_all(self, questions, max_tokens=8)

    with one_tokenizer(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Assistant, "answer_all", listen)
        yield asked


@pytest.fixture(scope="module")
def made(tmp_path_factory, seen):
    folder = tmp_path_factory.mktemp("ablations")
    return folder, ablations(EYES, SHORT, folder, per_task=1, seed=0)


NAMES = [
    "whole", "blind baseline", "after stage 1 alone", "no text in stage 2", "no language pretraining", "facts removed",
    "pictures alone",
]  # fmt: skip


@pytest.mark.slow
def test_every_model_is_scored_on_every_task_once_a_seed(made):
    _, results = made
    assert list(results) == NAMES
    assert all(set(scores) == {*CLAIM_MIX, CLAIM} for runs in results.values() for scores in runs)
    assert {len(runs) for runs in results.values()} == {2}
    text = spread_table(results)
    assert all(name in text for name in (*results, *CLAIM_MIX, CLAIM)) and len(text.splitlines()) == len(CLAIM_MIX) + 3


@pytest.mark.slow
def test_all_have_the_same_eyes(made):
    folder, _ = made
    eyes = EYES.vision.state_dict()
    for place in folder.iterdir():
        own = load(place).model.vision.state_dict()
        assert all(torch.equal(own[name], value.half().float()) for name, value in eyes.items())


@pytest.mark.slow
def test_each_ablation_leaves_out_one_thing(made):
    folder, _ = made
    presets = {path.name: json.loads((path / "run.json").read_bytes())["preset"] for path in folder.iterdir()}
    for number in (0, 1):
        whole = presets.pop(f"whole-{number}")
        assert whole["seed"] == TINY.seed + number
        changed = {
            name.removesuffix(f"-{number}"): {key: value for key, value in preset.items() if value != whole[key]}
            for name, preset in presets.items()
            if name.endswith(f"-{number}")
        }
        assert changed.pop("no-language-pretraining")["language"]["steps"] == 0
        assert changed == {
            "no-text-in-stage-2": {"text_rows": 0}, "facts-removed": {"facts": 0.0}, "pictures-alone": {"unread": True},
        }  # fmt: skip


@pytest.mark.slow
def test_one_model_sees_nothing_but_grey(made, seen):
    rounds = len(seen) // (2 * len(NAMES))  # of a conversation: every model asks all
    assert len(seen) == 2 * len(NAMES) * rounds > 0
    models = [set().union(*seen[start : start + rounds]) for start in range(0, len(seen), rounds)]
    assert models == [{name == "blind baseline"} for name in NAMES] * 2


@pytest.mark.slow
def test_a_second_call_trains_nothing_again(made, monkeypatch):
    folder, results = made
    before = bits(folder / "whole-0")
    monkeypatch.setattr("vlmcore.training.run.fit", lambda *_, **__: pytest.fail("trained again"))
    again = ablations(EYES, SHORT, folder, per_task=1, seed=0)
    assert again == results and bits(folder / "whole-0") == before
    assert all(np.isfinite(list(scores.values())).all() for runs in again.values() for scores in runs)


# -- what they change -------------------------------------------------------------------------------------------------


def test_variants_change_one_thing_each():
    assert variants(TINY)[WHOLE] == TINY
    for preset in variants(TINY).values():
        assert sum(getattr(preset, name) != getattr(TINY, name) for name in vars(TINY)) == (preset is not TINY)


def test_how_often_a_held_out_object_stood_where():
    world = World(48)
    (first, second, *_) = (name for name in world.names if world.held_out(name))
    dog, one, other = (Thing(name, (0, 0, 9, 9)) for name in ("dog", first, second))
    scenes = [
        Scene("scatter", "sea", (dog, one, one)), Scene("scatter", "sea", (one, other)),
        Scene("scatter", None, (one,)), Scene("scatter", "farm", (dog,)), Scene("scatter", "farm", ()),
    ]  # fmt: skip
    found = stood(world, scenes)
    assert set(found) == {name for name in world.names if world.held_out(name)}
    assert found[first] == {"sea": 2, "no place": 1} and found[second] == {"sea": 1}  # pictures are counted, not things
    assert not found[next(name for name in found if name not in (first, second))]


def test_training_pictures_do_not_tell_where_held_out_objects_belong():
    """No place sees a held-out object at home more often than chance: else the claim were co-occurrence."""
    world, random = World(48), Random(0)
    scenes = (world.scene(random) for _ in range(8000))
    found = stood(world, (scene for scene in scenes if scene.kind != "unusual"))
    at_home = sum(counts[world.objects[name].found] for name, counts in found.items())
    allowed = {name: [place for place in PLACES if not held_out_pair(name, place)] for name in found}
    expected = sum(
        (counts.total() - counts["no place"]) * (world.objects[name].found in allowed[name]) / len(allowed[name])
        for name, counts in found.items()
    )
    assert expected > 120 and at_home / expected == pytest.approx(1, abs=0.2)
