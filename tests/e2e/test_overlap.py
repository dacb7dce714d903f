"""Racing goes on while a confirmation is open; one that is timed has the machine to itself."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def between(events: list[Event], objective: str) -> list[set[str]]:
    """For each confirmation of an objective, the kinds of events between its first word and its verdict."""
    found = []
    for first, event in enumerate(events):
        if event["event"] == "confirm" and event["pairs"] == 0 and event["objective"] == objective:
            last = next(i for i in range(first, len(events)) if events[i]["event"] == "verdict")
            assert events[last]["id"] == event["id"], "two confirmations at a time"
            found.append({e["event"] for e in events[first:last]})
    return found


def test_candidates_race_while_one_is_confirmed(life: Any) -> None:
    seen = between(life.events, "memory")
    assert seen and sum("race" in kinds for kinds in seen) >= len(seen) / 2
    assert all("decision" not in kinds for kinds in seen)


def test_nothing_runs_beside_a_clock(apprentice: Any) -> None:
    seen = between(apprentice.events, "operations")
    assert seen and all(kinds == {"confirm"} for kinds in seen)
