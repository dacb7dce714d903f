"""A tour of tampering: each done for real on a scratch copy of a ledger, and what the real verifier says of it.

Two hands: *somebody else*, who can write to the files but has no key, and *the owner*, who signs whatever he writes. To
play the owner, the copy gets a fresh key of its own (its first entry and everything signed names that), so that no key
of the ledger is read or needed.

Does not protect against: anything. It shows what ``audit`` sees, and what only somebody who remembers can see; a way
to tamper that is not in the list is not shown.
"""

from __future__ import annotations

import base64
import copy
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from selfproof.archive.evidence import pack, unpack
from selfproof.audit import audit
from selfproof.audit.sharing import HistoryDiffers, Shared
from selfproof.ledger import Leaf, read
from selfproof.ledger.frames import encode
from selfproof.ledger.merkle import Tree, leaf_hash
from selfproof.ledger.note import Checkpoint, Verifier
from selfproof.ledger.statement import STATEMENT_TYPE, canonical, document

OTHERS, OWNER, REMEMBERS = "somebody else", "the owner", "the owner, history anew"


class NothingLikeIt(Exception):
    """This ledger has no entry of the kind that a tampering needs."""


@dataclass(frozen=True)
class Told:
    """One tampering: by whose hand, what was done, what the verifier said.

    ``alone``: the verifier saw it with nothing but the ledger; ``remembered``: it took a checkpoint kept elsewhere.
    """

    hand: str
    did: str
    said: str
    index: int | None
    alone: bool
    remembered: bool

    @property
    def caught(self) -> bool:
        """Whether it was seen at all."""
        return self.alone or self.remembered


class Copy:
    """A scratch copy of a ledger, to tamper with; ``key`` is a fresh one with which it was signed anew."""

    def __init__(self, source: Path, folder: Path, key: Ed25519PrivateKey | None = None) -> None:
        self.folder, self._key = folder, key
        shutil.copytree(source, folder)
        signed = int((folder / "checkpoint").read_bytes().split(b"\n")[1])
        self.leaves: list[Leaf] = [leaf for leaf in read(folder).leaves() if leaf.index < signed]
        self.raws = [leaf.raw for leaf in self.leaves]
        self.write()  # without a tail that nobody signed yet: whoever drops that changes nothing that was promised
        self._name = (folder / "vkey").read_text("utf-8").partition("+")[0]
        if key is not None:
            vkey = self._verifier(key).vkey
            (folder / "vkey").write_text(f"{vkey}\n", encoding="utf-8")
            self.change(self.leaves[0], lambda body: body.update(vkey=vkey))
            self.sign()

    def _verifier(self, key: Ed25519PrivateKey) -> Verifier:
        return Verifier(self._name, key.public_key().public_bytes_raw())

    def find(self, kind: str, wanted: Callable[[dict[str, Any]], bool] = lambda body: True) -> Leaf:
        """The last entry of this kind whose body is as wanted.

        Raises:
            NothingLikeIt: there is none.
        """
        found = [leaf for leaf in self.leaves if leaf.kind == kind and wanted(leaf.body)]
        if not found:
            raise NothingLikeIt(f"it has no such {kind} entry")
        return found[-1]

    def change(self, leaf: Leaf, edit: Callable[[dict[str, Any]], object]) -> None:
        """Write another body at an entry's place."""
        statement = copy.deepcopy(document(leaf.raw))
        edit(statement["predicate"])
        assert statement["_type"] == STATEMENT_TYPE
        self.raws[leaf.index] = canonical(statement)

    def write(self) -> None:
        """Write the entries, each with a right checksum; the checkpoint stays as it was."""
        (self.folder / "log").write_bytes(b"".join(map(encode, self.raws)))

    def sign(self, key: Ed25519PrivateKey | None = None) -> None:
        """Write the entries and a checkpoint for them, by the copy's key or another."""
        key = key or self._key
        assert key is not None
        self.write()
        tree = Tree()
        for raw in self.raws:
            tree = tree.append(leaf_hash(raw))
        text = Checkpoint(self._name, tree.size, tree.root).text
        signed = base64.b64encode(self._verifier(key).key_id + key.sign(text.encode())).decode()
        (self.folder / "checkpoint").write_text(f"{text}\n— {self._name} {signed}\n", encoding="utf-8")

    def blob(self, digest: str) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / "sha256" / digest[:2] / digest

    def blobs(self) -> list[Path]:
        """Blobs that entries refer to, largest first: two of them, at least.

        Raises:
            NothingLikeIt: there are fewer.
        """
        files = [path for path in (self.folder / "blobs").rglob("*") if path.is_file() and path.stat().st_size]
        named = [path for path in sorted(files) if any(path.name.encode() in raw for raw in self.raws)]
        if len(named) < 2:
            raise NothingLikeIt("it has no two blobs")
        return sorted(named, key=lambda path: -path.stat().st_size)

    def put(self, data: bytes) -> dict[str, str]:
        """Store a blob of the tamperer's own."""
        digest = sha256(data).hexdigest()
        self.blob(digest).parent.mkdir(parents=True, exist_ok=True)
        self.blob(digest).write_bytes(data)
        return {"$blob": digest}


