"""Workers in parallel: one long-lived thread for each, jobs from one queue.

A thread starts its own worker and replaces it after 2000 jobs, after anything suspicious, and when it does
not answer.

Does not protect against:
- an engine that forgets to close the pool: the workers then live until its process ends, not longer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Final

from selfproof.grants import NOTHING, Grants
from selfproof.jail import ladder
from selfproof.jail.limits import JailUnavailable, Job, Outcome
from selfproof.jail.providers import Isolated
from selfproof.jail.worker import WorkerFailed

_JOBS_PER_WORKER: Final = 2000
_CLOSE_S: Final = 0.9
_Item = list[tuple[Job, "Future[Outcome]"]]  # for one worker, one after the other


class Pool:
    """Runs jobs in isolated workers; a context manager, safe to use from several threads.

    `workers` run side by side; `require` is "auto" (the strongest tier that holds here), "jail", "confined", by
    name only "none", or the name of a provider; `preload` names modules that every candidate finds imported;
    `grants` are those of the first job, so that what cannot be granted is known at once. `tier` and `layers` say
    what holds. Raises JailUnavailable when the machine cannot isolate as required.
    """

    def __init__(
        self, workers: int = 2, *, require: str = "auto", preload: Sequence[str] = ("numpy",),
        grants: Grants = NOTHING,
    ) -> None:  # fmt: skip
        """Start the first worker and wait for it; the others follow by themselves."""
        if workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {workers}")
        self._preload, self._grants = tuple(preload), grants
        self._jobs: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._running: set[Isolated] = set()
        first: Future[Isolated] = Future()
        self._threads = [self._thread(require, first)]
        try:
            worker = first.result()
        except BaseException:
            self.close()
            raise
        self.tier: str = worker.tier
        self.layers: tuple[str, ...] = worker.layers
        self._threads += [self._thread(self.tier, Future()) for _ in range(workers - 1)]

    def submit(self, job: Job) -> Future[Outcome]:
        """Queue one job. Raises RuntimeError after `close`."""
        return self._put([job])[0]

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs side by side; return their outcomes in the jobs' order."""
        return [future.result() for future in [self.submit(job) for job in jobs]]

    def together(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs back to back in one worker, nothing between them there, each in a process of its own: for timing.

        After a job that leaves the worker suspect, the rest runs in a new one.
        """
        return [future.result() for future in self._put(jobs)]

    def _put(self, jobs: Sequence[Job]) -> list[Future[Outcome]]:
        item: _Item = [(job, Future()) for job in jobs]
        with self._lock:
            if self._closing.is_set():
                raise RuntimeError("the pool is closed")
            self._jobs.put(item)
        return [future for _, future in item]

    def close(self) -> None:
        """Cancel what waits, end what runs, leave no process. Idempotent; takes less than a second."""
        with self._lock:
            self._closing.set()
            for worker in self._running:
                worker.interrupt()
        self._cancel_waiting()
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Pool:
        """Return the pool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()

    def _thread(self, require: str, started: Future[Isolated]) -> threading.Thread:
        thread = threading.Thread(target=self._work, args=(require, started), name="selfproof-jail", daemon=True)
        thread.start()
        return thread

    def _work(self, require: str, started: Future[Isolated]) -> None:
        worker: Isolated | None = None
        try:
            try:
                worker = self._enlist(ladder.climb(require, self._preload, self._grants))
                started.set_result(worker)
                require = worker.tier
            except Exception as error:  # noqa: BLE001  handed to whoever waits for this worker
                started.set_exception(error)
            while (item := self._jobs.get()) is not None:
                for job, future in item:
                    worker = self._answer(worker, require, job, future)
                if worker is not None and worker.served >= _JOBS_PER_WORKER:
                    self._dismiss(worker)
                    worker = None
        finally:
            self._dismiss(worker)

    def _answer(self, worker: Isolated | None, tier: str, job: Job, future: Future[Outcome]) -> Isolated | None:
        """Run a job for whoever holds its future; return the worker if it can go on."""
        if not future.set_running_or_notify_cancel():
            return worker
        try:
            worker, outcome = self._run(worker, tier, job)
            future.set_result(outcome)
            if worker is None or not worker.suspect:
                return worker
        except Exception as error:  # noqa: BLE001  handed to whoever submitted the job
            future.set_exception(error)
        self._dismiss(worker)
        return None

    def _run(self, worker: Isolated | None, tier: str, job: Job) -> tuple[Isolated | None, Outcome]:
        """Run a job; once more in a new worker if the jail failed, which is never the program's fault."""
        outcome = _failed("no worker could be started", tier)
        for _ in range(2):
            if self._closing.is_set():
                return worker, _failed("the pool was closed", tier)
            if worker is not None and worker.grants != job.limits.grants:
                self._dismiss(worker)
                worker = None
            try:
                worker = worker or self._enlist(ladder.climb(tier, self._preload, job.limits.grants))
            except (WorkerFailed, JailUnavailable, OSError) as error:
                outcome = _failed(f"no worker could be started: {error}", tier)
                continue
            outcome = worker.run(job)
            if outcome.status != "jail_failed":
                break
            self._dismiss(worker)
            worker = None
        return worker, outcome

    def _enlist(self, worker: Isolated) -> Isolated:
        with self._lock:
            self._running.add(worker)
            if self._closing.is_set():
                worker.interrupt()
        return worker

    def _dismiss(self, worker: Isolated | None) -> None:
        if worker is not None:
            with self._lock:
                self._running.discard(worker)
            worker.kill()

    def _cancel_waiting(self) -> None:
        while True:
            try:
                item = self._jobs.get_nowait()
            except queue.Empty:
                return
            for _, future in item or ():
                future.cancel()


def _failed(message: str, tier: str) -> Outcome:
    return Outcome("jail_failed", (), message, (), 0.0, 0.0, "", tier, ())
