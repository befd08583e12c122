"""What is imported along: a question needs no training code, scenes need no torch, `import vlmcore` needs nothing."""

import subprocess
import sys
from pkgutil import iter_modules

import vlmcore
from vlmcore import scenes
from vlmcore.assistant import load


def imported(code: str) -> set[str]:
    """The modules that a new Python holds after some code."""
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300)
    return set(done.stdout.split())


def test_import_is_quick_and_load_is_there():
    held = imported("from vlmcore import VlmError, errors; assert VlmError is errors.VlmError")
    assert not held & {"torch", "numpy", "transformers", "vlmcore.assistant"}
    assert vlmcore.load is load and not hasattr(vlmcore, "lood")


def test_asking_imports_nothing_that_trains_or_scores():
    held = imported("import vlmcore.assistant")
    rooms = {name.split(".")[1] for name in held if name.startswith("vlmcore.")}
    assert {"models", "decoding", "text", "scenes"} <= rooms
    assert not rooms & {"evaluation", "training", "recipes", "batches", "exercises", "pretrained", "widget", "tour"}
    assert not held & {"matplotlib", "ipywidgets", "nbgrader"}


def test_scenes_need_no_torch():
    names = [f"vlmcore.scenes.{module.name}" for module in iter_modules(scenes.__path__)]
    held = imported(f"import {', '.join(names)}")
    assert set(names) <= held and len(names) > 10
    assert not held & {"torch", "transformers", "tokenizers", "safetensors"}
