"""Lessons find a trained model, or make one, once: never a traceback."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from tests.one_tokenizer import one_tokenizer
from tests.tiny_run import TINY
from vlmcore.errors import VlmError
from vlmcore.exercises import trained
from vlmcore.files import lock, write_json
from vlmcore.recipes.llava import AFTER_STAGE1


def never(*_, **__):
    pytest.fail("trained though there was one")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Where models are looked for, all empty: shipped, the student's own, the lessons'."""
    runs = tmp_path / "runs"
    found = {tmp_path / "shipped": "the shipped one", runs / "first": "your own", runs / "lessons": "an earlier one"}
    monkeypatch.setattr(trained, "FOUND", found)
    monkeypatch.setattr(trained, "RUNS", runs)
    monkeypatch.setattr(trained, "OWN", runs / "lessons")
    monkeypatch.setattr(trained, "CPU", TINY)
    monkeypatch.setattr(trained, "train", never)
    return list(found)


@pytest.mark.parametrize("part", [trained.assistant, trained.after_stage1])
def test_the_first_that_can_be_read_is_taken(places, tiny_folder, capsys, part):
    shutil.copytree(tiny_folder, places[1])
    assert part().about["objects"] == 24
    assert "your own" in capsys.readouterr().out
    shutil.copytree(tiny_folder, places[0])
    part()
    assert "the shipped one" in capsys.readouterr().out
    for file in places[0].rglob("model.safetensors"):
        file.write_bytes(b"damaged")
    part()
    assert "your own" in capsys.readouterr().out


@pytest.fixture
def calls(monkeypatch, tiny_folder):
    """Trainings that were begun, each (folder, resume); they take no time."""
    made = []

    def train(preset, folder, resume=False):
        made.append((folder, resume))
        shutil.copytree(tiny_folder, folder, dirs_exist_ok=True)

    monkeypatch.setattr(trained, "train", train)
    return made


def test_without_any_one_is_trained_once_and_kept(places, calls, capsys):
    assert trained.after_stage1().about["objects"] == 24
    assert calls == [(places[2], True)] and "eight minutes on two fast cores" in capsys.readouterr().out
    assert trained.assistant().about["objects"] == 24
    assert len(calls) == 1 and "an earlier one" in capsys.readouterr().out


def test_a_second_notebook_waits_and_then_reads_what_the_first_has_trained(places, calls, tiny_folder):
    """The first notebook is this test: it holds the lock while it trains."""
    found = []
    with lock(places[2].parent / ".lessons.lock", "held already"):
        second = threading.Thread(target=lambda: found.append(trained.assistant()), daemon=True)
        second.start()
        second.join(0.5)
        assert second.is_alive() and not calls, "it should wait"
        shutil.copytree(tiny_folder, places[2])
    second.join(60)
    assert not calls and [assistant.about["objects"] for assistant in found] == [24]


@pytest.fixture
def of_another_version(places, tiny_folder):
    """Where an unfinished run of other settings lies, with files that no run has left."""
    own = Path(shutil.copytree(tiny_folder, places[2]))
    (own / "model.safetensors").unlink(), (own / "stage2.safetensors").unlink()
    settings = json.loads((own / "run.json").read_bytes())
    write_json(own / "run.json", settings | {"texts": "other ones"})
    (own / "notes.txt").write_text("a student's")
    (own / "photos").mkdir()
    (own / "photos" / "album.json").write_text("{}")
    return own


@pytest.mark.slow
def test_another_versions_run_is_begun_anew(of_another_version, tiny_folder, monkeypatch, capsys):
    from vlmcore.recipes.llava import train

    monkeypatch.setattr(trained, "train", train)
    with one_tokenizer():
        assert trained.assistant().about["objects"] == 24
    out = capsys.readouterr().out
    assert "other settings or texts" in out and "from nothing" in out
    for name in ("model.safetensors", "language.safetensors", "run.json"):
        assert (of_another_version / name).read_bytes() == (tiny_folder / name).read_bytes()
    assert (of_another_version / "notes.txt").exists() and (of_another_version / "photos" / "album.json").exists()


def test_nothing_of_another_versions_run_is_taken_for_this_ones(of_another_version, monkeypatch):
    """Neither by the new run, nor, when that is stopped, by the next lesson."""
    calls = []

    def train(preset, folder, resume=False):
        calls.append(resume)
        if resume:
            raise trained.OtherRun("a run with other settings")
        assert not [*folder.glob("*.safetensors"), *folder.glob("*.json")]
        raise KeyboardInterrupt

    monkeypatch.setattr(trained, "train", train)
    with pytest.raises(KeyboardInterrupt):
        trained.assistant()
    assert calls == [True, False]
    assert not (of_another_version / AFTER_STAGE1 / "model.safetensors").exists()
    assert (of_another_version / "notes.txt").exists() and (of_another_version / "photos" / "album.json").exists()


def test_what_else_goes_wrong_does_not_cost_what_is_trained(places, monkeypatch):
    def train(preset, folder, resume=False):
        raise VlmError("cannot write: no space left")

    half = places[2] / "language.safetensors"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"trained for an hour")
    monkeypatch.setattr(trained, "train", train)
    for _ in range(2):  # the lock is free again
        with pytest.raises(VlmError, match="no space"):
            trained.assistant()
    assert half.read_bytes() == b"trained for an hour"


def test_the_cpu_preset_is_what_lessons_train():
    from vlmcore.recipes.llava_presets import PRESETS

    assert trained.CPU is PRESETS["cpu"]
