"""RegionCLIP's losses against formulas in NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from tests import tiny
from tests.models.test_clip import CAPTIONS, LAST, log_softmax
from vlmcore.models.clip import CLIP
from vlmcore.models.config import encoder_config
from vlmcore.models.region_clip import BOXES, RegionCLIP
from vlmcore.models.vision import VisionConfig
from vlmcore.pretrained import clip


def painted(count: int, side: int = 12) -> Tensor:
    """Pictures as they are painted: uint8, colours last."""
    numbers = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=numbers)


@pytest.fixture
def regions():
    """A tower without a class token, three names, two pictures of nine patches."""
    torch.manual_seed(0)
    config = clip.from_transformers(tiny.clip()).config
    model = RegionCLIP(CLIP(replace(config, vision=replace(config.vision, class_token=False))), CAPTIONS[:3], LAST[:3])
    with torch.no_grad():
        model.clip.log_scale.fill_(1.5)
        model.names.mul_(torch.tensor([[1.0], [3.0], [0.5]]))  # how long they are must not count
    owner = torch.tensor([[0, 1, 2, 0, -100, 0, 1, 1, 0], [0] * 8 + [2]])
    boxes = torch.rand(2, 9, 4)
    boxes[owner <= 0] = torch.nan
    batch = {
        "pictures": painted(2),
        "captions": CAPTIONS[:2],
        "captions_last": LAST[:2],
        "regions": owner,
        "boxes": boxes,
        "shown": torch.tensor([[1, 1, 0, 0, -100, 2, 2, 2, 0], [1] + [0] * 8]),
        "shown_boxes": torch.rand(2, 9, 4).where(torch.rand(2, 9, 1) < 0.5, torch.nan),
        "weights": torch.tensor([0.2, 1.0, 0.7]),
        "possible": torch.tensor([[True, True, True], [True, False, True]]),
    }
    return model, batch


def test_region_losses_are_the_formulas(regions):
    model, batch = regions
    losses = {name: float(loss.detach()) for name, loss in model(batch).items()}
    towers, scale = model.clip, np.exp(1.5)
    mean, deviation = np.array(clip.MEAN), np.array(clip.DEVIATION)  # this encoder's own
    pixels = torch.from_numpy((batch["pictures"].numpy() / 255 - mean) / deviation).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        patches = towers.vision.norm(towers.vision(pixels))
        captions = towers.encode_text(batch["captions"], batch["captions_last"]).numpy()
        names = towers.encode_text(CAPTIONS[:3], LAST[:3]).numpy()  # where the names' vectors begin
        looks = {
            "regions": normalize(model.region_projection(patches), dim=-1).numpy(),
            "shown": normalize(model.patch_projection(patches), dim=-1).numpy(),
        }
        boxes = {"boxes": model.box(patches).numpy(), "shown_boxes": model.patch_box(patches).numpy()}
        pictures = towers.encode_image(pixels).numpy()
    s = scale * pictures @ captions.T
    assert losses["pictures"] == pytest.approx(
        -(np.diag(log_softmax(s, 1)) + np.diag(log_softmax(s, 0))).mean() / 2, abs=1e-4
    )
    for name, vectors in looks.items():
        cost = total = 0.0
        for b in range(2):
            for p in range(9):
                owner = int(batch[name][b, p])
                if owner >= 0:
                    weight = float(batch["weights"][owner])
                    said = np.where(batch["possible"][b], scale * vectors[b, p] @ names.T, -np.inf)
                    cost -= weight * log_softmax(said, 0)[owner]
                    total += weight
        assert losses[name] == pytest.approx(cost / total, abs=1e-4)
    distances = [
        np.nanmean(np.abs(given - batch[name].numpy())) for name, given in boxes.items()
    ]  # NaN where nothing is shown
    assert losses["boxes"] == pytest.approx(BOXES * sum(distances), abs=1e-4)


def test_tokens_are_asked_after_they_were_merged_and_patches_before(regions):
    model, batch = regions
    torch.manual_seed(3)
    eyes = VisionConfig(image=16, patch=1, merge=2, stem=(4,), transformer=encoder_config(16, 1, 2, 16))
    fine = RegionCLIP(CLIP(replace(model.clip.config, vision=eyes)), CAPTIONS[:3], LAST[:3])
    names = {"regions": torch.ones(2, 16, dtype=torch.long), "shown": torch.ones(2, 64, dtype=torch.long)}
    boxes = {"boxes": torch.rand(2, 16, 4), "shown_boxes": torch.rand(2, 64, 4)}
    losses = fine(batch | names | boxes | {"pictures": painted(2, 16), "possible": torch.ones(2, 3, dtype=torch.bool)})
    (shown,) = torch.autograd.grad(
        losses["shown"], fine.clip.vision.merge.reduce.weight, allow_unused=True, retain_graph=True
    )
    (regions_,) = torch.autograd.grad(losses["regions"], fine.clip.vision.merge.reduce.weight)
    assert shown is None and regions_.abs().sum() > 0


def test_pictures_without_things_still_train(regions):
    model, batch = regions
    none, nowhere = torch.zeros(2, 9, dtype=torch.long), torch.full((2, 9, 4), torch.nan)
    losses = model(batch | {"regions": none, "boxes": nowhere, "shown": none, "shown_boxes": nowhere})
    assert losses["boxes"] == 0
    sum(losses.values()).backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())
