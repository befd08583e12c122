"""A lesson's page: figures described and legible, answers folded away or left out, terms linked."""

import re

import nbformat
import pytest

from tools import course, page

NOTEBOOKS = course.sources()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
DRAWS = re.compile(r"^(plt\.show\(\)|ChatWidget\(|display\((?!HTML))", re.M)
WIDEST = 10  # inches: what a page has room for beside its contents, 1280 pixels wide
SMALLEST = 8  # points, as printed on the page


def code(path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Every lesson as if it had run: a dot for each described figure, and no output elsewhere."""
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if "alt" in cell.metadata:
                cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": PNG})]
        nbformat.write(notebook, tmp_path / path.name)
    monkeypatch.setattr(page, "executed", lambda name: tmp_path / f"{name}.ipynb")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_is_described(path):
    for number, cell in enumerate(code(path)):
        if DRAWS.search(cell.source):
            alt = cell.metadata.get("alt", "")
            assert len(alt) > 20 and alt.endswith("."), f'code cell {number} draws: its metadata need an "alt"'


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_are_legible(path):
    """A figure of ten inches is shown at some nine tenths of its size, a smaller one as it is."""
    for number, cell in enumerate(code(path)):
        widths = [float(width) for width in re.findall(r"figsize=\(([\d.]+)", cell.source)]
        sizes = [float(size) for size in re.findall(r'(?:font|label)size"?[=:] ?([\d.]+)', cell.source)]
        least = SMALLEST if max(widths, default=0) < 9.5 else SMALLEST + 0.5
        assert max(widths, default=0) <= WIDEST and min(sizes, default=least) >= least, f"code cell {number}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_answers_are_folded_or_left_out(ran, path):
    solved = [cell.source for cell in code(path) if cell.metadata.get("nbgrader", {}).get("solution")]
    answers = [source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0].strip() for source in solved]
    shown, hidden = (page.page(path, answers=wanted).cells for wanted in (True, False))
    for answer in answers:
        places = [cell for cell in shown if answer in cell.source]
        assert places and all("{dropdown} An answer" in cell.source for cell in places)
        assert not any(answer in cell.source for cell in hidden)
    assert sum("{dropdown} Hint 1" in cell.source for cell in hidden) == len(answers)
    assert not any("SOLUTION" in cell.source for cell in [*shown, *hidden])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_keep_their_cell_and_their_text(ran, path):
    shown = [cell for cell in page.page(path).cells if page.images(cell)]
    assert [cell.metadata.mystnb.image.alt for cell in shown] == [
        cell.metadata.alt for cell in code(path) if "alt" in cell.metadata
    ]
    data, alt = page.picture(path)
    assert data.startswith(b"\x89PNG") and alt
    assert page.without_alt(path) == []


def test_a_figure_without_text_is_found(ran, monkeypatch, tmp_path):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    next(cell for cell in notebook.cells if "alt" in cell.metadata).metadata.pop("alt")
    source = tmp_path / "solutions" / NOTEBOOKS[0].name
    source.parent.mkdir()
    nbformat.write(notebook, source)
    assert len(page.without_alt(source)) == 1


def test_terms_in_bold_lead_to_the_glossary():
    known = {"attention map", "KV cache"}
    assert page.linked("an **attention maps** of", known) == "an **{term}`attention maps <attention map>`** of"
    assert page.linked("the **KV\ncache**", known) == "the **{term}`KV cache <KV cache>`**"
    assert page.linked("**your** function", known) == "**your** function"


def test_lessons_use_the_glossary():
    linked = "".join(
        page.linked(cell.source, page.terms())
        for path in NOTEBOOKS
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    used = {term.lower() for term in re.findall(r"\{term\}`[^<`]+ <([^>]+)>`", linked)}
    assert len(used) > 40 and used <= {term.lower() for term in page.terms()}
