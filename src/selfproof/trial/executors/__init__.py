"""Where trials are run: on this machine (``jail.Pool``) or on the nodes of a Ray cluster (``cluster.Cluster``).

Both are an ``Executor``, and what counts is the same for both: the jail, its probing, and the outcome's form. Answers,
scorers, seeds and keys stay with the engine; a node gets programs and inputs, and gives outcomes
([0086](docs/decisions/0086-a-node-is-a-pool-of-one.md)).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol, runtime_checkable

from selfproof.grants import Grants
from selfproof.jail import Job, Outcome, Pool


@runtime_checkable
class Executor(Protocol):
    """Runs jobs in isolated workers, from several threads of the engine; close it.

    ``tier`` and ``layers`` are what probing showed to hold where the jobs are run; every outcome carries its own.
    """

    tier: str
    layers: tuple[str, ...]

    @property
    def busy(self) -> int:
        """How many workers have a job at this moment."""

    def submit(self, job: Job) -> Future[Outcome]:
        """Queue one job; trouble that is not the program's is the status ``jail_failed``, after another try elsewhere.

        Raises:
            RuntimeError: it is closed.
        """

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs side by side; return their outcomes in the jobs' order."""

    def together(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs back to back in one worker, each in a process of its own, nothing between them there: for timing."""

    def close(self) -> None:
        """Cancel what waits, end what runs, leave no process anywhere. Idempotent."""


def executor(workers: int, require: str, grants: Grants, cluster: str = "") -> Executor:
    """An executor on this machine, or on the nodes of the Ray cluster with this address; close it.

    Raises:
        ValueError: there is no such isolation.
        JailUnavailable: this machine, or no node, can isolate as required or give what is granted.
        SelfproofError: the cluster cannot be joined.
    """
    if not cluster:
        return Pool(workers, require=require, grants=grants)
    from selfproof.trial.executors.cluster import Cluster

    return Cluster(cluster, workers, require=require, grants=grants)


__all__ = ["Executor", "executor"]
