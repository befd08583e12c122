"""Stage "vision": a vision encoder learns from pictures and captions that belong together (CLIP), patch by patch."""

from __future__ import annotations

from torch import Tensor

from vlmcore.batches.contrastive import ContrastiveBatches
from vlmcore.models.clip import CLIP
from vlmcore.models.region_clip import RegionCLIP
from vlmcore.training.run import Run
from vlmcore.training.schedule import Schedule


def pretrain_vision(run: Run, clip: CLIP, batches: ContrastiveBatches, schedule: Schedule) -> None:
    """Train both towers from nothing, in place."""
    device = run.device
    model = RegionCLIP(clip, *batches.name_ids).to(device.device, memory_format=device.memory_format)

    def losses(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return model({key: value.to(device.device) for key, value in batch.items()})

    run.stage("vision", model, batches, losses, schedule, keep=clip)
