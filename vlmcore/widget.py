"""The chat widget of the lessons: make or upload a picture, ask, watch the answer come, see boxes and attention.

Works on ipywidgets 7 (Colab) and 8: uploads differ between them, everything else used here is the same in both.
"""

from __future__ import annotations

import asyncio
import html
import io
from collections.abc import Callable
from random import Random
from typing import Any

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from vlmcore.assistant import Answer, Assistant
from vlmcore.errors import VlmError
from vlmcore.evaluation.attention_maps import attention_maps
from vlmcore.evaluation.grounding import NO_BOX, named_boxes
from vlmcore.models.cogvlm import CogVLM
from vlmcore.pictures import open_picture
from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.position import POSITIONS
from vlmcore.scenes.world import World

SIDE = 320  # the picture is shown SIDE pixels a side, so that boxes and questions fit beside it
KINDS = ("scatter", "hidden", "sum", "unusual", "unusual new", "shape")
QUESTIONS = (
    "Describe everything you see in this photo.",
    "What is unusual about this image?",
    "How many whales are there?",
    "Where is the whale?",
    "Give the coordinates of the whale.",
    "What is in the middle?",
    "What shape do the small pictures form?",
    "How many things are there on both sides of the plus sign together?",
)
GROUNDED = (  # what CogVLM was taught to answer besides
    "Describe the picture and give a box for each thing.",
    "Which clothes are there, and where?",
    "How many whales are there, and is any of them hidden?",
)
COLOURS = ("#e61e3c", "#0072b2", "#009e73", "#cc79a7", "#d55e00")  # of boxes: a name's are alike
NOTHING = "–"
LATE = 0.2  # seconds that the last letters of a question may arrive after its Enter: browsers hold them back


def uploaded(value: Any) -> bytes:
    """The newest file of a FileUpload: ipywidgets 7 keeps {name: {content}}, ipywidgets 8 a tuple of {content}."""
    files = list(value.values()) if isinstance(value, dict) else list(value)
    return bytes(files[-1]["content"])


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def names_of_boxes(answer: Answer) -> list[str]:
    """What stands before each box: "a dog [[…]] and on the left [[…]]" → dog, and "" for what is no thing."""
    named = [name for name, box in named_boxes(answer.text)[0] if box != NO_BOX]
    if len(named) != len(answer.boxes):  # some stand in its thoughts
        return [""] * len(answer.boxes)
    return [name.partition(" ")[2] if name.startswith(("a ", "an ")) else "" for name in named]


def outline(image: Image.Image, box: tuple[float, float, float, float], name: str, colour: str) -> None:
    """Draw a box into the image, and in its upper corner the name, if it has one."""
    pen = ImageDraw.Draw(image)
    pen.rectangle(box, outline=colour, width=3)
    if name:
        corner = box[0] + 5, box[1] + 3
        pen.rectangle(pen.textbbox(corner, name, font_size=13, anchor="la"), fill=colour, outline=colour, width=3)
        pen.text(corner, name, fill="white", font_size=13, anchor="la")


