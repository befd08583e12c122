"""The finished model with everything it needs to talk: weights, tokenizer, pictures in, answers and boxes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from vlmcore.checkpoint import load_model, load_tokenizer, save_model, save_tokenizer
from vlmcore.decoding.generate import generate, stream
from vlmcore.decoding.pieces import pieces
from vlmcore.device import Device, pick_device
from vlmcore.errors import VlmError
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.llava import LLaVA
from vlmcore.pictures import open_picture, to_square
from vlmcore.scenes.grounding import parse_boxes, strict
from vlmcore.scenes.objects import DATA
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.text.chat import Chat
from vlmcore.text.tokenizer import SPECIAL

SHIPPED = DATA / "checkpoints" / "assistant"
NAMES = {"llava": SHIPPED, "cogvlm": DATA / "checkpoints" / "cogvlm"}  # what the course ships, by name
LONGEST_QUESTION = 200  # a prompt without its picture may have so many tokens: questions in training have about 30

Picture = str | Path | Image.Image | np.ndarray
History = Sequence[tuple[str, "str | Answer"]]


@dataclass(frozen=True)
class Answer:
    """What the assistant says. ``boxes``: (x0, y0, x1, y1) in pixels of the given picture, where it names any.

    ``thoughts``: what it thought aloud before, up to its colon (scenes/thoughts.py). A history may hold answers
    themselves instead of their text; then the model reads its thoughts again, as it did in training.
    """

    text: str
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    thoughts: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def whole(self) -> str:
        return f"{self.thoughts}: {self.text}" if self.thoughts else self.text


class Assistant:
    """Answers questions about pictures."""

    def __init__(self, model: LLaVA | CogVLM, tokenizer: PreTrainedTokenizerFast, about: dict | None = None) -> None:
        self.model, self.chat, self.about = model.eval(), Chat(tokenizer), about or {}

    # -- asking ------------------------------------------------------------------------------------------------------

    def ask(self, picture: Picture, question: str, history: History = (), **sampling: float) -> Answer:
        """One answer. history: earlier (question, answer) pairs about the same picture. Errors: VlmError."""
        image = open_picture(picture)
        return self.read(self.answer_all([(np.asarray(image), list(history), question)], **sampling)[0], image.size)

    def stream(self, picture: Picture, question: str, history: History = (), **sampling: float) -> Iterator[str]:
        """The same answer piece by piece, as it is thought of, thoughts included."""
        features = self.encode_image([np.asarray(open_picture(picture))])
        (prompt,) = self.model.embed_prompts([self.prompt(history, question)], features)
        prefix = self.model.prefix(features)
        tokens = stream(self.model.language, prompt, stop=self.chat.stop, prefix=prefix, **sampling)
        yield from pieces(tokens, self.chat.decode)

    def answer_all(self, questions: Sequence[tuple[np.ndarray, History, str]], **sampling: float) -> list[str]:
        """Many (picture, history, question) at once → answers with their thoughts, in their order."""
        answers: list[str] = []
        for start in range(0, len(questions), 128):
            part = questions[start : start + 128]
            features = self.encode_image([picture for picture, _, _ in part])
            asked = [self.prompt(history, question) for _, history, question in part]
            prompts = self.model.embed_prompts(asked, features)
            prefix = self.model.prefix(features)
            made = generate(self.model.language, prompts, stop=self.chat.stop, prefix=prefix, **sampling)
            answers += map(self.chat.decode, made)
        return answers

    def encode_image(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """Pictures of any size (H, W, 3) → features (N, P, D_v)."""
        size = self.model.config.vision.image
        squares = [
            picture if picture.shape[:2] == (size, size) else to_square(Image.fromarray(picture), size)
            for picture in pictures
        ]
        weight = self.model.language.embedding.weight
        pixels = self.model.vision.normalise(torch.from_numpy(np.stack(squares)).to(weight.device))
        return self.model.encode_image(pixels.to(weight.dtype))

    def prompt(self, history: History, question: str) -> list[int]:
        """The tokens before an answer: the picture's places, earlier exchanges, the question. Errors: VlmError."""
        if not question.strip():
            raise VlmError('the question is empty: ask something, such as "What is in the picture?"')
        said = [(asked, answer.whole if isinstance(answer, Answer) else answer) for asked, answer in history]
        prompt = self.chat.prompt([(strict(asked), answer) for asked, answer in said], strict(question))
        if len(prompt) > LONGEST_QUESTION:
            raise VlmError(
                f"the question (with what was said before) has {len(prompt)} tokens, "
                f"the model reads {LONGEST_QUESTION}: "
                "ask in fewer words or start again without the earlier questions"
            )
        return [self.chat.image] * self.model.image_tokens + prompt

    def read(self, text: str, size: tuple[int, int]) -> Answer:
        """What the model wrote as an Answer about a picture of ``size`` (width, height)."""
        width, height = size
        thoughts, said = split_thoughts(text)
        boxes = []
        for box in parse_boxes(said):  # corners in any order and outside the picture: a model may say such things
            x0, y0, x1, y1 = (min(value, 1) for value in box)
            (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
            boxes.append((round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height)))
        return Answer(said, tuple(boxes), thoughts)

    # -- on disk -----------------------------------------------------------------------------------------------------

    def save(self, folder: Path, half: bool = True, borrowed: dict[str, str] | None = None) -> None:
        """Write the model (checkpoint.py; in half precision, unless told otherwise) and the tokenizer.

        borrowed: as in ``save_model``, parts whose weights another folder holds.
        """
        save_tokenizer(folder, self.chat.tokenizer)
        save_model(folder, self.model, self.about, half, borrowed)


def load(folder: str | Path | None = None, device: Device | None = None) -> Assistant:
    """The assistant in ``folder``, or one that the course ships: "llava" (if left out) or "cogvlm".

    Errors: VlmError if missing or damaged.

    device: where it answers and in which number format; the best there is, if left out.
    """
    folder = SHIPPED if folder is None else Path(folder)
    folder = folder if folder.is_dir() else NAMES.get(str(folder), folder)
    if not folder.is_dir():
        shipped = next((name for name, place in NAMES.items() if place == folder), None)
        if shipped:
            raise VlmError(f"no trained {shipped} is shipped here: make one with `vlmcore train --model {shipped}`")
        raise VlmError(
            f"there is no folder {folder}: train one with `vlmcore train --out {folder}`, or name a shipped model, "
            f"{' or '.join(NAMES)}"
        )
    model, about = load_model(folder)
    tokenizer = load_tokenizer(folder, model.config.language.vocabulary, SPECIAL)
    if Chat(tokenizer).image != model.config.image_token:
        raise VlmError(f"the tokenizer in {folder} belongs to another model: copy the whole folder again")
    device = device or pick_device()
    return Assistant(model.to(device.device, device.weights), tokenizer, about)


def draw_boxes(picture: Picture, answer: Answer, path: Path) -> None:
    """Save a copy of the picture with the answer's boxes drawn into it."""
    image = open_picture(picture)
    pen = ImageDraw.Draw(image)
    for box in answer.boxes:
        pen.rectangle(box, outline=(230, 30, 60), width=max(round(min(image.size) / 100), 1))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except (OSError, ValueError, KeyError) as error:  # KeyError: a format that Pillow reads and cannot write
        raise VlmError(f"cannot save the drawing as {path} ({error}): name a .png file in a folder of yours") from error
