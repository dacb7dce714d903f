"""One ``selfproof run`` from start to end: open or make the program, live, close with the table and the ledger's head."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selfproof import birth, closing, life, loop
from selfproof.audit import audit
from selfproof.certify.spending import gamma
from selfproof.charter import load
from selfproof.controls import EXPECTED
from selfproof.life import Life, Paths
from selfproof.nouns import Event, SelfCheckFailed, UsageError
from selfproof.oversight.stop import Stop


def run(folder: Path, stop_after: float | None, seed: int | None) -> Iterator[Event]:
    """Run for ``stop_after`` minutes (the charter's budget without it); yields events, the last is the summary.

    Raises:
        SelfproofError: with an exit code and advice.
    """
    began = time.monotonic()
    paths = Paths(folder)
    if not paths.ledger.exists():
        program = birth.make(folder, seed=seed)
        yield {"event": "init", "program": program, "folder": str(folder.resolve())}
    if paths.stop.exists():
        raise UsageError(f"{paths.stop} is there: this program was stopped", advice="To go on: selfproof resume")
    seconds = 60 * (load(paths.charter).budget.minutes if stop_after is None else stop_after)
    stop = Stop(paths.stop, max(1.0, seconds - closing.reserve(seconds)))
    with stop.on_signals(), life.opened(folder, seed=seed) as living:
        jail = living.jail
        yield {
            "event": "start", "program": living.state.genesis["program"], "folder": str(folder.resolve()),
            "version": living.state.current, "tier": jail.tier, "layers": list(jail.layers), "seconds": seconds,
            "alpha": living.state.charter["alpha"], "objectives": [o.name for o in living.charter.objectives],
            "finished": living.finished, "seeds": living.seeds_kind,
        }  # fmt: skip
        domains = loop.domains_of(living)
        yield from loop.live(living, stop, domains)
        ended = stop.reason or "nothing left to try"
        rows: list[dict[str, Any]] = []
        if not stop.urgent:
            table = Stop(paths.stop, closing.reserve(seconds))
            with table.on_signals():
                rows = yield from closing.table(living, table, domains)
            ended = table.reason if table.urgent and table.reason else ended
            living.log("report", {"table": living.blob(life.to_json(rows))})
        if stop.urgent:
            living.log("halt" if stop.reason == "stop file" else "pause", {"by": stop.reason})
        living.end_epoch()
        living.ledger.commit()
        yield summary(living, rows, ended, time.monotonic() - began)


def summary(living: Life, rows: list[dict[str, Any]], ended: str, seconds: float) -> Event:
    """The last event; its fields are a contract (docs/design.md, "Machine contracts").

    Raises:
        SelfCheckFailed: the ledger that this run leaves does not verify.
    """
    state = living.state
    living.ledger.commit()
    checked = audit(living.paths.ledger)
    if not checked["ok"]:
        raise SelfCheckFailed(f"the ledger does not verify: {checked['first_bad']}", advice="Keep the folder as it is.")
    adopted = [v for v in state.versions[1:] if not v.rolled_back]
    alpha = state.charter["alpha"]
    return {
        "event": "summary", "seconds": round(seconds, 1), "trials": living.trials, "certified": len(adopted),
        "refused": loop.standing(living)["refused"], "objectives": rows,
        "controls": {name: state.controls[name]["answer"] if name in state.controls else "not_run" for name in EXPECTED},
        "control_words": {name: body["why"] for name, body in state.controls.items()},
        "alpha": {"total": alpha, "spent": state.spent(gamma, alpha)},
        "ledger": {"entries": checked["entries"], "root": checked["root"], "verified": checked["ok"]},
        "ended": ended, "version": state.current, "tier": living.jail.tier, "folder": str(living.paths.folder.resolve()),
        "candidates": sum(state.batches.values()), "cpu_seconds": round(living.cpu_seconds, 1),
    }  # fmt: skip
