"""The state of a training run on disk: all that a killed run needs to go on to the same bits."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import Optimizer

from vlmcore.errors import VlmError
from vlmcore.tensors import read_tensors, write_tensors


def random_states() -> dict[str, Tensor]:
    """The states of PyTorch's random number generators, CPU and GPU: dropout and noise draw from them."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(states: dict[str, Tensor]) -> None:
    """Put back what ``random_states`` found; a generator that this machine lacks is left out."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])


def save_training(
    path: Path, weights: dict[str, Tensor], optimizer: Optimizer, history: list[dict[str, float]], scale: dict
) -> None:
    """Weights (and buffers), optimiser state, random states, losses so far and loss scaling, in one file."""
    names = {id(weight): name for name, weight in weights.items()}
    tensors = {f"weight/{name}": weight for name, weight in weights.items()}
    tensors |= {f"random/{name}": state for name, state in random_states().items()}
    for parameter, state in optimizer.state.items():
        tensors |= {f"optimizer/{key}/{names[id(parameter)]}": value for key, value in state.items()}
    # one note, not two: safetensors writes several in any order, and the same run must leave the same bytes
    write_tensors(path, tensors, {"progress": json.dumps({"history": history, "scale": scale})})


def load_training(path: Path, weights: dict[str, Tensor], optimizer: Optimizer) -> tuple[list[dict[str, float]], dict]:
    """Take up a run where ``save_training`` left it; (losses so far, loss scaling), empty if there is none.

    Errors: VlmError for a damaged file and for another run's; then nothing has been changed.
    """
    if not path.exists():
        return [], {}
    tensors, about = read_tensors(path)
    states: dict[str, dict[str, Tensor]] = {name: {} for name in weights}
    try:
        progress = json.loads(about["progress"])
        history, scale = progress["history"], progress["scale"]
        random = {key.split("/")[1]: tensors.pop(key) for key in list(tensors) if key.startswith("random/")}
        assert "cpu" in random
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
            if slots := states[name]:  # a step counter stays on the CPU: reading it on a GPU would wait for the GPU
                optimizer.state[weight] = {
                    slot: value.to(weight.device) if value.ndim else value for slot, value in slots.items()
                }
    set_random_states(random)
    return history, scale
