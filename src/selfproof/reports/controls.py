"""The 43 controls of oversight, each with how it is shown and its tests, or why it is not covered; and their page."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

HEAD = """# Controls

What operators, approvers, auditors and regulators ask of software that changes itself: 43 requirements, each with how
it is shown and the tests that would fail without it, or with what is not covered, and why. A row may have both.
`selfproof report` ties them to the entries of a life; [reports.md](reports.md) says how. Sources are short names of the
texts that ask for it, mostly read through secondary sources: check the primary text. None of this is legal advice.

Written by `scripts/controls_page.py` from `src/selfproof/reports/controls.toml`; `tests/reports/test_controls_page.py`
checks that every test named here exists.
"""


@dataclass(frozen=True)
class Control:
    """One requirement. ``gap`` says what is not covered, "" where nothing is known to be missing."""

    id: str
    requirement: str
    source: str
    shown: str
    tests: tuple[str, ...]
    gap: str


@cache
def rows() -> tuple[Control, ...]:
    """All of them, in order."""
    text = (resources.files("selfproof.reports") / "controls.toml").read_text("utf-8")
    return tuple(
        Control(one["id"], one["requirement"], one["source"], one.get("shown", ""), tuple(one.get("tests", ())),
                one.get("gap", ""))
        for one in tomllib.loads(text)["control"]
    )  # fmt: skip


def page() -> str:
    """docs/controls.md."""
    covered, partly = sum(not one.gap for one in rows()), sum(bool(one.gap and one.tests) for one in rows())
    lines = [HEAD, f"Covered: {covered}. Covered in part: {partly}. Not covered: {len(rows()) - covered - partly}.", "",
             "| # | asked for | by | how it is shown | tests | not covered, because |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for one in rows():
        tests = "<br>".join(f"`{test}`" for test in one.tests)
        lines.append(f"| {one.id} | {one.requirement} | {one.source} | {one.shown} | {tests} | {one.gap} |")
    return "\n".join(lines) + "\n"
