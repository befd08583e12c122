"""The whole chain, as small as it gets: what it leaves, what it leaves alone, and that it can be taken up anywhere."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.killing import bits, kill_and_resume
from tests.tiny_run import TINY, train_tiny
from vlmcore import load
from vlmcore.chat import IGNORE
from vlmcore.data.backgrounds import IN_PLACE
from vlmcore.data.objects import DATA
from vlmcore.data.source import CocoSource
from vlmcore.data.world import World
from vlmcore.errors import VlmError
from vlmcore.llava import LLaVA
from vlmcore.pipeline import STEPS, Run, train
from vlmcore.vision import VisionConfig

COCO = DATA / "coco_sample"


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return Path(shutil.copytree(tiny_folder, tmp_path / "run"))


def test_it_leaves_everything_and_no_more(tiny_folder):
    names = {file.name for file in tiny_folder.iterdir()}
    wanted = {f"{step}.{kind}" for step in STEPS for kind in ("json", "safetensors")}
    wanted |= {
        "after_stage1",
        "run.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert wanted <= names and names - wanted <= {"chat_template.jinja", "special_tokens_map.json"}
    for step, schedule in zip(STEPS, (TINY.reading, TINY.eyes, TINY.align, TINY.tune)):
        history = json.loads((tiny_folder / f"{step}.json").read_bytes())
        assert len(history["losses"]) == schedule.steps and history["seconds"] > 0


def test_the_assistant_answers(tiny_folder, tiny_assistant):
    picture = COCO / "images" / "000000000001.png"
    how = {"temperature": 2.0, "seed": 1, "max_tokens": 12}  # after three steps the likeliest word may be <stop>
    answer = tiny_assistant.ask(picture, "What is in the picture?", **how)
    assert answer.text and answer == load(tiny_folder).ask(picture, "What is in the picture?", **how)
    assert tiny_assistant.about["objects"] == TINY.objects


def test_each_stage_trains_its_part_alone(tiny_folder):
    language, vision, stage1, stage2 = (load_file(tiny_folder / f"{step}.safetensors") for step in STEPS)
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
    before = load(tiny_folder / "after_stage1").model
    language, _, stage1, _ = (load_file(tiny_folder / f"{step}.safetensors") for step in STEPS)
    for part, weights in ((before.projector, stage1), (before.language, language)):
        assert all(torch.equal(value.half(), weights[name].half()) for name, value in part.state_dict().items())


def test_stage_1_touches_the_projector_alone(tmp_path):
    run = Run(TINY, tmp_path / "run")
    model = LLaVA(run.config()).to(run.device.device)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run.align(model, *run.look(model))
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"projector"}


def test_stage_2_asks_what_its_preset_says(tmp_path, monkeypatch):
    run = Run(replace(TINY, asked={"background": 1.0}), tmp_path / "run")
    answers, loss = [], run.answers

    def listen(model, made):
        labels = made[0].labels
        answers.extend(run.chat.decode(row[row != IGNORE].tolist()) for row in labels)
        return loss(model, made)

    monkeypatch.setattr(run, "answers", listen)
    model = LLaVA(run.config()).to(run.device.device)
    run.tune(model, *run.look(model))
    places = re.compile(rf"(({'|'.join(IN_PLACE.values())}) ?)+")
    assert answers and all(places.fullmatch(answer) for answer in answers), answers


@pytest.mark.parametrize("lost", [STEPS[3:], STEPS[1:], STEPS[:1]], ids=" ".join)
def test_lost_results_are_made_again_to_the_bit(tiny_folder, copy, lost):
    for step in lost:
        (copy / f"{step}.safetensors").unlink()
    (copy / "model.safetensors").unlink()
    train_tiny(copy, True)
    assert bits(copy) == bits(tiny_folder)


def test_another_run_is_not_taken_up(copy):
    before = bits(copy)
    for preset, coco in ((replace(TINY, seed=1), None), (replace(TINY, scenes=65), None), (TINY, COCO)):
        with pytest.raises(VlmError, match="other settings"):
            train(preset, copy, True, coco)
    assert bits(copy) == before


def test_taking_up_a_run_writes_nothing_first(copy, monkeypatch):
    """Where the disk is full, a lesson would take the failed write for another version's run, and clear the folder."""
    monkeypatch.setattr("vlmcore.pipeline.write_json", lambda *_: pytest.fail("written"))
    Run(TINY, copy, resume=True)


def test_a_run_with_other_words_is_not_taken_up(copy, monkeypatch):
    """The ids of its tokenizer would mean something else."""
    monkeypatch.setattr("vlmcore.pipeline.tokenizer_corpus", lambda world, seed: ["quite another text"] * 50)
    with pytest.raises(VlmError, match="other settings or texts"):
        train_tiny(copy, True)


def test_a_damaged_result_is_told_of(copy):
    (copy / "stage1.safetensors").write_bytes(b"garbage")
    with pytest.raises(VlmError, match=r"stage1\.safetensors is damaged"):
        train_tiny(copy, True)


def test_a_new_run_forgets_the_old_ones_results(copy):
    halves = [
        copy / ".vision.safetensors.1",
        copy / "after_stage1" / ".config.json.27",
        copy / ".chat_template.jinja.3",
    ]
    others = [copy / ".notes.2024", copy / "photos" / ".album.json.1"]  # a folder may hold more than the run
    others[1].parent.mkdir()
    for half in halves + others:
        half.write_bytes(b"half a file")
    Run(replace(TINY, seed=1), copy)
    assert not any(half.exists() for half in halves) and all(other.exists() for other in others)
    assert not [file.name for file in copy.iterdir() if file.name.lstrip(".").split(".")[0] in STEPS]


def test_the_disk_is_asked_first(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VlmError, match="cannot write"):
        Run(TINY, tmp_path / "file")


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


@pytest.mark.parametrize("kind", ["ours", "photos", "photos without captions"])
def test_it_trains_on_a_coco_folder(tmp_path, kind):
    folder = COCO if kind == "ours" else photos(tmp_path / "coco", kind == "photos")
    assistant = train(TINY, tmp_path / "run", coco=folder)
    assert isinstance(assistant.ask(np.zeros((9, 7, 3), np.uint8), "What is it?").text, str)
    histories = [json.loads((tmp_path / "run" / f"{step}.json").read_bytes())["losses"] for step in STEPS]
    assert all(
        loss > 0 for history in histories for losses in history for name, loss in losses.items() if name != "boxes"
    )


def test_photos_are_asked_about_their_own_names(tmp_path):
    source = CocoSource(World(24), photos(tmp_path / "coco", False))
    names = {thing.name for scene in source.scenes for thing in scene.things}
    assert set(source.names) == set(source.teacher.annotated) == names and not names <= set(World(24).names)
    for scene in source.scenes:
        assert len(scene.captions) == 1
        for name in scene.counts():
            assert name in scene.captions[0] or source.teacher.plural(name) in scene.captions[0]


def test_a_picture_size_of_any_kind_is_painted(tmp_path):
    small = replace(TINY, vision=VisionConfig(image=32, patch=1, stem=(4, 8, 16), transformer=TINY.vision.transformer))
    run = Run(small, tmp_path / "run")
    scene = run.source.scene(Random(0))
    picture = run.pictures.picture(scene)
    assert picture.shape == (32, 32, 3)
    large = run.source.world.paint(scene).astype(float)
    assert np.abs(large.reshape(32, 2, 32, 2, 3).mean((1, 3)) - picture).mean() < 8
