"""One ``selfproof run`` from start to end: open or make the program, live, close with table and ledger head."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from selfproof import birth, closing, life, loop, moved
from selfproof.archive import strategies
from selfproof.archive.state import CONTROLS
from selfproof.audit import audit
from selfproof.audit.witnessing import ask_all
from selfproof.charter import Charter, load
from selfproof.holding import lasting, row
from selfproof.learn.recorder import recorder_of
from selfproof.life import Life
from selfproof.monitoring.sinks import watched
from selfproof.nouns import Event, SelfCheckFailed, UsageError
from selfproof.oversight import halting
from selfproof.oversight.budgets import Ceiling, ceilings
from selfproof.oversight.stop import ORDERED, Stop
from selfproof.places import Paths
from selfproof.projects import origin
from selfproof.propose.desk import Desk
from selfproof.proposers import Asked, proposers_of
from selfproof.reports import incidents, provenance
from selfproof.submitting import Counter
from selfproof.telling import Telling

NOBODY = Asked()


@dataclass(frozen=True)
class Ways:
    """How a run goes about it, where the charter's own way is not meant: None."""

    strategy: str | None = None
    focus: str | None = None
    """The one objective that its time is spent on."""
    archive: str | None = None
    """The URL of a shared archive."""
    cluster: str | None = None
    """The address of a Ray cluster on whose nodes trials are run; "" is this machine."""


NO_WAYS = Ways()


def run(
    folder: Path, stop_after: float | None, seed: int | None, asked: Asked = NOBODY,
    *, certified: int | None = None, ways: Ways = NO_WAYS,
    on_stop: Callable[[Stop], None] = lambda stop: None,
) -> Iterator[Event]:  # fmt: skip
    """Run for ``stop_after`` minutes (the charter's budget without it); yields events, the last is the summary.

    ``asked`` are who suggests edits beside those that the charter names. With ``certified`` the run ends early once it
    has certified that many changes, which the gate allows at any time (docs/gate.md). ``on_stop`` is given the run's
    `Stop`, for whoever wants to end it from another thread.

    Raises:
        UsageError: it was stopped, or the charter has no objective of the name ``ways.focus``.
        SelfproofError: with an exit code and advice.
    """
    began = time.monotonic()
    if ways.strategy is not None:
        strategies.named(ways.strategy)  # before anything is made
    paths = Paths(folder)
    if not paths.ledger.exists():
        check_empty(paths)
        program = birth.make(folder, seed=seed)
        yield {"event": "init", "program": program, "folder": str(folder.resolve())}
    moved.check_here(paths)
    halting.settled(paths)
    charter = load(paths.charter)
    check_level(charter, folder)
    shared = charter.archive if ways.archive is None else replace(charter.archive, url=ways.archive)
    if ways.focus is not None:
        charter.objective(ways.focus)
    seconds = 60 * (charter.budget.minutes if stop_after is None else stop_after)
    reserve = closing.reserve(seconds, len(charter.objectives))
    stop = Stop(paths.stop, max(1.0, seconds - reserve))
    on_stop(stop)
    opened = life.opened(folder, seed=seed, archive=shared)
    with stop.on_signals(), stop.watched(paths, guest=not asked.own_process), opened as living:
        halting.check(living.state.overseen)
        living.began_with = living.state.adoptions(certified=True)
        living.stop, living.strategy = stop, ways.strategy or living.strategy
        living.cluster = living.charter.sandbox.cluster if ways.cluster is None else ways.cluster
        keep = living.charter.experience.keep
        living.experience = recorder_of(living.state.genesis["program"], keep=keep, seed=seed)
        lived = _lived(living, stop, (began, seconds, reserve), asked, certified, ways.focus)
        yield from watched(lived, living, stop)


def _joined(living: Life, stop: Stop) -> Iterator[Event]:
    """A cluster takes a while to join and to start its workers, which is no part of a run's time."""
    if living.cluster:
        begun = time.monotonic()
        tier = living.jail.tier
        took = time.monotonic() - begun
        stop.credit(took)
        yield {"event": "cluster", "address": living.cluster, "tier": tier, "slots": living.charter.sandbox.workers,
               "seconds": round(took, 1)}  # fmt: skip


