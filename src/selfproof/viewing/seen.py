"""A life for reading: its charter, the fold of its ledger, the files of its versions."""

from __future__ import annotations

from pathlib import Path

from selfproof import charter as charters
from selfproof.archive.state import State, fold
from selfproof.archive.tree import matches
from selfproof.charter import Charter
from selfproof.ledger import Reader, read
from selfproof.nouns import UsageError
from selfproof.places import Paths


class View:
    """A life as somebody reads it: its charter, the fold of its ledger, its blobs."""

    paths: Paths
    charter: Charter
    state: State

    def blob(self, digest: str) -> bytes:
        """A blob of the ledger.

        Raises:
            LedgerBroken: it is missing or altered.
        """
        raise NotImplementedError

    @property
    def improver_may_change(self) -> bool:
        """Whether the charter lets an edit change the file that holds the improver."""
        path, program = self.charter.proposers.improver.partition(":")[0], self.charter.program
        return bool(path) and matches(path, program.editable) and not matches(path, program.protected)

    def files(self, number: int) -> dict[str, str]:
        """All files of a version."""
        return {path: self.blob(d).decode() for path, d in self.state.versions[number].files.items()}

    def version(self, name: str) -> int:
        """The number of "start", "now", "anchor" or a number.

        Raises:
            UsageError: there is no such version.
        """
        known = {"start": 0, "now": self.state.current, "anchor": self.state.anchor}
        number = known.get(name, int(name) if name.isdecimal() and len(name) < 6 else -1)
        if not 0 <= number < len(self.state.versions):
            raise UsageError(
                f"no version is called {name!r}",
                advice=f"Use start, now, anchor, or a number from 0 to {len(self.state.versions) - 1}.",
            )
        return number


class Seen(View):
    """A life as it is now: read once, without a lock, a key or a change."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder)
        self.charter = charters.load(self.paths.charter)
        if not self.paths.ledger.exists():
            raise UsageError(
                f"{folder} has a charter but no ledger yet", advice="Type `selfproof run` or `selfproof init` there."
            )
        self.reader: Reader = read(self.paths.ledger)
        self.state = fold(self.reader.leaves())

    def blob(self, digest: str) -> bytes:
        """A blob of the ledger."""
        return self.reader.get_blob(digest)
