"""Trials on the nodes of a Ray cluster: one actor for each slot, each a jailed worker on some node.

A slot's thread here gives its actor one job after the other. A job whose node is lost, silent or late is run again in
another actor, and no candidate is charged for it. What a node says is read by type and bounded (``wire``).

Does not protect against: an account of a node that is ruled by somebody else (``wire``); a node that lies about what
its jail holds, or about an answer: whoever rules the nodes could as well alter the engine.
"""

from __future__ import annotations

import contextlib
import platform
import queue
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from selfproof import __version__
from selfproof.grants import NOTHING, Grants
from selfproof.jail import JailUnavailable, Job, Outcome
from selfproof.jail.limits import Reply
from selfproof.trial.executors import wire
from selfproof.trial.executors.joining import join
from selfproof.trial.executors.wire import About, NodeFailed, Question, Told

TRIES: Final = 3
"""Actors that a job gets before it counts as the jail's failure."""
PLACING_S: Final = 60.0
HEARTBEAT_S: Final = 5.0
"""Without an answer for so long, the node is asked whether it lives, and has as long again six times."""
LATE_S: Final = 30.0
"""Beyond a job's own deadline."""
ALONE_S: Final = 120.0
"""Without any node, after which what waits has failed."""
REFS: Final = 512
"""Inputs that are kept in the cluster's store, the newest."""


@dataclass
class _Item:
    """Jobs for one slot, one after the other; ``lost``: how many actors the first of them has cost."""

    jobs: list[tuple[Job, Future[Outcome]]]
    lost: int = 0
    begun: bool = False


class _Gone(Exception):
    """A slot has lost its actor, and its job is to be run again."""


class Lost(Exception):
    """An actor that gives no answer any more."""


