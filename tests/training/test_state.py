"""The state of a run on disk: all of it comes back, in its place, and another run's is refused."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.training.test_loop import CPU, Losses, make, same, weights
from vlmcore.errors import VlmError
from vlmcore.tensors import write_tensors
from vlmcore.training.loop import fit
from vlmcore.training.muon import make_optimizer
from vlmcore.training.schedule import Schedule
from vlmcore.training.state import load_training, random_states, save_training, set_random_states

SCHEDULE = Schedule(steps=12, lr=2e-2, save_seconds=0)


def interrupted(folder: Path) -> Path:
    """The state of a run that was interrupted at step 8."""
    model, state = make(), folder / "state"
    with pytest.raises(KeyboardInterrupt):
        fit(model, Losses(model, 8), SCHEDULE, CPU, state=state)
    return state


def named(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters())


def test_damaged_and_foreign_states_are_told_of(tmp_path):
    state = interrupted(tmp_path)
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
    empty = {"progress": '{"history": [], "scale": {}}'}
    write_tensors(state, named, empty)  # nothing said about random numbers
    resume(make(), None)
    named |= {"random/cpu": torch.get_rng_state()}
    write_tensors(state, named | {"optimizer/x": torch.zeros(1)}, empty)
    resume(make(), None)
    write_tensors(state, named, empty)  # and all that belongs there
    assert fit(make(), lambda step: pytest.fail("it goes on"), Schedule(steps=0), CPU, state=state, resume=True) == []


def test_all_of_it_comes_back(tmp_path):
    model = make()
    optimizer = make_optimizer(model, 0.1)
    for _ in range(3):
        model(torch.ones(2, 4)).square().mean().backward()
        optimizer.step()
    history, scale = [{"loss": 0.1 + 0.2, "odd": float("inf")}], {"scale": 512.0, "_growth_tracker": 3}
    save_training(tmp_path / "state", named(model), optimizer, history, scale)
    other = make().requires_grad_()
    with torch.no_grad():
        for weight in other.parameters():
            weight.zero_()
    fresh = make_optimizer(other, 0.1)
    assert load_training(tmp_path / "state", named(other), fresh) == (history, scale)
    assert same(weights(model), weights(other))
    for mine, theirs in zip(model.parameters(), other.parameters()):
        assert optimizer.state[mine].keys() == fresh.state[theirs].keys() and optimizer.state[mine]
        assert all(torch.equal(value, fresh.state[theirs][slot]) for slot, value in optimizer.state[mine].items())


def test_where_there_is_none_a_run_begins(tmp_path):
    model = make()
    optimizer = make_optimizer(model, 0.1)
    assert load_training(tmp_path / "state", named(model), optimizer) == ([], {}) and not optimizer.state
    assert same(weights(model), weights(make()))


def test_step_counters_stay_on_the_cpu(tmp_path):
    """Moved to the GPU with the rest, each step of AdamW would wait for the GPU to say how many there were."""
    state = interrupted(tmp_path)
    model = make().to("meta")  # in the place of a GPU
    optimizer = make_optimizer(model, 0.1)
    load_training(state, named(model), optimizer)
    where = {(slot, value.device.type) for slots in optimizer.state.values() for slot, value in slots.items()}
    assert where == {("momentum", "meta"), ("first", "meta"), ("second", "meta"), ("step", "cpu")}
    assert {float(slots["step"]) for slots in optimizer.state.values() if "step" in slots} == {8.0}


def test_random_numbers_go_on_where_they_were():
    torch.manual_seed(3)
    torch.rand(5)
    states = random_states()
    expected = torch.rand(7)
    torch.manual_seed(99)
    set_random_states(states)
    assert torch.equal(torch.rand(7), expected)


def test_a_generator_that_this_machine_lacks_is_left_out(monkeypatch):
    """A run begun on a GPU can be taken up on a CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    set_random_states(random_states() | {"cuda": torch.zeros(16, dtype=torch.uint8), "mps": torch.zeros(4)})


def test_of_a_gpu_the_random_numbers_are_kept_too(monkeypatch):
    drawn = torch.arange(16, dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: drawn)
    put_back = []
    monkeypatch.setattr(torch.cuda, "set_rng_state", put_back.append)
    set_random_states(random_states())
    assert len(put_back) == 1 and torch.equal(put_back[0], drawn)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc")
def test_a_run_that_goes_on_has_let_its_file_go(tmp_path):
    """Its file once stayed mapped: on Windows the next save could not replace it."""
    state = interrupted(tmp_path)
    model, looked = make(), []
    losses = Losses(model)

    def look(step):
        looked.append(str(state) in Path("/proc/self/maps").read_text())
        return losses(step)

    fit(model, look, SCHEDULE, CPU, state=state, resume=True)
    assert looked == [False] * 4
