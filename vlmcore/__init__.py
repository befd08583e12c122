"""Vision-language models to read, build, train and question: the core package of the course."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["VlmError", "load"]


def __getattr__(name: str) -> Any:
    """``vlmcore.load`` and ``vlmcore.VlmError``, imported when first asked for: `import vlmcore` stays quick."""
    if name == "load":
        from vlmcore.assistant import load

        return load
    if name == "VlmError":
        from vlmcore.errors import VlmError

        return VlmError
    raise AttributeError(f"module 'vlmcore' has no attribute {name!r}")
