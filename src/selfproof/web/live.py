"""Server-Sent Events: one task for each program that anybody watches, and a short queue for each who does.

A listener that does not keep up loses the oldest events, never the server's memory: what it shows it asks for anew
anyway. Nobody listening, nothing is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.responses import StreamingResponse

from selfproof.web.page import Program

LOOK_S = 0.25
QUIET_S = 15.0
"""After so long without anything to say a comment is sent, so that a connection that is gone is noticed."""

QUEUE = 64
LISTENERS = 200


class TooMany(Exception):
    """There are as many listeners as one server serves."""


@dataclass
class Hub:
    """All who listen to one program."""

    program: Program
    _listeners: set[asyncio.Queue[bytes]] = field(default_factory=set)
    _task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many there are."""
        return len(self._listeners)

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """What to send to one listener, until it goes away."""
        if len(self._listeners) >= LISTENERS:
            raise TooMany
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            yield b"retry: 2000\n\n" + _message("changed", {"first": True})
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), QUIET_S)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._listeners.discard(queue)

    async def _watch(self) -> None:
        present, reading = self.program.present, self.program.reading
        number, stamp = await asyncio.to_thread(present.catch_up), await asyncio.to_thread(reading.stamp)
        while self._listeners:
            await asyncio.sleep(LOOK_S)
            newest, now = await asyncio.to_thread(present.catch_up), await asyncio.to_thread(reading.stamp)
            for _, event in present.since(number):
                self._tell(_message("feed", event))
            if newest != number or now != stamp:
                self._tell(_message("changed", {"event": newest}))
            number, stamp = newest, now

    def _tell(self, message: bytes) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)


def _message(kind: str, told: object) -> bytes:
    """One event; JSON has no line feed of its own."""
    return f"event: {kind}\ndata: {json.dumps(told)}\n\n".encode()


async def answer(hub: Hub, still: Callable[[], bool]) -> StreamingResponse:
    """A stream that ends when its session does, and not by itself."""

    async def guarded() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(hub.listen()) as messages:
            with contextlib.suppress(TooMany):
                async for message in messages:
                    if not still():
                        return
                    yield message

    headers = {"cache-control": "no-store", "content-encoding": "identity", "x-accel-buffering": "no"}
    return StreamingResponse(guarded(), media_type="text/event-stream", headers=headers)
