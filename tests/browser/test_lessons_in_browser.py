"""What a student sees: a lesson in JupyterLab, Run All, figures on the page, and a chat widget that answers.

nbval runs the same cells without a page. Here is what only a page can show: figures that are drawn, widgets that are
wired up. The first lesson has all of that; VLMCORE_BROWSER=all opens every lesson.
Screenshots: runs/browser/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.conftest import MINUTE, MISSING, ROOT, Lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api", reason=MISSING)
expect = playwright.expect

FIRST = ("00",)  # the first lesson stands for all: it has figures, exercises and the chat widget
LESSONS = [
    path
    for path in sorted((ROOT / "lessons").glob("[0-9][0-9]_*.ipynb"))
    if path.name.startswith(FIRST) or os.environ.get("VLMCORE_BROWSER") == "all"
]
LIMIT = 30 * MINUTE  # a lesson takes two; without any trained model the first one to need it trains one
QUESTION = "Is there a dog added to the background?"  # with d, a and b: keys that edit cells unless a widget has them
NEXT = "What is in the middle?"
# Lessons write to stdout alone, so that nbgrader passes them: red on the page is a fault like an error.
TROUBLE = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
BEGUN = "() => [...document.querySelectorAll('.jp-InputPrompt')].some(cell => /[*0-9]/.test(cell.textContent))"
# Every code cell has its number, or something went wrong and there is nothing to wait for (a dialog: the kernel died).
FINISHED = """trouble => document.querySelector(trouble) || document.querySelector('.jp-Dialog')
    || [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].every(cell => /[0-9]/.test(cell.textContent))"""

# How far the conversation's last line is below what can be seen of it, and how much of it there is to scroll.
BELOW = """said => [said.getBoundingClientRect().bottom - said.parentElement.getBoundingClientRect().bottom,
    said.parentElement.scrollHeight - said.parentElement.clientHeight]"""
DRAWN = "images => images.filter(image => image.naturalWidth > 99).length"


def run_all(page: Page) -> None:
    """Through the menu, as a student does; until the last cell has run, without trouble."""
    for _ in range(5):  # JupyterLab says "idle" before it has a kernel, and loses what it is told then
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
        with suppress(playwright.TimeoutError):
            page.wait_for_function(BEGUN, timeout=5_000)
            break
    page.wait_for_function(FINISHED, arg=TROUBLE, timeout=LIMIT)
    assert page.locator(TROUBLE).all_inner_texts() == []
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()


def chat(page: Page) -> None:
    """Type, click, read; ask with Enter until the conversation is long; begin anew, and with another picture."""
    cells = page.locator(".jp-Cell").count()
    said = page.locator(".widget-html-content").last
    ask = page.get_by_role("button", name="Ask", exact=True)
    question = page.get_by_placeholder("Ask something about the picture")
    question.press_sequentially(QUESTION)
    ask.click()
    expect(said).to_contain_text(re.compile(re.escape(QUESTION) + r"\s*\S"), timeout=2 * MINUTE)  # and an answer to it
    expect(ask).to_be_enabled(timeout=2 * MINUTE)

    for times in range(1, 7):
        question.fill("")
        question.press_sequentially(NEXT)
        question.press("Enter")
        expect(said).to_contain_text(re.compile(rf"(.*{re.escape(NEXT)}\s*\S){{{times}}}", re.S), timeout=2 * MINUTE)
        expect(ask).to_be_enabled(timeout=2 * MINUTE)
    below, scrolled = said.evaluate(BELOW)
    assert scrolled > 0 and below < 1
    assert "went wrong" not in said.inner_text()

    page.get_by_role("button", name="Start again").click()
    expect(said).to_have_text("")
    picture = page.locator("img.widget-image")
    before = picture.get_attribute("src")
    page.get_by_role("button", name="Another picture").click()
    expect(picture).not_to_have_attribute("src", before)
    expect(said).to_have_text("")
    question.press("Enter")
    expect(said).to_contain_text(re.compile(re.escape(NEXT) + r"\s*\S"), timeout=2 * MINUTE)
    assert page.locator(".jp-Cell").count() == cells


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_to_its_end(open_notebook: Callable[[str], Page], lesson: Path):
    sources = [cell.source for cell in nbformat.read(lesson, as_version=4).cells]
    page = open_notebook(lesson.name)
    run_all(page)
    drawn = page.locator(".jp-OutputArea img").evaluate_all(DRAWN)
    assert drawn >= sum(bool(re.search(r"^plt\.show\(\)", source, re.M)) for source in sources)
    assert drawn > 0
    if any(re.search(r"^ChatWidget\(", source, re.M) for source in sources):
        chat(page)


def test_the_chat_widget_answers(open_notebook: Callable[[str], Page], lab: Lab, tiny_folder: Path):
    lines = (
        "from vlmcore import load, widget",
        f"assistant = load({str(tiny_folder)!r})",
        "assistant.stream = lambda *_: iter(['That is ', 'a horse.'])  # its own words are blanks and nonsense",
        "widget.ChatWidget(assistant)",
    )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[new_code_cell("\n".join(lines))], metadata={"kernelspec": kernel})
    nbformat.write(notebook, lab.lessons / "widget.ipynb")
    page = open_notebook("widget.ipynb")
    run_all(page)
    chat(page)
