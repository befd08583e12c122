"""Kill a training run at random moments, take it up again, compare every bit with a run that was left in peace."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

Train = Callable[[Path, bool], None]  # (folder, resume) → a finished run in the folder; a module's own function


def in_child(train: Train, folder: Path, resume: bool, kill_after: float | None = None) -> tuple[float, int]:
    """Run ``train`` in a process of its own, which gets SIGKILL after some seconds; (seconds it took, exit code)."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload(["torch._dynamo", "vlmcore.recipes.llava", train.__module__])  # imports take seconds
    process = context.Process(target=train, args=(folder, resume))
    began = time.perf_counter()
    process.start()
    process.join(kill_after)
    process.kill()
    process.join()
    return time.perf_counter() - began, process.exitcode


def bits(folder: Path) -> dict[str, object]:
    """Everything that a run leaves: file → bytes, or losses where the file also tells the time."""
    found: dict[str, object] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        value = json.loads(file.read_bytes()) if file.suffix == ".json" else None
        timed = isinstance(value, dict) and "losses" in value
        found[str(file.relative_to(folder))] = value["losses"] if timed else file.read_bytes()
    return found


def kill_and_resume(train: Train, folder: Path, times: int, seed: int = 0) -> dict[str, object]:
    """Kill ``times`` runs, each at a random moment, and resume each.

    Returns "killed" (how many were still running), "different" (files whose bits are not those of the run left in
    peace, by run) and "failed" (runs that could not be taken up).
    """
    random, result = Random(seed), {"killed": 0, "different": {}, "failed": []}
    in_child(train, folder / "warm", False)  # the first child also waits for the imports
    whole, code = in_child(train, folder / "peace", False)
    assert code == 0, f"the run left in peace ended with {code}"
    expected = bits(folder / "peace")
    for number in range(times):
        run = folder / f"killed{number}"
        for _ in range(10):  # a run that is quicker than the one in peace is over before the kill: again, from nothing
            if in_child(train, run, False, random.uniform(0.1, 0.95) * whole)[1] != 0:
                result["killed"] += 1
                break
            shutil.rmtree(run)
        if in_child(train, run, True)[1] != 0:
            result["failed"].append(number)
            continue
        found = bits(run)
        different = [name for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]
        if different:
            result["different"][number] = different
    return result
