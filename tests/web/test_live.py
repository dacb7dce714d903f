"""What happens reaches whoever watches within a second, and fifty who watch, or do not keep up, cost no memory."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from visiting import in_a_loop

from selfproof.monitoring.feed import Feed
from selfproof.places import Paths
from selfproof.web import live
from selfproof.web.app import named
from selfproof.web.live import Hub
from selfproof.web.page import Program
from selfproof.web.present import KEPT, Present


@pytest.fixture
def program(finite_life: Any, tmp_path: Path) -> Program:
    folder = Path(shutil.copytree(finite_life.folder, tmp_path / "life"))
    (found,) = named([folder])
    found.reading.refresh()
    return found


def told(message: bytes) -> tuple[str, Any]:
    kind, data = message.decode().removesuffix("\n\n").split("\n")[-2:]
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_a_listener_hears_of_an_event_and_of_an_entry_within_a_second(program: Program) -> None:
    feed = Feed(program.reading.paths.live)

    async def listen() -> list[float]:
        hub, waits = Hub(program), []
        messages = hub.listen()
        assert told(await anext(messages))[0] == "changed"
        await asyncio.sleep(3 * live.LOOK_S)
        for act in (lambda: feed.take({"event": "confirm", "id": 7}), lambda: _grow(program)):
            begun = time.monotonic()
            act()
            async with asyncio.timeout(5):
                while told(await anext(messages))[0] != "changed":
                    pass
            waits.append(time.monotonic() - begun)
        await messages.aclose()
        assert not hub.listeners
        return waits

    try:
        waits = in_a_loop(listen())
    finally:
        feed.close()
    assert max(waits) < 4 * live.LOOK_S + 2, waits  # a second, and what a busy machine adds


def _grow(program: Program) -> None:
    with (program.reading.paths.ledger / "log").open("ab") as log:
        log.write(b"\x05")  # a torn tail: the log has grown, and no entry is whole


def test_fifty_listeners_who_do_not_keep_up_cost_no_memory(program: Program) -> None:
    feed, hub = Feed(program.reading.paths.live), Hub(program)
    event = {"event": "candidate", "title": "x" * 1000, "objective": "memory"}

    async def stream(turns: int) -> int:
        messages = [hub.listen() for _ in range(50)]
        for one in messages:
            await anext(one)
        for _ in range(turns):
            for _ in range(live.QUEUE):
                feed.take(event)
            number = program.present.catch_up()
            for _, found in program.present.since(number - live.QUEUE):
                hub._tell(live._message("feed", found))
        size = tracemalloc.get_traced_memory()[0]
        for one in messages:
            await one.aclose()
        return size

    tracemalloc.start()
    try:
        first = in_a_loop(stream(7))
        later = in_a_loop(stream(14))
    finally:
        tracemalloc.stop()
        feed.close()
    assert later < 1.15 * first + 300_000, (first, later)
    assert len(program.present.events) == KEPT and hub.listeners == 0


def test_more_listeners_than_are_served_are_turned_away(program: Program, monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "LISTENERS", 2)

    async def listen() -> None:
        hub = Hub(program)
        open_ = [hub.listen(), hub.listen()]
        for one in open_:
            await anext(one)
        with pytest.raises(live.TooMany):
            await anext(hub.listen())
        await open_[0].aclose()
        third = hub.listen()
        await anext(third)
        for one in (open_[1], third):
            await one.aclose()

    in_a_loop(listen())


def test_the_present_is_what_the_newest_run_says(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.private.mkdir()
    feed, present = Feed(paths.live), Present(paths)
    try:
        feed.take({"event": "start", "program": "p", "seconds": 60, "version": 0, "layers": [], "tier": "jail"})
        for pairs, wealth in ((0, 0.0), (8, 1.5), (16, 4.0)):
            feed.take({"event": "confirm", "id": 5, "objective": "memory", "title": "t", "pairs": pairs,
                       "log_wealth": wealth, "log_threshold": 6.0, "answer": "undecided"})  # fmt: skip
        present.catch_up()
        assert present.running and present.bound is not None and present.ends is not None
        assert list(present.bound["steps"]) == [(0.0, 0.0), (8.0, 1.5), (16.0, 4.0)] and present.bound["line"] == 6.0
        assert abs(present.ends - time.time() - 60) < 10
        feed.take({"event": "beat", "left": 5.0, "workers": {"busy": 1, "total": 2}})
        feed.take({"event": "verdict", "id": 5, "answer": "refused", "reason": "no", "pairs": 20})
        present.catch_up()
        assert present.bound["answer"] == "refused" and abs(present.ends - time.time() - 5) < 5
        feed.take({"event": "start", "program": "p", "seconds": 9, "version": 1, "layers": []})
        present.catch_up()
        assert present.bound is None and present.beat == {}
    finally:
        feed.close()
    time.sleep(0.6)  # the follower looks at the lock twice a second
    present.catch_up()
    assert not present.running
    present.close()
