"""The command line: what is wrong is one line on stderr and exit code 2; what is right can be read by programs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.killing import bits
from tests.one_tokenizer import one_tokenizer
from tests.tiny_run import TINY
from vlmcore import tour
from vlmcore.__main__ import main
from vlmcore.assistant import Assistant
from vlmcore.evaluation.benchmark import CLAIM
from vlmcore.evaluation.report import score
from vlmcore.recipes import cogvlm_presets, llava_presets
from vlmcore.scenes.objects import DATA

PICTURE = str(DATA / "coco_sample" / "images" / "000000000001.png")
QUESTION = "What is in the picture?"


@pytest.fixture
def call(monkeypatch, capsys):
    """Run ``vlmcore`` with arguments in this process; (exit code, stdout, stderr)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["vlmcore", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as error:
            code = error.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def parrot(self, questions, **_):
    """Stands for Assistant.answer_all: at once, and always the same, where answers are not what is tested."""
    return ["a dog"] * len(questions)


def one_line(result, *words):
    code, out, err = result
    assert code == 2 and out == "", (code, out, err)
    assert err.startswith("vlmcore: ") and err.count("\n") == 1 and err.endswith("\n"), err
    assert "Traceback" not in err
    for word in words:
        assert str(word).lower() in err.lower()


# -- bad input -------------------------------------------------------------------------------------------------------


def bad_picture(folder: Path, kind: str) -> Path:
    path = folder / "picture.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "corrupt":
        path.write_bytes(Path(PICTURE).read_bytes()[:300])
    elif kind == "text":
        path.write_text("this is no picture\n" * 20)
    elif kind == "huge":
        Image.new("1", (20_000, 20_000)).save(path)
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "corrupt", "text", "folder", "huge"])
def test_bad_pictures(call, tiny_folder, tmp_path, kind):
    path = bad_picture(tmp_path, kind)
    one_line(call("ask", path, QUESTION, "--model", tiny_folder), path)


@pytest.mark.parametrize("question, word", [("", "empty"), (" \n ", "empty"), ("cow " * 3000, "tokens")])
def test_bad_questions(call, tiny_folder, question, word):
    one_line(call("ask", PICTURE, question, "--model", tiny_folder), word)


FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


@pytest.mark.parametrize("command", [("ask", PICTURE, QUESTION, "--model"), ("evaluate",)], ids=["ask", "evaluate"])
@pytest.mark.parametrize("kind", ["missing", "empty", "foreign", "file"])
def test_bad_model_folders(call, tmp_path, kind, command):
    folder = tmp_path / "model"
    if kind == "file":
        folder.touch()
    elif kind != "missing":
        folder.mkdir()
        if kind == "foreign":
            (folder / "config.json").write_text('{"architectures": ["LlavaForConditionalGeneration"]}')
    one_line(call(*command, folder), folder)


@pytest.mark.parametrize("name", FILES)
def test_damaged_models(call, tiny_folder, tmp_path, name):
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "run"))
    (folder / name).write_bytes((folder / name).read_bytes()[:-30])
    one_line(call("ask", PICTURE, QUESTION, "--model", folder), folder)


def test_bad_drawings_and_charts(call, tiny_folder, tmp_path, monkeypatch):
    one_line(call("ask", PICTURE, QUESTION, "--model", tiny_folder, "--draw", tmp_path), tmp_path)
    one_line(call("ask", PICTURE, QUESTION, "--model", tiny_folder, "--draw", tmp_path / "a.nonsense"), "nonsense")
    monkeypatch.setattr(Assistant, "answer_all", parrot)
    one_line(call("evaluate", tiny_folder, "--per-task", 1, "--chart", tmp_path / "a.nonsense"), "nonsense")


COCO = {
    "missing": None,
    "without annotations": {},
    "not JSON": {"instances_train.json": "{"},
    "a list": {"instances_train.json": "[]"},
    "no images": {"instances_train.json": '{"images": [], "annotations": [], "categories": []}'},
    "a missing picture": {
        "instances_train.json": json.dumps(
            {"images": [{"id": 1, "width": 9, "height": 9, "file_name": "a.png"}], "annotations": [], "categories": []}
        )
    },
}


