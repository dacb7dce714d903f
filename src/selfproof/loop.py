"""The loop: seven verbs in order. A program looks at itself, suggests changes, and adopts only what is proved.

program -> observe -> propose -> screen -> trial -> certify -> adopt -> learn -> program
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator

from selfproof import controls, examining, levels, line
from selfproof.archive.state import Confirming
from selfproof.charter import Objective
from selfproof.domains import attempts, sharing, sorting
from selfproof.domains.base import Domain, Finalist, Focus, admitted
from selfproof.domains.quality import Quality
from selfproof.domains.slow import Slow
from selfproof.domains.speed import Speed
from selfproof.holding import Hold
from selfproof.learn.attention import Attention
from selfproof.life import Life
from selfproof.nouns import IMPROVER, Candidate, Decision, Edit, Event
from selfproof.oversight.stop import Stop
from selfproof.propose.desk import Desk
from selfproof.trial.task import Task

MOST_IDLE = 8  # turns without any edit, after which an objective has nothing left to try
MOST_TITLES = 5  # that an event names
IDLE_S = 0.5  # of waiting for the desk before a stop is looked for again


def domains_of(life: Life) -> dict[str, Domain]:
    """One domain for each objective of the charter."""
    return {o.name: domain_of(life, o) for o in life.charter.objectives}


def domain_of(life: Life, objective: Objective) -> Domain:
    """The domain that goes an objective's way: by its kind, and by how long a trial takes."""
    if objective.kind == "speed":
        return Speed(life, objective)
    task = life.tasks[objective.name]
    return Slow(life, objective) if isinstance(task, Task) and task.seconds > 0 else Quality(life, objective)


def live(life: Life, stop: Stop, domains: dict[str, Domain], desk: Desk, only: str | None = None) -> Iterator[Event]:
    """Live until told to stop, out of time, or out of ideas; yields events for whoever watches.

    With ``only`` this objective alone gets better; what was open of others is still brought to its end.
    """
    attention = Attention({o.name: o.weight for o in life.charter.objectives})
    open_names, idle = {only} if only else set(domains), dict.fromkeys(domains, 0)
    life.paths.drain.unlink(missing_ok=True)  # of a run that had ended before it was seen
    under_way = UnderWay(hold := Hold(life, stop))
    under_way.begin(unfinished(life, domains))
    yield from under_way.finish()
    yield from hold()
    while open_names and stop.reason is None:
        begun = {name for name in open_names if domains[name].unfinished}
        if life.state.waiting and not under_way.busy:
            under_way.begin(signed(life, domains))
            yield from under_way.finish()
        name = attention.choose(begun or open_names)
        if reason := levels.retired(life.state, name):
            open_names.discard(name)
            yield {"event": "retired", "objective": name, "reason": reason}
            continue
        domain = domains[name]
        if domain.alone:
            yield from under_way.finish()
        began = time.monotonic()

        focus = domain.observe()
        if focus is None and not desk.serves():
            open_names.discard(name)
            continue
        if focus is not None:
            yield {"event": "observe", "objective": name, "focus": focus.sentence}
        edits = yield from suggested(domain, focus, desk)
        candidates = yield from screened(life, domain, edits)
        if candidates:
            yield racing(domain, candidates)
        yield from domain.race(candidates)
        learned(life, desk, candidates)
        yield from under_way.advance()
        if not under_way.busy:
            under_way.begin(proved(life, stop, domain, attention))
            yield from under_way.advance()

        if not edits and not domain.unfinished and not under_way.busy:
            idle[name] += 1
            if not desk.serves() and idle[name] >= MOST_IDLE:
                open_names.discard(name)
            desk.wait(min(IDLE_S, stop.left))
        else:
            idle[name] = 0
        attention.spent(name, time.monotonic() - began, 0.0)
        yield {"event": "status", "left": stop.left, **standing(life), "models": desk.told}
        yield from hold()
    yield from under_way.finish()


def signed(life: Life, domains: dict[str, Domain]) -> Iterator[Event]:
    """Do what approvers have signed since, and watch what was adopted by it."""
    yield from line.decided(life)
    yield from line.watch_on(life, domains)
    yield from examining.after(life, domains)


def suggested(domain: Domain, focus: Focus | None, desk: Desk) -> Generator[Event, None, list[Edit]]:
    """What the jailed improver suggests for a focus, and what came in at the desk, which asks for more meanwhile."""
    edits = domain.propose(focus) if focus is not None else []
    edits += sharing.offered(domain)
    while domain.life.notices:
        yield domain.life.notices.pop(0)
    edits += desk.take(domain.objective.name)
    desk.ask(domain.brief)
    yield from desk.events()
    return edits


