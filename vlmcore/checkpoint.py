"""Weights and settings on disk: safetensors plus JSON, never pickle, and never half a file.

Every file is written beside its place and then moved into it, so that whoever reads it, after a crash too, finds the
old one or the new one. Configurations are frozen dataclasses; they go to JSON and back by their fields.
"""

from __future__ import annotations

import dataclasses
import json
import os
import typing
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.optim import Optimizer

from vlmcore.errors import VlmError

Config = TypeVar("Config")


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Errors: VlmError when the disk is full or the folder closed to us."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise VlmError(
            f"cannot write {path}: {error.strerror}. Nothing was lost: free some space or choose --out"
        ) from error
    finally:
        with suppress(OSError):  # gone already when all went well
            beside.unlink()


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None) -> None:
    write(path, to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, about))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the file's own notes. Errors: VlmError for a missing or damaged file."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise VlmError(f"there is no {path}: train one with `vlmcore train`") from None
    except (SafetensorError, OSError) as error:
        raise VlmError(f"{path} is damaged ({error}): delete it and train or copy it again") from error


def write_json(path: Path, value: Any) -> None:
    write(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VlmError(f"there is no {path}: is {path.parent} a folder written by `vlmcore train`?") from None
    except (ValueError, RecursionError, OSError) as error:
        raise VlmError(f"{path} is damaged ({error}): delete it and train or copy it again") from error


def as_read(value: Any) -> Any:
    """What a value looks like after a trip through JSON (tuples become lists)."""
    return json.loads(json.dumps(value))


def config_from(kind: type[Config], values: dict[str, Any]) -> Config:
    """A (nested) frozen dataclass from its JSON. Errors: VlmError for unknown or impossible values."""
    hints = typing.get_type_hints(kind)
    fields = {}
    try:
        for name, value in values.items():
            nested = dataclasses.is_dataclass(hints[name])
            fields[name] = (
                config_from(hints[name], value) if nested else tuple(value) if isinstance(value, list) else value
            )
        return kind(**fields)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError) as error:
        raise VlmError(
            f"this is not a configuration of {kind.__name__}: {error}. Was it written by `vlmcore train`?"
        ) from error


def load_weights(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put tensors into a module. Errors: VlmError that names the first weight that does not fit."""
    own = module.state_dict()
    for name in sorted(own.keys() | tensors.keys()):
        theirs, ours = tensors.get(name), own.get(name)
        if theirs is None or ours is None or theirs.shape != ours.shape:
            found = (
                "is missing"
                if theirs is None
                else "does not belong there"
                if ours is None
                else f"has shape {tuple(theirs.shape)}"
            )
            raise VlmError(
                f"{path} was made for another model: {name} {found}. Train again, or name the folder it came from"
            )
        if not theirs.isfinite().all():
            raise VlmError(f"{path} is damaged: {name} holds values that are not numbers. Train or copy it again")
    module.load_state_dict(tensors)


# -- a run in progress -----------------------------------------------------------------------------------------------


def save_training(
    path: Path, weights: dict[str, Tensor], optimizer: Optimizer, history: list[dict[str, float]], scale: dict
) -> None:
    """All that a killed run needs to go on: weights, optimiser state, losses so far, loss scaling; one file."""
    names = {id(weight): name for name, weight in weights.items()}
    tensors = {f"weight/{name}": weight for name, weight in weights.items()}
    for parameter, state in optimizer.state.items():
        tensors |= {f"optimizer/{key}/{names[id(parameter)]}": value for key, value in state.items()}
    # one note, not two: safetensors writes several in any order, and the same run must leave the same bytes
    write_tensors(path, tensors, {"progress": json.dumps({"history": history, "scale": scale})})


def load_training(path: Path, weights: dict[str, Tensor], optimizer: Optimizer) -> tuple[list[dict[str, float]], dict]:
    """Take up a run where ``save_training`` left it; (losses so far, loss scaling), empty if there is none."""
    if not path.exists():
        return [], {}
    tensors, about = read_tensors(path)
    states: dict[str, dict[str, Tensor]] = {name: {} for name in weights}
    try:
        progress = json.loads(about["progress"])
        history, scale = progress["history"], progress["scale"]
        for key in [key for key in tensors if key.startswith("optimizer/")]:
            _, slot, name = key.split("/", 2)
            states[name][slot] = tensors.pop(key)
            assert states[name][slot].shape in (weights[name].shape, ())
        shapes = {name: value.shape for name, value in tensors.items()}
        assert shapes == {f"weight/{name}": weight.shape for name, weight in weights.items()}
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        what = f"{path} belongs to another run: train without --resume, or into another folder with --out"
        raise VlmError(what) from error
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(tensors[f"weight/{name}"])
            optimizer.state[weight] = {slot: value.to(weight.device) for slot, value in states[name].items()}
    return history, scale
