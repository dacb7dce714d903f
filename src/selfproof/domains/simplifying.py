"""A finalist without what it does not need, before it is confirmed: among equals the smaller one goes to the gate.

A search leaves code behind that does nothing any more. On the trusted side every version that is one step smaller is
run on the explore panel and on fresh explore blocks; the smallest whose answers are equal bit for bit takes the
finalist's place, and so on until no step is left. The last one must do it again, in a process of its own and on blocks
that no step was chosen on. Equal answers on samples are no proof: the proof is the confirmation, which is of the
smaller version itself, on fresh pairs like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.domains.base import admitted
from selfproof.life import Life
from selfproof.nouns import Candidate, Files
from selfproof.operators import size
from selfproof.operators.simplify import smaller
from selfproof.trial import blocks as trials
from selfproof.trial.task import Task

MOST_RUNS = 400
"""Versions that are run for one finalist, at most."""
FRESH = 8
AT_ONCE = 16


@dataclass
class _Same:
    """Ends a job at the first answer that differs."""

    wanted: Sequence[bytes]
    seen: set[int] = field(default_factory=set)

    def go_on(self, position: int, output: bytes) -> bool:
        if position == 0:
            self.seen.clear()  # the job may have begun again, in another process
        if output != self.wanted[position]:
            return False
        self.seen.add(position)
        return True


def simplified(
    life: Life, task: Task, candidate: Candidate, place: tuple[str, str], panel: Sequence[trials.Block]
) -> Candidate | None:
    """A smaller version of ``candidate`` with the same answers, or None; ``place`` is (path, function).

    Its title says how much smaller it is; its parent is ``candidate``.
    """
    path, function = place
    objective = life.charter.objective(candidate.objective)
    if candidate.edit is None or not function or not path.endswith(".py"):
        return None
    seeds = [life.search_seed(objective.name, "simplify", candidate.id, n) % 2**63 for n in range(2)]
    fresh = [trials.prepare(task.samples("explore", seed, FRESH)) for seed in seeds]
    source = candidate.files[path]
    best = _smallest(life, objective, candidate.files, place, [*panel, *fresh[0]])
    if best == source or not _equal(life, objective, candidate.files, {**candidate.files, path: best}, fresh[1]):
        return None
    told = f"simplified: {size(source, function)} -> {size(best, function)} nodes"
    title, changed = f"{candidate.edit.title}; {told}", {**candidate.edit.files, path: best}
    edit = replace(candidate.edit, files=changed, title=title, parent=candidate.id)
    found, _ = admitted(life, objective, [edit], lambda parent: candidate.files)
    return found[0] if found else None


def _smallest(
    life: Life, objective: Objective, files: Files, place: tuple[str, str], blocks: Sequence[trials.Block]
) -> str:
    """The text of the file after as many steps as leave all answers equal; its own if there is none."""
    path, function = place
    text, runs = files[path], 0
    wanted = _answers(life, objective, files, blocks)
    refuted: set[str] = set()
    while wanted and runs < MOST_RUNS:
        left = [other for other in smaller(text, function) if other not in refuted][: MOST_RUNS - runs]
        found = None
        for start in range(0, len(left), AT_ONCE):
            some = left[start : start + AT_ONCE]
            runs += len(some)
            equal = list(_which(life, objective, [{**files, path: other} for other in some], blocks, wanted))
            refuted.update(other for other, same in zip(some, equal, strict=True) if not same)
            found = next((other for other, same in zip(some, equal, strict=True) if same), None)
            if found is not None:
                break
        if found is None:
            break
        text = found
    return text


def _answers(life: Life, objective: Objective, files: Files, blocks: Sequence[trials.Block]) -> list[bytes]:
    """What a version answers in a process of its own; nothing where it does not answer everything."""
    (outcome,) = paired.run(life, [trials.job(files, objective.entry, blocks, life.limits_of(objective))])
    return list(outcome.outputs) if outcome.status == "ok" and len(outcome.outputs) == len(blocks) else []


def _which(
    life: Life, objective: Objective, versions: Sequence[Files], blocks: Sequence[trials.Block], wanted: Sequence[bytes]
) -> Iterator[bool]:
    """For each version whether all of its answers are the wanted ones; screened, in a process that lives on."""
    same = [_Same(wanted) for _ in versions]
    jobs = [
        replace(trials.job(files, objective.entry, blocks, life.limits_of(objective)), go_on=one.go_on, screening=True)
        for files, one in zip(versions, same, strict=True)
    ]
    for outcome, one in zip(paired.run(life, jobs), same, strict=True):
        yield outcome.status == "ok" and len(one.seen) == len(blocks) == len(outcome.outputs)


def _equal(life: Life, objective: Objective, one: Files, two: Files, blocks: Sequence[trials.Block]) -> bool:
    """Whether two versions answer alike in processes of their own."""
    before, after = (_answers(life, objective, files, blocks) for files in (one, two))
    return bool(before) and before == after
