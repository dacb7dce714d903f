"""At which level the next confirmation of an objective is tested: one computation, for the line and for the auditor.

All of it follows from the entries before: the counter's k, the charter's alpha and mode, the objective's share, what
its samples are drawn from (its *pool*), and how many versions it has had adopted, rolled back or not: all of them on a
hold-out, those that were certified in mode "fdr", which an uncertified test must not raise. A pool is None
where samples are drawn fresh without end; else ``{"lifetime", "items", "digest"}``: a finite hold-out that may be used
``lifetime`` times, or, with ``lifetime`` None, a whole population, where nothing is left to chance (``certify.exact``).

Does not protect against: a person who gives the same hold-out, but for an item, to an objective of another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from selfproof.archive.state import State
from selfproof.certify import seeds, spending
from selfproof.certify.terms import Level, Test
from selfproof.charter import Charter

Pool = Mapping[str, Any] | None
OLD_PAIRS = 150
"""The most fresh pairs of a confirmation where the charter's entry is older than its ``confirm_pairs``."""


def pool_of(state: State, name: str) -> Pool:
    """What the samples of an objective or guard are drawn from, as the charter's last entry says."""
    pool: Pool = state.charter.get("pools", {}).get(name)
    return pool


def is_whole(pool: Pool) -> bool:
    """Whether the samples are all there is."""
    return pool is not None and pool["lifetime"] is None


def next_level(state: State, charter: Charter, name: str, *, control: bool = False) -> Level:
    """The level of a confirmation of objective ``name`` that starts now, or of a control experiment on it.

    Controls are never adopted and spend no budget. They are all tested at the level of a first confirmation, so that
    a gain which must be found can be found however many came before.
    """
    counter = f"control-{name}" if control else name
    k = state.counters.get(counter, 0) + 1
    alpha, weight, pool = state.charter["alpha"], state.weights[name], pool_of(state, name)
    if pool is not None and is_whole(pool):
        return Level(counter, k, 0.0, "exact", 2 * pool["items"])
    most = state.charter.get("confirm_pairs", OLD_PAIRS) if pool is None else pool["items"]
    test = cast(Test, charter.certify.test)
    if control:
        return Level(counter, k, spending.level(alpha, weight, 1), test, most)
    if pool is not None:
        adopted = state.adoptions(name)
        return Level(counter, k, spending.holdout_level(alpha, weight, pool["lifetime"], adopted), test, most)
    counted = state.adoptions(name, certified=True) if state.charter.get("mode") == "fdr" else 0
    return Level(counter, k, spending.level(alpha, weight, k, fdr_adoptions=counted), test, most)


def retired(state: State, name: str) -> str | None:
    """Why no confirmation of this objective may be started any more, or None."""
    pool = pool_of(state, name)
    if pool is None or is_whole(pool):
        return None
    k, adopted, items = state.counters.get(name, 0) + 1, state.adoptions(name), pool["items"]
    alpha, weight, lifetime = state.charter["alpha"], state.weights[name], pool["lifetime"]
    if not spending.holdout_is_retired(alpha, weight, lifetime, k, adopted, items):
        return None
    used = f"all {lifetime} confirmations of its hold-out are used"
    return used if k > lifetime else f"{items} samples cannot certify anything after {adopted} adoptions"


def order(state: State, body: Mapping[str, Any]) -> list[int]:
    """The numbers of a finite pool's samples in the order in which a confirmation asks for them, none twice.

    ``body`` is that of its ``confirm-start``. The order needs no secret, since nobody who proposes knows a sample; it
    hangs on nothing that a new epoch changes, so that a confirmation which goes on later repeats no sample. A whole
    population is run in order, then once more.
    """
    pool, key = body["pool"], bytes.fromhex(state.genesis["search_seed"])
    numbers = list(range(pool["items"]))
    if is_whole(pool):
        return numbers * 2
    purpose = "order", body["candidate"], body["counter"], body["k"]
    return sorted(numbers, key=lambda number: seeds.derive(key, *purpose, number))


def forbidden_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Why what ``after`` says of mode and pools cannot follow ``before`` in one life, or None; bodies of entries."""
    modes = before.get("mode", "fwer"), after.get("mode", "fwer")
    if modes[0] != modes[1]:
        return f"the mode is {modes[1]}, this life began with {modes[0]}: its certificates would claim two things"
    for name in before["weights"]:
        old, new = before.get("pools", {}).get(name), after.get("pools", {}).get(name)
        if old != new and not (is_whole(old) and is_whole(new)):
            return f"the samples of objective {name} are no longer drawn from what they were drawn from"
    return None


def shared_holdout(pools: Mapping[str, Pool]) -> str | None:
    """Why these pools, by objective or guard, cannot be in one life, or None: each would spend one hold-out by itself.

    The union over its transcripts is for one string of answers; those of a second asker would be let out besides.
    """
    for name, pool in pools.items():
        for other, its in pools.items():
            if pool and its and name != other and pool["digest"] == its["digest"] and not is_whole(pool):
                return f"{name} and {other} use the same finite hold-out"
    return None
