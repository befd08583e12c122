"""Batches of code: real Python, functions after their sentence, and programs with their translations."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from vlmcore.programs import java, python
from vlmcore.programs.described import described
from vlmcore.programs.generator import held_out, program
from vlmcore.programs.tree import Program
from vlmcore.text import python_source
from vlmcore.text.code_text import CodeText
from vlmcore.text.packing import Batch, Document, pack

WRITERS = {"Java": java.write, "Python": python.write}


class CodeBatches:
    """number → rows of packed documents. ``mix``: kind → how often, of "source", "described" and "translation"."""

    def __init__(self, text: CodeText, rows: int, length: int, seed: int, mix: dict[str, float]) -> None:
        self.text, self.rows, self.length, self.seed, self.mix = text, rows, length, seed, mix
        found = python_source.modules() if "source" in mix else {}
        self.sources = [source for name, source in found.items() if not python_source.held_out(name)]
        self.sizes = [len(source) for source in self.sources]

    def __call__(self, step: int) -> Batch:
        return pack(self.text, self.documents(Random(f"code {self.seed} {step}")), self.rows, self.length)

    def documents(self, random: Random) -> Iterator[Document]:
        kinds, weights = list(self.mix), list(self.mix.values())
        while True:
            match random.choices(kinds, weights)[0]:
                case "source":
                    (source,) = random.choices(self.sources, self.sizes)
                    start = source.rfind("\n", 0, random.randrange(len(source))) + 1
                    part = source[start : start + 6 * self.length]
                    yield Document([self.text.plain("Python", part, self.length)])
                case "described":
                    yield Document([self.text.supervise(*asked(self.text, random))])
                case "translation":
                    yield Document([self.text.supervise(*translated(self.text, random))])


def asked(text: CodeText, random: Random) -> tuple[list[int], str]:
    """A function's head and sentence as a prompt, and its body; of the shapes for training."""
    while held_out((found := described(random)).program):
        pass
    head, body = found.python()
    return text.prompt("Python", head), body


def translated(text: CodeText, random: Random) -> tuple[list[int], str]:
    """A program in Java as a prompt, and the same in Python, or the other way round; of the shapes for training."""
    while held_out(made := either(random)):
        pass
    source, target = ("Java", "Python") if random.random() < 0.85 else ("Python", "Java")
    return text.translation(source, WRITERS[source](made), target), WRITERS[target](made)


def either(random: Random) -> Program:
    """A random program, or one that a sentence describes."""
    return program(random) if random.random() < 0.85 else described(random).program
