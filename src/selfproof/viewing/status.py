"""Where a program stands: what `selfproof status --json` and the dashboard's API say."""

from __future__ import annotations

import datetime
import os
from dataclasses import asdict
from typing import Any

from selfproof.archive.state import State
from selfproof.holding import lasting
from selfproof.holding import row as row_of
from selfproof.levels import retired
from selfproof.oversight import control
from selfproof.oversight.budgets import ceilings
from selfproof.oversight.incidents import overdue
from selfproof.viewing.seen import View


def status_of(seen: View) -> dict[str, Any]:
    """Version, counts, error budget, whether it may run."""
    state = seen.state
    answers = [c.verdict["answer"] for c in state.confirmations.values()
               if c.verdict and c.version is not None and not state.versions[c.version].rolled_back]  # fmt: skip
    verdicts = [c for c in state.confirmations.values() if not c.counter.startswith("control-")]
    return {
        "program": state.genesis["program"], "version": state.current, "tree": state.now.tree,
        "certified": answers.count("certified"), "uncertified": answers.count("uncertified"),
        "refused": sum(1 for c in verdicts if c.decision is not None and c.decision["verdict"] == "refused"),
        "open": [c.id for c in verdicts if c.decision is None],
        "waiting": [c.id for c in state.waiting],
        "alpha": {"total": state.charter["alpha"], "spent": state.spent()},
        "confirmations": {name: state.counters.get(name, 0) for name in state.weights},
        "candidates": sum(state.batches.values()), "trials": state.trials, "entries": state.entries,
        "controls": {name: body["answer"] for name, body in state.controls.items()},
        "retired": {name: reason for name in state.weights if (reason := retired(state, name))},
        "incidents": _incidents(state),
        "stopped": os.path.lexists(seen.paths.stop) or state.overseen.halted is not None,
        "ceilings": [row_of(one) for one in ceilings(seen.charter.budget, lasting(seen.paths, state))],
        "halted": asdict(state.overseen.halted) if state.overseen.halted else None,
        "paused": control.told(seen.paths.pause), "running": control.engine(seen.paths) is not None,
    }  # fmt: skip


def _incidents(state: State) -> dict[str, list[int]]:
    """Which incidents are open, and of which some regime's time is over."""
    now = datetime.datetime.now(datetime.UTC)
    found = [one for one in state.overseen.incidents.values() if one.closed is None]
    late = [one.index for one in found if overdue(one.now["due_at"], now)]
    return {"open": [one.index for one in found], "overdue": late}
