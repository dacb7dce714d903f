"""Scratch lives for drills: a small program with a charter of its own, into which changes go through the real line."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selfproof import birth, examining, life, line, loop
from selfproof.certify.pairs import quality_pair
from selfproof.domains import paired
from selfproof.domains.base import Finalist
from selfproof.domains.quality import Quality
from selfproof.life import Halted, Life
from selfproof.nouns import Edit, Event, SelfproofError
from selfproof.trial import blocks as trials

OBJECTIVE = "guess"


@dataclass
class Row:
    """One line of the table: what was injected, what must happen, whether it did, and how long that took."""

    name: str
    injected: str
    must: str
    held: bool = False
    seconds: float = 0.0
    note: str = ""


@dataclass
class Scratch:
    """An opened scratch life; ``events`` is all that was told so far."""

    living: Life
    domain: Quality
    events: list[Event] = field(default_factory=list)
    halted: str = ""
    without: tuple[str, ...] = ()

    def adopt(self, changes: dict[str, str], title: str, *, prediction: float | None = None) -> str:
        """Send the current program with these replacements through the line: "adopted", or the step that refused it.

        A tripwire that halts is noted, not raised.

        Raises:
            SelfproofError: the replacement is not in the program's text.
        """
        text = self.living.files()["answer.py"]
        for old, new in changes.items():
            if old not in text:
                raise SelfproofError(f"a drill's change does not fit: {old!r}")
            text = text.replace(old, new)
        incumbent = self.living.version(self.domain.objective)
        edit = Edit(OBJECTIVE, {"answer.py": text}, title, "edit", incumbent.id, prediction=prediction)
        candidate = self.living.candidate(self.domain.objective, {**self.living.files(), "answer.py": text}, edit=edit)
        seed = random.SystemRandom().getrandbits(63)
        panel = trials.prepare(self.domain.task.samples("explore", seed, self.domain.sizes.panel))
        rows = paired.on_blocks(self.living, (incumbent, candidate), self.domain.task, panel).rows
        differences = tuple(quality_pair(row, self.domain.objective.better).y for row in rows)
        try:
            return self._through(Finalist(candidate, incumbent, differences))
        except Halted as halted:
            self.halted = str(halted)
            return "adopted"

    def _through(self, finalist: Finalist) -> str:
        confirming = self.run(line.confirm(self.living, self.domain, finalist))
        self.run(line.decide(self.living, self.domain, finalist, confirming))
        self.run(examining.after(self.living, {OBJECTIVE: self.domain}, self.without))
        decision = confirming.decision or {}
        return "adopted" if decision.get("verdict") == "adopted" else str(decision.get("step"))

    def run(self, steps: Any) -> Any:
        """Drive a generator to its end, keep its events, return what it returns."""
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return end.value
            self.events.append(event)

    def answers(self, name: str) -> list[str]:
        """What a tripwire has answered so far, from the ledger."""
        return [found["answer"] for found in self.living.state.overseen.findings if found["name"] == name]


@contextmanager
def scratch(charter: str = "") -> Iterator[Scratch]:
    """A new program in a folder that goes away, with these lines added to its charter."""
    with folder_of(charter) as folder, life.opened(folder) as living:
        domain = loop.domains_of(living)[OBJECTIVE]
        assert isinstance(domain, Quality)
        yield Scratch(living, domain)


@contextmanager
def folder_of(charter: str = "") -> Iterator[Path]:
    """The folder of a new scratch program; nothing of it is left."""
    source = resources.files("selfproof") / "templates" / "drill"
    with TemporaryDirectory(prefix="selfproof-drill-") as made, resources.as_file(source) as real:
        folder = Path(made) / "scratch"
        shutil.copytree(real, folder, ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / "charter.toml"
        path.write_text(path.read_text("utf-8") + "\n" + charter, "utf-8")
        birth.begin(folder, None)
        yield folder


@contextmanager
def timed(row: Row) -> Iterator[Row]:
    """Time a drill; one that could not be carried out did not hold, and says why."""
    began = time.monotonic()
    try:
        yield row
    except (SelfproofError, OSError) as error:
        row.held, row.note = False, f"{type(error).__name__}: {error}"[:200]
    row.seconds = round(time.monotonic() - began, 2)
