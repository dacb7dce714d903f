"""Moving house: the log says that the program goes, a backup holds it, and the old place can sign no longer.

    out    the last entry of the old place; from there on nothing is tried or adopted
           then the backup with the key; then the old place's keys are renamed (`key.moved`), so that nothing can sign
    in     written where a backup with the key is restored, moved or not: from there on it goes on
    back   it stays where it was after all; never type that once the backup is restored elsewhere

A kill in between leaves a program that refuses to run and says what to type.

Does not protect against: a copy of the key that somebody made; `back` in the old place after `in` in the new one, which
makes two histories (whoever keeps a checkpoint of either can prove it).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfproof.archive.state import fold
from selfproof.keeping import backup
from selfproof.keeping.snapshot import KEY
from selfproof.ledger import Ledger
from selfproof.ledger.files import sync_folder
from selfproof.moved import check_here
from selfproof.nouns import UsageError
from selfproof.places import Paths


def move(folder: Path, out: Path, by: str) -> dict[str, Any]:
    """Write a backup with which the program can live elsewhere, and retire it here; what is in the backup.

    Typed again after a kill it goes on where it was.

    Raises:
        UsageError: a run is going on, it has moved already, or the file is there already.
        SelfproofError: as ``backup.write``.
    """
    paths = Paths(folder)
    if not paths.ledger.is_dir():
        raise UsageError(f"there is no program in {folder}", advice="Go to a program's folder, or name it with --at.")
    check_here(paths)
    if out.exists():  # before anything is written
        raise UsageError(f"{out} is there already", advice="Name a new file; nothing is overwritten.")
    with Ledger.open(paths.ledger, paths.key) as ledger:
        if fold(ledger.leaves()).overseen.moved is None:
            _append(ledger, "out", by)
        told = backup.write(folder, out, with_key=True, moved=True)
        for path in sorted(path for path in paths.private.iterdir() if KEY.fullmatch(path.name)):
            path.rename(path.with_name(path.name.replace("key", "key.moved", 1)))
        sync_folder(paths.private)
    return told


def back(folder: Path, by: str) -> int:
    """Let a program that was to move, and never did, live on where it was; the number of the entry that says so.

    Raises:
        UsageError: it has not moved.
    """
    paths = Paths(folder)
    for path in sorted(paths.private.glob("key.moved*")) if paths.private.is_dir() else ():
        path.rename(path.with_name(path.name.replace("key.moved", "key", 1)))
    with Ledger.open(paths.ledger, paths.key) as ledger:
        if fold(ledger.leaves()).overseen.moved is None:
            raise UsageError(f"the program in {folder} has not moved", advice="Type `selfproof run` to go on.")
        return _append(ledger, "back", by)


def entered(folder: Path, told: dict[str, Any], by: str) -> int:
    """Log that a program was restored here, from a backup of that manifest; the entry's number."""
    paths = Paths(folder)
    with Ledger.open(paths.ledger, paths.key) as ledger:
        return _append(ledger, "in", by, backup=told["made"])


def _append(ledger: Ledger, what: str, by: str, **more: Any) -> int:
    body = {"what": what, "by": by, "entries": ledger.size, "root": ledger.root.hex(), **more}
    return ledger.append("move", body, durable=True).index
