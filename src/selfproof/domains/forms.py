"""Which normal forms a search has tried: all of them, in little room, and the newest by name.

A long life tries millions. The newest are kept as they are, since an improver is told of them; of the others 64 bits
each, which is what a form has (a name of 16 hexadecimal digits). Any other name counts by 64 bits of its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice

_NAME = re.compile(r"[0-9a-f]{16}")


class Tried:
    """An ordered set of forms that only grows; ``newest`` are those that ``told`` gives, at most."""

    def __init__(self, forms: Iterable[str] = (), *, newest: int) -> None:
        self._most = newest
        self._recent: dict[str, None] = {}
        self._older = array("Q")
        known = list(forms)
        self._settle(known[:-newest])
        self._recent = dict.fromkeys(known[-newest:])

    def __contains__(self, form: object) -> bool:
        """Whether it was tried."""
        if form in self._recent:
            return True
        number = _number(str(form))
        at = bisect_left(self._older, number)
        return at < len(self._older) and self._older[at] == number

    def __len__(self) -> int:
        """How many there are."""
        return len(self._recent) + len(self._older)

    def add(self, form: str) -> None:
        """Take one in; one that is known keeps its place."""
        if form in self:
            return
        self._recent[form] = None
        if len(self._recent) >= 2 * self._most:
            self._settle(islice(self._recent, self._most))
            self._recent = dict.fromkeys(islice(self._recent, self._most, None))

    def told(self) -> list[str]:
        """The newest, the newest of them last."""
        return list(islice(reversed(self._recent), self._most))[::-1]

    def _settle(self, forms: Iterable[str]) -> None:
        self._older = array("Q", sorted({*self._older, *map(_number, forms)}))


def _number(form: str) -> int:
    if _NAME.fullmatch(form):
        return int(form, 16)
    return int.from_bytes(hashlib.sha256(form.encode()).digest()[:8])
