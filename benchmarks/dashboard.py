"""The dashboard on a life of 100,000 candidates: how soon it opens, how much it sends, how soon news arrive, memory.

    python benchmarks/dashboard.py                         100,000 candidates, one minute of streaming to 50 listeners
    python benchmarks/dashboard.py --minutes 60            an hour of it
    python benchmarks/dashboard.py --candidates 5000

First paint is measured in Chromium (Playwright) where there is one, else it is left out. The life is made up, signed by
a real ledger; its entries are those that a run writes while it searches, and a real program's around them.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

BATCH = 45
LISTENERS = 50
MARKS = 60  # of the server's memory, while it streams
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def life(folder: Path, candidates: int) -> None:
    """A program of a template, born, with as many candidates in its ledger as if it had searched for days."""
    subprocess.run([sys.executable, "-m", "selfproof", "init", str(folder)], check=True, stdout=subprocess.DEVNULL)
    from selfproof.ledger import Ledger
    from selfproof.places import Paths

    paths, parent = Paths(folder), "0" * 64
    with Ledger.open(paths.ledger, paths.key) as ledger:
        for batch in range(candidates // BATCH):
            names = [hashlib.sha256(f"{batch}/{i}".encode()).hexdigest() for i in range(BATCH)]
            rows = [
                {"id": name, "parent": parent, "title": f"c + {i} -> (c + {batch}) / t", "operator": "replace",
                 "files": {"memory.py": name}, "form": name, "version": 0, "proposer": "improver", "improver": 0}
                for i, name in enumerate(names)
            ]  # fmt: skip
            about = {"objective": "memory", "batch": batch}
            told = {"$blob": ledger.put_blob(json.dumps(rows).encode())}
            ledger.append("propose", {**about, "n": BATCH, "candidates": told})
            results = [{"id": n, "outcome": "raced", "score": 3.0, "scores": [3.0], "before": 3.1} for n in names]
            told = {"$blob": ledger.put_blob(json.dumps(results).encode())}
            ledger.append("race", {**about, "panel": 0, "trials": 8 * BATCH, "results": told})
            parent = names[batch % BATCH]
        ledger.append("note", {"by": "benchmark", "words": "the end"}, durable=True)


def memory_mb(pid: int) -> float:
    """Resident memory that is its own alone: what it shares with others changes with them."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("Anonymous:")).split()[1]) / 1024
    except (OSError, StopIteration):
        return float("nan")


def ask(ready: dict[str, Any], path: str) -> tuple[float, int]:
    """Seconds and bytes (gzip) of one page."""
    asked = urllib.request.Request(
        ready["address"] + path, headers={"Authorization": f"Bearer {ready['token']}", "Accept-Encoding": "gzip"}
    )
    begun = time.perf_counter()
    with urllib.request.urlopen(asked) as answer:
        size = len(answer.read())
    return time.perf_counter() - begun, size


def painted(ready: dict[str, Any], path: str) -> dict[str, float] | None:
    """First contentful paint and bytes of everything that the page took, in Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    place = shutil.which("chromium") or shutil.which("chromium-browser")
    if place is None:
        return None
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=place, args=CHROMIUM)
        page = browser.new_page()
        page.goto(ready["url"])
        page.wait_for_timeout(800)
        page.goto("about:blank")
        page.context.clear_permissions()
        client = page.context.new_cdp_session(page)
        client.send("Network.enable")
        client.send("Network.setCacheDisabled", {"cacheDisabled": True})
        sizes: list[float] = []
        client.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
        page.goto(ready["address"] + path)
        page.wait_for_timeout(1000)
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
        browser.close()
    return {"ms": round(paint, 1), "kB": round(sum(sizes) / 1000, 1)}


async def listen(ready: dict[str, Any], slug: str, heard: list[float]) -> None:
    """One listener; notes when each piece of news arrives."""
    host, port = ready["address"].removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 22)
    head = f"GET /p/{slug}/live HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {ready['token']}\r\n\r\n"
    writer.write(head.encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"data: ") and b'"sent"' in line:
                heard.append(time.time() - json.loads(line[6:])["sent"])
    finally:
        writer.close()


async def stream(ready: dict[str, Any], folder: Path, minutes: float, pid: int) -> dict[str, Any]:
    """Fifty listeners; news twenty times a second; the server's memory sixty times on the way, and its slope."""
    from selfproof.monitoring.feed import Feed
    from selfproof.places import Paths

    heard: list[float] = []
    feed = Feed(Paths(folder).live)
    tasks = [asyncio.create_task(listen(ready, "life", heard)) for _ in range(LISTENERS)]
    await asyncio.sleep(2)
    began, marks, length = time.monotonic(), [(0.0, memory_mb(pid))], minutes * 60
    while (gone := time.monotonic() - began) < length:
        feed.take({"event": "candidate", "objective": "memory", "title": "x" * 200, "sent": time.time()})
        if gone > length * len(marks) / MARKS:
            marks.append((gone / 60, memory_mb(pid)))
            sys.stderr.write(f"minute {gone / 60:.1f}: {marks[-1][1]:.1f} MB, {len(heard)} news heard\n")
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    marks.append(((time.monotonic() - began) / 60, memory_mb(pid)))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    feed.close()
    heard.sort()
    return {
        "listeners": LISTENERS, "minutes": minutes, "news": len(heard),
        "latency_s": {"median": round(statistics.median(heard), 3), "p99": round(heard[int(len(heard) * 0.99)], 3)},
        "memory_mb": [{"minute": round(at, 1), "mb": round(mb, 1)} for at, mb in marks],
        "mb_per_hour": slopes(marks),
    }  # fmt: skip


def slopes(marks: list[tuple[float, float]]) -> dict[str, float | None]:
    """By least squares: MB an hour over everything, and over the second half, when caches have filled."""
    later = marks[len(marks) // 2 :]
    return {
        name: round(60 * statistics.linear_regression(*zip(*rows, strict=True)).slope, 3) if len(rows) > 1 else None
        for name, rows in (("all", marks), ("second_half", later))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=1.0)
    asked = parser.parse_args()
    os.environ["SELFPROOF_EXPERIENCE"] = "off"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "life")
        life(folder, asked.candidates)
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "selfproof", "web", "--json", "--at", str(folder)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            told: dict[str, Any] = {"candidates": asked.candidates, "ready_s": round(time.perf_counter() - begun, 2)}
            for path in ("", "log", "ledger", "lineage", "versions", "controls", "knowledge", "curves"):
                first, size = ask(ready, f"/p/life/{path}")
                again = min(ask(ready, f"/p/life/{path}")[0] for _ in range(5))
                told[f"/{path}"] = {"first_ms": round(1000 * first, 1), "ms": round(1000 * again, 1), "bytes": size}
            told["first_paint"] = painted(ready, "/p/life/")
            told["first_paint_lineage"] = painted(ready, "/p/life/lineage")
            told["streaming"] = asyncio.run(stream(ready, folder, asked.minutes, process.pid))
        finally:
            process.terminate()
            process.wait(10)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
