"""data/results.json as the tables and charts of the site's results page, and as README's one table.

The numbers stand in that file alone; tests/test_results.py holds README to it.
"""

from __future__ import annotations

import json
from pathlib import Path

from tools.course import ROOT
from vlmcore.evaluation.charts import bars, radar

FILE = ROOT / "data" / "results.json"
LLAVA = "LLaVA"
CLAIMS = {"unusual new": "home known from text alone", "unusual": "home taught by pictures too"}
README = {  # what README's table says → which family of conditions that is
    "clean": "clean",
    "other light": "light at 50, 75 and 125 %",
    "an artist never seen": "an artist never seen (Fluent Emoji)",
    "new drawings of known artists": "drawings of known artists kept back from training",
    "unseen wordings": "unseen wordings",
    "picture hidden": "picture hidden",
}


def load() -> dict:
    return json.loads(FILE.read_text(encoding="utf-8"))


def percent(value: float) -> str:
    """As the tables write it: 81.7 %."""
    return f"{value:.1f} %"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def clean_table(results: dict) -> str:
    """A task a row, a model a column."""
    models = results["models"]
    tasks = list(models[LLAVA]["clean"])
    rows = [[task, *(percent(model["clean"][task]) for model in models.values())] for task in tasks]
    rows.append(["**mean**", *(f"**{percent(model['mean'])}**" for model in models.values())])
    for name, key in (("mean, new wordings", "new_wordings"), ("unusual, home known from text alone", "unusual_new")):
        rows.append([name, *(percent(model[key]) for model in models.values())])
    return table(["", *(f"{name} ({model['objects']} objects)" for name, model in models.items())], rows)


def robust_table(results: dict) -> str:
    """A family of conditions a row, for every model that was asked so."""
    models = {name: model for name, model in results["models"].items() if "robust" in model}
    families = list(next(iter(models.values()))["robust"])
    rows = [[family, *(percent(model["robust"][family]) for model in models.values())] for family in families]
    return table(["", *models], rows)


def ablations_table(results: dict) -> str:
    """A training a row: what it makes of things whose home text alone told, and of others, once a seed."""
    found = results["ablations"]["right"]
    rows = [
        [name, *(", ".join(f"{value:g}" for value in right[task]) for task in CLAIMS)] for name, right in found.items()
    ]
    return table(["training", *CLAIMS.values()], rows)


def readme_table(results: dict) -> str:
    """What README shows of the shipped model."""
    robust = results["models"][LLAVA]["robust"]
    return table(list(README), [[percent(robust[family]) for family in README.values()]])


def charts(results: dict, folder: Path) -> None:
    """The radar of clean scores and the bars of the robust ones, as pictures."""
    models = results["models"]
    shares = {name: {task: value / 100 for task, value in model["clean"].items()} for name, model in models.items()}
    radar(shares, folder / "clean.png")
    bars({family: value / 100 for family, value in models[LLAVA]["robust"].items()}, folder / "robust.png")


def places(results: dict) -> dict[str, str]:
    """What docs/results.md keeps a place for, written @name@ there."""
    llava = results["models"][LLAVA]
    return {
        "clean_table": clean_table(results),
        "robust_table": robust_table(results),
        "ablations_table": ablations_table(results),
        "ablations_per_task": str(results["ablations"]["per_task"]),
        "ablations_seed": str(results["ablations"]["seed"]),
        "worst": f"{llava['worst']['condition']}, with {percent(llava['worst']['right'])}",
        "moved": percent(llava["changed"]["moved by two pixels"]),
        "reworded": percent(llava["changed"]["asked in other words"]),
        "claim": percent(llava["unusual_new"]),
        "asked": percent(llava["clean"]["unusual"]),
        "other_seed": str(llava["other_seed"]["seed"]),
        "other_mean": percent(llava["other_seed"]["mean"]),
        "other_claim": percent(llava["other_seed"]["unusual_new"]),
        "minutes": llava["minutes"],
        "iou": f"{llava['mean_iou']['box']:.2f}",
        **{name: str(value) for name, value in results["measured"].items()},
    }
