"""What a backup holds of a program that may be running: a ledger that verifies, and the files beside it.

The log only grows, a blob is written before the entry that refers to it, and the signer never remembers more than the
log holds. So the signer's memory is read first, then the checkpoint, then as much of the log as is whole: together they
are a state that the program was in, or came through.

Does not protect against: a person who changes charter or tasks while they are copied; what the ledger does not cover
is copied as it lies there.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from selfproof.archive.state import State, apply
from selfproof.charter import load
from selfproof.ledger import LedgerBroken
from selfproof.ledger.blobs import Blobs
from selfproof.ledger.frames import open_log, scan
from selfproof.ledger.note import stated_size
from selfproof.ledger.openings import FOLDER, Openings, commitments, told
from selfproof.ledger.statement import blobs_of
from selfproof.ledger.verify import let_go
from selfproof.nouns import UsageError
from selfproof.places import PRIVATE, Paths

KEY = re.compile(r"key(\.[0-9]+)?")
MEMORY = re.compile(r"key(\.[0-9]+)?\.signed")
KEPT = ("witnessed", "spending", "approvals", "halts", "inbox", "models")
"""What of the private folder every backup holds."""
SECRET = ("epoch.key", "tokens")
"""What only one with the key holds, beside the keys: the seeds that are not revealed yet, the hashes of tokens."""
LEFT_OUT = frozenset({PRIVATE, "STOP", "__pycache__"})
LARGEST_MEMORY = 1 << 16


@dataclass
class Snapshot:
    """One state of a program: its entries up to the byte ``end`` of the log, and where its other files lie."""

    paths: Paths
    entries: int
    root: bytes
    end: int
    vkey: str
    state: State
    small: dict[str, bytes]
    """Files that must not change meanwhile, by their name in the backup."""
    files: dict[str, Path] = field(default_factory=dict)
    """All others, the log left out."""


def taken(folder: Path, *, with_key: bool) -> Snapshot:
    """Look at a program as it is now, running or not.

    Raises:
        UsageError: there is no program, or its key is not to be read.
        LedgerBroken: its ledger does not read back.
    """
    paths = Paths(folder)
    if not (paths.ledger / "log").is_file():
        raise UsageError(f"there is no program in {folder}", advice="Go to a program's folder, or name it with --at.")
    small = dict(_secrets(paths)) if with_key else {}
    for name in ("checkpoint", "vkey"):
        small[f"ledger/{name}"] = _bytes(paths.ledger / name)
    least = None if with_key else stated_size(small["ledger/checkpoint"])
    found = _entries(paths, small, least)
    for name in (*KEPT, *(SECRET if with_key else ())):
        found.files |= _below(paths.private / name, f"private/{name}")
    tree = load(paths.charter).program.tree
    for path in sorted(paths.folder.iterdir()):
        if path.name not in LEFT_OUT and path.name != tree.partition("/")[0]:
            found.files |= _below(path, f"folder/{path.name}")
    return found


def _secrets(paths: Paths) -> Iterator[tuple[str, bytes]]:
    """The signer's memory, then its keys."""
    names = sorted(path.name for path in paths.private.iterdir())
    if paths.moved.exists():
        raise UsageError(f"the program in {paths.folder} has moved away", advice="Back up the place where it lives.")
    for name in filter(MEMORY.fullmatch, names):
        yield f"private/{name}", _bytes(paths.private / name)
    keys = [name for name in names if KEY.fullmatch(name)]
    if not keys:
        raise UsageError(f"{paths.key} is not there", advice="Leave out --with-key, or go where the program lives.")
    for name in keys:
        yield f"private/{name}", _bytes(paths.private / name)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", advice="Do this as the account that runs the program."
        ) from None


def _entries(paths: Paths, small: dict[str, bytes], least: int | None) -> Snapshot:
    """The whole entries, ``least`` of them if that is said, and each blob and each text that they refer to."""
    from selfproof.ledger.merkle import Tree, leaf_hash

    openings, blobs, state, tree = Openings(paths.ledger), Blobs(paths.ledger), State(), Tree()
    wanted: dict[str, tuple[int, str]] = {}
    committed: dict[str, tuple[int, str]] = {}
    gone, end = set[str](), 0
    with open_log(paths.ledger) as file:
        for frame in scan(file, covered=least or 0):
            if least is not None and frame.number >= least:
                break
            leaf = frame.leaf()
            wanted |= dict.fromkeys(blobs_of(leaf.body), (leaf.index, leaf.kind))
            committed |= {digest: (leaf.index, leaf.kind) for _, digest in commitments(leaf.body)}
            gone |= set(let_go(leaf))
            tree, end = tree.append(leaf_hash(frame.raw)), frame.end
            apply(state, told(leaf, openings))
    files = {f"ledger/blobs/sha256/{digest[:2]}/{digest}": blobs.path(digest) for digest in wanted}
    for digest, (index, kind) in wanted.items():
        if not blobs.path(digest).is_file():
            del files[f"ledger/blobs/sha256/{digest[:2]}/{digest}"]
            if digest not in gone:
                raise LedgerBroken(index, kind, f"blob {digest} is missing")
    redacted = set(state.overseen.redacted.values())
    for digest, (index, kind) in committed.items():
        if (place := paths.ledger / FOLDER / digest).is_file():
            files[f"ledger/{FOLDER}/{digest}"] = place
        elif digest not in redacted:
            raise LedgerBroken(index, kind, f"the text of commitment {digest} is gone")
    vkey = small["ledger/vkey"].decode().strip()
    return Snapshot(paths, tree.size, tree.root, end, vkey, state, small, files)


def _below(place: Path, name: str) -> dict[str, Path]:
    """Plain files at or below a place, without links, sockets, caches and what is half written."""
    if place.is_symlink():
        return {}
    if not place.is_dir():
        return {name: place} if place.exists() and stat.S_ISREG(place.lstat().st_mode) else {}
    found: dict[str, Path] = {}
    for where, folders, names in os.walk(place):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for one in sorted(names):
            path = Path(where, one)
            if stat.S_ISREG(path.lstat().st_mode) and path.suffix not in {".new", ".pyc"}:
                found[f"{name}/{path.relative_to(place).as_posix()}"] = path
    return found
