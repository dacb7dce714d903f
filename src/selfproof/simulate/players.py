"""Proposers that adapt to what they see, each trying to get one lucky change certified in a world without gains.

They see more than a real proposer does: every verdict with its pairs and wealth, and a confirmation while it runs.

``resubmits``    what was refused comes again with a comment, and keeps the race that it won
``watches``      waits for others' verdicts, and proposes only while they come close
``copies``       near-copies of the candidate that came closest so far
``switches``     three objectives; always the one with most alpha left
``kills``        a metric that is deterministic for each seed: ends the engine when the wealth falls. It goes on with
                 the same wealth at the next unused seed
``abandons``     a timing: ends the engine when the wealth falls; the confirmation is abandoned, its alpha spent
``grinds``       changes a comment until the first pairs on the new seeds look well; each try is another k
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from selfproof.certify.judging import gate_for
from selfproof.certify.terms import Pair, Verdict
from selfproof.simulate.gates import Candidate, Played, Race
from selfproof.simulate.noise import Rng

Step = tuple[float, Played]
Player = Callable[[Race, Callable[[], Candidate], Rng], Iterator[Step]]

TRIES = 20
KILLS = 5
LOOK = 3
FALLEN = -0.3
"""A log-wealth below which an impatient proposer gives up."""


def _next_finalist(life: Race, new: Callable[[], Candidate]) -> Generator[Step, None, tuple[Candidate, list[float]]]:
    """Propose until a candidate wins its race; returns it with the race's differences."""
    while True:
        candidate = new()
        differences = life.race(candidate)
        if life.wins(differences):
            return candidate, differences
        yield candidate.effect, Played(False, life.race_runs(differences))


def _played(life: Race, differences: list[float], verdict: Verdict) -> Played:
    return Played(verdict.answer == "certified", life.race_runs(differences) + 2 * verdict.pairs, verdict)


def resubmits(life: Race, new: Callable[[], Candidate], rng: Rng) -> Iterator[Step]:
    """See the module."""
    del rng
    while True:
        candidate, differences = yield from _next_finalist(life, new)
        for _ in range(TRIES):
            verdict = life.confirm(life.open(differences), candidate.fresh())
            yield candidate.effect, _played(life, differences, verdict)
            if verdict.answer == "certified":
                break


def watches(life: Race, new: Callable[[], Candidate], rng: Rng) -> Iterator[Step]:
    """See the module."""
    del rng
    seen = [0.0]
    while True:
        candidate, differences = yield from _next_finalist(life, new)
        if seen[-1] < sorted(seen)[len(seen) // 2] and len(seen) % 3:
            seen.append(seen[-1] + 0.1)  # a bad day: it lets this one pass
            continue
        verdict = life.confirm(life.open(differences), candidate.fresh())
        seen.append(verdict.log_wealth)
        yield candidate.effect, _played(life, differences, verdict)


def copies(life: Race, new: Callable[[], Candidate], rng: Rng) -> Iterator[Step]:
    """See the module."""
    best: tuple[float, Candidate, list[float]] | None = None
    while True:
        if best is None:
            candidate, differences = yield from _next_finalist(life, new)
        else:
            _, candidate, like = best
            size = sum(map(abs, like)) / len(like)
            differences = [y + 0.1 * size * e for y, e in zip(like, rng.standard_normal(len(like)), strict=True)]
        verdict = life.confirm(life.open(differences), candidate.fresh())
        yield candidate.effect, _played(life, differences, verdict)
        if best is None or verdict.log_wealth > best[0]:
            best = verdict.log_wealth, candidate, differences
        elif rng.random() < 1 / TRIES:
            best = None


def switches(life: Race, new: Callable[[], Candidate], rng: Rng) -> Iterator[Step]:
    """See the module."""
    del rng
    while True:
        candidate, differences = yield from _next_finalist(life, new)
        richest = max(range(len(life.k)), key=life.next_level)
        verdict = life.confirm(life.open(differences, richest), candidate.fresh(), richest)
        yield candidate.effect, _played(life, differences, verdict)


def kills(life: Race, new: Callable[[], Candidate], rng: Rng) -> Iterator[Step]:
    """See the module."""
    del rng
    while True:
        candidate, differences = yield from _next_finalist(life, new)
        rule, recorded, left = life.open(differences), list[Pair](), KILLS
        gate, fresh = gate_for(rule), candidate.fresh()
        while (verdict := gate.verdict).answer == "undecided":
            recorded.append(next(fresh))
            gate.add(recorded[-1])
            if gate.verdict.log_wealth < FALLEN and left:
                left -= 1
                gate = gate_for(rule)  # the engine starts again, and takes the recorded pairs first
                for pair in recorded:
                    gate.add(pair)
        yield candidate.effect, _played(life, differences, verdict)


def abandons(life: Race, new: Callable[[], Candidate], rng: Rng) -> Iterator[Step]:
    """See the module."""
    del rng
    yield from _restarts(life, new, lambda verdict, _: verdict.log_wealth < FALLEN)


def grinds(life: Race, new: Callable[[], Candidate], rng: Rng) -> Iterator[Step]:
    """See the module."""
    del rng
    yield from _restarts(life, new, lambda verdict, pair: verdict.pairs <= LOOK and pair.y <= 0)


def _restarts(life: Race, new: Callable[[], Candidate], gives_up: Callable[[Verdict, Pair], bool]) -> Iterator[Step]:
    """Confirm a finalist again and again, giving up as soon as it looks bad, until one try is decided."""
    while True:
        candidate, differences = yield from _next_finalist(life, new)
        for _ in range(TRIES):
            gate, fresh = gate_for(life.open(differences)), candidate.fresh()
            verdict = gate.verdict
            while verdict.answer == "undecided":
                pair = next(fresh)
                verdict = gate.add(pair)
                if verdict.answer == "undecided" and gives_up(verdict, pair):
                    break  # abandoned; its alpha stays spent
            yield candidate.effect, _played(life, differences, verdict)
            if verdict.answer == "certified":
                break


PLAYERS: dict[str, Player] = {
    "resubmits": resubmits,
    "watches": watches,
    "copies": copies,
    "switches": switches,
    "kills": kills,
    "abandons": abandons,
    "grinds": grinds,
}
OBJECTIVES = {"switches": 3}
"""How many objectives a player's program has, if not one."""
