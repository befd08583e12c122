"""Text in pieces, as its tokens come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence


def pieces(tokens: Iterable[int], decode: Callable[[Sequence[int]], str]) -> Iterator[str]:
    """What each token adds to the text. A letter whose bytes are not complete yet is waited for."""
    ids: list[int] = []
    said = text = ""
    for token in tokens:
        ids.append(token)
        text = decode(ids)
        if not text.endswith("\ufffd"):
            yield text[len(said) :]
            said = text
    if text != said:  # it never was completed
        yield text[len(said) :]
