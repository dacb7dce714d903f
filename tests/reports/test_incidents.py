"""Incidents: entries whose clocks run from awareness, opened by what goes wrong, closed by what would see the next."""

from __future__ import annotations

import datetime
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfproof import life, submitting
from selfproof.archive.overseen import Overseen, apply
from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.ledger import Ledger, read
from selfproof.nouns import UsageError
from selfproof.oversight import incidents as clocks
from selfproof.reports import incidents

AWARE = "2026-06-30T14:00:00Z"


def state_of(folder: Path) -> Any:
    return fold(read(folder / ".selfproof" / "ledger").leaves())


@pytest.mark.parametrize(
    ("severity", "regime", "due"),
    [
        ("serious", "eu-ai-act-73", "2026-07-15T14:00:00Z"),
        ("death", "eu-ai-act-73", "2026-07-10T14:00:00Z"),
        ("infrastructure", "eu-ai-act-73", "2026-07-02T14:00:00Z"),
        ("security", "eu-gpai-code", "2026-07-05T14:00:00Z"),
        ("serious", "us-ca-sb53", "2026-07-15T14:00:00Z"),
        ("imminent", "us-ca-sb53", "2026-07-01T14:00:00Z"),
        ("serious", "us-ny-raise", "2026-07-03T14:00:00Z"),
        ("imminent", "us-ny-raise", "2026-07-01T14:00:00Z"),
    ],
)
def test_clocks_run_from_awareness_for_each_regime(severity: str, regime: str, due: str) -> None:
    assert clocks.due(AWARE, severity)[regime] == due
    assert clocks.due("2026-06-30T16:00:00+02:00", severity)[regime] == due, "whatever the time zone"
    assert clocks.due(AWARE, "internal") == {}
    before, after = (clocks.at(due) + datetime.timedelta(seconds=s) for s in (-1, 1))
    assert regime not in clocks.overdue({regime: due}, before) and clocks.overdue({regime: due}, after) == [regime]


def test_one_life_of_an_incident(typed: Any, newborn: Path) -> None:
    told = typed("incident", "open", "wrong", "--detected", "2026-06-29T00:00:00Z", "--aware", AWARE, "--at", newborn,
                 "--severity", "serious", "--json")  # fmt: skip
    number = str(told.json["incident"])
    assert told.code == 0 and told.json["due_at"]["us-ny-raise"] == "2026-07-03T14:00:00Z"
    assert typed("status", "--at", newborn, "--json").json["incidents"] == {
        "open": [int(number)],
        "overdue": [int(number)],
    }
    assert "OVERDUE" in typed("incident", "list", "--at", newborn).out
    later = typed("incident", "update", number, "--note", "n", "--aware", "2026-07-01T00:00:00Z", "--at", newborn)
    assert later.code == 2 and "not set back" in later.err
    assert typed("incident", "update", number, "--note", "n", "--severity", "death", "--at", newborn).code == 0
    words = ("incident", "close", number, "--note", "ok", "--at", newborn, "--corrective")
    assert typed(*words, "we will be careful").code == 2 and typed(*words, "guard:nothing").code == 2
    assert typed(*words, "test:tests/test_it.py::test_it").code == 0
    assert typed(*words, "test:tests/test_it.py::test_it").code == 2, "it is closed"
    (row,) = typed("incident", "export", "--at", newborn).json["incidents"]
    assert (row["open"], row["severity"], row["overdue"], len(row["notes"])) == (False, "death", [], 1)
    assert typed("status", "--at", newborn, "--json").json["incidents"] == {"open": [], "overdue": []}
    assert audit(newborn / ".selfproof" / "ledger")["ok"]


def test_it_is_told_while_a_run_holds_the_ledger(typed: Any, newborn: Path) -> None:
    with life.opened(newborn) as living:
        counter, codes = submitting.Counter(living), list[int]()
        body = incidents.begun(living.state, "t", "w", "internal", AWARE, AWARE, "a", None)
        hand = threading.Thread(target=lambda: codes.append(submitting.submit(newborn, "incident", body)))
        hand.start()
        while hand.is_alive():
            counter.take()
        counter.close()
        assert [one.now["title"] for one in living.state.overseen.incidents.values()] == ["t"] and codes