@pytest.mark.parametrize("kind", COCO)
def test_bad_coco_folders(call, tmp_path, kind):
    folder = tmp_path / "coco"
    if COCO[kind] is not None:
        (folder / "annotations").mkdir(parents=True)
        for name, text in COCO[kind].items():
            (folder / "annotations" / name).write_text(text)
    one_line(call("train", "--out", tmp_path / "out", "--data", folder), folder)


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["train", "--preset", "tpu"], "cpu, full, gpu"),
        (["ablations", "--model", "gpt"], "llava or cogvlm"),
        (["train", "--model", "nonsense"], "llava, cogvlm or codegeex"),
        (["train", "--model", "codegeex", "--preset", "gpu"], "cpu, full"),
        (["train", "--model", "codegeex", "--data", "X"], "--data is for --model llava"),
        (["train", "--model", "cogvlm", "--preset", "gpu"], "cpu, full"),
        (["train", "--model", "cogvlm", "--data", "X"], "--data is for --model llava"),
        (["train", "--eyes", "X"], "--eyes is for --model cogvlm"),
        (["train", "--model", "cogvlm", "--eyes", "nonsense"], "no folder nonsense"),
        (["ask", PICTURE, QUESTION, "--model", "nonsense"], "llava or cogvlm"),
        (["train", "--presett", "cpu"], "--presett"),
        (["train", "--out"], "--out"),
        (["ask"], "picture"),
        (["ask", PICTURE], "question"),
        (["ask", PICTURE, QUESTION, "too much"], "too much"),
        (["ask", PICTURE, QUESTION, "--json", "--boxes"], "--boxes"),
        (["evaluate", "--per-task", "many"], "per-task"),
        (["evaluate", "--per-task", "0"], "per-task"),
        (["evaluate", "--seed", "1.5"], "--seed"),
        (["aks", PICTURE, QUESTION], "aks"),
        (["--nonsense"], "--nonsense"),
    ],
    ids=" ".join,
)
def test_bad_arguments(call, arguments, word):
    one_line(call(*arguments), word)


def test_an_output_folder_that_is_a_file(call, tmp_path):
    (tmp_path / "file").touch()
    one_line(call("train", "--out", tmp_path / "file"), "cannot write")


# -- good input ------------------------------------------------------------------------------------------------------


def test_ask(call, tiny_folder, tiny_assistant, tmp_path):
    expected = tiny_assistant.ask(PICTURE, QUESTION)
    assert call("ask", PICTURE, QUESTION, "--model", tiny_folder) == (0, expected.text + "\n", "")
    code, out, err = call("ask", PICTURE, QUESTION, "--model", tiny_folder, "--json", "--draw", tmp_path / "drawn.png")
    assert code == 0 and err == "" and out.count("\n") == 1
    assert json.loads(out) == {"answer": expected.text, "boxes": [list(box) for box in expected.boxes]}
    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(PICTURE) as picture:
        assert drawn.size == picture.size


def test_evaluate(call, tiny_folder, tmp_path, monkeypatch):
    arguments = ("evaluate", tiny_folder, "--per-task", 1, "--seed", 5)
    code, out, err = call(*arguments, "--json", "--chart", tmp_path / "radar.png")
    result = json.loads(out)
    assert code == 0 and err == "" and out.count("\n") == 1 and (tmp_path / "radar.png").stat().st_size > 1000
    assert {"model", "scenes", "seed", "tasks", "mean"} <= result.keys()
    assert result["model"] == str(tiny_folder) and result["seed"] == 5
    assert result["mean"] == pytest.approx(sum(result["tasks"].values()) / len(result["tasks"]))
    monkeypatch.setattr(Assistant, "answer_all", parrot)
    code, table, _ = call(*arguments)
    assert code == 0 and all(task in table for task in result["tasks"])


@pytest.fixture
def tiny(monkeypatch):
    """The tiny preset has a name, and `vlmcore run` trains it and asks little."""
    monkeypatch.setitem(llava_presets.PRESETS, "tiny", TINY)
    monkeypatch.setattr(tour, "CPU", TINY)
    monkeypatch.setattr(tour, "score", lambda model, per_task, seed, chart: score(model, 1, seed, chart))
    with one_tokenizer():
        yield


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return Path(shutil.copytree(tiny_folder, tmp_path / "run"))


def never(*_, **__):
    pytest.fail("trained again")


@pytest.mark.slow
def test_train_and_resume(call, tiny, tiny_folder, tmp_path, monkeypatch):
    code, _, _ = call("train", "--preset", "tiny", "--out", tmp_path / "run")
    assert code == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (tiny_folder / "model.safetensors").read_bytes()
    monkeypatch.setattr("vlmcore.training.run.fit", never)
    assert call("train", "--preset", "tiny", "--out", tmp_path / "run", "--resume")[0] == 0
    one_line(call("train", "--preset", "cpu", "--out", tmp_path / "run", "--resume"), "other settings")


