"""Runs a command once, in the folder of the program's files, and tells what it left.

selfproof calls `run` in its jail. No score is made here: a task in tasks/ reads it, outside the jail, from what this
returns. The command and everything that it starts are ended with the jail.
"""

import os
import re
import selectors
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

TAIL = 64 * 1024
LARGEST = 4 * 1024 * 1024
PATIENCE = 0.3
PYTHONS = ("python", "python3", f"python3.{sys.version_info[1]}")
SHELL = re.compile(r"[|&;<>()$`*?~\[\]\n]|^\s*\w+=")


def run(given):
    """given: {"command", "seed", "seconds", "env", "collect"} -> what `told` returns.

    "exit" is minus the signal's number for a command that was ended by one, "late" whether it was ended because its
    time was up; of what it printed the last 64 kB are kept of each stream; "files" holds the bytes of those files of
    `collect` that it left, None for one that is missing or larger than 4 MB.
    """
    started = time.monotonic()
    deadline = started + given["seconds"]
    try:
        command = subprocess.Popen(
            words_of(given["command"]),
            env=environment(given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return told(127, False, started, [b"", str(error).encode()], {})
    tails = listen(command, deadline)
    late = not ended(command, deadline)
    return told(command.wait(), late, started, tails, {path: content_of(path) for path in given["collect"]})


def told(code, late, started, tails, files):
    """What `run` returns."""
    return {
        "exit": code,
        "late": late,
        "seconds": time.monotonic() - started,
        "stdout": tails[0].decode("utf-8", "replace"),
        "stderr": tails[1].decode("utf-8", "replace"),
        "files": files,
    }


def words_of(command):
    """The command's words; a shell's where it is written for one. `python` is the interpreter that runs this."""
    if SHELL.search(command):
        same = "".join(f'{name}() {{ {shlex.quote(sys.executable)} "$@"; }}\n' for name in PYTHONS if "." not in name)
        return ["/bin/sh", "-c", same + command]
    words = shlex.split(command)
    if words[0].rsplit("/", 1)[-1] in PYTHONS:
        words[0] = sys.executable
    return words


def environment(given):
    """What the command finds: the libraries that are installed beside selfproof, the program's own, and SEED."""
    folders = [path for path in sys.path if path.rstrip("/").endswith(("site-packages", "dist-packages"))]
    own = [str(Path(path).absolute()) for path in given["env"].get("PYTHONPATH", "").split(":") if path]
    added = {"PYTHONPATH": ":".join(own + folders), "PYTHONDONTWRITEBYTECODE": "1", "SEED": str(given["seed"])}
    return {**os.environ, **given["env"], **added}


def listen(command, deadline):
    """Keep the end of each stream until the command is done or its time is up."""
    tails = (bytearray(), bytearray())
    with selectors.DefaultSelector() as streams:
        for stream, tail in zip((command.stdout, command.stderr), tails):
            streams.register(stream, selectors.EVENT_READ, tail)
        left = None
        while streams.get_map():
            now = time.monotonic()
            if left is None and command.poll() is not None:
                left = now  # what it started may hold its streams open and live on: that is not waited for
            if now > deadline or (left is not None and now > left + PATIENCE):
                break
            for key, _ in streams.select(min(0.05, max(0.0, deadline - now))):
                read(key.fileobj, key.data, streams)
    return [bytes(tail[-TAIL:]) for tail in tails]


def ended(command, deadline):
    """Whether the command ended by itself in time; one that does not is made to."""
    try:
        command.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(command.pid, signal.SIGKILL)
        return False
    return True


def read(stream, tail, streams):
    """Take what is there; the beginning of a long text is let go."""
    part = os.read(stream.fileno(), TAIL)
    if not part:
        streams.unregister(stream)
    tail += part
    if len(tail) > 4 * TAIL:
        del tail[:-TAIL]


def content_of(path):
    """The bytes of a file, None where there is none or where it is too large."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError:
        return None
    return content if len(content) <= LARGEST else None
