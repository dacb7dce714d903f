"""What can go wrong with a ledger, and what a person should do about it.

    LedgerBroken   the record was altered, cut or mixed up (exit code 4)
    LedgerBusy     another process is writing to it (exit code 2)

Anything the operating system refuses (disk full, no permission) stays an OSError, with advice in its text.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class LedgerBroken(Exception):
    """The record on disk is not what was written; `index` and `kind` name the first bad entry.

    `kind` is the entry's kind ("unknown" if unreadable). Where the damage is not inside one entry, `index` is
    None and `kind` says what was hit: "log", "checkpoint", "vkey", "key", "signed", "blob" or "stray".
    """

    exit_code = 4

    def __init__(self, index: int | None, kind: str, reason: str) -> None:
        """Keep the three parts; the message joins them."""
        self.index, self.kind, self.reason = index, kind, reason
        where = kind if index is None else f"entry {index} ({kind})"
        super().__init__(f"{where}: {reason}")

    def __reduce__(self) -> tuple[type["LedgerBroken"], tuple[int | None, str, str]]:
        """Survive pickling between worker processes, which would otherwise replay the message alone."""
        return type(self), (self.index, self.kind, self.reason)

    def advice(self) -> str:
        """Return what to do next, in one or two sentences."""
        if self.kind == "key":
            return "Put the key this ledger was created with back in its place (mode 0600), then try again."
        if self.kind == "stray":
            return "Move that file elsewhere, find out who put it there, then run `selfproof verify`."
        if self.kind == "signed":
            return (
                "Put the newest copy of the ledger folder back. If there is none, this log cannot go on, as what was "
                "signed stays signed: copy charter.toml, tasks and program to a new folder, and `selfproof init` there."
            )
        return (
            "Keep the folder as it is for inspection, restore the ledger folder from a backup, "
            "then run `selfproof verify`."
        )


class LedgerBusy(Exception):
    """Another process holds the ledger; there is one writer at a time."""

    exit_code = 2

    def advice(self) -> str:
        """Return what to do next."""
        return "Stop the other `selfproof run` on this program (`selfproof stop`) or wait until it ends."


_FULL = "free some space and run again; nothing recorded before is lost"
_SEALED = "run as the ledger's owner, or only read it with `selfproof verify`"
_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _SEALED,
    errno.EACCES: _SEALED,
    errno.EPERM: _SEALED,
    errno.EIO: "check the disk, then open the ledger again",
}


@contextmanager
def advising(path: object) -> Iterator[None]:
    """Raise an OSError from the block again with advice in its text: same errno, so the same subclass."""
    try:
        yield
    except OSError as error:
        hint = _HINTS.get(error.errno or 0)
        if hint is None or hint in str(error):
            raise
        raise OSError(error.errno, f"{error.strerror}: {hint}", str(error.filename or path)) from error
