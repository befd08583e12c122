"""Tensors on disk: safetensors, never pickle, and never half a file."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from vlmcore.errors import VlmError
from vlmcore.files import write


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None) -> None:
    """Write tensors by name, and notes about them. Errors: VlmError, as ``files.write``."""
    write(path, to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, about))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the file's own notes. Errors: VlmError for a missing or damaged file.

    The file is read into memory, not mapped: Windows refuses to replace a file that is mapped, and a run that goes on
    replaces the very file that it was taken up from.
    """
    try:
        content = path.read_bytes()
        tensors = from_bytes(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return tensors, header.get("__metadata__", {})
    except FileNotFoundError:
        raise VlmError(f"there is no {path}: train one with `vlmcore train`") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise VlmError(f"{path} is damaged ({error}): delete it and train or copy it again") from error


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
