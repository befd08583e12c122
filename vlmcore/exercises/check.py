"""`attend = check(attend)`: is the student's function right, and if not, which mistake is it?

Design choices:
- an exercise is a reference, inputs to try, and the usual mistakes as functions that make them: a wrong answer is
  recognised by giving just what a mistake gives, and is told in that mistake's words;
- a lesson always runs to its end: blank or wrong, vlmcore's own function goes on; right, the student's own does;
- in strict mode (autograding, and the solutions in our tests) blank and wrong raise.

All is printed to stdout: nbgrader counts a cell that writes to stderr as failed.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vlmcore.device import pick_device
from vlmcore.exercises import progress

STRICT = ("VLMCORE_STRICT", "NBGRADER_EXECUTION")  # either makes a check strict; nbgrader sets its own


@dataclass(frozen=True)
class Exercise:
    """One function to write.

    inputs: makes the argument lists that it is tried with. mistakes: what to say → a function that errs so.
    hints: from a nudge to nearly the answer. tolerance: how far numbers may differ.
    cpu_only: the lesson calls it on the CPU alone, so it is not tried where the lesson's models are.
    """

    reference: Callable
    inputs: Callable[[], list[tuple]]
    mistakes: dict[str, Callable] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    tolerance: float = 1e-4
    cpu_only: bool = False


class Unsolved(AssertionError):
    """An exercise is blank or wrong, and strict mode lets neither pass."""


@dataclass(frozen=True)
class Lesson:
    """A lesson's exercises by the name of their function."""

    number: str
    exercises: dict[str, Exercise]

    def check(self, answer: Callable) -> Callable:
        """The function to go on with: the student's where it is right, else vlmcore's own."""
        exercise = self._find(answer.__name__)
        blank, verdict = False, None
        try:
            verdict = examine(exercise, answer)
        except NotImplementedError:
            blank, verdict = True, "not written yet"
        strict = any(os.environ.get(name) for name in STRICT)
        if not strict:  # else the solutions, run as a test, would fill in a student's progress
            progress.note(self.number, answer.__name__, "blank" if blank else "wrong" if verdict else "right")
        if verdict is None:
            print(f"✓ {answer.__name__}: right. The lesson goes on with your function.")
            return answer
        if strict:
            raise Unsolved(f"{answer.__name__}: {verdict}")
        print(f"{'○' if blank else '✗'} {answer.__name__}: {verdict}")
        print(f"  The lesson goes on with vlmcore's own. A hint: hint({answer.__name__!r})")
        return exercise.reference

    def hint(self, name: str, level: int = 1) -> None:
        """Print the hints of an exercise up to ``level``: 1 is a nudge, the last is nearly the answer."""
        hints = self._find(name).hints
        for number, text in enumerate(hints[:level], 1):
            print(f"{number}. {text}")
        if level < len(hints):
            print(f"   More: hint({name!r}, {level + 1}) of {len(hints)}")

    def _find(self, name: str) -> Exercise:
        if name not in self.exercises:
            raise ValueError(f"lesson {self.number} has no exercise {name!r}: keep the name, {sorted(self.exercises)}")
        return self.exercises[name]


def examine(exercise: Exercise, answer: Callable) -> str | None:
    """None where the answer is right, else what is wrong with it. NotImplementedError passes: it is blank."""
    tried = exercise.inputs()
    results = []
    for arguments in tried:
        given = copy.deepcopy(arguments)
        try:
            results.append(answer(*given))
        except NotImplementedError:
            raise
        except Exception as error:
            return f"it stops with {type(error).__name__}: {error}"
        if any(not same(a, b, 0.0) for a, b in zip(given, arguments) if isinstance(b, Tensor | np.ndarray | list)):
            return "it changes what it was given: make a new tensor instead of writing into the old one"
    right = [exercise.reference(*copy.deepcopy(arguments)) for arguments in tried]
    wrong = [n for n, (mine, theirs) in enumerate(zip(results, right)) if not same(mine, theirs, exercise.tolerance)]
    if not wrong:
        return None if exercise.cpu_only else elsewhere(exercise, answer, pick_device().device)
    for message, mistake in exercise.mistakes.items():
        made = [mistake(*copy.deepcopy(arguments)) for arguments in tried]
        if all(same(mine, theirs, exercise.tolerance) for mine, theirs in zip(results, made)):
            return f"{message} {difference(results[wrong[0]], right[wrong[0]])}"
    return difference(results[wrong[0]], right[wrong[0]])


