"""Files that are whole or not there: atomic writes, JSON, and a lock for what two processes must not do at once.

Every file is written beside its place and then moved into it, so that whoever reads it, after a crash too, finds the
old one or the new one.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vlmcore.errors import VlmError


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Errors: VlmError when the disk is full or the folder closed to us."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise VlmError(
            f"cannot write {path}: {error.strerror}. Nothing was lost: free some space or choose --out"
        ) from error
    finally:
        with suppress(OSError):  # gone already when all went well
            beside.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all. Errors: VlmError, as ``write``."""
    write(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """A JSON file's value. Errors: VlmError for a missing or damaged file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VlmError(f"there is no {path}: is {path.parent} a folder written by `vlmcore train`?") from None
    except (ValueError, RecursionError, OSError) as error:
        raise VlmError(f"{path} is damaged ({error}): delete it and train or copy it again") from error


def lock(path: Path, busy: str, wait: float = 0.0) -> FileLock:
    """A lock that this process now holds, until ``release()``, ``with`` ends, or the process does, however it ends.

    path: a file that need not exist. wait: seconds to wait for another holder, −1 for ever. Errors: VlmError that says
    ``busy`` where another process (or another part of this one) still holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(path)
        held.acquire(timeout=wait)
    except Timeout:
        raise VlmError(busy) from None
    except OSError as error:
        raise VlmError(f"cannot write {path}: {error.strerror}. Choose a folder of yours") from error
    return held
