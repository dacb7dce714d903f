"""What a version uses that no version before it used: modules, paths and calls, seen from inside its own process.

Seen from inside means claimed: the interpreter's audit hook tells, and runs in the program's process, which could lie
(with ``ctypes``, or by changing what is returned). What the kernel lets be seen from outside is ``probing``'s part:
files, sockets, processes and neighbours after the same code ran among them. Single system calls are counted by nobody:
without tracing the kernel does not tell them, and the jail's allow-list is what bounds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from selfproof.archive.state import State
from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.jail import Job, Outcome, values
from selfproof.life import Life
from selfproof.nouns import Candidate
from selfproof.trial.task import Sample

INSIDE: Final = "selfproof_examined.py"
KINDS: Final = ("modules", "paths", "calls")
MOST, LONGEST = 200, 120  # names of a kind that are heard, and characters of one
TOLD = 60  # of a kind that are written down: an entry has 64 kB, and the names are a program's word


def observed(
    life: Life, objective: Objective, versions: Sequence[Candidate], samples: Sequence[Sample]
) -> dict[str, Any]:
    """For each kind what the second version used and the first did not; ``answered``: how many samples it did."""
    inside = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
    limits = life.limits_of(objective)
    jobs = []
    for version in versions:
        value = {"entry": objective.entry, "own": modules_of(version), "inputs": [sample.value for sample in samples]}
        files = {**version.files, INSIDE: inside}
        jobs.append(Job(files, f"{INSIDE}:examine", [values.encode(value)], limits=limits))
    before, after = (_told(outcome) for outcome in paired.run(life, jobs))
    found: dict[str, Any] = {kind: sorted(after[kind] - before[kind]) for kind in KINDS}
    return {**found, "answered": after["answered"]}


def modules_of(version: Candidate) -> list[str]:
    """The names of a version's own modules, and of the one that looks."""
    paths = [path for path in (*version.files, INSIDE) if path.endswith(".py")]
    return [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths]


def _told(outcome: Outcome) -> dict[str, Any]:
    """What a child said, as far as it has the right form: it is a program's word."""
    told = values.decode(outcome.outputs[0]) if outcome.status == "ok" and outcome.outputs else {}
    told = told if isinstance(told, dict) else {}
    answered = told.get("answered")
    found: dict[str, Any] = {"answered": answered if type(answered) is int and 0 <= answered <= 10**6 else 0}
    for kind in KINDS:
        names = told.get(kind)
        good = [name[:LONGEST] for name in names if isinstance(name, str)] if isinstance(names, list) else []
        found[kind] = {"".join(c if c.isascii() and c.isprintable() else "?" for c in name) for name in good[:MOST]}
    return found


def new_in(state: State, seen: dict[str, Any]) -> dict[str, list[str]]:
    """What is new against the anchor, by kind; ``first`` is what no earlier examination saw either."""
    known = {(kind, name) for body in state.overseen.examined.values() for kind in KINDS for name in body["new"][kind]}
    first = [f"{kind[:-1]} {name}" for kind in KINDS for name in seen[kind] if (kind, name) not in known]
    return {**{kind: seen[kind][:TOLD] for kind in KINDS}, "first": first}