def test_closing_needs_what_would_see_the_next_one(newborn: Path) -> None:
    with life.opened(newborn) as living:
        body = incidents.begun(living.state, "t", "w", "internal", AWARE, AWARE, "a", None)
        number = living.log("incident", body).index
        guard = living.charter.guards[0].name
        for corrective in ("", "nothing", "guard:unknown", f"guard:{guard}", "guard:", "person:ann"):
            with pytest.raises(UsageError):
                incidents.closed(living.state, living.ledger, number, corrective, "n", "a")
            with pytest.raises(UsageError):
                submitting.record(living, "incident-close", {"incident": number, "corrective": corrective, "note": "n",
                                                             "by": "a"})  # fmt: skip
    charter = newborn / "charter.toml"
    (newborn / "tasks" / "more.py").write_text("from tasks.language import Source\n\n\nclass More(Source):\n    pass\n")
    text = charter.read_text()
    (known,) = [part for part in text.split("[[guard]]") if f'name = "{guard}"' in part.partition("[[")[0]][:1]
    charter.write_text(f"{text}\n[[guard]]{known.partition('[')[0].replace(guard, 'newer', 1)}")
    with life.opened(newborn) as living:
        body = incidents.closed(living.state, living.ledger, number, "guard:newer", "n", "a")
        submitting.record(living, "incident-close", body)
        assert living.state.overseen.incidents[number].closed is not None
    assert audit(newborn / ".selfproof" / "ledger")["ok"]


def entry(index: int, kind: str, **body: Any) -> Any:
    time = f"2026-06-30T14:00:0{index % 10}.000000Z"
    return SimpleNamespace(index=index, kind=kind, body=body, time=time, commits=())


def test_what_goes_wrong_by_itself_opens_one(newborn: Path) -> None:
    bet = SimpleNamespace(body={"rule": {"test": "bet"}})
    greedy = SimpleNamespace(body={"rule": {"test": "greedy"}})
    overseen = Overseen()
    for one in (
        entry(5, "control", name="aa", confirmation=1, expected="refused", answer="refused", why=""),
        entry(6, "control", name="aa", confirmation=1, expected="refused", answer="certified", why=""),
        entry(7, "control", name="power", confirmation=1, expected=None, answer="refused", why=""),
        entry(8, "control", name="aa", confirmation=2, expected="refused", answer="certified", why=""),
        entry(9, "rollback", by="person", undone=[1]),
        entry(10, "rollback", by="canary", undone=[2]),
        entry(11, "halt", by="interrupted", latched=False),
        entry(12, "halt", by="account ann", latched=True, reason="r", at="t", order="1"),
        entry(13, "halt", by="tripwire size", latched=True, reason="grew", at="t", order="2"),
    ):
        apply(overseen, one)
    state = SimpleNamespace(overseen=overseen, confirmations={1: bet, 2: greedy}, charter={"charter": "c"})
    found = {body["trigger"]: body for body in incidents.owed(state)}  # type: ignore[arg-type]
    assert (
        set(found) == {6, 10, 13}
        and "size" in found[13]["title"]
        and "control aa was certified" in found[6]["title"]
        and "canary" in found[10]["title"]
    )
    assert found[6]["aware_at"] == found[6]["detected_at"] == "2026-06-30T14:00:06Z", "the clock does not wait"
    for body in found.values():
        apply(overseen, entry(100 + body["trigger"], "incident", **body))
    assert list(incidents.owed(state)) == [], "told once"  # type: ignore[arg-type]


def test_a_failed_self_check_is_told_at_the_next_start(newborn: Path) -> None:
    incidents.failed(newborn / ".selfproof", "the ledger does not verify: entry 3")
    with life.opened(newborn) as living:
        for _ in range(2):
            incidents.take_up(living.state, living.paths.private, living.log)
        (one,) = living.state.overseen.incidents.values()
        assert "does not verify" in one.now["title"] and one.now["trigger"] is None
    assert audit(newborn / ".selfproof" / "ledger")["ok"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"due_at": {"eu-ai-act-73": "2026-08-30T14:00:00Z"}}, "do not follow"),
        ({"severity": "internal"}, "do not follow"),
        ({"aware_at": "2026-06-29T14:00:00Z"}, "known before"),
        ({"trigger": 0}, "calls for no incident"),
        ({"charter": "0" * 64}, "not the one in force"),
        ({"title": ""}, "must be a text"),
        ({"severity": "harmless"}, "malformed"),
        ({"by": 3}, "must be a text"),
    ],
)
def test_a_clock_that_is_wrong_is_found_by_the_auditor(newborn: Path, change: dict[str, Any], says: str) -> None:
    state = state_of(newborn)
    body = incidents.begun(state, "t", "w", "serious", AWARE, AWARE, "ann", None)
    ledger = Ledger.open(newborn / ".selfproof" / "ledger", newborn / ".selfproof" / "key")
    ledger.append("incident", body | change, durable=True)
    ledger.close()
    found = audit(newborn / ".selfproof" / "ledger")
    assert not found["ok"] and found["first_bad"]["kind"] == "incident" and says in found["first_bad"]["reason"]
