"""Every command of README is tried. What takes minutes, or a network, is only parsed, by the program that would run it.

Run: `vlmcore ask`, and the Python example, with the shipped model. Parsed: every `make` (`--dry-run`), trainings and
evaluations (typer reads their arguments), pip, pytest, conda, nbgrader (tests/test_course.py runs its commands).
"""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
import typer

from tools.course import LESSONS, ROOT
from vlmcore.__main__ import app

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.M | re.S)
LINES = [line for kind, block in BLOCKS if not kind for line in block.splitlines() if line.strip()]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
PICTURE = ROOT / "data" / "coco_sample" / "images" / "000000000001.png"


def commands() -> list[list[str]]:
    """All commands, word by word: those of the blocks, and those within sentences."""
    inline = re.findall(r"`((?:PIP_EXTRA_INDEX_URL=\S+ )?(?:make|vlmcore|conda|jupyter) [^`]+)`", TEXT)
    parts = [part for line in [*LINES, *inline] for part in line.split("&&")]
    return [words for part in parts if (words := shlex.split(part, comments=True))]


def parsed(arguments: list[str]) -> None:
    """Typer reads the arguments of a vlmcore command as if it were to run it. Errors: click's."""
    command = typer.main.get_command(app)
    chosen = command.commands[arguments[0]]
    chosen.make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_is_one(words):
    if "=" in words[0]:
        words = words[1:]
    program, *rest = [words[0].removeprefix(".venv/bin/"), *words[1:]]
    if program == "make":
        if shutil.which("make") is None:
            pytest.skip("there is no make")
        done = subprocess.run(["make", "--dry-run", *rest], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    elif program == "vlmcore":
        parsed(rest)
    elif program == "pip":
        extras = re.findall(r"\.\[(.+)\]", " ".join(rest))
        assert rest[0] == "install" and (ROOT / rest[rest.index("-c") + 1]).is_file()
        assert all(name in EXTRAS for names in extras for name in names.split(","))
    elif program in ("pytest", "jupyter"):
        folders = [word for word in rest if not word.startswith("-") and word != "lab"]
        assert all((ROOT / folder).is_dir() for folder in folders)
    elif program == "nbgrader":
        from nbgrader.apps.nbgraderapp import NbGraderApp

        assert rest[0] in NbGraderApp.subcommands
        assert all((LESSONS / f"{name}.ipynb").is_file() for name in rest[1:])
    elif program == "conda":
        assert rest[:2] == ["activate", "vlmcore"] or (ROOT / rest[-1]).is_file()
    elif program.startswith("python3"):
        assert rest == ["-m", "venv", ".venv"]
    else:
        assert words in (["source", ".venv/bin/activate"], ["cd", "course"]), "nobody has said how to try this"


@pytest.mark.slow
@pytest.mark.parametrize("words", [w for w in commands() if w[:2] == ["vlmcore", "ask"]], ids=" ".join)
def test_a_question_is_answered(words, tmp_path):
    shutil.copy(PICTURE, tmp_path / "picture.png")
    if "runs/first" in words:
        pytest.skip("that model is the reader's own, which `make run` trains")
    words = [str(ROOT / word) if word.startswith("data/") else word for word in words]
    done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr
    assert ("--draw" in words) == (tmp_path / "boxes.png").is_file()


@pytest.mark.slow
def test_the_python_example_runs(tmp_path):
    (example,) = (block for kind, block in BLOCKS if kind == "python")
    shutil.copy(PICTURE, tmp_path / "picture.png")
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


def test_readme_is_short_and_its_pictures_are_described():
    assert len(TEXT.splitlines()) <= 150
    pictures = re.findall(r"<img [^>]+>", TEXT)
    assert len(pictures) >= 1 + len(list(LESSONS.glob("[0-9][0-9]_*.ipynb")))
    for picture in pictures:
        named = dict(re.findall(r'(\w+)="([^"]*)"', picture))
        assert (ROOT / named["src"]).is_file() and len(named["alt"]) > 10


def test_links_within_the_repository_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / link).exists(), link
