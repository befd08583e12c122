"""Batches made ahead by a worker process, so that a GPU need not wait for them.

A batch is a pure function of its number, so a worker's batches are those that would have been made here, bit for bit.
On a CPU the cores that would make batches ahead are the ones that train, so nothing is made ahead there; nor where a
new process would have to import everything anew (Windows, macOS).
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from vlmcore.errors import VlmError

Batches = Callable[[int], Any]  # number → a batch, the same for the same number
AHEAD = 4  # batches lie ready: enough to bridge a slow one


class From(IterableDataset):
    """The batches from number ``first`` on, one after another."""

    def __init__(self, batches: Batches, first: int) -> None:
        self.batches, self.first = batches, first

    def __iter__(self) -> Iterator[Any]:
        return map(self.make, itertools.count(self.first))

    def make(self, number: int) -> Any:
        try:
            return self.batches(number)
        except VlmError as error:  # handed over like a batch: the loader would put a traceback into its sentence
            return error


def as_it_is(batch: Any) -> Any:
    return batch


def can_prefetch(device: torch.device) -> bool:
    """Is it worth a worker process: an NVIDIA GPU to feed, on a system that forks?"""
    return device.type == "cuda" and "fork" in multiprocessing.get_all_start_methods()


@contextmanager
def prefetched(batches: Batches, ahead: bool) -> Iterator[Batches]:
    """``batches``, made ``ahead`` by a worker from the first number that is asked for, or only when asked for.

    Asked for in order they are ready; another number lets the worker begin anew from there. A batch made ahead must
    hold CPU tensors alone. The worker ends with the ``with`` block.
    """
    if not ahead:
        yield batches
        return
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else the tokenizers library warns in every fork
    made: Iterator[Any] | None = None
    following = 0

    def take(number: int) -> Any:
        nonlocal made, following
        if made is None or number != following:
            loader = DataLoader(
                From(batches, number),
                batch_size=None,
                num_workers=1,
                prefetch_factor=AHEAD,
                collate_fn=as_it_is,
                multiprocessing_context="fork",
                generator=torch.Generator(),  # its own: else the loader would draw from the one that dropout draws from
            )
            made = iter(loader)
        following = number + 1
        batch = next(made)
        if isinstance(batch, VlmError):
            raise batch
        return batch

    try:
        yield take
    finally:
        if made is not None:  # dropping it is not enough: after an interrupt the traceback still holds it
            made._shutdown_workers()
