"""An image tokenizer's training: it learns in both ways, keeps its codes alive, and can be killed."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from tests.killing import bits
from vlmcore.batches.painting import Pictures
from vlmcore.device import pick_device
from vlmcore.evaluation.reconstruction import measure
from vlmcore.models.dvae import DVAE, DVAEConfig
from vlmcore.models.vector_quantiser import QuantiserConfig
from vlmcore.models.vqvae import VQVAE, VQVAEConfig
from vlmcore.recipes import image_tokenizer
from vlmcore.recipes.image_tokenizer import KL_WEIGHT, PictureRows, painted, train_dvae, train_vqvae
from vlmcore.scenes.source import Source
from vlmcore.scenes.world import World
from vlmcore.training.run import Run
from vlmcore.training.schedule import Schedule

SCHEDULE = Schedule(steps=60, lr=3e-3)
VQ = VQVAEConfig(image=32, channels=16, quantiser=QuantiserConfig(codes=32, width=8))
DV = DVAEConfig(image=32, codes=32, width=8, code_width=16, blocks=1)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    world = World(24)
    return painted(Source(world), Pictures(world, 32), 80, seed=0)


def trained(kind: type, pictures: torch.Tensor, folder: Path, schedule: Schedule = SCHEDULE) -> torch.nn.Module:
    torch.manual_seed(0)
    model = kind(VQ if kind is VQVAE else DV)
    with Run(folder, {}, pick_device(), resume=True) as run:
        {VQVAE: train_vqvae, DVAE: train_dvae}[kind](run, model, PictureRows(pictures, 8, 0), schedule)
    return model.eval()


@pytest.mark.parametrize("kind", [VQVAE, DVAE])
def test_it_learns_to_give_pictures_back(kind, pictures, tmp_path):
    """Better than it began, and on pictures that it has not seen."""
    before = trained(kind, pictures[:60], tmp_path / "before", replace(SCHEDULE, steps=1))
    after = trained(kind, pictures[:60], tmp_path / "after")
    found = [measure(model, pictures[60:]).psnr for model in (before, after)]
    assert found[1] > found[0] + 1.5, found


def test_its_codes_begin_among_the_pictures_and_dead_ones_come_back(pictures, tmp_path, monkeypatch):
    """Begun at random, nearly all places choose the same few."""
    monkeypatch.setattr(image_tokenizer, "REVIVE_EVERY", 5)
    alive = measure(trained(VQVAE, pictures, tmp_path / "alive"), pictures).used
    monkeypatch.setattr(image_tokenizer, "REVIVE_EVERY", 10_000)
    monkeypatch.setattr(VQVAE, "vectors", VQVAE.vectors)
    monkeypatch.setattr("vlmcore.models.vector_quantiser.VectorQuantiser.begin", lambda self, z: None)
    left = measure(trained(VQVAE, pictures, tmp_path / "left"), pictures).used
    assert alive > left and alive > 0.5, (alive, left)


def test_a_step_is_a_function_of_its_number(pictures):
    rows = PictureRows(pictures, 8, 0)
    (step, first), (_, again), (_, other) = rows(3), rows(3), rows(4)
    assert step == 3 and torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == (8, 32, 32, 3) and first.dtype == torch.uint8
    whole = {tuple(picture.flatten().tolist()) for picture in pictures}
    assert all(tuple(picture.flatten().tolist()) in whole for picture in first)


def test_pictures_are_painted_once_and_the_same_again(pictures):
    world = World(24)
    again = painted(Source(world), Pictures(world, 32), 80, seed=0)
    other = painted(Source(world), Pictures(world, 32), 3, seed=1)
    assert torch.equal(pictures, again) and not torch.equal(pictures[:3], other)


def test_the_kl_warms_up_and_the_temperature_falls(pictures, monkeypatch):
    """Asked of the stage itself, at the beginning, on the way and at the end."""
    stages, temperatures = [], []
    run = SimpleNamespace(
        device=pick_device(), stage=lambda name, model, batches, losses, *_, **__: stages.append(losses)
    )
    model = DVAE(DV)
    train_dvae(run, model, PictureRows(pictures, 4, 0), SCHEDULE)
    forward = DVAE.forward
    monkeypatch.setattr(DVAE, "forward", lambda self, pixels, t: temperatures.append(t) or forward(self, pixels, t))
    shares = []
    for step in (0, 3, 6, 30, 60):
        parts = stages[0]((step, pictures[:4]))
        _, logits = forward(
            model.to(run.device.device), image_tokenizer.squeeze(pictures[:4].to(run.device.device)), 1.0
        )
        shares.append(float(parts["kl"]) / float(image_tokenizer.kl_to_uniform(logits)))
    assert shares == pytest.approx([0, KL_WEIGHT / 2, KL_WEIGHT, KL_WEIGHT, KL_WEIGHT], rel=1e-3)
    assert temperatures == sorted(temperatures, reverse=True)
    assert temperatures[0] == 1 and temperatures[-1] == 1 / 16


def test_a_stopped_run_ends_with_the_same_bits(pictures, tmp_path, monkeypatch):
    trained(VQVAE, pictures, tmp_path / "whole")
    schedule, calls, losses = replace(SCHEDULE, save_seconds=0), [], image_tokenizer.F.mse_loss

    def stop(*given):
        calls.append(1)
        if len(calls) > 70:
            raise KeyboardInterrupt
        return losses(*given)

    with monkeypatch.context() as patch:
        patch.setattr(image_tokenizer.F, "mse_loss", stop)
        with pytest.raises(KeyboardInterrupt):
            trained(VQVAE, pictures, tmp_path / "part", schedule)
    trained(VQVAE, pictures, tmp_path / "part", schedule)
    whole, part = (load_file(tmp_path / name / "tokenizer.safetensors") for name in ("whole", "part"))
    assert all(torch.equal(whole[name], part[name]) for name in whole)
    assert set(bits(tmp_path / "whole")) == set(bits(tmp_path / "part"))
