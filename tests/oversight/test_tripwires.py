"""What tripwires decide: pure functions over made states, so that each is seen to fire, to stay quiet, and to be told
once."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finite_program import CHARTER
from selfproof import charter as charters
from selfproof.archive import overseen
from selfproof.archive.state import Confirming, State, Version
from selfproof.examining.examination import LARGEST
from selfproof.examining.telling import WORDS, as_entry, in_words
from selfproof.nouns import UsageError
from selfproof.oversight import tripwires

PLAIN = charters.parse(CHARTER)
numbers = st.floats(min_value=0.01, max_value=1e6)


def with_steps(**steps: Any) -> charters.Charter:
    return replace(PLAIN, tripwires=replace(PLAIN.tripwires, **steps))


class Leaf:
    """What the fold reads of an entry."""

    def __init__(self, kind: str, body: dict[str, Any], index: int = 0) -> None:
        self.kind, self.body, self.index, self.time = kind, body, index, moment(index)
        self.commits: tuple[tuple[str, str], ...] = ()


def moment(minute: int) -> str:
    return (datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(minutes=minute)).isoformat()


def state_of(versions: int = 1, minutes: int = 1, **measured: dict[str, float | None]) -> State:
    """A life with this many adoptions, the newest of which was examined with these numbers."""
    state = State(weights={"suite": 0.4, "holdout": 0.4})
    for number in range(versions + 1):
        state.versions.append(Version(number, "", {}, number, moment(number * minutes), objective="suite"))
        if number:
            state.confirmations[number] = Confirming(number, "suite", {}, version=number)
    state.current = versions
    examined(state, versions, **measured)
    return state


def examined(state: State, version: int, gain: float = 1.0, cpu: float = 1.0, **measured: Any) -> None:
    body = {"version": version, "measured": measured, "gain": gain, "cpu_since": cpu, "trials": state.trials}
    overseen.apply(state.overseen, Leaf("examined", body))


def told(state: State, charter: charters.Charter) -> Iterator[tripwires.Finding]:
    """Write down what is found, as the engine does."""
    for finding in tripwires.findings(state, charter):
        overseen.apply(state.overseen, Leaf("tripwire", as_entry(state, finding)))
        yield finding


@given(numbers, st.lists(st.tuples(st.sampled_from(tripwires.ANSWERS), numbers), max_size=6))
def test_the_strongest_step_that_is_reached_answers(value: float, steps: list[tuple[str, float]]) -> None:
    written = tuple(f"{answer} {limit:.9f}" for answer, limit in steps)
    rank = tripwires.ANSWERS.index
    hit = [rank(step.split()[0]) for step in written if value >= float(step.split()[1])]
    found = tripwires.reached(written, value)
    assert (rank(found[0]) if found else -1) == max(hit, default=-1)
    assert found is None or found[1] <= value


@given(st.lists(st.tuples(st.sampled_from(tripwires.ANSWERS), numbers), min_size=1, max_size=4))
def test_a_number_that_is_none_reaches_every_step(steps: list[tuple[str, float]]) -> None:
    found = tripwires.reached(tuple(f"{answer} {limit:.9f}" for answer, limit in steps), math.nan)
    assert found is not None
    assert found[0] == max((answer for answer, _ in steps), key=tripwires.ANSWERS.index)


@pytest.mark.parametrize(
    "name", [n for n in tripwires.NAMES if n not in {"improver", "adoptions", "policy", "predictions"}]
)
@pytest.mark.parametrize("answer", tripwires.ANSWERS)
def test_what_was_measured_fires_and_stays_quiet_below(name: str, answer: str) -> None:
    charter = with_steps(**{name: (f"{answer} 2",)})
    assert [f for f in tripwires.findings(state_of(**{name: {"it": 1.99}}), charter) if f.name == name] == []
    (found,) = [f for f in tripwires.findings(state_of(**{name: {"it": 2.0}}), charter) if f.name == name]
    assert (found.subject, found.answer, found.measured, found.limit) == ("it", answer, 2.0, 2.0)
    assert tripwires.findings(state_of(**{name: {"it": 1e6}}), with_steps(**{name: ()})) == []
    (unknown,) = tripwires.findings(state_of(**{name: {"it": None}}), charter)
    assert unknown.answer == answer and "could not be measured" in in_words(unknown)
    assert as_entry(State(), unknown)["measured"] is None


def test_a_score_that_reached_0_is_told_without_a_ratio() -> None:
    tripped = with_steps(acceleration=("alert 2",))
    (beyond,) = [f for f in tripwires.findings(state_of(acceleration={"it": LARGEST}), tripped) if f.subject == "it"]
    assert in_words(beyond) == "it is better than at the start beyond any ratio: one of the two scores is 0"
    (large,) = [f for f in tripwires.findings(state_of(acceleration={"it": 40.0}), tripped) if f.subject == "it"]
    assert in_words(large) == "it is 40 times as good as at the start"


def test_a_finding_is_told_once_then_again_when_it_is_half_as_much_again_or_stronger() -> None:
    charter = with_steps(acceleration=("alert 2", "halt 5"))
    state = state_of(acceleration={"suite": 2.0})
    assert [f.answer for f in told(state, charter)] == ["alert"]
    assert list(told(state, charter)) == []
    for value, answers in [(2.9, []), (3.0, ["alert"]), (4.4, []), (5.0, ["halt"]), (7.4, []), (7.5, ["halt"])]:
        examined(state, 1, acceleration={"suite": value})
        assert [f.answer for f in told(state, charter)] == answers, value
    overseen.apply(state.overseen, Leaf("charter", {}))
    assert [f.answer for f in told(state, charter)] == ["halt"]


def test_a_number_that_is_none_is_told_once_too() -> None:
    state, charter = state_of(behaviour={"suite": None}), with_steps(behaviour=("alert 0.5",))
    assert len(list(told(state, charter))) == 1
    assert list(told(state, charter)) == []


def test_all_objectives_together_are_their_weighted_geometric_mean_and_what_was_taken_back_does_not_count() -> None:
    state = state_of(2, acceleration={"holdout": 8.0})
    examined(state, 1, acceleration={"suite": 2.0})
    rows = {subject: value for name, subject, value in tripwires.measured(state) if name == "acceleration"}
    assert rows == {"holdout": 8.0, "all objectives": pytest.approx(4.0)}
    state.versions[1].rolled_back = True
    assert "all objectives" not in {subject for _, subject, _ in tripwires.measured(state)}


def test_an_improver_that_gains_faster_than_at_the_beginning_is_seen() -> None:
    state = state_of(6)
    for number in range(1, 7):
        examined(state, number, gain=0.1 if number < 4 else 0.3, cpu=10.0)
    assert tripwires.improver_rate(state) == pytest.approx(3.0)
    (found,) = tripwires.findings(state, with_steps(improver=("alert 2",)))
    assert found.name == "improver" and found.measured == pytest.approx(3.0)
    del state.overseen.examined[6]
    assert tripwires.improver_rate(state) is None
    assert tripwires.improver_rate(state_of(1)) is None


def test_adoptions_are_counted_within_an_hour_of_the_newest() -> None:
    charter = with_steps(adoptions=("ask 5",))
    assert tripwires.findings(state_of(5, minutes=16), charter) == []
    (found,) = tripwires.findings(state_of(5, minutes=15), with_steps(adoptions=("ask 4",)))
    assert found.measured == 4
    state = state_of(5, minutes=10)
    assert [f.answer for f in told(state, charter)] == ["ask"]
    assert "5 adoptions within an hour" in state.overseen.asking
    overseen.apply(state.overseen, Leaf("charter", {}))
    assert state.overseen.asking == ""


def test_edits_against_the_policy_add_up_and_clumsy_ones_do_not() -> None:
    state = state_of(0)
    for minute, rules in [(0, {"import": 3}), (1500, {"import": 2, "syntax": 90}), (1501, {"dunder": 2})]:
        overseen.apply(state.overseen, Leaf("screened", {"objective": "suite", "rules": rules}, minute))
    rows = {name: value for name, _, value in tripwires.measured(state)}
    assert rows["policy"] == 4
    assert [f.name for f in tripwires.findings(state, with_steps(policy=("alert 4",)))] == ["policy"]
    assert tripwires.findings(state, with_steps(policy=("alert 5",))) == []


def test_predictions_count_from_the_newest_back_to_one_that_was_right() -> None:
    state = state_of(5)
    for number, inside in [(1, False), (2, True), (3, False), (4, None), (5, False)]:
        said = {} if inside is None else {"inside": inside}
        state.confirmations[number].certificate = {"prediction": said}
    assert tripwires.wrong_predictions(state) == (3, 2.0)
    (found,) = tripwires.findings(state, with_steps(predictions=("alert 2",)))
    assert found.subject == "since version 3"
    state.confirmations[5].certificate = {"prediction": {"inside": True}}
    assert tripwires.wrong_predictions(state) == (0, 0.0)


def test_nothing_is_adopted_while_it_cools_down() -> None:
    state = state_of(1)
    last = datetime.datetime.fromisoformat(state.versions[1].time)
    charter = with_steps(cooldown_s=60.0)
    assert tripwires.cooling(state, charter, last + datetime.timedelta(seconds=59)) is not None
    assert tripwires.cooling(state, charter, last + datetime.timedelta(seconds=60)) is None
    assert tripwires.cooling(state_of(0), charter, last) is None
    charter = with_steps(cooldown_trials=100)
    assert "100 trials" in str(tripwires.cooling(state, charter, last))
    state.trials = 100
    assert tripwires.cooling(state, charter, last) is None
    del state.overseen.examined[1]  # as after a kill: nobody has counted yet
    assert tripwires.cooling(state, charter, last) is not None


@pytest.mark.parametrize(
    "step", ["alert", "alert x", "warn 2", "alert 0", "alert -1", "alert nan", "halt 1e9", "alert 2 3"]
)
def test_a_step_that_means_nothing_is_no_charter(step: str) -> None:
    with pytest.raises(UsageError, match="has the step"):
        charters.parse(CHARTER + f'\n[tripwires]\nnovelty = ["{step}"]\n')


def test_by_default_everything_alerts_and_what_must_never_be_halts() -> None:
    halting = {n for n in tripwires.NAMES for step in getattr(PLAIN.tripwires, n) if step.startswith("halt")}
    assert halting == {"must_fail", "probes"}
    assert all(getattr(PLAIN.tripwires, name) for name in tripwires.NAMES)
    assert set(WORDS) == set(tripwires.NAMES)
