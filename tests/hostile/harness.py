"""What hostile scenarios share: a small program that was just born, and the engine's own way for an edit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finite_program import made
from selfproof import birth
from selfproof import life as lives
from selfproof.domains.base import Domain
from selfproof.learn.attention import Attention
from selfproof.life import Life
from selfproof.loop import domain_of, proved, screened
from selfproof.nouns import Candidate, Edit
from selfproof.oversight.stop import Stop


@dataclass
class Arena:
    """An opened life of one small program, and everything of it that no edit may change."""

    life: Life
    domains: dict[str, Domain] = field(default_factory=dict)

    def domain(self, name: str = "suite") -> Domain:
        """The way of an objective through the loop."""
        if name not in self.domains:
            self.domains[name] = domain_of(self.life, self.life.charter.objective(name))
        return self.domains[name]

    def turn(self, *edits: Edit, objective: str = "suite") -> list[dict[str, Any]]:
        """One turn of the loop with these edits, up to an adoption if they deserve one; returns its events."""
        domain, stop = self.domain(objective), Stop(self.life.paths.stop, 60.0)
        domain.observe()
        events = list(domain.race(self.send(*edits, objective=objective)))
        return [*events, *proved(self.life, stop, domain, Attention({objective: 1.0}))]

    def asked(self, improver: str, objective: str = "suite") -> list[Edit]:
        """What this text as the program's improver suggests, asked in the jail as the loop does."""
        self.domains.pop(objective, None)  # one that knows of no improver before
        domain = self.domain(objective)
        files = {**self.life.files(), "improver.py": improver}
        self.life.files = lambda version=None: dict(files)  # type: ignore[method-assign]
        try:
            focus = domain.observe()
            assert focus is not None
            return domain.propose(focus)
        finally:
            del self.life.files

    def send(self, *edits: Edit, objective: str = "suite") -> list[Candidate]:
        """Do with edits what the loop does with those of anybody; returns what may be run."""
        steps = screened(self.life, self.domain(objective), list(edits))
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return list(end.value)

    def edit(self, text: str, path: str = "suite.py", objective: str = "suite", **more: Any) -> Edit:
        """An edit of one file."""
        return Edit(objective, {path: text}, more.pop("title", "an edit"), "edit", more.pop("parent", ""), **more)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of the ledger's entries of a kind."""
        return [leaf.body for leaf in self.life.ledger.leaves() if leaf.kind == kind]

    def turned_away(self) -> dict[str, int]:
        """How many attempts the ledger has, by rule."""
        found: dict[str, int] = {}
        for body in self.entries("screened"):
            for rule, count in body["rules"].items():
                found[rule] = found.get(rule, 0) + count
        return found


def digest_of(folder: Path) -> dict[str, str]:
    """SHA-256 of all that a person owns in a life's folder: charter, tasks, approvers, the program and its history.

    The ledger only grows, and is looked at by itself.
    """
    found = {}
    for place in sorted(folder.rglob("*")):
        inside = place.relative_to(folder).as_posix()
        if place.is_symlink():
            found[inside] = f"link to {place.readlink()}"
        elif place.is_file() and not inside.startswith(".selfproof/") and "__pycache__" not in inside:
            found[inside] = hashlib.sha256(place.read_bytes()).hexdigest()
    return found


@contextmanager
def arena(folder: Path, charter: str = "", born: bool = False) -> Iterator[Arena]:
    """Make a program, or open one, with ``charter`` added to its charter; check afterwards that nothing was touched."""
    if not born:
        made(folder)  # which may hold more already
        place = folder / "charter.toml"
        place.write_text(place.read_text() + "[certify]\ncontrols = 0.0\n" + charter)
        birth.begin(folder, 1)
    with lives.opened(folder, seed=1) as life:
        life.controls_done |= {"fake_gain", "planted_gain", "aa"}  # they have tests of their own
        before = digest_of(folder)
        yield Arena(life)
        adopted = life.state.current
    after = digest_of(folder)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    may = ("program/suite.py", "program/holdout.py", "program/.git/") if adopted else ()
    assert not {path for path in changed if not path.startswith(may)}, "what no edit may change was changed"
