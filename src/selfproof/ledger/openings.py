"""Texts of people that may leave a log later: the entry holds a commitment, the text lies beside the log.

    {"$commit": SHA-256("selfproof.dev/commit/v1" | 0x00 | salt | canonical JSON of the text)}     in the entry's body
    openings/HEX                     the salt's 16 bytes, then that JSON; without this file nothing of it can be guessed

Does not protect against:
- copies of an opening that somebody else has
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from selfproof.ledger.errors import LedgerBroken, advising
from selfproof.ledger.files import replace_file, sync_folder
from selfproof.ledger.statement import Leaf, canonical, document, is_sha256

FOLDER = "openings"
GONE = "(redacted)"
KEY = "$commit"
_DOMAIN = b"selfproof.dev/commit/v1\0"
_SALT = 16


def commitments(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each field of a body that is a commitment, with its digest; ValueError for a malformed one."""
    for field, value in body.items():
        if isinstance(value, Mapping) and KEY in value:
            if len(value) != 1 or not is_sha256(value[KEY]):
                raise ValueError('a commitment is {"$commit": "<sha256 in lower-case hex>"} and nothing else')
            yield field, value[KEY]


class Openings:
    """The openings of one ledger folder."""

    def __init__(self, folder: Path) -> None:
        """Look at `<folder>/openings`; nothing is created before the first put."""
        self._root = folder / FOLDER

    def put(self, text: str) -> dict[str, str]:
        """Keep a text, on disk before this returns; what stands for it in an entry. Raises OSError with advice."""
        data = os.urandom(_SALT) + canonical(text)
        digest = sha256(_DOMAIN + data).hexdigest()
        with advising(self._root):
            self._root.mkdir(exist_ok=True)
            replace_file(self._root / digest, self._root.with_name("opening.tmp"), data, durable=True)
            sync_folder(self._root)
            sync_folder(self._root.parent)
        return {KEY: digest}

    def text(self, digest: str) -> str:
        """The text behind a commitment, `GONE` if its opening is; LedgerBroken if the opening was altered."""
        try:
            data = (self._root / digest).read_bytes()
        except FileNotFoundError:
            return GONE
        try:
            text = document(data[_SALT:])
        except ValueError:
            text = None
        if sha256(_DOMAIN + data).hexdigest() != digest or not isinstance(text, str):
            raise LedgerBroken(None, "opening", f"opening {digest} was altered")
        return text

    def revealed(self, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """A body with its texts in place of commitments, and the commitments by field."""
        found = dict(commitments(body))
        return ({**body, **{field: self.text(digest) for field, digest in found.items()}} if found else body), found

    def forget(self, digest: str) -> None:
        """Delete an opening for good."""
        (self._root / digest).unlink(missing_ok=True)
        if self._root.is_dir():
            sync_folder(self._root)

    def files(self) -> list[str]:
        """The names of all openings that are here."""
        return sorted(path.name for path in self._root.iterdir()) if self._root.is_dir() else []


def told(leaf: Leaf, openings: Openings) -> Leaf:
    """Return an entry with the texts that it has commitments to; LedgerBroken where an opening was altered."""
    if b'"$commit"' not in leaf.raw:
        return leaf
    try:
        body, commits = openings.revealed(leaf.body)
    except (ValueError, LedgerBroken) as error:
        raise LedgerBroken(leaf.index, leaf.kind, str(error)) from None
    return replace(leaf, body=body, commits=tuple(commits.items()))
