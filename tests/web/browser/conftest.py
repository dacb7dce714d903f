"""A real browser on a real dashboard: one Chromium for the session, one server for each life that is looked at."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser")) if p), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
HOSTILE = "__hostile__"
"""What a payload that runs would set on the window."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@dataclass
class Served:
    """A dashboard that runs: its address, and how to come in."""

    url: str
    address: str
    token: str
    process: subprocess.Popen[str]

    def paths(self, browser: Any) -> list[str]:
        """Where the navigation leads."""
        with visit(browser, self) as visitor:
            found = visitor.page.locator("nav[aria-label='Pages'] a").evaluate_all("all => all.map(a => a.pathname)")
        return [re.sub(r"^/p/[^/]+/", "", path) for path in found]


@contextmanager
def serving(*folders: Path) -> Iterator[Served]:
    words = [word for folder in folders for word in ("--at", str(folder))]
    process = subprocess.Popen(
        [sys.executable, "-m", "selfproof", "web", "--json", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=10)[1]
        ready = json.loads(line)
        yield Served(ready["url"], ready["address"], ready["token"], process)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def served() -> Callable[..., Any]:
    """Serves folders, as a context."""
    return serving


@dataclass
class Visitor:
    """Somebody at the dashboard; ``wrong`` are console errors, dialogs, and requests to anywhere else."""

    page: Any
    home: str
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        answer = self.page.goto(self.home + path)
        self.page.wait_for_load_state("load")
        return answer

    def wider(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@contextmanager
def visit(browser: Any, served: Served, size: str = "desktop", scheme: str = "light", **more: Any) -> Iterator[Visitor]:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **more)
    page = context.new_page()
    visitor = Visitor(page, "")
    host = urlsplit(served.address).netloc

    def routed(route: Any) -> None:
        if urlsplit(route.request.url).netloc != host:
            visitor.wrong.append(f"asked for {route.request.url}")
            route.abort()
        else:
            route.continue_()

    context.route(lambda url: urlsplit(url).scheme not in {"data", "blob"}, routed)
    page.goto(served.url)
    page.wait_for_url("**/p/**")
    page.wait_for_load_state("load")
    visitor.home = re.match(r".*/p/[^/]+/", page.url)[0]  # type: ignore[index]
    # From here on: before it came in, the browser is told 401, which its console calls an error.
    page.on("console", lambda said: visitor.wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: visitor.wrong.append(str(error)))
    page.on("dialog", lambda dialog: (visitor.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    try:
        yield visitor
    finally:
        context.close()


@pytest.fixture(scope="session")
def come_in() -> Callable[..., Any]:
    """Opens the dashboard as a visitor, as a context."""
    return visit


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's script; it is no part of the package."""
    found = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return next(Path(found.__file__).parent.rglob("axe.min.js")).read_text()


@pytest.fixture(scope="session")
def shown(apprentice: Any, served: Callable[..., Any]) -> Iterator[Served]:
    """The newcomer's life on a dashboard, for tests that only look."""
    with served(apprentice.folder) as found:
        yield found


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> None:
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
