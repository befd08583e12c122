"""What people look at: the radar ("octagon") chart, and the sheet of questions and answers."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from random import Random

import numpy as np

from vlmcore.assistant import Answer, Assistant
from vlmcore.errors import VlmError
from vlmcore.evaluation.benchmark import right
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.thoughts import split_thoughts
from vlmcore.scenes.world import World


def radar(scores: dict[str, dict[str, float]], path: Path | None = None):
    """Draw scores by task, one line a model: {model: {task: 0 to 1}} → a matplotlib figure, saved to ``path``."""
    from matplotlib.figure import Figure

    tasks = list(next(iter(scores.values())))
    angles = [2 * math.pi * number / len(tasks) for number in range(len(tasks) + 1)]
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.add_subplot(projection="polar")
    for name, values in scores.items():
        around = [100 * values[task] for task in tasks]
        axes.plot(angles, [*around, around[0]], label=f"{name}: mean {np.mean(around):.0f} %", linewidth=2)
        axes.fill(angles, [*around, around[0]], alpha=0.12)
    axes.set_xticks(angles[:-1], tasks)
    axes.tick_params(axis="x", pad=14)  # beside the circle, not on it
    axes.set_rlabel_position(180 / len(tasks))  # between two tasks
    axes.set_ylim(0, 100)
    axes.set_yticks([25, 50, 75, 100], ["25", "50", "75", "100 %"], fontsize=8)
    axes.set_theta_zero_location("N")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=2, frameon=False)
    if path is not None:
        save(figure, path)
    return figure


def bars(scores: dict[str, float], path: Path | None = None):
    """Draw scores by condition, {name: 0 to 1}, as bars; the first is the clean one → a figure, saved to ``path``."""
    from matplotlib.figure import Figure

    names = list(scores)
    figure = Figure(figsize=(7, 0.45 * len(names) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.barh(names, [100 * scores[name] for name in names], color=["#0072b2", *["#56b4e9"] * (len(names) - 1)])
    axes.bar_label(drawn, fmt="%.0f %%", padding=3)
    axes.axvline(100 * scores[names[0]], color="#0072b2", linewidth=1, linestyle=":")
    axes.set_xlim(0, 110)
    axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100 %"])
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    if path is not None:
        save(figure, path)
    return figure


def save(figure, path: Path) -> None:
    """Save a figure. Errors: VlmError that says what to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise VlmError(f"cannot save the chart as {path} ({error}): name a .png file in a folder of yours") from error


def answer_sheet(assistant: Assistant, path: Path, seed: int = 7) -> None:
    """Eight held-out pictures, up to three questions each, with the answers; wrong ones in red, boxes drawn."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    world = World(assistant.about.get("objects"))
    generator, random = QuestionGenerator(world, "held_out"), Random(seed)
    plan = [
        ("scatter", ("describe", "count", "box")), ("hidden", ("count", "position", "what")),
        ("sum", ("sum", "background", "exists")), ("unusual", ("unusual", "background", "box")),
        ("shape", ("shape", "background", "exists")), ("scatter", ("conversation",)),
        ("unusual new", ("unusual", "what", "position")), ("scatter", ("describe", "does", "exists")),
    ]  # fmt: skip
    figure = Figure(figsize=(16, 10), layout="constrained")
    for number, (kind, tasks) in enumerate(plan):
        axes = figure.add_subplot(2, 4, number + 1)
        while True:
            scene = world.scene(random, kind, evaluate=True)
            talks = [getattr(generator, task)(scene, random) for task in tasks]
            if all(talks):
                break
        picture = world.paint(scene, 4)
        axes.imshow(picture)
        axes.set_axis_off()
        lines = []
        for talk in talks:
            history: list[tuple[str, Answer]] = []
            for exchange in talk:
                answer = assistant.ask(picture, exchange.question, history)
                history.append((exchange.question, answer))
                expected = split_thoughts(exchange.answer)[1]
                mark = "" if right(answer.text, expected, exchange.boxes) else f"   ✗ ({expected})"
                lines.append(f"{exchange.question}\n    → {answer}{mark}")
                for x0, y0, x1, y1 in answer.boxes:
                    box = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color="crimson", linewidth=2)
                    axes.add_patch(box)
        axes.set_title("\n".join(wrap(line) for line in lines), fontsize=8, loc="left", y=-0.05, va="top")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def wrap(line: str, width: int = 52) -> str:
    return "\n".join(
        "\n".join(textwrap.wrap(part, width, initial_indent=" " * (4 * (i > 0)), subsequent_indent="    " * (1 + i)))
        for i, part in enumerate(line.split("\n    "))
    )
