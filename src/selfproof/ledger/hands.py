"""The signers of a log, one for each key in force, and what each of them has still to sign.

Does not protect against:
- what the signers do not protect against (`signer.py`)
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from selfproof.ledger.errors import LedgerBroken
from selfproof.ledger.merkle import Tree
from selfproof.ledger.note import Checkpoint, parse_checkpoint
from selfproof.ledger.rotation import Keys, key_file
from selfproof.ledger.signing import Signing


class Hand:
    """One signer, and the hashes of the entries after what it has signed."""

    def __init__(self, signing: Signing, hashes: Sequence[bytes] = ()) -> None:
        """Take the hashes of all entries; LedgerBroken if what the signer remembers is not how they begin."""
        self.signing, size = signing, signing.signed.size
        tree = Tree()
        for leaf in hashes[:size]:
            tree = tree.append(leaf)
        if size > len(hashes) or tree.root != signing.signed.root:  # a checkpoint may be behind its signer, never a log
            here = f"{len(hashes)} are here" if size > len(hashes) else "not these"
            raise LedgerBroken(None, "signed", f"{size} entries were signed, {here}: an older copy, or rewritten")
        self.unsigned = list(hashes[size:])

    def append(self, size: int, leaf: bytes) -> None:
        """Take the hash of the entry after `size` others; of what was taken back since, nothing is left."""
        del self.unsigned[size - self.signing.signed.size :]
        self.unsigned.append(leaf)

    def sign(self, size: int, root: bytes) -> bytes:
        """Return a signed note for the first `size` entries. Raises as `Signing.sign`."""
        done = self.signing.signed.size
        note = self.signing.sign(self.unsigned[: size - done], root)
        self.unsigned = self.unsigned[size - done :]
        return note


class Hands:
    """All signers of a log, the newest key's first."""

    def __init__(self, first: Path, keys: Keys, hands: Sequence[Hand]) -> None:
        """Take the signers of the keys in force; `first` is where the log's first key lies."""
        self._first, self.keys, self._hands = first, keys, list(hands)

    @classmethod
    def start(cls, first: Path, keys: Keys, hashes: Sequence[bytes]) -> "Hands":
        """Start a signer for each key in force, with the hashes of all entries. Raises as `Signing` and `Hand`."""
        with ExitStack() as undo:
            hands = []
            for verifier in keys.in_force:
                signing = Signing(key_file(first, keys.chain.index(verifier)), verifier.name, verifier)
                undo.callback(signing.close)
                hands.append(Hand(signing, hashes))
            undo.pop_all()
        return cls(first, keys, hands)

    @property
    def signings(self) -> list[Signing]:
        """The signers themselves."""
        return [hand.signing for hand in self._hands]

    def append(self, size: int, leaf: bytes) -> None:
        """Take the hash of the entry after `size` others."""
        for hand in self._hands:
            hand.append(size, leaf)

    def sign(self, size: int, root: bytes) -> bytes:
        """Return a note that all of them signed.

        Raises as `Signing.sign`; LedgerBroken if what comes is not what was asked for.
        """
        notes = [hand.sign(size, root) for hand in self._hands]
        note = notes[0] + b"".join(one.rpartition(b"\n\n")[2] for one in notes[1:])
        said = parse_checkpoint(note, [signing.signed.verifier for signing in self.signings])
        if said != Checkpoint(said.origin, size, root):
            raise LedgerBroken(None, "signed", "a signer signed something else than it was asked to")
        return note

    def next_key(self) -> tuple[str, bytes]:
        """Make the key that is to come (or find it); its vkey, and a note by it and the newest one over what is signed.

        Raises as `Signing`.
        """
        return self._hands[0].signing.next_key(key_file(self._first, len(self.keys.chain)))

    def close(self) -> None:
        """End them; closing twice is fine."""
        for signing in self.signings:
            signing.close()
