"""Two texts side by side: rows of a table, what differs marked, code in colours.

Everything is escaped here, once; what is not printable is spelled out, so that no edit can turn the direction of
writing or hide a line (CVE-2021-42574).

Does not protect against: letters that look alike.
"""

from __future__ import annotations

import difflib
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from selfproof.viewing.texts import visible

CONTEXT = 3
MOST_LINES = 4000
"""Longer texts are shown without colours, and compared by lines only: a page must not hang on one change."""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``kind`` is "same", "changed", "added", "removed" or "skip"; texts are HTML."""

    kind: str
    left: int | None
    old: str
    right: int | None
    new: str


@dataclass(frozen=True)
class FileDiff:
    """One file: its rows, how many lines came and went, and whether only layout or comments differ."""

    path: str
    rows: list[Row]
    added: int
    removed: int
    status: str


def diff(before: dict[str, str], after: dict[str, str], *, context: int = CONTEXT) -> list[FileDiff]:
    """All files that differ, by path."""
    found = []
    for path in sorted(set(before) | set(after)):
        old, new = before.get(path), after.get(path)
        if old != new:
            status = "new" if old is None else "deleted" if new is None else "changed"
            rows = list(_rows(path, old or "", new or "", context))
            added = sum(row.kind in {"added", "changed"} and row.right is not None for row in rows)
            removed = sum(row.kind in {"removed", "changed"} and row.left is not None for row in rows)
            found.append(FileDiff(path, rows, added, removed, status))
    return found


def _rows(path: str, old: str, new: str, context: int) -> Iterator[Row]:
    ours, theirs = old.splitlines(), new.splitlines()
    left, right = coloured(path, ours), coloured(path, theirs)
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    groups = list(matcher.get_grouped_opcodes(context))
    last = 0
    for group in groups:
        if skipped := group[0][1] - last:
            yield Row("skip", None, f"{skipped} equal {'line' if skipped == 1 else 'lines'}", None, "")
        for tag, a, b, c, d in group:
            yield from _block(tag, (a, b, left), (c, d, right))
        last = group[-1][2]
    if groups and len(ours) > last:
        yield Row("skip", None, f"{len(ours) - last} equal lines", None, "")


def _block(tag: str, old: tuple[int, int, list[str]], new: tuple[int, int, list[str]]) -> Iterator[Row]:
    (a, b, left), (c, d, right) = old, new
    for offset in range(max(b - a, d - c)):
        i = a + offset if offset < b - a else None
        j = c + offset if offset < d - c else None
        kind = "same" if tag == "equal" else "changed" if i is not None and j is not None else "added"
        if j is None:
            kind = "removed"
        yield Row(
            kind, None if i is None else i + 1, "" if i is None else left[i],
            None if j is None else j + 1, "" if j is None else right[j],
        )  # fmt: skip


def coloured(path: str, lines: Sequence[str]) -> list[str]:
    """Lines as HTML: spans with the short class names of Pygments; plain where a text is long or no code."""
    shown = [visible(line) for line in lines]
    if len(shown) <= MOST_LINES and path.endswith((".py", ".toml", ".json", ".md", ".txt", ".yaml", ".yml", ".sh")):
        from pygments import lex
        from pygments.lexers import get_lexer_for_filename
        from pygments.token import STANDARD_TYPES
        from pygments.util import ClassNotFound

        try:
            lexer = get_lexer_for_filename(path, stripnl=False, ensurenl=False)
        except ClassNotFound:
            return [html.escape(line) for line in shown]
        out = [""]
        for kind, text in lex("\n".join(shown), lexer):
            name = next((STANDARD_TYPES[one] for one in reversed(kind.split()) if one in STANDARD_TYPES), "")
            for number, part in enumerate(text.split("\n")):
                if number:
                    out.append("")
                safe = html.escape(part)
                out[-1] += f'<span class="{name}">{safe}</span>' if name and part else safe
        if len(out) == len(shown):
            return out
    return [html.escape(line) for line in shown]
