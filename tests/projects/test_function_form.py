"""`selfproof init --function` on a user's project: what is made of it, what cannot be, and what is handed back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from projects_helpers import FILES, ORDERS, git
from test_delivery import taken

from selfproof import session
from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.ledger import read
from selfproof.propose.brief import Brief, Suggestion
from selfproof.proposers import Asked

Init = Callable[..., str]


def test_a_function_of_a_project_is_improved(improved: Any, cli: Any) -> None:
    """Its calls came from the tests; the change is certified, and the user's files are as they were."""
    state = fold(read(improved.folder / ".selfproof" / "ledger").leaves())
    assert state.current == 1 and audit(improved.folder / ".selfproof" / "ledger")["ok"]
    assert any("12 different ones kept" in line for line in improved.told)
    assert any(line.startswith("time goes to unknown_items") for line in improved.told)
    assert any(line.startswith("baseline") for line in improved.told)
    assert git(improved.project, "status", "--porcelain") == ""  # living/ keeps itself out of it
    assert (improved.project / "src/shop/orders.py").read_text() == ORDERS


def test_the_charter_says_what_may_change_and_the_users_words_go_along(improved: Any) -> None:
    charter = tomllib.loads((improved.folder / "charter.toml").read_text())
    assert charter["program"]["editable"] == ["shop/__init__.py", "shop/orders.py", "shop/words.py"]
    assert charter["program"]["protected"] == ["selfproof_*.py"]
    assert charter["objective"][0]["focus"] == ["shop/orders.py:unknown_items"]
    assert (improved.folder / charter["proposers"]["guidance"]).read_text() == FILES["AGENTS.md"]


def test_the_certificate_says_what_calls_it_is_about(improved: Any, cli: Any) -> None:
    shown = cli.run("show", "1", "--json", "--at", improved.folder).json
    assert shown["certificate"]["pool"]["split"] == "confirm"
    assert shown["certificate"]["pool"]["recorded_calls"] > 0 and shown["certificate"]["pool"]["variants"]


def test_commands_find_the_living_program_below_the_project(improved: Any, cli: Any) -> None:
    here = cli.run("log", "--json", cwd=improved.project).json
    there = cli.run("log", "--json", "--at", improved.folder).json
    assert here == there and [row["version"] for row in here if row["version"]] == [1]
    assert cli.run("log", cwd=improved.project / "src").code == 2


def test_export_is_a_patch_of_the_users_own_files(copied: Any, cli: Any) -> None:
    patch = cli.run("export", cwd=copied.project).out
    assert "+++ b/src/shop/orders.py" in patch and "selfproof_" not in patch
    (copied.project / "better.patch").write_text(patch)
    git(copied.project, "apply", "--check", "better.patch")


def test_export_apply_and_branch(copied: Any, cli: Any) -> None:
    done = cli.run("export", "--branch", "faster", cwd=copied.project)
    assert done.code == 0, done.err
    message = git(copied.project, "log", "-1", "--format=%B", "faster")
    assert "Certified by selfproof" in message and "x as fast [" in message
    assert (copied.project / "src/shop/orders.py").read_text() == ORDERS
    applied = cli.run("export", "--apply", cwd=copied.project)
    assert applied.code == 0, applied.err
    text = (copied.project / "src/shop/orders.py").read_text()
    assert text != ORDERS and git(copied.project, "diff", "faster", "--", "src") == ""
    assert cli.run("export", "--apply", cwd=copied.project).out.startswith("nothing to change") is False
    again = cli.run("export", "--apply", cwd=copied.project)
    assert again.code == 0 and (copied.project / "src/shop/orders.py").read_text() == text
    (copied.project / "src/shop/orders.py").write_text(text + "# mine\n")
    refused = cli.run("export", "--apply", cwd=copied.project)
    assert refused.code == 2 and "has changed since" in refused.err
    assert cli.run("export", "--apply", "--branch", "x", cwd=copied.project).code == 2


class Suggests:
    """A proposer with fixed suggestions."""

    name = "scripted"

    def __init__(self, *edits: tuple[str, str]) -> None:
        self.edits = edits

    def propose(self, brief: Brief) -> Any:
        text = brief.files["shop/orders.py"]
        for number, (old, new) in enumerate(self.edits):
            assert old in text
            files = {"shop/orders.py": text.replace(old, new)}
            yield Suggestion(files, title=f"edit {number}", operator="scripted")
        self.edits = ()

    def close(self) -> None:
        """Nothing to let go of."""


