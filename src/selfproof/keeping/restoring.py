"""A program from a backup: everything is verified in a folder aside, then that is renamed into its place.

One program lives once. Two copies that go on would sign different entries of the same number, which whoever keeps a
checkpoint can prove. So before a copy that can sign is put in place, whoever may have seen more is asked: the place it
was taken from, if that is on this machine; the charter's witnesses; a checkpoint that somebody kept. And the log says
that it was restored (entry `move`).

Does not protect against: another copy that nobody who is asked knows of; whoever makes it go on knowingly.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from selfproof.audit import audit
from selfproof.audit.rebuilding import rebuild
from selfproof.audit.sharing import HistoryDiffers, Shared
from selfproof.audit.witnessing import ask_all
from selfproof.charter import parse
from selfproof.keeping import backup
from selfproof.keeping.moving import entered
from selfproof.ledger import LedgerBroken, read
from selfproof.ledger.files import sync_folder
from selfproof.nouns import SelfproofError, UsageError
from selfproof.places import Paths

ROOTS = frozenset({"ledger", "private", "folder"})


def restore(file: Path, out: Path, *, against: Path | None = None, by: str, another: bool = False) -> dict[str, Any]:
    """Put the program of a backup into ``out``, a new or empty folder; what is there then.

    ``against`` is a checkpoint that somebody kept. With ``another`` the place that it was taken from is not looked at.

    Raises:
        UsageError: something is there already, that is no backup, or the program lives on where it was.
        HistoryDiffers: a witness or the checkpoint has seen more entries, or others.
        LedgerBroken: the ledger in it does not verify.
        SelfproofError: it cannot be written.
    """
    if os.path.lexists(out) and (not out.is_dir() or out.is_symlink() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty", advice="Name a new folder; nothing is overwritten.")
    with _aside(out) as stage:
        try:
            told = backup.each(file, _Writer(stage))
            ledger = stage / "ledger"
            _verified(ledger, told)
            rows = _nobody_saw_more(stage, told, against, another=another)
            made = rebuild(ledger, stage / "whole")
            _overlay(stage, stage / "whole")
            entry = entered(stage / "whole", told, by) if told["with_key"] else None
            _put(stage / "whole", out)
        except OSError as error:
            many = isinstance(error, shutil.Error)
            reason = error.args[0][0][2] if many else error.strerror or error
            raise SelfproofError(
                f"cannot write {out}: {str(reason)[:200]}", advice="Make room, or name another place; nothing was left."
            ) from None
    return {"folder": str(out), "program": told["program"], "entries": made["entries"] + (entry is not None),
            "version": made["version"], "commits": made["commits"], "candidates": sum(made["archive"].values()),
            "can_sign": bool(told["with_key"]), "moved": bool(told["moved"]), "made": told["made"],
            "witnesses": rows, "entry": entry}  # fmt: skip


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A folder on the same disk, gone afterwards."""
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        stage = tempfile.mkdtemp(prefix=f".{out.name}.restoring-", dir=out.absolute().parent)
    except OSError as error:
        raise SelfproofError(f"cannot write beside {out}: {error.strerror}", advice="Name another place.") from None
    try:
        yield Path(stage)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


class _Writer:
    """Writes members below a folder, and nowhere else."""

    def __init__(self, stage: Path) -> None:
        self._stage = stage

    def __call__(self, name: str, file: IO[bytes]) -> None:
        """Write one; ValueError for a name that leads elsewhere."""
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or len(parts) < 2 or parts[0] not in ROOTS or "\0" in name:
            raise ValueError(f"{name!r} is no place in a backup")
        path = self._stage.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600 if parts[0] == "private" else 0o644
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)


def _verified(ledger: Path, told: dict[str, Any]) -> None:
    """The ledger in it verifies, and is the one that the manifest names."""
    found = audit(ledger)
    if bad := found["first_bad"]:
        raise LedgerBroken(bad["index"], bad["kind"], bad["reason"])
    if (found["entries"], found["root"]) != (told["entries"], told["root"]):
        raise LedgerBroken(None, "log", "not the ledger that the backup's manifest names")


def _nobody_saw_more(
    stage: Path, told: dict[str, Any], against: Path | None, *, another: bool
) -> list[dict[str, Any]]:  # fmt: skip
    """Ask whoever may have seen this program after the backup; what witnesses said."""
    shared = Shared(stage / "ledger")
    if against is not None:
        shared.against(against.read_bytes(), str(against))
    if not told["with_key"]:
        return []
    _lives_on(told, another=another)
    charter = parse(_charter_in(stage / "ledger"))
    rows = ask_all(stage / "ledger", stage / "private-witnessed", charter.ledger.witnesses)
    (stage / "private-witnessed").unlink(missing_ok=True)
    for row in rows:
        if row["conflict"]:
            raise HistoryDiffers(
                f"witness {row['name']}: {row['reason']}",
                advice="The program went on after this backup. Take a newer one, or let it live where it does.",
            )
    return rows


def _charter_in(ledger: Path) -> str:
    """The charter in force, as the ledger has it."""
    reader, digest = read(ledger), ""
    for leaf in reader.leaves():
        if leaf.kind in {"genesis", "charter"}:
            digest = leaf.body["charter"]
    return reader.get_blob(digest).decode()


def _lives_on(told: dict[str, Any], *, another: bool) -> None:
    """Refuse while the place that it was taken from, if that is on this machine, could go on as well.

    Raises:
        UsageError: it could.
    """
    place = told.get("from") or {}
    paths = Paths(Path(str(place.get("folder", ""))))
    if another or place.get("host") != socket.gethostname() or not (paths.ledger / "vkey").is_file():
        return
    if (paths.ledger / "vkey").read_text("utf-8").strip() != told["vkey"] or not paths.key.exists():
        return
    entries = read(paths.ledger).size
    raise UsageError(
        f"the program lives on in {paths.folder}, with {entries} entries (this backup: {told['entries']})",
        advice="Two copies would sign two histories of one log. Go on there; or move it (selfproof move), or delete its"
        " key first. --another does not look there.",
    )


def _overlay(stage: Path, whole: Path) -> None:
    """Put charter, tasks and private files where they were, over what the ledger brought back."""
    if (stage / "folder").is_dir():
        shutil.copytree(stage / "folder", whole, dirs_exist_ok=True)
    if (stage / "private").is_dir():
        shutil.copytree(stage / "private", Paths(whole).private, dirs_exist_ok=True)
        Paths(whole).private.chmod(0o700)


def _put(whole: Path, out: Path) -> None:
    """Rename the finished folder into its place."""
    for where, _, names in os.walk(whole):
        for name in names:
            with Path(where, name).open("rb") as file:
                os.fsync(file.fileno())
    if out.is_dir():
        out.rmdir()
    whole.rename(out)
    sync_folder(out.absolute().parent)
