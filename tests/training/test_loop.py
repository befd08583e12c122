"""The training loop: it learns, it stops in time, and a killed run ends with the same bits."""

import itertools
import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.killing import bits, in_child
from vlmcore.device import Device
from vlmcore.errors import VlmError
from vlmcore.files import write_json
from vlmcore.models.vector_quantiser import QuantiserConfig, VectorQuantiser
from vlmcore.tensors import read_tensors, write_tensors
from vlmcore.training import loop
from vlmcore.training.loop import SKIPPED, fit, freeze
from vlmcore.training.schedule import Schedule

CPU = Device(torch.device("cpu"), reason="a test")
BF16 = Device(torch.device("cpu"), torch.bfloat16, reason="a test")
FP16 = Device(torch.device("cpu"), torch.float16, reason="a test")
SCHEDULE = Schedule(steps=12, lr=2e-2, save_seconds=5)


@pytest.fixture
def clock(monkeypatch):
    """A clock that ticks a second each time it is looked at, which is once a step: saves after steps 4 and 9."""
    ticks = itertools.count()
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: next(ticks)))


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


@pytest.mark.parametrize("device", [CPU, BF16, FP16, CPU], ids=["float32", "bfloat16", "float16", "float32 again"])
def test_it_learns_in_every_precision(device):
    model = make(32)
    losses = Losses(model)
    history = fit(model, losses, Schedule(steps=80, lr=2e-2), device)
    assert losses.steps == list(range(80)) and len(history) == 80
    assert losses.dtypes == {device.compute}
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    for name in ("first", "second"):
        assert history[-1][name] < 0.3 * history[0][name]
    assert not model.training


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
def test_what_is_not_a_number_stops_the_run(tmp_path, clock, bad):
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


@pytest.mark.parametrize("device", [CPU, BF16, FP16], ids=["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("stop", [1, 5, 8, 11])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, clock, stop, device):
    peace = make()
    expected = fit(peace, Losses(peace), SCHEDULE, device)
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, stop), SCHEDULE, device, state=state)
    torch.manual_seed(99)
    model = make()
    again = Losses(model)
    history = fit(model, again, SCHEDULE, device, state=state, resume=True)
    assert again.steps[0] == stop // 5 * 5  # at most save_seconds are lost
    assert history == expected and same(weights(model), weights(peace))


def test_without_resume_a_run_begins_anew(tmp_path, clock):
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, 8), SCHEDULE, CPU, state=state)
    model = make()
    again = Losses(model)
    fit(model, again, SCHEDULE, CPU, state=state)
    assert again.steps[0] == 0


def slow(folder, resume):
    """A run of a second that saves all the time, for SIGKILL."""
    model = make()
    losses = Losses(model)

    def slowly(step):
        time.sleep(0.02)
        return losses(step)

    history = fit(model, slowly, Schedule(steps=40, save_seconds=0), CPU, state=folder / "state", resume=resume)
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


# -- what is saved, and when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "saved"), [(0, list(range(1, 12))), (5, [5, 10]), (1000, [])])
def test_it_saves_by_time(tmp_path, clock, monkeypatch, seconds, saved):
    """By steps, a fast GPU would write all the time and a slow CPU would lose minutes. The last step saves nothing."""
    model, found, save = make(), [], loop.save_training

    def spy(path, weights, optimizer, history, scale):
        found.append(len(history))
        save(path, weights, optimizer, history, scale)

    monkeypatch.setattr(loop, "save_training", spy)
    fit(model, Losses(model), replace(SCHEDULE, save_seconds=seconds), CPU, state=tmp_path / "state")
    assert found == saved


@pytest.mark.parametrize("stop", [1, 5, 8, 11])
def test_dropout_goes_on_with_the_same_random_numbers(tmp_path, clock, stop):
    """Its random numbers were once not saved: whatever drops out or adds noise ended with other bits."""

    def forgetful():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))

    peace = forgetful()
    expected = fit(peace, Losses(peace), SCHEDULE, CPU)
    model, state = forgetful(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, stop), SCHEDULE, CPU, state=state)
    model = forgetful()
    if state.exists():
        torch.manual_seed(99)
    assert fit(model, Losses(model), SCHEDULE, CPU, state=state, resume=True) == expected
    assert same(weights(model), weights(peace))


