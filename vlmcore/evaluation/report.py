"""The table of scores: task by task, known and held-out wordings side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vlmcore.assistant import Assistant, load
from vlmcore.evaluation import grounding
from vlmcore.evaluation.benchmark import CLAIM, TASKS, Item, benchmark, evaluate, paint_all
from vlmcore.evaluation.charts import bars, radar
from vlmcore.evaluation.grounding import overlaps
from vlmcore.evaluation.robustness import conditions, robustness
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.llava import LLaVA
from vlmcore.scenes.grounded_questions import GroundedQuestions
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.world import World

BOXED = ("box", "find")  # are answered with boxes
ASKED = {LLaVA: (TASKS, QuestionGenerator), CogVLM: ((*TASKS, *grounding.TASKS), GroundedQuestions)}


def score(model: Path | Assistant | None, per_task: int, seed: int, chart: Path | None = None) -> dict:
    """Everything `vlmcore evaluate` tells: tasks, their mean, the claim, and the same with held-out wordings."""
    assistant = model if isinstance(model, Assistant) else load(model)
    world, (tasks, questions) = World(assistant.about.get("objects")), ASKED[type(assistant.model)]

    def asked(wording: str) -> list[Item]:
        return benchmark(world, per_task, seed, wording, (*tasks, CLAIM), questions=questions)

    items = asked("train")
    pictures = paint_all(world, items)
    known = evaluate(assistant.answer_all, items, pictures)
    new = evaluate(assistant.answer_all, asked("held_out"), pictures)
    claim, new_claim = known.pop(CLAIM), new.pop(CLAIM)
    boxed = [task for task in BOXED if task in tasks]
    if chart is not None:
        radar({"known wordings": known, "held-out wordings": new}, chart)
    return {
        "model": str(model) if isinstance(model, Path) else "assistant",
        "scenes": per_task * (len(tasks) + 1),
        "seed": seed,
        "tasks": known,
        "mean": float(np.mean(list(known.values()))),
        "unusual_new": claim,
        "mean_iou": {task: mean_iou(assistant, items, pictures, task) for task in boxed},
        "boxes_elsewhere": boxes_elsewhere(assistant, per_task, seed),
        "held_out_wordings": {"tasks": new, "mean": float(np.mean(list(new.values()))), "unusual_new": new_claim},
    }


def mean_iou(assistant: Assistant, items: Sequence[Item], pictures: Sequence[np.ndarray], task: str) -> float:
    """How tight the boxes of one task are: the mean IoU over all boxes that should be there, 0 where there is none."""
    chosen = [n for n, item in enumerate(items) if item.task == task]
    first = [items[n].conversation[0] for n in chosen]
    asked = [(pictures[n], [], exchange.question) for n, exchange in zip(chosen, first, strict=True)]
    return float(np.mean(overlaps(assistant.answer_all(asked), [exchange.boxes for exchange in first])))


def boxes_elsewhere(assistant: Assistant, per_task: int, seed: int) -> dict[str, dict[str, float]]:
    """{condition: {task: boxes that are right}} where the artist, the ground or the arrangement is new."""
    tasks, questions = ASKED[type(assistant.model)]
    boxed, found = [task for task in BOXED if task in tasks], {}
    for condition in conditions(assistant.about.get("objects")):
        if condition.family in ("artists", "grounds"):
            items = benchmark(condition.world, per_task, seed, tasks=boxed, questions=questions)
            found[condition.name] = evaluate(assistant.answer_all, items, paint_all(condition.world, items))
    return found


def table(result: dict) -> str:
    """What ``score`` found, as text."""
    known, new = result, result["held_out_wordings"]
    scores = columns(
        {
            "known wordings": known["tasks"] | {CLAIM: known["unusual_new"]},
            "held-out wordings": new["tasks"] | {CLAIM: new["unusual_new"]},
        }
    )
    rows = [f"{f'mean IoU, {task}':18}{value:19.3f}" for task, value in result["mean_iou"].items()]
    for name, right in result["boxes_elsewhere"].items():
        rows.append(f"{name:18}" + "".join(f"{f'{task} {value:.1%}':>19}" for task, value in right.items()))
    return "\n".join([scores, *rows])


def robust_score(model: Path | Assistant | None, per_task: int, seed: int, chart: Path | None = None) -> dict:
    """Everything `vlmcore evaluate --robust` tells (robustness.py)."""
    assistant = model if isinstance(model, Assistant) else load(model)
    result = robustness(assistant, per_task, seed)
    if chart is not None:
        bars(result["families"], chart)
    return {"model": str(model) if isinstance(model, Path) else "assistant"} | result


def robust_table(result: dict) -> str:
    """What ``robust_score`` found, as text: families, then every condition."""
    rows = [f"{'family':28}{'mean':>8}", *(f"{name:28}{mean:8.1%}" for name, mean in result["families"].items())]
    rows += ["", f"{'condition':28}{'mean':>8}"]
    rows += [f"{name:28}{mean:8.1%}" for name, mean in result["conditions"].items()]
    rows += ["", f"{'picture hidden':28}{result['blind']:8.1%}", f"{'gained by seeing':28}{result['gain']:8.1%}"]
    rows += [f"{'answers change: ' + name:36}{share:6.1%}" for name, share in result["answers that change"].items()]
    return "\n".join(rows)


def columns(scores: dict[str, dict[str, float]]) -> str:
    """{model: {task: score}} as text, a column for each model. The claim stands apart: it is not in the mean."""
    width = max(map(len, scores)) + 2

    def row(name: str, values: list[float]) -> str:
        return f"{name:18}" + "".join(f"{value:{width}.1%}" for value in values)

    rows = [f"{'task':18}" + "".join(f"{name:>{width}}" for name in scores)]
    tasks = [task for task in next(iter(scores.values())) if task != CLAIM]
    rows += [row(task, [values[task] for values in scores.values()]) for task in tasks]
    rows.append(row("mean", [float(np.mean([values[task] for task in tasks])) for values in scores.values()]))
    rows.append(row(CLAIM, [values[CLAIM] for values in scores.values()]) + "   things known from text alone")
    return "\n".join(rows)


def spread_table(found: dict[str, list[dict[str, float]]]) -> str:
    """A row a task, a column a model: the median over seeds, lowest and highest. Scores in per cent, text in bits."""
    rows = [f"{'task':18}" + "".join(f"{name:>24}" for name in found)]
    tasks = list(next(iter(found.values()))[0])
    scored = [task for task in tasks if task not in ("bits", CLAIM)]

    def cell(values: list[float], digits: int = 1) -> str:
        return f"{f'{np.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})':>24}"

    def row(name: str, per_run: Callable[[dict[str, float]], float], digits: int = 1) -> str:
        return f"{name:18}" + "".join(cell([per_run(run) for run in runs], digits) for runs in found.values())

    rows += [row(task, lambda run, task=task: 100 * run[task]) for task in scored]
    rows.append(row("mean", lambda run: 100 * float(np.mean([run[task] for task in scored]))))
    if CLAIM in tasks:
        rows.append(row(CLAIM, lambda run: 100 * run[CLAIM]))
    if "bits" in tasks:
        rows.append(row("bits of a token", lambda run: run["bits"], 3))
    return "\n".join(rows)