class Cluster(AbstractContextManager["Cluster"]):
    """An ``Executor`` on a cluster. ``slots``: trials at a time; a GPU each where GPUs are granted.

    Raises:
        JailUnavailable: no node can isolate as required.
        SelfproofError: the cluster cannot be joined, or has no place for a slot.
    """

    tier: str
    layers: tuple[str, ...]

    def __init__(
        self, address: str, slots: int, *, require: str = "auto", preload: Sequence[str] = ("numpy",),
        grants: Grants = NOTHING,
    ) -> None:  # fmt: skip
        """Join, start the first slot and wait for it; the others follow by themselves."""
        self._closing = threading.Event()
        self._jobs: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy: set[int] = set()
        self._actors: dict[int, Any] = {}
        self._refs: OrderedDict[str, Any] = OrderedDict()
        self.tier, self.layers, self._preload, self._grants = require, (), tuple(preload), grants
        self.nodes: dict[int, About] = {}
        """What runs in each slot."""
        self._threads: list[threading.Thread] = []
        self._ray = join(address, slots)
        try:
            first = self._hire(0)
            self.tier, self.layers = first.tier, tuple(first.layers)
        except BaseException:
            self.close()
            raise
        for slot in range(slots):
            thread = threading.Thread(target=self._work, args=(slot,), name=f"selfproof-slot-{slot}", daemon=True)
            self._threads.append(thread)
            thread.start()

    @property
    def busy(self) -> int:
        """How many slots have a job at this moment."""
        return len(self._busy)

    def submit(self, job: Job) -> Future[Outcome]:
        """Queue one job. Raises RuntimeError after `close`."""
        return self._put([job])[0]

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs side by side; return their outcomes in the jobs' order."""
        return _results([self.submit(job) for job in jobs])

    def together(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs back to back in one slot; after one that was lost, the rest runs in another actor."""
        return _results(self._put(jobs)) if jobs else []

    def close(self) -> None:
        """Cancel what waits, end what runs, leave the cluster. Idempotent."""
        self._closing.set()
        with contextlib.suppress(queue.Empty):
            while True:
                for _, future in _jobs_of(self._jobs.get_nowait()):
                    future.cancel()
        for slot in list(self._actors):
            self._dismiss(slot)
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + 0.9
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._refs.clear()
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _put(self, jobs: Sequence[Job]) -> list[Future[Outcome]]:
        item = _Item([(job, Future()) for job in jobs])
        with self._lock:
            if self._closing.is_set():
                raise RuntimeError("the executor is closed")
            self._jobs.put(item)
        return [future for _, future in item.jobs]

    # -- a slot ------------------------------------------------------------------------------------------------------

    def _work(self, slot: int) -> None:
        try:
            while self._has_an_actor(slot) and (item := self._jobs.get()) is not None:
                self._busy.add(slot)
                self._serve(slot, item)
                self._busy.discard(slot)
        except BaseException:
            if not self._closing.is_set():  # a cluster that was left in the middle of a call
                raise

    def _serve(self, slot: int, item: _Item) -> None:
        """Run an item's jobs; if this slot's actor is lost, the rest waits for whichever slot is free next."""
        while item.jobs:
            job, future = item.jobs[0]
            if not item.begun and not future.set_running_or_notify_cancel():
                del item.jobs[0]
                continue
            item.begun = True
            try:
                outcome = self._run(slot, job)
            except _Gone as gone:
                item.lost += 1
                if item.lost < TRIES and not self._closing.is_set():
                    self._jobs.put(item)
                    return
                outcome = _failed(str(gone), self.tier)
            except BaseException as error:  # noqa: BLE001  else others would wait for ever
                future.set_exception(error)
            if not future.done():
                future.set_result(outcome)
            del item.jobs[0]
            item.lost, item.begun = 0, False
            if slot not in self._actors and item.jobs:
                self._jobs.put(item)
                return

    def _has_an_actor(self, slot: int) -> bool:
        """Wait for a place in the cluster before a job is taken: another slot may have time for it. False: closed."""
        alone_since = time.monotonic()
        while not self._closing.is_set():
            if slot in self._actors:
                return True
            try:
                self._hire(slot)
            except JailUnavailable as error:
                if self.nodes:
                    alone_since = time.monotonic()
                elif time.monotonic() - alone_since > ALONE_S:
                    self._give_up(str(error))
                self._closing.wait(1.0)
        return False

    def _give_up(self, why: str) -> None:
        """There has been no node for long: what waits has failed, so that nobody waits for ever."""
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._jobs.get_nowait()
                for place, (_, future) in enumerate(_jobs_of(item)):
                    if (item is not None and item.begun and not place) or future.set_running_or_notify_cancel():
                        future.set_result(_failed(why, self.tier))

    def _run(self, slot: int, job: Job) -> Outcome:
        """Run a job in this slot's actor.

        Raises:
            _Gone: the actor is lost, or its jail failed, which is never the program's fault.
        """
        data, named = wire.order(job)
        name = self.nodes[slot].name
        try:
            outcome = self._ask(slot, job, data, named)
        except (Lost, NodeFailed) as error:
            self._dismiss(slot)
            raise _Gone(str(error)) from None
        if outcome.status == "jail_failed":
            self._dismiss(slot)
            raise _Gone(outcome.message or "its jail failed")
        return replace(outcome, layers=(*outcome.layers, f"node:{name}"))

    def _ask(self, slot: int, job: Job, data: bytes, named: dict[str, bytes]) -> Outcome:
        """Give an actor its order, and answer its questions until it has an outcome."""
        actor, replies = self._actors[slot], dict[int, Reply]()
        until = time.monotonic() + job.limits.wall_s + LATE_S
        names = list(named)
        waiting = actor.run.remote(data, names, *(self._stored(name, named[name]) for name in names))
        while True:
            message = wire.message_of(self._wait(actor, waiting, until), job, self.tier)
            if message.outcome is not None:
                return message.outcome
            assert message.question is not None
            waiting = actor.tell.remote(wire.encode(_answer(job, message.question, replies)))

    def _stored(self, name: str, data: bytes) -> Any:
        """An input in the cluster's store, put there once."""
        with self._lock:
            if name not in self._refs:
                self._refs[name] = self._ray.put(data)
                if len(self._refs) > REFS:
                    self._refs.popitem(last=False)
            self._refs.move_to_end(name)
            return self._refs[name]

    def _wait(self, actor: Any, waiting: Any, until: float, *, placing: bool = False) -> object:
        """What an actor answers; one that has no place yet is not asked whether it lives.

        Raises:
            Lost: it is gone, silent, or late.
        """
        ray, heard, asked = self._ray, time.monotonic(), None
        while True:
            if self._closing.is_set() or ray is None:
                raise Lost("the executor was closed")
            try:
                done, _ = ray.wait([waiting, *([asked] if asked is not None else [])], timeout=1.0)
                if waiting in done:
                    return ray.get(waiting)
                if asked is not None and asked in done:
                    ray.get(asked)
                    heard, asked = time.monotonic(), None
            except ray.exceptions.RayError as error:
                raise Lost(f"a node was lost: {type(error).__name__}") from None
            now = time.monotonic()
            if now > until:
                raise Lost("a node did not answer in time")
            if asked is None and now - heard > HEARTBEAT_S and not placing:
                asked = actor.alive.remote()
            if now - heard > 7 * HEARTBEAT_S and not placing:
                raise Lost("a node is silent")

    def _hire(self, slot: int) -> About:
        """Start a slot's actor somewhere, and see that its jail is what is needed."""
        from selfproof.trial.executors.node import Node

        ray = self._ray
        if self._closing.is_set():
            raise JailUnavailable("the executor was closed", "")
        made = ray.remote(Node).options(
            num_cpus=1, num_gpus=1 if self._grants.gpu else 0, max_restarts=0, max_concurrency=3
        )  # fmt: skip
        actor = made.remote(self.tier, list(self._preload), list(self._grants.lines()))
        try:
            data = self._wait(actor, actor.about.remote(), time.monotonic() + PLACING_S, placing=True)
            about = msgspec.msgpack.decode(data, type=About) if isinstance(data, bytes) else None
            if about is None:
                raise NodeFailed("a node says nothing of itself")
            self._fits(about)
        except (Lost, NodeFailed, msgspec.DecodeError) as error:
            with contextlib.suppress(Exception):
                ray.kill(actor, no_restart=True)
            raise JailUnavailable(
                f"no node of the cluster takes a slot: {error}",
                "`ray status` shows its free CPUs (and GPUs, where they are granted); each node needs this version of "
                "selfproof, and `selfproof sandbox check` there says what its jail lacks.",
            ) from None
        self._actors[slot], self.nodes[slot] = actor, about
        if self._closing.is_set():
            self._dismiss(slot)
        return about

    def _fits(self, about: About) -> None:
        here = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
        if about.selfproof != __version__ or about.python != here:
            raise NodeFailed(
                f"{about.name} has selfproof {about.selfproof} on {about.python}, the engine {__version__} on {here}"
            )
        if self.layers and (missing := _kinds(self.layers) - _kinds(about.layers)):
            raise NodeFailed(f"{about.name} lacks {', '.join(sorted(missing))}")

    def _dismiss(self, slot: int) -> None:
        self.nodes.pop(slot, None)
        actor = self._actors.pop(slot, None)
        if actor is not None and self._ray is not None:
            with contextlib.suppress(Exception):  # it may be gone, and its node with it
                self._ray.kill(actor, no_restart=True)


def _jobs_of(item: _Item | None) -> list[tuple[Job, Future[Outcome]]]:
    return item.jobs if item is not None else []


def _answer(job: Job, asked: Question, replies: dict[int, Reply]) -> Told:
    if job.exchange is None:
        assert job.go_on is not None
        return Told(job.go_on(asked.position, asked.output))
    if asked.fresh or asked.position not in replies:
        replies[asked.position] = job.exchange(asked.position)
    return Told(*replies[asked.position](asked.output))


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


def opened(address: str) -> Callable[..., Cluster]:
    """What makes executors on this cluster, in the place of ``jail.Pool``."""

    def make(workers: int, *, require: str, grants: Grants) -> Cluster:
        return Cluster(address, workers, require=require, grants=grants)

    return make
