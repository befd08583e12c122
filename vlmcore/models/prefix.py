"""What every row of a batch has read before its prompt begins: CogVLM's picture, which stands in the same columns of
every row, goes through the model once, by the visual experts; decoding then needs the language model alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vlmcore.models.cache import Cache


@dataclass(frozen=True)
class Prefix:
    """Reads something into an empty cache."""

    columns: int  # that it takes there
    read: Callable[[Cache], int]  # fills them; tells at which position the prompts go on


NOTHING = Prefix(0, lambda cache: 0)
