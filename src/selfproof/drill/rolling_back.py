"""A drill of the rollback itself: does an adopted change that turns out worse really leave, and leave nothing behind?

In a scratch copy of a program (its charter and tasks, a key and ledger of its own, never the program's) the current
version is first made worse, and the repair is certified and adopted through the real gate. Then one fault is injected:
the canary is handed its two columns exchanged, as if the world had turned. Everything else is real: pairs, bets,
ledger, git, jail. Each promise of a rollback is then looked at by itself.

Does not protect against: a change that hurts in a way that no pair of the charter's tasks measures.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selfproof import birth, life, line, loop
from selfproof import charter as charters
from selfproof.adopt import repo
from selfproof.archive.tree import tree_hash
from selfproof.audit import audit
from selfproof.certify.pairs import quality_pair
from selfproof.domains import paired
from selfproof.domains.base import Finalist, Measured
from selfproof.domains.quality import Quality
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Event, SelfproofError, UsageError
from selfproof.places import Paths
from selfproof.trial import blocks as trials
from selfproof.trial.holdout import FiniteTask


@dataclass(frozen=True)
class Step:
    """One promise of a rollback and whether it held."""

    promise: str
    held: bool


class Turned:
    """A domain whose pairs come back with their columns exchanged once ``turned`` is set."""

    def __init__(self, domain: Quality) -> None:
        self._domain, self.turned = domain, False

    def __getattr__(self, name: str) -> Any:
        """Everything else is the domain's."""
        return getattr(self._domain, name)

    def begin(self, finalist: Finalist, seeds: Sequence[int]) -> Callable[[], Measured]:
        """As the domain's own."""
        wait = self._domain.begin(finalist, seeds)
        return lambda: self._exchanged(wait())

    def _exchanged(self, measured: Measured) -> Measured:
        if not self.turned:
            return measured
        half = len(measured.rows[0]) // 2
        return replace(measured, rows=tuple((*row[half:], *row[:half]) for row in measured.rows))


def drill(folder: Path) -> list[Step]:
    """Run the drill for the living program in ``folder``, which is only read.

    Raises:
        UsageError: no objective of it can be drilled.
        SelfproofError: the drill could not be carried out; nothing is said about the rollback.
    """
    with life.viewed(folder) as living:
        name, damaged, good = _damage(living)
    with TemporaryDirectory(prefix="selfproof-drill-") as scratch:
        copy = Path(scratch)
        _copy(folder, copy, damaged)
        birth.begin(copy, None)
        steps = list(_fall_back(copy, name, good))
        found = audit(Paths(copy).ledger)
        return [*steps, Step("the ledger of all this verifies", bool(found["ok"]))]


def _damage(living: Life) -> tuple[str, dict[str, str], dict[str, str]]:
    """An objective, all of the program's files with its entry damaged, and as they are."""
    good = living.files()
    for objective in living.charter.objectives:
        task = living.tasks[objective.name]
        if isinstance(task, FiniteTask):  # it has no fresh pairs, so nothing is ever taken back by itself
            continue
        path, _, function = objective.entry.partition(":")
        text = task.damaged(good[path], function) if objective.kind == "quality" else None  # type: ignore[union-attr]
        if text is not None:
            return objective.name, {**good, path: text}, good
    raise UsageError(
        "no objective of this program can be drilled",
        advice="A quality task on fresh samples needs `damaged(source, function, strength)`: its entry made worse on "
        "purpose. On a finite pool nothing is taken back by itself; `selfproof rollback` is there for a person.",
    )


def _copy(folder: Path, copy: Path, files: dict[str, str]) -> None:
    paths = Paths(folder)
    shutil.copyfile(paths.charter, copy / "charter.toml")
    shutil.copytree(folder / "tasks", copy / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    tree = copy / charters.load(paths.charter).program.tree
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")


def _fall_back(copy: Path, name: str, good: dict[str, str]) -> Iterator[Step]:
    with life.opened(copy) as living:
        domain = loop.domains_of(living)[name]
        assert isinstance(domain, Quality)
        finalist = _repair(living, domain, good)
        turned: Any = Turned(domain)
        confirming = _result(line.confirm(living, turned, finalist))
        if confirming.verdict["answer"] == "refused":
            raise SelfproofError(f"the repair was not certified: {confirming.verdict['reason']}")
        turned.turned = True
        events: list[Event] = []
        decision = _result(line.decide(living, turned, finalist, confirming), events)
        if confirming.version is None:
            raise SelfproofError(f"the repair was not adopted: {confirming.decision['reason']}")
        yield Step("a change that is worse on fresh pairs is taken back", decision is None)
        yield Step("whoever watches is told", any(event["event"] == "rollback" for event in events))
        start = living.state.versions[0]
        on_disk = repo.read_files(living.tree)
        yield Step("the exact earlier tree is the program again", tree_hash(on_disk) == start.tree)
        yield Step("its repository says the same", repo.show(living.tree, "HEAD") == on_disk)
        yield Step("what was taken back is never confirmed again", _is_refused(living, domain, finalist))
        yield Step("nor is it with another comment", _is_refused(living, domain, _commented(living, finalist)))
    with life.opened(copy) as again:
        yield Step("all of that is still so after a restart", again.state.current == 0 and not again.finished)
        rows = paired.on_seeds(again, (again.version(domain.objective),) * 2, domain.task, [1]).rows
        yield Step("the earlier version runs", len(rows) == 1)


def _repair(living: Life, domain: Quality, good: dict[str, str]) -> Finalist:
    incumbent = living.version(domain.objective)
    edit = Edit(domain.objective.name, {}, "repair what was damaged for the drill", "edit", incumbent.id)
    candidate = living.candidate(domain.objective, good, edit=edit)
    seed = random.SystemRandom().getrandbits(63)
    panel = trials.prepare(domain.task.samples("explore", seed, domain.sizes.panel))
    rows = paired.on_blocks(living, (incumbent, candidate), domain.task, panel).rows
    return Finalist(candidate, incumbent, tuple(quality_pair(row, domain.objective.better).y for row in rows))


def _commented(living: Life, finalist: Finalist) -> Finalist:
    files = {path: text + "\n# once more\n" for path, text in finalist.candidate.files.items()}
    objective = living.charter.objective(finalist.candidate.objective)
    candidate: Candidate = living.candidate(objective, files, edit=finalist.candidate.edit)
    return replace(finalist, candidate=candidate)


def _is_refused(living: Life, domain: Quality, finalist: Finalist) -> bool:
    before = living.ledger.size
    try:
        next(iter(line.confirm(living, domain, finalist)))
    except SelfproofError:
        return living.ledger.size == before
    return False


def _result(steps: Any, events: list[Event] | None = None) -> Any:
    """Drive a generator to its end and return what it returns."""
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return end.value
        if events is not None:
            events.append(event)


def record(folder: Path, steps: Sequence[Step]) -> None:
    """Write the drill into the program's own ledger."""
    with life.opened(folder) as living:
        held = {step.promise: step.held for step in steps}
        living.log("drill", {"passed": all(held.values()), "steps": held}, durable=True)
