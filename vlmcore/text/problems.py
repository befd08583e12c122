"""Programming problems in the two published forms, read from their own files.

::

    HumanEval     task_id  prompt  entry_point  canonical_solution  test         answers: completion
    HumanEval-X   task_id  prompt  declaration  canonical_solution  test  …      answers: generation

A HumanEval test defines ``check(candidate)``, which is called with the function; HumanEval-X's tests call themselves,
and its declaration is the prompt without the comment, for translation. Either file is JSON lines, often gzipped.

Source: openai/human-eval, data/HumanEval.jsonl.gz and human_eval/execution.py; THUDM/CodeGeeX, codegeex/benchmark.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmcore.errors import VlmError
from vlmcore.files import write

COMMON = ("task_id", "prompt", "canonical_solution", "test")


@dataclass(frozen=True)
class Problem:
    """One problem: what is given, and how an answer is judged."""

    task_id: str
    prompt: str  # the program up to where the answer begins
    solution: str  # a right answer
    test: str
    entry_point: str | None = None  # HumanEval's: the function that is checked
    declaration: str | None = None  # HumanEval-X's: the same without its docstring

    def program(self, answer: str) -> str:
        """A whole program, whose end is reached where the answer is right."""
        called = f"check({self.entry_point})\n" if self.entry_point else ""
        return f"{self.prompt}{answer}\n{self.test}\n{called}"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines, gzipped or not. Errors: VlmError with the line."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise VlmError(f"cannot read {path} ({error}): name a file of JSON lines, gzipped or not") from error
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise VlmError(f"{path}, line {number} is no JSON ({error}): copy the file again") from error
    return found


def read_problems(path: Path) -> list[Problem]:
    """The problems of a HumanEval or HumanEval-X file. Errors: VlmError for any other."""
    problems = []
    for number, line in enumerate(read_lines(path), 1):
        missing = [key for key in COMMON if key not in line]
        if not missing and "entry_point" not in line and "declaration" not in line:
            missing = ["entry_point (HumanEval) or declaration (HumanEval-X)"]
        if missing:
            raise VlmError(f"{path}, problem {number} has no {', '.join(missing)}: is it a HumanEval file?")
        problems.append(
            Problem(
                line["task_id"], line["prompt"], line["canonical_solution"], line["test"],
                line.get("entry_point"), line.get("declaration"),
            )
        )  # fmt: skip
    return problems


def write_answers(path: Path, answers: Iterable[tuple[Problem, str]]) -> None:
    """Answers as the published graders read them: "completion" for HumanEval, "generation" for HumanEval-X."""
    lines = [
        json.dumps({"task_id": problem.task_id, "completion" if problem.entry_point else "generation": answer})
        for problem, answer in answers
    ]
    write(path, "".join(f"{line}\n" for line in lines).encode())
