"""Which functions an edit rewrites, what else it may bring, and by whom it is judged."""

from __future__ import annotations

import pytest

from selfproof.domains.rewrites import changed_functions, judged_at

BEFORE = '''"""Text."""
import os
from math import floor

LIMIT = 5


class Shelf:
    """Books."""

    size = 3

    def put(self, book):
        return book

    def take(self):
        return self.size


def total(books):
    return sum(books)


def unused(a):
    return a
'''


def changed(text: str) -> list[str] | None:
    found = changed_functions({"a.py": BEFORE, "b.txt": "words"}, {"a.py": text, "b.txt": "words"})
    return None if found is None else sorted(name.removeprefix("a.py:") for name in found)


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("return sum(books)", "return sum(list(books))", ["total"]),
        ("return book", "return [book][0]", ["Shelf.put"]),
        ("return self.size", "return int(self.size)", ["Shelf.take"]),
        ("import os\n", "import os\nimport heapq\nfrom bisect import bisect as _find\n", []),
        ("def total", "_CACHE = {}\n\n\ndef _sum(x):\n    return x\n\n\ndef total", []),
        ("    def take", "    def _peek(self):\n        return 1\n\n    def take", []),
        ("def total", "class _Heap:\n    def push(self):\n        pass\n\n\ndef total", []),
        ("# nothing", "# nothing", []),
    ],
)
def test_functions_methods_and_private_company(old: str, new: str, places: list[str]) -> None:
    assert changed(BEFORE.replace(old, new, 1)) == places


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 5", "LIMIT = 6"),
        ("    size = 3", "    size = 4"),
        ("class Shelf:", "class Shelf(list):"),
        ("def total", "def helper():\n    pass\n\n\ndef total"),
        ("    def take", "    def look(self):\n        pass\n\n    def take"),
        ("import os\n", "import heapq as os\n"),
        ("import os\n", "import os\nfrom heapq import *\n"),
        ("import os\n", "import os\nfrom operator import floor\n"),
        ("import os\n", "import os\nfrom math import fsum as sum\n"),
        ("def unused(a):\n    return a\n", ""),
        ("def total(books):\n    return sum(books)", "total = sum"),
        ("def total", "async def total"),
        ("import os\n", "import os\nunused = None\n"),
    ],
)
def test_anything_else_is_nobodys_to_judge(old: str, new: str) -> None:
    text = BEFORE.replace(old, new, 1)
    assert text != BEFORE and changed(text) is None


def test_new_and_missing_files_are_no_rewrites() -> None:
    files = {"a.py": BEFORE}
    assert changed_functions(files, {**files, "c.py": "x = 1\n"}) is None
    assert changed_functions({**files, "c.py": "x = 1\n"}, files) is None
    assert changed_functions(files, {"a.py": "def broken("}) is None


@pytest.mark.parametrize(
    ("functions", "place"),
    [
        (["total"], "a.py:total"),  # its own calls are known
        (["Shelf.put"], "a.py:work"),  # called by the focus
        (["total", "Shelf.put"], "a.py:work"),
        (["work", "total"], "a.py:work"),
        (["unused"], None),  # nothing that is run would notice
        (["total", "unused"], None),
    ],
)
def test_who_judges_a_change(functions: list[str], place: str | None) -> None:
    known = ["a.py:work", "a.py:total"]
    called = {"a.py:total", "a.py:Shelf.put"}
    changes = {f"a.py:{name}": "" for name in functions}
    assert judged_at(changes, known, "a.py:work", lambda: called) == place
    if place != "a.py:total":
        assert judged_at(changes, known, None, lambda: called) is None
