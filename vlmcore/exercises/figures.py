"""Figures that several lessons draw, so that their cells show what is measured and not how it is painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from vlmcore.assistant import Assistant
from vlmcore.evaluation.attention_maps import attention_maps
from vlmcore.scenes.world import World

# Those of Okabe and Ito, which colour-blind readers can tell apart.
COLOURS = ("#bbbbbb", "#d55e00", "#009e73", "#56b4e9", "#444444", "#cc79a7")


def grouped(
    scores: Mapping[str, Mapping[str, float]], title: str, ylabel: str = "% right, held-out pictures"
) -> Figure:
    """Bars side by side: {series: {group: 0 to 1}}; every series has the same groups."""
    groups = list(next(iter(scores.values())))
    inches = min(3 + 0.17 * len(groups) * (len(scores) + 1), 9.4)
    figure = Figure(figsize=(inches, 3.1), layout="constrained")
    axes = figure.add_subplot()
    width = 0.84 / len(scores)
    for n, (name, values) in enumerate(scores.items()):
        at = np.arange(len(groups)) + width * (n - (len(scores) - 1) / 2)
        bars = axes.bar(
            at, [100 * values[group] for group in groups], width, label=name, color=COLOURS[n % len(COLOURS)]
        )
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    slanted = len(groups) * max(map(len, groups)) > 10 * inches  # else one name would run into the next
    axes.set_xticks(range(len(groups)), groups, rotation=30 * slanted, ha="right" if slanted else "center")
    axes.set(ylabel=ylabel, ylim=(0, 108), title=title)
    figure.legend(fontsize=8, ncols=len(scores), loc="outside lower center", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def smoothed(curves: Mapping[str, Sequence[float]], title: str, over: int = 10) -> Figure:
    """Losses by step, faint, and over them the mean of ``over`` steps: {name: nats a token}."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.add_subplot()
    for (name, curve), colour in zip(curves.items(), COLOURS[1:]):
        axes.plot(curve, alpha=0.3, color=colour)
        over = min(over, len(curve))
        mean = np.convolve(curve, np.ones(over) / over, "valid")
        axes.plot(range(over - 1, len(curve)), mean, label=f"{name}, mean of {over} steps", color=colour)
    axes.set(xlabel="step", ylabel="nats a token", title=title)
    axes.legend()
    return figure


def with_texts(pictures: Sequence[np.ndarray], texts: Sequence[str], title: str, width: int = 30) -> Figure:
    """Pictures in a row, below each its text, every line of it folded to ``width`` letters."""
    figure = Figure(figsize=(2.5 * len(pictures), 3.6), layout="constrained")
    figure.suptitle(title)
    for axes, picture, text in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures, texts, strict=True):
        axes.imshow(picture)
        axes.set(xticks=[], yticks=[])
        folded = [fill(line, width, max_lines=5, placeholder=" …", break_on_hyphens=False) for line in text.split("\n")]
        axes.set_xlabel("\n".join(folded), fontsize=8.5, loc="left")
    return figure