class Averaged(Losses):
    """A quantiser in front: its codes move by averages, and dead ones come back at random."""

    def __call__(self, step):
        if step == self.stop:
            raise self.error
        z = torch.randn(32, 4, generator=torch.Generator().manual_seed(step))
        quantiser, layer = self.model
        if step % 3 == 0:
            quantiser.revive(z)
        chosen, _, commitment = quantiser(z)
        return {"loss": F.mse_loss(layer(chosen)[:, 0].float(), z.sum(1)), "commitment": commitment}


def test_what_moves_without_a_gradient_is_taken_up_too(tmp_path, clock):
    def quantised():
        torch.manual_seed(0)
        return nn.Sequential(VectorQuantiser(QuantiserConfig(codes=6, width=4, dead=0.5)), nn.Linear(4, 2))

    whole = quantised()
    expected = fit(whole, Averaged(whole), SCHEDULE, CPU)
    model, state = quantised(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Averaged(model, 7), SCHEDULE, CPU, state=state)
    model = quantised()
    assert fit(model, Averaged(model), SCHEDULE, CPU, state=state, resume=True) == expected
    ours, theirs = model.state_dict(), whole.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not torch.equal(ours["0.codebook"], quantised().state_dict()["0.codebook"])


def test_a_launcher_of_several_processes_is_refused(tmp_path, monkeypatch):
    """Each of them would train alone and write over the others' files."""
    model, state = make(), tmp_path / "runs" / "state"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(VlmError, match="2 processes were started, and training uses one"):
        fit(model, lambda step: pytest.fail("it trains"), SCHEDULE, CPU, state=state)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("WORLD_SIZE", "1")
    fit(model, Losses(model), replace(SCHEDULE, save_seconds=0), CPU, state=state)
    assert state.exists()


# -- float16 ---------------------------------------------------------------------------------------------------------


class Overflowing(Losses):
    """Losses that are infinite in the batches of ``where``; it keeps the weights that each batch found."""

    def __init__(self, model, where, stop=None):
        super().__init__(model, stop)
        self.where, self.found = where, []

    def __call__(self, step):
        self.found.append(weights(self.model))
        parts = super().__call__(step)
        return parts | {"first": parts["first"] * torch.inf} if step in self.where else parts


def test_a_loss_that_overflows_is_left_out():
    """One batch too loud for float16 once ended a run of hours on a T4."""
    model = make(32)
    losses = Overflowing(model, {30})
    history = fit(model, losses, Schedule(steps=80, lr=2e-2), FP16)
    assert history[30]["first"] == float("inf") and len(history) == 80
    assert same(losses.found[30], losses.found[31]) and not same(losses.found[31], losses.found[32])
    assert history[-1]["first"] < 0.3 * history[0]["first"]


def test_only_so_many_in_a_row_are_left_out():
    model = make()
    fit(model, Overflowing(model, range(2, 2 + SKIPPED)), SCHEDULE, FP16)
    model = make()
    losses = Overflowing(model, range(2, 12))
    with pytest.raises(VlmError, match=f"the loss of step {2 + SKIPPED} is not a number"):
        fit(model, losses, SCHEDULE, FP16)
    assert losses.steps == list(range(3 + SKIPPED))


def test_those_before_an_interrupt_count(tmp_path, clock):
    """Counted from 0 after every interrupt, a broken run that is killed often would never end."""
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Overflowing(model, range(2, 12), stop=5), SCHEDULE, FP16, state=state)
    model = make()
    losses = Overflowing(model, range(2, 12))
    with pytest.raises(VlmError, match=f"the loss of step {2 + SKIPPED} is not a number"):
        fit(model, losses, SCHEDULE, FP16, state=state, resume=True)
    assert losses.steps == list(range(5, 3 + SKIPPED))


class Loud(Losses):
    """Gradients too long for float16 until the scale has fallen a few times."""

    def __call__(self, step):
        return {name: part * 1000 for name, part in super().__call__(step).items()}


@pytest.mark.parametrize("stop", [5, 8, 11])
def test_the_loss_scale_is_taken_up_as_well(tmp_path, clock, monkeypatch, stop):
    """Begun anew it would be too large again, and the steps that it leaves out would change the bits."""
    scalers, kind = [], torch.amp.GradScaler

    def keep(*arguments, **options):
        scalers.append(kind(*arguments, **options))
        return scalers[-1]

    monkeypatch.setattr(torch.amp, "GradScaler", keep)
    peace = make()
    expected = fit(peace, Loud(peace), SCHEDULE, FP16)
    assert 1 <= scalers[0].get_scale() < 65_536 and scalers[0].is_enabled(), "it should have fallen"
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Loud(model, stop), SCHEDULE, FP16, state=state)
    model = make()
    history = fit(model, Loud(model), SCHEDULE, FP16, state=state, resume=True)
    assert history == expected and same(weights(model), weights(peace))
    assert scalers[2].state_dict() == scalers[0].state_dict()
    progress = json.loads(read_tensors(state)[1]["progress"])
    assert progress["scale"]["scale"] < 65_536


