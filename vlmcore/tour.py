"""`make run`: the whole tour of a first quarter of an hour."""

from __future__ import annotations

import time
from pathlib import Path

from vlmcore.evaluation.charts import answer_sheet
from vlmcore.evaluation.report import score, table
from vlmcore.recipes.llava import train
from vlmcore.recipes.llava_presets import CPU


def tour(out: Path) -> None:
    """Train, evaluate, ask, draw, and say what to do next. Stopped, the same again goes on."""
    began = time.perf_counter()
    assistant = train(CPU, out, resume=True)  # what a run before this one has finished is not made again
    print(table(score(assistant, 50, 1000, out / "radar.png")))
    answer_sheet(assistant, out / "answers.png")
    minutes = (time.perf_counter() - began) / 60
    print(f"\n{minutes:.1f} minutes. Look at {out / 'answers.png'} and {out / 'radar.png'}.")
    print(f'Ask it yourself:  vlmcore ask PICTURE "How many whales are there?" --model {out}')
    print("Then open the lessons:  make lab")
