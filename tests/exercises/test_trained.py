"""Lessons find a trained model, or make one: never a traceback."""

import shutil

import pytest

from vlmcore.errors import VlmError
from vlmcore.exercises import trained


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

    def train(preset, folder, resume=False):
        calls.append(resume)
        if resume:
            raise VlmError("holds a run with other settings")
        shutil.copytree(tiny_folder, folder)

    monkeypatch.setattr(trained, "train", train)
    assert trained.after_stage1().about["objects"] == 24
    said = capsys.readouterr().out
    assert calls == [True, False] and "twelve minutes" in said and "from nothing" in said
