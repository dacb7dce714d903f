"""What the loop asks of a kind of objective."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from selfproof import charter as charters
from selfproof.charter import CharterError, Objective
from selfproof.domains import sorting
from selfproof.domains.sizes import Sizes
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Event, Files, Objection
from selfproof.propose import regions
from selfproof.propose.brief import Brief
from selfproof.screen import First, screen


@dataclass(frozen=True)
class Focus:
    """Where to look: the improver's views (one per worker) and one sentence for the person."""

    views: tuple[dict[str, Any], ...]
    sentence: str


@dataclass(frozen=True)
class Finalist:
    """A candidate that won its race: its differences to the incumbent freeze the scale of the confirmation."""

    candidate: Candidate
    incumbent: Candidate
    differences: tuple[float, ...]
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Fresh pairs as rows of numbers (see ``certify.pairs``), with what running them took.

    ``broken`` is a reason to refuse outright: an output that differs, an answer that depends on its neighbours.
    """

    rows: tuple[tuple[float, ...], ...]
    trials: int
    cpu_seconds: float
    tier: str
    broken: str | None = None


def candidate_row(candidate: Candidate, incumbent: Candidate, version: int, form: str) -> dict[str, object]:
    """A proposed candidate as the ledger and the archive keep it: the files in which it differs from a version."""
    edit = candidate.edit
    assert edit is not None
    files = {path: text for path, text in candidate.files.items() if incumbent.files.get(path) != text}
    return {"id": candidate.id, "parent": edit.parent, "title": edit.title, "operator": edit.operator,
            "proposer": edit.proposer, "improver": edit.improver, "version": version, "files": files,
            "form": form}  # fmt: skip


def refused_before(life: Life, objective: str) -> set[str]:
    """Candidates whose confirmation ended in a refusal of their own making: they are not sent in again."""
    return {
        c.body["candidate"]
        for c in life.state.confirmations.values()
        if c.counter == objective
        and c.decision is not None
        and c.decision["step"] in {"gate", "check", "guard", "class", "policy"}
    }


def admitted(
    life: Life, objective: Objective, edits: Sequence[Edit], parent: Callable[[str], Files | None]
) -> tuple[list[Candidate], list[tuple[Edit, Objection]]]:
    """Candidates from edits that pass the rules, and the edits that do not, each with what is said against it.

    An edit changes the files that ``parent`` knows for the version it was made from, else the incumbent's.
    """
    incumbent = life.files()
    candidates, turned_away = [], []
    first, granted = First(life.first_size, life.first_branches), (*life.charter.sandbox.allow, *objective.allow)
    for edit in edits:
        files = {**incumbent, **(parent(edit.parent) or {})}
        found = screen(edit, files, life.charter.program, first, granted) or unmarked(edit, files)
        try:  # a new file, too, belongs to one objective
            charters.check_owners(life.charter.objectives, edit.files)
        except CharterError as error:
            found = found or Objection("owner", str(error))
        after = {**files, **edit.files}
        found = found or sorting.objection(life, objective, edit, after)
        if found is None:
            candidates.append(life.candidate(objective, after, edit=edit))
        else:
            turned_away.append((edit, found))
    return candidates, turned_away


def unmarked(edit: Edit, files: Files) -> Objection | None:
    """Why an edit of a file whose author marked what may change (EVOLVE-BLOCK) is turned away, or None."""
    for path, text in edit.files.items():
        if path in files and regions.kept(files[path], text) != text:
            return Objection("marked", f"{path} changes outside the part that is marked with EVOLVE-BLOCK")
    return None


class Domain(Protocol):
    """One objective's way through the seven verbs."""

    life: Life
    objective: Objective
    alone: bool
    """Whether its pairs are timed, so that nothing else may run meanwhile."""
    sizes: Sizes
    """How many trials each step takes."""

    @property
    def unfinished(self) -> bool:
        """Whether a batch that was begun has candidates left: it is finished before attention moves on."""

    def observe(self) -> Focus | None:
        """Where the program is weak, or None if there is nothing left to try for now."""

    def propose(self, focus: Focus) -> list[Edit]:
        """Ask the jailed improver."""

    def brief(self) -> Brief:
        """What a model or a coding agent may know."""

    def files_of(self, parent: str) -> Files | None:
        """The files of a version that edits may be made from, None if it is not known any more."""

    def race(self, candidates: Sequence[Candidate]) -> Generator[Event, None, None]:
        """Run candidates on exploration samples and remember how they did."""

    def finalist(self) -> Finalist | None:
        """The candidate that deserves a confirmation now, if there is one."""

    def begin(self, finalist: Finalist, seeds: Sequence[int]) -> Callable[[], Measured]:
        """Start on one fresh pair per seed; what it returns waits for them."""

    def check(self, finalist: Finalist, seed: int) -> str | None:
        """A last deterministic check before adoption; the reason to refuse, or None."""

    def gain_of(self, finalist: Finalist, effect: Mapping[str, Any]) -> float:
        """An adopted effect as the logarithm of a ratio, so that objectives can be compared."""

    def settled(self, finalist: Finalist, adopted: bool) -> None:
        """The loop's decision on a finalist."""