def racing(domain: Domain, candidates: list[Candidate]) -> Event:
    """What is about to be tried."""
    titles = [candidate.edit.title for candidate in candidates[:MOST_TITLES] if candidate.edit is not None]
    return {"event": "racing", "objective": domain.objective.name, "candidates": len(candidates), "titles": titles}


def learned(life: Life, desk: Desk, candidates: list[Candidate]) -> None:
    """Tell the desk which of its suggestions survived their race."""
    for candidate in candidates:
        if candidate.edit is not None and candidate.edit.proposer != IMPROVER:
            desk.learn(candidate.edit.proposer, life.archive.outcome(candidate.objective, candidate.id) == "raced")


def proved(life: Life, stop: Stop, domain: Domain, attention: Attention) -> Iterator[Event]:
    """Confirm the domain's finalist if it has one, decide, adopt; then the controls that are due."""
    name = domain.objective.name
    waits = any(c.body["objective"] == name for c in life.state.waiting)
    allowed = stop.reason is None and name not in life.charter.autonomy.observe and not waits
    finalist = domain.finalist() if allowed and line.limit(life) is None and not line.full(life) else None
    if finalist is None:
        return
    if against := sorting.of_finalist(life, domain.objective, finalist.candidate):
        attempts.log(life, domain.objective, [against])
        domain.settled(finalist, adopted=False)
        return
    confirming = yield from line.confirm(life, domain, finalist)
    decision = yield from line.decide(life, domain, finalist, confirming)
    remembered(life, finalist, confirming, decision)
    if decision is not None and decision.version == life.state.current:
        attention.spent(domain.objective.name, 0.0, domain.gain_of(finalist, decision.effect))
        yield from examining.after(life, {name: domain})
    yield from controls.due(life, domain)


def remembered(life: Life, finalist: Finalist, confirming: Confirming, decision: Decision | None) -> None:
    """Tell experience how a confirmation ended; an adoption without proof, or one that was cut off, says nothing."""
    answer, step = (confirming.verdict or {}).get("answer"), (confirming.decision or {}).get("step")
    if answer != "uncertified" and step != "abandoned":
        life.experience.decided(finalist.candidate.id, answer == "certified" and decision is not None)


class UnderWay:
    """The one confirmation that may be open: it goes on whenever its pairs are done, while candidates race."""

    def __init__(self, hold: Callable[[], Iterator[Event]]) -> None:
        """Between its steps, ``hold`` waits while a person wants nothing to go on."""
        self._steps: Iterator[Event] | None = None
        self._hold = hold

    @property
    def busy(self) -> bool:
        """Whether one is open."""
        return self._steps is not None

    def begin(self, steps: Iterator[Event]) -> None:
        """Take it up; it moves by ``advance``."""
        self._steps = steps

    def advance(self) -> Iterator[Event]:
        """Go on until its next pairs are with the workers, or to its end."""
        for event in self._steps or ():
            if event is line.WAITING:
                return
            yield event
            yield from self._hold()
        self._steps = None

    def finish(self) -> Iterator[Event]:
        """Go on to its end."""
        while self.busy:
            yield from self.advance()


def screened(life: Life, domain: Domain, edits: list[Edit]) -> Generator[Event, None, list[Candidate]]:
    """Turn edits into candidates, leaving out what the rules forbid; returns the candidates."""
    candidates, turned_away = admitted(life, domain.objective, edits, domain.files_of)
    attempts.log(life, domain.objective, turned_away)
    for edit, found in turned_away:
        yield {"event": "screened", "objective": domain.objective.name, "title": edit.title, "rule": found.rule,
               "reason": found.reason}  # fmt: skip
    yield from examining.look(life)
    return candidates


def unfinished(life: Life, domains: dict[str, Domain]) -> Iterator[Event]:
    """What a kill left open: an adoption that is still watched, then confirmations. k stays as it is.

    They go on where nothing was lost; the others are abandoned.
    """
    yield from line.watch_on(life, domains)
    yield from examining.after(life, domains)
    for confirming in [c for c in life.state.confirmations.values() if c.decision is None]:
        yield from line.resume(life, domains.get(confirming.body["objective"]), confirming)
        yield from examining.after(life, domains)


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
