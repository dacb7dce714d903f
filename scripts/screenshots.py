"""Make the pictures of the dashboard in docs/images from a real life, or let one live for them first.

    python scripts/screenshots.py [--life DIR] [--minutes M]
    python scripts/screenshots.py --every OUT [--life DIR]      every page, whole: two widths, dark and light

Needs playwright and Chromium (`apt-get install chromium`). Without --life a new program lives in a scratch folder: for
two minutes, or for M where the machine has other work. Each picture is one page at the width of a laptop or a phone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
MINUTES = 2.0
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# name: page, width, height, colours, the one part that is shown
PICTURES = {
    "now": ("", 1280, 860, "light", ""),
    "lineage": ("lineage?operator=blend", 1040, 700, "dark", ".tree-frame"),
    "change": ("change/{change}", 1280, 1000, "light", ""),
    "curves": ("curves", 1280, 860, "light", ""),
}
LARGEST = 150_000
WIDTHS = {"1280": 1280, "390": 390}


def lived(folder: Path, minutes: float) -> Path:
    """A life of so long, without any experience of this machine's."""
    words = ["run", "--minutes", str(minutes), "--seed", "2", "--at", str(folder)]
    subprocess.run([sys.executable, "-m", "selfproof", *words], check=True)
    return folder


def newest_change(folder: Path) -> int:
    """The certified change with the most pairs: the one whose bet is the best to look at."""
    told = subprocess.run(
        [sys.executable, "-m", "selfproof", "log", "--json", "--at", str(folder)], check=True, capture_output=True
    )
    rows = [row for row in json.loads(told.stdout) if row["verdict"] == "certified" and row["step"] == "adopt"]
    quality = [row for row in rows if row["kind"] == "difference"]
    return int(max(quality or rows, key=lambda row: row["pairs"])["id"])


def take(folder: Path, out: Path) -> None:
    """The pictures of the README: one page or part each, none larger than it may be."""
    change = newest_change(folder)
    with served(folder, out) as (browser, url):
        for name, (path, width, height, scheme, part) in PICTURES.items():
            with visiting(browser, url, width, height, scheme) as page:
                shown(page, page.url + path.format(change=change))
                file = out / f"{name}.png"
                (page.locator(part) if part else page).screenshot(path=file)
            size = file.stat().st_size
            sys.stdout.write(f"{file.name}: {size / 1000:.0f} kB\n")
            if size > LARGEST:
                raise SystemExit(f"{file} is larger than {LARGEST / 1000:.0f} kB")


def every(folder: Path, out: Path) -> None:
    """Every page of the navigation, a change, its candidate and the question whether to stop; whole, four times."""
    more = (f"change/{newest_change(folder)}", "candidate/3", "stop")
    with served(folder, out) as (browser, url):
        for name, width in WIDTHS.items():
            for scheme in ("light", "dark"):
                with visiting(browser, url, width, 844, scheme) as page:
                    home = page.url
                    found = page.locator("nav[aria-label='Pages'] a").evaluate_all("all => all.map(a => a.href)")
                    for place in (*found, *(home + one for one in more)):
                        shown(page, place)
                        called = place.removeprefix(home).partition("/")[0] or "now"
                        page.screenshot(path=out / f"{called}-{name}-{scheme}.png", full_page=True)
                    sys.stdout.write(f"{name} {scheme}: {len(found) + len(more)} pages\n")


@contextmanager
def served(folder: Path, out: Path) -> Iterator[tuple[Any, str]]:
    """A browser, and the address at which the life is served."""
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "selfproof", "web", "--json", "--at", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"]
            chromium = shutil.which("chromium") or "/usr/bin/chromium"
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            yield browser, url
            browser.close()
        finally:
            server.terminate()


@contextmanager
def visiting(browser: Any, url: str, width: int, height: int, scheme: str) -> Iterator[Any]:
    """A page that has come in and shows Now."""
    size = {"width": width, "height": height}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(url)
    page.wait_for_url("**/p/**")
    yield page
    context.close()


def shown(page: Any, place: str) -> None:
    """Go there, until what is drawn by a script is there too."""
    page.goto(place)
    if "/lineage" in place:
        page.wait_for_selector("canvas.tree[data-ready]")
    for card in page.locator("iframe").all():  # of its own, sandboxed, and made when it is asked for
        card.scroll_into_view_if_needed()
        card.content_frame.locator("h1").wait_for()
    page.wait_for_timeout(400)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--life", type=Path, help="the program to show")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long a new program lives")
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("--every", type=Path, metavar="OUT", help="every page at both widths, dark and light, in here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="selfproof-screenshots-") as scratch:
        life = asked.life or lived(Path(scratch) / "life", asked.minutes)
        if asked.every:
            every(life, asked.every)
        else:
            take(life, asked.out)


if __name__ == "__main__":
    main()
