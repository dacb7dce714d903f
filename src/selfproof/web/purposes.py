"""What an objective is about, in its task's own words: the first sentence of its class, read and never run.

The words are a person's: tasks are on the trusted side. They decide nothing.

Does not protect against: a file that was edited after the charter was signed; what a task does is in its code.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from selfproof.viewing.words import clean

LARGEST = 1 << 18
"""Bytes of a file that is looked at."""


def purpose(folder: Path, place: str) -> str:
    """The first sentence of the class at ``path.py:Class`` within ``folder``; "" where there is none to be read."""
    path, _, name = place.partition(":")
    try:
        file = (folder / path).resolve()
        if not file.is_relative_to(folder.resolve()) or not file.is_file() or file.stat().st_size > LARGEST:
            return ""
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return ""  # a person may be in the middle of editing it
    found = next((one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name), None)
    told = (ast.get_docstring(found) if found else None) or ""
    return clean(re.split(r"(?<=[.!?])\s", told, maxsplit=1)[0], 160)
