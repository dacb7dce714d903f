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
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Final

from selfproof.grants import NOTHING, Grants
from selfproof.jail import ladder
from selfproof.jail.limits import JailUnavailable, Job, Outcome
from selfproof.jail.providers import Isolated
from selfproof.jail.worker import WorkerFailed

_JOBS_PER_WORKER: Final = 2000
_CLOSE_S: Final = 0.9
_MOMENT_S: Final = 0.02
_STAFF: Final = 2  # workers of one thread: trials that were granted something, and those that were not
_Staff = dict[Grants, Isolated]
_Item = list[tuple[Job, "Future[Outcome]"]]  # for one worker, one after the other


class Pool(AbstractContextManager["Pool"]):
    """Runs jobs in isolated workers; a context manager, safe to use from several threads.

    `workers` run side by side; `require` is "auto" (the strongest tier that holds here), "jail", "confined", by
    name only "none", or the name of a provider; `preload` names modules that every candidate finds imported;
    `grants` are those of the first job, so that what cannot be granted is known at once. `tier` and `layers` say
    what holds. Raises JailUnavailable when the machine cannot isolate as required.
    """

    tier: str
    layers: tuple[str, ...]

    def __init__(
        self, workers: int = 2, *, require: str = "auto", preload: Sequence[str] = ("numpy",),
        grants: Grants = NOTHING,
    ) -> None:  # fmt: skip
        """Start the first worker and wait for it; the others follow by themselves."""
        if workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {workers}")
        self.tier, self.layers = require, ()
        self._preload, self._grants = tuple(preload), grants
        self._jobs: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._running: weakref.WeakSet[Isolated] = weakref.WeakSet()  # also those that are only starting
        self._busy: set[int] = set()  # threads with a job
        first: Future[Isolated] = Future()
        self._threads = [self._thread(require, first)]
        try:
            worker = first.result()
            self.tier, self.layers = worker.tier, worker.layers
            self._threads += [self._thread(self.tier, Future()) for _ in range(workers - 1)]
        except BaseException:
            self.close()
            raise

    @property
    def busy(self) -> int:
        """How many workers have a job at this moment."""
        return len(self._busy)

    def submit(self, job: Job) -> Future[Outcome]:
        """Queue one job. Raises RuntimeError after `close`."""
        return self._put([job])[0]

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs side by side; return their outcomes in the jobs' order."""
        return _results([self.submit(job) for job in jobs])

    def together(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs back to back in one worker, nothing between them there, each in a process of its own: for timing.

        After a job that leaves the worker suspect, the rest runs in a new one.
        """
        return _results(self._put(jobs))

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

    def __exit__(self, *_: object) -> None:
        """Close the pool."""
        self.close()

    def _thread(self, require: str, started: Future[Isolated]) -> threading.Thread:
        thread = threading.Thread(target=self._work, args=(require, started), name="selfproof-jail", daemon=True)
        thread.start()
        return thread

    def _work(self, require: str, started: Future[Isolated]) -> None:
        workers: _Staff = {}
        try:
            try:
                first = self._hire(workers, require, self._grants)
                started.set_result(first)
                require = first.tier
            except Exception as error:  # noqa: BLE001  handed to whoever waits for this worker
                started.set_exception(error)
            while (item := self._next(workers)) is not None:
                self._busy.add(threading.get_ident())
                for job, future in item:
                    self._answer(workers, require, job, future)
                self._busy.discard(threading.get_ident())
                for grants in [key for key, worker in workers.items() if worker.served >= _JOBS_PER_WORKER]:
                    self._dismiss(workers, grants)
        finally:
            for grants in list(workers):
                self._dismiss(workers, grants)

    def _next(self, workers: _Staff) -> _Item | None:
        """Wait for work; after a moment without any, nothing that a screened program left may run on."""
        try:
            return self._jobs.get(timeout=_MOMENT_S)
        except queue.Empty:
            for worker in workers.values():
                worker.rest()
            return self._jobs.get()

    def _answer(self, workers: _Staff, tier: str, job: Job, future: Future[Outcome]) -> None:
        """Run a job for whoever holds its future."""
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._run(workers, tier, job))
        except BaseException as error:  # noqa: BLE001  a thread that ended would leave others waiting for ever
            future.set_exception(error)

    def _run(self, workers: _Staff, tier: str, job: Job) -> Outcome:
        """Run a job; once more in a new worker if the jail failed, which is never the program's fault."""
        grants = job.limits.grants
        outcome = _failed("no worker could be had", tier)
        for _ in range(2):
            if self._closing.is_set():
                return _failed("the pool was closed", tier)
            try:
                worker = workers.get(grants) or self._hire(workers, tier, grants)
                outcome = worker.run(job)
            except (WorkerFailed, JailUnavailable, OSError) as error:
                outcome = _failed(f"no worker could be had: {error}", tier)
            except BaseException:
                self._dismiss(workers, grants)
                raise
            if outcome.status == "jail_failed" or worker.suspect:
                self._dismiss(workers, grants)
            if outcome.status != "jail_failed":
                break
        return outcome

    def _hire(self, workers: _Staff, require: str, grants: Grants) -> Isolated:
        """Start a worker; one with other grants goes for it if there are too many."""
        if len(workers) >= _STAFF:
            self._dismiss(workers, next(iter(workers)))
        worker = ladder.climb(require, self._preload, grants, self._enlist)
        self._enlist(worker)  # a provider's was not, so far
        workers[grants] = worker
        if missing := _kinds(self.layers) - _kinds(worker.layers):
            self._dismiss(workers, grants)
            raise WorkerFailed(f"{', '.join(sorted(missing))} held at the start and no longer does")
        return worker

    def _dismiss(self, workers: _Staff, grants: Grants) -> None:
        worker = workers.pop(grants, None)
        if worker is not None:
            with self._lock:
                self._running.discard(worker)
            worker.kill()

    def _enlist(self, worker: Isolated) -> None:
        with self._lock:
            self._running.add(worker)
            if self._closing.is_set():
                worker.interrupt()

    def _cancel_waiting(self) -> None:
        while True:
            try:
                item = self._jobs.get_nowait()
            except queue.Empty:
                return
            for _, future in item or ():
                future.cancel()


def _results(futures: Sequence[Future[Outcome]]) -> list[Outcome]:
    try:
        return [future.result() for future in futures]
    finally:  # after an interrupt or an error nobody waits for the others
        for future in futures:
            future.cancel()


def _kinds(layers: Sequence[str]) -> set[str]:
    """Layers without what differs from worker to worker."""
    return {layer.partition(":")[0] for layer in layers}


def _failed(message: str, tier: str) -> Outcome:
    return Outcome("jail_failed", (), message, (), 0.0, 0.0, "", tier, ())
