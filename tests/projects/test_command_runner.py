"""The runner in the jail: honest commands, clumsy ones, and those that try to spoil what is told of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projects.conftest import RUNS
from selfproof.jail import Job, Limits, Outcome, Pool, values
from selfproof.projects import writing

RUNNER = "selfproof_runner.py"
FILES = {
    "train.py": "import os, sys, helper, numpy\nprint('loss:', helper.VALUE, os.environ['SEED'], sys.argv[1:])\n",
    "helper.py": "VALUE = 0.5\n",
    "src/pkg/__init__.py": "NAME = 'pkg'\n",
    "flood.py": "import os\nfor _ in range(400_000): os.write(1, b'x' * 999 + b'\\n')\nprint('loss: 3')\n",
    "hang.py": "print('loss: 1', flush=True)\nimport time\ntime.sleep(60)\n",
    "deaf.py": "import os, time\nos.close(1)\nos.close(2)\ntime.sleep(60)\n",
    "fork.py": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
    "daemon.py": "import subprocess\nsubprocess.Popen(['sleep', '60'])\nprint('loss: 2')\n",
    "parent.py": "import os\nos.kill(os.getppid(), 9)\nprint('loss: 0')\n",
    "large.py": "open('out.bin', 'wb').write(b'x' * (5 << 20))\nopen('small.json', 'w').write('{}')\nos = 1\n",
    "bytes.py": "import sys\nsys.stdout.buffer.write(b'\\xff\\x00loss: 1\\n')\n",
    "spoil.py": "from pathlib import Path\nPath('helper.py').write_text('VALUE = 9')\nprint('loss: 1')\n",
}

Ran = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def runner() -> str:
    return writing.template("command")[f"program/{RUNNER}"]


def job(runner: str, *commands: str, seconds: float = 20.0, collect: tuple[str, ...] = (), **env: str) -> Job:
    given = [{"command": c, "seed": 7, "seconds": seconds, "env": env, "collect": list(collect)} for c in commands]
    limits = Limits(wall_s=60.0, cpu_s=60, memory_mb=1024, grants=RUNS)
    return Job({RUNNER: runner, **FILES}, f"{RUNNER}:run", [values.encode(one) for one in given], limits=limits)


@pytest.fixture
def run(pool: Pool, runner: str) -> Ran:
    def once(command: str, **more: Any) -> dict[str, Any]:
        outcome = outcome_of(pool, runner, command, **more)
        assert outcome.status == "ok", outcome
        found = values.decode(outcome.outputs[0])
        assert isinstance(found, dict)
        return found

    return once


def outcome_of(pool: Pool, runner: str, command: str, **more: Any) -> Outcome:
    return pool.submit(job(runner, command, **more)).result()


def test_a_command_runs_in_the_folder_of_the_programs_files_with_its_seed(run: Ran) -> None:
    found = run("python train.py --lr 1")
    assert (found["exit"], found["late"], found["stderr"]) == (0, False, "")
    assert found["stdout"] == "loss: 0.5 7 ['--lr', '1']\n"


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("python3 train.py | tr a-z A-Z", "LOSS: 0.5 7 []\n"),
        ("LR=1 python -c 'import os; print(os.environ[\"LR\"])'", "1\n"),
        ("python -c 'import pkg; print(pkg.NAME)'", "pkg\n"),
        ("sh -c 'echo $SEED'", "7\n"),
    ],
)
def test_shells_and_modules_of_the_project_work(run: Ran, command: str, wanted: str) -> None:
    assert run(command, PYTHONPATH="src")["stdout"] == wanted


@pytest.mark.parametrize(
    ("command", "code"), [("python nowhere.py", 2), ("no-such-program", 127), ("python -c 'raise SystemExit(3)'", 3)]
)
def test_a_command_that_fails_says_so(run: Ran, command: str, code: int) -> None:
    assert run(command)["exit"] == code


@pytest.mark.parametrize("script", ["hang.py", "deaf.py", "fork.py"])
def test_one_that_never_ends_is_ended(run: Ran, script: str) -> None:
    began = time.monotonic()
    found = run(f"python {script}", seconds=1.0)
    assert found["late"] and found["exit"] == -9 and time.monotonic() - began < 15


def test_gigabytes_of_output_leave_their_last_64_kilobytes(run: Ran) -> None:
    found = run("python flood.py", seconds=50.0)
    assert len(found["stdout"]) == 64 * 1024 and found["stdout"].endswith("loss: 3\n")


def test_what_it_started_is_not_waited_for(run: Ran) -> None:
    began = time.monotonic()
    assert run("python daemon.py", seconds=30.0)["stdout"] == "loss: 2\n"
    assert time.monotonic() - began < 15


def test_one_that_ends_its_runner_has_given_no_answer(pool: Pool, runner: str) -> None:
    outcome = outcome_of(pool, runner, "python parent.py")
    assert outcome.status == "crashed" and not outcome.outputs


def test_files_come_back_as_bytes_within_bounds(run: Ran) -> None:
    found = run("python large.py", collect=("small.json", "out.bin", "gone", "/etc/passwd"))
    assert found["files"] == {"small.json": b"{}", "out.bin": None, "gone": None, "/etc/passwd": None}
    assert run("python bytes.py")["stdout"] == "\ufffd\x00loss: 1\n"


def test_what_a_run_spoils_is_whole_again_for_the_next(pool: Pool, runner: str) -> None:
    for _ in range(2):
        assert outcome_of(pool, runner, "python spoil.py").status == "ok"
        after = values.decode(outcome_of(pool, runner, "python train.py").outputs[0])
        assert isinstance(after, dict) and after["stdout"].startswith("loss: 0.5")


def test_the_runner_is_plain_code_of_the_standard_library() -> None:
    source = Path(writing.__file__).parents[1] / "templates" / "command" / "program" / RUNNER
    assert "selfproof." not in source.read_text().replace("selfproof calls", "")