def _flip(it: Copy) -> None:
    data = bytearray((it.folder / "log").read_bytes())
    data[len(data) // 2] ^= 1
    (it.folder / "log").write_bytes(data)


def _rewrite(it: Copy) -> None:
    it.change(it.leaves[len(it.leaves) // 2], lambda body: body.update(note="it was not so"))
    it.write()


def _drop(it: Copy) -> None:
    del it.raws[len(it.raws) // 2]
    it.write()


def _reorder(it: Copy) -> None:
    at = len(it.raws) // 2
    it.raws[at - 1], it.raws[at] = it.raws[at], it.raws[at - 1]
    it.write()


def _truncate(it: Copy) -> None:
    log = it.folder / "log"
    os.truncate(log, log.stat().st_size - sum(len(raw) + 8 for raw in it.raws[-2:]))


def _alter_blob(it: Copy) -> None:
    path = it.blobs()[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def _swap_blobs(it: Copy) -> None:
    one, two = it.blobs()[:2]
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def _lose_blob(it: Copy) -> None:
    it.blobs()[0].unlink()


def _foreign_key(it: Copy) -> None:
    it.sign(Ed25519PrivateKey.generate())


def _plant(it: Copy) -> None:
    (it.folder / "certificate-of-excellence").write_text("certified", encoding="utf-8")


def _verdict(it: Copy) -> None:
    refused = it.find("verdict", lambda body: body["answer"] == "refused")
    it.change(refused, lambda body: body.update(answer="certified"))


def _alpha(it: Copy) -> None:
    start = it.find("confirm-start", lambda body: body["alpha_k"] > 0)
    it.change(start, lambda body: body.update(alpha_k=body["alpha_k"] * 10))


def _pairs(it: Copy) -> None:
    won = it.find("verdict", lambda body: body["answer"] != "refused").body["confirmation"]
    results = it.find("results", lambda body: body["confirmation"] == won)
    header, rows = unpack(it.blob(results.body["pairs"]["$blob"]).read_bytes())
    middle = len(rows[0]) // 2
    better = [(*row[middle:], *row[:middle]) if len(row) % 2 == 0 else (row[1], row[0], *row[2:]) for row in rows]
    it.change(results, lambda body: body.update(pairs=it.put(pack(header, better))))


def _tree(it: Copy) -> None:
    it.change(it.find("adopt"), lambda body: body.update(tree="0" * 64))


def _forget(it: Copy) -> None:
    later = it.find("confirm-start", lambda body: body["k"] > 1)
    it.change(later, lambda body: body.update(k=body["k"] - 1))


def _epoch(it: Copy) -> None:
    it.change(it.find("seed-reveal"), lambda body: body.update(key="00" * 32))


def _roll_back(it: Copy) -> None:
    del it.raws[-max(1, len(it.raws) // 3) :]


def _retell(it: Copy) -> None:
    leaf = it.find("propose")
    it.change(leaf, lambda body: body.update(retold=True))


TAMPERINGS: tuple[tuple[str, str, Callable[[Copy], None]], ...] = (
    (OTHERS, "one bit of the log is flipped", _flip),
    (OTHERS, "an entry is rewritten, its checksum made right", _rewrite),
    (OTHERS, "an entry is dropped", _drop),
    (OTHERS, "two entries change places", _reorder),
    (OTHERS, "the end of the log is cut off", _truncate),
    (OTHERS, "a byte of a blob is changed", _alter_blob),
    (OTHERS, "two blobs change names", _swap_blobs),
    (OTHERS, "a blob is removed", _lose_blob),
    (OTHERS, "the checkpoint is signed by another key", _foreign_key),
    (OTHERS, "a file is put beside the log", _plant),
    (OWNER, "a refused change is called certified", _verdict),
    (OWNER, "the level of a confirmation is raised tenfold", _alpha),
    (OWNER, "incumbent and candidate change places in the pairs", _pairs),
    (OWNER, "another tree is named as adopted", _tree),
    (OWNER, "a confirmation is not counted", _forget),
    (OWNER, "another key of the seeds is revealed", _epoch),
    (REMEMBERS, "the last third never happened", _roll_back),
    (REMEMBERS, "an entry that no rule looks at is told anew", _retell),
)


def tour(ledger: Path) -> tuple[list[Told], dict[str, str]]:
    """Try every tampering on a copy of its own; what was told of each, and {what: why} of those not possible here.

    The ledger itself is only read, and must be sound.
    """
    key = Ed25519PrivateKey.generate()
    told: list[Told] = []
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="selfproof-tamper-") as scratch:
        kept = Copy(ledger, Path(scratch) / "kept", key)  # what a witness saw: sound, under the fresh key
        note = (kept.folder / "checkpoint").read_bytes()
        for number, (hand, did, act) in enumerate(TAMPERINGS):
            folder = Path(scratch) / str(number)
            try:
                it = Copy(ledger, folder) if hand == OTHERS else Copy(kept.folder, folder, key)
                act(it)
                if hand != OTHERS:
                    it.sign()
            except NothingLikeIt as error:
                missing[did] = str(error)
            else:
                told.append(_asked(hand, did, folder, note))
            shutil.rmtree(folder, ignore_errors=True)
    return told, missing


def _asked(hand: str, did: str, folder: Path, note: bytes) -> Told:
    """What the verifier says: of the ledger alone and, where that is sound, beside the checkpoint that was kept."""
    result = audit(folder)
    if not result["ok"]:
        bad = result["first_bad"]
        return Told(hand, did, f"{bad['kind']}: {bad['reason']}", bad["index"], True, False)
    if hand != REMEMBERS:
        return Told(hand, did, "nothing", None, False, False)
    try:
        Shared(folder).against(note, "the checkpoint that was kept")
    except HistoryDiffers as error:
        return Told(hand, did, str(error), None, False, True)
    return Told(hand, did, "nothing", None, False, False)
