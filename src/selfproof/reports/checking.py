"""Check a publication with nothing but it and the log's key: what could be checked, what could not, what is wrong.

Does not protect against: entries that are not shown, of which nothing but their place is known; false results; a second
history under the same key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfproof.audit import audit
from selfproof.audit.bundle import unpacked
from selfproof.audit.sharing import Shared
from selfproof.ledger import LedgerBroken
from selfproof.ledger.hashes import HASH, Hashes
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.note import Verifier, checkpoint_of
from selfproof.ledger.statement import Statement, parse_statement
from selfproof.ledger.tiles import WIDTH, path_of, subtree, widths
from selfproof.nouns import UsageError
from selfproof.reports import recomputing
from selfproof.reports.publishing import ENTRIES, FORMAT, MANIFEST, PAGE

KNOWN = {"checkpoint", "vkey", MANIFEST, PAGE}
MOST_LEAF = 1 << 16


@dataclass
class Checked:
    """What came of it: ``wrong`` is what does not hold, in words; ``not_checked`` what this level cannot show."""

    level: str
    entries: int = 0
    root: str = ""
    shown: int = 0
    checked: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    improvements: list[dict[str, Any]] = field(default_factory=list)

    def count(self, what: str) -> None:
        """One more of what was checked and held."""
        self.checked[what] = self.checked.get(what, 0) + 1

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"ok": not self.wrong, "level": self.level, "entries": self.entries, "root": self.root,
                "shown": self.shown, "checked": self.checked, "wrong": self.wrong, "not_checked": self.not_checked,
                "improvements": self.improvements}  # fmt: skip


def check(folder: Path, key: str) -> Checked:
    """Check a publication.

    Raises:
        UsageError: that is no publication, or no key.
        LedgerBroken: of a bundle: it cannot be read.
    """
    try:
        log = Verifier.parse(key)
    except ValueError as error:
        raise UsageError(f"that is no key: {error}", advice="A log's key is the file vkey in its ledger.") from None
    if not (folder / MANIFEST).is_file():
        return _bundle(folder, log)
    try:
        told = json.loads((folder / MANIFEST).read_text("utf-8"))
        level = str(told["level"]) if told["format"] == FORMAT else ""
    except (ValueError, TypeError, KeyError):
        level = ""
    if level not in {"commitments", "evidence"}:
        raise UsageError(f"{folder} is no publication", advice="`selfproof publish` writes one.")
    result = Checked(level)
    try:
        signed = checkpoint_of((folder / "checkpoint").read_bytes(), log)
        hashes = _hashes(folder, signed.size)
    except (OSError, ValueError) as error:
        result.wrong.append(str(error))
        return result
    result.entries, result.root = signed.size, signed.root.hex()
    if Hashes(hashes).root(signed.size) != signed.root:
        result.wrong.append("the hashes do not give the root that was signed")
        return result
    result.count("signature of the checkpoint")
    result.count("root, from all leaf hashes")
    entries = _entries(folder, hashes, result)
    _no_strays(folder, entries, result)
    if level == "evidence":
        _blobs(folder, entries, result)
    if not result.wrong:
        recomputing.recompute(entries, _rows_in(folder) if level == "evidence" else None, result)
    result.not_checked += [
        f"{signed.size - len(entries)} entries of {signed.size} are not shown: "
        "candidates, files, titles, charter, approvals",
        "whether results were true when they were recorded, and whether this is the only history",
    ]
    if level == "commitments":
        result.not_checked.insert(0, "bets, guards, canaries and effects: their pairs are not published at this level")
    return result


def _bundle(folder: Path, log: Verifier) -> Checked:
    """Level code is a bundle, and is verified as one."""
    result = Checked("code")
    with unpacked(folder) as ledger:
        shared = Shared(ledger)
        if log.vkey not in {shared.first.vkey, shared.log.vkey}:  # its first key, or the one that signs now
            result.wrong.append("the bundle's key is another one")
            return result
        found = audit(ledger)
    result.entries = result.shown = found["entries"]
    result.root = found["root"]
    if found["ok"]:
        result.checked = {"every entry against those before it": found["entries"]}
    else:
        result.wrong.append(str(found["first_bad"]))
    result.not_checked.append("whether results were true when they were recorded, and whether this is the only history")
    return result


def _hashes(folder: Path, size: int) -> list[bytes]:
    """All leaf hashes, with each tile above them compared with what they give."""
    row: list[bytes] = []
    for number, width in widths(size, 0):
        data = (folder / path_of(0, number, width)).read_bytes()
        if len(data) != width * HASH:
            raise ValueError(f"{path_of(0, number, width)} has another length")
        row += [data[at : at + HASH] for at in range(0, len(data), HASH)]
    leaves, level = row, 1
    while len(row) >= WIDTH:
        row = [subtree(b"".join(row[at : at + WIDTH])) for at in range(0, len(row) - WIDTH + 1, WIDTH)]
        for number, width in widths(size, level):
            wanted = b"".join(row[number * WIDTH : number * WIDTH + width])
            if (folder / path_of(level, number, width)).read_bytes() != wanted:
                raise ValueError(f"{path_of(level, number, width)} is not what the hashes give")
        level += 1
    return leaves


def _entries(folder: Path, hashes: list[bytes], result: Checked) -> dict[int, Statement]:
    found: dict[int, Statement] = {}
    for path in sorted((folder / ENTRIES).iterdir()) if (folder / ENTRIES).is_dir() else ():
        name = path.stem
        sound = path.suffix == ".json" and name.isdecimal() and str(int(name)) == name and not path.is_symlink()
        if not sound or int(name) >= len(hashes) or path.stat().st_size > MOST_LEAF:
            result.wrong.append(f"{ENTRIES}/{path.name} does not belong here")
            continue
        raw = path.read_bytes()
        if leaf_hash(raw) != hashes[int(name)]:
            result.wrong.append(f"entry {name} is not the one that was signed")
            continue
        try:
            found[int(name)] = parse_statement(raw)
        except ValueError as error:
            result.wrong.append(f"entry {name}: {error}")
            continue
        result.count("entries shown, by their leaf hash")
    result.shown = len(found)
    return dict(sorted(found.items()))


def _no_strays(folder: Path, entries: dict[int, Statement], result: Checked) -> None:
    """Files that are no part of a publication: nothing would have checked them."""
    wanted = {digest for one in entries.values() for digest in recomputing.blobs_of(one)}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_symlink():
            result.wrong.append(f"{inside} is a link")
        elif path.is_file():
            top, blob = inside.parts[0], inside.parts[0] == "blobs" and path.name in wanted
            tile = top == "tile" and inside.parts[1].isdecimal()
            if not (str(inside) in KNOWN or blob or tile or top == ENTRIES):
                result.wrong.append(f"{inside} does not belong here")


def _blobs(folder: Path, entries: dict[int, Statement], result: Checked) -> None:
    """At level evidence every blob that a shown entry refers to is there, and is what it is named."""
    rows = _rows_in(folder)
    for digest in sorted({digest for one in entries.values() for digest in recomputing.blobs_of(one)}):
        try:
            rows(digest)
        except LedgerBroken as error:
            result.wrong.append(error.reason)
        else:
            result.count("recorded pairs, by the hash that entries name")


def _rows_in(folder: Path) -> Callable[[str], bytes]:
    def rows(digest: str) -> bytes:
        path = folder / "blobs" / "sha256" / digest[:2] / digest
        data = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(data).hexdigest() != digest:
            raise LedgerBroken(None, "blob", f"blob {digest} is missing or altered")
        return data

    return rows
