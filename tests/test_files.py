"""Files whole or not at all, a sentence for every file that is not what it should be, and a lock."""

import errno
import io
import multiprocessing
import os
import re
import sys
import threading
import time
from pathlib import Path

import pytest

import vlmcore
from vlmcore.errors import VlmError
from vlmcore.files import lock, read_json, write, write_json

PACKAGE = Path(vlmcore.__file__).parent


# -- writing ---------------------------------------------------------------------------------------------------------


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Full(io.BytesIO):
    """A file on a disk that is full: half of what is written arrives."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def write(self, content: bytes) -> int:
        with open(self.path, "wb") as file:  # Path.open is ours here
            file.write(content[: len(content) // 2])
        full_disk()


@pytest.mark.parametrize("moment", ["open", "sync", "move"])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, moment):
    file = tmp_path / "weights"
    write(file, b"old and whole")
    with monkeypatch.context() as patch:
        if moment == "open":
            patch.setattr(Path, "open", lambda path, *_: full_disk())
        patch.setattr(os, "fsync", full_disk if moment == "sync" else os.fsync)
        patch.setattr(Path, "replace", full_disk if moment == "move" else Path.replace)
        with pytest.raises(VlmError, match="No space left on device"):
            write(file, b"new")
    assert file.read_bytes() == b"old and whole"
    assert list(tmp_path.iterdir()) == [file]


def test_half_a_write_is_removed(tmp_path, monkeypatch):
    file = tmp_path / "weights"
    write(file, b"old and whole")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, *_: Full(path))
        with pytest.raises(VlmError, match="No space left"):
            write(file, b"new" * 100)
    assert file.read_bytes() == b"old and whole" and list(tmp_path.iterdir()) == [file]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "weights"
    write(file, b"old and whole")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(file, b"new")
    assert file.read_bytes() == b"old and whole" and list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_a_file_is_told_of(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VlmError, match="cannot write"):
        write(tmp_path / "file" / "weights", b"x")


# -- reading ---------------------------------------------------------------------------------------------------------


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how == "missing":
        file.unlink()
    elif how == "folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {"empty": b"", "truncated": content[: len(content) // 2], "garbage": bytes(range(255, 127, -1))}[how]
        )


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "garbage", "folder"])
def test_damaged_files_are_told_of(tmp_path, how):
    write_json(tmp_path / "j.json", {"a": [1, 2, 3]})
    damage(tmp_path / "j.json", how)
    with pytest.raises(VlmError, match=r"j\.json"):
        read_json(tmp_path / "j.json")


def test_json_comes_back(tmp_path):
    value = {"Ω": [1, 2.5, None, True], "empty": {}}
    write_json(tmp_path / "j.json", value)
    assert read_json(tmp_path / "j.json") == value and "Ω" in (tmp_path / "j.json").read_text("utf-8")


def test_json_as_deep_as_a_well_is_told_of(tmp_path):
    (tmp_path / "j.json").write_text("[" * 200_000)
    with pytest.raises(VlmError, match="damaged"):
        read_json(tmp_path / "j.json")


def test_nothing_is_pickled():
    bad = re.compile(r"torch\.(save|load)\(|\bpickle\b(?!,)|\bshelve\b|joblib|np\.load\(|allow_pickle")
    sources = [*PACKAGE.rglob("*.py")]
    assert len(sources) > 15
    for source in sources:
        code = re.sub(r'""".*?"""|#.*', "", source.read_text("utf-8"), flags=re.S)
        assert not bad.search(code), f"{source.name} pickles"


# -- one at a time ---------------------------------------------------------------------------------------------------

BUSY = "somebody else builds it at this moment: wait for them"


def test_a_lock_is_held_by_one(tmp_path):
    file = tmp_path / "new" / ".lock"
    with lock(file, BUSY):
        for _ in range(2):
            with pytest.raises(VlmError) as caught:
                lock(file, BUSY)
            assert str(caught.value) == BUSY
        with lock(tmp_path / ".other", BUSY):
            pass
    held = lock(file, BUSY)
    held.release()
    with lock(file, BUSY):
        pass


def test_it_waits_no_longer_than_it_should(tmp_path):
    with lock(tmp_path / ".lock", BUSY):
        began = time.monotonic()
        with pytest.raises(VlmError, match=BUSY):
            lock(tmp_path / ".lock", BUSY, wait=0.2)
        assert 0.2 <= time.monotonic() - began < 10


@pytest.mark.parametrize("wait", [30, -1], ids=["half a minute", "for ever"])
def test_it_waits_until_the_other_holder_is_done(tmp_path, wait):
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with lock(tmp_path / ".lock", BUSY):
            held.set()
            time.sleep(0.2)
            done.set()

    thread = threading.Thread(target=other)
    thread.start()
    held.wait(20)
    with lock(tmp_path / ".lock", BUSY, wait):
        assert done.is_set()
    thread.join()


def hold(file: Path) -> None:
    with lock(file, BUSY):
        file.with_name("held").touch()
        time.sleep(60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a new process imports for long")
def test_it_ends_with_its_process_however_that_ends(tmp_path):
    """A file whose presence is the lock would stay after a kill, and lock everybody out for good."""
    process = multiprocessing.get_context("fork").Process(target=hold, args=(tmp_path / ".lock",))
    process.start()
    until = time.monotonic() + 20
    while not (tmp_path / "held").exists() and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(VlmError, match=BUSY):
        lock(tmp_path / ".lock", BUSY)
    process.kill()
    process.join()
    with lock(tmp_path / ".lock", BUSY, wait=10):
        pass


def test_a_lock_that_cannot_be_written_is_told_of(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VlmError, match=r"cannot write .* Choose a folder of yours"):
        lock(tmp_path / "file" / ".lock", BUSY)
