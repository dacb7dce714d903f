"""What a program writes about itself stays text: on every page, in every picture and file, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_life import told_anew


def test_nothing_that_a_program_wrote_runs(
    browser: Any, served: Callable[..., Any], come_in: Callable[..., Any], finite_life: Any, tmp_path: Path
) -> None:
    folder = told_anew(finite_life.folder, tmp_path / "hostile")
    with served(folder) as dashboard, come_in(browser, dashboard) as visitor:
        page, ran = visitor.page, []
        changes = [e["id"] for e in finite_life.events if e["event"] == "verdict"]
        paths = [*dashboard.paths(browser), "candidate/0", *(f"change/{number}" for number in changes[:3])]
        links: set[str] = set()
        for path in paths:
            answer = visitor.go(path)
            if path == "lineage":
                page.wait_for_selector("canvas.tree[data-ready]")
                page.locator("canvas.tree").focus()
                page.keyboard.press("ArrowRight")
                page.wait_for_selector(".tree-part h2")
            page.wait_for_timeout(50)
            assert answer.status == 200, path
            if page.evaluate("window.__hostile__ !== undefined"):
                ran.append(path)
            assert (
                page.locator("main img[src=x], main script, main a[href^='javascript'], [onerror], [onload]").count()
                == 0
            )
            text = page.content()
            assert "\u202e" not in text and "\x1b" not in text, path
            links |= set(page.locator("main a[download]").evaluate_all("all => all.map(a => a.href)"))
        assert page.locator("main", has_text="onerror=").count() == 1, "the payload is not there: nothing was tested"
        for link in sorted(links):
            if ".svg" in link:
                page.goto(link)
                if page.evaluate("window.__hostile__ !== undefined"):
                    ran.append(link)
            elif ".csv" in link:
                assert "\n=" not in page.request.get(link).text()
        assert ran == []
        assert visitor.wrong == [], "a request was made, or the policy had to stop something"