def raced(folder: Path, *edits: tuple[str, str]) -> dict[str, str]:
    """What became of suggestions for a program by their titles; those that nobody can judge have no outcome."""
    found: dict[str, str] = {}
    for event in session.run(folder, 0.5, 1, Asked(more=(Suggests(*edits),))):
        if event["event"] == "candidate":
            found[event["title"]] = event["outcome"]
        if event["event"] in ("confirm", "summary") or (event["event"] == "race" and found):
            break
    return found


@pytest.mark.slow
def test_a_method_is_judged_by_the_function_that_calls_it(project: Path, init: Init) -> None:
    """Objects go through the adapter; what answers otherwise is not kept, and what nothing calls is nobody's."""
    told = init("--function", "shop.orders:paid", "--record", "use.py", "--seed", 1)
    assert "selfproof_target.py" in told and "Till.ring" in told
    charter = tomllib.loads((project / "living" / "charter.toml").read_text())
    assert charter["objective"][0]["focus"] == ["selfproof_target.py:target"]
    unread = ("    return len(items)\n", "    return 0\n")
    wrong = ("            total += price * self.rate\n", "            pass\n")
    good = ("        for price in prices:\n", "        for price in list(prices):\n")
    found = raced(project / "living", unread, wrong, good)
    assert found["edit 1"] == "invalid" and "edit 0" not in found and "edit 2" in found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Till.ring", "counted", "waited"])
def test_methods_generators_and_coroutines_have_a_baseline(project: Path, init: Init, name: str) -> None:
    assert "baseline, the same" in init("--function", f"shop.orders:{name}", "--record", "use.py")
    calls = (project / "living" / "tasks" / "calls.py").read_text()
    assert ("'tip': 5" in calls and "'shop.orders:Till'" in calls) == (name == "Till.ring")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--function", "shop.orders:chance"], "does not always answer the same call with the same"),
        (["--function", "shop.orders:opened"], "every call raises in the jail"),
        (["--function", "shop.orders:locked"], "no call could be kept"),
        (["--function", "shop.orders:fast", "--record", "use.py"], "was not called while"),
        (["--function", "shop.orders:nothing"], "defines no function"),
        (["--function", "shop.orders:fast", "--record", "a", "--generate"], "exclude each other"),
        (["--function", "shop.orders:fast", "--metric", "x"], "does not go with --function"),
        (["--metric", "x"], "needs a form"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(project: Path, init: Init, words: list[str], said: str) -> None:
    told = init(*words, code=2)
    assert said in told and "Traceback" not in told
    assert not (project / "living").exists() and not list(project.glob("*.parts"))


@pytest.mark.slow
def test_type_hints_serve_where_nothing_calls_it_and_the_folder_may_be_named(project: Path, init: Init) -> None:
    assert "made from the type hints" in init("elsewhere", "--function", "shop.orders:fast")
    assert "Made from the type hints" in (project / "elsewhere" / "tasks" / "calls.py").read_text()
    assert not (project / "living").exists()


@pytest.mark.slow
def test_the_projects_own_tests_can_be_a_guard(project: Path, init: Init) -> None:
    """They are run in the jail, from a folder that holds the project; what would fail them is never adopted."""
    (project / "tests" / "test_quick.py").write_text(
        "from shop.orders import paid, Till\n\n\ndef test_it():\n    assert paid(Till(2), [1]) == 2\n"
    )
    told = init("--function", "shop.orders:fast", "--generate", "--tests", "pytest -q tests/test_quick.py")
    assert "passes 1 tests, twice" in told
    charter = tomllib.loads((project / "living" / "charter.toml").read_text())
    assert charter["guard"][0]["task"] == "tasks/suite.py:Suite"
    assert (project / "living" / "program" / "tests" / "test_quick.py").exists()
    assert "tests/test_quick.py" not in charter["program"]["editable"]


def test_an_installed_function_is_copied_and_its_patch_says_where_it_belongs(
    project: Path, init: Init, cli: Any
) -> None:
    (project / "use.py").write_text(
        "import textwrap\nfor n in range(30):\n    textwrap.indent('a b\\nc\\n' * (200 + n), '> ')\n"
    )
    init("--function", "textwrap:indent", "--record", "use.py", "--seed", 1)
    origin = json.loads((project / "living" / "origin.json").read_text())
    (original,) = origin["files"].values()
    real = Path(original["root"]) / original["path"]
    assert taken(real)[1] == original["sha256"] and list(origin["files"]) == ["copied_textwrap.py"]
    assert (project / "living" / "program" / "copied_textwrap.py").read_text() == real.read_text()


def test_a_living_program_is_never_written_over(improved: Any, cli: Any) -> None:
    done = cli.run("init", "--function", "shop.orders:unknown_items", cwd=improved.project)
    assert done.code == 2 and "holds a living program already" in done.err
