"""A backup: one compressed tar file of a program, made while it may be running (``snapshot``).

    ledger/...   log, checkpoint, vkey, blobs, openings         private/...  what else of .selfproof is no cache
    folder/...   charter, tasks and what lies beside them       manifest.json, the last: what all of it is, with SHA-256

The program's own files and its repository are not in it: the ledger has every version, and `restore` writes them anew.

Does not protect against: whoever reads the file, which holds the hidden answers of tasks, and with the key all that it
takes to sign; whoever alters it, beyond what the ledger's signatures cover.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from selfproof import __version__
from selfproof.keeping.snapshot import Snapshot, taken
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.ledger.files import sync_folder
from selfproof.nouns import SelfproofError, UsageError

FORMAT = 1
MANIFEST = "manifest.json"
TRIES = 3
LEVEL = 6


def write(folder: Path, out: Path, *, with_key: bool, moved: bool = False) -> dict[str, Any]:
    """Write a backup of the program in ``folder`` to the new file ``out``, complete or not at all; what is in it.

    Raises:
        UsageError: something is there already, or there is no program.
        LedgerBroken: the ledger does not read back.
        SelfproofError: the file cannot be written.
    """
    if os.path.lexists(out):
        raise UsageError(f"{out} is there already", advice="Name a new file; nothing is overwritten.")
    if folder.resolve() in out.resolve().parents:
        raise UsageError(f"{out} lies in the program's own folder", advice="Keep it elsewhere, best on another disk.")
    aside = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        for number in range(TRIES):
            try:
                return _written(taken(folder, with_key=with_key), aside, out, with_key=with_key, moved=moved)
            except FileNotFoundError as error:  # a text or a blob that was let go meanwhile: look once more
                if number == TRIES - 1 or not error.filename or str(aside) == str(error.filename):
                    raise
        raise AssertionError("unreachable")
    except OSError as error:
        reason = error.strerror or error
        raise SelfproofError(f"cannot write {out}: {reason}", advice="Make room, or name another place.") from None
    finally:
        aside.unlink(missing_ok=True)


def _written(snapshot: Snapshot, aside: Path, out: Path, *, with_key: bool, moved: bool) -> dict[str, Any]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(aside, flags, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=LEVEL, format=tarfile.PAX_FORMAT) as tar:
            told = _members(snapshot, tar, with_key=with_key, moved=moved)
        file.flush()
        os.fsync(file.fileno())
    os.link(aside, out)  # unlike a rename it replaces nothing
    sync_folder(out.absolute().parent)
    return {**told, "file": str(out), "bytes": out.stat().st_size}


def _members(snapshot: Snapshot, tar: tarfile.TarFile, *, with_key: bool, moved: bool) -> dict[str, Any]:
    """Write every member and the manifest; what the manifest says, the list of files left out."""
    hashes: dict[str, str] = {}
    for name, data in sorted(snapshot.small.items()):
        hashes[name] = _add(tar, name, len(data), io.BytesIO(data))
    with (snapshot.paths.ledger / "log").open("rb") as log:
        hashes["ledger/log"] = _add(tar, "ledger/log", snapshot.end, log)
    for name, path in sorted(snapshot.files.items()):
        try:
            with path.open("rb") as file:
                hashes[name] = _add(tar, name, os.fstat(file.fileno()).st_size, file)
        except FileNotFoundError:
            if name.startswith("ledger/"):
                raise
    told = {
        "format": FORMAT, "selfproof": __version__, "made": rfc3339(utc_now()), "with_key": with_key, "moved": moved,
        "program": snapshot.state.genesis["program"], "vkey": snapshot.vkey, "entries": snapshot.entries,
        "root": snapshot.root.hex(), "version": snapshot.state.current,
        "from": {"host": socket.gethostname(), "folder": str(snapshot.paths.folder.resolve())} if with_key else None,
    }  # fmt: skip
    page = json.dumps({**told, "files": hashes}, indent=1, sort_keys=True).encode()
    _add(tar, MANIFEST, len(page), io.BytesIO(page))
    return {**told, "files": len(hashes)}


class _Hashing:
    """A file of which so many bytes are read, and hashed on the way."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self.digest = file, size, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes; OSError where the file is shorter than it was."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise OSError("a file became shorter while it was copied: try again")
        self._left -= len(data)
        self.digest.update(data)
        return data


def _add(tar: tarfile.TarFile, name: str, size: int, file: IO[bytes]) -> str:
    """Add one member, readable by its owner only; its SHA-256."""
    member, reading = tarfile.TarInfo(name), _Hashing(file, size)
    member.size, member.mode = size, 0o600
    tar.addfile(member, cast(IO[bytes], reading))  # tarfile reads, and asks for no more
    return reading.digest.hexdigest()


def each(file: Path, take: Callable[[str, IO[bytes]], None]) -> dict[str, Any]:
    """Give every member of a backup to ``take``, in order, and return the manifest: every hash is as it says.

    Raises:
        UsageError: that is no backup, one of another format, cut short, or altered.
    """
    told: dict[str, Any] | None = None
    hashes: dict[str, str] = {}
    try:
        with tarfile.open(file, "r|gz") as tar:
            for member in tar:
                opened = tar.extractfile(member) if member.isreg() else None
                if opened is None or told is not None or member.name in hashes:
                    raise UsageError(f"{file} is no backup of selfproof: {member.name!r} does not belong there")
                if member.name == MANIFEST:
                    told = json.loads(opened.read(1 << 30))
                    continue
                reading = _Hashing(opened, member.size)
                take(member.name, cast(IO[bytes], reading))
                while reading.read(1 << 20):
                    pass
                hashes[member.name] = reading.digest.hexdigest()
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise UsageError(f"{file} is no backup, or was cut short ({error})", advice="Take another copy.") from None
    if told is None or type(told) is not dict or told.get("format") != FORMAT:
        found = told.get("format") if isinstance(told, dict) else None
        raise UsageError(
            f"{file} is no backup that this selfproof reads (format {found})",
            advice="Made by a newer one? Restore it with that: the manifest in it says which.",
        )
    if told.get("files") != hashes:
        raise UsageError(f"{file} was altered: its files are not those that it lists", advice="Take another copy.")
    return told