@pytest.mark.parametrize("model", ["llava", "cogvlm"])
def test_train_hands_everything_to_the_models_recipe(call, monkeypatch, tmp_path, model):
    """And to no other's; each model has a folder of its own, if none is named."""
    asked = []
    for name in ("llava", "cogvlm"):
        monkeypatch.setattr(f"vlmcore.recipes.{name}.train", lambda *what, name=name: asked.append((name, *what)))
    monkeypatch.chdir(tmp_path)
    presets = {"llava": llava_presets.PRESETS, "cogvlm": cogvlm_presets.PRESETS}[model]
    for arguments, *expected in (
        ((), presets["cpu"], Path("runs") / {"llava": "assistant", "cogvlm": "cogvlm"}[model], False),
        (("--preset", "full", "--out", "here", "--resume"), presets["full"], Path("here"), True),
    ):
        code, out, _ = call("train", "--model", model, *arguments)
        assert code == 0 and str(expected[1]) in out and asked.pop() == (model, *expected, None) and not asked
    more, given = {"llava": ("--data", Path("photos")), "cogvlm": ("--eyes", "photos")}[model]
    assert call("train", "--model", model, more, "photos")[0] == 0 and asked.pop()[-1] == given


@pytest.mark.parametrize("left", ["a finished run", "an unfinished run", "a model alone"])
@pytest.mark.parametrize("preset", ["tiny", "cpu"])
def test_an_earlier_run_is_not_trained_over(call, tiny, copy, left, preset):
    """Without --resume nothing is taken up, and nothing is deleted, whatever the settings."""
    if left == "an unfinished run":
        for file in [*copy.glob("stage2.*"), *copy.glob("model.*")]:
            file.unlink()
    elif left == "a model alone":
        for file in copy.glob("*.json"):
            file.unlink()
    before = bits(copy)
    one_line(call("train", "--preset", preset, "--out", copy), "earlier run", "--resume", "--out", copy)
    after = bits(copy)
    assert {name: after.get(name) for name in before} == before and after.keys() - before.keys() <= {".lock"}


@pytest.mark.slow
def test_run_goes_on_where_it_was_stopped(call, tiny, tiny_folder, copy, monkeypatch):
    monkeypatch.setattr(Assistant, "answer_all", parrot)
    (copy / "stage2.safetensors").unlink(), (copy / "model.safetensors").unlink()
    code, out, _ = call("run", "--out", copy)
    assert code == 0 and "held-out wordings" in out and "make lab" in out
    assert (copy / "model.safetensors").read_bytes() == (tiny_folder / "model.safetensors").read_bytes()
    drawn = [copy / "answers.png", copy / "radar.png"]
    assert all(path.stat().st_size > 1000 and str(path) in out for path in drawn)
    monkeypatch.setattr("vlmcore.training.run.fit", never)
    assert call("run", "--out", copy)[0] == 0


def test_evaluate_robust(call, monkeypatch, tmp_path):
    asked = []
    found = {"families": {"clean": 0.5}, "conditions": {"fog 3": 0.25}, "blind": 0.125, "gain": 0.375}
    found |= {"answers that change": {"paraphrase": 0.75}}
    monkeypatch.setattr("vlmcore.evaluation.report.robust_score", lambda *arguments: asked.append(arguments) or found)
    chart = tmp_path / "robust.png"
    code, out, _ = call("evaluate", tmp_path, "--robust", "--per-task", 2, "--seed", 9, "--chart", chart)
    assert code == 0 and all(figure in out for figure in ("50.0%", "25.0%", "12.5%", "37.5%", "75.0%"))
    code, out, _ = call("evaluate", tmp_path, "--robust", "--json", "--per-task", 2, "--seed", 9)
    assert code == 0 and json.loads(out) == found
    assert asked == [(tmp_path, 2, 9, chart), (tmp_path, 2, 9, None)]


@pytest.mark.parametrize("model", ["llava", "cogvlm"])
def test_ablations(call, tiny_assistant, tmp_path, monkeypatch, model):
    results, asked = {"whole": [{"count": 0.25, CLAIM: 0.5}, {"count": 0.75, CLAIM: 0.75}]}, []

    def ablations(*arguments):
        asked.append(arguments)
        return results

    compare = {"llava": "ablations.ablations", "cogvlm": "expert_ablations.expert_ablations"}[model]
    monkeypatch.setattr(f"vlmcore.evaluation.{compare}", ablations)
    monkeypatch.setattr("vlmcore.assistant.load", lambda name: {model: tiny_assistant}[name])
    folder = tmp_path / "runs"
    code, out, _ = call("ablations", "--model", model, "--out", folder, "--per-task", "7", "--seed", "3")
    assert code == 0 and "50.0 (25.0–75.0)" in out and "62.5 (50.0–75.0)" in out
    first = {"llava": tiny_assistant.model, "cogvlm": tiny_assistant}[model]
    preset = {"llava": llava_presets.ABLATION, "cogvlm": cogvlm_presets.ABLATION}[model]
    assert asked == [(first, preset, folder, 7, 3)]
    assert json.loads((folder / "ablations.json").read_bytes()) == results


