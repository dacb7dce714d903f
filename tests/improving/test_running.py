"""A run in a thread of its own: its end, its failure and its interruption reach whoever reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selfproof.improving.running import Background
from selfproof.oversight.stop import Stop


def endless(stop: Stop, hold: Callable[[Stop], None]) -> Iterator[dict[str, Any]]:
    hold(stop)
    while stop.reason is None:
        time.sleep(0.001)
        yield {"event": "status"}
    yield {"event": "summary", "ended": stop.reason}


def test_events_come_in_order_and_what_is_told_within_a_step_comes_too(tmp_path: Path) -> None:
    def start(hold: Any, tell: Any) -> Iterator[dict[str, Any]]:
        for n in range(1000):
            tell({"n": 2 * n})
            yield {"n": 2 * n + 1}

    assert [event["n"] for event in Background(start)] == list(range(2000))


def test_what_it_raises_is_raised_by_the_reader_after_what_came_before() -> None:
    def start(hold: Any, tell: Any) -> Iterator[dict[str, Any]]:
        yield {"event": "start"}
        raise KeyError("lost")

    run = Background(start)
    assert next(run) == {"event": "start"}
    with pytest.raises(KeyError):
        next(run)
    assert list(run) == []


@pytest.mark.parametrize("early", [True, False])
def test_an_interrupt_is_not_lost_even_before_there_is_anything_to_stop(tmp_path: Path, early: bool) -> None:
    gate = threading.Event()
    stop = Stop(tmp_path / "STOP", 1000)

    def start(hold: Any, tell: Any) -> Iterator[dict[str, Any]]:
        assert not early or gate.wait(10)
        yield from endless(stop, hold)

    run = Background(start)
    if not early:
        next(run)
    run.interrupt()
    gate.set()
    assert list(run)[-1]["ended"] == "interrupted"


def test_closing_ends_a_run_whose_events_nobody_reads(tmp_path: Path) -> None:
    run = Background(lambda hold, tell: endless(Stop(tmp_path / "STOP", 1000), hold))
    next(run)
    time.sleep(0.5)  # the queue is full, the run waits for its reader
    run.close()
    run.close()
    assert list(run) == [] and not [t for t in threading.enumerate() if t.name == "selfproof run"]
