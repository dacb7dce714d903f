"""Reading a ledger back: what its key signed, and entry by entry whether the log still says so.

Order of trust: entry 0 (genesis) names the key, `vkey` must repeat it, the checkpoint must be signed by it or by those
that followed it (`rotation.py`), and the entries must hash to the checkpoint's root. Entries behind the checkpoint have
checksums only.

Does not protect against:
- the key holder rewriting history, or old files put back as a whole (that takes a witness)
- changes, made together with their checksums, to entries that no checkpoint covers yet
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from selfproof.ledger.errors import LedgerBroken
from selfproof.ledger.frames import Frame, open_log, scan
from selfproof.ledger.merkle import Tree, leaf_hash
from selfproof.ledger.note import Checkpoint, Verifier, parse_checkpoint, signature_lines, stated_size
from selfproof.ledger.rotation import KINDS, Keys, may_turn


class Step(NamedTuple):
    """One whole record, and the tree of everything up to it."""

    frame: Frame
    tree: Tree


@dataclass
class Replay:
    """A ledger folder whose genesis, keys and checkpoint signatures fit together.

    `verifier` is the first key; `keys` are those behind the last step that was taken.
    """

    folder: Path
    verifier: Verifier
    checkpoint: Checkpoint
    keys: Keys
    signers: tuple[Verifier, ...]

    @classmethod
    def of(cls, folder: Path) -> "Replay":
        """Read genesis, vkey and checkpoint; LedgerBroken where they do not fit."""
        with open_log(folder) as file:
            genesis = next(scan(file, covered=1)).leaf()
        vkey = genesis.body.get("vkey")
        try:
            if genesis.kind != "genesis" or not isinstance(vkey, str):
                raise ValueError("the first entry must be a genesis that names the log's key")
            verifier = Verifier.parse(vkey)
        except ValueError as error:
            raise LedgerBroken(0, genesis.kind, str(error)) from None
        if _read(folder / "vkey", "vkey") != f"{vkey}\n".encode():
            raise LedgerBroken(None, "vkey", "not the key that the genesis entry names")
        note = _read(folder / "checkpoint", "checkpoint")
        try:
            signers: tuple[Verifier, ...] = (verifier,)
            if [blob[:4] for _, blob in signature_lines(note)[1]] != [verifier.key_id]:  # then other keys have followed
                signers = keys_at(folder, verifier, stated_size(note)).in_force
            checkpoint = parse_checkpoint(note, signers)
            if checkpoint.size == 0:
                raise ValueError("covers no entry")
        except ValueError as error:
            raise LedgerBroken(None, "checkpoint", str(error)) from None
        return cls(folder, verifier, checkpoint, Keys((verifier,)), signers)

    def steps(self) -> Iterator[Step]:
        """Yield every whole record; LedgerBroken at the first one that is not what was signed."""
        signed, self.keys = self.checkpoint.size, Keys((self.verifier,))
        for step, keys in _turning(self.folder, self.verifier, signed):
            if step.tree.size == signed:
                if step.tree.root != self.checkpoint.root:
                    reason = f"entries 0 to {signed - 1} do not hash to the signed root: one was rewritten"
                    raise LedgerBroken(None, "log", reason)
                if self.keys.in_force != self.signers:  # those before this entry: a key takes effect behind it
                    raise LedgerBroken(None, "checkpoint", "signed by other keys than those in force")
            self.keys = keys
            yield step


def _turning(folder: Path, first: Verifier, covered: int) -> Iterator[tuple[Step, Keys]]:
    """Every whole record with its tree, and the keys behind it."""
    tree, keys = Tree(), Keys((first,))
    with open_log(folder) as file:
        for frame in scan(file, covered=covered):
            if may_turn(frame.raw):
                leaf = frame.leaf()
                try:
                    keys = keys.follow(leaf.kind, leaf.body, tree.size, tree.root) if leaf.kind in KINDS else keys
                except (ValueError, KeyError, TypeError) as error:
                    raise LedgerBroken(leaf.index, leaf.kind, f"not a key that may follow: {error}") from None
            tree = tree.append(leaf_hash(frame.raw))
            yield Step(frame, tree), keys


def keys_at(folder: Path, first: Verifier, size: int) -> Keys:
    """The keys that a checkpoint of this size is signed with: those behind the entry before its last."""
    found = Keys((first,))
    for step, keys in _turning(folder, first, 0):
        if step.tree.size >= size:
            break
        found = keys
    return found


def _read(path: Path, kind: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LedgerBroken(None, kind, f"the file {path.name} is missing") from None
