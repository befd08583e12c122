"""The training loop: it learns, it stops in time, and a killed run ends with the same bits."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.killing import bits, in_child
from vlmcore.checkpoint import write_json, write_tensors
from vlmcore.device import Device
from vlmcore.errors import VlmError
from vlmcore.train import Schedule, fit, freeze

CPU = Device(torch.device("cpu"), "no", "a test")
BF16 = Device(torch.device("cpu"), "bf16", "a test")
SCHEDULE = Schedule(steps=12, lr=2e-2, save_every=5)


def make(width: int = 8) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, width), nn.GELU(), nn.Linear(width, 2))


class Losses:
    """A fixed linear task, new numbers every step. ``stop``: raise something at that step."""

    def __init__(self, model, stop=None, error=KeyboardInterrupt):
        self.model, self.stop, self.error, self.steps, self.dtypes = model, stop, error, [], set()

    def __call__(self, step):
        if step == self.stop:
            raise self.error
        self.steps.append(step)
        x = torch.randn(32, 4, generator=torch.Generator().manual_seed(step))
        guess = self.model(x)
        self.dtypes.add(guess.dtype)
        return {"first": F.mse_loss(guess[:, 0].float(), x.sum(1)), "second": F.mse_loss(guess[:, 1].float(), x[:, 0])}


def weights(model):
    return [value.detach().clone() for value in model.parameters()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("device", [CPU, BF16, CPU], ids=["float32", "bfloat16", "float32 again"])
def test_it_learns_in_either_precision(device):
    model = make(32)
    losses = Losses(model)
    history = fit(model, losses, Schedule(steps=80, lr=2e-2), device)
    assert losses.steps == list(range(80)) and len(history) == 80
    assert losses.dtypes == {torch.bfloat16 if device is BF16 else torch.float32}
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    for name in ("first", "second"):
        assert history[-1][name] < 0.3 * history[0][name]
    assert not model.training


@pytest.mark.parametrize("steps, warmup", [(100, 0.1), (40, 0.5), (3, 0.0), (1, 0.1)])
def test_the_rate_rises_and_falls_straight(steps, warmup):
    schedule = Schedule(steps=steps, lr=2.0, warmup=warmup)
    rates = [schedule.rate(step) for step in range(steps)]
    top = max(round(steps * warmup), 1)
    assert max(rates) == pytest.approx(2.0) and min(rates) > 0
    rise, fall = rates[:top], rates[top:]
    assert rise == pytest.approx([2.0 * (n + 1) / top for n in range(top)])
    assert fall == pytest.approx([2.0 * (steps - n) / (steps - top) for n in range(top, steps)])
    assert steps == 1 or rates[-1] <= 2.0 / (steps - top) + 1e-9


def test_frozen_weights_keep_their_bits():
    model = make()
    freeze(model[0])
    before = weights(model[0]), weights(model[2])
    fit(model, Losses(model), SCHEDULE, CPU)
    assert same(before[0], weights(model[0]))
    assert not any(torch.equal(a, b) for a, b in zip(before[1], weights(model[2])))
    freeze(model[0], False)
    fit(model, Losses(model), SCHEDULE, CPU)
    assert not same(before[0], weights(model[0]))


@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_what_is_not_a_number_stops_the_run(tmp_path, bad):
    model, state = make(), tmp_path / "state"

    def losses(step):
        assert step <= 7, "it went on"
        if step == 4:
            saved[0] = None
        if step == 5:
            saved[0] = state.read_bytes()
        loss = model(torch.ones(1, 4)).square().mean()
        if step == 7:
            loss = loss * float("nan") if bad == "loss" else (loss - loss.detach()).sqrt()  # √0 has no slope
        return {"answers": loss}

    saved = [None]
    with pytest.raises(VlmError, match=f"stage: the {bad} of step 7 is not a number"):
        fit(model, losses, SCHEDULE, CPU, name="stage", state=state)
    assert saved[0] is not None and state.read_bytes() == saved[0]
    assert all(value.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize("device", [CPU, BF16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("stop", [1, 5, 8, 11])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, stop, device):
    peace = make()
    expected = fit(peace, Losses(peace), SCHEDULE, device)
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, stop), SCHEDULE, device, state=state)
    torch.manual_seed(99)
    model = make()
    again = Losses(model)
    history = fit(model, again, SCHEDULE, device, state=state, resume=True)
    assert again.steps[0] == stop // 5 * 5  # at most save_every steps are lost
    assert history == expected and same(weights(model), weights(peace))


def test_without_resume_a_run_begins_anew(tmp_path):
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, 8), SCHEDULE, CPU, state=state)
    model = make()
    again = Losses(model)
    fit(model, again, SCHEDULE, CPU, state=state)
    assert again.steps[0] == 0


def slow(folder, resume):
    """A run of a second that saves all the time, for SIGKILL."""
    import time

    model = make()
    losses = Losses(model)

    def slowly(step):
        time.sleep(0.02)
        return losses(step)

    history = fit(model, slowly, Schedule(steps=40, save_every=1), CPU, state=folder / "state", resume=resume)
    write_json(folder / "run.json", {"losses": history})
    write_tensors(folder / "result", model.state_dict())
    for file in folder.glob(".state*"):  # what the killed process was writing
        file.unlink()


def test_a_killed_run_ends_with_the_same_bits(tmp_path):
    assert in_child(slow, tmp_path / "peace", False)[1] == 0
    seconds = in_child(slow, tmp_path / "peace", False)[0]  # without the imports
    assert in_child(slow, tmp_path / "killed", False, 0.7 * seconds)[1] != 0
    assert (tmp_path / "killed" / "state").exists() and not (tmp_path / "killed" / "result").exists()
    assert in_child(slow, tmp_path / "killed", True)[1] == 0
    assert bits(tmp_path / "peace") == bits(tmp_path / "killed")


def test_damaged_and_foreign_states_are_told_of(tmp_path):
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, 8), SCHEDULE, CPU, state=state)
    content = state.read_bytes()

    def resume(model, content):
        if content is not None:
            state.write_bytes(content)
        before = weights(model)
        with pytest.raises(VlmError, match=str(state)):
            fit(model, Losses(model), SCHEDULE, CPU, state=state, resume=True)
        assert same(before, weights(model))

    for bad in (b"", content[: len(content) // 2], b"garbage" * 50):
        resume(make(), bad)
    resume(make(9), content)  # of other shapes
    resume(nn.Linear(4, 2), content)  # with other names
    named = {f"weight/{name}": value for name, value in make().state_dict().items()}
    write_tensors(state, named)  # nothing said about losses
    resume(make(), None)
    write_tensors(state, named, {"progress": "["})
    resume(make(), None)
    write_tensors(state, named | {"optimizer/x": torch.zeros(1)}, {"progress": '{"history": [], "scale": {}}'})
    resume(make(), None)
