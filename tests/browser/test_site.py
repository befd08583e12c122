"""The site that `make site` has built, in a real browser: complete, quiet, legible, and asking no other host.

A site takes the lessons' run, some twenty minutes: so these tests open the one in site/, and are skipped where there is
none. The workflow that publishes it builds it first, and sets VLMCORE_SITE, with which a missing site is a failure.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PICTURES, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
SITE = ROOT / "site"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts)
LESSONS = [name for name in PAGES if name.startswith("lessons/")]
SHOWN = ["index.html", *LESSONS[:1], *LESSONS[5:6], "results.html", "teachers.html"]
OUTSIDE = """() => [...document.querySelectorAll('img, p, code, pre, table, h1, h2, .cell, .highlight')].filter(one => {
    if (!one.checkVisibility() || one.closest('.bd-sidebar-primary, .sd-tab-content, dialog')) return false;
    for (let up = one.parentElement; up; up = up.parentElement)  // what can be scrolled to is not lost
        if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX) && up.tagName != 'HTML' && up.tagName != 'BODY'
            && !up.classList.contains('bd-main')) return false;
    const box = one.getBoundingClientRect();
    return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
}).map(one => one.outerHTML.slice(0, 120))"""
BROKEN = "images => images.filter(image => !image.complete || !image.naturalWidth).map(image => image.src)"
PAPER = "image => getComputedStyle(image).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if not PAGES:
        if os.environ.get("VLMCORE_SITE"):
            pytest.fail("there is no site/ to open")
        pytest.skip("there is no site/ to open: `make executed site` builds one")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_) -> None:
            """Say nothing about each request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Visit:
    """A page of the site, with all that it asked others for and all that it complained of."""

    def __init__(self, browser: Browser, address: str, **settings) -> None:
        self.context = browser.new_context(**settings)
        self.page: Page = self.context.new_page()
        self.address, self.trouble = address, []
        self.page.on("console", lambda said: said.type == "error" and self.trouble.append(said.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", lambda asked: self.own(asked.url) or self.trouble.append(f"asked for {asked.url}"))
        self.context.route(lambda url: not self.own(url), lambda route: route.abort())

    def own(self, url: str) -> bool:
        return url.startswith((self.address, "data:", "blob:"))

    def open(self, name: str) -> Page:
        self.page.goto(f"{self.address}/{name}")
        self.page.wait_for_load_state("networkidle")
        return self.page


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    visit = Visit(browser, address, viewport={"width": 1280, "height": 900})
    yield visit
    visit.context.close()


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Visit]:
    visit = Visit(browser, address, viewport={"width": 390, "height": 844})
    yield visit
    visit.context.close()


def picture(page: Page, name: str) -> None:
    """A screenshot for people: of what fails, and of what nobody has thought of testing."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"site-{name}.png")


def test_there_is_a_page_for_each_lesson(address):
    assert len(LESSONS) == len(list((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb")))
    assert {"index.html", "results.html", "teachers.html", "glossary.html", "search.html"} <= set(PAGES)


def test_every_page_opens_without_an_error_or_an_outside_request(visit):
    for name in PAGES:
        page = visit.open(name)
        assert page.locator("h1").count() >= 1, name
        assert page.locator("article img").evaluate_all(BROKEN) == [], name
        assert visit.trouble == [], name


def test_a_lesson_has_its_figures_and_its_widget(visit):
    page = visit.open(LESSONS[0])
    assert page.locator(".cell_output img").count() >= 10
    page.get_by_placeholder("Ask something about the picture").wait_for()  # the window as it was, though nobody answers
    picture(page, "lesson")
    assert visit.trouble == []


def test_hints_and_answers_are_folded_and_open(visit):
    page = visit.open(LESSONS[0])
    hint = page.locator("details", has_text="Hint 1").first
    assert not hint.locator("p").last.is_visible()
    hint.locator("summary").click()
    assert hint.locator("p").last.is_visible()


def test_search_finds_attention(visit):
    page = visit.open("search.html?q=attention")
    page.locator("#search-results li a", has_text="transformer").first.wait_for()
    picture(page, "search")
    assert visit.trouble == []


@pytest.mark.parametrize("name", SHOWN)
def test_figures_are_legible_in_the_dark(visit, name):
    page = visit.open(name)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    for image in page.locator("article img").all():
        assert min(image.evaluate(PAPER)) > 190, "black letters need light paper"
    picture(page, f"dark-{name.rpartition('/')[2].removesuffix('.html')}")


def test_nothing_leaves_a_phones_screen(phone):
    for name in [name for name in PAGES if not name.startswith("reference/")]:
        page = phone.open(name)
        assert page.evaluate(OUTSIDE) == [], name
        if name in SHOWN:
            picture(page, f"phone-{name.rpartition('/')[2].removesuffix('.html')}")
