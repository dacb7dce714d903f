"""Record what functions are called with while the user's own tests or script run.

The user's code runs as it always does, with the user's rights: nothing has been changed in it yet.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from selfproof.jail import values
from selfproof.nouns import UsageError
from selfproof.projects.closure import import_roots
from selfproof.projects.recorder.sitecustomize import VARIABLE

KEEP = 400
LARGEST = 200_000  # bytes of one call's arguments: a timed batch holds a few of them
LOOK_S = 30.0  # seconds that taking arguments apart may cost, of all functions together
TOTAL = 1 << 20  # bytes of all calls that are kept


@dataclass
class Recorded:
    """Different calls as [arguments, keywords], and for each whether it is plain: no keywords, no objects taken apart.

    How many calls were met, and for which reasons how many could not be kept; ``failed`` has the last lines of what
    ran, if it failed.
    """

    calls: list[list[Any]] = field(default_factory=list)
    plain: list[bool] = field(default_factory=list)
    met: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    failed: str = ""


def default_command(project: Path) -> str | None:
    """How the project's tests are run, if it has any."""
    folder = next((name for name in ("tests", "test") if (project / name).is_dir()), None)
    loose = folder is None and (any(project.glob("test_*.py")) or any(project.glob("*_test.py")))
    if folder is None and not loose:
        return None
    if find_spec("pytest") is not None:
        return f"pytest -q {folder}" if folder else "pytest -q"
    return "python -m unittest discover" + (f" -s {folder}" if folder else "")


def command_line(command: str) -> list[str]:
    """A command as this interpreter runs it: "pytest ...", "script.py ...", "python ...", or anything else as it is.

    Raises:
        UsageError: there is nothing to run.
    """
    words = shlex.split(command)
    if not words:
        raise UsageError("--record is empty", advice='Say what to run, for example: --record "pytest -q tests"')
    if words[0] in {"pytest", "unittest"}:
        return [sys.executable, "-m", *words]
    if words[0] in {"python", "python3"}:
        return [sys.executable, *words[1:]]
    return [sys.executable, *words] if words[0].endswith(".py") else words


def record(project: Path, module: str, function: str, command: str, timeout_s: float = 600.0) -> Recorded:
    """Run a command in the project's folder and return what the function was called with.

    Raises:
        UsageError: the command cannot be started.
    """
    return record_all(project, [(module, function)], command, timeout_s)[0]


def record_all(
    project: Path, functions: Sequence[tuple[str, str]], command: str, timeout_s: float = 600.0
) -> list[Recorded]:
    """Run a command once and return what each of several functions, (module, name), was called with.

    Raises:
        UsageError: the command cannot be started.
    """
    words = command_line(command)
    with tempfile.TemporaryDirectory(prefix="selfproof-record-") as scratch:
        homes = [Path(scratch) / str(number) for number in range(len(functions))]
        wishes = [{"module": module, "function": function, "folder": str(home), "keep": KEEP, "largest": LARGEST,
                   "look_s": LOOK_S / len(functions)}
                  for (module, function), home in zip(functions, homes, strict=True)]  # fmt: skip
        for home in homes:
            home.mkdir()
        here = Path(__file__).resolve().parent / "recorder"
        ours = str(Path(__file__).resolve().parents[2])
        before = os.environ.get("PYTHONPATH", "")
        path = [str(here), *filter(None, before.split(os.pathsep)), *map(str, import_roots(project)), ours]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path), VARIABLE: json.dumps(wishes)}
        failed = _run(words, project, env, timeout_s)
        found = [_read(home) for home in homes]
    for one in found:
        one.failed = failed
    return found


def _run(words: list[str], project: Path, env: dict[str, str], timeout_s: float) -> str:
    """Run to the end; returns why it failed, or nothing."""
    try:
        done = subprocess.run(
            words, cwd=project, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it took longer than {timeout_s:.0f} s and was ended"
    except OSError as error:
        raise UsageError(
            f"cannot run {words[0]}: {error.strerror}", advice="Give another command to --record."
        ) from None
    if done.returncode == 0:
        return ""
    last = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()][-3:]
    return f"exit {done.returncode}: " + " / ".join(line.strip()[:200] for line in last)


def _read(folder: Path) -> Recorded:
    """What all processes kept, no call twice, at most TOTAL bytes."""
    found = Recorded()
    once: dict[bytes, bool] = {}
    for path in sorted(folder.glob("*.json")):
        body = json.loads(path.read_text("utf-8"))
        found.met += body["met"]
        for reason, times in body["refused"].items():
            found.refused[reason] = found.refused.get(reason, 0) + times
        for data, _, plain in body["calls"]:
            once.setdefault(bytes.fromhex(data), bool(plain))
    room = TOTAL
    for data, plain in list(once.items())[:KEEP]:
        room -= len(data)
        if room < 0:
            break
        call = values.decode_trusted(data)
        assert isinstance(call, list)
        found.calls.append(call)
        found.plain.append(plain)
    return found
