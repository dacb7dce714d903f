"""Content-addressed blobs, `blobs/sha256/ab/<hex>`: a file's bytes hash to its name.

A blob is written under one scratch name and renamed, so a half-written one is never seen under its digest.

Does not protect against:
- deletion by someone who may write to the folder (it is noticed, not prevented)
"""

import os
from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path

from selfproof.ledger.errors import LedgerBroken, advising
from selfproof.ledger.files import replace_file, sync_folder
from selfproof.ledger.statement import is_sha256

SCRATCH = ("blob.tmp", "checkpoint.tmp", "opening.tmp")  # left behind by a writer that died; removed by the next one


class Blobs:
    """The blobs of one ledger folder."""

    def __init__(self, folder: Path) -> None:
        """Look at `<folder>/blobs`; nothing is created before the first put."""
        self._root = folder / "blobs" / "sha256"
        self._scratch = folder / SCRATCH[0]
        self._unsynced: set[str] = set()

    def path(self, digest: str) -> Path:
        """Return where a blob lies; ValueError if `digest` is not a sha256 in hex."""
        if not is_sha256(digest):
            raise ValueError(f"a blob is named by 64 lower-case hex digits, not {digest!r}")
        return self._root / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Store `data` and return its digest; the disk is not waited for. Raises OSError with advice."""
        digest = sha256(data).hexdigest()
        path = self.path(digest)
        # Only equal bytes count as present: a power cut may have left an empty file under this name.
        if not path.is_file() or path.read_bytes() != data:
            with advising(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, self._scratch, data, durable=False)
        self._unsynced.add(digest)
        return digest

    def get(self, digest: str) -> bytes:
        """Return a blob's bytes; LedgerBroken if they are missing or do not hash to `digest`."""
        path = self.path(digest)
        data = path.read_bytes() if path.is_file() else None
        if data is None or sha256(data).hexdigest() != digest:
            raise LedgerBroken(None, "blob", f"blob {digest} {'is missing' if data is None else 'was altered'}")
        return data

    def fault(self, digest: str) -> str | None:
        """Say what is wrong with a blob; None if it is present and intact."""
        path = self.path(digest)
        if path.is_symlink() or not path.is_file():
            return f"blob {digest} is missing"
        with path.open("rb") as file:
            intact = file_digest(file, "sha256").hexdigest() == digest
        return None if intact else f"blob {digest} was altered"

    def fault_of(self, digests: Iterable[str], known: set[str]) -> str | None:
        """Say what is wrong with the blobs that an entry refers to; `known` collects those found intact."""
        try:
            for digest in digests:
                if digest not in known and (fault := self.fault(digest)):
                    return fault
                known.add(digest)
        except ValueError as error:
            return str(error)
        return None

    def files(self) -> Iterator[Path]:
        """Return every file below `blobs/`, wherever it lies."""
        return (path for path in self._root.parent.rglob("*") if path.is_symlink() or not path.is_dir())

    def sync(self) -> None:
        """Make everything that was put since the last call durable."""
        if not self._unsynced:
            return
        for digest in self._unsynced:
            fd = os.open(self.path(digest), os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        folders = {self.path(digest).parent for digest in self._unsynced}
        for folder in (*folders, self._root, self._root.parent, self._root.parent.parent):
            sync_folder(folder)
        self._unsynced.clear()
