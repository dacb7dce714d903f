"""Trials per second against workers: the real loop on workers of virtual time (``selfproof.simulate.virtual``).

    python benchmarks/scale.py --workers 1,8,64,1000 --seconds 60 --trials 2000

Simulated: how long a trial takes, on how many workers, and lost nodes. Real: the loop, the races, the confirmations,
the jail and its answers, on the objective "memory" of the shipped apprentice. Not in it: proposers with latencies, the
engine's own time (it is printed beside: wall clock of the run per trial, real answers included).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from selfproof import birth, life, loop
from selfproof.jail import Pool
from selfproof.oversight.stop import Stop
from selfproof.propose.desk import Desk
from selfproof.simulate.virtual import Law, VirtualPool
from selfproof.trial.task import Task

OBJECTIVE = "memory"


def measure(workers: int, law: Law, trials: int, seed: int, within: float) -> dict[str, Any]:
    """One fresh life until it made so many trials, or for ``within`` seconds of the wall clock."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "life"
        birth.make(folder, seed=seed)
        with life.opened(folder, seed=seed) as living:
            sandbox = living.charter.sandbox
            pool = VirtualPool(Pool(sandbox.workers, require=sandbox.require), workers, law, seed)
            living.pool = cast(Pool, pool)
            living.charter = replace(living.charter, sandbox=replace(sandbox, workers=workers))
            task = living.tasks[OBJECTIVE]
            if isinstance(task, Task):
                cast(Any, task).seconds = law.seconds
            stop = Stop(living.paths.stop, within)
            living.stop = stop
            desk = Desk([], 1, seed, in_step=True, stopping=living.stopping)
            began = time.monotonic()
            try:
                for event in loop.live(living, stop, loop.domains_of(living), desk, OBJECTIVE):
                    if event["event"] == "status" and living.trials >= trials:
                        stop.enough()
            finally:
                desk.close()
            wall = time.monotonic() - began
            return {
                "workers": workers, "trials": living.trials, "virtual_s": round(pool.now, 1),
                "per_hour": round(3600 * living.trials / pool.now), "lost": pool.lost, "jobs": pool.jobs,
                "used": round(pool.worked / (workers * pool.now), 4), "ended": stop.reason,
                "adopted": living.state.adoptions(), "wall_ms_per_trial": round(1000 * wall / living.trials, 2),
            }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,8,64,1000", help="one row each")
    parser.add_argument("--seconds", type=float, default=60.0, help="median of an answer, virtual")
    parser.add_argument("--failures", type=float, default=0.0, help="probability that a job's node is lost")
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--within", type=float, default=120.0, help="seconds of wall clock that a row may take")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    law = Law(asked.seconds, failures=asked.failures)
    for workers in map(int, asked.workers.split(",")):
        print(json.dumps(measure(workers, law, asked.trials, asked.seed, asked.within)), flush=True)


if __name__ == "__main__":
    main()
