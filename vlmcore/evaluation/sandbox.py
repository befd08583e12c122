"""Running programs that a model wrote: only here, behind walls, and judged from outside.

Design choices:
- a program is never asked whether it passed. It gets arguments and returns values, and the caller compares: so that
  ``os._exit(0)``, a patched ``==`` or a forged "passed" gains nothing;
- each runs in a child of its own, without files, network, other programs or other processes (sandbox_walls.py), with
  little memory and time; which walls stand is asked of the system when the sandbox starts, and told;
- a server forks the children (sandbox_server.py), so that thousands of programs run quickly;
- whatever a program does, the caller gets an ``Outcome`` and goes on.

A published test file (HumanEval's) judges inside its own program: ``run`` does that, and then an ``os._exit`` or a
patched check can only be caught as a program that ended early.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from vlmcore.errors import VlmError
from vlmcore.evaluation.sandbox_server import decode, encode

OUTCOMES = ("finished", "error", "timeout", "memory", "refused")
LARGEST = 1 << 20  # bytes of a program
GRACE = 5.0  # seconds after which the server itself counts as lost
ALL_LAYERS = ("limits", "privileges", "files", "system calls", "namespaces")


@dataclass(frozen=True)
class Outcome:
    """What became of a program."""

    outcome: str  # one of OUTCOMES
    stdout: str = ""  # what it printed, at most as much as it may
    error: str = ""  # of any but a finished one: what happened, and in which line
    values: tuple[Any, ...] = ()  # what a called function returned
    seconds: float = 0.0


def read_program(file: Path) -> str:
    """A program's text. Errors: VlmError where there is none, or too much of it."""
    try:
        size = file.stat().st_size
        if size > LARGEST:
            raise VlmError(f"{file} has {size} bytes, a program may have {LARGEST}: is it the right file?")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise VlmError(f"cannot read {file} ({error.strerror}): name a file with a program") from error
    except UnicodeDecodeError as error:
        raise VlmError(f"{file} is no text in UTF-8: name a file with a program") from error


class Sandbox:
    """``with Sandbox() as sandbox:``. Errors: VlmError where the system cannot fork (Windows).

    seconds, memory (bytes), output (bytes): what a program may take.
    """

    def __init__(self, seconds: float = 2.0, memory: int = 512 << 20, output: int = 1 << 16) -> None:
        if not hasattr(os, "fork"):
            raise VlmError("programs run on Linux or macOS only: use WSL or Colab")
        self.seconds, self.settings = seconds, {"memory": memory, "output": output}
        self.layers: list[str] = []  # the walls that stand, once it has started
        self.missing: list[str] = []  # those that do not, and why: the more, the weaker
        self.server: subprocess.Popen | None = None
        self.unread = b""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def run(self, program: str, seconds: float | None = None) -> Outcome:
        """A whole program."""
        return self._perform(program, None, [], seconds)

    def call(
        self, program: str, name: str, arguments: Sequence[Sequence[Any]], seconds: float | None = None
    ) -> Outcome:
        """A function of a program with each of some argument lists; plain values in, plain values out."""
        return self._perform(program, name, [encode(list(given)) for given in arguments], seconds)

    def _perform(self, program: str, name: str | None, arguments: list, seconds: float | None) -> Outcome:
        seconds = self.seconds if seconds is None else seconds
        job = {"program": program, "call": name, "arguments": arguments, "seconds": seconds}
        try:
            self.server.stdin.write(json.dumps(job).encode() + b"\n")
            self.server.stdin.flush()
            told = self._read(seconds + GRACE)
            values = tuple(decode(value) for value in told.pop("values", []))
            return Outcome(values=values, **told)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self._stop()  # the server is lost, or a program returned what nobody could read
            self._start()
            return Outcome("error", error=f"no outcome could be read: {error}")

    def _start(self) -> None:
        self.unread = b""
        self.server = subprocess.Popen(
            [sys.executable, "-I", "-m", "vlmcore.evaluation.sandbox_server", json.dumps(self.settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, start_new_session=True,
        )  # fmt: skip
        try:
            hello = self._read(10 * GRACE)
            self.layers, self.missing = hello["layers"], hello["missing"]
        except (OSError, ValueError, KeyError) as error:
            self._stop()
            raise VlmError(f"the sandbox does not start: {error}") from error

    def _stop(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.communicate()
            self.server = None

    def _read(self, seconds: float) -> dict:
        """The server's next line. Errors: OSError where none comes in time."""
        deadline, pipe = time.monotonic() + seconds, self.server.stdout.fileno()
        while b"\n" not in self.unread:
            if not select.select([pipe], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise OSError("the server does not answer")
            part = os.read(pipe, 1 << 16)
            if not part:
                raise OSError("the server has ended")
            self.unread += part
        line, self.unread = self.unread.split(b"\n", 1)
        return json.loads(line)
