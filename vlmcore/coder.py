"""The trained code model with everything it needs to write: weights, tokenizer, prompts in, programs out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from vlmcore.checkpoint import load_model, load_tokenizer, save_model, save_tokenizer
from vlmcore.decoding.generate import generate, stream
from vlmcore.decoding.pieces import pieces
from vlmcore.device import Device, pick_device
from vlmcore.errors import VlmError
from vlmcore.models.codegeex import CodeGeeX
from vlmcore.scenes.objects import DATA
from vlmcore.text.code_text import CodeText
from vlmcore.text.code_tokenizer import SPECIAL

SHIPPED = DATA / "checkpoints" / "codegeex"
TOGETHER = 64  # prompts that are answered at once
LARGEST = 100_000  # bytes of a file: far more than the model reads
# A line that begins at the margin with one of these ends a function (codegeex/benchmark/utils.py, cleanup_code).
ENDS = re.compile(r"^(?:(?:def|class|if|print|import|from|assert)\b|[@#])", re.M)


class Coder:
    """Goes on with programs, and translates them."""

    def __init__(self, model: CodeGeeX, tokenizer: PreTrainedTokenizerFast, about: dict | None = None) -> None:
        self.model, self.text, self.about = model.eval(), CodeText(tokenizer), about or {}

    # -- writing -----------------------------------------------------------------------------------------------------

    def complete(self, code: str, language: str = "Python", samples: int = 1, **sampling: float) -> list[str]:
        """What may follow ``code``, ``samples`` times. Errors: VlmError."""
        prompt = self.prompt(code, language)
        return self.answer_all([prompt] * samples, **sampling)

    def translate(
        self, code: str, source: str = "Java", target: str = "Python", samples: int = 1, **sampling: float
    ) -> list[str]:
        """The program in another language, ``samples`` times. Errors: VlmError."""
        refuse_empty(code)
        prompt = self.readable(self.text.translation(source, code, target))
        return self.answer_all([prompt] * samples, **sampling)

    def stream(self, prompt: Sequence[int], **sampling: float) -> Iterator[str]:
        """What follows a prompt, piece by piece."""
        tokens = stream(self.model, self.embed(prompt), stop=self.text.stop, **self.room(prompt, sampling))
        yield from pieces(tokens, self.text.decode)

    def answer_all(self, prompts: Sequence[Sequence[int]], seed: int = 0, **sampling: float) -> list[str]:
        """Many prompts at once → what follows each, in their order. The same prompt twice is sampled twice."""
        answers: list[str] = []
        for start in range(0, len(prompts), TOGETHER):
            part = prompts[start : start + TOGETHER]
            longest = max(part, key=len)
            made = generate(
                self.model,
                [self.embed(prompt) for prompt in part],
                stop=self.text.stop,
                seed=seed + start,
                **self.room(longest, sampling),
            )
            answers += map(self.text.decode, made)
        return answers

    def embed(self, prompt: Sequence[int]) -> torch.Tensor:
        table = self.model.embedding
        return table(torch.tensor(prompt, device=table.weight.device))

    def prompt(self, code: str, language: str = "Python") -> list[int]:
        """The tokens before a completion. Errors: VlmError."""
        refuse_empty(code)
        return self.readable(self.text.prompt(language, code))

    def readable(self, prompt: list[int]) -> list[int]:
        """The prompt, if the model can read it. Errors: VlmError."""
        most = self.model.config.learned_positions - 1
        if len(prompt) > most:
            raise VlmError(f"the program has {len(prompt)} tokens, the model reads {most}: give it a part")
        return prompt

    def room(self, prompt: Sequence[int], sampling: dict[str, float]) -> dict[str, float]:
        """How much may follow: as much as there are positions left."""
        left = self.model.config.learned_positions - len(prompt)
        return sampling | {"max_tokens": min(int(sampling.get("max_tokens", left)), left)}

    # -- on disk -----------------------------------------------------------------------------------------------------

    def save(self, folder: Path, half: bool = True) -> None:
        """Write the model (checkpoint.py) and the tokenizer."""
        save_tokenizer(folder, self.text.tokenizer)
        save_model(folder, self.model, self.about, half)


def refuse_empty(code: str) -> None:
    if not code.strip():
        raise VlmError("the prompt is empty: begin a program, such as 'def count_even(xs):'")


def first_function(completion: str) -> str:
    """A completion in Python up to where its function ends and something else begins."""
    found = ENDS.search(completion)
    return completion[: found.start()] if found else completion


def read_java(file: Path) -> str:
    """A Java program. Errors: VlmError where the file is none."""
    try:
        size = file.stat().st_size
        if size > LARGEST:
            raise VlmError(f"{file} has {size} bytes, a program may have {LARGEST}: give one class of it")
        code = file.read_text(encoding="utf-8")
    except OSError as error:
        raise VlmError(f"cannot read {file} ({error.strerror}): name a file with a Java program") from error
    except UnicodeDecodeError as error:
        raise VlmError(f"{file} is no text in UTF-8: name a file with a Java program") from error
    if not code.strip():
        raise VlmError(f"{file} is empty: name a file with a Java program")
    if not re.search(r"\w[\w<>\[\], ]* \w+\([^)]*\)[^{;]*\{", code):
        raise VlmError(f"{file} has no Java method, such as `static int twice(int x) {{ … }}`: is it the right file?")
    return code


def load_coder(folder: str | Path | None = None, device: Device | None = None) -> Coder:
    """The code model in ``folder``, or the one that the course ships. Errors: VlmError if missing or damaged."""
    folder = SHIPPED if folder is None else Path(folder)
    if not folder.is_dir():
        raise VlmError(f"there is no folder {folder}: train one with `vlmcore train --model codegeex --out {folder}`")
    model, about = load_model(folder)
    if not isinstance(model, CodeGeeX):
        raise VlmError(f"{folder} holds a {type(model).__name__}, which writes no code: name a CodeGeeX's folder")
    tokenizer = load_tokenizer(folder, model.config.vocabulary, SPECIAL)
    device = device or pick_device()
    return Coder(model.to(device.device, device.weights), tokenizer, about)
