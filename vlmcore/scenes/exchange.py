"""An exchange: one question and its answer; and the wordings in which questions are asked.

The wordings lie in data/prompts: "train" ones and "held_out" ones, which no training step ever sees.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from vlmcore.scenes.grounding import Box
from vlmcore.scenes.objects import DATA


@dataclass(frozen=True)
class Exchange:
    """One question and its answer; what the answer thinks aloud (thoughts.py) is not scored.

    ``boxes``: what the answer's coordinates stand for, relative, 0 to 1.
    """

    task: str
    question: str
    answer: str
    boxes: tuple[Box, ...] = ()


Conversation = tuple[Exchange, ...]  # exchanges of which a later one may refer to an earlier


@cache
def wordings(file: str = "questions") -> dict[str, dict[str, list[str]]]:
    """{task: {"train" or "held_out": wordings of its question}} from data/prompts: "questions" or "grounding"."""
    return json.loads((DATA / "prompts" / f"{file}.json").read_text(encoding="utf-8"))
