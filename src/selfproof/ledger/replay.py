"""Reading a ledger back: what its key signed, and entry by entry whether the log still says so.

Order of trust: entry 0 (genesis) names the key, `vkey` must repeat it, the checkpoint must be signed by it,
and the entries must hash to the checkpoint's root. Entries behind the checkpoint have checksums only.

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
from selfproof.ledger.note import Checkpoint, Verifier, parse_checkpoint


class Step(NamedTuple):
    """One whole record, and the tree of everything up to it."""

    frame: Frame
    tree: Tree


@dataclass(frozen=True)
class Replay:
    """A ledger folder whose genesis, key and checkpoint signature fit together."""

    folder: Path
    verifier: Verifier
    checkpoint: Checkpoint

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
        try:
            checkpoint = parse_checkpoint(_read(folder / "checkpoint", "checkpoint"), verifier)
            if checkpoint.size == 0:
                raise ValueError("covers no entry")
        except ValueError as error:
            raise LedgerBroken(None, "checkpoint", str(error)) from None
        return cls(folder, verifier, checkpoint)

    def steps(self) -> Iterator[Step]:
        """Yield every whole record; LedgerBroken at the first one that is not what was signed."""
        tree, signed = Tree(), self.checkpoint.size
        with open_log(self.folder) as file:
            for frame in scan(file, covered=signed):
                tree = tree.append(leaf_hash(frame.raw))
                if tree.size == signed and tree.root != self.checkpoint.root:
                    raise LedgerBroken(
                        None,
                        "log",
                        f"entries 0 to {signed - 1} do not hash to the signed root: one was rewritten",
                    )
                yield Step(frame, tree)


def _read(path: Path, kind: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LedgerBroken(None, kind, f"the file {path.name} is missing") from None
