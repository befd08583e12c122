"""The lessons run from end to end, answers filled in and outputs kept: what the site shows.

    python tools/executed.py            runs those whose code or model has changed since
    python tools/executed.py --all      runs every one again, as after a change in vlmcore

Design choices:
- runs/executed/NN_name.ipynb is the solved notebook with its outputs and the state of its widgets; git never sees it;
- a check that does not say "right" stops the run: nothing wrong is published;
- prose, tags and alt texts are taken from solutions/ when the site is built, so that mending them runs nothing again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path
from time import perf_counter

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from tools.course import ROOT, sources

EXECUTED = ROOT / "runs" / "executed"
MODEL = ROOT / "data" / "checkpoints" / "assistant"  # the lessons show what it answers
LIMIT = 3600  # seconds a cell: twelve times what nbgrader grants, because a machine may be busy


def fingerprint(notebook: NotebookNode) -> str:
    """Changes when the outputs may: with a line of code, and with the trained model."""
    digest = hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            digest.update(cell.source.encode() + b"\0")
    for path in sorted(MODEL.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def executed(name: str) -> Path:
    return EXECUTED / f"{name}.ipynb"


def is_fresh(source: Path) -> bool:
    """Whether the outputs on disk are those of today's code and model."""
    path = executed(source.stem)
    if not path.is_file():
        return False
    kept = nbformat.read(path, as_version=4).metadata.get("fingerprint")
    return kept == fingerprint(nbformat.read(source, as_version=4))


def run(source: Path) -> None:
    """Run one notebook, with a strict check of every exercise, and keep it with its outputs."""
    notebook = nbformat.read(source, as_version=4)
    mark = fingerprint(notebook)
    NotebookClient(notebook, timeout=LIMIT, resources={"metadata": {"path": str(source.parent)}}).execute()
    notebook.metadata["fingerprint"] = mark
    EXECUTED.mkdir(parents=True, exist_ok=True)
    part = executed(source.stem).with_suffix(".part")  # so that a killed run leaves no half notebook behind
    nbformat.write(notebook, part)
    part.replace(executed(source.stem))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="run also what is still fresh")
    everything = parser.parse_args().all
    os.environ["VLMCORE_STRICT"] = "1"
    for source in sources():
        if everything or not is_fresh(source):
            began = perf_counter()
            run(source)
            print(f"{source.stem}: {perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
