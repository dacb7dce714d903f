"""``selfproof sandbox``: what it says of this machine, and what a program run by hand can and cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def written(folder: Path, source: str) -> Path:
    path = folder / "program.py"
    path.write_text(source)
    return path


@pytest.mark.slow
def test_check_names_the_tier_that_auto_takes(cli: Any) -> None:
    done = cli.run("sandbox", "check", "--json")
    rows = {row["tier"]: row for row in done.json["tiers"]}
    assert done.code == 0 and set(rows) == {"jail", "confined"}
    best = next(tier for tier in ("jail", "confined") if rows[tier]["holds"])
    assert done.json["tier"] == best and done.json["layers"] == rows[best]["layers"]
    assert [m["layer"] for m in done.json["missing"]] == [tier for tier, row in rows.items() if not row["holds"]]
    for row in rows.values():
        assert {"seccomp", "rlimits"} <= set(row["layers"]) if row["holds"] else row["missing"] and row["advice"]


@pytest.mark.parametrize("tier", ["auto", "confined"])
def test_a_program_answers(cli: Any, tmp_path: Path, tier: str) -> None:
    source = (
        "import numpy as np\ndef solve(x):\n    print('\\x1b[31mred')\n    return [np.sort(np.array(x)), float('nan')]"
    )
    done = cli.run("sandbox", "run", written(tmp_path, source), "--input", "[3, 1, 2]", "--require", tier, "--json")
    assert done.code == 0, done
    assert done.json["output"] == [[1, 2, 3], "nan"] and done.json["log"] == "red\n"
    assert done.json["tier"] in {"jail", "confined"} and "seccomp" in done.json["layers"]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("def solve(x): return open('/etc/passwd').read()", "error"),
        ("import socket\ndef solve(x): return socket.socket().fileno()", "error"),
        ("import os\ndef solve(x): return os.fork()", "error"),
        ("def solve(x):\n    while True: pass", "timeout"),
        ("def solve(x): return bytearray(1 << 34)", "oom"),
        ("import os\ndef solve(x): os._exit(0)", "crashed"),
        ("def solve(x): return object()", "invalid_output"),
    ],
)
def test_what_a_program_may_not_do(cli: Any, tmp_path: Path, source: str, status: str) -> None:
    done = cli.run("sandbox", "run", written(tmp_path, source), "--input", "1", "--seconds", "1", "--json")
    assert done.code == 1 and done.json["status"] == status and done.json["output"] is None


def test_an_answer_that_python_will_not_write_out_is_written_otherwise(cli: Any, tmp_path: Path) -> None:
    source = written(tmp_path, "def solve(x): return [10 ** 5000, 10 ** 50]")
    done = cli.run("sandbox", "run", source, "--input", "1", "--json")
    assert done.code == 0 and done.json["output"] == [hex(10**5000), 10**50]


def test_what_a_program_answers_does_not_reach_the_terminal_raw(cli: Any, tmp_path: Path) -> None:
    source = "def solve(x): return '\\x1b]0;title\\x07 \\x9b31m'"
    done = cli.run("sandbox", "run", written(tmp_path, source), "--input", "1")
    assert done.code == 0 and "\x1b" not in done.out + done.err and "\x9b" not in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.py", "--input", "1"], "there is no file"),
        (["program.py", "--input", "{"], "not JSON"),
        (["program.py", "--input", "NaN"], "not JSON"),
        (["program.py", "--input", "[" * 500 + "]" * 500], "--input"),
        (["program.py"], "--input"),
    ],
)
def test_bad_words_are_explained(cli: Any, tmp_path: Path, words: list[str], said: str) -> None:
    written(tmp_path, "def solve(x): return x")
    done = cli.run("sandbox", "run", *words, cwd=tmp_path)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err
