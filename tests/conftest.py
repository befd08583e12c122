"""No test needs a network. Set before anything imports transformers; the kernels that run notebooks inherit it."""

import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A whole tiny run on disk. Copy it before you change anything in it."""
    from tests.tiny_run import train_tiny

    folder = tmp_path_factory.mktemp("tiny") / "run"
    train_tiny(folder, False)
    return folder


@pytest.fixture(scope="session")
def tiny_assistant(tiny_folder):
    """The assistant that it left: it answers, though nonsense."""
    from vlmcore import load

    return load(tiny_folder)
