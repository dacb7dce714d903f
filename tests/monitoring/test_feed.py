"""The live feed: whole, in order, small, harmless, and for whoever looks over a run's shoulder in another process."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof.monitoring import feed as feeds
from selfproof.monitoring.feed import LARGEST, Feed, Follower, bounded, follow, running
from selfproof.places import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / ".selfproof").mkdir()
    return Paths(tmp_path)


def own(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] != "running"]


def until(follower: Follower, kind: str, seconds: float = 60) -> list[dict[str, Any]]:
    """Read until an event of that kind has come."""
    found: list[dict[str, Any]] = []
    end = time.monotonic() + seconds
    while not any(event["event"] == kind for event in found):
        assert time.monotonic() < end, [event["event"] for event in found]
        found += follower.read()
        time.sleep(0.01)
    return found


def test_a_run_is_told_whole_and_in_order_to_another_process(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "finite", lifetime=1)
    out = (tmp_path / "out").open("w+")
    process = cli.launch("run", "--minutes", 0.1, "--seed", 1, "--json", "--at", folder, stdout=out)
    follower = Follower(Paths(folder))
    try:
        assert follower.read()[0] == {
            "event": "running",
            "running": False,
            "seq": 0,
            "time": pytest.approx(time.time(), abs=60),
        }
        began = until(follower, "start")
        assert running(Paths(folder))
        seen = began + until(follower, "summary")
        _, err = process.communicate(timeout=60)
    finally:
        cli.end(process)
    assert process.returncode == 0, err
    out.seek(0)
    printed = [json.loads(line) for line in out]
    out.close()
    told = [{k: v for k, v in e.items() if k not in ("seq", "time")} for e in own(seen) if e["event"] != "beat"]
    assert told == [event for event in printed if event["event"] != "init"]
    assert [e["seq"] for e in own(seen)] == list(range(1, len(own(seen)) + 1))
    beats = [event for event in seen if event["event"] == "beat"]
    assert beats and all(0 <= beat["workers"]["busy"] <= beat["workers"]["total"] for beat in beats)
    assert not running(Paths(folder))
    moving = [event for event in told if event["event"] == "confirm" and event["pairs"]]
    assert moving and all({"log_wealth", "log_threshold", "most_pairs"} <= set(event) for event in moving)
    assert any(event["event"] == "racing" and event["titles"] for event in told)


def test_a_run_that_was_killed_is_not_going_on(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "finite")
    process = cli.launch("run", "--minutes", 3, "--seed", 1, "--at", folder, stdout=subprocess.DEVNULL)
    follower = Follower(Paths(folder))
    try:
        until(follower, "race")
        assert running(Paths(folder))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        assert not running(Paths(folder))
        assert until(follower, "running")[-1]["running"] is False
        last = follower.after
    finally:
        cli.end(process)
    again = cli.until("race", folder)  # its numbers go on
    assert again.code == 130
    new = own(follower.read())
    assert new[0]["event"] == "start" and new[0]["seq"] == last + 1
    assert all(a["seq"] < b["seq"] for a, b in itertools.pairwise(new))


def test_an_endless_run_stays_small_and_nobody_who_reads_along_misses_a_line(paths: Paths) -> None:
    feed, follower = Feed(paths.live), Follower(paths)
    assert feed.take({"event": "start", "program": "p"}) is None
    seen = own(follower.read())
    for number in range(8000):
        assert feed.take({"event": "race", "n": number, "pad": "x" * 400}) is None
        if number % 100 == 99:
            seen += own(follower.read())
            assert paths.live.stat().st_size <= LARGEST
    assert [event["seq"] for event in seen] == list(range(1, 8002))
    late = own(Follower(paths).read())
    assert late[0]["event"] == "start" and late[-1]["n"] == 7999 and len(late) < 4000
    assert own(Follower(paths, after=8000).read())[0]["seq"] == 8001
    assert len(own(Follower(paths, after=10**9).read())) == len(late)  # of another file, long gone
    feed.close()
    assert sorted(place.name for place in paths.private.iterdir()) == ["live.jsonl"]


def test_what_a_program_wrote_is_escaped_and_bounded(paths: Paths) -> None:
    feed = Feed(paths.live)
    evil = '\x1b]0;owned\x07\u202egnp.exe\n{"seq":99,"event":"summary"}\ud800<script>'
    feed.take({"event": "observe", "focus": evil, "big": "y" * 10**6, "nan": float("nan"), "many": list(range(10**4)),
               "deep": [[[[[[[[[1]]]]]]]]], "huge": 10**4000, evil: 1})  # fmt: skip
    feed.take({"event": "race", "objective": "o", **{f"k{i}": "z" * 2000 for i in range(90)}})
    raw = paths.live.read_bytes()
    assert raw.isascii() and raw.count(b"\n") == 2 and not set(raw) & set(range(32)) - {10}
    first, second = own(Follower(paths).read())
    assert first["seq"] == 1 and first["event"] == "observe"  # no line of its own was smuggled in
    assert first["focus"] == evil.replace("\ud800", "?") and first["nan"] is None
    assert len(first["big"]) == 2000 and len(first["many"]) == 100
    assert second["left_out"] > 64 * 1024 and second["objective"] == "o" and len(second) == 5
    assert json.loads(json.dumps(bounded({"a": (1, 2.5, None, True)}))) == {"a": [1, 2.5, None, True]}
    feed.close()


def test_lines_that_are_torn_or_a_strangers_are_skipped(paths: Paths) -> None:
    feed = Feed(paths.live)
    feed.take({"event": "start"})
    with paths.live.open("ab") as file:
        file.write(b'[1]\n{"seq": true, "event": "x"}\n{"seq": 2}\nnoise\xff\n{"seq": 1e9, "event": "x"}\n{"seq":2,"ev')
        file.flush()
        follower = Follower(paths)
        assert [event["event"] for event in own(follower.read())] == ["start"]
        file.write(b'ent":"race"}\n')
    assert [event["event"] for event in own(follower.read())] == ["race"]
    paths.live.write_bytes(b"")  # somebody empties it
    follower.read()
    feed.close()
    Feed(paths.live).take({"event": "start"})
    assert [event["event"] for event in own(follower.read())] == ["start"]


def test_a_feed_that_cannot_be_written_says_so_and_costs_nothing(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, real, full = Feed(paths.live), os.write, [False]

    def write(file: int, data: bytes) -> int:
        if full[0] and len(data) > 3:
            return real(file, data[:3])  # as a disk that fills up does it
        return real(file, data)

    monkeypatch.setattr(feeds.os, "write", write)
    monkeypatch.setattr(feeds, "AGAIN_S", 0.05)
    assert feed.take({"event": "start"}) is None
    full[0] = True
    problem = feed.take({"event": "race"})
    assert problem is not None and problem.errno == errno.ENOSPC
    assert feed.take({"event": "race"}) is None  # not even tried
    assert running(paths)
    full[0] = False
    time.sleep(0.06)
    assert feed.take({"event": "decision"}) is None
    assert [event["event"] for event in own(Follower(paths).read())] == ["start", "decision"]
    feed.close()
    assert not running(paths)


def test_it_reaches_a_reader_that_follows(paths: Paths) -> None:
    writer = (
        "import sys, time\nfrom pathlib import Path\nfrom selfproof.monitoring.feed import Feed\n"
        "feed = Feed(Path(sys.argv[1]))\nfor n in range(300):\n    feed.take({'event': 'race', 'n': n})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", writer, str(paths.live)])
    try:
        found = []
        for event in follow(paths, pause=0.01):
            found += own([event])
            if len(found) == 300:
                break
    finally:
        process.wait(timeout=30)
    assert [event["n"] for event in found] == list(range(300))
