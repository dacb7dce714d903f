"""Keys that follow one another: an entry `key` names the next one, signed by it and by the one before.

    {"vkey": the new key, "note": a signed note with two lines, by the new key and by the old one}

The note's text is ``statement``: the log's name, how many entries there were, their root, the new key. From the entry
after it on both keys sign each checkpoint, the new one first, so that whoever knows only the old one can still check;
an entry `key-end` ends that. Either takes effect behind itself: the checkpoint that ends with it is signed as before.

Does not protect against:
- a key that was stolen before it was replaced, which can still sign another history up to there (that takes a witness)
"""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from selfproof.ledger.note import Verifier, signed_by

KINDS = ("key", "key-end")
_SIGN = b'"predicateType":"https://selfproof.dev/key'


class Keys(NamedTuple):
    """All keys of a log so far, the oldest first, and whether the last two sign together."""

    chain: tuple[Verifier, ...]
    overlap: bool = False

    @property
    def in_force(self) -> tuple[Verifier, ...]:
        """Those that sign each checkpoint, the newest first."""
        return self.chain[: -3 if self.overlap else -2 : -1]

    def follow(self, kind: str, body: Mapping[str, Any], size: int, root: bytes) -> "Keys":
        """Return the keys behind an entry of `KINDS`; `size` and `root` are the log's before it. ValueError if not."""
        if kind == "key-end":
            if not self.overlap or body["vkey"] != self.chain[-2].vkey:
                raise ValueError("the end of a key that does not sign along")
            return self._replace(overlap=False)
        if self.overlap:
            raise ValueError("a new key before the end of the one that was replaced")
        new = Verifier.parse(body["vkey"])
        text = statement(new.name, size, root, new.vkey)
        if new.name != self.chain[0].name or new in self.chain:
            raise ValueError("a new key that is not one of this log's, or that it had before")
        if signed_by(str(body["note"]).encode(), (new, self.chain[-1])) != text:
            raise ValueError("a new key that is about something else")
        return Keys((*self.chain, new), overlap=True)


def statement(name: str, size: int, root: bytes, vkey: str) -> str:
    """What both keys sign when one replaces the other."""
    return f"selfproof.dev/key/v1\n{name}\n{size}\n{base64.b64encode(root).decode()}\n{vkey}\n"


def may_turn(raw: bytes) -> bool:
    """Whether an entry's bytes may be one of `KINDS`."""
    return _SIGN in raw


def key_file(first: Path, number: int) -> Path:
    """Where the seed of a log's n-th key lies (0: the first)."""
    return first if number == 0 else first.with_name(f"{first.name}.{number}")
