"""A run that is going on, seen and stopped from a browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STOPPED_S = 15.0  # the promise is two seconds; a busy machine may need more to be asked
LIVE_S = 10.0


def test_a_run_is_watched_and_stopped(
    browser: Any, served: Callable[..., Any], come_in: Callable[..., Any], cli: Any, unborn: Callable[[str], Path]
) -> None:
    folder = unborn("life")
    run = cli.launch("run", "--minutes", 3, "--seed", 1, "--json", "--at", folder)
    try:
        assert run.stdout is not None
        for line in run.stdout:
            if '"event": "race"' in line:
                break
        with served(folder) as dashboard, come_in(browser, dashboard) as visitor:
            page = visitor.page
            facts = page.locator("#live .row-facts")  # not the clock, which a script of the page moves by itself
            before = facts.inner_text()
            page.wait_for_timeout(200)
            deadline = time.monotonic() + LIVE_S
            while facts.inner_text() == before:
                assert time.monotonic() < deadline, f"nothing moved: {before}"
                page.wait_for_timeout(50)
            below = cli.descendants(run.pid)
            page.locator("main a", has_text="Stop").first.click()  # asks first
            page.wait_for_url("**/stop")
            page.get_by_role("button", name="Stop it").click()
            assert cli.all_gone({run.pid, *below}, STOPPED_S) or run.wait(STOPPED_S) is not None
            assert cli.all_gone(below, STOPPED_S)
            visitor.go("")
            page.locator("main", has_text="Stopped").wait_for()
            assert visitor.wrong == []
    finally:
        cli.end(run)
