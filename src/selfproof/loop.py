"""The loop: seven verbs in order. A program looks at itself, suggests changes, and adopts only what is proved.

program -> observe -> propose -> screen -> trial -> certify -> adopt -> learn -> program
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from selfproof import controls, levels, line
from selfproof.domains.base import Domain, admitted
from selfproof.domains.quality import Quality
from selfproof.domains.speed import Speed
from selfproof.learn.attention import Attention
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Event
from selfproof.oversight.stop import Stop


def domains_of(life: Life) -> dict[str, Domain]:
    """One domain for each objective of the charter."""
    kinds = {"quality": Quality, "speed": Speed}
    return {o.name: kinds[o.kind](life, o) for o in life.charter.objectives}


def live(life: Life, stop: Stop, domains: dict[str, Domain]) -> Iterator[Event]:
    """Live until told to stop, out of time, or out of ideas; yields events for whoever watches."""
    attention = Attention({o.name: o.weight for o in life.charter.objectives})
    open_names = set(domains)
    yield from unfinished(life, domains)
    while open_names and stop.reason is None and within_budget(life):
        begun = {name for name in open_names if domains[name].unfinished}
        name = attention.choose(begun or open_names)
        if reason := levels.retired(life.state, name):
            open_names.discard(name)
            yield {"event": "retired", "objective": name, "reason": reason}
            continue
        domain = domains[name]
        began, gain = time.monotonic(), 0.0

        focus = domain.observe()
        if focus is None:
            open_names.discard(name)
            continue
        yield {"event": "observe", "objective": name, "focus": focus.sentence}
        edits = domain.propose(focus)
        candidates = yield from screened(life, domain, edits)
        yield from domain.race(candidates)
        finalist = domain.finalist() if stop.reason is None and line.limit(life) is None else None
        if finalist is not None:
            confirming = yield from line.confirm(life, domain, finalist)
            decision = yield from line.decide(life, domain, finalist, confirming)
            if decision is not None:
                gain = domain.gain_of(finalist, decision.effect)
            yield from controls.due(life, domain)

        attention.spent(name, time.monotonic() - began, gain)
        yield {"event": "status", "left": stop.left, **standing(life)}


def screened(life: Life, domain: Domain, edits: list[Edit]) -> Generator[Event, None, list[Candidate]]:
    """Turn edits into candidates, leaving out what the rules forbid; returns the candidates."""
    candidates, turned_away = admitted(life, domain.objective, edits, life.files())
    for edit, reason in turned_away:
        yield {"event": "screened", "objective": domain.objective.name, "title": edit.title, "reason": reason}
    return candidates


def unfinished(life: Life, domains: dict[str, Domain]) -> Iterator[Event]:
    """Confirmations that a kill left open: go on where nothing was lost, abandon the others. k stays as it is."""
    for confirming in [c for c in life.state.confirmations.values() if c.decision is None]:
        yield from line.resume(life, domains.get(confirming.body["objective"]), confirming)
    line.missing_effect(life, domains)


def within_budget(life: Life) -> bool:
    """Whether the CPU ceiling of this run still has room."""
    return life.cpu_seconds < life.charter.budget.cpu_hours * 3600


def standing(life: Life) -> Event:
    """Where the life stands, for the live view."""
    state = life.state
    return {
        "version": state.current, "trials": life.trials, "cpu_seconds": life.cpu_seconds,
        "certified": state.adoptions(), "entries": life.ledger.size, "tier": life.jail.tier,
        "alpha": {"total": state.charter["alpha"], "spent": state.spent()},
        "refused": sum(1 for c in state.confirmations.values()
                       if c.decision is not None and c.decision["verdict"] == "refused"
                       and not c.counter.startswith("control-")),
    }  # fmt: skip
