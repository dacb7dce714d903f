"""The text of a pull request with the certified changes: what they do, on what evidence, and how to check it.

Titles of changes were written by machines, perhaps by models that read hostile text: they are shown as code, so that
nothing in them mentions a person, closes an issue or links anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from selfproof.archive.state import Confirming
from selfproof.cli.common import Seen
from selfproof.nouns import UsageError
from selfproof.viewing.rows import effect_words, rows_of

LONGEST = 72


def text_of(seen: Seen, one: int, two: int) -> tuple[str, str]:
    """Title and Markdown body for what was adopted after version ``one`` up to version ``two``.

    Raises:
        UsageError: nothing was.
    """
    rows = [row for row in reversed(rows_of(seen.state)) if row["version"] is not None and one < row["version"] <= two]
    rows = [row for row in rows if row["verdict"] != "rolled back"]
    if not rows:
        raise UsageError(
            f"nothing was adopted between versions {one} and {two}", advice="`selfproof log` shows what was tried."
        )
    names = sorted({row["objective"] for row in rows})
    title = f"{len(rows)} certified change{'s' * (len(rows) > 1)} to {', '.join(names)}"
    if not all(row["verdict"] == "certified" for row in rows):
        title = title.replace("certified", "uncertified")
    return title[:LONGEST], "\n".join(_body(seen, rows)) + "\n"


def _body(seen: Seen, rows: list[dict[str, Any]]) -> Iterator[str]:
    state = seen.state
    confirmings = {row["id"]: state.confirmations[row["id"]] for row in rows}
    yield "## What changes"
    yield ""
    for row in rows:
        yield f"- {code(row['title'])} ({row['objective']}): {effect_words(row) or 'effect not measured'}"
    yield ""
    yield "## Evidence"
    yield ""
    yield "| version | verdict | effect, 95% interval | pairs | alpha | isolation |"
    yield "| --: | --- | --- | --: | --: | --- |"
    for row in rows:
        level = "exact" if row["alpha_k"] == 0 else f"{row['alpha_k']:.2g}"
        yield (
            f"| {row['version']} | {row['verdict']} | {effect_words(row) or '-'} | {row['pairs']} | {level} "
            f"| {row['tier']} |"
        )
    yield ""
    claims = dict.fromkeys(str(_told(c).get("claim", "")) for c in confirmings.values())
    yield from (f"**Claim**: {claim}." for claim in claims if claim)
    spent, budget = state.spent(), state.charter["alpha"]
    yield f"**Error budget** of the program's whole life: {spent:.3g} of {budget:.3g} spent."
    yield ""
    yield from _points("Not covered", confirmings, "not_covered")
    yield from _points("Assumed", confirmings, "assumes")
    yield "## How to verify"
    yield ""
    yield "With the living program's folder, without trusting it (every level, bet and verdict is recomputed):"
    yield ""
    yield "    pip install selfproof"
    yield "    selfproof verify"
    yield f"    selfproof show v{rows[-1]['version']}"
    yield ""
    yield f"Program `{state.genesis['program']}`, {state.entries} ledger entries, root `{seen.reader.root.hex()}`."


def _points(heading: str, confirmings: dict[int, Confirming], key: str) -> Iterator[str]:
    points = dict.fromkeys(str(point) for c in confirmings.values() for point in _told(c).get(key, ()))
    if points:
        yield f"## {heading}"
        yield ""
        yield from (f"- {point}" for point in points)
        yield ""


def _told(confirming: Confirming) -> dict[str, Any]:
    return confirming.certificate or confirming.verdict or {}


def code(text: str) -> str:
    """Text of a machine as Markdown code on one line."""
    plain = "".join(ch if ch.isprintable() and ch != "`" else " " for ch in text)
    return f"`{' '.join(plain.split())[:LONGEST] or 'untitled'}`"