def elsewhere(exercise: Exercise, answer: Callable, device: torch.device) -> str | None:
    """What a right answer would meet in the cells that follow, where all lies on a GPU. None where all goes well."""

    def moved(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(map(moved, value))
        value = copy.deepcopy(value)
        return value.to(device) if callable(getattr(value, "to", None)) else value  # tensors, models, caches

    for arguments in exercise.inputs() if device.type != "cpu" else []:
        try:
            answer(*map(moved, arguments))
        except RuntimeError as error:
            if "device" in str(error):
                return (
                    f"right on the CPU, but this lesson computes on {device}, and there it stops: "
                    "make new tensors where the given ones are, as in torch.arange(n, device=x.device)"
                )
    return None


def same(mine: Any, theirs: Any, tolerance: float) -> bool:
    """Do two results say the same? Tensors by shape and value, sequences part by part, None as itself."""
    if learnable(theirs) and not learnable(mine):
        return False
    if isinstance(theirs, Tensor | np.ndarray):
        if not isinstance(mine, Tensor | np.ndarray) or tuple(mine.shape) != tuple(theirs.shape):
            return False
        mine, theirs = torch.as_tensor(mine), torch.as_tensor(theirs)
        if (mine.dtype == torch.bool) != (theirs.dtype == torch.bool):
            return False  # a mask of numbers is no mask: PyTorch would add it to the scores
        mine, theirs = mine.double(), theirs.double()
        return torch.allclose(mine, theirs, atol=tolerance, rtol=tolerance, equal_nan=True)
    if isinstance(theirs, dict):
        alike = isinstance(mine, dict) and mine.keys() == theirs.keys()
        return alike and all(same(mine[key], value, tolerance) for key, value in theirs.items())
    if isinstance(theirs, list | tuple):
        alike = isinstance(mine, list | tuple) and len(mine) == len(theirs)
        return alike and all(same(a, b, tolerance) for a, b in zip(mine, theirs))
    if isinstance(theirs, float):
        number = mine.item() if isinstance(mine, Tensor) and mine.numel() == 1 else mine
        return isinstance(number, int | float) and abs(number - theirs) <= tolerance * max(1.0, abs(theirs))
    return type(mine) is type(theirs) and (mine is theirs or bool(mine == theirs))


def difference(mine: Any, theirs: Any) -> str:
    """Where two results differ first, in one sentence."""
    if learnable(theirs) and not learnable(mine):
        return "The result has no gradient, nothing could learn from it: no .item(), .detach() or torch.tensor(…)."
    if isinstance(theirs, Tensor | np.ndarray) and isinstance(mine, Tensor | np.ndarray):
        if tuple(mine.shape) != tuple(theirs.shape):
            return f"Your result has the shape {tuple(mine.shape)}, expected is {tuple(theirs.shape)}."
        kinds = [torch.as_tensor(result).dtype for result in (mine, theirs)]
        if kinds.count(torch.bool) == 1:
            return "Your result holds {}, expected is {}.".format(*kinds)
        if theirs.ndim == 0:
            return f"Yours is {shown(mine)}, expected {shown(theirs)}."
        apart = (torch.as_tensor(mine).double() - torch.as_tensor(theirs).double()).abs().nan_to_num(torch.inf)
        place = np.unravel_index(int(apart.argmax()), apart.shape)
        at = ", ".join(map(str, map(int, place)))
        return f"Furthest off at [{at}]: yours is {shown(mine[place])}, expected {shown(theirs[place])}."
    if isinstance(theirs, dict) and isinstance(mine, dict):
        for key in [*theirs, *mine]:
            if not same(mine.get(key), theirs.get(key), 1e-4):
                return f"At {key!r} yours is {shown(mine.get(key))}, expected {shown(theirs.get(key))}."
    if isinstance(theirs, Sequence) and isinstance(mine, Sequence) and not isinstance(theirs, str):
        if len(mine) != len(theirs):
            return f"Your result has {len(mine)} parts, expected are {len(theirs)}."
        number = next((n for n, (a, b) in enumerate(zip(mine, theirs)) if not same(a, b, 1e-4)), 0)
        return f"Part {number}: {difference(mine[number], theirs[number])}"
    if isinstance(theirs, str) and isinstance(mine, str):
        apart = next((n for n, (a, b) in enumerate(zip(mine, theirs)) if a != b), 0)  # long texts often begin alike
        mine, theirs = mine[max(apart - 15, 0) :], theirs[max(apart - 15, 0) :]
    if type(mine) is not type(theirs) and shown(mine) == shown(theirs):
        return f"Yours is {shown(mine)} of type {type(mine).__name__}, expected is type {type(theirs).__name__}."
    return f"Yours is {shown(mine)}, expected {shown(theirs)}."


def learnable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def shown(value: Any) -> str:
    """A result in a few characters."""
    if isinstance(value, Tensor | np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    if isinstance(value, Tensor | np.ndarray):
        return f"a tensor of shape {tuple(value.shape)}"
    text = f"{value:.4g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
