"""One ``selfproof run`` from start to end: open or make the program, live, close with table and ledger head."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from selfproof import birth, closing, life, loop
from selfproof.archive import strategies
from selfproof.archive.state import CONTROLS
from selfproof.audit import audit
from selfproof.charter import load
from selfproof.learn.recorder import recorder_of
from selfproof.life import Life
from selfproof.nouns import Event, SelfCheckFailed, UsageError
from selfproof.oversight.stop import Stop
from selfproof.places import Paths
from selfproof.projects import origin
from selfproof.propose.desk import Desk
from selfproof.proposers import Asked, proposers_of

NOBODY = Asked()


def run(
    folder: Path, stop_after: float | None, seed: int | None, asked: Asked = NOBODY,
    *, certified: int | None = None, strategy: str | None = None, focus: str | None = None,
    on_stop: Callable[[Stop], None] = lambda stop: None,
) -> Iterator[Event]:  # fmt: skip
    """Run for ``stop_after`` minutes (the charter's budget without it); yields events, the last is the summary.

    ``asked`` are who suggests edits beside those that the charter names. With ``certified`` the run ends early once it
    has certified that many changes, which the gate allows at any time (docs/gate.md). With ``focus`` it spends its time
    on the objective of that name alone. ``on_stop`` is given the run's `Stop`, for whoever wants to end it from another
    thread.

    Raises:
        UsageError: the charter has no objective of the name ``focus``.
        SelfproofError: with an exit code and advice.
    """
    began = time.monotonic()
    if strategy is not None:
        strategies.named(strategy)  # before anything is made
    paths = Paths(folder)
    if not paths.ledger.exists():
        check_empty(paths)
        program = birth.make(folder, seed=seed)
        yield {"event": "init", "program": program, "folder": str(folder.resolve())}
    if paths.stop.exists():
        raise UsageError(f"{paths.stop} is there: this program was stopped", advice="To go on: selfproof resume")
    charter = load(paths.charter)
    if charter.autonomy.level == "propose" and origin.load(folder) is None:
        raise UsageError(
            'the charter\'s autonomy is "propose", but this program is no copy of a project',
            advice='Write "observe" or "autonomous" under [autonomy] in charter.toml.',
        )
    if focus is not None:
        charter.objective(focus)
    seconds = 60 * (charter.budget.minutes if stop_after is None else stop_after)
    stop = Stop(paths.stop, max(1.0, seconds - closing.reserve(seconds)))
    on_stop(stop)
    with stop.on_signals(), life.opened(folder, seed=seed) as living:
        living.stop, living.strategy = stop, strategy or living.strategy
        keep = living.charter.experience.keep
        living.experience = recorder_of(living.state.genesis["program"], keep=keep, seed=seed)
        yield opening(living, seconds)
        rows: list[dict[str, Any]] = []
        domains = loop.domains_of(living)
        desk = Desk(
            proposers_of(living, asked), living.charter.proposers.parallel, living.search_seed("desk"),
            in_step=seed is not None, stopping=living.stopping,
        )  # fmt: skip
        try:
            yield from _watched(loop.live(living, stop, domains, desk, focus), living, stop, certified)
            ended = stop.reason or "nothing left to try"
            stop.extend(closing.reserve(seconds))
            rows = yield from closing.table(living, stop, domains)
            living.log("report", {"table": living.blob(life.to_json(rows))})
        except life.Halted:
            ended = str(stop.reason)
            living.log("halt", {"by": ended})
        finally:
            desk.close()
        living.end_epoch()
        yield {**summary(living, rows, ended, time.monotonic() - began), "models": desk.told}


def _watched(events: Iterator[Event], living: Life, stop: Stop, certified: int | None) -> Iterator[Event]:
    """The loop's events; after as many adoptions as were wanted it is told to come to its end."""
    before, told = living.state.adoptions(certified=True), False
    for event in events:
        yield event
        if living.experience.problem is not None and not told:
            told = True
            yield {"event": "experience", "problem": living.experience.problem}
        if certified is None or event["event"] != "status":
            continue
        if living.state.adoptions(certified=True) - before >= certified:
            stop.enough()


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


def opening(living: Life, seconds: float) -> Event:
    """The first event of a run."""
    return {
        "event": "start", "program": living.state.genesis["program"], "folder": str(living.paths.folder.resolve()),
        "layers": list(living.jail.layers),
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
    checked = audit(living.paths.ledger)
    if not checked["ok"]:
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
        "open": sum(c.decision is None for c in state.confirmations.values()),
        "controls": controls,
        "control_words": control_words(living),
        "alpha": {"total": alpha, "spent": state.spent()},
        "ledger": {"entries": checked["entries"], "root": checked["root"], "verified": checked["ok"]},
        "ended": ended, "form": came_from.form if came_from else "",
        "autonomy": living.charter.autonomy.level, "version": state.current, "tier": living.jail.tier,
        "folder": str(living.paths.folder.resolve()),
        "candidates": sum(living.archive.counts().values()), "cpu_seconds": round(living.cpu_seconds, 1),
    }  # fmt: skip


def control_words(living: Life) -> dict[str, str]:
    """Why each control came out as it did; where no objective has any, that this is so."""
    told = {name: str(body["why"]) for name, body in living.state.controls.items()}
    if all(objective.kind == "speed" for objective in living.charter.objectives):
        told = dict.fromkeys(CONTROLS, "timed objectives have placebos and small planted gains instead") | told
    return told
