"""The process that holds a log's key, and remembers what it signed: it signs that log growing, and nothing else.

The engine starts it (`signing.py`) and sends it the hashes of new entries. The signer appends them to the tree that it
remembers itself and signs that, if it has the root that the engine has: there is no way to ask for anything but an
extension of what it signed before. That is on disk beside the key before a signature leaves, and so holds after a
restart and a power cut:

    KEY           the seed (keys.py)
    KEY.signed    two slots, written in turn: SHA-256 of the rest and the vkey | size | roots of the complete subtrees

As root it gives both files to an account that nobody else uses, and becomes that.

Does not protect against:
- root, and without an account of its own any process of the same account that reads the key's file
- an engine that somebody took over: it cannot take entries back, but it can have any be added
- older copies of the ledger, the key and its memory put back together (that takes a witness)
"""

import ctypes
import fcntl
import os
from hashlib import sha256
from pathlib import Path

from selfproof.ledger.errors import LedgerBroken
from selfproof.ledger.files import replace_file, sync_folder
from selfproof.ledger.keys import make_key, read_key
from selfproof.ledger.merkle import Tree
from selfproof.ledger.note import Checkpoint, Signer, sign_note
from selfproof.ledger.rotation import statement

ACCOUNT = 61000  # in a range that systems leave alone, below what the jail takes where there are but 65536
SLOT = 4096
AT_ONCE = 1024
MORE, SIGN = b"+", b"="  # what the engine says: up to AT_ONCE leaf hashes; the root that they must make
DONE, FAILED = b".", b"!"
_PR_SET_DUMPABLE = 4


class Memory:
    """The tree that was signed last; whoever else opens the same file waits until this process has ended."""

    def __init__(self, path: Path, vkey: str) -> None:
        """Open or make the file; LedgerBroken if neither slot holds what a signer with this key wrote."""
        self._vkey = vkey.encode()
        if not path.exists():
            replace_file(path, path.with_name(path.name + ".new"), self._slot(Tree()) + bytes(SLOT), durable=True)
            sync_folder(path.parent)
        self.fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        trees = [self._read(os.pread(self.fd, SLOT, at)) for at in (0, SLOT)]
        if not any(trees):
            raise LedgerBroken(None, "signed", f"{path} is damaged, or another key's: what was signed is not known")
        self.tree = max(filter(None, trees))
        self._at = trees.index(self.tree) * SLOT

    def keep(self, tree: Tree) -> None:
        """Have a tree on disk; the one before it stays readable until then."""
        at = SLOT - self._at
        os.pwrite(self.fd, self._slot(tree), at)
        os.fdatasync(self.fd)
        self.tree, self._at = tree, at

    def _slot(self, tree: Tree) -> bytes:
        body = tree.size.to_bytes(8) + b"".join(tree.peaks)
        return (sha256(body + self._vkey).digest() + body).ljust(SLOT, b"\0")

    def _read(self, slot: bytes) -> Tree | None:
        size = int.from_bytes(slot[32:40])
        tree = Tree(size, tuple(slot[at : at + 32] for at in range(40, 40 + 32 * size.bit_count(), 32)))
        return tree if self._slot(tree) == slot else None


def lock_up() -> None:
    """Let no other process of the account look into this one, and have it leave no core file."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refuses PR_SET_DUMPABLE")


def take_account(key: int, memory: int) -> bool:
    """Become an account that nobody else uses, and give it the files, if root owns them; whether that was done."""
    owner = os.fstat(key).st_uid
    if os.geteuid() != 0 or owner not in (0, ACCOUNT):
        return False  # a person's key stays that person's
    try:
        os.setgroups([])
        os.setresgid(ACCOUNT, ACCOUNT, ACCOUNT)
        for file in (key, memory):
            os.fchown(file, ACCOUNT, ACCOUNT)
        os.setresuid(ACCOUNT, ACCOUNT, ACCOUNT)
    except OSError:  # a container without that account, or root that may not change to another
        if owner == ACCOUNT:
            raise
        for file in (key, memory):
            os.fchown(file, owner, -1)
        return False
    return True


def serve(signer: Signer, memory: Memory) -> None:
    """Answer on standard input, a socket that keeps messages apart, until its other end is closed."""
    tree = memory.tree
    while message := os.read(0, 1 + 32 * AT_ONCE):
        if message[:1] == MORE and len(message) % 32 == 1:
            for at in range(1, len(message), 32):
                tree = tree.append(message[at : at + 32])
        elif message == SIGN + tree.root:
            memory.keep(tree)
            os.write(0, DONE + sign_note(Checkpoint(signer.name, tree.size, tree.root).text, signer))
        else:
            raise LedgerBroken(
                None, "signed", f"what is to be signed does not extend the {memory.tree.size} entries that were"
            )


def hand_over(old: Signer, place: Path, tree: Tree, name: str) -> bytes:
    """The vkey of the key that follows, made if it is not there, and a note by both over what was signed last."""
    new = Signer(name, make_key(place))
    text = statement(name, tree.size, tree.root, new.verifier.vkey)
    lines = [sign_note(text, one).rpartition(b"\n\n")[2] for one in (new, old)]
    return new.verifier.vkey.encode() + b"\n" + text.encode() + b"\n" + b"".join(lines)


def main(key: str, name: str, vkey: str, following: str = "") -> None:
    """Say who signs and what was signed last, then serve; what goes wrong is the last message.

    A key that is missing is made where no vkey says which it must be. With ``following``, where the next key is to lie,
    it only hands over to that one. No message to a signer that serves can ask for this.
    """
    try:
        lock_up()
        path = Path(key)
        signer = Signer(name, read_key(path) if vkey else make_key(path))
        if vkey not in ("", signer.verifier.vkey):
            raise LedgerBroken(None, "key", f"{path} is not the key of this ledger")
        vkey = signer.verifier.vkey
        memory = Memory(path.with_name(path.name + ".signed"), vkey)
        if following:
            os.write(0, DONE + hand_over(signer, Path(following), memory.tree, name))
            return
        with path.open() as file:
            own = take_account(file.fileno(), memory.fd)
        lock_up()  # a change of account may have cleared it
        tree = memory.tree
        os.write(0, DONE + bytes([own]) + tree.size.to_bytes(8) + tree.root + vkey.encode())
        serve(signer, memory)
    except (LedgerBroken, OSError, ValueError) as error:
        kind, reason = (error.kind, error.reason) if isinstance(error, LedgerBroken) else ("", str(error))
        os.write(0, FAILED + f"{kind}\n{reason}".encode())
