"""A function of a notebook or a script as a module of its own; and a real notebook, where one can be run."""

from __future__ import annotations

import collections
import importlib.util
import linecache
import math
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from selfproof.improving.cells import module_of
from selfproof.nouns import UsageError


def cell(source: str, **names: Any) -> dict[str, Any]:
    """Run a source as a notebook does: in a namespace called __main__, its lines known to linecache."""
    name = f"<cell {abs(hash(source))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "__main__", **names}
    exec(compile(source, name, "exec"), space)
    return space


def test_a_cell_comes_with_all_that_it_uses() -> None:
    space = cell(
        "LIMIT = {'a': (1, 2.5), 'b': None}\n"
        "PATTERN = re.compile('a+', re.I)\n"
        "def helper(x, base=LIMIT['a'][0]):\n"
        "    return m.floor(x) + base\n"
        "def slow(rows: 'list[float]', counter=Counter):\n"
        "    import json\n"
        "    kept = [helper(row) for row in rows if PATTERN.match('aa')]\n"
        "    return kept, dict(counter('ab')), len(LIMIT), json.dumps(1)\n",
        re=re, m=math, Counter=collections.Counter,
    )  # fmt: skip
    text = module_of(space["slow"])
    module = types.ModuleType("module")
    exec(text, module.__dict__)
    assert module.slow([1.5, 2.5]) == space["slow"]([1.5, 2.5])
    assert text.index("def helper") < text.index("def slow") and "import math as m" in text


def test_what_calls_itself_or_each_other_ends() -> None:
    space = cell("def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)\n")
    module = types.ModuleType("module")
    exec(module_of(space["even"]), module.__dict__)
    assert module.even(10) and not module.even(7)


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("f = lambda x: x\n", "f", "lambda"),
        ("def outer():\n    def f(x):\n        return x\n    return f\nf = outer()\n", "f", "within a function"),
        ("class A:\n    def f(self):\n        return self\nf = A.f\n", "f", "method"),
        ("class A:\n    pass\ndef f(x):\n    return A()\n", "f", "uses A"),
        ("handle = open('/dev/null')\ndef f(x):\n    return handle\n", "f", "uses handle"),
        (
            "import functools\n@functools.lru_cache\ndef g(x):\n    return x\ndef f(x):\n    return g(x)\n",
            "f",
            "uses g",
        ),
    ],
)
def test_what_cannot_be_copied_is_named(source: str, name: str, words: str) -> None:
    space = cell(source)
    with pytest.raises(UsageError, match=words) as caught:
        module_of(space[name])
    assert caught.value.advice()
    if "handle" in space:
        space["handle"].close()


def test_a_source_that_is_not_known_is_an_error() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(x):\n    return x\n", space)
    with pytest.raises(UsageError, match="not known"):
        module_of(space["f"])


NOTEBOOK = [
    "def double(rows):\n    out = []\n    for row in rows:\n        out = out + [row * FACTOR]\n    return out\n"
    "FACTOR = 2",
    "import selfproof\n"
    "result = selfproof.improve(double, inputs=[(list(range(n)),) for n in range(300, 312)], minutes=0.1)",
    "result",
    "seen = [event.kind for event in selfproof.live(double, minutes=0.06)]\nseen[-1]",
]


@pytest.mark.slow
def test_a_notebook_improves_a_function_of_a_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if importlib.util.find_spec("nbclient") is None or importlib.util.find_spec("ipykernel") is None:
        space = cell("\n".join(NOTEBOOK))
        page, last = space["result"]._repr_html_(), repr(space["seen"][-1])
    else:
        page, last = executed(tmp_path)
    assert page.startswith("<div>") and "selfproof:" in page and last == "'summary'"
    assert "def double" in (tmp_path / "living" / "double-source" / "cell_double.py").read_text()
    assert (tmp_path / "living" / "double" / "charter.toml").is_file()


def executed(folder: Path) -> tuple[str, str]:
    """The notebook in a real kernel: the page that the result shows, and the last cell's value."""
    import subprocess

    script = (
        "import json, nbformat, nbclient, sys\n"
        "cells = [nbformat.v4.new_code_cell(text) for text in json.loads(sys.stdin.read())]\n"
        "book = nbformat.v4.new_notebook(cells=cells)\n"
        "nbclient.NotebookClient(book, timeout=100, kernel_name='python3').execute()\n"
        "data = [cell.outputs[-1]['data'] for cell in book.cells[2:]]\n"
        "print(json.dumps([data[0]['text/html'], data[1]['text/plain']]))\n"
    )
    import json

    done = subprocess.run(
        [sys.executable, "-c", script], input=json.dumps(NOTEBOOK), capture_output=True, text=True, cwd=folder,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    page, last = json.loads(done.stdout.splitlines()[-1])
    return page, last
