"""Lessons find a trained model, or make one: never a traceback."""

import shutil
from dataclasses import replace

import pytest

from tests.tiny_run import TINY
from vlmcore.errors import VlmError
from vlmcore.exercises import trained
from vlmcore.pipeline import Run


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Where models are looked for, all empty."""
    found = {tmp_path / "shipped": "the shipped one", tmp_path / "runs" / "first": "your own"}
    monkeypatch.setattr(trained, "FOUND", found)
    monkeypatch.setattr(trained, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(trained, "train", lambda *_, **__: pytest.fail("trained though there was one"))
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


def test_without_any_one_is_trained_and_kept(places, tiny_folder, monkeypatch, capsys):
    calls = []

    def train(preset, folder, resume):
        calls.append(resume)
        shutil.copytree(tiny_folder, folder, dirs_exist_ok=True)

    monkeypatch.setattr(trained, "train", train)
    monkeypatch.setattr(trained, "CPU", TINY)
    assert trained.after_stage1().about["objects"] == 24
    assert calls == [True] and "twelve minutes" in capsys.readouterr().out


def test_another_versions_run_is_begun_anew_and_nothing_else_is(places, tmp_path, monkeypatch, capsys):
    calls = []

    def train(preset, folder, resume):
        calls.append(resume)
        raise VlmError("cannot write: no space left")

    monkeypatch.setattr(trained, "train", train)
    monkeypatch.setattr(trained, "CPU", replace(TINY, seed=5))
    Run(TINY, tmp_path / "runs" / "lessons")
    with pytest.raises(VlmError, match="no space"):
        trained.assistant()
    assert calls == [False] and "from nothing" in capsys.readouterr().out
    half = tmp_path / "runs" / "lessons" / "language.safetensors"
    Run(trained.CPU, half.parent)
    half.write_bytes(b"trained for an hour")
    with pytest.raises(VlmError, match="no space"):
        trained.assistant()
    assert calls == [False, True] and half.read_bytes() == b"trained for an hour"
