"""Open the archive that a charter names; a driver is loaded only where one is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from selfproof.archive.overseen import LeafLike
from selfproof.archive.protocol import Archive, Shared
from selfproof.archive.store import SqliteArchive
from selfproof.charter.archiving import LOCAL, ArchiveSection
from selfproof.nouns import Event


def program_of(genesis: Mapping[str, Any]) -> str:
    """A program's name in an archive: the digest of the first key of its ledger, which no other ledger has."""
    return hashlib.sha256(str(genesis["vkey"]).encode()).hexdigest()[:32]


def open_archive(
    named: ArchiveSection, path: Path, program: str, name: str, get_blob: Callable[[str], bytes],
    ledger: tuple[Callable[[int], Iterable[LeafLike]], Callable[[], int]], tell: Callable[[Event], None],
) -> Archive:  # fmt: skip
    """The archive of one program; ``path`` is where the folder's own lies, ``ledger`` as for ``steady.Steady``.

    Raises:
        SelfproofError: it cannot be reached, or the address is none.
    """
    if named.url == LOCAL:
        return SqliteArchive(path, get_blob)
    from selfproof.archive.postgres import PostgresArchive
    from selfproof.archive.steady import Steady

    def connect() -> Shared:
        return PostgresArchive(named.url, program, name, get_blob, password_env=named.password_env)

    return Steady(connect, lambda: SqliteArchive(path, get_blob), ledger, tell)
