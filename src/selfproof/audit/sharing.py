"""What a stranger gets of a ledger: proofs of single entries, the log as static files, checkpoints to compare with.

Does not protect against:
- a reader who asks nobody else: two histories, each sound by itself, are only seen side by side
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from selfproof.ledger import Reader, read
from selfproof.ledger import tiles as tiling
from selfproof.ledger.cosignature import Cosigner, cosigned
from selfproof.ledger.hashes import Hashes
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.note import Checkpoint, checkpoint_of
from selfproof.ledger.openings import FOLDER
from selfproof.ledger.proof_file import Proof
from selfproof.ledger.replay import Replay, keys_at
from selfproof.nouns import SelfproofError, UsageError


class HistoryDiffers(SelfproofError):
    """The ledger is not what somebody was shown of it before."""

    exit_code = 4


class Shared:
    """A ledger folder as it is now, hashed once; ``witnessed`` is a cosigned note of it, if there is one."""

    def __init__(self, folder: Path, witnessed: Path | None = None) -> None:
        """Read and hash all entries.

        Raises:
            LedgerBroken: an entry, the key or the checkpoint does not read back.
        """
        self.folder, self.reader = folder, read(folder)
        self.hashes = Hashes(leaf_hash(leaf.raw) for leaf in self.reader.leaves())
        replay = Replay.of(folder)
        self.first, self.log = replay.verifier, replay.signers[0]
        self.keys = keys_at(folder, self.first, replay.checkpoint.size).chain
        self.note, self.signed = (folder / "checkpoint").read_bytes(), replay.checkpoint
        self.extends(self.signed, "its own checkpoint")
        self.cosigned = witnessed.read_bytes() if witnessed is not None and witnessed.is_file() else b""

    def checkpoint(self, note: bytes) -> Checkpoint:
        """What a note says that any key of this log signed, those that were replaced included; ValueError if none."""
        for key in self.keys[:0:-1]:
            with suppress(ValueError):
                return checkpoint_of(note, key)
        return checkpoint_of(note, self.first)

    def extends(self, earlier: Checkpoint, name: str) -> None:
        """Check that the log begins with what an earlier checkpoint says.

        Raises:
            HistoryDiffers: it does not.
        """
        if earlier.size > self.hashes.size:
            raise HistoryDiffers(
                f"{name} has {earlier.size} entries, this ledger {self.hashes.size}: the end of it is gone",
                advice="Find the longer copy; a ledger never becomes shorter.",
            )
        if self.hashes.root(earlier.size) != earlier.root:
            raise HistoryDiffers(
                f"the first {earlier.size} entries are not those of {name}: history was rewritten",
                advice="Somebody with the key signed two histories. Keep both copies: together they prove it.",
            )

    def against(self, note: bytes, name: str, cosigners: Sequence[Cosigner] = ()) -> tuple[Checkpoint, dict[str, int]]:
        """Compare with a checkpoint that somebody kept; returns it with the witnesses that cosigned it.

        Raises:
            HistoryDiffers: the ledger does not extend it.
            UsageError: it is no checkpoint of this log.
        """
        try:
            earlier = self.checkpoint(note)
        except ValueError as error:
            raise UsageError(f"{name} is no checkpoint of {self.log.name}: {error}") from None
        self.extends(earlier, name)
        return earlier, cosigned(note, cosigners)

    def proof(self, index: int) -> Proof:
        """A self-contained proof of one entry, by the cosigned checkpoint where that covers it.

        Raises:
            UsageError: there is no such entry, or no checkpoint covers it yet.
        """
        if not 0 <= index < self.signed.size:
            raise UsageError(f"no signed entry {index}", advice=f"There are the entries 0 to {self.signed.size - 1}.")
        note, at = self.note, self.signed
        if self.cosigned:
            seen = self.checkpoint(self.cosigned)
            note, at = (self.cosigned, seen) if index < seen.size else (note, at)
        (leaf,) = [leaf for leaf in self.reader.leaves(index) if leaf.index == index]
        return Proof(index, tuple(self.hashes.inclusion(index, at.size)), note, leaf.raw)

    def export(self, out: Path) -> int:
        """Write the signed part as static files, blobs included; returns how many files were written.

        Raises:
            UsageError: there is another log in that folder.
            HistoryDiffers: there is another history of this one.
            OSError: it cannot be written.
        """
        if (out / "vkey").is_file() and (out / "vkey").read_text("utf-8").strip() != self.first.vkey:
            raise UsageError(f"{out} holds another log", advice="Use an empty folder.")
        if (out / "checkpoint").is_file():
            self.against((out / "checkpoint").read_bytes(), str(out / "checkpoint"))
        _written(out / "vkey", f"{self.first.vkey}\n")
        raw = (leaf.raw for leaf in self.reader.leaves() if leaf.index < self.signed.size)
        try:
            written = tiling.export(raw, self.note, out)
        except ValueError as error:
            raise UsageError(str(error), advice="Use an empty folder, or the one of an earlier export.") from None
        return written + _copied(self.folder / "blobs", out / "blobs")

    def texts(self, out: Path) -> int:
        """Copy the openings of texts that may be taken out later: for an auditor, not for the public."""
        return _copied(self.folder / FOLDER, out / FOLDER)


def _copied(source: Path, target: Path) -> int:
    """Copy blobs that are not there yet."""
    count = 0
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        other = target / path.relative_to(source)
        if path.is_file() and not other.is_file():
            other.parent.mkdir(parents=True, exist_ok=True)
            aside = other.with_name(".new")
            aside.write_bytes(path.read_bytes())
            aside.replace(other)
            count += 1
    return count


def _written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def entry_named(reader: Reader, name: str) -> int:
    """The number of an entry: a number as `selfproof log` shows it, or v3 for the entry that adopted version 3.

    Raises:
        UsageError: there is no such entry.
    """
    if name.isdecimal() and len(name) < 16:
        return int(name)
    if name[:1] == "v" and name[1:].isdecimal():
        for leaf in reader.leaves():
            if leaf.kind == "adopt" and leaf.body["version"] == int(name[1:]):
                return leaf.index
    raise UsageError(f"no entry is called {name!r}", advice="Give a number from `selfproof log`, or v3 for version 3.")
