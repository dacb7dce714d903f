"""The dashboard in a real browser: first paint, bytes, and how smoothly the lineage pans.

    python benchmarks/large_life.py life /tmp/large --candidates 10000
    python benchmarks/dashboard_browser.py /tmp/large

Chromium without a screen and without a graphics card. Panning is measured by requestAnimationFrame for two seconds in
which the pointer drags the tree to and fro: frames a second on the whole and in the worst of 20 slices, and whether the
picture moved. Times are the median of five loads, each by a browser that has just come in: styles are known to it, the
page is not. What else the machine does counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PAGES = ("", "lineage", "curves", "knowledge", "compare")
LOADS = 5
MEASURE = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const found = [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource")];
  return {paint: paint ? paint.startTime : null, bytes: found.reduce((sum, one) => sum + one.transferSize, 0)};
}"""
FRAMES = """() => new Promise((done) => {
  const times = [];
  const tick = (now) => { times.push(now); if (now - times[0] < 2000) requestAnimationFrame(tick); else done(times); };
  requestAnimationFrame(tick);
})"""


def measure(folder: Path) -> dict[str, Any]:
    """Serve the life, and look at it."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "selfproof", "web", "--json", "--at", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        try:
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            told = {"loads": [load(browser, ready, page) for page in PAGES], "pan": panned(browser, ready)}
            browser.close()
        finally:
            server.terminate()
    return told


def entered(browser: Any, ready: dict[str, Any]) -> tuple[Any, str]:
    """A page that came in, and the address of the program."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(ready["url"])
    page.wait_for_url("**/p/**")
    return page, page.url


def load(browser: Any, ready: dict[str, Any], path: str) -> dict[str, Any]:
    """One page, several times with an empty cache; the first one, when the server has read nothing, by itself."""
    found = []
    for _ in range(LOADS):
        page, home = entered(browser, ready)
        page.goto("about:blank")
        page.goto(home + path)
        page.wait_for_timeout(400)
        found.append(page.evaluate(MEASURE))
        page.context.close()
    paints = [one["paint"] for one in found if one["paint"] is not None]
    return {"page": path or "now", "first_paint_ms": round(statistics.median(paints)),
            "slowest_ms": round(max(paints)), "bytes": max(one["bytes"] for one in found)}  # fmt: skip


def panned(browser: Any, ready: dict[str, Any]) -> dict[str, Any]:
    """Frames a second while the tree is dragged to and fro."""
    page, home = entered(browser, ready)
    page.goto(home + "lineage")
    page.wait_for_selector("canvas.tree[data-ready]", timeout=60_000)
    page.evaluate("void (window.frames_told = (" + FRAMES + ")())")
    box = page.locator("canvas.tree").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.locator("canvas.tree").screenshot()
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(190):
        page.mouse.move(x - 360 + abs((step * 24) % 1440 - 700), y)
        page.wait_for_timeout(8)
    page.mouse.up()
    moved = page.locator("canvas.tree").screenshot() != before
    times = page.evaluate("window.frames_told")
    gaps = [b - a for a, b in pairwise(times)]
    slices = [gaps[i : i + max(1, len(gaps) // 20)] for i in range(0, len(gaps), max(1, len(gaps) // 20))]
    nodes = int(page.locator("canvas.tree").get_attribute("data-ready"))
    page.context.close()
    return {"candidates": nodes, "frames_per_second": round(1000 / statistics.fmean(gaps), 1),
            "worst_slice": round(1000 / max(statistics.fmean(one) for one in slices), 1),
            "longest_frame_ms": round(max(gaps), 1), "moved": moved}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    told = measure(asked.folder)
    if asked.as_json:
        print(json.dumps(told))
        return
    for row in told["loads"]:
        print(f"{row['page']:<10} first paint {row['first_paint_ms']:>4} ms (slowest {row['slowest_ms']}), "
              f"{row['bytes'] / 1000:.0f} kB")  # fmt: skip
    pan = told["pan"]
    print(f"panning {pan['candidates']} candidates: {pan['frames_per_second']} frames a second, worst slice "
          f"{pan['worst_slice']}, longest frame {pan['longest_frame_ms']} ms; moved: {pan['moved']}")  # fmt: skip


if __name__ == "__main__":
    main()