def llava_diagram(picture: np.ndarray, question: str, shapes: Mapping[str, str]) -> Figure:
    """LLaVA as a drawing; ``shapes``: how large X_v, Z_v, H_v and H_q are, such as "16 × 192"."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(0, 13.2), ylim=(0, 5), title="LLaVA: two trained networks, and W between them")
    axes.axis("off")
    axes.imshow(picture, extent=(0.1, 1.9, 2.9, 4.7), aspect="auto", zorder=2)
    boxes = (
        (4.3, 3.8, "vision encoder g\n(frozen)", "#cde7ff"),
        (8.0, 3.8, "projector W\n(new)", "#ffd9b3"),
        (4.3, 1.0, "word embeddings\n(frozen)", "#d7f5d0"),
        (10.6, 1.0, "language model f\n(frozen)", "#d7f5d0"),
    )
    for x, y, text, colour in boxes:
        axes.text(x, y, text, ha="center", va="center", bbox={"boxstyle": "round,pad=0.6", "fc": colour, "ec": "gray"})
    axes.text(1.1, 1.0, f"$X_q$\n“{question}”", ha="center", va="center", fontsize=8)
    axes.text(1.0, 2.5, f"$X_v$  {shapes['X_v']}", ha="center", fontsize=8)
    axes.text(9.8, 2.6, f"$H_v$  {shapes['H_v']}\nin the places of <image>", fontsize=8)
    arrows = (
        ((1.95, 3.8), (3.1, 3.8), ""),
        ((5.5, 3.8), (7.1, 3.8), f"$Z_v$\n{shapes['Z_v']}"),
        ((2.4, 1.0), (3.1, 1.0), ""),
        ((5.5, 1.0), (9.3, 1.0), f"$H_q$\n{shapes['H_q']}"),
        ((8.9, 3.3), (10.3, 1.6), ""),
        ((11.9, 1.0), (12.7, 1.0), ""),
    )
    for start, end, label in arrows:
        axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 1.3})
        axes.text((start[0] + end[0]) / 2, 0.1 + (start[1] + end[1]) / 2, label, ha="center", va="bottom", fontsize=8)
    axes.text(12.95, 1.0, "$X_a$", ha="center", va="center")
    return figure


def parts_diagram() -> Figure:
    """The parts of a vision-language model, and the lessons that build them."""
    parts = {
        "picture": (0.0, 1.3, "#f2f2f2"),
        "vision encoder\nlesson 04": (2.3, 1.3, "#cde7ff"),
        "projector\nlesson 05": (4.6, 1.3, "#ffd9b3"),
        "question": (0.0, 0.0, "#f2f2f2"),
        "tokens\nlesson 01": (2.3, 0.0, "#d7f5d0"),
        "language model\nlessons 02, 03, 07": (6.9, 0.65, "#d7f5d0"),
        "answer": (9.4, 0.65, "#f2f2f2"),
    }
    figure = Figure(figsize=(9.4, 2.1), layout="constrained")
    axes = figure.add_subplot()
    style = {"boxstyle": "round,pad=0.08", "edgecolor": "gray"}
    for name, (x, y, colour) in parts.items():
        axes.add_patch(FancyBboxPatch((x, y), 1.7, 0.8, facecolor=colour, **style))
        axes.text(x + 0.85, y + 0.4, name, ha="center", va="center", fontsize=9)
    places = list(parts.values())
    for start, end in ((0, 1), (1, 2), (2, 5), (3, 4), (4, 5), (5, 6)):
        (x0, y0, _), (x1, y1, _) = places[start], places[end]
        way = (x0 + 1.8, y0 + 0.4), (x1 - 0.1, y1 + 0.4)
        axes.add_patch(FancyArrowPatch(*way, arrowstyle="->", mutation_scale=12))
    axes.set(xlim=(-0.2, 11.3), ylim=(-0.2, 2.3))
    axes.set_axis_off()
    return figure


def at_work(assistant: Assistant, picture: np.ndarray, questions: Sequence[str], words: int = 2) -> Figure:
    """A picture, what was asked about it and answered, the boxes, and where the model looked for words of its answers.

    Each question is asked by itself. The words are the last that name things; the brighter a part, the more attention.
    """
    answers = [assistant.ask(picture, question) for question in questions]
    names = {name.split()[-1] for name in World(assistant.about.get("objects")).names}  # the bear of a teddy bear
    looked: dict[str, np.ndarray] = {}
    for question, answer in zip(questions, answers):
        for word, heat in zip(*attention_maps(assistant, picture, question, answer)):
            if word.strip() in names:
                looked[word.strip()] = heat.numpy()
    looked = dict(list(looked.items())[-words:])

    figure = Figure(figsize=(9.4, 2.9), layout="constrained")
    seen, told, *maps = figure.subplots(1, 2 + len(looked), width_ratios=(1, 1.05, *[0.85] * len(looked)))
    seen.imshow(picture)
    seen.set_title("a picture, and the boxes", fontsize=9)
    for x0, y0, x1, y1 in (box for answer in answers for box in answer.boxes):
        for colour, width in (("white", 4), (COLOURS[1], 2)):
            seen.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color=colour, linewidth=width))
    lines = [f"{fill(question, 38)}\n{fill(f'→ {answer}', 38)}" for question, answer in zip(questions, answers)]
    told.text(0, 1, "\n\n".join(lines), va="top", fontsize=9)
    for axes, (word, heat) in zip(maps, looked.items()):
        axes.imshow(picture, extent=(0, 1, 0, 1))
        axes.imshow(heat, vmin=0, vmax=heat.max(), cmap="gray", alpha=0.65, extent=(0, 1, 0, 1))
        axes.set_title(f"where it looked\nfor “{word}”", fontsize=9)
    for axes in (seen, told, *maps):
        axes.set_axis_off()
    return figure
