"""What people do from a browser: measure two versions against each other, go back, reject and approve by signature."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finite_program import made

sys.path.insert(0, str(Path(__file__).parents[2] / "approving"))
from signing import People, needs_ssh


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


@needs_ssh
def test_a_change_is_rejected_with_a_reason_and_another_approved_by_signature(
    browser: Any, served: Callable[..., Any], come_in: Callable[..., Any], cli: Any, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    people, folder = People(keys), made(tmp_path / "asked")
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + '\n[autonomy]\nlevel = "approve"\napprovers = "allowed_signers"\n')
    (folder / "allowed_signers").write_text(people.allowed("alice"))
    with served(folder) as dashboard:
        for decision, button, told in (("reject", "Reject", "It is refused"), ("approve", "Approve", "Version 1")):
            cli.until("decision", folder, "--seed", "1", "--focus", "suite")
            with come_in(browser, dashboard) as visitor:
                page = visitor.page
                visitor.go("review")
                page.locator("main ul.changes a").first.click()
                page.get_by_role("checkbox").check()
                page.get_by_label("Reason").fill(f"because of <i>{decision}</i>")
                page.get_by_role("button", name=button).click()
                page.get_by_label("Signature").wait_for()
                line = page.locator("#command").inner_text().replace("~/.ssh/id_ed25519", str(people.key("alice")))
                signed = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout
                page.get_by_label("Signature").fill(signed)
                page.get_by_role("button", name="Hand it in").click()
                page.get_by_text("alice@example.com signed").wait_for()
                assert told in page.locator("main").inner_text()
                visitor.go("review")
                assert f"because of <i>{decision}</i>" in page.locator("main").inner_text()
                assert visitor.wrong == []
    rows = cli.run("log", "--json", "--at", folder).json
    assert [row["verdict"] for row in rows if not row["origin"].startswith("control")] == ["certified", "refused"]
    assert cli.run("verify", "--at", folder).code == 0
