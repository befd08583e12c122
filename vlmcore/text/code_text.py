"""How code is put before a language model: with its language's name, to go on with or to translate.

::

    # language: Python                      code translation
    def count_even(xs):                     Java:
        …                                   class Main { … }
                                            Python:
                                            def count_even(xs): …

Source: THUDM/CodeGeeX, codegeex/data/data_utils.py (``LANGUAGE_TAG``), codegeex/benchmark/utils.py (translation).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from transformers import PreTrainedTokenizerFast

from vlmcore.errors import VlmError
from vlmcore.text.chat import IGNORE
from vlmcore.text.code_tokenizer import SPECIAL

COMMENT = {"Python": "#", "Java": "//", "JavaScript": "//", "C++": "//"}  # what begins a line that is no code


def tag(language: str) -> str:
    """The line that tells the language. Errors: VlmError for one that is not known."""
    if language not in COMMENT:
        raise VlmError(f"there is no language {language!r} here: choose {', '.join(COMMENT)}")
    return f"{COMMENT[language]} language: {language}\n"


class CodeText:
    """Code ↔ tokens for one tokenizer. Labels repeat the ids that are learned, −100 elsewhere."""

    image = None  # no token stands for a picture (text/packing.py)

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.stop, self.pad = tokenizer.convert_tokens_to_ids(list(SPECIAL))
        self.encode = lru_cache(maxsize=4096)(self._encode)

    def _encode(self, code: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(code, add_special_tokens=False, split_special_tokens=True))

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def prompt(self, language: str, code: str = "") -> list[int]:
        """What stands before the rest of a program. Errors: VlmError."""
        return [self.stop, *self.encode(tag(language)), *self.encode(code)]

    def translation(self, source: str, code: str, target: str) -> list[int]:
        """What stands before a program's translation. Errors: VlmError."""
        for language in (source, target):
            tag(language)
        return [
            self.stop,
            *self.encode(f"code translation\n{source}:\n"),
            *self.encode(code),
            *self.encode(f"{target}:\n"),
        ]

    def supervise(self, prompt: Sequence[int], code: str) -> tuple[list[int], list[int]]:
        """A prompt and what shall follow it, to the end, as (ids, labels): the prompt is not learned."""
        answer = [*self.encode(code), self.stop]
        return [*prompt, *answer], [IGNORE] * len(prompt) + answer

    def plain(self, language: str, code: str, limit: int) -> tuple[list[int], list[int]]:
        """A program of which every token is learned, cut off after ``limit``."""
        ids = [*self.prompt(language, code), self.stop][:limit]
        return ids, [IGNORE, *ids[1:]]
