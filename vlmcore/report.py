"""What people look at: the table of scores, the sheet of questions and answers, the tour of `make run`."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import numpy as np

from vlmcore.assistant import Answer, Assistant, load
from vlmcore.data.instruct import Teacher
from vlmcore.data.wording import split_thoughts
from vlmcore.data.world import World
from vlmcore.evaluate import CLAIM, TASKS, benchmark, evaluate, radar, right


def score(model: Path | Assistant | None, per_task: int, seed: int, chart: Path | None = None) -> dict:
    """Everything `vlmcore evaluate` tells: tasks, their mean, the claim, and the same with held-out wordings."""
    assistant = model if isinstance(model, Assistant) else load(model)
    world = World(assistant.about.get("objects"))
    known = evaluate(assistant.answer_all, benchmark(world, per_task, seed), world)
    new = evaluate(assistant.answer_all, benchmark(world, per_task, seed, "held_out"), world)
    claim, new_claim = known.pop(CLAIM), new.pop(CLAIM)
    if chart is not None:
        radar({"known wordings": known, "held-out wordings": new}, chart)
    return {
        "model": str(model) if isinstance(model, Path) else "assistant",
        "scenes": per_task * (len(TASKS) + 1),
        "seed": seed,
        "tasks": known,
        "mean": float(np.mean(list(known.values()))),
        "unusual_new": claim,
        "held_out_wordings": {"tasks": new, "mean": float(np.mean(list(new.values()))), "unusual_new": new_claim},
    }


def table(result: dict) -> str:
    """What ``score`` found, as text."""
    known, new = result, result["held_out_wordings"]
    return columns(
        {
            "known wordings": known["tasks"] | {CLAIM: known["unusual_new"]},
            "held-out wordings": new["tasks"] | {CLAIM: new["unusual_new"]},
        }
    )


def columns(scores: dict[str, dict[str, float]]) -> str:
    """{model: {task: score}} as text, a column for each model. The claim stands apart: it is not in the mean."""
    width = max(map(len, scores)) + 2

    def row(name: str, values: list[float]) -> str:
        return f"{name:16}" + "".join(f"{value:{width}.1%}" for value in values)

    rows = [f"{'task':16}" + "".join(f"{name:>{width}}" for name in scores)]
    rows += [row(task, [values[task] for values in scores.values()]) for task in TASKS]
    rows.append(row("mean", [float(np.mean([values[task] for task in TASKS])) for values in scores.values()]))
    rows.append(row(CLAIM, [values[CLAIM] for values in scores.values()]) + "   things known from text alone")
    return "\n".join(rows)


def answer_sheet(assistant: Assistant, path: Path, seed: int = 7) -> None:
    """Eight held-out pictures, up to three questions each, with the answers; wrong ones in red, boxes drawn."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    world = World(assistant.about.get("objects"))
    teacher, random = Teacher(world, "held_out"), Random(seed)
    plan = [
        ("scatter", ("describe", "count", "box")), ("hidden", ("count", "position", "what")),
        ("sum", ("sum", "background", "exists")), ("unusual", ("unusual", "background", "box")),
        ("shape", ("shape", "background", "exists")), ("scatter", ("conversation",)),
        ("unusual new", ("unusual", "what", "colour")), ("scatter", ("describe", "does", "exists")),
    ]  # fmt: skip
    figure = Figure(figsize=(16, 10), layout="constrained")
    for number, (kind, tasks) in enumerate(plan):
        axes = figure.add_subplot(2, 4, number + 1)
        while True:
            scene = world.scene(random, kind, evaluate=True)
            talks = [getattr(teacher, task)(scene, random) for task in tasks]
            if all(talks):
                break
        picture = world.paint(scene, 4)
        axes.imshow(picture)
        axes.set_axis_off()
        lines = []
        for talk in talks:
            history: list[tuple[str, Answer]] = []
            for turn in talk:
                answer = assistant.ask(picture, turn.question, history)
                history.append((turn.question, answer))
                expected = split_thoughts(turn.answer)[1]
                mark = "" if right(answer.text, expected, turn.boxes) else f"   ✗ ({expected})"
                lines.append(f"{turn.question}\n    → {answer}{mark}")
                for x0, y0, x1, y1 in answer.boxes:
                    box = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color="crimson", linewidth=2)
                    axes.add_patch(box)
        axes.set_title("\n".join(wrap(line) for line in lines), fontsize=8, loc="left", y=-0.05, va="top")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def wrap(line: str, width: int = 52) -> str:
    import textwrap

    return "\n".join(
        "\n".join(textwrap.wrap(part, width, initial_indent=" " * (4 * (i > 0)), subsequent_indent="    " * (1 + i)))
        for i, part in enumerate(line.split("\n    "))
    )


def tour(out: Path) -> None:
    """`make run`: train, evaluate, ask, draw, and say what to do next."""
    from vlmcore.pipeline import train
    from vlmcore.presets import CPU

    began = time.perf_counter()
    assistant = train(CPU, out)
    print(table(score(assistant, 50, 1000, out / "radar.png")))
    answer_sheet(assistant, out / "answers.png")
    minutes = (time.perf_counter() - began) / 60
    print(f"\n{minutes:.1f} minutes. Look at {out / 'answers.png'} and {out / 'radar.png'}.")
    print(f'Ask it yourself:  vlmcore ask PICTURE "How many whales are there?" --model {out}')
    print("Then open the lessons:  make lab")
