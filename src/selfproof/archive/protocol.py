"""What a life asks of its archive, wherever that lies, and what it asks of one that several engines share.

An archive is a cache: its rows come from the ledger's entries and nowhere else, and the ledger refills it.
``selfproof.testing.ArchiveContract`` is what every archive keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from selfproof.archive.overseen import LeafLike
from selfproof.nouns import SelfproofError


class ArchiveLost(SelfproofError):
    """The connection to an archive is gone, or its database refuses; the ledger holds everything."""


@dataclass(frozen=True)
class Sibling:
    """A candidate of another engine that survived its race there: data, and nothing more, until it was raced here."""

    program: str
    id: str
    form: str
    title: str
    files: Mapping[str, str]


Taken = Literal["claimed", "raced"]
"""Why another engine need not race a form: it is about to, or it has."""


class Archive(Protocol):
    """Every candidate that a life has raced. A leaf that is taken in twice changes nothing."""

    @property
    def caught_up(self) -> int:
        """Number of ledger entries that this cache has taken in."""

    @property
    def mark(self) -> str:
        """The time of the newest of them, by which the cache of another ledger is known; "" before any."""

    @property
    def shared(self) -> Shared | None:
        """The same, where other engines use it too and it can be reached now."""

    def apply(self, leaf: LeafLike) -> None:
        """Take in one leaf; a kill leaves no half of it."""

    def refill(self, leaves: Iterable[LeafLike]) -> None:
        """Take in many."""

    def clear(self) -> None:
        """Forget everything of this program's."""

    def forms(self, objective: str, *, settled: bool = False) -> set[str]:
        """Normal forms of everything that was raced before; with ``settled`` only of what left its race."""

    def forms_of(self, objective: str, ids: Iterable[str]) -> set[str]:
        """Normal forms of these candidates."""

    def best(self, objective: str, n: int, *, highest: bool) -> list[dict[str, Any]]:
        """The ``n`` best raced candidates, best first; ``highest`` if a high score is a good one.

        ``files`` are those in which one differs from the version ``version``.
        """

    def history(self, objective: str, n: int) -> list[dict[str, Any]]:
        """The ``n`` newest candidates, oldest first: what the improver may know of past attempts."""

    def outcome(self, objective: str, candidate: str) -> str | None:
        """What a race said of a candidate, None before it did."""

    def lineage(self, objective: str) -> Iterator[tuple[str, str]]:
        """(id, parent) of every candidate, oldest first; nothing is read before it is asked for."""

    def counts(self) -> dict[str, int]:
        """Candidates per objective."""

    def close(self) -> None:
        """Close the connection."""


class Shared(Archive, Protocol):
    """An archive that several engines use. ``kin`` names a search that they have in common (``archive.kin``)."""

    def claim(self, kin: str, forms: Sequence[str], seconds: float) -> dict[str, Taken]:
        """Claim forms for this engine, for that long; those that it need not race, and why."""

    def siblings(self, kin: str, n: int, *, highest: bool) -> list[Sibling]:
        """The best that other engines raced and this one has not, best first."""

    def tell(self, standing: Mapping[str, Any]) -> None:
        """Say where this engine stands, for whoever looks at all of them."""


def rows_in(stored: Any, get_blob: Any) -> list[dict[str, Any]]:
    """A batch's rows, which a leaf holds itself or by a blob."""
    import json

    found: list[dict[str, Any]] = json.loads(get_blob(stored["$blob"])) if isinstance(stored, dict) else stored
    return found


def catch_up(archive: Archive, leaves: Any, size: int) -> None:
    """Refill an archive from a ledger of ``size`` entries; ``leaves(n)`` gives them from number n on.

    One that is ahead of the ledger, or that took in another ledger's entries, is emptied first.
    """
    done = archive.caught_up
    if done and (done > size or (archive.mark and next(iter(leaves(done - 1))).time != archive.mark)):
        archive.clear()
        done = 0
    if done < size:
        archive.refill(leaves(done))
