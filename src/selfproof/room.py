"""Room on disk: what of a program takes how much, and how much is left."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from selfproof.places import Paths

RESERVE = 64 << 20
"""Bytes that stay free on the disk of a program: a run ends in order before that. What it writes at its end, the
closing table and the checkpoint, is far less."""
PARTS = {
    "ledger/log": "entries: every decision",
    "ledger/blobs": "texts of versions and candidates, pairs, draws",
    "ledger/openings": "texts of people's",
    "archive": "a cache of candidates; deleted, it is refilled",
    "live": "events for those who watch; bounded",
    "models": "local models that were tuned here",
    "spending": "a journal of models' calls",
    "inbox": "suggestions that wait",
    "other": "keys, marks, what else there is",
    "program": "the program and its repository",
}


def size_of(folder: Path) -> int:
    """Bytes on disk of everything in a folder."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # gone meanwhile
                total += os.lstat(Path(where, name)).st_blocks * 512
    return total


def parts_of(paths: Paths, tree: Path) -> dict[str, int]:
    """Bytes on disk by part (``PARTS``), those that take nothing left out."""
    found = dict.fromkeys(PARTS, 0) | {"program": size_of(tree)}
    for where, _, names in os.walk(paths.private):
        inside = Path(where).relative_to(paths.private).parts
        for name in names:
            with contextlib.suppress(OSError):
                taken = os.lstat(Path(where, name)).st_blocks * 512
                found[_part((*inside, name))] += taken
    return {name: taken for name, taken in found.items() if taken}


def _part(parts: tuple[str, ...]) -> str:
    if parts[0] == "ledger":
        name = f"ledger/{parts[1]}"
        return name if name in PARTS else "other"
    name = parts[0].partition(".")[0]
    return name if name in PARTS and "/" not in name else "other"


def free(paths: Paths) -> int:
    """Bytes that this account may still write on the disk of a program."""
    return shutil.disk_usage(paths.private).free


def told(paths: Paths, tree: Path, limit_mb: float, candidates: int) -> dict[str, Any]:
    """All of it as plain data; ``limit_mb`` is the charter's ceiling, 0 without one."""
    parts = parts_of(paths, tree)
    counted = sum(taken for name, taken in parts.items() if name != "program")
    return {
        "folder": str(paths.folder), "parts": parts, "counted": counted, "free": free(paths), "reserve": RESERVE,
        "limit": round(limit_mb * 1e6), "share": counted / (limit_mb * 1e6) if limit_mb else None,
        "candidates": candidates, "bytes_per_candidate": counted / candidates if candidates else None,
    }  # fmt: skip
