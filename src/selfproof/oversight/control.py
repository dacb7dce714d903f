"""Pause, drain and go on: small files in a life's private folder, for the commands, the dashboard and MCP alike.

Does not protect against: anything; whoever can write into the folder can leave these files, or take them away. What
keeps a program from running is a halt (``halting``).
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import secrets
from pathlib import Path
from typing import Any

from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.oversight import watcher
from selfproof.oversight.letters import bytes_of
from selfproof.oversight.stop import LARGEST
from selfproof.places import Paths


def account() -> str:
    """Who is at the command line, as the system knows them."""
    try:
        return f"account {getpass.getuser()}"
    except (OSError, KeyError):  # a number without a name
        return f"account {os.getuid()}"


def pause(paths: Paths, by: str, reason: str = "") -> None:
    """Let the run hold after its current step; one that starts later holds at once. Raises OSError."""
    _leave(paths.pause, by, reason)


def drain(paths: Paths, by: str) -> None:
    """Let the run end in order as soon as nothing is open. Raises OSError."""
    _leave(paths.drain, by, "")


def go_on(paths: Paths) -> bool:
    """End a pause and take a drain back; whether there was one."""
    held = paths.pause.exists() or paths.drain.exists()
    for place in (paths.pause, paths.drain):
        place.unlink(missing_ok=True)
    return held


def told(place: Path) -> dict[str, str] | None:
    """Who left one of these files, why and when; None if there is none."""
    if not os.path.lexists(place):
        return None
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, RecursionError):
        read = json.loads(bytes_of(place))
        found = read if isinstance(read, dict) else {}
    return {key: str(found.get(key) or default)[:LARGEST] for key, default in
            (("by", "a file"), ("reason", ""), ("at", rfc3339(utc_now())))}  # fmt: skip


def engine(paths: Paths) -> int | None:
    """The process in which a run is going on, as it said itself; None where it is gone."""
    with contextlib.suppress(OSError, ValueError, RecursionError, TypeError, KeyError):
        said = json.loads(bytes_of(paths.running))
        found = watcher.processes().get(said["engine"])
        if found is not None and found[1] not in "ZX" and found[2] == said["started"]:
            return int(said["engine"])
    return None


def _leave(place: Path, by: str, reason: str) -> None:
    aside = place.with_name(f"{place.name}-{secrets.token_hex(4)}.new")
    try:
        aside.write_text(json.dumps({"by": by, "reason": reason, "at": rfc3339(utc_now())}) + "\n", "utf-8")
        aside.replace(place)
    finally:
        aside.unlink(missing_ok=True)
