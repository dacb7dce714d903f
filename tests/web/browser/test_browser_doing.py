"""What people do with a finished life from a browser: measure two versions against each other, and go back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_two_versions_are_measured_and_the_newest_is_rolled_back(
    browser: Any, served: Callable[..., Any], come_in: Callable[..., Any], cli: Any, finite_life: Any, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(finite_life.folder, tmp_path / "life"))
    newest = next(row for row in cli.run("log", "--json", "--at", folder).json if row["version"] is not None)
    entries = cli.run("verify", "--json", "--at", folder).json["entries"]
    with served(folder) as dashboard, come_in(browser, dashboard) as visitor:
        page = visitor.page
        visitor.go("compare")
        page.get_by_role("button", name=f"Measure {newest['objective']}").click()
        page.wait_for_url(re.compile(r"/compare\?.*seed="))
        told = page.locator("#measured").inner_text()
        seed = page.url.partition("seed=")[2].partition("#")[0]
        again = cli.run(
            "compare", "0", newest["version"], "--on", "report", "--objective", newest["objective"],
            "--seed", seed, "--json", "--at", folder,
        ).json  # fmt: skip
        assert f"v{newest['version']} is better" in told and "95% interval" in told and seed in told
        assert again["better"] == "b" and f"{again['b']:.4g}" in told
        assert cli.run("verify", "--json", "--at", folder).json["entries"] == entries, "a look writes nothing"

        visitor.go(f"change/{newest['id']}")
        page.get_by_text("Roll back from here").click()
        page.get_by_label("Reason, for the ledger").fill("a person <b>changed</b> their mind")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Roll back").click()
        page.get_by_text("was rolled back; it is never confirmed again").wait_for()
        assert visitor.wrong == []
    undone = cli.run("log", "--json", "--at", folder).json
    assert next(row for row in undone if row["id"] == newest["id"])["verdict"] == "rolled back"
    checked = cli.run("verify", "--json", "--at", folder).json
    assert checked["ok"] and checked["entries"] > entries
