"""Entries that people hand in from beside a run."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from selfproof import birth, life, submitting
from selfproof.audit import audit
from selfproof.nouns import UsageError
from selfproof.places import Paths


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / ("a-folder-whose-name-is-longer-than-a-socket-may-have" * 2) / "life"
    birth.make(folder, seed=1)
    return folder


def test_an_entry_is_written_without_a_run(program: Path) -> None:
    number = submitting.submit(program, "note", {"by": "ann", "words": "seen"})
    with life.viewed(program) as seen:
        assert seen.state.overseen.notes[0][1:] == ("ann", "seen") and number == seen.state.entries - 1
    assert audit(Paths(program).ledger)["ok"]


def test_a_run_takes_entries_in_between_two_jobs(program: Path) -> None:
    with life.opened(program) as living:
        counter = submitting.Counter(living)
        numbers: list[int] = []
        hands = [
            threading.Thread(
                target=lambda n=n: numbers.append(submitting.submit(program, "note", {"by": "b", "words": str(n)}))
            )
            for n in range(20)
        ]
        for hand in hands:
            hand.start()
        while any(hand.is_alive() for hand in hands):
            counter.take()
        assert sorted(numbers) == list(range(min(numbers), min(numbers) + 20))
        assert {words for _, _, words in living.state.overseen.notes} == {str(n) for n in range(20)}
        counter.close()
        with pytest.raises(UsageError, match="takes nothing in"):
            submitting.submit(program, "note", {"by": "ann", "words": "late"})
    assert audit(Paths(program).ledger)["ok"]


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("adopt", {"version": 1}, "nobody may hand in"),
        ("halt", {"by": "me"}, "nobody may hand in"),
        ("note", {"by": "", "words": "x"}, "must be a text"),
        ("note", {"by": "ann"}, "malformed"),
        ("note", {"by": "ann", "words": "x" * 40_000}, "too large"),
    ],
)
def test_what_may_not_be_written_is_refused_beside_a_run_too(
    program: Path, kind: str, body: dict[str, str], says: str
) -> None:
    with life.opened(program) as living:
        before, done = living.ledger.size, threading.Event()
        counter = submitting.Counter(living)

        def serve() -> None:
            while not done.wait(0.01):
                counter.take()

        server = threading.Thread(target=serve)
        server.start()
        try:
            with pytest.raises(UsageError, match=says):
                submitting.submit(program, kind, body)
        finally:
            done.set()
            server.join()
            counter.close()
        assert living.ledger.size == before


def test_garbage_at_the_counter_ends_nothing(program: Path) -> None:
    with life.opened(program) as living:
        counter, before = submitting.Counter(living), living.ledger.size
        for data in (b"\xff", b"[" * 20_000, b"{}", json.dumps({"kind": "note", "body": 5}).encode()):
            with (
                socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller,
                submitting._short(living.paths.counter) as name,
            ):
                caller.connect(name)
                caller.send(data)
                caller.settimeout(0.01)
                while True:
                    counter.take()
                    try:
                        answer = json.loads(caller.recv(1000))
                    except TimeoutError:
                        continue
                    break
            assert "refused" in answer
        assert living.ledger.size == before
        assert submitting.record(living, "note", {"by": "ann", "words": "still here"}).index == before
        counter.close()


def test_only_this_account_may_reach_it(program: Path) -> None:
    with life.opened(program) as living:
        counter = submitting.Counter(living)
        assert living.paths.counter.stat().st_mode & 0o777 == 0o600
        counter.close()
        assert not living.paths.counter.exists()
