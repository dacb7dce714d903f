"""The gate for weights: a race on search seeds, then fresh pairs until the bet decides. Recorded like any confirmation.

A kill in between leaves it open, and the next call goes on with the wealth that it had, at the next unused seed; if
anything is another then (incumbent, charter, epoch, parents), it is given up and its level stays spent.

Does not protect against: weights that are better on this life's held-out versions and nowhere else.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from selfproof.archive.evidence import pack, unpack
from selfproof.archive.state import ModelTest
from selfproof.certify.effect import mean_interval
from selfproof.certify.judging import gate_for
from selfproof.certify.pairs import quality_pair
from selfproof.certify.terms import Rule, Verdict
from selfproof.life import Life
from selfproof.nouns import Event, UsageError
from selfproof.tuning.pairs import Pairs, Parent, Side, Weights
from selfproof.tuning.rule import NOT_COVERED, RACED, incumbent_of, leads, next_rule

LEAST_PARENTS = 3
SIDES = ("incumbent", "candidate")
GAINS = ("incumbent", "candidate_gain")
CUT_OFF = "it was cut off, and what it began with has changed: its level stays spent"


def judged(life: Life, candidate: str, pairs: Pairs, sides: Sequence[Weights]) -> Iterator[Event]:
    """Judge new weights; ``sides`` are the incumbent and the candidate. The last event is the verdict.

    Raises:
        UsageError: too few versions are held out to ask about.
    """
    if len(pairs.parents) < LEAST_PARENTS:
        raise UsageError(
            f"{len(pairs.parents)} versions of this life are held out, new weights need at least {LEAST_PARENTS}",
            advice="Let the program run longer: one version in five is held out.",
        )
    incumbent = incumbent_of(life.state, candidate)
    opened = life.state.open_model_test
    if opened is not None and not _goes_on(life, opened, candidate, pairs):
        give_up(life, opened)
        opened = None
    if opened is None:
        rows = yield from _raced(life, candidate, incumbent, pairs, sides)
        differences = [quality_pair(row, "higher").y for row in rows]
        if not leads(differences):
            yield {"event": "model-verdict", "answer": "refused", "candidate": candidate, "pairs": 0, "alpha_k": 0.0,
                   "reason": "it does not lead in its race, so no confirmation was begun and no alpha is spent",
                   **_means(rows)}  # fmt: skip
            return
        opened = _started(life, candidate, incumbent, pairs, differences)
    yield from _confirmed(life, opened, pairs, sides)


def give_up(life: Life, test: ModelTest) -> None:
    """End a confirmation that cannot go on; its level stays spent."""
    gate = gate_for(Rule(**test.body["rule"]))
    for row in _recorded(life, test):
        gate.add(quality_pair(row, "higher"))
    _verdict(life, test, gate.verdict, "refused", CUT_OFF)


def _goes_on(life: Life, opened: ModelTest, candidate: str, pairs: Pairs) -> bool:
    """Whether what is open was begun with all that it would go on with."""
    life.fresh_seed("ready")
    now = {"candidate": candidate, "incumbent": incumbent_of(life.state, candidate), "edits": pairs.edits,
           "charter": life.state.charter["charter"], "epoch": life.state.epoch}  # fmt: skip
    return all(opened.body[key] == value for key, value in now.items())


def _raced(
    life: Life, candidate: str, incumbent: str, pairs: Pairs, sides: Sequence[Weights]
) -> Generator[Event, None, list[tuple[float, ...]]]:
    """The race on search seeds: always the same pairs for the same weights."""
    before, found = life.trials, []
    for j in range(RACED):
        seed = life.search_seed("local model", candidate, "race", j)
        found.append(pairs.measure(seed, pairs.parents, sides))
        yield _pair("model-race", j + 1, found[-1])
    rows = [_row(one) for one in found]
    life.log(
        "model-race",
        {"candidate": candidate, "incumbent": incumbent, "trials": life.trials - before,
         "pairs": life.blob(pack({"candidate": candidate, **_counts(found)}, rows))},
    )  # fmt: skip
    return rows


def _started(life: Life, candidate: str, incumbent: str, pairs: Pairs, differences: Sequence[float]) -> ModelTest:
    """Log what is about to be confirmed, and at which level, before any of its seeds exists."""
    life.fresh_seed("ready")
    k, weight, rule = next_rule(life.state, differences)
    gate_for(rule)  # a rule that the gate would not take must not reach the ledger
    leaf = life.log(
        "model-start",
        {"candidate": candidate, "incumbent": incumbent, "k": k, "weight": weight, "alpha_k": rule.level,
         "edits": pairs.edits, "parents": life.stored([list(one) for one in pairs.parents]),
         "rule": asdict(rule), "epoch": life.state.epoch, "charter": life.state.charter["charter"]},
        durable=True,
    )  # fmt: skip
    return life.state.model_tests[leaf.index]


def _confirmed(life: Life, test: ModelTest, pairs: Pairs, sides: Sequence[Weights]) -> Iterator[Event]:
    """Fresh pairs until the bet decides; each is in the ledger before the next is drawn."""
    body, gate = test.body, gate_for(Rule(**test.body["rule"]))
    verdict, rows = gate.verdict, _recorded(life, test)
    for row in rows:
        verdict = gate.add(quality_pair(row, "higher"))
    parents = _parents(life, body["parents"])
    while verdict.answer == "undecided":
        life.pause_point()
        before, done = life.trials, len(rows)
        two = pairs.measure(life.fresh_seed("local model", body["candidate"], body["k"], done), parents, sides)
        rows.append(_row(two))
        verdict = gate.add(quality_pair(rows[-1], "higher"))
        life.log(
            "model-results",
            {"test": test.leaf, "first": done, "n": 1, "trials": life.trials - before, "epoch": life.state.epoch,
             "tier": life.jail.tier, "pairs": life.blob(pack({"test": test.leaf, **_counts([two])}, rows[-1:]))},
        )  # fmt: skip
        yield {**_pair("model-pair", done + 1, two), "wealth": verdict.log_wealth, "line": verdict.log_threshold}
    _verdict(life, test, verdict, verdict.answer, verdict.reason)
    yield {"event": "model-verdict", "answer": verdict.answer, "candidate": body["candidate"], "reason": verdict.reason,
           "pairs": verdict.pairs, "alpha_k": body["alpha_k"], **_means(rows)}  # fmt: skip


def _verdict(life: Life, test: ModelTest, verdict: Verdict, answer: str, reason: str) -> None:
    life.log(
        "model-verdict",
        {"test": test.leaf, "candidate": test.body["candidate"], "answer": answer, "reason": reason,
         "pairs": verdict.pairs, "log_wealth": verdict.log_wealth, "log_threshold": verdict.log_threshold,
         "not_covered": list(NOT_COVERED)},
        durable=True,
    )  # fmt: skip


def _recorded(life: Life, test: ModelTest) -> list[tuple[float, ...]]:
    return [row for digest in test.evidence for row in unpack(life.ledger.get_blob(digest))[1]]


def _parents(life: Life, stored: Any) -> list[Parent]:
    """The versions that a confirmation began with."""
    rows = json.loads(life.ledger.get_blob(stored["$blob"])) if isinstance(stored, dict) else stored
    return [(str(name), str(parent)) for name, parent in rows]


def _row(two: Sequence[Side]) -> tuple[float, ...]:
    return tuple(side.score for side in two)


def _counts(found: Sequence[Sequence[Side]]) -> dict[str, list[int]]:
    """Of both sides: answers that could be read as edits, new edits, and edits that ran."""
    return {
        what: [sum(getattr(two[side], what) for two in found) for side in (0, 1)] for what in ("read", "new", "ran")
    }


def _pair(event: str, number: int, two: Sequence[Side]) -> Event:
    return {"event": event, "pair": number, **{name: asdict(side) for name, side in zip(SIDES, two, strict=True)}}


def _means(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """What both sides gained on average, and their difference with a 95% interval: from the pairs that decided."""
    effect = mean_interval([quality_pair(row, "higher").y for row in rows])
    means = [statistics.fmean(row[side] for row in rows) for side in (0, 1)]
    return {**dict(zip(GAINS, means, strict=True)), "difference": effect.value, "interval": [effect.low, effect.high]}
