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


@pytest.fixture(scope="session")
def tiny_coder():
    """A coder that has learned nothing."""
    from random import Random

    import torch

    from vlmcore.batches.code import either
    from vlmcore.coder import Coder
    from vlmcore.models.codegeex import CodeGeeX, codegeex_config
    from vlmcore.programs import java, python
    from vlmcore.text.code_tokenizer import train_code_tokenizer

    made = [either(Random(seed)) for seed in range(100)]
    tokenizer = train_code_tokenizer([write(each) for each in made for write in (java.write, python.write)], 600)
    torch.manual_seed(0)
    return Coder(CodeGeeX(codegeex_config(32, 2, 2, 200, 600)), tokenizer, {"seed": 3})
