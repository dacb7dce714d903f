"""Make the pictures of the dashboard in docs/images from a real life, or let one live for them first.

    python scripts/screenshots.py [--life DIR]

Needs playwright and Chromium (`apt-get install chromium`). Without --life a new program lives for two minutes in a
scratch folder. Each picture is one page at the width of a laptop or a phone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
MINUTES = "2"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# name: page, width, height, colours, the one part that is shown
PICTURES = {
    "now": ("", 1280, 860, "light", ""),
    "lineage": ("lineage?operator=blend", 1040, 700, "dark", ".tree-frame"),
    "change": ("change/{change}", 1280, 1000, "light", ""),
    "curves": ("curves", 1280, 860, "light", ""),
}
LARGEST = 150_000


def lived(folder: Path) -> Path:
    """A life of two minutes, without any experience of this machine's."""
    subprocess.run(
        [sys.executable, "-m", "selfproof", "run", "--minutes", MINUTES, "--seed", "2", "--at", str(folder)], check=True
    )
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
    """Serve the life and take the pictures."""
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    change = newest_change(folder)
    command = [sys.executable, "-m", "selfproof", "web", "--json", "--at", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"]
            chromium = shutil.which("chromium") or "/usr/bin/chromium"
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            for name, (page, width, height, scheme, part) in PICTURES.items():
                size = {"width": width, "height": height}
                context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
                picture(context.new_page(), url, page.format(change=change), part, out / f"{name}.png")
                context.close()
            browser.close()
        finally:
            server.terminate()


def picture(page: Any, url: str, path: str, part: str, file: Path) -> None:
    """One page as a PNG."""
    page.goto(url)
    page.wait_for_url("**/p/**")
    page.goto(page.url + path)
    if path.startswith("lineage"):
        page.wait_for_selector("canvas.tree[data-ready]")
    page.wait_for_timeout(400)
    (page.locator(part) if part else page).screenshot(path=file)
    size = file.stat().st_size
    sys.stdout.write(f"{file.name}: {size / 1000:.0f} kB\n")
    if size > LARGEST:
        raise SystemExit(f"{file} is larger than {LARGEST / 1000:.0f} kB")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--life", type=Path, help="the program to show")
    parser.add_argument("--out", type=Path, default=IMAGES)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="selfproof-screenshots-") as scratch:
        take(asked.life or lived(Path(scratch) / "life"), asked.out)


if __name__ == "__main__":
    main()
