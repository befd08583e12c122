"""A lesson as the site shows it: today's prose, the outputs of its run, hints and the answer folded away.

Design choices:
- a figure's alt text stands in its cell's metadata, "alt", where whoever changes the figure sees it;
- an exercise shows what a student gets; its hints and its answer are folded below, the answer only if it is wanted;
- code tagged "hide-input" is folded: it draws, and what it draws is the point. So are set-up and imports;
- a term in bold is linked to the glossary where the glossary has it: the lessons need no special notation.
"""

from __future__ import annotations

import base64
import json
import re
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.course import LESSONS, ROOT, address
from tools.executed import executed

GLOSSARY = ROOT / "docs" / "glossary.md"
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
WIDGET = "application/vnd.jupyter.widget-view+json"
BOLD = re.compile(r"\*\*([^*`]+)\*\*")
MARKUP = re.compile(r"([\\`*_{}\[\]<>$#|])")
BUTTONS = """\
[Open in Colab](https://colab.research.google.com/github/{repository}/blob/main/lessons/{name}.ipynb){{.button}}
{{download}}`Download the notebook <../downloads/{name}.ipynb>`
[For teachers](../teachers.md){{.button}}

<details><summary>On this page</summary>

```{{contents}}
:local:
:depth: 2
:backlinks: none
```

</details>"""
NO_SIDEBAR = "html_theme.sidebar_secondary.remove"  # figures need its width; the contents stand at the top instead
FOLDED = "::::{{dropdown}} {title}\n{body}\n::::"


def terms(path: Path = GLOSSARY) -> set[str]:
    """The glossary's terms: what begins a line inside its directive."""
    inside = path.read_text(encoding="utf-8").split("```{glossary}")[1].split("```")[0]
    return {line.strip() for line in inside.splitlines() if line and not line.startswith((" ", ":"))}


def linked(text: str, known: set[str]) -> str:
    """A lesson's prose with its bold terms linked to the glossary, in singular or plural."""
    lower = {term.lower(): term for term in known}

    def link(match: re.Match) -> str:
        shown = " ".join(match[1].split())
        term = lower.get(shown.lower()) or lower.get(shown.lower().removesuffix("s"))
        return f"**{{term}}`{shown} <{term}>`**" if term else match[0]

    return BOLD.sub(link, text)


def images(cell: NotebookNode) -> int:
    """How many figures a cell has drawn."""
    return sum(any(kind in output.get("data", {}) for kind in IMAGES) for output in cell.get("outputs", []))


def folded(cell: NotebookNode, answers: bool, number: str) -> NotebookNode:
    """What is folded away below an exercise: its hints, and the answer."""
    name = cell.metadata.nbgrader.grade_id
    lesson = import_module(f"vlmcore.exercises.lesson{number}").check.__self__
    parts = [
        FOLDED.format(title=f"Hint {n}", body=MARKUP.sub(r"\\\1", hint))
        for n, hint in enumerate(lesson.exercises[name].hints, 1)
    ]
    if answers:
        source = cell.source.replace("    ### BEGIN SOLUTION\n", "").replace("\n    ### END SOLUTION", "")
        parts.append(FOLDED.format(title="An answer", body=f"```python\n{source}\n```"))
    return nbformat.v4.new_markdown_cell("\n\n".join(parts))


def dressed(cell: NotebookNode, metadata: NotebookNode) -> NotebookNode:
    """A code cell in myst-nb's terms: code that only draws is folded, figures have their alt text."""
    tags = set(metadata.get("tags", []))
    if "setup" in tags or cell.source.startswith(("import ", "from ")):
        tags.add("hide-input")
    alt = metadata.get("alt", "")
    cell.metadata = NotebookNode(tags=sorted(tags))
    if alt:
        cell.metadata["mystnb"] = {"image": {"alt": alt}}
    return cell


def page(source: Path, answers: bool = True) -> NotebookNode:
    """The page of one lesson, made of its solved notebook, its blank one, and its run."""
    solved, blank = (nbformat.read(path, as_version=4) for path in (source, LESSONS / source.name))
    ran = nbformat.read(executed(source.stem), as_version=4)
    outputs = iter(cell.outputs for cell in ran.cells if cell.cell_type == "code")
    known, cells = terms(), []
    for cell, shown in zip(solved.cells, blank.cells, strict=True):
        if cell.cell_type == "markdown":
            shown.source = linked(shown.source, known)
            if "badge" in cell.metadata.get("tags", []):
                repository = address().removeprefix("https://github.com/")
                shown.source = BUTTONS.format(repository=repository, name=source.stem)
            cells.append(shown)
            continue
        shown.outputs = next(outputs)
        cells.append(dressed(shown, cell.metadata))
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cells.append(folded(cell, answers, source.stem[:2]))
    made = nbformat.v4.new_notebook(cells=cells, metadata=solved.metadata)
    made.metadata["widgets"] = ran.metadata.get("widgets", {})
    made.metadata[NO_SIDEBAR] = "true"
    return made


def picture(source: Path) -> tuple[bytes, str]:
    """The figure that stands for a lesson, of the cell that is tagged "picture", and its alt text."""
    for cell in page(source).cells:
        if "picture" in cell.metadata.get("tags", []):
            data = next(filter(None, (output.get("data", {}).get("image/png") for output in cell.outputs)))
            return base64.b64decode(data), cell.metadata.mystnb.image.alt
    raise SystemExit(f'{source.name}: no cell is tagged "picture"')


def heading(source: Path) -> tuple[str, str]:
    """A lesson's title, and the first sentence of what it says of itself."""
    title, _, rest = nbformat.read(source, as_version=4).cells[0].source.partition("\n")
    return title.removeprefix("# "), re.split(r"(?<=[.?!]) ", " ".join(rest.split()).strip("*"))[0]


def without_alt(source: Path) -> list[int]:
    """The cells of a lesson whose figures nobody has described."""
    cells = page(source).cells
    return [n for n, cell in enumerate(cells) if images(cell) and not cell.metadata.get("mystnb")]


def write(source: Path, folder: Path, answers: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(page(source, answers), ensure_ascii=False, indent=1)
    (folder / source.name).write_text(text, encoding="utf-8")