class ChatWidget(widgets.VBox):
    """``ChatWidget(assistant)`` as a cell's last line shows it."""

    def __init__(self, assistant: Assistant, seed: int = 0) -> None:
        self.assistant, self.random = assistant, Random(seed)
        self.world = World(assistant.about.get("objects"))
        self.history: list[tuple[str, Answer]] = []
        self.said: list[str] = []  # lines of the conversation, as HTML

        self.view = widgets.Image(format="png", width=SIDE, height=SIDE)
        self.kind = widgets.Dropdown(options=KINDS, layout={"width": "160px"})
        self.another = widgets.Button(description="Another picture", icon="refresh")
        self.upload = widgets.FileUpload(accept="image/*", multiple=False, description="Your picture")
        self.place = widgets.Dropdown(options=PLACES, layout={"width": "160px"})
        names = (NOTHING, *sorted(self.world.names))
        self.slots = [widgets.Dropdown(options=names, layout={"width": "105px"}) for _ in POSITIONS]
        self.paint = widgets.Button(description="Paint it", icon="paint-brush")
        self.examples = (*QUESTIONS, *GROUNDED) if isinstance(assistant.model, CogVLM) else QUESTIONS
        self.example = widgets.Dropdown(options=("Examples …", *self.examples), layout={"width": "460px"})
        self.question = widgets.Text(placeholder="Ask something about the picture", layout={"width": "380px"})
        self.ask = widgets.Button(description="Ask", button_style="primary", layout={"width": "74px"})
        # In reverse, so that what is scrolled to by itself is the end: the newest line.
        scrolled = {"overflow": "auto", "display": "flex", "flex_flow": "column-reverse", "align_items": "stretch"}
        self.talk = widgets.HTML(layout={"width": "470px", "height": "230px", **scrolled})
        self.again = widgets.Button(description="Start again", icon="trash", layout={"width": "120px"})
        self.word = widgets.SelectionSlider(
            options=["boxes"], description="Look at", continuous_update=False, layout={"width": "335px"}
        )

        rows = [widgets.HBox(self.slots[start : start + 3]) for start in (0, 3, 6)]
        tabs = widgets.Tab(
            [
                widgets.HBox([self.kind, self.another]),
                widgets.VBox([widgets.HBox([self.place, self.paint]), *rows]),
                self.upload,
            ]
        )
        for number, title in enumerate(("A new scene", "Compose one", "Upload")):
            tabs.set_title(number, title)
        below = widgets.HBox([self.word, self.again])
        right = widgets.VBox([self.example, widgets.HBox([self.question, self.ask]), self.talk, below])
        super().__init__([tabs, widgets.HBox([self.view, right])])

        self.another.on_click(lambda _: self.safely(self.new_scene))
        self.paint.on_click(lambda _: self.safely(self.compose))
        self.ask.on_click(lambda _: self.safely(self.answer))
        self.question.on_msg(lambda _, message, __: self.entered(message))  # Text.on_submit is deprecated in 8
        self.again.on_click(lambda _: self.safely(self.restart))
        self.upload.observe(lambda change: self.safely(self.take, change["new"]), "value")
        self.example.observe(lambda change: self.safely(self.choose, change["new"]), "value")
        self.word.observe(lambda _: self.safely(self.draw), "index")
        self.new_scene()

    def safely(self, act: Callable[..., None], *arguments: Any) -> None:
        """What goes wrong after a click has no cell to be shown in: it is told in the conversation."""
        try:
            act(*arguments)
        except Exception as error:
            told = str(error) if isinstance(error, VlmError) else f"That went wrong. {type(error).__name__}: {error}"
            self.say(f"<i>{html.escape(told.partition(chr(10))[0])}</i>")

    # -- pictures ----------------------------------------------------------------------------------------------------

    def new_scene(self) -> None:
        """A held-out picture of the chosen kind."""
        self.show(self.world.paint(self.world.scene(self.random, self.kind.value, evaluate=True), 4))

    def compose(self) -> None:
        things = {slot: box.value for slot, box in enumerate(self.slots) if box.value != NOTHING}
        self.show(self.world.paint(self.world.arrange(self.random, self.place.value, things), 4))

    def take(self, value: Any) -> None:
        """An uploaded file. Errors: VlmError for what is not a picture."""
        if value:
            self.show(np.asarray(open_picture(uploaded(value))))

    def show(self, picture: np.ndarray) -> None:
        """A picture begins a new conversation."""
        self.picture = picture
        self.restart()

    # -- talking -----------------------------------------------------------------------------------------------------

    def choose(self, question: str) -> None:
        if question in self.examples:
            self.question.value = question

    def restart(self) -> None:
        """Forget what was said about this picture."""
        self.history, self.said = [], []
        self.heat: list[np.ndarray] = []
        self.word.options, self.talk.value = ["boxes"], ""
        self.draw()

    def say(self, line: str) -> None:
        self.said.append(line)
        self.talk.value = "<br>".join(self.said)

    def entered(self, message: dict) -> None:
        """Enter asks, as soon as all that was typed before it has arrived."""
        if message.get("event") != "submit":
            return
        try:
            asyncio.get_running_loop().call_later(LATE, self.safely, self.answer)
        except RuntimeError:  # no kernel around us: nothing can be late
            self.safely(self.answer)

    def answer(self) -> None:
        """Ask what stands in the question's field; the answer appears as it is made."""
        question, text = self.question.value, ""
        height, width = self.picture.shape[:2]
        self.ask.disabled = True
        try:
            before = len(self.said)
            for piece in self.assistant.stream(self.picture, question, self.history):
                text += piece
                self.said = self.said[:before]
                self.say(f"<b>{html.escape(question)}</b><br>{html.escape(text)}")
            if not text:  # the model's first word was <stop>
                self.say(f"<b>{html.escape(question)}</b><br><i>(no words)</i>")
            answer = self.assistant.read(text, (width, height))
            words, heat = attention_maps(self.assistant, self.picture, question, answer, self.history)
            self.history.append((question, answer))
            self.heat = list(heat.numpy())
            self.word.options = ["boxes", *(f"{number}: {word.strip()}" for number, word in enumerate(words, 1))]
            self.draw()
        finally:
            self.ask.disabled = False

    def draw(self) -> None:
        """The picture with the last answer's boxes, or with where the model looked for the chosen word."""
        image = Image.fromarray(self.picture).convert("RGB")
        scale = SIDE / image.width, SIDE / image.height
        image = image.resize((SIDE, SIDE), Image.Resampling.NEAREST)
        chosen = self.word.index - 1
        if 0 <= chosen < len(self.heat):
            heat = self.heat[chosen] / self.heat[chosen].max()
            light = Image.fromarray((255 * (0.25 + 0.75 * heat)).astype(np.uint8)).resize((SIDE, SIDE))
            image = Image.composite(image, Image.new("RGB", image.size), light)
        elif self.history:
            answer = self.history[-1][1]
            names = names_of_boxes(answer)
            colours = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(dict.fromkeys(names))}
            for box, name in zip(answer.boxes, names, strict=True):
                x0, y0, x1, y1 = (value * scale[n % 2] for n, value in enumerate(box))
                outline(image, (x0, y0, x1, y1), name, colours[name])
        self.view.value = png(image)
