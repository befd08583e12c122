"""The whole chain, as small as it gets: what it leaves, what it leaves alone, and that it can be taken up anywhere."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.killing import bits, kill_and_resume
from tests.one_tokenizer import one_tokenizer
from tests.tiny_run import TINY, train_tiny
from vlmcore import load
from vlmcore.models.llava import LLaVA
from vlmcore.recipes import llava
from vlmcore.recipes.features import seen
from vlmcore.recipes.llava import AFTER_STAGE1, STAGES, LLaVARecipe, train
from vlmcore.recipes.llava_presets import Preset
from vlmcore.scenes.backgrounds import IN_PLACE
from vlmcore.scenes.objects import DATA
from vlmcore.scenes.questions import NO_PLACE
from vlmcore.scenes.source import CocoSource
from vlmcore.scenes.world import World
from vlmcore.text.chat import IGNORE
from vlmcore.text.tokenizer import train_tokenizer
from vlmcore.training.losses import next_token_loss
from vlmcore.training.run import OtherRun

COCO = DATA / "coco_sample"
ONE = replace(TINY.language, steps=1)
BRIEF = replace(TINY, language=ONE, vision=ONE, stage1=ONE, stage2=ONE, scenes=16)


@pytest.fixture(scope="module", autouse=True)
def tokenizer():
    with one_tokenizer():
        yield


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return Path(shutil.copytree(tiny_folder, tmp_path / "run"))


def test_it_leaves_everything_and_no_more(tiny_folder):
    names = {file.name for file in tiny_folder.iterdir()}
    wanted = {f"{stage}.{kind}" for stage in STAGES for kind in ("json", "safetensors")}
    wanted |= {
        AFTER_STAGE1,
        "run.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert wanted <= names and names - wanted <= {".lock", "chat_template.jinja", "special_tokens_map.json"}
    for stage, schedule in zip(STAGES, (TINY.language, TINY.vision, TINY.stage1, TINY.stage2)):
        history = json.loads((tiny_folder / f"{stage}.json").read_bytes())
        assert len(history["losses"]) == schedule.steps and history["seconds"] > 0


def test_the_assistant_answers(tiny_folder, tiny_assistant):
    picture = COCO / "images" / "000000000001.png"
    how = {"temperature": 2.0, "seed": 1, "max_tokens": 12}  # after three steps the likeliest word may be <stop>
    answer = tiny_assistant.ask(picture, "What is in the picture?", **how)
    assert answer.text and answer == load(tiny_folder).ask(picture, "What is in the picture?", **how)
    assert tiny_assistant.about["objects"] == TINY.objects


def test_each_stage_trains_its_part_alone(tiny_folder):
    language, vision, stage1, stage2 = (load_file(tiny_folder / f"{stage}.safetensors") for stage in STAGES)
    final = {
        part: {name.removeprefix(f"{part}."): value for name, value in stage2.items() if name.startswith(f"{part}.")}
        for part in ("vision", "projector", "language")
    }
    eyes = {name.removeprefix("vision."): value for name, value in vision.items() if name.startswith("vision.")}
    assert final["vision"].keys() == eyes.keys() and final["language"].keys() == language.keys()
    assert all(torch.equal(final["vision"][name], eyes[name]) for name in eyes)
    assert all(not torch.equal(final["projector"][name], stage1[name]) for name in stage1)
    assert any(not torch.equal(final["language"][name], language[name]) for name in language)
    assert {name.split(".")[0] for name in stage1} <= {"first", "second"}


def test_what_it_was_before_stage_2_can_be_loaded(tiny_folder):
    before = load(tiny_folder / AFTER_STAGE1).model
    language, _, stage1, _ = (load_file(tiny_folder / f"{stage}.safetensors") for stage in STAGES)
    for part, weights in ((before.projector, stage1), (before.language, language)):
        assert all(torch.equal(value.half(), weights[name].half()) for name, value in part.state_dict().items())


def recipe_of(preset: Preset, folder: Path) -> LLaVARecipe:
    return LLaVARecipe(replace(preset, scenes=8), folder)


def test_stage_1_touches_the_projector_alone(tmp_path):
    with recipe_of(TINY, tmp_path / "run") as recipe:
        model = LLaVA(recipe.config()).to(recipe.device.device)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        recipe.stage1(model, *recipe.features(model))
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"projector"}


def test_stage_2_asks_what_its_preset_says(tmp_path, monkeypatch):
    answers = []

    def listen(model, batch, features=None):
        if features is not None:
            answers.extend(recipe.chat.decode(row[row != IGNORE].tolist()) for row in batch.labels)
        return next_token_loss(model, batch, features)

    monkeypatch.setattr(llava, "next_token_loss", listen)
    with recipe_of(replace(TINY, asked={"background": 1.0}), tmp_path / "run") as recipe:
        model = LLaVA(recipe.config()).to(recipe.device.device)
        recipe.stage2(model, *recipe.features(model))
    places = re.compile(rf"(({'|'.join((*IN_PLACE.values(), NO_PLACE))}) ?)+")
    assert answers and all(places.fullmatch(answer) for answer in answers), answers


def test_features_are_those_of_the_pictures_that_batches_name(tmp_path):
    """The encoder normalises by its own mean and deviation, and runs once; a batch says which pictures it shows."""
    with recipe_of(TINY, tmp_path / "run") as recipe:
        model = LLaVA(recipe.config()).to(recipe.device.device)
        scenes, features = recipe.features(model)
        pictures = recipe.pictures.photographs(scenes, (TINY.seed, 0)).to(features.device)  # through the camera
        alone = model.encode_image(model.vision.normalise(pictures[3:4]))
    assert features.dtype == torch.float16 and len(features) == len(scenes) == 8
    torch.testing.assert_close(features[3], alone[0].half(), atol=1e-3, rtol=1e-3)
    batch = SimpleNamespace(pictures=torch.tensor([3, 3, 0]))
    assert torch.equal(seen(features, batch), features[[3, 3, 0]].float())


# -- taking up -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("lost", [STAGES[3:], STAGES[1:], STAGES[:1]], ids=" ".join)
def test_lost_results_are_made_again_to_the_bit(tiny_folder, copy, lost):
    for stage in lost:
        (copy / f"{stage}.safetensors").unlink()
    (copy / "model.safetensors").unlink()
    train_tiny(copy, True)
    assert bits(copy) == bits(tiny_folder)


def test_another_run_is_not_taken_up(copy):
    before = bits(copy)
    for preset, coco in ((replace(TINY, seed=1), None), (replace(TINY, scenes=65), None), (TINY, COCO)):
        with pytest.raises(OtherRun, match="other settings"):
            train(preset, copy, True, coco)
    assert bits(copy) == before


def test_an_earlier_run_is_not_begun_anew(copy):
    before = bits(copy)
    for preset in (TINY, replace(TINY, seed=1)):
        with pytest.raises(OtherRun, match="earlier run"):
            train(preset, copy)
    assert bits(copy) == before


def test_a_run_with_other_words_is_not_taken_up(copy, monkeypatch):
    """The ids of its tokenizer would mean something else."""
    other = train_tokenizer(["quite another text"] * 50, TINY.vocabulary)
    monkeypatch.setattr(llava, "train_tokenizer", lambda texts, vocabulary: other)
    with pytest.raises(OtherRun, match="other settings or texts"):
        train_tiny(copy, True)


def test_what_a_kill_left_half_written_is_cleared_away_in_both_folders(copy):
    halves = [
        copy / ".vision.safetensors.1",
        copy / AFTER_STAGE1 / ".config.json.27",
        copy / ".chat_template.jinja.3",
    ]
    others = [copy / ".notes.2024", copy / "photos" / ".album.json.1"]  # a folder may hold more than the run
    others[1].parent.mkdir()
    for half in halves + others:
        half.write_bytes(b"half a file")
    with LLaVARecipe(TINY, copy, resume=True):
        assert not any(half.exists() for half in halves) and all(other.exists() for other in others)


@pytest.mark.slow
def test_killed_runs_end_with_the_same_bits(tmp_path):
    result = kill_and_resume(train_tiny, tmp_path, 2, seed=1)
    assert result == {"killed": 2, "different": {}, "failed": []}


# -- photos ----------------------------------------------------------------------------------------------------------


def photos(folder: Path, captions: bool) -> Path:
    """The sample as other people's data sets are: without our facts, perhaps without captions, one picture empty."""
    shutil.copytree(COCO, folder)
    file = folder / "annotations" / "instances_train.json"
    data = json.loads(file.read_bytes())
    for entry in data["images"] + data["annotations"]:
        entry.pop("vlmcore", None)
    data["annotations"] = [entry for entry in data["annotations"] if entry["image_id"] != data["images"][0]["id"]]
    file.write_text(json.dumps(data))
    if not captions:
        (folder / "annotations" / "captions_train.json").unlink()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ours", "photos", "photos without captions"])
def test_it_trains_on_a_coco_folder(tmp_path, kind):
    folder = COCO if kind == "ours" else photos(tmp_path / "coco", kind == "photos")
    assistant = train(BRIEF, tmp_path / "run", coco=folder)
    how = {"temperature": 2.0, "seed": 1, "max_tokens": 12}
    assert isinstance(assistant.ask(np.zeros((9, 7, 3), np.uint8), "What is it?", **how).text, str)
    histories = [json.loads((tmp_path / "run" / f"{stage}.json").read_bytes())["losses"] for stage in STAGES]
    assert all(
        loss > 0 for history in histories for losses in history for name, loss in losses.items() if name != "boxes"
    )


def test_photos_are_asked_about_their_own_names(tmp_path):
    source = CocoSource(World(24), photos(tmp_path / "coco", False))
    names = {thing.name for scene in source.scenes for thing in scene.things}
    assert set(source.names) == set(source.questions.annotated) == names and not names <= set(World(24).names)
    for scene in source.scenes:
        assert len(scene.captions) == 1
        for name in scene.counts():
            assert name in scene.captions[0] or source.questions.plural(name) in scene.captions[0]