GO_ON = {
    "train": (["train"], "vlmcore.recipes.llava.train", "with `--resume` goes on"),
    "run": (["run"], "vlmcore.tour.tour", "the same again goes on"),
    "ablations": (["ablations"], "vlmcore.evaluation.ablations.ablations", "the same again goes on"),
    "ask": (["ask", PICTURE, QUESTION], "vlmcore.assistant.load", None),  # there is nothing to take up
    "evaluate": (["evaluate"], "vlmcore.evaluation.report.score", None),
}


@pytest.mark.parametrize("command", GO_ON)
def test_an_interrupt_is_no_traceback(call, monkeypatch, tmp_path, command):
    def interrupt(*_):
        raise KeyboardInterrupt

    arguments, where, told = GO_ON[command]
    monkeypatch.setattr(where, interrupt)
    monkeypatch.chdir(tmp_path)
    code, _, err = call(*arguments)
    assert code == 130 and err.startswith("vlmcore: stopped") and err.count("\n") == 1
    assert told in err if told else err == "vlmcore: stopped\n"


def test_our_own_mistakes_keep_their_traceback(call, monkeypatch):
    def mistake(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("vlmcore.assistant.load", mistake)
    with pytest.raises(ZeroDivisionError):
        call("ask", PICTURE, QUESTION)


# -- as a program ----------------------------------------------------------------------------------------------------


def program(*arguments):
    command = [sys.executable, "-m", "vlmcore", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=300, env=os.environ | {"COLUMNS": "60"}
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_as_a_program(tiny_folder, tiny_assistant, tmp_path):
    code, out, err = program("ask", PICTURE, QUESTION, "--model", tiny_folder, "--json")
    assert (code, err) == (0, "") and json.loads(out)["answer"] == tiny_assistant.ask(PICTURE, QUESTION).text
    one_line(program("ask", tmp_path / "none.png", QUESTION, "--model", tiny_folder), "none.png")
    code, out, err = program("--help")
    assert (
        code == 0 and err == "" and all(command in out for command in ("train", "evaluate", "ask", "ablations", "run"))
    )


@pytest.mark.skipif(sys.platform == "win32", reason="programs run where processes fork")
def test_code_is_written_and_translated(call, tiny_coder, tmp_path):
    folder, java = tmp_path / "coder", tmp_path / "Main.java"
    tiny_coder.save(folder)
    java.write_text("class Main {\n    static int twice(int x) {\n        return 2 * x;\n    }\n}\n")
    code, out, err = call("code", "def twice(x):", "--model", folder)
    assert code == 0 and out.startswith("def twice(x):\n") and not err
    code, out, _ = call("code", "def twice(x):", "--model", folder, "--samples", 3, "--temperature", 1, "--seed", 2)
    assert code == 0 and out.count("def twice(x):\n") >= 3
    code, out, err = call("translate", java, "--model", folder)
    assert code == 0 and not err
    one_line(call("code", " ", "--model", folder), "the prompt is empty")
    one_line(call("code", "x = 1", "--model", folder, "--language", "Cobol"), "no language 'Cobol'", "Python")
    one_line(call("translate", java, "--model", folder, "--to", "latin"), "no translation into 'latin'")
    one_line(call("translate", tmp_path / "none.java", "--model", folder), "none.java")
    one_line(call("code", "x = 1", "--model", tmp_path / "none"), "train --model codegeex")


def test_a_program_in_the_sandbox(call, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("print(6 * 7)")
    code, out, err = call("sandbox", program)
    assert (code, out) == (0, "42\n") and err.startswith("finished after 0.") and "walls: limits" in err
    code, out, _ = call("sandbox", program, "--json")
    told = json.loads(out)
    assert code == 0 and (told["outcome"], told["stdout"], told["error"]) == ("finished", "42\n", "")
    assert "limits" in told["layers"] and set(told) == {"outcome", "stdout", "error", "layers", "missing"}
    program.write_text("print(1)\nwhile True:\n    pass")
    code, out, _ = call("sandbox", program, "--seconds", "0.5", "--json")
    assert code == 1 and json.loads(out)["outcome"] == "timeout"
    one_line(call("sandbox", tmp_path / "none.py"), "none.py", "name a file with a program")
