"""The screen's tripwires: what each rule catches, and what it lets through. The jail is the boundary."""

from __future__ import annotations

import pytest

from selfproof.charter import parse
from selfproof.nouns import Edit
from selfproof.screen import First, screen
from selfproof.screen.texts import entropy

SECTION = parse(
    """
[program]
editable = ["*"]
protected = ["kept.py"]
[[objective]]
name = "a"
task = "t.py:T"
entry = "a.py:f"
metric = "m"
better = "lower"
kind = "quality"
files = ["*"]
"""
).program
USES = (
    "import os\nimport sys\nimport numpy as np\nimport threading as t\nimport operator\nfrom time import time as now\n"
)
FILES = {
    "a.py": "import numpy as np\ndef f(x):\n    return np.sum(x)\n", "kept.py": "x = 1\n", "uses.py": USES,
    "tests/test_a.py": "def test_one():\n    pass\n\n\ndef test_two():\n    pass\n", "notes.md": "Think.\n",
    "had.py": "import pickle\ndef f(x):\n    return pickle.loads(getattr(x, 'name' + ''))\n",
}  # fmt: skip


def rule_of(path: str, text: str, *granted: str) -> str | None:
    found = screen(Edit("a", {path: text}, "t", "o", ""), FILES, SECTION, First(10**4, 3), granted)
    return found.rule if found else None


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("__import__('ctypes')", "call"), ("getattr(os, 'sys' + 'tem')('id')", "call"), ("exec('x = 1')", "call"),
        ("__builtins__['ev' + 'al']('1')", "dunder"), ("f.__globals__", "dunder"),
        ("'{0.__class__}'.format(f)", "dunder"),
        ("os.system('id')", "processes"), ("os.kill(1, 9)", "signals"), ("sys.settrace(f)", "tracing"),
        ("sys._getframe(1)", "tracing"), ("sys.modules['a']", "interpreter"),
        ("t.settrace(f)", "tracing"), ("t.Thread(target=f)", None),
        ("np.load('x')", "pickle"), ("np.ctypeslib.as_array(f)", "memory"), ("np.fromfile('/etc/passwd')", "files"),
        ("np.f2py.compile('x')", "dynamic"), ("os.environ['HOME']", "environment"), ("now()", None),
        ("operator.attrgetter('na' + 'me')(f)", "computed"), ("operator.attrgetter('name')(f)", None),
    ],
)  # fmt: skip
def test_what_code_reaches_for_is_resolved_through_its_imports(code: str, rule: str | None) -> None:
    assert rule_of("uses.py", USES + f"def g(f):\n    return {code}\n") == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("import ctypes\n", "import"), ("from os import system\n", "import"), ("import importlib\n", "import"),
        ("from numpy import load as total\n", "pickle"), ("from numpy import *\n", "dynamic"),
        ("import numpy as np\nnp.sum = max\n", "patching"), ("import numpy as np\ndel np.sum\n", "patching"),
        ("import numpy as np\nnp.random.seed.x = 1\n", "patching"), ("def f(x):\n    global y\n", "global"),
        ("def f(x):\n    match x:\n        case object(__class__=c):\n            return c\n", "dunder"),
        ("x = [" * 200 + "]" * 200, "syntax"), ("def f(x:\n", "syntax"), ("x = '\x00'\n", "characters"),
        ('def f(x):\n    """Like __len__ of a list."""\n    return x\n', None),
        ("class A:\n    def f(self):\n        self.x = 1\n        return self\n", None),
    ],
)  # fmt: skip
def test_what_a_new_text_may_not_say(text: str, rule: str | None) -> None:
    assert rule_of("new.py", text) == rule


def test_what_a_file_had_before_is_let_through_and_nothing_beside_it() -> None:
    assert rule_of("had.py", FILES["had.py"] + "x = 1\n") is None
    assert rule_of("had.py", FILES["had.py"] + "x = pickle.loads(b'')\nopen('/etc/passwd')\n") == "call"
    assert rule_of("had.py", FILES["had.py"] + "import signal\n") == "import"
    assert rule_of("uses.py", USES + "t.settrace(None)\n") == "tracing"


def test_what_the_charter_grants_its_trials_is_no_offence() -> None:
    text = "import subprocess\nsubprocess.run(['true'])\n"
    assert rule_of("new.py", text) == "import" and rule_of("new.py", text, "subprocesses") is None
    assert rule_of("uses.py", USES + "os.system('true')\n", "subprocesses") is None
    assert rule_of("uses.py", USES + "os.system('true')\n", "network:a:1") == "processes"
    assert rule_of("uses.py", USES + "sys.settrace(None)\n", "subprocesses", "scratch:9", "network:a:1") == "tracing"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("KEY = 'ghp_" + "a1B2" * 9 + "'\n", "secret"), ("aws = AKIA" + "ABCDEFGH12345678\n", "secret"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "secret"), ("password = 'q9Xv7Lm2Zk4Tn8Rw'\n", "secret"),
        ("password = 'aaaaaaaaaaaaaaaaaaaa'\n", None), ("task-" + "abcd-" * 10 + "\n", None),
        ("if admin:\u202e # nobody\u2066\n", "characters"), ("a\u200bb\n", "characters"), ("\x1b[2J\n", "characters"),
        ("Grüße, 東京, tab\there\r\n", None),
    ],
)  # fmt: skip
def test_keys_and_unseen_characters_in_any_text(text: str, rule: str | None) -> None:
    assert rule_of("notes.md", FILES["notes.md"] + text) == rule


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("../charter.toml", "path"), ("/etc/passwd", "path"),
        (".git/hooks/pre-commit", "path"), (".GIT/config", "path"),
        ("git~1/config", "path"), ("a.py/b.py", "path"), ("sub/__pycache__/a.py", "path"), ("c:\\x.py", "path"),
        ("a.py ", "path"), ("sub./a.py", "path"),
        ("a\u202e.py", "path"), ("kept.py", "scope"),
        ("conftest.py", "unasked"),
        ("sub/sitecustomize.py", "unasked"), ("x.pth", "unasked"), (".github/workflows/a.yml", "unasked"),
        (".gitattributes", "unasked"), ("sub/new.txt", None),
    ],
)  # fmt: skip
def test_where_a_file_may_be(path: str, rule: str | None) -> None:
    assert rule_of(path, "x = 1\n") == rule


def test_the_program_as_a_whole() -> None:
    assert rule_of("tests/test_a.py", "def test_one():\n    pass\n") == "tests"
    assert rule_of("tests/test_a.py", FILES["tests/test_a.py"] + "\n\ndef test_three():\n    pass\n") is None
    branches = "def f(x):\n" + "    x = x if x else 0\n"
    assert rule_of("a.py", branches + "    x = x if x else 0\n" * 120) is None
    assert rule_of("a.py", branches + "    x = x if x else 0\n" * 180) == "complexity"
    assert rule_of("notes.md", "word\n" * 9000) == "growth" and rule_of("notes.md", "x" * (65 * 1024)) == "file-size"


def test_entropy_is_shannons() -> None:
    assert entropy("aaaa") == 0.0 and entropy("abcd") == 2.0 and entropy("aabb") == 1.0
