"""A text and a picture's codes as one row of ids, in the two published ways.

::

    DALL·E     words, filled up by pads | codes                     the text takes as many places in every row
    CogView    [ROI1] words [BASE] [BOI1] codes [EOI1]              the text takes as many as it has

Both are one vocabulary: words first, then the signs, then the codes. Where DALL·E's text ends early, the place n holds
the pad of place n, which is learned like any word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vlmcore.errors import VlmError


@dataclass(frozen=True)
class DALLERows:
    """words, pads | codes."""

    words: int  # ids of the text's tokenizer
    codes: int
    text: int  # places that the text takes

    @property
    def vocabulary(self) -> int:
        return self.words + self.text + self.codes

    @property
    def code_ids(self) -> range:
        return range(self.words + self.text, self.vocabulary)

    def prompt(self, words: Sequence[int]) -> list[int]:
        """What stands before the codes. Errors: VlmError for a text that is too long."""
        if len(words) > self.text:
            raise VlmError(f"the text has {len(words)} tokens, the model reads {self.text}: say it in fewer words")
        return [*words, *range(self.words + len(words), self.words + self.text)]

    def row(self, words: Sequence[int], codes: Sequence[int]) -> list[int]:
        return [*self.prompt(words), *(self.code_ids.start + code for code in codes)]


@dataclass(frozen=True)
class CogViewRows:
    """[ROI1] words [BASE] [BOI1] codes [EOI1]."""

    words: int
    codes: int
    text: int  # words at most

    @property
    def vocabulary(self) -> int:
        return self.words + 4 + self.codes

    @property
    def code_ids(self) -> range:
        return range(self.words + 4, self.vocabulary)

    def prompt(self, words: Sequence[int]) -> list[int]:
        """What stands before the codes. Errors: VlmError for a text that is too long."""
        if len(words) > self.text:
            raise VlmError(f"the text has {len(words)} tokens, the model reads {self.text}: say it in fewer words")
        roi, base, boi, _ = range(self.words, self.words + 4)
        return [roi, *words, base, boi]

    def row(self, words: Sequence[int], codes: Sequence[int]) -> list[int]:
        eoi = self.words + 3
        return [*self.prompt(words), *(self.code_ids.start + code for code in codes), eoi]
