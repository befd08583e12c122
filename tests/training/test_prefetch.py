"""Batches made ahead are those that would have been made here, and nothing else changes."""

import multiprocessing
import os
import random
import sys
import time
from random import Random

import numpy as np
import pytest
import torch

from vlmcore.errors import VlmError
from vlmcore.text.packing import Batch
from vlmcore.training.prefetch import can_prefetch, prefetched

needs_fork = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there batches are made ahead")


def batches(number: int) -> tuple[Batch, dict[str, torch.Tensor]]:
    """As this course's batches are: a pure function of the number; it says which process made it."""
    draw = torch.Generator().manual_seed(Random(f"batch {number}").randrange(2**31))
    whole = [torch.randint(0, 50, (2, 5), generator=draw) for _ in range(5)]
    floats = torch.randn(3, 4, generator=draw)
    return Batch(*whole), {"half": floats.half(), "nan": floats.log(), "process": torch.tensor(os.getpid())}


def bits(batch: tuple[Batch, dict[str, torch.Tensor]]) -> list[bytes]:
    packed, rest = batch
    tensors = [value for value in vars(packed).values() if value is not None] + [rest["half"], rest["nan"]]
    return [str(tensor.dtype).encode() + tensor.numpy().tobytes() for tensor in tensors]


@needs_fork
@pytest.mark.parametrize(
    "numbers", [range(9), range(5, 12), [0, 1, 2, 7, 8, 3, 3, 4]], ids=["from 0", "from 5", "jumps"]
)
def test_batches_made_ahead_have_the_same_bits(numbers):
    """A loader that collated, shuffled or went on from the wrong number would train on other batches."""
    with prefetched(batches, ahead=True) as ready:
        made = [ready(number) for number in numbers]
    assert [bits(batch) for batch in made] == [bits(batches(number)) for number in numbers]
    assert all(type(batch) is tuple and type(batch[0]) is Batch and batch[0].pictures is None for batch in made)
    assert os.getpid() not in {int(rest["process"]) for _, rest in made}, "a worker should have made them"


@needs_fork
def test_the_next_batches_are_made_before_they_are_asked_for():
    count = multiprocessing.Value("i", 0)

    def counted(number: int) -> int:
        count.value += 1
        return number

    with prefetched(counted, ahead=True) as ready:
        assert ready(0) == 0
        until = time.monotonic() + 20
        while count.value < 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert 3 <= count.value < 20, "some wait, and not without end"


@needs_fork
def test_random_numbers_here_are_left_alone():
    """A loader draws its workers' seed from the generator that dropout draws from, unless it has its own."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    with prefetched(batches, ahead=True) as ready:
        for number in (0, 1, 7):
            ready(number)
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert all(np.array_equal(now, then) for now, then in zip(np.random.get_state(), states[2]))


@needs_fork
@pytest.mark.parametrize("how", ["well", "error", "interrupt"])
def test_the_worker_ends_with_the_block(how):
    """One left over keeps the memory of every stage that has ended."""
    before, error = set(multiprocessing.active_children()), {"error": ValueError, "interrupt": KeyboardInterrupt}
    try:
        with prefetched(batches, ahead=True) as ready:
            ready(0)
            ready(5)  # a second worker in the place of the first
            assert len(set(multiprocessing.active_children()) - before) == 1
            if how in error:
                raise error[how]
    except (ValueError, KeyboardInterrupt):
        assert how in error
    assert set(multiprocessing.active_children()) <= before


@needs_fork
def test_the_worker_ends_also_where_a_traceback_holds_its_loader():
    """An interrupt comes while the loader waits; a notebook keeps its traceback, and so kept the worker."""
    before = set(multiprocessing.active_children())
    with pytest.raises(ZeroDivisionError) as held, prefetched(lambda number: 1 // number, ahead=True) as ready:
        ready(0)
    assert held.tb is not None and set(multiprocessing.active_children()) <= before


@needs_fork
def test_what_a_person_can_mend_is_still_one_sentence():
    """The loader puts the worker's traceback into the message of whatever it passes on."""

    def broken(number: int) -> int:
        if number == 2:
            raise VlmError("every picture shows many small ones: add others to learn from")
        return number

    with prefetched(broken, ahead=True) as ready:
        assert [ready(0), ready(1)] == [0, 1]
        with pytest.raises(VlmError) as caught:
            ready(2)
    assert str(caught.value) == "every picture shows many small ones: add others to learn from"


def test_otherwise_batches_are_made_here_when_they_are_asked_for():
    asked, before = [], multiprocessing.active_children()
    with prefetched(lambda number: asked.append(number) or number, ahead=False) as ready:
        assert [ready(3), ready(1)] == [3, 1] and asked == [3, 1]
        assert multiprocessing.active_children() == before


@pytest.mark.parametrize(
    ("kind", "methods", "worth"),
    [
        ("cpu", ["fork", "spawn"], False),  # the cores that would make batches ahead are those that train
        ("cuda", ["fork", "spawn"], True),
        ("cuda", ["spawn"], False),  # Windows
        ("mps", ["spawn", "fork"], False),  # macOS can fork, but not with a GPU in use
    ],
)
def test_when_a_worker_is_worth_it(monkeypatch, kind, methods, worth):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: methods)
    assert can_prefetch(torch.device(kind)) is worth
