"""JupyterLab as `make lab` starts it, and a real browser in front of it.

Nothing of the user's is read or changed: neither their Jupyter settings, nor the notebooks, nor what they have solved.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "runs" / "browser"  # git ignores runs/
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SETTINGS = {
    "notebook-extension/tracker": '{"windowingMode": "none"}',  # cells that are out of sight are on the page as well
    "apputils-extension/notification": '{"fetchNews": "false"}',  # no question about news in front of the lesson
}
MINUTE = 60_000  # playwright counts in milliseconds
MISSING = "playwright, which speaks to the browser, is missing: `pip install -c constraints.txt -e .[test]`"


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab. ``lessons`` is its root, a copy that a test may write to."""

    address: str
    token: str
    lessons: Path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; playwright downloads nothing.

    For a module, not for the session: while playwright is open its event loop runs, and tests that need one would fail.
    """
    api = pytest.importorskip("playwright.sync_api", reason=MISSING)
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("there is no Chromium to open the lessons in: `apt-get install chromium`, or any Chrome")
    flags = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """One for each test: a lesson's kernel and its memory are gone when the test is."""
    course = tmp_path / "course"
    for folder in ("vlmcore", "lessons"):  # vlmcore as well: it notes a student's progress in the lessons/ beside it
        ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "progress.json")
        shutil.copytree(ROOT / folder, course / folder, ignore=ignore)
    for folder in ("data", "runs"):  # where the trained models are
        (ROOT / folder).mkdir(exist_ok=True)
        (course / folder).symlink_to(ROOT / folder)

    settings = tmp_path / "settings"
    for name, text in SETTINGS.items():
        file = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(tmp_path / name.lower()) for name in own}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(settings), "PYTHONPATH": str(course)}

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    options = [
        "--no-browser",
        "--allow-root",  # continuous integration is root
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--LabApp.extension_manager=readonly",  # the other kind asks PyPI
    ]
    log = tmp_path / "jupyter.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(
            command, cwd=course / "lessons", env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_it_listens(server, port, log)
        yield Lab(f"http://127.0.0.1:{port}", token, course / "lessons")
    finally:
        server.terminate()  # it ends its kernels first
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_listens(server: subprocess.Popen, port: int, log: Path) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if server.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


@pytest.fixture
def open_notebook(browser: Browser, lab: Lab) -> Iterator[Callable[[str], Page]]:
    """Opens a notebook and waits for its kernel. However the test ends, a screenshot of the whole notebook stays."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(2 * MINUTE)  # a starting kernel on a busy machine
    # Badges and the like: a test needs no network.
    context.route(lambda url: not url.startswith((lab.address, "data:", "blob:")), lambda route: route.abort())
    page = context.new_page()
    names = []

    def opened(name: str) -> Page:
        names.append(name)
        page.goto(f"{lab.address}/lab/tree/{name}?token={lab.token}")
        page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
        return page

    yield opened
    if names:
        height = page.evaluate("document.querySelector('.jp-WindowedPanel-outer')?.scrollHeight ?? 0")
        page.set_viewport_size({"width": 1280, "height": min(max(900, height + 150), 16_000)})
        page.evaluate("document.querySelector('.jp-WindowedPanel-outer')?.scrollTo(0, 0)")
        page.wait_for_timeout(1000)  # JupyterLab draws the cells that come into sight
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{Path(names[-1]).stem}.png")
    context.close()
