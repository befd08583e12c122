"""Stage "language": a language model learns to predict the next token, of word maps, facts and English."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from vlmcore.models.init import ordinal_init
from vlmcore.models.llava import LLaVA
from vlmcore.text.chat import Chat
from vlmcore.text.packing import Batch
from vlmcore.text.word_map import coordinate_ids
from vlmcore.training.loop import freeze
from vlmcore.training.losses import next_token_loss
from vlmcore.training.run import Run
from vlmcore.training.schedule import Schedule

TEXT_WEIGHT = 0.25  # the weight of running text in the loss: word maps, at 1, are what stage 2 builds on


def pretrain_language(
    run: Run, model: LLaVA, chat: Chat, batches: Callable[[int], tuple[Batch, Batch]], schedule: Schedule
) -> None:
    """Train ``model.language`` from nothing, in place. LLaVA is there to put word maps where pictures will stand.

    batches: number → (word maps with their questions, running text).
    """
    for scale in coordinate_ids(chat):
        ordinal_init(model.language.embedding, scale)
    freeze(model)
    freeze(model.language, False)

    def losses(made: tuple[Batch, Batch]) -> dict[str, Tensor]:
        maps, texts = (batch.to(run.device.device) for batch in made)
        return {"maps": next_token_loss(model, maps), "text": TEXT_WEIGHT * next_token_loss(model, texts)}

    run.stage("language", model, batches, losses, schedule, keep=model.language)
