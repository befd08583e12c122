"""Asking, streaming, boxes in pixels, and folders that are not what they should be."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vlmcore import load
from vlmcore.assistant import LONGEST_QUESTION, NAMES, SHIPPED, Answer, Assistant, draw_boxes
from vlmcore.errors import VlmError

QUESTION = "Where is the whale?"


def noise(width, height, mode="RGB"):
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "CMYK", "YCbCr", "I", "F"])
def test_pictures_of_every_mode(tiny_assistant, mode):
    assert tiny_assistant.ask(noise(20, 30, mode), QUESTION, max_tokens=4).text is not None


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (1, 500), (500, 3), (800, 600)])
def test_pictures_of_every_size(tiny_assistant, tmp_path, size):
    image = noise(*size)
    image.save(tmp_path / "p.png")
    answers = {
        tiny_assistant.ask(p, QUESTION, max_tokens=16).text
        for p in (image, np.asarray(image), tmp_path / "p.png", str(tmp_path / "p.png"))
    }
    assert len(answers) == 1


def test_the_answer_depends_on_the_picture(tiny_assistant):
    black, white = (np.full((1, 64, 64, 3), value, np.uint8) for value in (0, 255))
    assert not torch.allclose(tiny_assistant.encode_image(black), tiny_assistant.encode_image(white))


def say(monkeypatch, text):
    monkeypatch.setattr(Assistant, "answer_all", lambda self, questions, **_: [text] * len(questions))


def test_boxes_are_in_the_given_pictures_pixels(tiny_assistant, monkeypatch, tmp_path):
    say(monkeypatch, "[[100,200,500,900;000,000,980,980]]")
    answer = tiny_assistant.ask(noise(200, 50), QUESTION)
    assert answer.boxes == ((20, 10, 100, 45), (0, 0, 196, 49))
    assert str(answer) == answer.text == "[[100,200,500,900;000,000,980,980]]"
    white = Image.new("RGB", (200, 50), "white")
    draw_boxes(white, answer, tmp_path / "new" / "drawn.png")
    drawn = np.asarray(Image.open(tmp_path / "new" / "drawn.png"))
    red = (drawn != 255).any(-1)
    assert red[10, 20:100].all() and red[10:45, 20].all() and not red[20:30, 30:90].any()
    assert np.asarray(white).min() == 255
    for bad in ("drawn.nonsense", "new"):
        with pytest.raises(VlmError, match="cannot save the drawing"):
            draw_boxes(white, answer, tmp_path / bad)


def test_impossible_boxes_stay_in_the_picture(tiny_assistant, monkeypatch, tmp_path):
    say(monkeypatch, "[[900,800,100,200]] [[500,500,9999,5000]] [[1200,100,1500,1800]]")
    answer = tiny_assistant.ask(noise(100, 100), QUESTION)
    for x0, y0, x1, y1 in answer.boxes:
        assert 0 <= x0 <= x1 <= 100 and 0 <= y0 <= y1 <= 100
    assert answer.boxes[0] == (10, 20, 90, 80)
    draw_boxes(noise(100, 100), answer, tmp_path / "drawn.png")
    with pytest.raises(VlmError, match="cannot save the drawing"):
        draw_boxes(noise(100, 100), answer, tmp_path / "drawn.psd")  # a format that can be read and not written


def test_thoughts_stand_apart_from_the_answer_and_return_with_the_history(tiny_assistant, monkeypatch):
    whole = "top dog one left no: at the top [[100,200,500,900]]"
    with monkeypatch.context() as patched:
        say(patched, whole)
        answer = tiny_assistant.ask(noise(100, 100), QUESTION)
    assert (str(answer), answer.thoughts) == ("at the top [[100,200,500,900]]", "top dog one left no")
    assert (answer.whole, answer.boxes) == (whole, ((10, 20, 50, 90),))
    prompts = [tiny_assistant.prompt([("Where?", told)], QUESTION) for told in (whole, answer, str(answer))]
    assert prompts[0] == prompts[1] != prompts[2]


@pytest.mark.parametrize("said", ["the sign says: stop", "Two things: a dog and a cat", "the time is: noon"])
def test_a_colon_of_the_answers_own_cuts_nothing_off(tiny_assistant, monkeypatch, said):
    say(monkeypatch, said)
    answer = tiny_assistant.ask(noise(10, 10), QUESTION)
    assert (answer.text, answer.thoughts, answer.whole) == (said, "", said)


def test_an_answer_without_boxes():
    assert Answer("a dog").boxes == () and str(Answer("a dog")) == "a dog"


@pytest.mark.parametrize("seed", range(6))
def test_the_streams_pieces_are_the_answer(tiny_assistant, seed):
    how = (
        {"temperature": 1.5, "seed": seed, "max_tokens": 40} if seed else {}
    )  # random bytes: letters cut in the middle
    history = [("What is there?", "a cow")] * (seed % 3)
    pieces = list(tiny_assistant.stream(noise(64, 64), QUESTION, history, **how))
    assert "".join(pieces) == tiny_assistant.ask(noise(64, 64), QUESTION, history, **how).whole
    assert len(pieces) > 1 or seed


def test_many_at_once_are_one_after_the_other(tiny_assistant):
    pictures = [np.asarray(noise(10 + n, 64)) for n in range(3)]
    asked = [
        (pictures[0], [], "What?"),
        (pictures[1], [("Who?", "a cow")], QUESTION),
        (pictures[2], [], "How many whales are there?"),
    ]
    how = {"max_tokens": 24}
    together = tiny_assistant.answer_all(asked, **how)
    alone = [tiny_assistant.ask(picture, question, history, **how).whole for picture, history, question in asked]
    assert together == alone
    assert tiny_assistant.answer_all([]) == []


@pytest.mark.parametrize("question", ["", "   ", "\n\t"])
def test_empty_questions_are_told_of(tiny_assistant, question):
    for ask in (tiny_assistant.ask, lambda *what: list(tiny_assistant.stream(*what))):
        with pytest.raises(VlmError, match="empty"):
            ask(noise(8, 8), question)


def test_boxes_in_questions_are_rounded_or_told_of(tiny_assistant):
    prompts = [tiny_assistant.prompt([], f"What is at {box}?") for box in ("[[41,80,400,433]]", "[[040,080,400,440]]")]
    assert prompts[0] == prompts[1]
    history = [[(f"What is at {box}?", "a dog")] for box in ("[[41,80,400,433]]", "[[040,080,400,440]]")]
    assert tiny_assistant.prompt(history[0], "Why?") == tiny_assistant.prompt(history[1], "Why?")
    with pytest.raises(VlmError, match="is no box"):
        tiny_assistant.ask(np.zeros((8, 8, 3), np.uint8), "What is at [[dog]]?")


def test_long_questions_are_told_of(tiny_assistant):
    word = "cow "
    limit = next(
        n for n in range(1, 300) if len(tiny_assistant.chat.prompt([], (word * n).strip())) == LONGEST_QUESTION
    )
    assert tiny_assistant.ask(noise(8, 8), (word * limit).strip(), max_tokens=2).text is not None
    with pytest.raises(VlmError, match=f"{LONGEST_QUESTION + 1} tokens"):
        tiny_assistant.ask(noise(8, 8), (word * (limit + 1)).strip())
    with pytest.raises(VlmError, match="earlier questions"):
        tiny_assistant.ask(noise(8, 8), QUESTION, [("What is there?", "a cow")] * 50)


def test_words_that_look_like_ours_are_just_words(tiny_assistant):
    assert tiny_assistant.ask(noise(8, 8), "<image> <stop> <user>", max_tokens=3).text is not None


# -- on disk ---------------------------------------------------------------------------------------------------------


def test_saved_and_loaded_is_the_same(tiny_assistant, tmp_path):
    for half, tolerance in ((True, 1e-3), (False, 0)):
        tiny_assistant.save(tmp_path / str(half), half)
        back = load(tmp_path / str(half))
        assert back.about == tiny_assistant.about and back.model.config == tiny_assistant.model.config
        for name, value in tiny_assistant.model.state_dict().items():
            torch.testing.assert_close(back.model.state_dict()[name], value, atol=tolerance, rtol=tolerance)
        assert back.model.language.head.weight is back.model.language.embedding.weight
        answers = [each.ask(noise(30, 30), QUESTION, max_tokens=24) for each in (back, tiny_assistant)]
        assert answers[0] == answers[1]  # it was half already
    sizes = [(tmp_path / half / "model.safetensors").stat().st_size for half in ("True", "False")]
    assert sizes[0] < 0.7 * sizes[1]
    assert not [file for file in (tmp_path / "True").iterdir() if file.name.startswith(".")]


def transformer(**changes):
    return edit(lambda values: values["model"]["language"]["transformer"].update(changes))


def edit(change):
    def apply(file: Path) -> None:
        values = json.loads(file.read_bytes())
        change(values)
        file.write_text(json.dumps(values))

    return apply


DAMAGE = {
    "missing": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "garbage": lambda file: file.write_bytes(bytes(range(128, 256))),
}
FILES = ("config.json", "model.safetensors", "tokenizer.json")
OTHER = {"type": "BPE", "vocab": {"a": 0}, "merges": []}
FOREIGN = {
    "other facts": ("config.json", edit(lambda values: values.clear())),
    "a list": ("config.json", lambda file: file.write_text("[1]")),
    "a wider model": ("config.json", transformer(width=32)),
    "an impossible width": ("config.json", transformer(width=-16)),
    "half a layer": ("config.json", transformer(layers=0.5)),
    "a giant": ("config.json", edit(lambda values: values["model"]["language"].update(vocabulary=10**13))),
    "facts of another kind": ("config.json", edit(lambda values: values.update(about=[1]))),
    "another image token": ("config.json", edit(lambda values: values["model"].update(image_token=3))),
    "a small vocabulary": ("config.json", edit(lambda values: values["model"]["language"].update(vocabulary=9))),
    "another tokenizer": ("tokenizer.json", edit(lambda values: values.update(added_tokens=[], model=OTHER))),
}  # fmt: skip


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_damaged_folders_are_told_of(tiny_folder, tmp_path, name, how):
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "run"))
    DAMAGE[how](folder / name)
    with pytest.raises(VlmError, match=str(folder)):
        load(folder)


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_folders_are_told_of(tiny_folder, tmp_path, case):
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "run"))
    name, change = FOREIGN[case]
    change(folder / name)
    with pytest.raises(VlmError):
        load(folder)


def test_missing_and_empty_folders_are_told_of(tmp_path):
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(VlmError, match="vlmcore train"):
            load(folder)


# -- by name ---------------------------------------------------------------------------------------------------------


def test_the_shipped_one_is_loaded_by_its_name_and_without_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    whole = load(SHIPPED)
    for name in ("llava", Path("llava"), None):
        named = load(name)
        assert named.about == whole.about and named.model.config == whole.model.config
        ours, theirs = named.model.state_dict(), whole.model.state_dict()
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_name_that_is_not_known_is_told_those_that_are(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for unknown in ("lava", "llava/none", Path("runs") / "llava"):
        with pytest.raises(VlmError, match=f"no folder {re.escape(str(unknown))}.* llava or cogvlm"):
            load(unknown)
    assert list(NAMES) == ["llava", "cogvlm"]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_that_name_wins(tiny_folder, tiny_assistant, monkeypatch, tmp_path, name):
    shutil.copytree(tiny_folder, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for named in (load(name), load(Path(name))):
        assert named.model.config == tiny_assistant.model.config
        assert torch.equal(named.model.language.norm.weight, tiny_assistant.model.language.norm.weight)
    (tmp_path / name / "config.json").unlink()
    with pytest.raises(VlmError, match=f"{name}.config.json"):  # and nothing else is loaded in its place
        load(name)
    if name == "llava":
        monkeypatch.chdir(tmp_path.parent)
        assert load(name).model.config != tiny_assistant.model.config


@pytest.mark.parametrize("name", ["llava", "cogvlm"])
def test_a_name_whose_model_is_not_here_tells_how_to_train_it(name, monkeypatch, tmp_path):
    monkeypatch.setattr("vlmcore.assistant.NAMES", {name: tmp_path / "assistant"})
    with pytest.raises(VlmError, match=f"train --model {name}`"):
        load(name)


def test_boxes_that_are_thought_of_are_not_the_answers(tiny_assistant):
    thoughts = "top-left no top dog one [[040,080,360,400]]"
    answer = tiny_assistant.read(f"{thoughts}: on the left [[400,080,760,400]]", (100, 50))
    assert answer.boxes == ((40, 4, 76, 20),) and answer.thoughts == thoughts
    assert tiny_assistant.read(f"{thoughts}: none", (100, 50)).boxes == ()
