"""Publish that a program improved, without the program: ``selfproof publish``.

    commitments   checkpoint, key, hash tiles (a leaf hash for every entry), and whole those entries that hold neither
                  code nor words of others (``disclosure``)
    evidence      the same, with the recorded pairs that those entries are about
    code          everything: the bundle that `selfproof ledger bundle` writes

    checkpoint, vkey          as in a bundle
    tile/<L>/<N>              hash tiles, all of them; no entry bundles
    entries/<INDEX>.json      entries that are shown, byte for byte as they were hashed
    blobs/sha256/ab/HEX       rows of recorded pairs (evidence)
    published.json            the level, and how many entries of each kind are not shown: the owner's word, not signed

Does not protect against: what ``disclosure`` names; what numbers themselves give away, such as when and how often.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from selfproof.archive.evidence import unpack
from selfproof.audit import bundle
from selfproof.audit.sharing import Shared
from selfproof.ledger import tiles
from selfproof.nouns import UsageError
from selfproof.reports import disclosure

MANIFEST, ENTRIES, PAGE = "published.json", "entries", "README.md"
FORMAT = "selfproof-publication/1"
_README = """# A published ledger of selfproof, level {level}

Log `{name}`, {size} entries, root `{root}`. The program itself is not here. What is:

| what | is |
| --- | --- |
| `checkpoint` | number of entries and root, signed by the log's key |
| `vkey` | that key; ask its owner for it some other way and compare |
| `tile/` | the hash of every entry (C2SP tlog-tiles): the root is recomputed from them |
| `entries/` | {shown} of the entries, byte for byte: verdicts, certificates, guards, controls, results |
| `blobs/` | the recorded pairs behind them, at level evidence |
| `published.json` | the level, and how many entries of each kind are not shown (the owner's word) |

Check it with nothing but this folder and the key:

    selfproof publish --check . --key VKEY

It says what could be checked and what could not. An entry that is not shown is still bound by its hash: the owner
cannot alter it later, and can show it to whom they choose with `selfproof ledger proof`.
"""


def publish(shared: Shared, level: str, out: Path) -> dict[str, Any]:
    """Write a publication into a new or empty folder; what it holds.

    Raises:
        UsageError: there is something in that folder.
        OSError: it cannot be written.
    """
    if level == "code":
        files = bundle.write(shared, out)
        return {"level": level, "entries": shared.signed.size, "shown": shared.signed.size, "files": files}
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty", advice="A publication is one state of a ledger: use a new folder.")
    hidden, shown = Counter[str](), 0
    place = out / ENTRIES
    place.mkdir(parents=True)
    raw = [leaf for leaf in shared.reader.leaves() if leaf.index < shared.signed.size]
    for name, data in tiles.tiles(leaf.raw for leaf in raw):
        if not name.startswith("tile/entries/"):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)
    for leaf in raw:
        rows = _rows(shared, disclosure.blobs_of(leaf)) if disclosure.shown(leaf) else None
        if rows is None:
            hidden[leaf.kind] += 1
            continue
        shown += 1
        (place / f"{leaf.index}.json").write_bytes(leaf.raw)
        for digest, found in rows.items() if level == "evidence" else ():
            blob = out / "blobs" / "sha256" / digest[:2] / digest
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(found)
    signed = shared.signed
    (out / "vkey").write_text(f"{shared.log.vkey}\n", "utf-8")
    told = {"format": FORMAT, "level": level, "shown": shown, "hidden": dict(sorted(hidden.items()))}
    (out / MANIFEST).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", "utf-8")
    page = _README.format(level=level, name=signed.origin, size=signed.size, root=signed.root.hex(), shown=shown)
    (out / PAGE).write_text(page, "utf-8")
    (out / "checkpoint").write_bytes(shared.note)
    return {"level": level, "entries": signed.size, "shown": shown,
            "files": sum(path.is_file() for path in out.rglob("*"))}  # fmt: skip


def _rows(shared: Shared, digests: list[str]) -> dict[str, bytes] | None:
    """The blobs of these digests, if all are rows of numbers under a header that may be shown; else None."""
    found = {digest: shared.reader.get_blob(digest) for digest in digests}
    for data in found.values():
        try:
            header, _ = unpack(data)
        except (ValueError, TypeError, KeyError):
            return None
        if not disclosure.numbers_only(header):
            return None
    return found
