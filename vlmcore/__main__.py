"""The command line: train, evaluate, ask, run. Bad input is one line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from vlmcore.errors import VlmError

app = typer.Typer(
    help="Build, train and question a small vision-language model.", no_args_is_help=True, add_completion=False
)


GO_ON = {  # what Ctrl-C tells to do, by command
    "train": "; the same with `--resume` goes on from the last saved step",
    "run": "; the same again goes on from the last saved step",
    "ablations": "; the same again goes on from the last saved step",
}


def choose(name: str, presets: dict[str, Any]) -> Any:
    """A preset by its name. Errors: VlmError that lists the names."""
    if name not in presets:
        raise VlmError(f"there is no preset {name!r}: choose one of {', '.join(presets)}")
    return presets[name]


@app.command()
def train(
    preset: Annotated[str, typer.Option(help="cpu (minutes), full (an hour or two) or, for llava, gpu")] = "cpu",
    model: Annotated[str, typer.Option(help="llava, cogvlm or codegeex")] = "llava",
    out: Annotated[Path | None, typer.Option(help="for the model and its run [runs/assistant, or runs/MODEL]")] = None,
    resume: Annotated[bool, typer.Option(help="take up a run that was stopped")] = False,
    data: Annotated[Path | None, typer.Option(help="a COCO folder for llava, not the painted world")] = None,
    eyes: Annotated[str | None, typer.Option(help="for cogvlm: whose vision encoder; the shipped llava's")] = None,
) -> None:
    """Train a model. llava, from nothing: language, vision, stage 1, stage 2; cogvlm: language, then its experts;
    codegeex: code.
    """
    from vlmcore.recipes import codegeex, codegeex_presets, cogvlm, cogvlm_presets, llava, llava_presets

    began = time.perf_counter()
    if model != "cogvlm" and eyes is not None:
        raise VlmError("--eyes is for --model cogvlm: LLaVA trains its own, and code needs none")
    if model != "llava" and data is not None:
        raise VlmError("--data is for --model llava: the others learn from what the course makes")
    match model:
        case "llava":
            out = out or Path("runs/assistant")
            llava.train(choose(preset, llava_presets.PRESETS), out, resume, data)
        case "cogvlm":
            out = out or Path("runs/cogvlm")
            cogvlm.train(choose(preset, cogvlm_presets.PRESETS), out, resume, eyes)
        case "codegeex":
            out = out or Path("runs/codegeex")
            codegeex.train(choose(preset, codegeex_presets.PRESETS), out, resume)
        case _:
            raise VlmError(f"there is no model {model!r} to train: choose llava, cogvlm or codegeex")
    print(f"Done in {(time.perf_counter() - began) / 60:.1f} minutes: {out}")


@app.command()
def evaluate(
    model: Annotated[
        Path | None, typer.Argument(help="llava, cogvlm or a folder made by train; llava if left out")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
    per_task: Annotated[int, typer.Option(min=1, help="tests of each task")] = 100,
    seed: Annotated[int, typer.Option(help="of the held-out scenes")] = 1000,
    chart: Annotated[Path | None, typer.Option(help="save the chart here (PNG)")] = None,
    robust: Annotated[
        bool, typer.Option("--robust", help="in other light, by other artists, … instead: some 70 conditions")
    ] = False,
) -> None:
    """Score a model on held-out scenes, task by task; or with --robust under what else may happen to a picture."""
    from vlmcore.evaluation.report import robust_score, robust_table, score, table

    result = (robust_score if robust else score)(model, per_task, seed, chart)
    print(json.dumps(result) if as_json else (robust_table if robust else table)(result))


@app.command()
def ask(
    picture: Annotated[Path, typer.Argument(help="any picture file")],
    question: Annotated[str, typer.Argument(help='in plain English, such as "How many whales are there?"')],
    model: Annotated[Path | None, typer.Option(help="llava, cogvlm or a folder made by train")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print answer and boxes as one JSON object")] = False,
    draw: Annotated[Path | None, typer.Option(help="save a copy of the picture with the boxes drawn in")] = None,
) -> None:
    """Ask a question about a picture."""
    from vlmcore.assistant import draw_boxes, load

    answer = load(model).ask(picture, question)
    if draw is not None:
        draw_boxes(picture, answer, draw)
    print(json.dumps({"answer": answer.text, "boxes": answer.boxes}) if as_json else answer)


@app.command()
def ablations(
    model: Annotated[str, typer.Option(help="llava, or cogvlm: what its experts are made of")] = "llava",
    out: Annotated[Path | None, typer.Option(help="for the trained models [runs/ablations/MODEL]")] = None,
    per_task: Annotated[int, typer.Option(min=1, help="tests of each task")] = 100,
    seed: Annotated[int, typer.Option(help="of the held-out scenes")] = 1000,
) -> None:
    """Train and score variants of a shipped model, an hour or so.

    llava: what does "unusual" rest on? cogvlm: what makes a visual expert work?
    """
    from vlmcore.assistant import NAMES, load
    from vlmcore.evaluation.ablations import ablations as claim_ablations
    from vlmcore.evaluation.expert_ablations import expert_ablations
    from vlmcore.evaluation.report import spread_table
    from vlmcore.files import write_json
    from vlmcore.recipes import cogvlm_presets, llava_presets

    if model not in NAMES:
        raise VlmError(f"there is no model {model!r} to compare: choose {' or '.join(NAMES)}")
    out, shipped = out or Path("runs/ablations") / model, load(model)
    if model == "llava":
        results = claim_ablations(shipped.model, llava_presets.ABLATION, out, per_task, seed)
    else:
        results = expert_ablations(shipped, cogvlm_presets.ABLATION, out, per_task, seed)
    write_json(out / "ablations.json", results)
    print(spread_table(results))


@app.command()
def code(
    prompt: Annotated[str, typer.Argument(help='the beginning of a program, such as "def count_even(xs):"')],
    language: Annotated[str, typer.Option(help="of the program: Python, Java, JavaScript or C++")] = "Python",
    model: Annotated[Path | None, typer.Option(help="a folder made by train; the shipped one if left out")] = None,
    samples: Annotated[int, typer.Option(min=1, max=64, help="how many programs")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0: the likeliest")] = 0.0,
    seed: Annotated[int, typer.Option(help="of what is sampled")] = 0,
) -> None:
    """Go on with a program, to the end of its function."""
    from vlmcore.coder import first_function, load_coder

    prompt = prompt if prompt.endswith("\n") or not prompt.rstrip().endswith(":") else f"{prompt}\n"
    written = load_coder(model).complete(prompt, language, samples, temperature=temperature, seed=seed)
    for completion in written:
        print((prompt + (first_function(completion) if language == "Python" else completion)).rstrip())


@app.command()
def translate(
    file: Annotated[Path, typer.Argument(help="a Java program")],
    to: Annotated[str, typer.Option(help="the language to translate it into")] = "python",
    model: Annotated[Path | None, typer.Option(help="a folder made by train; the shipped one if left out")] = None,
) -> None:
    """Translate a Java program into Python, and print that alone."""
    from vlmcore.coder import load_coder, read_java

    if to.lower() != "python":
        raise VlmError(f"there is no translation into {to!r}: choose python")
    program = read_java(file)
    print(load_coder(model).translate(program)[0].rstrip())


@app.command()
def sandbox(
    file: Annotated[Path, typer.Argument(help="a Python program")],
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="that it may take")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Run a program behind walls: no files, no network, no other processes, little memory and time."""
    from vlmcore.evaluation.sandbox import Sandbox, read_program

    program = read_program(file)
    with Sandbox() as box:
        found = box.run(program, seconds)
        walls = {"layers": box.layers, "missing": box.missing}
    if as_json:
        print(json.dumps({"outcome": found.outcome, "stdout": found.stdout, "error": found.error} | walls))
    else:
        print(found.stdout, end="")
        print(f"{found.outcome} after {found.seconds:.2f} s {found.error}".rstrip(), file=sys.stderr)
        print(f"walls: {', '.join(walls['layers'])}; missing: {', '.join(walls['missing']) or 'none'}", file=sys.stderr)
    if found.outcome != "finished":
        sys.exit(1)


@app.command()
def run(out: Annotated[Path, typer.Option(help="where everything is left")] = Path("runs/first")) -> None:
    """The whole tour: train the cpu preset, evaluate it, question it, draw what it says, say what to do next."""
    from vlmcore.tour import tour

    tour(out)


def main() -> None:
    try:
        if app(standalone_mode=False) == 130:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
    except VlmError as error:
        print(f"vlmcore: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        print(f"vlmcore: stopped{GO_ON.get(''.join(sys.argv[1:2]), '')}", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")):
            if error.format_message():  # empty where the help has been shown instead
                print(f"vlmcore: {' '.join(error.format_message().split())}", file=sys.stderr)
            sys.exit(2)
        raise


if __name__ == "__main__":
    main()
