"""A real life told anew by its program's worst: markup, script, escapes and bidi marks in every text of a machine."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

from selfproof.ledger import Ledger, read

RUNS = "window.__hostile__ = (window.__hostile__ || 0) + 1"
PAYLOAD = (
    f'<img src=x onerror="{RUNS}"><script>{RUNS}</script>"\'><svg onload="{RUNS}">{{{{7*7}}}}{{% raw %}}'
    f"</script></title></textarea></style>]]><a href=\"javascript:{RUNS}\" onclick='{RUNS}'>x</a>"
    "\x1b[31m\u202egnp.\u2066\x00\r\n&lt;b&gt;"
)
MACHINE = {"title", "operator", "proposer", "message", "reason", "focus", "why", "function"}
"""Fields of entries and of their rows that a program, its improver or a model wrote, or may have a part in."""


def told_anew(source: Path, target: Path) -> Path:
    """Write a life into ``target`` whose machine-written fields all hold the payload, under a key of its own."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".selfproof"))
    old = read(source / ".selfproof" / "ledger")
    leaves = [(leaf.kind, copy.deepcopy(leaf.body)) for leaf in old.leaves()]
    genesis = {k: v for k, v in leaves[0][1].items() if k not in {"vkey", "time"}}
    private = target / ".selfproof"
    private.mkdir()
    folder, key = private / "ledger", private / "key"
    with Ledger.create(folder, key, program_id=genesis["program"], genesis=genesis) as ledger:
        for digest in set[str]().union(*(blobs(body) for _, body in leaves)):
            if (source / ".selfproof" / "ledger" / "blobs" / "sha256" / digest[:2] / digest).exists():
                ledger.put_blob(old.get_blob(digest))
        for kind, body in leaves[1:]:
            del body["time"]
            if kind == "propose":
                rows = body["candidates"]
                rows = json.loads(old.get_blob(rows["$blob"])) if isinstance(rows, dict) else rows
                rows = [{**worse(row), "files": {PAYLOAD + ".py": PAYLOAD, **row["files"]}} for row in rows]
                body["candidates"] = {"$blob": ledger.put_blob(json.dumps(rows).encode())}
                body["hot"] = [{"path": PAYLOAD, "function": PAYLOAD, "calls": 3, "own": 0.4, "share": 0.9}]
            if kind in {"confirm-start", "adopt"}:
                text = ledger.put_blob(f"{PAYLOAD}\n# {PAYLOAD}\nx = '{PAYLOAD}'\n".encode())
                body["files"] = {**body["files"], PAYLOAD + ".py": text, "plain.py": text}
            ledger.append(kind, worse(body))
    return target


def worse(value: Any) -> Any:
    """The payload behind every text of a machine, at any depth."""
    if isinstance(value, dict):
        return {k: PAYLOAD + v if k in MACHINE and isinstance(v, str) else worse(v) for k, v in value.items()}
    return [worse(one) for one in value] if isinstance(value, list) else value


def blobs(value: Any) -> set[str]:
    """Whatever may be a digest in a body: of a blob or of a file, or the name of a candidate."""
    if isinstance(value, dict):
        own = {v for v in value.values() if isinstance(v, str) and len(v) == 64}
        return own.union(*map(blobs, value.values()))
    return set[str]().union(*map(blobs, value)) if isinstance(value, list) else set()
