"""A run: a folder in which stages train one after another, can be killed at any moment, and be taken up again.

Each stage leaves name.safetensors (its result), name.json (seconds and losses) and, while it trains,
name.state.safetensors. A finished stage is read back, an unfinished one goes on from its last saved state; on a CPU the
result is the same to the bit. A recipe decides what the stages are; a run knows nothing of models or data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from vlmcore.device import Device
from vlmcore.errors import VlmError
from vlmcore.files import lock, read_json, write_json
from vlmcore.tensors import load_weights, read_tensors, write_tensors
from vlmcore.training.loop import fit, refuse_several_processes
from vlmcore.training.prefetch import Batches, can_prefetch, prefetched
from vlmcore.training.schedule import Schedule

SETTINGS = "run.json"  # holds what the run was begun with: a run with other settings is not taken up
TRAINED = (SETTINGS, "model.safetensors")  # either file says that a folder holds somebody's training already
WRITTEN = ("*.safetensors", "*.json")  # match what a run leaves when it has ended
HALF_WRITTEN = (".*.safetensors.[0-9]*", ".*.json.[0-9]*", ".*.jinja.[0-9]*")  # match what a killed write left


class OtherRun(VlmError):
    """The folder holds a run that is not this one, or is not to be taken up."""


def forget(folder: Path, inside: Sequence[str] = ()) -> None:
    """Delete the weights and the JSON of a folder that holds nothing but a run."""
    for part in (folder, *(folder / name for name in inside)):
        for file in (file for pattern in (*HALF_WRITTEN, *WRITTEN) for file in part.glob(pattern)):
            file.unlink()


class Run:
    """``with Run(folder, settings, device, resume) as run:``; only one process at a time may hold a folder.

    settings: all that decides the result, as JSON. resume: take up the run that lies there, if there is one.
    inside: folders in it that the recipe also writes.
    Errors: OtherRun when the folder holds another run, or any run without ``resume``: nothing is deleted.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        device: Device,
        resume: bool = False,
        inside: Sequence[str] = (),
    ) -> None:
        refuse_several_processes()
        self.folder, self.device = folder, device
        self.lock = lock(
            folder / ".lock", f"another process trains in {folder} at this moment: wait for it, or choose another --out"
        )
        try:
            described = folder / SETTINGS
            self.begun = resume and described.exists()
            if self.begun and read_json(described) != json.loads(json.dumps(settings)):  # as JSON has it: no tuples
                raise OtherRun(f"{folder} holds a run with other settings or texts: choose another --out, or remove it")
            if not self.begun and any((folder / name).exists() for name in TRAINED):
                raise OtherRun(
                    f"{folder} holds an earlier run: take it up with --resume, choose another --out, or remove it"
                )
            for part in (folder, *(folder / name for name in inside)):
                for file in (file for pattern in HALF_WRITTEN for file in part.glob(pattern)):
                    file.unlink()
            if not self.begun:
                write_json(described, settings)
        except BaseException:
            self.lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    def stage(
        self,
        name: str,
        model: nn.Module,
        batches: Batches,
        losses: Callable[[Any], dict[str, Tensor]],
        schedule: Schedule,
        keep: nn.Module,
        validate: Callable[[], dict[str, Tensor]] | None = None,
    ) -> None:
        """Train ``model`` on losses(batches(n)), keep the weights of its part ``keep`` as name.safetensors.

        batches: number → a batch of CPU tensors, made ahead where that helps. validate: as in ``fit``.
        """
        result, state = self.folder / f"{name}.safetensors", self.folder / f"{name}.state.safetensors"
        if self.begun and result.exists():
            load_weights(keep, read_tensors(result)[0], result)
            state.unlink(missing_ok=True)
            return
        began = time.perf_counter()
        with prefetched(batches, can_prefetch(self.device.device)) as ready:
            history = fit(
                model,
                lambda number: losses(ready(number)),
                schedule,
                self.device,
                name=f"{name:9}",
                state=state,
                resume=self.begun,
                validate=validate,
            )
        write_json(self.folder / f"{name}.json", {"seconds": time.perf_counter() - began, "losses": history})
        write_tensors(result, {key: value.clone() for key, value in keep.state_dict().items()})  # last: it says "done"
        state.unlink(missing_ok=True)
