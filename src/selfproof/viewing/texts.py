"""Texts for a reader: diffs that tools take, and what is not printable spelled out."""

from __future__ import annotations


def unified(before: dict[str, str], after: dict[str, str], names: tuple[str, str]) -> str:
    """A unified diff that `git apply` and `patch -p1` take."""
    import difflib

    parts = []
    for path in sorted(set(before) | set(after)):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        lines = difflib.unified_diff(
            (old or "").splitlines(keepends=True), (new or "").splitlines(keepends=True),
            f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null",
        )  # fmt: skip
        parts += [line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines]
    del names
    return "".join(parts)


def visible(text: object) -> str:
    """Text of a program's, or of somebody's, as a terminal may have it: what is not printable is spelled out.

    Else an edit could move the cursor or turn the direction of writing, so that a reader sees another program than the
    one that runs (CVE-2021-42574). It does not help against letters that look alike.
    """
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in str(text))