def _lived(
    living: Life, stop: Stop, times: tuple[float, float, float], asked: Asked, certified: int | None, focus: str | None
) -> Generator[Event, None, None]:
    """An opened life from its first event to its last; ``times`` are when it began, how long it may take and what of
    that is for the closing table."""
    began, seconds, reserve = times
    yield from _joined(living, stop)
    yield opening(living, seconds)
    rows: list[dict[str, Any]] = []
    domains = loop.domains_of(living)
    desk = Desk(
        proposers_of(living, asked), living.charter.proposers.parallel, living.search_seed("desk"),
        in_step=living.seed is not None, stopping=living.stopping,
    )  # fmt: skip
    counter = Counter(living)
    telling = Telling(living)
    living.between = telling.after(counter.take)
    try:
        certified = certified or living.charter.budget.until_certified or None
        yield from _counted(loop.live(living, stop, domains, desk, focus), living, stop, certified)
        ended = stop.reason or "nothing left to try"
        stop.extend(reserve)
        rows = yield from closing.table(living, stop, domains)
        living.log("report", {"table": living.blob(life.to_json(rows))})
    except life.Halted:
        ended = str(stop.reason)
    finally:
        try:
            counter.close()  # first: a socket is nothing that a copy of the folder can hold
        finally:
            desk.close()
    end_halted(living, ended)
    incidents.take_up(living.state, living.paths.private, living.log)
    living.end_epoch()
    told = {**summary(living, rows, ended, time.monotonic() - began), "models": desk.told}
    telling.say("at rest")
    ordered = [] if stop.reason == ORDERED else living.charter.ledger.witnesses
    witnesses = ask_all(living.paths.ledger, living.paths.witnessed, ordered)
    yield {**told, "witnesses": witnesses}
    if against := [row for row in witnesses if row["conflict"]]:
        raise SelfCheckFailed(against[0]["reason"], advice="Compare this ledger with a copy of your own.")


def _counted(events: Iterator[Event], living: Life, stop: Stop, certified: int | None) -> Iterator[Event]:
    """The loop's events; after as many adoptions as were wanted it is told to come to its end."""
    told = False
    living.log("engine", provenance.engine())
    incidents.take_up(living.state, living.paths.private, living.log)
    for event in _recorded(events, living):
        yield event
        living.between()
        if living.experience.problem is not None and not told:
            told = True
            yield {"event": "experience", "problem": living.experience.problem}
        if certified is None or event["event"] != "status":
            continue
        if living.state.adoptions(certified=True) - living.began_with >= certified:
            stop.enough()


def _recorded(events: Iterator[Event], living: Life) -> Iterator[Event]:
    """The same events; a control that came out wrong, which ends a run, opens an incident first."""
    try:
        yield from events
    except SelfCheckFailed:
        incidents.take_up(living.state, living.paths.private, living.log)
        raise


def end_halted(living: Life, ended: str) -> None:
    """Say in the ledger who ended a run before its time; an order keeps the program stopped."""
    if not living.stop or not living.stop.urgent:
        return
    living.take_orders()
    if living.state.overseen.halted is None:
        living.log("halt", {"by": ended, "latched": False})


def check_empty(paths: Paths) -> None:
    """See that a program may be made where there is none: not in the middle of somebody's project.

    Raises:
        UsageError: the folder holds other files.
    """
    parts = [(paths.folder / part).exists() for part in birth.PARTS]
    begun = parts[0] or all(parts[1:]) or (paths.folder / birth.ASIDE).exists()
    if not begun and paths.folder.is_dir() and any(paths.folder.iterdir()):
        raise UsageError(
            f"{paths.folder.resolve()} holds no living program, and other files",
            advice="Make one of your project: selfproof init. Or name an empty folder: --at DIR",
        )


