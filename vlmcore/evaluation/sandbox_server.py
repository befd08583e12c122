"""The fork server behind sandbox.py: ``python -I -m vlmcore.evaluation.sandbox_server``; jobs come in as lines of JSON.

::

    sandbox.py ──job──► server ──fork──► child: closes all it inherited, puts up its walls, runs the program
               ◄─outcome─       ◄─────── output and values, through two pipes; the server kills what takes too long

The server never runs a line of a program itself. What the child says of itself is not believed: it returns values, and
whoever knows the right ones compares them elsewhere.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from typing import Any

from vlmcore.evaluation import sandbox_walls as walls

OUTPUT, RESULT = 1, 3  # the child's file descriptors: what it prints, what it returns; there are no others
# Imported before the fork, once for all programs: that is quick.
PRELOADED = [
    "array", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "heapq", "itertools", "math", "operator", "random", "re", "statistics", "string", "struct", "textwrap", "time",
    "typing",
]  # fmt: skip


def encode(value: Any) -> Any:
    """A value as JSON, with a word for what JSON has not. Errors: TypeError for what is no plain value."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [encode(item) for item in value]
    if kind is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [encode(item) for item in value]}
    raise TypeError(f"a {kind.__name__} is no plain value")


def decode(value: Any) -> Any:
    """The other way round."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((name, items),) = value.items()
    if name == "dict":
        return {decode(key): decode(item) for key, item in items}
    return {"tuple": tuple, "set": set, "frozenset": frozenset}[name](decode(item) for item in items)


def said(error: BaseException) -> str:
    """An error's last line, and the program's line where it happened."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<program>"]
    where = f", line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}: {error}{where}"[:500]


def perform(job: dict) -> dict:
    """Run a program, and call its function where one is named → what is to be told."""
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(job["program"], "<program>", "exec"), names)
        if job["call"] is None:
            return {"outcome": "finished"}
        return {"outcome": "finished", "values": [encode(names[job["call"]](*decode(a))) for a in job["arguments"]]}
    except SystemExit as error:
        done = error.code in (None, 0) and job["call"] is None
        return {"outcome": "finished"} if done else {"outcome": "error", "error": said(error)}
    except MemoryError as error:
        return {"outcome": "memory", "error": said(error)}
    except PermissionError as error:
        return {"outcome": "refused", "error": said(error)}
    except BaseException as error:
        return {"outcome": "error", "error": said(error)}


def child(job: dict, folder: str, memory: int, output: int, result: int) -> None:
    """What the fork does; it never returns."""
    code = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number, source in enumerate((nothing, output, output, result)):
            os.dup2(source, number + 100)
        for number in range(4):
            os.dup2(number + 100, number)
        os.closerange(4, 1024)
        os.chdir(folder)
        os.environ.clear()
        for number in range(1, signal.NSIG):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        sys.stdin, sys.stdout = open(0, closefd=False), open(OUTPUT, "w", closefd=False)  # noqa: SIM115
        sys.stderr, sys.argv = sys.stdout, ["program"]
        standing, missing = walls.put_up(memory, job["seconds"])
        os.closerange(4, 64)  # what the walls themselves have opened
        told = {"layers": standing, "missing": missing} if job["program"] is None else perform(job)
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        message = json.dumps(told).encode()
        while message:
            message = message[os.write(RESULT, message) :]
        code = 0
    finally:
        os._exit(code)


def supervise(job: dict, folder: str, memory: int, limit: int) -> dict:
    """Fork, read, and kill in time → the outcome."""
    (output, output_end), (result, result_end) = os.pipe(), os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        child(job, folder, memory, output_end, result_end)
    os.close(output_end)
    os.close(result_end)
    texts, stopped = {output: bytearray(), result: bytearray()}, None
    open_pipes, deadline = {output, result}, began + job["seconds"]
    while open_pipes and stopped is None:
        ready, _, _ = select.select(list(open_pipes), [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            stopped = "timeout"
        for pipe in ready:
            part = os.read(pipe, 1 << 16)
            texts[pipe] += part
            if not part:
                open_pipes.remove(pipe)
            elif len(texts[pipe]) > limit:
                stopped = "refused"
    status = None
    while status is None:  # pipes may be closed by a program that goes on
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = code
        elif stopped or time.monotonic() > deadline:
            stopped = stopped or "timeout"
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(OSError):  # it may not have its own session yet
                    kill(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
        else:
            time.sleep(0.0005)
    os.close(output)
    os.close(result)
    found = {"stdout": bytes(texts[output][:limit]).decode(errors="replace"), "seconds": time.monotonic() - began}
    return judged(stopped, status, bytes(texts[result])) | found


def judged(stopped: str | None, status: int, result: bytes) -> dict:
    """What became of a child: why it was stopped, how it ended, or what it tells."""
    if stopped == "refused":
        return {"outcome": "refused", "error": "it wrote more than it may"}
    if stopped or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return {"outcome": "timeout", "error": "it took too long"}
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return {"outcome": "memory" if number == signal.SIGKILL else "error", "error": f"it ended by signal {number}"}
    try:
        told = json.loads(result)
        assert isinstance(told, dict) and told.get("outcome", "finished") in ("finished", "error", "memory", "refused")
        return told
    except (ValueError, RecursionError, AssertionError):
        return {"outcome": "error", "error": "it ended before it was done"}


def main() -> None:
    """Say which walls there are; then a job a line, an outcome a line, until there are no more."""
    settings = json.loads(sys.argv[1])
    for name in PRELOADED:
        __import__(name)
    around, without = [], []
    try:
        walls.namespaces()
        around.append("namespaces")
    except walls.Missing as reason:
        without.append(f"namespaces ({reason})")
    gc.freeze()  # a child's collector need not look at what is the server's
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        trial = {"program": None, "call": None, "arguments": [], "seconds": 10.0}
        found = supervise(trial, folder, settings["memory"], settings["output"])
        hello = {"layers": found.get("layers", []) + around, "missing": found.get("missing", ["all of them"]) + without}
        print(json.dumps(hello), flush=True)
        for line in sys.stdin:
            outcome = supervise(json.loads(line), folder, settings["memory"], settings["output"])
            print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
