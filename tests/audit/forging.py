"""A key holder who rewrites history: the same ledger again, with some leaves changed and everything signed anew."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from selfproof.archive.evidence import pack, unpack
from selfproof.ledger import Leaf, Ledger, Reader, read

Body = dict[str, Any]


@dataclass
class Entry:
    """One leaf to be written; change ``kind`` and ``body`` as you like."""

    index: int
    kind: str
    body: Body
    time: str


class Forger:
    """The entries of a real ledger, and its key."""

    def __init__(self, life: Path) -> None:
        self.key = life / ".selfproof" / "key"
        self.source: Reader = read(life / ".selfproof" / "ledger")
        self.entries = [self._entry(leaf) for leaf in self.source.leaves()]
        self.new_blobs: list[bytes] = []

    @staticmethod
    def _entry(leaf: Leaf) -> Entry:
        body = copy.deepcopy(leaf.body)
        time = body.pop("time")
        return Entry(leaf.index, leaf.kind, body, time)

    def find(self, kind: str, wanted: Callable[[Body], bool] = lambda body: True, skip: int = 0) -> Entry:
        """The entry of this kind whose body is as wanted; the first, or one further on."""
        found = [e for e in self.entries if e.kind == kind and wanted(e.body)]
        assert len(found) > skip, f"the life has no such {kind} entry"
        return found[skip]

    def of(self, kind: str, confirmation: int) -> Entry:
        """The entry of this kind that belongs to a confirmation."""
        return self.find(kind, lambda body: body.get("confirmation") == confirmation)

    def adopted(self, skip: int = 0) -> Entry:
        """The confirm-start of an adopted change of the memory."""
        start = self.find("adopt", lambda body: body["objective"] == "memory", skip).body["confirmation"]
        return self.entries[start]

    def blob(self, data: bytes) -> dict[str, str]:
        """A blob of the forger's own."""
        from hashlib import sha256

        self.new_blobs.append(data)
        return {"$blob": sha256(data).hexdigest()}

    def rows(self, reference: dict[str, str]) -> tuple[Body, list[list[float]]]:
        """Header and rows of an evidence blob."""
        header, rows = unpack(self.source.get_blob(reference["$blob"]))
        return header, [list(row) for row in rows]

    def evidence(self, header: Body, rows: list[list[float]]) -> dict[str, str]:
        """Changed evidence as a blob."""
        return self.blob(pack(header, rows))

    def append(self, kind: str, body: Body) -> Entry:
        """One more entry at the end."""
        entry = Entry(len(self.entries), kind, body, self.entries[-1].time)
        self.entries.append(entry)
        return entry

    def cut(self, size: int) -> None:
        """Forget the entries from ``size`` on."""
        del self.entries[size:]

    def sign(self, folder: Path) -> Path:
        """Write a ledger of these entries under the same key; sound in itself, whatever it says.

        The key is a copy: the signer remembers beside the true one what it signed.
        """
        key = folder.with_name(folder.name + ".key")
        key.write_bytes(self.key.read_bytes())
        key.chmod(0o600)
        times = iter([e.time for e in self.entries])
        genesis = {k: v for k, v in self.entries[0].body.items() if k != "vkey"}
        program = genesis["program"]
        with Ledger.create(folder, key, program_id=program, genesis=genesis, clock=lambda: moment(times)) as ledger:
            for blob in self.new_blobs:
                ledger.put_blob(blob)
            for entry in self.entries[1:]:
                for digest in set(digests(entry.body)):
                    if not (folder / "blobs" / "sha256" / digest[:2] / digest).exists():
                        ledger.put_blob(self.source.get_blob(digest))
                ledger.append(entry.kind, entry.body)
        return folder


def digests(value: Any) -> Iterator[str]:
    """Every blob that a body refers to."""
    if isinstance(value, dict):
        if set(value) == {"$blob"}:
            yield value["$blob"]
        else:
            for item in value.values():
                yield from digests(item)
    elif isinstance(value, list):
        for item in value:
            yield from digests(item)


def moment(times: Iterator[str]) -> datetime:
    return datetime.fromisoformat(next(times))