def check_level(charter: Charter, folder: Path) -> None:
    """See that the charter's autonomy fits this program.

    Raises:
        UsageError: "propose" is for copies of projects.
    """
    if charter.autonomy.level == "propose" and origin.load(folder) is None:
        raise UsageError(
            'the charter\'s autonomy is "propose", but this program is no copy of a project',
            advice='Write "observe" or "autonomous" under [autonomy] in charter.toml.',
        )


def opening(living: Life, seconds: float) -> Event:
    """The first event of a run."""
    return {
        "event": "start", "program": living.state.genesis["program"], "folder": str(living.paths.folder.resolve()),
        "layers": list(living.jail.layers), "cluster": living.cluster,
        "seconds": seconds, **loop.standing(living),
        "objectives": [o.name for o in living.charter.objectives],
        "uncertified": living.charter.certify.uncertified,
        "finished": living.finished, "seeds": living.seeds_kind, "strategy": living.strategy,
    }  # fmt: skip


def summary(living: Life, rows: list[dict[str, Any]], ended: str, seconds: float) -> Event:
    """The last event; its fields are a contract (docs/design.md, "Machine contracts").

    Raises:
        SelfCheckFailed: the ledger that this run leaves does not verify.
    """
    state, came_from = living.state, origin.load(living.paths.folder)
    living.ledger.commit()
    if ended == ORDERED:  # whoever stops something waits for it: `selfproof verify` can be asked afterwards
        checked = {"ok": None, "entries": living.ledger.size, "root": living.ledger.root.hex()}
    else:
        checked = audit(living.paths.ledger)
    if checked["ok"] is False:
        incidents.failed(living.paths.private, f"the ledger does not verify: {checked['first_bad']}")
        raise SelfCheckFailed(f"the ledger does not verify: {checked['first_bad']}", advice="Keep the folder as it is.")
    standing = [c for c in state.confirmations.values()
                if c.version is not None and not state.versions[c.version].rolled_back]  # fmt: skip
    answers = [c.verdict["answer"] for c in standing if c.verdict is not None]
    alpha = state.charter["alpha"]
    controls = {
        name: state.controls[name]["answer"] if name in living.controls_done & set(state.controls) else "not_run"
        for name in CONTROLS
    }
    return {
        "event": "summary", "seconds": round(seconds, 1), "trials": living.trials,
        "certified": answers.count("certified"), "uncertified": answers.count("uncertified"),
        "refused": loop.standing(living)["refused"], "objectives": rows,
        "waiting": len(state.waiting),
        "open": sum(c.decision is None for c in state.confirmations.values()),
        "controls": controls,
        "control_words": control_words(living),
        "alpha": {"total": alpha, "spent": state.spent()},
        "ledger": {"entries": checked["entries"], "root": checked["root"], "verified": checked["ok"]},
        "ended": ended, "target": target(living), "ceilings": [row(one) for one in used(living, seconds)],
        "form": came_from.form if came_from else "",
        "autonomy": living.charter.autonomy.level, "version": state.current, "tier": living.jail.tier,
        "folder": str(living.paths.folder.resolve()),
        "candidates": sum(living.archive.counts().values()), "cpu_seconds": round(living.cpu_seconds, 1),
    }  # fmt: skip


def target(living: Life) -> dict[str, Any] | None:
    """What the charter says that a run is for, and how far this one came; None where it says nothing."""
    wanted, got = living.charter.budget.until_certified, living.state.adoptions(certified=True) - living.began_with
    return {"certified": got, "wanted": wanted, "reached": got >= wanted} if wanted else None


def used(living: Life, seconds: float) -> list[Ceiling]:
    """The charter's ceilings at the end of a run."""
    spent = {"minutes": seconds / 60, "cpu_hours": living.cpu_seconds / 3600}
    return ceilings(living.charter.budget, spent | lasting(living.paths, living.state))


def control_words(living: Life) -> dict[str, str]:
    """Why each control came out as it did; where no objective has any, that this is so."""
    told = {name: str(body["why"]) for name, body in living.state.controls.items()}
    if all(objective.kind == "speed" for objective in living.charter.objectives):
        told = dict.fromkeys(CONTROLS, "timed objectives have placebos and small planted gains instead") | told
    return told
