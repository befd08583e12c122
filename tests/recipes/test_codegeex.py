"""CodeGeeX's chain, as small as it gets: what it leaves, that it learns, and that it can be taken up."""

from dataclasses import replace

import pytest
import torch

from tests.killing import bits
from vlmcore.batches.code import CodeBatches
from vlmcore.coder import load_coder
from vlmcore.models.codegeex import CodeGeeX, codegeex_config
from vlmcore.programs.generator import held_out
from vlmcore.recipes import codegeex
from vlmcore.recipes.codegeex import code_loss, tokenizer_corpus, train
from vlmcore.recipes.codegeex_presets import PRESETS, CodeGeeXPreset
from vlmcore.text.code_text import CodeText
from vlmcore.text.code_tokenizer import train_code_tokenizer
from vlmcore.training.loop import fit
from vlmcore.training.run import OtherRun
from vlmcore.training.schedule import Schedule

TINY = CodeGeeXPreset(
    model=codegeex_config(16, 2, 2, 300, 600),
    code=Schedule(steps=3, save_seconds=0),
    rows=2,
    length=256,
    mix=(("translation", 0.6), ("described", 0.4)),
)


@pytest.fixture(scope="module", autouse=True)
def few_programs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codegeex, "PROGRAMS", 80)
        patch.setattr(codegeex, "CHARACTERS", 0)
        patch.setattr(codegeex.python_source, "modules", dict)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codegeex") / "run"
    train(TINY, folder)
    return folder


def test_a_coder_is_left(folder):
    coder = load_coder(folder)
    assert isinstance(coder.model, CodeGeeX) and coder.about == {"seed": 0}
    assert coder.model.config == TINY.model
    assert isinstance(coder.complete("def f(x):\n", max_tokens=4)[0], str)


def test_the_same_command_leaves_the_same_bits(folder, tmp_path):
    train(TINY, tmp_path / "again")
    assert bits(tmp_path / "again") == bits(folder)


def test_a_run_that_was_stopped_ends_with_the_same_bits(folder, tmp_path, monkeypatch):
    def stop(self, step, made=CodeBatches.__call__):
        if step == 2:
            raise KeyboardInterrupt
        return made(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(CodeBatches, "__call__", stop)
        with pytest.raises(KeyboardInterrupt):
            train(TINY, tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()
    with pytest.raises(OtherRun):
        train(TINY, tmp_path / "run")
    with pytest.raises(OtherRun):
        train(replace(TINY, seed=1), tmp_path / "run", resume=True)
    train(TINY, tmp_path / "run", resume=True)
    assert bits(tmp_path / "run") == bits(folder)


def test_it_learns():
    tokenizer = train_code_tokenizer(tokenizer_corpus(0), 600)
    batches = CodeBatches(CodeText(tokenizer), 2, 256, 0, dict(TINY.mix))
    torch.manual_seed(0)
    model = CodeGeeX(codegeex_config(64, 2, 4, 300, 600))
    device = codegeex.pick_device()
    history = fit(model, lambda step: {"code": code_loss(model, batches(step % 2))}, Schedule(80, lr=1e-2), device)
    assert history[-1]["code"] < 0.5 * history[0]["code"]


def test_the_tokenizer_reads_nothing_that_is_held_out(monkeypatch):
    asked = []
    monkeypatch.setattr(codegeex, "held_out", lambda tree: asked.append(held_out(tree)) or asked[-1])
    texts = list(tokenizer_corpus(0))
    programs, sentences = asked[::2], asked[1::2]
    assert len(texts) == 2 * programs.count(False) + sentences.count(False) < 3 * codegeex.PROGRAMS


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_are_small_enough_to_ship(preset):
    weights = sum(weight.numel() for weight in CodeGeeX(preset.model).parameters())
    assert 2 * weights < 10e6 and preset.length <= preset.model.learned_positions
