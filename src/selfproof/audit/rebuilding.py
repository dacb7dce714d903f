"""A program's folder from its ledger and blobs alone: every version, the repository, the charter, the archive.

What no entry says cannot come back, and is not made up: the log's key, the key of an epoch that is not revealed, the
tasks (the ledger has their hashes), the experience of this machine, and what a search held in memory only.

Does not protect against: a ledger that was not verified before; whoever calls this does that first.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from selfproof.adopt import repo
from selfproof.archive.state import State, apply
from selfproof.archive.store import SqliteArchive
from selfproof.archive.tree import tree_hash
from selfproof.charter import Charter, parse
from selfproof.ledger import LedgerBroken, Reader, read
from selfproof.nouns import UsageError
from selfproof.places import PRIVATE, Paths
from selfproof.retention.rows import kept


def rebuild(ledger: Path, out: Path) -> dict[str, Any]:
    """Write into ``out``, a new or empty folder, what the ledger says; returns what was written and what cannot be.

    Raises:
        UsageError: there is something in that folder.
        LedgerBroken: an entry or a blob does not read back, a version's files do not hash to its tree, or one of them
            would lie outside.
        OSError: it cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty", advice="Use a new folder.")
    charter, state = _folded(read(ledger))
    _stay_inside(charter, state)
    paths = Paths(out)
    paths.private.mkdir(mode=0o700, parents=True)
    shutil.copytree(ledger, paths.ledger)
    reader = read(paths.ledger)
    paths.charter.write_bytes(reader.get_blob(state.charter["charter"]))
    if named := state.charter.get("approvers"):
        (out / charter.autonomy.approvers).write_bytes(reader.get_blob(named["$blob"]))
    commits = _program(reader, out / charter.program.tree)
    archive = SqliteArchive(paths.archive, kept(reader.get_blob, state.overseen.let_go))
    archive.refill(reader.leaves())
    counts = archive.counts()
    archive.close()
    return {
        "folder": str(out), "entries": reader.size, "root": reader.root.hex(), "version": state.current,
        "tree": state.now.tree, "commits": commits, "archive": counts,
        "missing": {"tasks": state.charter["tasks"], "open_epoch": bool(state.open_epoch), "key": True},
    }  # fmt: skip


def _folded(reader: Reader) -> tuple[Charter, State]:
    state = State()
    for leaf in reader.leaves():
        apply(state, leaf)
    return parse(reader.get_blob(state.charter["charter"]).decode()), state


def _stay_inside(charter: Charter, state: State) -> None:
    """A stranger's ledger names the files that are written: none may lie elsewhere, or in git's own folder.

    Raises:
        LedgerBroken: one does.
    """
    names = [charter.program.tree, *(path for version in state.versions for path in version.files)]
    if state.charter.get("approvers"):
        names.append(charter.autonomy.approvers)
    for name in names:
        parts = [part.lower() for part in PurePosixPath(name).parts]
        if name.startswith("/") or not parts or {"..", ".git", PRIVATE} & set(parts):
            raise LedgerBroken(None, "adopt", f"{name!r} is no place for a program's file")


def _program(reader: Reader, tree: Path) -> int:
    """Every version in its order, as the commits that carried it out; returns how many."""
    tree.mkdir(parents=True)
    repo.create(tree)
    state, commits = State(), 0
    for leaf in reader.leaves():
        apply(state, leaf)
        if leaf.kind not in {"genesis", "adopt", "rollback"}:
            continue
        now = state.now
        files = {path: reader.get_blob(digest).decode() for path, digest in now.files.items()}
        if tree_hash(files) != now.tree:
            raise LedgerBroken(leaf.index, leaf.kind, "the version's files do not hash to its tree")
        back = f"rollback to version {now.number}: {leaf.body['reason']}\n" if leaf.kind == "rollback" else ""
        repo.commit(tree, files, back or now.message, leaf.time)
        commits += 1
    return commits
