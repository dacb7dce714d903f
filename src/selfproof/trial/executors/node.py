"""What runs on a node: a pool of one jailed worker, which does one order at a time and asks the engine where it must.

Nothing here knows Ray, a task, an answer or a key; ``cluster`` makes an actor of ``Node``.

Does not protect against: an engine that goes away; its cluster ends the actor, and with it all that runs in it.
"""

from __future__ import annotations

import platform
import queue
import socket
import sys
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future

import msgspec

from selfproof import __version__
from selfproof.grants import Grants
from selfproof.jail import Outcome, Pool
from selfproof.trial.executors.wire import About, Message, NodeFailed, Question, Told, digest, encode, job_of

KEPT_BYTES = 256 << 20
"""Of inputs that are kept by their names, so that they are the same objects for the jail."""
PATIENCE_S = 3600.0
"""For the engine's answer to a question; the job's own deadline goes on meanwhile, and ends it much earlier."""


class Node:
    """One worker of a node. ``run`` gives an outcome or a question; after a question ``tell`` goes on."""

    def __init__(self, require: str, preload: Sequence[str], grants: Sequence[str]) -> None:
        """Start the worker, and probe what holds here. Raises JailUnavailable."""
        self._pool = Pool(1, require=require, preload=preload, grants=Grants.parse(grants))
        self._name = f"{socket.gethostname()}"
        self._said: queue.SimpleQueue[Question | Future[Outcome]] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def about(self) -> bytes:
        """What this node is."""
        version = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
        return encode(About(self._name, self._pool.tier, list(self._pool.layers), version, __version__))

    def alive(self) -> bool:
        """Answers, if anything here does."""
        return True

    def run(self, order: bytes, names: Sequence[str], *big: bytes) -> bytes:
        """Begin an order; ``big`` are the inputs that it calls by ``names``."""
        named = {name: self._same(name, data) for name, data in zip(names, big, strict=True)}
        job = job_of(order, named, self._go_on, self._exchange)
        self._pool.submit(job).add_done_callback(self._said.put)
        return self._next()

    def tell(self, answer: bytes) -> bytes:
        """Go on after a question."""
        self._told.put(msgspec.msgpack.decode(answer, type=Told))
        return self._next()

    def close(self) -> None:
        """End the worker."""
        self._pool.close()

    def _next(self) -> bytes:
        said = self._said.get()
        if isinstance(said, Question):
            return encode(Message(question=said))
        return encode(Message(outcome=said.result()))

    def _ask(self, question: Question) -> Told:
        self._said.put(question)
        return self._told.get(timeout=PATIENCE_S)

    def _go_on(self, position: int, output: bytes) -> bool:
        return self._ask(Question(position, output)).done

    def _exchange(self, position: int) -> _Exchanging:
        return _Exchanging(self, position)

    def _same(self, name: str, data: bytes) -> bytes:
        """The object that is kept under this name: an input that comes again is the same one for the jail."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        if digest(data) != name:
            raise NodeFailed("an input is not what its name says")
        self._kept[name] = data
        while sum(map(len, self._kept.values())) > KEPT_BYTES and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return data


class _Exchanging:
    """One exchange with the engine."""

    def __init__(self, node: Node, position: int) -> None:
        self._node, self._position, self._fresh = node, position, True

    def __call__(self, output: bytes) -> tuple[bool, bytes]:
        told = self._node._ask(Question(self._position, output, self._fresh))
        self._fresh = False
        return told.done, told.message
