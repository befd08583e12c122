"""A run's folder: who may train in it, what is left there, and that it can be taken up at any moment."""

import json
import multiprocessing
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from tests.killing import bits
from tests.training.test_loop import CPU, SCHEDULE, make, same, weights
from vlmcore.device import Device
from vlmcore.errors import VlmError
from vlmcore.training import run as module
from vlmcore.training.run import OtherRun, Run, forget

SETTINGS = {"rows": 8, "sizes": (3, 4), "lr": 0.1}
SAVING = replace(SCHEDULE, save_seconds=0)


def batches(number: int) -> torch.Tensor:
    return torch.randn(16, 4, generator=torch.Generator().manual_seed(number))


class Stage:
    """A stage "first" of a tiny task. ``stop``: interrupt it when that batch is asked for."""

    def __init__(self, stop: int | None = None) -> None:
        self.model, self.stop, self.asked = make(), stop, []

    def made(self, number: int) -> torch.Tensor:
        if number == self.stop:
            raise KeyboardInterrupt
        self.asked.append(number)
        return batches(number)

    def losses(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": F.mse_loss(self.model(x).sum(1), x.sum(1))}

    def train(self, run: Run, name: str = "first", **options: object) -> nn.Module:
        run.stage(name, self.model, self.made, self.losses, SAVING, keep=self.model[2], **options)
        return self.model


def finished(folder: Path) -> nn.Module:
    with Run(folder, SETTINGS, CPU) as run:
        return Stage().train(run)


# -- stages ----------------------------------------------------------------------------------------------------------


def test_a_stage_leaves_its_part_its_losses_and_no_more(tmp_path):
    model = finished(tmp_path / "run")
    left = {file.name for file in (tmp_path / "run").iterdir() if file.name != ".lock"}
    assert left == {"run.json", "first.safetensors", "first.json"}
    kept = load_file(tmp_path / "run" / "first.safetensors")
    assert kept.keys() == {"weight", "bias"} and torch.equal(kept["weight"], model[2].weight)
    told = json.loads((tmp_path / "run" / "first.json").read_bytes())
    assert len(told["losses"]) == 12 and told["losses"][0].keys() == {"loss"} and told["seconds"] > 0


def test_a_finished_stage_is_read_back_and_not_trained_again(tmp_path):
    model = finished(tmp_path / "run")
    before = bits(tmp_path / "run")
    (tmp_path / "run" / "first.state.safetensors").write_bytes(b"left by a kill between result and end")
    stage = Stage()
    with Run(tmp_path / "run", SETTINGS, CPU, resume=True) as run:
        stage.train(run)
    assert not stage.asked and same(weights(model[2]), weights(stage.model[2]))
    assert bits(tmp_path / "run") == before


def test_a_new_run_reads_nothing_back(tmp_path):
    """Somebody's weights of the same name, or those of a run whose run.json is gone."""
    finished(tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    stage = Stage()
    with Run(tmp_path / "run", SETTINGS, CPU) as run:
        stage.train(run)
    assert stage.asked == list(range(12))


@pytest.mark.parametrize("stop", [0, 1, 7, 11])
def test_an_interrupted_stage_goes_on_to_the_same_bits(tmp_path, stop):
    finished(tmp_path / "peace")
    with Run(tmp_path / "run", SETTINGS, CPU) as run, pytest.raises(KeyboardInterrupt):
        Stage(stop).train(run)
    again = Stage()
    with Run(tmp_path / "run", SETTINGS, CPU, resume=True) as run:
        again.train(run)
    assert again.asked == list(range(stop, 12)) and bits(tmp_path / "run") == bits(tmp_path / "peace")


def test_validation_losses_are_told_of(tmp_path):
    with Run(tmp_path / "run", SETTINGS, CPU) as run:
        stage = Stage()
        stage.model[2].requires_grad_(True)
        run.stage(
            "first", stage.model, batches, stage.losses, replace(SAVING, validate_every=5), keep=stage.model,
            validate=lambda: stage.losses(batches(1000)),
        )  # fmt: skip
    told = json.loads((tmp_path / "run" / "first.json").read_bytes())["losses"]
    assert [number for number, losses in enumerate(told) if "validation loss" in losses] == [4, 9]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there batches are made ahead")
def test_batches_made_ahead_change_no_bit(tmp_path, monkeypatch):
    finished(tmp_path / "here")
    monkeypatch.setattr(module, "can_prefetch", lambda device: True)
    with Run(tmp_path / "ahead", SETTINGS, CPU) as run:
        stage = Stage()
        stage.train(run)
    assert not stage.asked, "a worker should have made them"
    assert bits(tmp_path / "ahead") == bits(tmp_path / "here")


def test_a_damaged_result_is_told_of(tmp_path):
    finished(tmp_path / "run")
    (tmp_path / "run" / "first.safetensors").write_bytes(b"garbage")
    with (
        Run(tmp_path / "run", SETTINGS, CPU, resume=True) as run,
        pytest.raises(VlmError, match=r"first\.safetensors is damaged"),
    ):
        Stage().train(run)


# -- whose folder it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["run", "model.safetensors"])
def test_an_earlier_run_is_not_trained_over(tmp_path, left):
    """Without --resume its results were once deleted, hours of training with them, and the new run began."""
    if left == "run":
        finished(tmp_path / "run")
    else:  # a model that somebody has put there
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / left).write_bytes(b"weights")
    (tmp_path / "run" / ".first.safetensors.12").write_bytes(b"half a file")
    before = bits(tmp_path / "run")
    with pytest.raises(OtherRun, match="holds an earlier run: take it up with --resume, choose another --out"):
        Run(tmp_path / "run", SETTINGS, CPU)
    after = bits(tmp_path / "run")
    assert {**after, ".lock": b""} == {**before, ".lock": b""}


@pytest.mark.parametrize("other", [{"rows": 9}, {"sizes": (3, 5)}, {"more": None}], ids=str)
def test_a_run_with_other_settings_is_not_taken_up(tmp_path, other):
    finished(tmp_path / "run")
    before = bits(tmp_path / "run")
    with pytest.raises(OtherRun) as held:
        Run(tmp_path / "run", SETTINGS | other, CPU, resume=True)
    assert "holds a run with other settings or texts: choose another --out, or remove it" in str(held.value)
    assert bits(tmp_path / "run") == before
    with Run(tmp_path / "run", SETTINGS, CPU, resume=True) as run:  # while a traceback still holds the one refused
        assert run.begun


def test_taking_up_a_run_writes_nothing_first(tmp_path, monkeypatch):
    """Where the disk is full, a lesson would take the failed write for another version's run, and clear the folder."""
    finished(tmp_path / "run")
    monkeypatch.setattr(module, "write_json", lambda *_: pytest.fail("written"))
    with Run(tmp_path / "run", SETTINGS, CPU, resume=True):
        pass


def test_with_resume_a_new_folder_begins_a_run(tmp_path):
    with Run(tmp_path / "new" / "run", SETTINGS, CPU, resume=True) as run:
        assert not run.begun
    assert json.loads((tmp_path / "new" / "run" / "run.json").read_bytes()) == {"rows": 8, "sizes": [3, 4], "lr": 0.1}


def test_the_disk_is_asked_first(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VlmError, match="cannot write"):
        Run(tmp_path / "file", SETTINGS, CPU)


def test_several_processes_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(VlmError, match="2 processes were started"):
        Run(tmp_path / "run", SETTINGS, CPU)
    assert list(tmp_path.iterdir()) == []


# -- one process a folder --------------------------------------------------------------------------------------------


def test_a_folder_in_which_somebody_trains_is_refused(tmp_path):
    """Two runs in one folder once wrote over one another's states, and each went on from the other's."""
    with Run(tmp_path / "run", SETTINGS, CPU):
        for resume in (False, True):
            with pytest.raises(VlmError, match=r"another process trains in .* at this moment"):
                Run(tmp_path / "run", SETTINGS, CPU, resume)
        with Run(tmp_path / "other", SETTINGS, CPU):
            pass
    with Run(tmp_path / "run", SETTINGS, CPU, resume=True):
        pass


def test_a_run_that_ends_with_an_error_gives_its_folder_back(tmp_path):
    with pytest.raises(ZeroDivisionError), Run(tmp_path / "run", SETTINGS, CPU):
        raise ZeroDivisionError
    with Run(tmp_path / "run", SETTINGS, CPU, resume=True):
        pass


def hold(folder: Path) -> None:
    with Run(folder, SETTINGS, CPU):
        (folder / "held").touch()
        time.sleep(60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a new process imports for long")
def test_a_killed_run_gives_its_folder_back(tmp_path):
    """A lock that is a mere file would have to be removed by hand after every kill."""
    process = multiprocessing.get_context("fork").Process(target=hold, args=(tmp_path / "run",))
    process.start()
    until = time.monotonic() + 20
    while not (tmp_path / "run" / "held").exists() and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(VlmError, match="another process trains in"):
        Run(tmp_path / "run", SETTINGS, CPU, resume=True)
    process.kill()
    process.join()
    with Run(tmp_path / "run", SETTINGS, CPU, resume=True) as run:
        assert run.begun


# -- what a killed run has left --------------------------------------------------------------------------------------


def scattered(folder: Path) -> tuple[list[Path], list[Path]]:
    """What killed writes left, and what is not a run's."""
    halves = [".vision.safetensors.1", "inside/.config.json.27", ".chat_template.jinja.3", ".run.json.99"]
    others = [".notes.2024", ".vision.safetensors.old", "photos/.album.json.1", "notes.txt"]
    for name in halves + others:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"half a file")
    return [folder / name for name in halves], [folder / name for name in others]


@pytest.mark.parametrize("resume", [False, True])
def test_half_written_files_are_removed_and_nothing_else(tmp_path, resume):
    """A folder may hold more than the run."""
    if resume:
        finished(tmp_path / "run")
    halves, others = scattered(tmp_path / "run")
    with Run(tmp_path / "run", SETTINGS, CPU, resume, inside=["inside"]):
        pass
    assert not any(half.exists() for half in halves) and all(other.exists() for other in others)
    assert (tmp_path / "run" / "first.safetensors").exists() == resume


def test_forget_leaves_what_is_not_the_runs(tmp_path):
    finished(tmp_path / "run")
    halves, others = scattered(tmp_path / "run")
    (tmp_path / "run" / "inside" / "model.safetensors").write_bytes(b"weights")
    forget(tmp_path / "run", inside=["inside"])
    assert not any(half.exists() for half in halves) and all(other.exists() for other in others)
    left = {file.relative_to(tmp_path / "run") for file in (tmp_path / "run").rglob("*") if file.is_file()}
    assert left - {Path(".lock")} == {other.relative_to(tmp_path / "run") for other in others}
    with Run(tmp_path / "run", SETTINGS, CPU) as run:
        assert not run.begun


def test_the_device_is_the_runs(tmp_path):
    """Autocast in another format than the one that was picked would end with other bits."""
    seen = set()

    class Listening(Stage):
        def losses(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            seen.add(self.model(x).dtype)
            return super().losses(x)

    device = Device(torch.device("cpu"), torch.bfloat16, reason="a test")
    with Run(tmp_path / "run", SETTINGS, device) as run:
        Listening().train(run)
    assert seen == {torch.bfloat16}
