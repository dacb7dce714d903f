"""An archive on a server whose connection may be lost in the middle of a run: then the run goes on without it.

Meanwhile the archive is SQLite in the program's own folder, refilled from the ledger, and nothing is shared. A new
connection is tried with the entries that come, at first after a second, at most once a minute; then the ledger gives
the server what it missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from selfproof.archive.overseen import LeafLike
from selfproof.archive.protocol import Archive, ArchiveLost, Shared, Sibling, Taken, catch_up
from selfproof.nouns import Event, SelfproofError

T = TypeVar("T")

FIRST_S, MOST_S = 1.0, 60.0
"""Seconds before a lost connection is tried again; each failure doubles them."""


class Steady:
    """An archive on a server while it answers, one in the folder while it does not."""

    def __init__(
        self, connect: Callable[[], Shared], spare: Callable[[], Archive],
        ledger: tuple[Callable[[int], Iterable[LeafLike]], Callable[[], int]], tell: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """``connect`` opens the server's, ``spare`` the folder's; ``ledger`` gives entries from a number on, and how
        many there are; ``tell`` is told of a connection that was lost or came back.

        Raises:
            SelfproofError: it cannot be reached now: a run begins with the archive that it was told to use, or not.
        """
        self._connect, self._open_spare, self._tell, self._clock = connect, spare, tell, clock
        self._leaves, self._size = ledger
        self._shared: Shared | None = connect()
        self._spare: Archive | None = None
        self._wait, self._again = FIRST_S, 0.0

    @property
    def _now(self) -> Archive:
        archive = self._shared or self._spare
        assert archive is not None
        return archive

    def _ask(self, what: Callable[[Archive], T]) -> T:
        try:
            return what(self._now)
        except ArchiveLost as error:
            self._lose(error)
            return what(self._now)

    def _lose(self, error: ArchiveLost) -> None:
        lost, self._shared = self._shared, None
        if lost is not None:
            lost.close()
        self._again = self._clock() + self._wait
        self._spare = self._open_spare()
        catch_up(self._spare, self._leaves, self._size())
        self._tell({"event": "archive", "state": "lost", "problem": str(error)})

    def _try(self) -> None:
        """Connect again if it is time to."""
        if self._shared is not None or self._clock() < self._again:
            return
        found: Shared | None = None
        try:
            found = self._connect()
            catch_up(found, self._leaves, self._size())
        except SelfproofError:
            if found is not None:
                found.close()
            self._wait = min(MOST_S, 2 * self._wait)
            self._again = self._clock() + self._wait
            return
        self._shared, self._wait = found, FIRST_S
        if self._spare is not None:
            self._spare.close()
            self._spare = None
        self._tell({"event": "archive", "state": "back", "problem": ""})

    @property
    def shared(self) -> Shared | None:
        """Itself, while the server answers."""
        self._try()
        return self if self._shared is not None else None

    @property
    def caught_up(self) -> int:
        """Number of ledger entries that it has taken in."""
        return self._now.caught_up

    @property
    def mark(self) -> str:
        """The time of the newest of them."""
        return self._now.mark

    def apply(self, leaf: LeafLike) -> None:
        """Take in one leaf, wherever that is possible now."""
        self._try()
        if self.caught_up <= leaf.index:
            self._ask(lambda archive: archive.apply(leaf))

    def refill(self, leaves: Iterable[LeafLike]) -> None:
        """Take in many; what a lost server did not take, the folder's takes from the ledger."""
        del leaves
        self._ask(lambda archive: catch_up(archive, self._leaves, self._size()))

    def clear(self) -> None:
        """Forget everything of this program's."""
        self._ask(lambda archive: archive.clear())

    def forms(self, objective: str, *, settled: bool = False) -> set[str]:
        """As the archive."""
        return self._ask(lambda archive: archive.forms(objective, settled=settled))

    def forms_of(self, objective: str, ids: Iterable[str]) -> set[str]:
        """As the archive."""
        names = list(ids)
        return self._ask(lambda archive: archive.forms_of(objective, names))

    def best(self, objective: str, n: int, *, highest: bool) -> list[dict[str, Any]]:
        """As the archive."""
        return self._ask(lambda archive: archive.best(objective, n, highest=highest))

    def history(self, objective: str, n: int) -> list[dict[str, Any]]:
        """As the archive."""
        return self._ask(lambda archive: archive.history(objective, n))

    def outcome(self, objective: str, candidate: str) -> str | None:
        """As the archive."""
        return self._ask(lambda archive: archive.outcome(objective, candidate))

    def lineage(self, objective: str) -> Iterator[tuple[str, str]]:
        """As the archive; one that is lost in between goes on where it was, the order being the same."""
        told = 0
        while True:
            try:
                for number, row in enumerate(self._now.lineage(objective)):
                    if number >= told:
                        told += 1
                        yield row
            except ArchiveLost as error:
                self._lose(error)
            else:
                return

    def counts(self) -> dict[str, int]:
        """As the archive."""
        return self._ask(lambda archive: archive.counts())

    def close(self) -> None:
        """Close what is open."""
        self._now.close()

    # -- what engines share: nothing while the server does not answer --------------------------------------------------

    def claim(self, kin: str, forms: Sequence[str], seconds: float) -> dict[str, Taken]:
        """As the shared one; while it is lost everything is free."""
        return self._share(lambda shared: shared.claim(kin, forms, seconds), {})

    def siblings(self, kin: str, n: int, *, highest: bool) -> list[Sibling]:
        """As the shared one; while it is lost there are none."""
        return self._share(lambda shared: shared.siblings(kin, n, highest=highest), [])

    def tell(self, standing: Mapping[str, Any]) -> None:
        """As the shared one; while it is lost nobody is told."""
        self._share(lambda shared: shared.tell(standing), None)

    def _share(self, what: Callable[[Shared], T], otherwise: T) -> T:
        if self._shared is None:
            return otherwise
        try:
            return what(self._shared)
        except ArchiveLost as error:
            self._lose(error)
            return otherwise