# -- several batches a step ------------------------------------------------------------------------------------------


class Batches:
    """Batches of ``rows`` rows, numbered as if all were cut from one stream; it keeps the numbers asked for."""

    def __init__(self, model, rows):
        self.model, self.rows, self.asked = model, rows, []

    def __call__(self, number):
        self.asked.append(number)
        rows = range(number * self.rows, (number + 1) * self.rows)
        x = torch.cat([torch.randn(1, 4, generator=torch.Generator().manual_seed(row)) for row in rows])
        quiet = 0.1 if rows[0] // 16 % 2 else 1.0  # every other step: only the others are long enough to be clipped
        return {"loss": quiet * F.mse_loss(self.model(x).float().sum(1), x.sum(1))}


def test_accumulated_batches_are_one_large_batch():
    """Summed instead of averaged, or clipped batch by batch, they would train at another rate."""
    small, large = make(), make()
    halves, whole = Batches(small, 8), Batches(large, 16)
    history = fit(small, halves, replace(SCHEDULE, accumulate=2), CPU)
    expected = fit(large, whole, SCHEDULE, CPU)
    assert halves.asked == list(range(24)) and whole.asked == list(range(12))
    for mine, other in zip(weights(small), weights(large)):
        torch.testing.assert_close(mine, other, atol=1e-4, rtol=0)
    assert max((other - start).abs().max() for other, start in zip(weights(large), weights(make()))) > 0.03
    assert [step["loss"] for step in history] == pytest.approx([step["loss"] for step in expected], abs=1e-4)


def test_a_run_interrupted_between_two_batches_of_a_step_takes_the_whole_step_again(tmp_path, clock):
    schedule = replace(SCHEDULE, accumulate=3)
    peace = make()
    expected = fit(peace, Losses(peace), schedule, CPU)
    model, state = make(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, stop=3 * 7 + 2), schedule, CPU, state=state)
    model = make()
    again = Losses(model)
    assert fit(model, again, schedule, CPU, state=state, resume=True) == expected
    assert again.steps == list(range(15, 36)) and same(weights(model), weights(peace))


def test_of_a_step_that_is_left_out_no_gradient_stays():
    """The first batch's gradient, left over, would be added to the next step's."""
    ends = []
    for where in ({7}, {6, 7}):  # the second batch of step 3, or both
        model = make()
        fit(model, Overflowing(model, where), replace(SCHEDULE, accumulate=2), FP16)
        ends.append(weights(model))
    assert same(*ends)


# -- validation ------------------------------------------------------------------------------------------------------


def test_validation_losses_stand_in_the_history_and_change_nothing():
    """Computed in training mode they would drop out, and draw the random numbers of the next step's dropout."""
    histories, ends = [], []
    for watched in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))
        unseen = Losses(model)

        def validate(model=model, unseen=unseen):
            assert not model.training and not torch.is_grad_enabled()
            return unseen(1000)

        options = {"validate": validate} if watched else {}
        histories.append(fit(model, Losses(model), replace(SCHEDULE, validate_every=4), CPU, **options))
        ends.append(weights(model))
    assert same(*ends)
    plain, watched = histories
    looked = [step for step, values in enumerate(watched) if "validation first" in values]
    assert looked == [3, 7, 11] and [values.keys() for values in watched[:2]] == [{"first", "second"}] * 2
    with torch.no_grad():
        last = validate()
    for name, value in last.items():
        assert watched[11][f"validation {name}"] == pytest.approx(float(value), abs=1e-6)
    assert [{name: values[name] for name in ("first", "second")} for values in watched] == plain


def test_validation_losses_are_taken_up_with_the_rest(tmp_path, clock):
    def validate():
        return {"first": model(torch.ones(3, 4)).sum()}

    schedule, state = replace(SCHEDULE, validate_every=3), tmp_path / "state"
    model = make()
    expected = fit(model, Losses(model), schedule, CPU, validate=validate)
    model = make()
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, 8), schedule, CPU, state=state, validate=validate)
    model = make()
    assert fit(model, Losses(model), schedule, CPU, state=state, resume=True, validate=validate) == expected
    assert "validation first" in expected[2] and "validation first" not in expected[3]
